/* Downloads: what came is never lost, and what lies there is never mixed with what it is not. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/fetch.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "tests/unit/server.h"

enum { SIZE = 1000000 };

struct place {
        char *folder, *path, *from, *url;
        struct server server;
};

static int set_up(void **state)
{
        struct place *place = bk_alloc(sizeof *place);

        server_start(&place->server);
        fill(place->server.web, SIZE, 1);
        place->folder = folder_new();
        place->path = bk_format("%s/file", place->folder);
        place->from = bk_format("%s/file.from", place->folder);
        place->url = bk_format("http://127.0.0.1:%u/file", place->server.port);
        *state = place;
        return 0;
}

static int tear_down(void **state)
{
        struct place *place = *state;
        const int result = bk_remove_tree(place->folder, NULL);

        server_stop(&place->server);
        free(place->folder);
        free(place->path);
        free(place->from);
        free(place->url);
        free(place);
        return result;
}

static int get(const struct place *place, struct bk_error *err)
{
        const struct bk_fetch fetch = { .url = place->url };

        return bk_fetch_file(&fetch, place->path, err);
}

/* The file is what the server has, and nothing says that it is a part of something. */
static void assert_whole(const struct place *place)
{
        struct bk_error err = { 0 };
        autofree char *bytes = NULL;
        size_t length = 0;

        assert_ok(bk_read_file(place->path, BODY_MOST, &bytes, &length, &err), err);
        assert_int_equal(length, place->server.web->size);
        assert_memory_equal(bytes, place->server.web->body, length);
        assert_false(bk_exists(place->from));
}

static void put(const char *path, const void *bytes, size_t length)
{
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, bytes, length, 0644, &err), err);
}

/* As if a fetch of the content "etag" had ended after these bytes. */
static void leave_part(const struct place *place, size_t length, const char *etag)
{
        autofree char *from = bk_format("url %s\netag %s\n", place->url, etag);

        put(place->path, place->server.web->body, length);
        put(place->from, from, strlen(from));
}

static size_t size_of(const char *path)
{
        struct stat st = { 0 };

        return stat(path, &st) < 0 ? 0 : (size_t)st.st_size;
}

/* --- whole ---------------------------------------------------------------------------- */

static void a_file_comes_whole(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        put(place->path, "something else, without a .from", 31);
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 1);
        assert_false(request_has(&place->server, 0, "Range:"));
}

static void an_empty_file_is_a_file(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->size = 0;
        put(place->path, "old", 3);
        assert_ok(get(place, &err), err);
        assert_whole(place);
}

static void a_body_of_unknown_length_is_taken(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->plans[0].no_length = true;
        assert_ok(get(place, &err), err);
        assert_whole(place);
}

static void a_text_comes_as_it_is(void **state)
{
        const struct place *place = *state;
        autofree char *url = bk_format("%s/a b/SUMS", place->url), *text = NULL;
        const struct bk_fetch fetch = { .url = url };
        struct bk_error err = { 0 };

        (void)strcpy(place->server.web->sums, "one\ntwo\n");
        place->server.web->plans[0].cut = 3;
        assert_ok(bk_fetch_text(&fetch, &text, &err), err);
        assert_string_equal(text, "one\ntwo\n");
        assert_int_equal(requests(&place->server), 2);
        assert_true(request_has(&place->server, 0, "/a%20b/SUMS "));
}

static void what_is_too_large_is_refused(void **state)
{
        const struct place *place = *state;
        const struct bk_fetch fetch = { .url = place->url, .most = SIZE - 1 };
        autofree char *text = NULL;
        struct bk_error err = { 0 };

        assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "999999"));
        place->server.web->plans[1].no_length = true;
        assert_fails_with(bk_fetch_text(&fetch, &text, &err), err, BK_INVALID);
        assert_int_equal(requests(&place->server), 2);
}

static void a_file_url_is_read(void **state)
{
        const struct place *place = *state;
        autofree char *source = bk_format("%s/source", place->folder), *url = bk_format("file://%s", source);
        const struct bk_fetch fetch = { .url = url };
        struct bk_error err = { 0 };

        assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_NOT_FOUND);
        put(source, place->server.web->body, SIZE);
        assert_ok(bk_fetch_file(&fetch, place->path, &err), err);
        assert_whole(place);
}

/* --- continued ------------------------------------------------------------------------ */

