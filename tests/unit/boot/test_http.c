/* The HTTP server: what a guest gets, and what is told about it. */
#include "tests/unit/boot/http.h"

#include <pthread.h>

#include "lib/digest.h"
#include "lib/run.h"

/* --- serving ----------------------------------------------------------------- */

static void files_and_texts_are_served(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv names = LIST("/preseed.cfg", "no-slash", "/deep/er/ks.cfg");
        autostrv struct bk_strv contents = LIST("from the template\n", "b\n", "c\n");
        static const struct { const char *target; unsigned status; const char *body; } cases[] = {
                { "/preseed.cfg", 200, "from the template\n" },         /* http_content wins */
                { "/other.cfg", 200, "other\n" },
                { "/no-slash", 200, "b\n" },
                { "/deep/er/ks.cfg", 200, "c\n" },
                { "//deep/./er/../er/ks.cfg", 200, "c\n" },
                { "/%6fther%2Ecfg", 200, "other\n" },
                { "/other.cfg?mac=52:54:00", 200, "other\n" },
                { "http://10.0.2.2:8000/other.cfg", 200, "other\n" },
                { "/a%20b%C3%A9", 200, "blank\n" },
                { "/a+b", 200, "plus\n" },
                { "/empty", 200, "" },
                { "/other.cfg/", 404, "404 Not Found\n" },
                { "/nothing", 404, "404 Not Found\n" },
                { "/deep/nothing", 404, "404 Not Found\n" },
        };

        put(place, "preseed.cfg", "from the folder\n");
        put(place, "other.cfg", "other\n");
        put(place, "a bé", "blank\n");
        put(place, "a+b", "plus\n");
        put(place, "empty", "");
        start(place, (struct boot_http_config){ .names = &names, .contents = &contents });
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *answer = get(place, cases[i].target);

                print_message("# %s\n", cases[i].target);
                assert_int_equal(status_of(answer), cases[i].status);
                assert_string_equal(body_of(answer), cases[i].body);
        }
}

static void types_follow_the_suffix_or_the_content(void **state)
{
        struct place *place = *state;
        static const struct { const char *name, *text, *type; } cases[] = {
                { "user-data", "#cloud-config\n", "text/plain; charset=utf-8" },
                { "ks.cfg", "lang en_US\n", "text/plain; charset=utf-8" },
                { "Autounattend.XML", "<a/>", "text/xml" },
                { "x.json", "{}", "application/json" },
                { "x.html", "<p>", "text/html; charset=utf-8" },
        };
        autofree char *binary = bk_format("%s/x.img", place->folder);
        struct bk_error err = { 0 };

        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *target = bk_format("/%s", cases[i].name), *wanted = bk_format("\r\nContent-Type: %s\r\n", cases[i].type);

                put(place, cases[i].name, cases[i].text);
                autofree char *answer = get(place, target);

                print_message("# %s\n", cases[i].name);
                assert_non_null(strstr(answer, wanted));
        }
        assert_ok(bk_publish_bytes(binary, "\177ELF\0\1", 6, 0644, &err), err);
        autofree char *answer = get(place, "/x.img");

        assert_non_null(strstr(answer, "\r\nContent-Type: application/octet-stream\r\n"));
}

static void head_sends_headers_alone(void **state)
{
        struct place *place = *state;

        put(place, "ks.cfg", "12345");
        start(place, (struct boot_http_config){ 0 });
        autofree char *answer = get_with(place, "HEAD", "/ks.cfg", ""), *none = get_with(place, "HEAD", "/none", "");

        assert_int_equal(status_of(answer), 200);
        assert_non_null(strstr(answer, "\r\nContent-Length: 5\r\n"));
        assert_string_equal(body_of(answer), "");
        assert_int_equal(status_of(none), 404);
        assert_string_equal(body_of(none), "");
        assert_int_equal(boot_http_served(place->http, NULL), 0);
}

static void other_methods_are_refused(void **state)
{
        struct place *place = *state;
        static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get" };

        put(place, "ks.cfg", "12345");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                autofree char *answer = get_with(place, methods[i], "/ks.cfg", "Content-Length: 0\r\n");

                print_message("# %s\n", methods[i]);
                assert_int_equal(status_of(answer), 405);
                assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
        }
        autofree char *body = get_with(place, "POST", "/ks.cfg", "Content-Length: 100000000\r\n");

        assert_int_equal(status_of(body), 405);
}

