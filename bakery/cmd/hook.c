/* hook add, list, remove, test, deliver: who is told of changes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bakery/cmd/life.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/hook.h"

enum { SECRET_MOST = 4096, TEST_S = 30, ROUNDS = 1000 };

static const struct cmd_flag add_flags[] = {
        { "actions", "PATTERNS", false, "events to tell of, 'image.*,channel.assigned'; all without" },
        { "secret-file", "FILE", false, "sign what is sent by this file's first line; - is standard input" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag json_flags[] = { CMD_JSON_FLAG };

/* The first line; whoever can read a command line sees what stands there, so it is never an option. */
static int read_secret(const char *path, char **ret, struct bk_error *err)
{
        char *text = NULL;
        const int status = bk_streq(path, "-") ? bk_read_fd(STDIN_FILENO, SECRET_MOST, &text, NULL, err) :
                           bk_read_file(path, SECRET_MOST, &text, NULL, err);

        if (status < 0)
                return bk_wrap(err, "the secret");
        text[strcspn(text, "\r\n")] = '\0';
        *ret = text;
        return 0;
}

static int run_add(const struct cmd_args *args)
{
        autofree char *secret = NULL;
        struct bk_error err = { 0 };
        json_t *body, *answer = NULL;

        if (cmd_value(args, "secret-file") != NULL && read_secret(cmd_value(args, "secret-file"), &secret, &err) < 0)
                return cmd_fail(&err);
        body = json_pack("{s:s, s:s}", "name", args->operands.v[0], "url", args->operands.v[1]);
        if (cmd_value(args, "actions") != NULL)
                (void)json_object_set_new(body, "actions", json_string(cmd_value(args, "actions")));
        if (secret != NULL)
                (void)json_object_set_new(body, "secret", json_string(secret));
        if (cmd_api(args, "POST", "/hooks", body, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(answer));
        else
                printf("%s is told of changes from now on%s\n", args->operands.v[0], secret == NULL ? ", unsigned" : "");
        json_decref(answer);
        return 0;
}

static void print_hook(const json_t *hook)
{
        autofree char *name = cmd_shown(hook, "name"), *url = cmd_shown(hook, "url"), *actions = cmd_shown(hook, "actions");
        autofree char *error = cmd_shown(hook, "error");
        const json_int_t failures = json_integer_value(json_object_get(hook, "failures"));

        printf("%-16s %s  %s  %s  event %lld", name, url, actions, json_is_true(json_object_get(hook, "signed")) ? "signed" : "unsigned",
               (long long)json_integer_value(json_object_get(hook, "cursor")));
        if (failures > 0) {
                autofree char *at = cmd_shown(hook, "retry_at");

                printf("  failed %lld times, again at %s: %s", (long long)failures, at, error);
        }
        printf("\n");
}

static int run_list(const struct cmd_args *args)
{
        struct bk_error err = { 0 };
        json_t *answer = NULL, *hook;
        size_t i;

        if (cmd_api(args, "GET", "/hooks", NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(answer));
        else
                json_array_foreach(json_object_get(answer, "items"), i, hook)
                        print_hook(hook);
        json_decref(answer);
        return 0;
}

static int run_remove(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/hooks/%s", args->operands.v[0]);
        struct bk_error err = { 0 };
        json_t *answer = NULL;

        if (cmd_api(args, "DELETE", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        json_decref(answer);
        printf("%s is told no more\n", args->operands.v[0]);
        return 0;
}

/* --- sending ------------------------------------------------------------------------- */
static int deliver_all(const struct cmd_args *args, struct reg_delivery *ret, struct bk_error *err)
{
        autostate struct cmd_state state = { 0 };
        struct reg_delivery all = { 0 }, one = { 0 };

        if (cmd_open(args, &state, err) < 0)
                return -1;
        for (int i = 0; i < ROUNDS && (i == 0 || one.more); i++) {
                if (reg_hooks_deliver(state.reg, state.store.home, i == 0, NULL, &one, err) < 0)
                        return -1;
                all.sent += one.sent;
                all.failed += one.failed;
                all.hooks = one.hooks;
        }
        *ret = all;
        return 0;
}

static int run_deliver(const struct cmd_args *args)
{
        struct reg_delivery done = { 0 };
        struct bk_error err = { 0 };

        if (deliver_all(args, &done, &err) < 0)
                return cmd_fail(&err);
        printf("%zu event%s sent to %zu hook%s, %zu failed\n", done.sent, done.sent == 1 ? "" : "s", done.hooks, done.hooks == 1 ? "" : "s",
               done.failed);
        return done.failed > 0 ? bk_kind_exit_code(BK_INFRA) : 0;
}

/* 1: the event has arrived, 0: not yet, -1. */
static int arrived(const struct cmd_args *args, json_int_t index, struct bk_error *err)
{
        json_t *answer = NULL, *hook;
        int status = 0;
        size_t i;

        if (cmd_api(args, "GET", "/hooks", NULL, &answer, err) < 0)
                return -1;
        json_array_foreach(json_object_get(answer, "items"), i, hook) {
                if (!bk_streq(json_string_value(json_object_get(hook, "name")), args->operands.v[0]))
                        continue;
                if (json_integer_value(json_object_get(hook, "cursor")) >= index)
                        status = 1;
                else if (json_integer_value(json_object_get(hook, "failures")) > 0)
                        status = bk_fail(err, BK_INFRA, "%s", json_string_value(json_object_get(hook, "error")));
        }
        json_decref(answer);
        return status;
}

static int run_test(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/hooks/%s/test", args->operands.v[0]);
        struct bk_http_peer peer = { 0 };
        const bool there = cmd_peer(args, &peer);
        struct reg_delivery done = { 0 };
        struct bk_error err = { 0 };
        json_t *answer = NULL;
        json_int_t index;
        int status;

        if (cmd_api(args, "POST", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        index = json_integer_value(json_object_get(answer, "index"));
        json_decref(answer);
        if (!there && deliver_all(args, &done, &err) < 0)
                return cmd_fail(&err);
        status = arrived(args, index, &err);
        for (int i = 0; there && i < 2 * TEST_S && status == 0; i++) {
                (void)usleep(500000);
                status = arrived(args, index, &err);
        }
        if (status == 0)
                bk_fail(&err, BK_TIMEOUT, "the event is not sent yet; `bakery hook list` tells when it is");
        if (status <= 0)
                return cmd_fail(&err);
        printf("%s took it\n", args->operands.v[0]);
        return 0;
}

const struct cmd cmd_hook_add = {
        "hook add", "NAME URL", 2, 2, "tell a URL of changes",
        "Each event, as `bakery audit -json` shows it, is posted there as JSON, in order, until it is answered with 2xx; so one may come twice. "
        "With a "
        "secret, X-Bakery-Signature is 'sha256=' and the HMAC of the body. `bakery serve` sends them. The secret is kept in the state folder of "
        "whoever sends, in hooks/NAME.secret, for its owner only.",
        CMD_FLAGS(add_flags), run_add,
};
const struct cmd cmd_hook_list = {
        "hook list", "", 0, 0, "show who is told of changes", "And how far each has come, and why it has not come further.", CMD_FLAGS(json_flags),
        run_list,
};
const struct cmd cmd_hook_remove = {
        "hook remove", "NAME", 1, 1, "tell a URL of changes no more", "", NULL, 0, run_remove,
};
const struct cmd cmd_hook_test = {
        "hook test", "NAME", 1, 1, "send a URL an event, and say whether it took it",
        "The event is 'hook.tested'; others that wait are sent before it.", NULL, 0, run_test,
};
const struct cmd cmd_hook_deliver = {
        "hook deliver", "", 0, 0, "send what hooks wait for, once",
        "For cron, where no `bakery serve` runs on this registry. Exits with 6 when somebody did not take what was sent.", NULL, 0, run_deliver,
};
