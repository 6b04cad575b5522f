/* The HTTP server: what a hostile, broken or slow guest does not get, and that others are served meanwhile. */
#include "tests/unit/boot/http.h"

static void nothing_leads_out_of_the_folder(void **state)
{
        struct place *place = *state;
        static const char *const targets[] = {
                "/../secret", "/../../../../../../etc/passwd", "/..%2fsecret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/%2E./secret",
                "//etc/passwd", "///etc/passwd", "/x/../../secret", "/./../secret", "/%2fetc%2fpasswd", "/..\\secret", "/..%5csecret",
                "/%252e%252e/secret", "/..;/secret", "/...//secret", "/secret%00", "/%00/../secret", "/absolute", "/relative",
                "/outside/secret", "/outside/", "/etc/passwd", "/proc/self/environ", "/self/environ", "http://x/../secret", "http://x",
                "../secret", "..", "*", "%2e%2e/secret", "file:///etc/passwd", "/%", "/%2", "/%zz", "/%c0%ae%c0%ae/secret",
        };
        static const struct { const char *name, *to; } links[] = {
                { "relative", "../secret" }, { "outside", ".." }, { "absolute", "/etc/passwd" }, { "self", "/proc/self" },
        };

        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
                autofree char *link = bk_format("%s/%s", place->folder, links[i].name);

                assert_int_equal(symlink(links[i].to, link), 0);
        }
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
                autofree char *answer = get(place, targets[i]);

                print_message("# %s: %u\n", targets[i], status_of(answer));
                assert_null(strstr(answer, "secret\n"));
                assert_null(strstr(answer, "root:"));
                assert_null(strstr(answer, "PATH="));
                assert_true(status_of(answer) >= 400 || strstr(body_of(answer), "<ul>") != NULL || status_of(answer) == 301);
        }
}

static void a_link_inside_the_folder_is_followed(void **state)
{
        struct place *place = *state;
        autofree char *link = bk_format("%s/link", place->folder), *absolute = bk_format("%s/absolute", place->folder);

        put(place, "ks.cfg", "ks\n");
        assert_int_equal(symlink("../../ks.cfg", link), 0);
        assert_int_equal(symlink("/ks.cfg", absolute), 0);
        start(place, (struct boot_http_config){ 0 });
        autofree char *one = get(place, "/link"), *two = get(place, "/absolute");

        assert_string_equal(body_of(one), "ks\n");
        assert_string_equal(body_of(two), "ks\n");
}

static void what_is_no_file_does_not_hang(void **state)
{
        struct place *place = *state;
        autofree char *fifo = bk_format("%s/fifo", place->folder), *loop = bk_format("%s/loop", place->folder);

        assert_int_equal(mkfifo(fifo, 0644), 0);
        assert_int_equal(symlink("loop", loop), 0);
        start(place, (struct boot_http_config){ 0 });
        autofree char *one = get(place, "/fifo"), *two = get(place, "/loop");

        assert_int_equal(status_of(one), 403);
        assert_int_equal(status_of(two), 404);
}

/* Whatever it answers, it lives, and serves the next. */
static void still_serves(const struct place *place)
{
        autofree char *answer = get(place, "/ks.cfg");

        assert_string_equal(body_of(answer), "ks\n");
}

static void garbage_is_survived(void **state)
{
        struct place *place = *state;
        static const struct { const char *why, *bytes; size_t length; } cases[] = {
#define BYTES(text) text, sizeof text - 1
                { "a TLS hello", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n") },
                { "no request", BYTES("\r\n\r\n\r\n") },
                { "no version", BYTES("GET /ks.cfg\r\n\r\n") },
                { "a NUL in the path", BYTES("GET /ks.cfg\0/../../secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") },
                { "a NUL in a header", BYTES("GET /ks.cfg HTTP/1.1\r\nHost: x\0y\r\nConnection: close\r\n\r\n") },
                { "blanks in the path", BYTES("GET /ks.cfg /secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") },
                { "escapes of a terminal", BYTES("GET /\x1b[2J\x07\x7f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") },
                { "HTTP/9.9", BYTES("GET /ks.cfg HTTP/9.9\r\nHost: x\r\nConnection: close\r\n\r\n") },
                { "no colon", BYTES("GET /ks.cfg HTTP/1.1\r\nHost\r\nConnection: close\r\n\r\n") },
                { "a length that is none", BYTES("GET /ks.cfg HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n") },
                { "a chunked body", BYTES("GET /ks.cfg HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n") },
#undef BYTES
        };

        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoclose int fd = dial(boot_http_port(place->http));

                print_message("# %s\n", cases[i].why);
                assert_int_equal(send(fd, cases[i].bytes, cases[i].length, MSG_NOSIGNAL), (ssize_t)cases[i].length);
                assert_int_equal(shutdown(fd, SHUT_WR), 0);
                still_serves(place);
                /* What never was a request may hang until its time-out, so nothing is waited for. */
                char answer[4096] = "";

                assert_true(recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT) < (ssize_t)sizeof answer - 1);
                assert_null(strstr(answer, "secret\n"));
        }
        autofree char *log = boot_http_log(place->http);

        for (const char *p = log; *p != '\0'; p++)
                assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
}