static void ranges_are_parts(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv names = LIST("/text"), contents = LIST("0123456789");
        static const struct { const char *range; unsigned status; const char *body, *content_range; } cases[] = {
                { "bytes=0-3", 206, "0123", "bytes 0-3/10" },
                { "bytes=0-0", 206, "0", "bytes 0-0/10" },
                { "bytes=4-", 206, "456789", "bytes 4-9/10" },
                { "bytes=-3", 206, "789", "bytes 7-9/10" },
                { "bytes=-300", 206, "0123456789", "bytes 0-9/10" },
                { "bytes=9-100", 206, "9", "bytes 9-9/10" },
                { "bytes=8-99999999999999999999999999", 206, "89", "bytes 8-9/10" },
                { "Bytes=1-1", 206, "1", "bytes 1-1/10" },
                { "bytes=10-", 416, NULL, "bytes */10" },
                { "bytes=10-12", 416, NULL, "bytes */10" },
                { "bytes=-0", 416, NULL, "bytes */10" },
                { "bytes=18446744073709551616-", 416, NULL, "bytes */10" },
                { "bytes=99999999999999999999999-", 416, NULL, "bytes */10" },
                { "bytes=5-3", 200, "0123456789", NULL },
                { "bytes=", 200, "0123456789", NULL },
                { "bytes=-", 200, "0123456789", NULL },
                { "bytes=a-b", 200, "0123456789", NULL },
                { "bytes=1-2x", 200, "0123456789", NULL },
                { "bytes=--1", 200, "0123456789", NULL },
                { "bytes=0-1,3-4", 200, "0123456789", NULL },           /* several may be ignored */
                { "lines=0-1", 200, "0123456789", NULL },
                { "bytes=0-1\r\nIf-Range: \"x\"", 200, "0123456789", NULL },
        };

        put(place, "file", "0123456789");
        start(place, (struct boot_http_config){ .names = &names, .contents = &contents });
        for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
                const char *target = i % 2 ? "/file" : "/text";
                autofree char *header = bk_format("Range: %s\r\n", cases[i / 2].range), *answer = get_with(place, "GET", target, header);
                autofree char *wanted = bk_format("\r\nContent-Range: %s\r\n", cases[i / 2].content_range ? cases[i / 2].content_range : "");

                print_message("# %s of %s\n", cases[i / 2].range, target);
                assert_int_equal(status_of(answer), cases[i / 2].status);
                if (cases[i / 2].body != NULL)
                        assert_string_equal(body_of(answer), cases[i / 2].body);
                if (cases[i / 2].content_range != NULL)
                        assert_non_null(strstr(answer, wanted));
                else
                        assert_null(strstr(answer, "Content-Range"));
        }
}

static void folders_have_an_index_or_a_listing(void **state)
{
        struct place *place = *state;
        autofree char *sub = bk_format("%s/sub dir", place->folder), *indexed = bk_format("%s/indexed", place->folder);
        autostrv struct bk_strv names = LIST("/sub dir/told", "/only/in/content"), contents = LIST("t", "o");
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(sub, &err), err);
        assert_ok(bk_mkdir_p(indexed, &err), err);
        put(place, "indexed/index.html", "<p>index\n");
        put(place, "sub dir/<script>&'\"", "x");
        put(place, "sub dir/javascript:alert(1)", "x");
        put(place, "sub dir/100%", "percent\n");
        start(place, (struct boot_http_config){ .names = &names, .contents = &contents });

        autofree char *moved = get(place, "/sub%20dir"), *page = get(place, "/sub%20dir/"), *index = get(place, "/indexed/");
        autofree char *root = get(place, "/"), *only = get(place, "/only/"), *none = get(place, "/none/"), *link = get(place, "/sub%20dir/100%25");

        assert_int_equal(status_of(moved), 301);
        assert_non_null(strstr(moved, "\r\nLocation: /sub%20dir/\r\n"));
        assert_int_equal(status_of(page), 200);
        assert_non_null(strstr(page, "<a href=\"./%3Cscript%3E%26%27%22\">&lt;script&gt;&amp;&#39;&quot;</a>"));
        assert_non_null(strstr(page, "<a href=\"./javascript%3Aalert%281%29\">"));
        assert_non_null(strstr(page, "<a href=\"./told\">"));
        assert_null(strstr(page, "<script"));
        assert_string_equal(body_of(link), "percent\n");
        assert_string_equal(body_of(index), "<p>index\n");
        assert_non_null(strstr(root, "<a href=\"./sub%20dir/\">sub dir/</a>"));
        assert_non_null(strstr(root, "<a href=\"./only/\">only/</a>"));
        assert_non_null(strstr(only, "<a href=\"./in/\">in/</a>"));
        assert_int_equal(status_of(none), 404);
}

