/* ISO images: fetched once, verified always, and a wrong one is never handed out. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "boot/iso.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "tests/unit/server.h"

enum { SIZE = 700000 };

struct place {
        char *folder, *cache;
        char *url, *sums_url, *nowhere; /* nowhere: of a protocol that is not known */
        char *sha256;                   /* "sha256:HEX" of what the server has */
        struct server server;
        struct bk_strv urls;
        struct bk_buf said;
        struct boot_iso iso;
        int tell_fd;                    /* every line that is said goes here too; -1: nowhere */
        bool stop;
};

static void set_body(struct place *place, unsigned seed)
{
        fill(place->server.web, SIZE, seed);
        free(place->sha256);
        place->sha256 = bk_digest_bytes(place->server.web->body, SIZE);
}

static int set_up(void **state)
{
        struct place *place = bk_alloc(sizeof *place);

        server_start(&place->server);
        set_body(place, 1);
        place->tell_fd = -1;
        place->folder = folder_new();
        place->cache = bk_format("%s/state/cache/iso", place->folder);
        place->url = bk_format("http://127.0.0.1:%u/x.iso", place->server.port);
        place->sums_url = bk_format("file:http://127.0.0.1:%u/SHA256SUMS", place->server.port);
        place->nowhere = bk_strdup("gopher://127.0.0.1/x.iso");
        *state = place;
        return chdir(place->folder);
}

static int tear_down(void **state)
{
        struct place *place = *state;
        const int result = chdir("/") < 0 ? -1 : bk_remove_tree(place->folder, NULL);

        server_stop(&place->server);
        bk_strv_done(&place->urls);
        bk_buf_done(&place->said);
        boot_iso_done(&place->iso);
        free(place->folder);
        free(place->cache);
        free(place->url);
        free(place->sums_url);
        free(place->nowhere);
        free(place->sha256);
        free(place);
        return result;
}

static void note(void *arg, const char *text)
{
        struct place *place = arg;

        bk_buf_printf(&place->said, "%s\n", text);
        if (place->tell_fd >= 0 && dprintf(place->tell_fd, "%s\n", text) < 0)
                _exit(9);
}

static bool said(const struct place *place, const char *text)
{
        return place->said.data != NULL && strstr(place->said.data, text) != NULL;
}

static bool asked_to_stop(void *arg, uint64_t done, uint64_t total)
{
        (void)done;
        (void)total;
        return ((struct place *)arg)->stop;
}

/* Gets place->urls, or the server's when there are none; what was said is of this call. */
static int get_with(struct place *place, struct boot_iso_config config, struct bk_error *err)
{
        config.cache = place->cache;
        config.urls = &place->urls;
        config.say = note;
        config.progress = asked_to_stop;
        config.arg = place;
        if (place->urls.n == 0)
                bk_strv_add(&place->urls, place->url);
        bk_buf_done(&place->said);
        boot_iso_done(&place->iso);
        return boot_iso_get(&config, &place->iso, err);
}

static int get(struct place *place, const char *checksum, struct bk_error *err)
{
        return get_with(place, (struct boot_iso_config){ .checksum = checksum }, err);
}

static void assert_has_body(const struct place *place)
{
        struct bk_error err = { 0 };
        autofree char *digest = NULL;

        assert_ok(bk_digest_file(place->iso.path, &digest, &err), err);
        assert_string_equal(digest, place->sha256);
        assert_string_equal(place->iso.digest, place->sha256);
}

static void put(const char *path, const void *bytes, size_t length)
{
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, bytes, length, 0644, &err), err);
}

/* Changes the content and nothing else that ls shows. */
static void tamper(const char *path)
{
        struct stat st;
        autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(pwrite(fd, "?", 1, st.st_size / 2), 1);
        assert_int_equal(futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim }), 0);
}

static size_t files_in(const char *path)
{
        autodir DIR *dir = opendir(path);
        size_t n = 0;

        for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
                n += entry->d_type == DT_REG;
        return n;
}