static void headers_without_end_are_cut_off(void **state)
{
        struct place *place = *state;
        static const char *const starts[] = { "GET /ks.cfg HTTP/1.1\r\nX: ", "GET /", "" };
        char block[65536];

        memset(block, 'a', sizeof block);
        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
                autoclose int fd = dial(boot_http_port(place->http));
                size_t sent = 0;

                print_message("# '%.20s'...\n", starts[i]);
                assert_true(send(fd, starts[i], strlen(starts[i]), MSG_NOSIGNAL) >= 0);
                for (ssize_t put_ = 0; put_ >= 0 && sent < 10 << 20; sent += (size_t)(put_ > 0 ? put_ : 0))
                        put_ = send(fd, block, sizeof block, MSG_NOSIGNAL);
                assert_true(sent < 10 << 20);           /* it hung up before all was there */
                still_serves(place);
        }
}

static void slow_and_gone_clients_hold_up_nobody(void **state)
{
        struct place *place = *state;
        int half[8];

        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof half / sizeof *half; i++) {
                half[i] = dial(boot_http_port(place->http));
                assert_int_equal(send(half[i], "GET /ks.cfg HT", 14, MSG_NOSIGNAL), 14);
        }
        still_serves(place);
        for (size_t i = 1; i < sizeof half / sizeof *half; i++)
                assert_int_equal(close(half[i]), 0);
        still_serves(place);
        assert_int_equal(send(half[0], "TP/1.0\r\n\r\n", 10, MSG_NOSIGNAL), 10);
        autofree char *answer = hear(half[0], NULL);

        assert_string_equal(body_of(answer), "ks\n");
        assert_int_equal(close(half[0]), 0);
}

static void connections_over_the_limit_wait_for_their_turn(void **state)
{
        struct place *place = *state;
        static const char request[] = "GET /ks.cfg HTTP/1.0\r\n\r\n";
        int fds[80];
        const size_t last = sizeof fds / sizeof *fds - 1;

        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i <= last; i++)
                fds[i] = dial(boot_http_port(place->http));
        assert_int_equal(send(fds[last], request, sizeof request - 1, MSG_NOSIGNAL), (ssize_t)sizeof request - 1);
        for (size_t i = 0; i < last; i++)
                assert_int_equal(close(fds[i]), 0);
        autofree char *answer = hear(fds[last], NULL);

        assert_string_equal(body_of(answer), "ks\n");
        assert_int_equal(close(fds[last]), 0);
        still_serves(place);
}

static void stopping_waits_for_no_guest(void **state)
{
        struct place *place = *state;
        autofree char *path = make_big(place);
        static const char whole[] = "GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n";

        start(place, (struct boot_http_config){ 0 });
        autoclose int idle = dial(boot_http_port(place->http)), half = dial(boot_http_port(place->http));
        autoclose int slow = dial(boot_http_port(place->http));
        char chunk[100];

        assert_int_equal(send(half, "GET /big", 8, MSG_NOSIGNAL), 8);
        assert_int_equal(send(slow, whole, sizeof whole - 1, MSG_NOSIGNAL), (ssize_t)sizeof whole - 1);
        assert_true(recv(slow, chunk, sizeof chunk, 0) > 0);
        boot_http_stop(bk_take(place->http));
        free(hear(idle, NULL));
        free(hear(half, NULL));
        free(hear(slow, NULL));
}

static void who_leaves_amid_a_big_file_harms_nobody(void **state)
{
        struct place *place = *state;
        autofree char *path = make_big(place);
        static const char whole[] = "GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n";
        const struct linger at_once = { .l_onoff = 1 };
        char chunk[100];

        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        autoclose int slow = dial(boot_http_port(place->http));

        assert_int_equal(send(slow, whole, sizeof whole - 1, MSG_NOSIGNAL), (ssize_t)sizeof whole - 1);
        assert_true(recv(slow, chunk, sizeof chunk, 0) > 0);    /* reads no more: its socket is full */
        for (int i = 0; i < 10; i++) {
                autoclose int fd = dial(boot_http_port(place->http));

                assert_int_equal(send(fd, whole, sizeof whole - 1, MSG_NOSIGNAL), (ssize_t)sizeof whole - 1);
                assert_true(recv(fd, chunk, sizeof chunk, 0) > 0);
                assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        }
        still_serves(place);
        assert_int_equal(truncate(path, 1000), 0);              /* the slow one's file shrinks under it */
        while (recv(slow, chunk, sizeof chunk, MSG_DONTWAIT) > 0)
                ;
        still_serves(place);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(nothing_leads_out_of_the_folder),
                TEST(a_link_inside_the_folder_is_followed),
                TEST(what_is_no_file_does_not_hang),
                TEST(garbage_is_survived),
                TEST(headers_without_end_are_cut_off),
                TEST(slow_and_gone_clients_hold_up_nobody),
                TEST(connections_over_the_limit_wait_for_their_turn),
                TEST(stopping_waits_for_no_guest),
                TEST(who_leaves_amid_a_big_file_harms_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