static void a_broken_connection_is_continued(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->plans[0].cut = 300000;
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 2);
        assert_true(request_has(&place->server, 1, "\r\nRange: bytes=300000-\r\n"));
        assert_true(request_has(&place->server, 1, "\r\nIf-Range: \"one\"\r\n"));
        assert_int_equal(place->server.web->log[1].sent, SIZE - 300000);
        assert_int_equal(err.kind, BK_NONE);            /* untouched on success */
}

static void many_cuts_are_survived_while_something_comes(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < PLANS; i++)
                place->server.web->plans[i].cut = 120000;
        place->server.web->rest.cut = 120000;
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 9);
}

static void a_date_stands_in_for_a_missing_or_weak_etag(void **state)
{
        static const char *const etags[] = { "", "W/\"one\"" };
        const struct place *place = *state;
        struct bk_error err = { 0 };

        (void)strcpy(place->server.web->modified, "Mon, 02 Jan 2006 15:04:05 GMT");
        for (size_t i = 0; i < 2; i++) {
                (void)strcpy(place->server.web->etag, etags[i]);
                place->server.web->plans[2 * i].cut = 300000;
                assert_ok(get(place, &err), err);
                assert_whole(place);
                assert_true(request_has(&place->server, 2 * (unsigned)i + 1, "If-Range: Mon, 02 Jan 2006 15:04:05 GMT\r\n"));
                assert_int_equal(place->server.web->log[2 * i + 1].sent, SIZE - 300000);
        }
}

static void nothing_is_continued_without_a_way_to_tell(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        (void)strcpy(place->server.web->etag, "");
        place->server.web->plans[0].cut = 300000;
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_false(request_has(&place->server, 1, "Range:"));
}

static void a_server_that_ignores_ranges_starts_anew(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->plans[0].cut = 300000;
        place->server.web->plans[1].no_range = true;
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 2);
}

static void other_content_is_not_mixed_in(void **state)
{
        static const struct { const char *why, *etag; struct plan plan; } servers[] = {
                { "the server knows If-Range",       "\"old\"", { 0 } },
                { "the server ignores If-Range",     "\"old\"", { .stubborn = true } },
                { "the server sends another range",  "\"one\"", { .shifted = true } },
        };
        const struct place *place = *state;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
                print_message("# %s\n", servers[i].why);
                fill(place->server.web, SIZE, (unsigned)i);
                leave_part(place, 400000, servers[i].etag);
                fill(place->server.web, SIZE, 100 + (unsigned)i);
                atomic_store(&place->server.web->requests, 0);
                place->server.web->plans[0] = servers[i].plan;
                assert_ok(get(place, &err), err);
                assert_whole(place);
                assert_true(request_has(&place->server, 0, "Range: bytes=400000-"));
        }
}

static void a_part_of_another_url_is_not_continued(void **state)
{
        const struct place *place = *state;
        static const char from[] = "url http://elsewhere.invalid/file\netag \"one\"\n";
        struct bk_error err = { 0 };

        put(place->path, "other bytes", 11);
        put(place->from, from, strlen(from));
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_false(request_has(&place->server, 0, "Range:"));
}

static void a_complete_file_is_recognised(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        leave_part(place, SIZE, "\"one\"");
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 1);
        assert_int_equal(place->server.web->log[0].sent, 0);
}

static void a_file_larger_than_the_servers_is_begun_anew(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        leave_part(place, SIZE + 5, "\"one\"");
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 2);
}

static bool write_when_held(void *arg, uint64_t done, uint64_t total)
{
        const int *fd = arg;

        if (done == 300000 && total == SIZE && write(*fd, "x", 1) != 1)
                _exit(9);
        return false;
}

static void a_killed_fetch_is_continued_by_the_next(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };
        int pipe_fds[2];
        pid_t pid;
        char c;

        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        pid = bk_fork();
        if (pid == 0) {
                const struct bk_fetch fetch = { .url = place->url, .progress = write_when_held, .arg = &pipe_fds[1] };

                _exit(bk_fetch_file(&fetch, place->path, NULL) == 0 ? 0 : 1);
        }
        assert_int_equal(read(pipe_fds[0], &c, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(bk_wait(pid, 10000), 128 + SIGKILL);
        assert_int_equal(size_of(place->path), 300000);
        assert_true(bk_exists(place->from));
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 2);
        assert_true(request_has(&place->server, 1, "Range: bytes=300000-\r\n"));
        (void)close(pipe_fds[0]);
        (void)close(pipe_fds[1]);
}

