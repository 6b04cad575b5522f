/* Hooks: what they want, what is refused, and what becomes of what cannot be sent. That it arrives is shown by tests/system/95-hooks.t. */
#include "tests/unit/registry/ask.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "registry/hook.h"
#include "registry/registry_priv.h"

static const struct { const char *actions, *action; bool wanted; } wants[] = {
        { "*", "image.published", true }, { "image.*", "image.published", true }, { "image.*", "channel.assigned", false },
        { "channel.assigned,image.*", "image.state", true }, { "image.state", "image.state", true }, { "image.state", "image.states", false },
        { "image.states", "image.state", false }, { "im*", "image.state", true }, { "", "image.state", false }, { ",", "image.state", false },
        { "a,image.state", "image.state", true }, { "channel.*,token.*", "image.state", false },
};

static void patterns_choose_actions(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
                print_message("# '%s' of '%s'\n", wants[i].actions, wants[i].action);
                assert_int_equal(reg_hook_wants(wants[i].actions, wants[i].action), wants[i].wanted);
        }
}

/* RFC 4231, test case 2. */
static void signatures_are_hmac_sha256(void **state)
{
        autofree char *text = reg_hook_signature("Jefe", "what do ya want for nothing?", 28);

        (void)state;
        assert_string_equal(text, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#define URL "http://127.0.0.1:1/"
static const struct { const char *why; struct reg_hook hook; } wrong[] = {
        { "no name", { .name = "", .url = URL } }, { "a path", { .name = "../x", .url = URL } }, { "a folder", { .name = "a/b", .url = URL } },
        { "no URL", { .name = "a" } }, { "another protocol", { .name = "a", .url = "file:///etc/passwd" } },
        { "half a URL", { .name = "a", .url = "http:/x" } },
        { "a URL with a line end", { .name = "a", .url = "http://x/\r\nX: y" } }, { "no actions", { .name = "a", .url = URL, .actions = "" } },
        { "actions that are none", { .name = "a", .url = URL, .actions = "image published" } },
        { "a short secret", { .name = "a", .url = URL, .secret = "x" } },
};

static void what_is_no_hook_is_refused(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct bk_error err = { 0 };

                print_message("# %s\n", wrong[i].why);
                assert_fails_with(reg_hook_add(f->reg, f->home, &wrong[i].hook, "ada", &err), err, BK_INVALID);
        }
}

static void what_cannot_be_sent_waits_and_is_tried_again(void **state)
{
        struct fixture *f = *state;
        autofree char *image = NULL, *secret = bk_format("%s/hooks/a.secret", f->home);
        struct reg_delivery done = { 0 };
        struct bk_error err = { 0 };
        struct stat st;
        json_t *json;

        assert_ok(reg_hook_add(f->reg, f->home, &(struct reg_hook){ .name = "a", .url = URL, .actions = "image.*", .secret = "12345678" }, "ada",
                               &err), err);
        assert_fails_with(reg_hook_add(f->reg, f->home, &(struct reg_hook){ .name = "a", .url = URL }, "ada", &err), err, BK_CONFLICT);
        assert_int_equal(stat(secret, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        /* Nothing yet, and what is not wanted is passed over. */
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, NULL, &done, &err), err);
        assert_int_equal(done.hooks, 1);
        assert_int_equal(done.failed, 0);
        image = baked(f->reg, (struct recipe){ .seed = "1" });
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, NULL, &done, &err), err);
        assert_int_equal(done.failed, 1);
        assert_true(done.next_at > time(NULL));
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, NULL, &done, &err), err);
        assert_int_equal(done.failed, 0);
        assert_ok(reg_hooks_deliver(f->reg, f->home, true, NULL, &done, &err), err);
        assert_int_equal(done.failed, 1);
        json = ask(f->reg, "GET", "/hooks", NULL);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "failures")), 2);
        json_decref(json);

        assert_ok(reg_hook_remove(f->reg, f->home, "a", "ada", &err), err);
        assert_int_equal(stat(secret, &st), -1);
        assert_fails_with(reg_hook_remove(f->reg, f->home, "a", "ada", &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_hook_test(f->reg, "a", "ada", &err), err, BK_NOT_FOUND);
}

static void claimed(struct reg *reg, const char *by, int64_t seconds)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(reg, &err, "UPDATE hook SET claimed_by = ?, claimed_until = ?, retry_at = NULL", "ti", by,
                              (int64_t)time(NULL) + seconds), err);
}