static void a_redirect_leads_to_no_other_host(void **state)
{
        struct place *place = *state;
        autofree char *evil = bk_format("%s/evil.example", place->folder), *split = bk_format("%s/a\r\nX-Evil: 1", place->folder);
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(evil, &err), err);
        assert_ok(bk_mkdir_p(split, &err), err);
        start(place, (struct boot_http_config){ 0 });
        autofree char *answer = get(place, "//evil.example"), *header = get(place, "/a%0d%0aX-Evil:%201");

        assert_non_null(strstr(answer, "\r\nLocation: /evil.example/\r\n"));
        assert_int_equal(status_of(header), 301);
        assert_null(strstr(header, "\r\nX-Evil"));
}

/* --- large files ------------------------------------------------------------- */

static void a_big_file_comes_whole_and_in_parts(void **state)
{
        struct place *place = *state;
        autofree char *path = make_big(place), *digest = NULL, *file = NULL;
        struct bk_error err = { 0 };
        size_t length, file_length;

        start(place, (struct boot_http_config){ 0 });
        static const char whole[] = "GET /big.iso HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        static const char part[] = "GET /big.iso HTTP/1.1\r\nHost: x\r\nRange: bytes=20000001-49999999\r\nConnection: close\r\n\r\n";
        const int64_t before = bk_now_ms();
        autofree char *answer = exchange(boot_http_port(place->http), whole, sizeof whole - 1, &length);

        print_message("# 50 MiB in %lld ms\n", (long long)(bk_now_ms() - before));
        assert_ok(bk_digest_file(path, &digest, &err), err);
        const char *body = body_of(answer);
        autofree char *got = bk_digest_bytes(body, length - (size_t)(body - answer));

        assert_string_equal(got, digest);
        assert_ok(bk_read_file(path, BIG, &file, &file_length, &err), err);
        autofree char *some = exchange(boot_http_port(place->http), part, sizeof part - 1, &length);

        assert_int_equal(status_of(some), 206);
        body = body_of(some);
        assert_int_equal(length - (size_t)(body - some), 29999999);
        assert_memory_equal(body, file + 20000001, 29999999);
}

static void tools_of_guests_can_fetch(void **state)
{
        struct place *place = *state;
        autofree char *url = NULL, *out = NULL, *again = NULL;
        struct bk_error err = { 0 };

        need("curl");
        need("wget");
        put(place, "ks.cfg", "0123456789");
        start(place, (struct boot_http_config){ 0 });
        url = bk_format("http://127.0.0.1:%u/ks.cfg", boot_http_port(place->http));
        assert_ok(bk_run((const char *const[]){ "curl", "-sS", "-f", "--noproxy", "*", "-r", "2-5", url, NULL }, 20000, &out, &err), err);
        assert_string_equal(out, "2345");
        assert_ok(bk_run((const char *const[]){ "wget", "-q", "--no-proxy", "-O", "-", url, NULL }, 20000, &again, &err), err);
        assert_string_equal(again, "0123456789");
}

/* --- counts and lines -------------------------------------------------------- */

struct heard { pthread_mutex_t lock; struct bk_buf text; };

static void hear_line(void *arg, const char *line)
{
        struct heard *heard = arg;

        (void)pthread_mutex_lock(&heard->lock);
        bk_buf_printf(&heard->text, "%s\n", line);
        (void)pthread_mutex_unlock(&heard->lock);
}