/* --- errors --------------------------------------------------------------------------- */

static void refusals_are_final(void **state)
{
        static const struct { int status; enum bk_kind kind; } refusals[] = {
                { 404, BK_NOT_FOUND }, { 410, BK_NOT_FOUND }, { 401, BK_DENIED }, { 403, BK_DENIED }, { 400, BK_FAILED },
                { 418, BK_FAILED }, { 300, BK_FAILED }, { 416, BK_FAILED },
        };
        const struct place *place = *state;

        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                autofree char *status = bk_format("%d", refusals[i].status);
                struct bk_error err = { 0 };

                print_message("# %s\n", status);
                place->server.web->plans[i].status = refusals[i].status;
                assert_fails_with(get(place, &err), err, refusals[i].kind);
                assert_non_null(strstr(err.text, status));
                assert_non_null(strstr(err.text, place->url));
                assert_int_equal(requests(&place->server), i + 1);
        }
}

static void passing_troubles_are_waited_out(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->plans[0].status = 503;
        place->server.web->plans[1].status = 429;
        place->server.web->plans[2].status = 408;
        place->server.web->plans[3].cut = CUT_AT_ONCE;
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(requests(&place->server), 5);
}

static void lasting_trouble_is_given_up(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < PLANS; i++)
                place->server.web->plans[i].status = 502;
        assert_fails_with(get(place, &err), err, BK_INFRA);
        assert_non_null(strstr(err.text, "502"));
        assert_non_null(strstr(err.text, "5 times"));
        assert_int_equal(requests(&place->server), 5);
}

static void a_proxy_comes_from_the_environment(void **state)
{
        const struct place *place = *state;
        autofree char *proxy = bk_format("http://127.0.0.1:%u", place->server.port);
        const struct bk_fetch fetch = { .url = "http://nowhere.invalid/file" };
        struct bk_error err = { 0 };

        assert_int_equal(setenv("http_proxy", proxy, 1) | unsetenv("no_proxy"), 0);
        assert_ok(bk_fetch_file(&fetch, place->path, &err), err);
        assert_whole(place);
        assert_true(request_has(&place->server, 0, "GET http://nowhere.invalid/file "));
        assert_int_equal(unsetenv("http_proxy"), 0);
}

static void redirects_are_followed_but_not_to_files(void **state)
{
        const struct place *place = *state;
        struct plan *plans = place->server.web->plans;
        struct bk_error err = { 0 };

        plans[0] = (struct plan){ .status = 302, .location = "/elsewhere" };
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_true(request_has(&place->server, 1, "GET /elsewhere "));
        plans[2] = (struct plan){ .status = 301, .location = "file:///etc/hostname" };
        assert_fails_with(get(place, &err), err, BK_INVALID);
        plans[3] = (struct plan){ .status = 302, .location = "/gone" };
        plans[4] = (struct plan){ .status = 404 };
        assert_fails_with(get(place, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "/gone"));
        for (size_t i = 0; i < PLANS; i++)
                plans[i] = (struct plan){ .status = 302, .location = "/round" };
        place->server.web->rest = plans[0];
        assert_fails_with(get(place, &err), err, BK_FAILED);
}

static void passwords_are_not_shown(void **state)
{
        const struct place *place = *state;
        autofree char *url = bk_format("http://me:se%%40cret@127.0.0.1:%u/x?a=b@c", place->server.port), *shown = bk_fetch_shown(url);
        const struct bk_fetch fetch = { .url = url };
        struct bk_error err = { 0 };

        place->server.web->plans[0].status = 404;
        assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_NOT_FOUND);
        assert_null(strstr(err.text, "cret"));
        assert_non_null(strstr(shown, "http://me:***@127.0.0.1:"));
        assert_non_null(strstr(shown, "/x?a=b@c"));
}

static void what_is_no_url_is_invalid(void **state)
{
        static const char *const urls[] = { "gopher://127.0.0.1/x", "s3://bucket/x", "http://", "" };
        const struct place *place = *state;

        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
                const struct bk_fetch fetch = { .url = urls[i] };
                struct bk_error err = { 0 };

                print_message("# '%s'\n", urls[i]);
                assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_INVALID);
        }
}