static void one_server_sends_at_a_time(void **state)
{
        struct fixture *f = *state;
        autofree char *image = NULL, *who = NULL;
        struct reg_delivery done = { 0 };
        struct bk_error err = { 0 };
        int64_t failures = 0;

        assert_ok(reg_hook_add(f->reg, f->home, &(struct reg_hook){ .name = "a", .url = URL }, "ada", &err), err);
        image = baked(f->reg, (struct recipe){ .seed = "1" });
        print_message("# another one sends: it is left alone, and looked at again\n");
        claimed(f->reg, "another", 100000);
        assert_ok(reg_hooks_deliver(f->reg, f->home, true, NULL, &done, &err), err);
        assert_int_equal(done.sent + done.failed, 0);
        assert_in_range(done.next_at, (uintmax_t)time(NULL), (uintmax_t)time(NULL) + (uintmax_t)reg_hook_claim_s);
        print_message("# of that one nothing was heard for too long\n");
        claimed(f->reg, "another", 0);
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, NULL, &done, &err), err);
        assert_int_equal(done.failed, 1);
        print_message("# the claim is given back, also where sending failed\n");
        assert_int_equal(reg_sql_text(f->reg, &who, &err, "SELECT claimed_by FROM hook", ""), 0);
        assert_int_equal(reg_sql_int(f->reg, &failures, &err, "SELECT failures FROM hook", ""), 1);
        assert_int_equal(failures, 1);
}

/* --- the other side ------------------------------------------------------------------- */
static enum MHD_Result take(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                            const char *upload, size_t *size, void **request)
{
        static char begun;
        struct MHD_Response *response;
        enum MHD_Result status;

        (void)cls, (void)url, (void)method, (void)version, (void)upload;
        if (*request == NULL || *size > 0) {
                *request = &begun;
                *size = 0;
                return MHD_YES;
        }
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        status = MHD_queue_response(connection, 200, response);
        MHD_destroy_response(response);
        return status;
}

static void a_hook_sends_for_its_turn_only(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, take, NULL,
                                                     MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_END);
        const int usual = reg_hook_turn_ms;
        struct reg_delivery done = { 0 };
        struct bk_error err = { 0 };
        atomic_bool stop = true;

        assert_non_null(daemon);
        assert_int_equal(setenv("no_proxy", "*", 1), 0);
        autofree char *url = bk_format("http://127.0.0.1:%u/", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);

        assert_ok(reg_hook_add(f->reg, f->home, &(struct reg_hook){ .name = "a", .url = url, .actions = "image.*" }, "ada", &err), err);
        assert_ok(reg_hook_add(f->reg, f->home, &(struct reg_hook){ .name = "b", .url = url, .actions = "image.*" }, "ada", &err), err);
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, NULL, &done, &err), err);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        free(baked(f->reg, (struct recipe){ .seed = "2" }));
        print_message("# whoever is to stop sends nothing more\n");
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, &stop, &done, &err), err);
        assert_int_equal(done.sent + done.failed, 0);
        atomic_store(&stop, false);
        print_message("# its time is up after one event, and the next one gets its own\n");
        reg_hook_turn_ms = 0;
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, &stop, &done, &err), err);
        assert_int_equal(done.sent, 2);
        assert_int_equal(done.failed, 0);
        assert_true(done.more);
        reg_hook_turn_ms = usual;
        print_message("# the rest comes in the next round, and nothing twice\n");
        assert_ok(reg_hooks_deliver(f->reg, f->home, false, &stop, &done, &err), err);
        assert_int_equal(done.sent, 2);
        assert_false(done.more);
        MHD_stop_daemon(daemon);
}

/* Else the secret that goes could be another's, who added a hook of that name meanwhile. */
static void the_secret_is_gone_before_the_name_is_free(void **state)
{
        struct fixture *f = *state;
        autofree char *secret = bk_format("%s/hooks/a.secret", f->home);
        const struct reg_hook hook = { .name = "a", .url = URL, .secret = "12345678" };
        struct bk_error err = { 0 };
        int64_t n = 0;

        assert_ok(reg_hook_add(f->reg, f->home, &hook, "ada", &err), err);
        assert_int_equal(unlink(secret), 0);
        assert_int_equal(mkdir(secret, 0700), 0);               /* it cannot be removed */
        assert_fails_with(reg_hook_remove(f->reg, f->home, "a", "ada", &err), err, bk_kind_of_errno(EISDIR));
        assert_int_equal(reg_sql_int(f->reg, &n, &err, "SELECT count(*) FROM hook", ""), 1);
        assert_int_equal(n, 1);                                 /* so the name is still taken */
}

static void requests_of_hooks_are_checked(void **state)
{
        static const struct { const char *method, *target, *body; int status; } cases[] = {
                { "POST", "/hooks", "{}", 400 }, { "POST", "/hooks", "[]", 400 }, { "POST", "/hooks", "{\"name\": 1, \"url\": \"http://x\"}", 400 },
                { "POST", "/hooks", "{\"name\": \"a\", \"url\": \"http://x\", \"more\": \"b\"}", 400 }, { "POST", "/hooks", NULL, 400 },
                { "DELETE", "/hooks/none", NULL, 400 }, { "POST", "/hooks/none/test", NULL, 404 },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                refused(f->reg, cases[i].method, cases[i].target, cases[i].body, cases[i].status);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(patterns_choose_actions),
                cmocka_unit_test(signatures_are_hmac_sha256),
                registry_test(what_is_no_hook_is_refused),
                registry_test(what_cannot_be_sent_waits_and_is_tried_again),
                registry_test(one_server_sends_at_a_time),
                registry_test(a_hook_sends_for_its_turn_only),
                registry_test(the_secret_is_gone_before_the_name_is_free),
                registry_test(requests_of_hooks_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