/* --- from a server -------------------------------------------------------------------- */

static void an_iso_is_fetched_once(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        autofree char *drafts = bk_format("%s/drafts", place->cache), *wanted = NULL;

        assert_ok(get(place, place->sha256, &err), err);
        assert_true(place->iso.fetched);
        assert_has_body(place);
        wanted = bk_format("%s/sha256-%s.iso", place->cache, place->sha256 + 7);
        assert_string_equal(place->iso.path, wanted);
        assert_int_equal(files_in(drafts), 0);
        server_stop(&place->server);
        assert_ok(get(place, place->sha256, &err), err);
        assert_false(place->iso.fetched);
        assert_has_body(place);
        server_start(&place->server);
}

static void every_kind_of_sum_finds_it_again(void **state)
{
        static const char *const kinds[] = { "md5", "sha1", "sha224", "sha384", "sha512" };
        struct place *place = *state;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                autofree char *plain = NULL, *checksum = NULL, *other = bk_format("http://127.0.0.1:%u/mirror/x.iso", place->server.port);

                set_body(place, 10 + (unsigned)i);
                put("body", place->server.web->body, SIZE);
                assert_ok(bk_checksum_file("body", kinds[i], &plain, &err), err);
                checksum = bk_format("%s:%s", kinds[i], plain);
                print_message("# %s\n", kinds[i]);
                assert_ok(get(place, checksum, &err), err);
                assert_has_body(place);
                assert_true(place->iso.fetched);
                assert_int_equal(requests(&place->server), i + 1);
                /* From another mirror it is the same ISO. */
                bk_strv_done(&place->urls);
                bk_strv_add(&place->urls, other);
                assert_ok(get(place, plain, &err), err);
                assert_has_body(place);
                assert_false(place->iso.fetched);
                assert_int_equal(requests(&place->server), i + 1);
                bk_strv_done(&place->urls);
        }
}

static void without_a_checksum_the_url_finds_it_again_and_it_says_so(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        autofree char *other = bk_format("%s?2", place->url);

        assert_ok(get(place, "none", &err), err);
        assert_has_body(place);
        assert_true(said(place, "no iso_checksum"));
        assert_ok(get(place, NULL, &err), err);
        assert_has_body(place);
        assert_true(said(place, "the copy of"));
        assert_int_equal(requests(&place->server), 1);
        bk_strv_done(&place->urls);
        bk_strv_add(&place->urls, other);
        assert_ok(get(place, "none", &err), err);
        assert_int_equal(requests(&place->server), 2);
        /* A checksum that came later is held against what is here. */
        bk_strv_done(&place->urls);
        assert_ok(get(place, place->sha256, &err), err);
        assert_int_equal(requests(&place->server), 2);
}

static void a_wrong_sum_is_never_handed_out(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        autofree char *wanted = bk_digest_bytes("x", 1), *drafts = bk_format("%s/drafts", place->cache);

        assert_fails_with(get(place, wanted, &err), err, BK_CORRUPT);
        assert_non_null(strstr(err.text, wanted + 7));
        assert_non_null(strstr(err.text, place->sha256 + 7));
        assert_non_null(strstr(err.text, place->url));
        assert_null(place->iso.path);
        assert_int_equal(files_in(drafts), 0);
        assert_int_equal(files_in(place->cache), 0);
        assert_int_equal(requests(&place->server), 1);
}

static void a_truncated_iso_shows_its_size(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        place->server.web->plans[0] = (struct plan){ .cut = 123456, .no_length = true };
        assert_fails_with(get(place, place->sha256, &err), err, BK_CORRUPT);
        assert_non_null(strstr(err.text, "123456 bytes"));
        assert_ok(get(place, place->sha256, &err), err);
        assert_has_body(place);
}