/* --- time ----------------------------------------------------------------------------- */

static bool stop(void *arg, uint64_t done, uint64_t total)
{
        (void)total;
        *(uint64_t *)arg = done;
        return true;
}

static void a_hanging_fetch_can_be_stopped_and_continued(void **state)
{
        const struct place *place = *state;
        uint64_t done = 0;
        const struct bk_fetch fetch = { .url = place->url, .progress = stop, .arg = &done };
        const int64_t before = bk_now_ms();
        struct bk_error err = { 0 };

        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_INTERRUPTED);
        assert_true(bk_now_ms() - before < 30000);      /* not the stall time-out of 60 s */
        assert_int_equal(done, 300000);
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_int_equal(place->server.web->log[1].sent, SIZE - 300000);
}

static void pauses_can_be_stopped(void **state)
{
        const struct place *place = *state;
        uint64_t done = 0;
        const struct bk_fetch fetch = { .url = place->url, .progress = stop, .arg = &done };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < PLANS; i++)
                place->server.web->plans[i].status = 503;
        assert_fails_with(bk_fetch_file(&fetch, place->path, &err), err, BK_INTERRUPTED);
        assert_in_range(requests(&place->server), 1, 4);
}

static void a_stalled_connection_is_left_for_a_new_one(void **state)
{
        const struct place *place = *state;
        const struct bk_fetch fetch = { .url = place->url, .stall_timeout_ms = 1000 };
        struct bk_error err = { 0 };

        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        assert_ok(bk_fetch_file(&fetch, place->path, &err), err);
        assert_whole(place);
        assert_int_equal(place->server.web->log[1].sent, SIZE - 300000);
}

static void a_full_disk_is_named_and_what_came_is_of_use(void **state)
{
        struct place *place = *state;
        autofree char *disk = bk_format("%s/disk", place->folder);
        struct bk_error err = { 0 };

        need("root");
        free(place->path);
        free(place->from);
        place->path = bk_format("%s/file", disk);
        place->from = bk_format("%s/file.from", disk);
        assert_int_equal(mkdir(disk, 0755), 0);
        /* The mount is seen by this process only, and goes with it. */
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, "size=512k"), 0);
        assert_fails_with(get(place, &err), err, BK_NO_SPACE);
        assert_non_null(strstr(err.text, place->path));
        assert_int_equal(requests(&place->server), 1);
        assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=4m"), 0);
        assert_ok(get(place, &err), err);
        assert_whole(place);
        assert_in_range(place->server.web->log[1].sent, 1, SIZE - 400000);
        assert_int_equal(umount(disk), 0);
}

#define fetch_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                fetch_test(a_file_comes_whole),
                fetch_test(an_empty_file_is_a_file),
                fetch_test(a_body_of_unknown_length_is_taken),
                fetch_test(a_text_comes_as_it_is),
                fetch_test(what_is_too_large_is_refused),
                fetch_test(a_file_url_is_read),
                fetch_test(a_broken_connection_is_continued),
                fetch_test(many_cuts_are_survived_while_something_comes),
                fetch_test(a_date_stands_in_for_a_missing_or_weak_etag),
                fetch_test(nothing_is_continued_without_a_way_to_tell),
                fetch_test(a_server_that_ignores_ranges_starts_anew),
                fetch_test(other_content_is_not_mixed_in),
                fetch_test(a_part_of_another_url_is_not_continued),
                fetch_test(a_complete_file_is_recognised),
                fetch_test(a_file_larger_than_the_servers_is_begun_anew),
                fetch_test(a_killed_fetch_is_continued_by_the_next),
                fetch_test(refusals_are_final),
                fetch_test(passing_troubles_are_waited_out),
                fetch_test(lasting_trouble_is_given_up),
                fetch_test(a_proxy_comes_from_the_environment),
                fetch_test(redirects_are_followed_but_not_to_files),
                fetch_test(passwords_are_not_shown),
                fetch_test(what_is_no_url_is_invalid),
                fetch_test(a_hanging_fetch_can_be_stopped_and_continued),
                fetch_test(pauses_can_be_stopped),
                fetch_test(a_stalled_connection_is_left_for_a_new_one),
                fetch_test(a_full_disk_is_named_and_what_came_is_of_use),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