static void every_answer_is_told(void **state)
{
        struct place *place = *state;
        struct heard heard = { .lock = PTHREAD_MUTEX_INITIALIZER };
        autofree char *longer = bk_alloc(2001), *log = NULL;
        static const char wanted[] =
                "GET /preseed.cfg 200 10 from 127.0.0.1\n"
                "HEAD /preseed.cfg 200 0 from 127.0.0.1\n"
                "GET //preseed.cfg 206 3 from 127.0.0.1\n"
                "GET /%2e%2e/none 404 14 from 127.0.0.1\n"
                "POST / 405 23 from 127.0.0.1\n"
                "GET /\\x1b[31m\\xc3\\xa9 404 14 from 127.0.0.1\n"
                "GET /%1b%0a 404 14 from 127.0.0.1\n"
                "GET /%00 400 16 from 127.0.0.1\n";

        put(place, "preseed.cfg", "0123456789");
        start(place, (struct boot_http_config){ .on_request = hear_line, .arg = &heard });
        free(get(place, "/preseed.cfg"));
        free(get_with(place, "HEAD", "/preseed.cfg", ""));
        free(get_with(place, "GET", "//preseed.cfg", "Range: bytes=-3\r\n"));
        free(get(place, "/%2e%2e/none"));
        free(get_with(place, "POST", "/", ""));
        free(get(place, "/\x1b[31mé"));
        free(get(place, "/%1b%0a"));
        free(get(place, "/%00"));
        log = boot_http_log(place->http);
        assert_string_equal(log, wanted);
        assert_string_equal(heard.text.data, wanted);
        assert_int_equal(boot_http_served(place->http, "/preseed.cfg"), 2);
        assert_int_equal(boot_http_served(place->http, "preseed.cfg"), 2);
        assert_int_equal(boot_http_served(place->http, "/none"), 0);
        assert_int_equal(boot_http_served(place->http, NULL), 2);

        memset(longer, '/', 1);
        memset(longer + 1, 'a', 1999);
        bk_buf_done(&heard.text);
        free(get(place, longer));
        assert_true(heard.text.len < 320);
        assert_non_null(strstr(heard.text.data, "a... 404 14 from"));
        for (int i = 0; i < 300; i++) {
                autofree char *target = bk_format("/n%d", i);

                free(get(place, target));
        }
        free(log);
        log = boot_http_log(place->http);
        assert_int_equal(strncmp(log, "GET /n100 404", 13), 0);
        assert_non_null(strstr(log, "GET /n299 404"));
        bk_buf_done(&heard.text);
}

static void *fetch_many(void *arg)
{
        for (int i = 0; i < 100; i++) {
                autofree char *answer = get(arg, "/ks.cfg"), *log = boot_http_log(((struct place *)arg)->http);

                if (!bk_streq(body_of(answer), "ks\n") || *log == '\0' || boot_http_served(((struct place *)arg)->http, "/ks.cfg") == 0)
                        return arg;
        }
        return NULL;
}

static void counts_are_right_from_many_threads(void **state)
{
        struct place *place = *state;
        pthread_t threads[4];

        put(place, "ks.cfg", "ks\n");
        start(place, (struct boot_http_config){ 0 });
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, fetch_many, place), 0);
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
                void *wrong;

                assert_int_equal(pthread_join(threads[i], &wrong), 0);
                assert_null(wrong);
        }
        assert_int_equal(boot_http_served(place->http, "/ks.cfg"), 400);
}

/* --- ports ------------------------------------------------------------------- */

/* A port that is bound by the test; the one after it is free or not. */
static int occupy(unsigned *ret_port)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof at;
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
        *ret_port = ntohs(at.sin_port);
        return fd;
}

static void a_taken_port_is_stepped_over(void **state)
{
        struct place *place = *state;
        unsigned taken;
        autoclose int fd = occupy(&taken);

        for (int i = 0; i < 20; i++) {
                start(place, (struct boot_http_config){ .port_min = taken, .port_max = taken + 20 < 65536 ? taken + 20 : 65535 });
                assert_true(boot_http_port(place->http) > taken && boot_http_port(place->http) <= taken + 20);
                boot_http_stop(bk_take(place->http));
        }
}

static void an_exhausted_range_is_named(void **state)
{
        struct place *place = *state;
        unsigned taken;
        autoclose int fd = occupy(&taken);
        const struct boot_http_config config = { .folder = place->folder, .port_min = taken, .port_max = taken };
        autofree char *range = bk_format("from %u to %u", taken, taken);
        struct bk_error err = { 0 };

        assert_fails_with(boot_http_start(&config, &place->http, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, range));
        assert_null(place->http);
}