static void a_draft_that_went_bad_is_fetched_anew(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        autofree char *drafts = bk_format("%s/drafts", place->cache);
        autodir DIR *dir = NULL;

        place->stop = true;
        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        assert_fails_with(get(place, place->sha256, &err), err, BK_INTERRUPTED);
        place->stop = false;
        assert_int_equal(files_in(drafts), 2);
        dir = opendir(drafts);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("%s/%s", drafts, entry->d_name);

                if (strstr(entry->d_name, ".part") != NULL && strstr(entry->d_name, ".from") == NULL)
                        tamper(path);
        }
        assert_ok(get(place, place->sha256, &err), err);
        assert_has_body(place);
        assert_true(request_has(&place->server, 1, "Range: bytes=300000-"));
        assert_false(request_has(&place->server, 2, "Range:"));
        assert_int_equal(requests(&place->server), 3);
}

static void a_cached_iso_that_was_altered_is_fetched_anew(void **state)
{
        struct place *place = *state;
        const char *checksums[] = { place->sha256, "none" };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < 2; i++) {
                assert_ok(get(place, checksums[i], &err), err);
                tamper(place->iso.path);
                assert_ok(get(place, checksums[i], &err), err);
                assert_true(said(place, "altered"));
                assert_true(place->iso.fetched);
                assert_has_body(place);
        }
        assert_int_equal(requests(&place->server), 3);
        /* And when the server cannot help, nothing is handed out. */
        tamper(place->iso.path);
        place->server.web->plans[3].status = 404;
        assert_fails_with(get(place, place->sha256, &err), err, BK_NOT_FOUND);
        assert_int_equal(files_in(place->cache), 0);
}

/* The sidecar is made to lie, to see who believes it: the lie, which is the caller's. */
static char *make_sidecar_lie(const struct place *place)
{
        autofree char *folder = bk_format("%s/verified", place->cache), *text = NULL, *sidecar = NULL;
        autodir DIR *dir = opendir(folder);
        char *hex;
        struct bk_error err = { 0 };

        assert_int_equal(files_in(folder), 1);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (entry->d_type == DT_REG)
                        sidecar = bk_format("%s/%s", folder, entry->d_name);
        assert_ok(bk_read_file(sidecar, 8192, &text, NULL, &err), err);
        hex = strstr(text, "sha256:");
        assert_non_null(hex);
        memset(hex + 7, 'a', 64);
        put(sidecar, text, strlen(text));
        return bk_strndup(hex, BK_DIGEST_LEN);
}

static void an_unchanged_iso_is_not_read_again(void **state)
{
        struct place *place = *state;
        autofree char *lie = NULL;
        struct bk_error err = { 0 };

        put("x.iso", place->server.web->body, SIZE);
        bk_strv_add(&place->urls, "x.iso");
        assert_ok(get(place, place->sha256, &err), err);
        lie = make_sidecar_lie(place);
        assert_ok(get(place, lie, &err), err);
        assert_int_equal(chmod("x.iso", 0600), 0);      /* moves ctime */
        assert_fails_with(get(place, lie, &err), err, BK_CORRUPT);
        assert_ok(get(place, place->sha256, &err), err);
}

static void a_cached_iso_is_not_read_again(void **state)
{
        struct place *place = *state;
        autofree char *lie = NULL;
        struct bk_error err = { 0 };

        assert_ok(get(place, place->sha256, &err), err);
        lie = make_sidecar_lie(place);
        assert_ok(get(place, place->sha256, &err), err);        /* by the lie, it was altered */
        assert_true(said(place, "altered"));
        assert_int_equal(requests(&place->server), 2);
}

/* --- two at once ---------------------------------------------------------------------- */

static pid_t start_get(struct place *place, const char *checksum, int fd)
{
        const pid_t pid = bk_fork();

        if (pid != 0)
                return pid;
        place->tell_fd = fd;
        _exit(get(place, checksum, NULL) == 0 ? place->iso.fetched : 9);
}

static void two_processes_fetch_once(void **state)
{
        struct place *place = *state;
        autofree char *md5 = NULL;
        struct bk_error err = { 0 };
        char line[400] = "";
        int fds[2];
        pid_t first, second;
        FILE *lines;

        put("body", place->server.web->body, SIZE);
        assert_ok(bk_checksum_file("body", "md5", &md5, &err), err);
        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        lines = fdopen(fds[0], "r");
        first = start_get(place, place->sha256, -1);
        assert_int_equal(sem_wait(&place->server.web->held), 0);
        second = start_get(place, md5, fds[1]);
        while (strstr(line, "waiting for it") == NULL)
                assert_non_null(fgets(line, sizeof line, lines));
        assert_int_equal(sem_post(&place->server.web->go), 0);
        assert_int_equal(bk_wait(first, 30000), 1);
        assert_int_equal(bk_wait(second, 30000), 0);
        assert_int_equal(requests(&place->server), 1);
        (void)fclose(lines);
        (void)close(fds[1]);
}

static void a_killed_fetch_leaves_no_lock_and_is_continued(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        pid_t first;
        autofree char *drafts = bk_format("%s/drafts", place->cache);

        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        first = start_get(place, place->sha256, -1);
        assert_int_equal(sem_wait(&place->server.web->held), 0);
        /* The draft's companion is there once the first bytes were taken. */
        while (files_in(drafts) < 2)
                (void)sched_yield();
        assert_int_equal(kill(first, SIGKILL), 0);
        assert_int_equal(bk_wait(first, 10000), 128 + SIGKILL);
        assert_ok(get(place, place->sha256, &err), err);
        assert_has_body(place);
        assert_int_equal(requests(&place->server), 2);
}

static void waiting_for_another_can_be_stopped(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        pid_t first;

        place->server.web->plans[0] = (struct plan){ .cut = 300000, .hold = true };
        first = start_get(place, place->sha256, -1);
        assert_int_equal(sem_wait(&place->server.web->held), 0);
        place->stop = true;
        assert_fails_with(get(place, place->sha256, &err), err, BK_INTERRUPTED);
        assert_int_equal(kill(first, SIGKILL), 0);
        (void)bk_wait(first, 10000);
}

/* --- several URLs --------------------------------------------------------------------- */

static void the_next_url_is_tried(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        bk_strv_add(&place->urls, "missing.iso");
        bk_strv_add(&place->urls, "file:///not/here.iso");
        bk_strv_add(&place->urls, place->url);
        bk_strv_add(&place->urls, place->url);
        place->server.web->plans[0].status = 404;
        assert_ok(get(place, place->sha256, &err), err);
        assert_has_body(place);
        assert_true(said(place, "missing.iso"));
        assert_true(said(place, "404"));
        assert_int_equal(requests(&place->server), 2);
}

static void a_failure_tells_what_every_url_said(void **state)
{
        struct place *place = *state;
        autofree char *wanted = bk_digest_bytes("x", 1);
        struct bk_error err = { 0 };

        put("wrong.iso", "wrong", 5);
        bk_strv_add(&place->urls, "missing.iso");
        bk_strv_add(&place->urls, "wrong.iso");
        bk_strv_add(&place->urls, place->nowhere);
        bk_strv_add(&place->urls, place->url);
        place->server.web->plans[0].status = 403;
        assert_fails_with(get(place, wanted, &err), err, BK_CORRUPT);
        assert_non_null(strstr(err.text, "(1) cannot open 'missing.iso'"));
        assert_non_null(strstr(err.text, "(2) 'wrong.iso' (5 bytes) has the wrong sha256 sum"));
        assert_non_null(strstr(err.text, "(3) cannot fetch 'gopher://"));
        assert_non_null(strstr(err.text, "403"));
        assert_non_null(strstr(err.text, "4 URLs"));
        bk_strv_done(&place->urls);
        bk_strv_add(&place->urls, "missing.iso");
        bk_strv_add(&place->urls, "missing2.iso");
        assert_fails_with(get(place, wanted, &err), err, BK_NOT_FOUND);
}