static void two_servers_keep_apart(void **state)
{
        struct place *one = *state, two = { .folder = bk_format("%s/two", one->path) };
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(two.folder, &err), err);
        put(one, "ks.cfg", "one\n");
        put(&two, "ks.cfg", "two\n");
        start(one, (struct boot_http_config){ 0 });
        start(&two, (struct boot_http_config){ 0 });
        autofree char *first = get(one, "/ks.cfg"), *second = get(&two, "/ks.cfg");

        assert_string_equal(body_of(first), "one\n");
        assert_string_equal(body_of(second), "two\n");
        assert_int_not_equal(boot_http_port(one->http), boot_http_port(two.http));
        boot_http_stop(two.http);
        free(two.folder);
        autofree char *again = get(one, "/ks.cfg");

        assert_string_equal(body_of(again), "one\n");
        assert_int_equal(boot_http_served(one->http, NULL), 2);
}

static void other_addresses_are_listened_on(void **state)
{
        struct place *place = *state;
        static const char *const addresses[] = { "::1", "0.0.0.0", "127.0.0.2", "::" };

        need("curl");
        put(place, "ks.cfg", "ks\n");
        for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
                const struct boot_http_config config = { .folder = place->folder, .address = addresses[i] };
                const bool six = strchr(addresses[i], ':') != NULL;
                autofree char *url = NULL, *out = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", addresses[i]);
                if (boot_http_start(&config, &place->http, &err) < 0) {
                        if (!six)
                                fail_msg("%s", err.text);
                        print_message("# skipped: no IPv6 here: %s\n", err.text);
                        continue;
                }
                url = bk_format("http://%s%s%s:%u/ks.cfg", six ? "[" : "", addresses[i], six ? "]" : "", boot_http_port(place->http));
                assert_ok(bk_run((const char *const[]){ "curl", "-sS", "-g", "-f", "--noproxy", "*", url, NULL }, 20000, &out, &err), err);
                assert_string_equal(out, "ks\n");
                free(out);
                out = boot_http_log(place->http);
                print_message("# %s", out);
                assert_int_equal(strncmp(out, "GET /ks.cfg 200 3 from ", 23), 0);
                assert_null(strchr(out, '?'));
                boot_http_stop(bk_take(place->http));
        }
}

static void wrong_configurations_say_so(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv twice = LIST("a", "/a");
        const struct { const char *why; struct boot_http_config config; enum bk_kind kind; } cases[] = {
                { "no such folder", { .folder = "/nonexistent/www" }, BK_NOT_FOUND },
                { "the folder is a file", { .folder = "/etc/passwd" }, BK_NOT_FOUND },
                { "a host name", { .address = "localhost" }, BK_INVALID },
                { "not ours", { .address = "192.0.2.1" }, BK_INFRA },
                { "backwards", { .port_min = 9000, .port_max = 8000 }, BK_INVALID },
                { "no such port", { .port_min = 9000, .port_max = 70000 }, BK_INVALID },
                { "from 0", { .port_max = 8000 }, BK_INVALID },
                { "the same twice", { .names = &twice, .contents = &twice }, BK_INVALID },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].why);
                assert_fails_with(boot_http_start(&cases[i].config, &place->http, &err), err, cases[i].kind);
                print_message("#   %s\n", err.text);
        }
        boot_http_stop(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(files_and_texts_are_served),
                TEST(types_follow_the_suffix_or_the_content),
                TEST(head_sends_headers_alone),
                TEST(other_methods_are_refused),
                TEST(ranges_are_parts),
                TEST(folders_have_an_index_or_a_listing),
                TEST(a_redirect_leads_to_no_other_host),
                TEST(a_big_file_comes_whole_and_in_parts),
                TEST(tools_of_guests_can_fetch),
                TEST(every_answer_is_told),
                TEST(counts_are_right_from_many_threads),
                TEST(a_taken_port_is_stepped_over),
                TEST(an_exhausted_range_is_named),
                TEST(two_servers_keep_apart),
                TEST(other_addresses_are_listened_on),
                TEST(wrong_configurations_say_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