static void no_url_is_invalid(void **state)
{
        const struct place *place = *state;
        const struct boot_iso_config config = { .cache = place->cache, .urls = &place->urls };
        struct boot_iso iso = { 0 };
        struct bk_error err = { 0 };

        assert_fails_with(boot_iso_get(&config, &iso, &err), err, BK_INVALID);
}

/* --- here already --------------------------------------------------------------------- */

static void a_local_iso_is_used_where_it_lies(void **state)
{
        struct place *place = *state;
        static const char name[] = "a b%20c?d#e'f\".iso";
        autofree char *path = bk_format("%s/%s", place->folder, name), *url = bk_format("file://%s/a%%20b%%2520c%%3Fd%%23e'f\".iso", place->folder);
        const char *urls[] = { path, name, url };
        autofree char *wrong = bk_digest_bytes("x", 1);
        struct bk_error err = { 0 };

        put(path, place->server.web->body, SIZE);
        for (size_t i = 0; i < 3; i++) {
                print_message("# %s\n", urls[i]);
                bk_strv_done(&place->urls);
                bk_strv_add(&place->urls, urls[i]);
                assert_ok(get(place, place->sha256, &err), err);
                assert_string_equal(place->iso.path, i == 1 ? name : path);
                assert_has_body(place);
                assert_false(place->iso.fetched);
                assert_fails_with(get(place, wrong, &err), err, BK_CORRUPT);
                assert_true(bk_exists(path));           /* it is the user's */
        }
        assert_int_equal(files_in(place->cache), 0);
}

static void a_local_iso_that_changed_is_verified_again(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        put("x.iso", place->server.web->body, SIZE);
        bk_strv_add(&place->urls, "x.iso");
        assert_ok(get(place, place->sha256, &err), err);
        tamper("x.iso");
        assert_fails_with(get(place, place->sha256, &err), err, BK_CORRUPT);
        assert_ok(get(place, "none", &err), err);
        assert_string_not_equal(place->iso.digest, place->sha256);
}

static void skip_cache_verifies_each_time(void **state)
{
        struct place *place = *state;
        autofree char *lie = NULL;
        struct bk_error err = { 0 };

        put("x.iso", place->server.web->body, SIZE);
        bk_strv_add(&place->urls, "x.iso");
        assert_ok(get(place, place->sha256, &err), err);
        lie = make_sidecar_lie(place);
        assert_fails_with(get_with(place, (struct boot_iso_config){ .checksum = lie, .skip_cache = true }, &err), err, BK_CORRUPT);
        assert_ok(get_with(place, (struct boot_iso_config){ .checksum = place->sha256, .skip_cache = true }, &err), err);
}

static void a_folder_is_no_iso(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        assert_int_equal(mkdir("x.iso", 0755), 0);
        assert_int_equal(mkfifo("pipe.iso", 0644), 0);
        bk_strv_add(&place->urls, "x.iso");
        assert_fails_with(get(place, place->sha256, &err), err, BK_INVALID);
        bk_strv_done(&place->urls);
        bk_strv_add(&place->urls, "pipe.iso");
        assert_fails_with(get(place, place->sha256, &err), err, BK_INVALID);
}

/* --- where it is kept ----------------------------------------------------------------- */

static void a_target_is_kept_and_found_again(void **state)
{
        struct place *place = *state;
        const struct boot_iso_config config = { .checksum = place->sha256, .target = "new/folder/my.iso" };
        struct bk_error err = { 0 };

        assert_ok(get_with(place, config, &err), err);
        assert_string_equal(place->iso.path, config.target);
        assert_has_body(place);
        assert_int_equal(files_in("new/folder"), 1);
        assert_ok(get_with(place, config, &err), err);
        assert_has_body(place);
        assert_int_equal(requests(&place->server), 1);
        /* What the user has there is replaced by something better only. */
        put("new/folder/my.iso", "mine", 4);
        place->server.web->plans[1].status = 404;
        assert_fails_with(get_with(place, config, &err), err, BK_NOT_FOUND);
        assert_true(bk_exists("new/folder/my.iso"));
        assert_ok(get_with(place, config, &err), err);
        assert_has_body(place);
}

static void a_target_without_an_extension_is_a_folder(void **state)
{
        struct place *place = *state;
        static const char *const targets[] = { "isos", "isos/", "there.d" };
        struct bk_error err = { 0 };

        assert_int_equal(mkdir("there.d", 0755), 0);
        for (size_t i = 0; i < 3; i++) {
                const struct boot_iso_config config = { .checksum = place->sha256, .target = targets[i] };

                assert_ok(get_with(place, config, &err), err);
                assert_has_body(place);
                assert_int_equal(strncmp(place->iso.path, targets[i], strlen(targets[i])), 0);
                assert_string_equal(place->iso.path + strlen(place->iso.path) - 4, ".iso");
                assert_int_equal(files_in(targets[i]), 1);
        }
        assert_int_equal(requests(&place->server), 2);
}

/* --- checksum files ------------------------------------------------------------------- */

static void a_checksum_file_is_asked_each_time_and_remembered_for_bad_days(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        (void)sprintf(place->server.web->sums, "%s  x.iso\n", place->sha256 + 7);
        assert_ok(get(place, place->sums_url, &err), err);
        assert_int_equal(requests(&place->server), 2);
        assert_ok(get(place, place->sums_url, &err), err);
        assert_int_equal(requests(&place->server), 3);
        server_stop(&place->server);
        assert_ok(get(place, place->sums_url, &err), err);
        assert_has_body(place);
        assert_true(said(place, "the last time"));
        server_start(&place->server);
}

static void a_second_url_may_be_the_one_that_is_listed(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };
        autofree char *sums = bk_format("%s  y.iso\n", place->sha256 + 7);

        put("SUMS", sums, strlen(sums));
        bk_strv_add(&place->urls, place->url);
        assert_fails_with(get(place, "file:SUMS", &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "y.iso"));
        bk_strv_add(&place->urls, "http://127.0.0.1/y.iso");
        assert_ok(get(place, "file:SUMS", &err), err);
        assert_has_body(place);
}

#define iso_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                iso_test(an_iso_is_fetched_once),
                iso_test(every_kind_of_sum_finds_it_again),
                iso_test(without_a_checksum_the_url_finds_it_again_and_it_says_so),
                iso_test(a_wrong_sum_is_never_handed_out),
                iso_test(a_truncated_iso_shows_its_size),
                iso_test(a_draft_that_went_bad_is_fetched_anew),
                iso_test(a_cached_iso_that_was_altered_is_fetched_anew),
                iso_test(an_unchanged_iso_is_not_read_again),
                iso_test(a_cached_iso_is_not_read_again),
                iso_test(two_processes_fetch_once),
                iso_test(a_killed_fetch_leaves_no_lock_and_is_continued),
                iso_test(waiting_for_another_can_be_stopped),
                iso_test(the_next_url_is_tried),
                iso_test(a_failure_tells_what_every_url_said),
                iso_test(no_url_is_invalid),
                iso_test(a_local_iso_is_used_where_it_lies),
                iso_test(a_local_iso_that_changed_is_verified_again),
                iso_test(skip_cache_verifies_each_time),
                iso_test(a_folder_is_no_iso),
                iso_test(a_target_is_kept_and_found_again),
                iso_test(a_target_without_an_extension_is_a_folder),
                iso_test(a_checksum_file_is_asked_each_time_and_remembered_for_bad_days),
                iso_test(a_second_url_may_be_the_one_that_is_listed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
