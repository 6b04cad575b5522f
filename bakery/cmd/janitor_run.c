/* janitor run, explain, accept: doing it, saying why, and that it may go on. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/janitor.h"
#include "bakery/cmd/life.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"
#include "registry/usage.h"

static const struct cmd_flag run_flags[] = {
        CMD_RULES_FLAG,
        { "yes", NULL, false, "do it; without, the plan is shown and nothing is done" },
        { "quiet", NULL, false, "print nothing but errors" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag accept_flags[] = { CMD_REASON_FLAG };
static const struct cmd_flag explain_flags[] = {
        CMD_RULES_FLAG,
        { "at", "DATE", false, "as if it were that moment: 2026-12-31, 30d" },
        CMD_JSON_FLAG,
};

/* --- run --------------------------------------------------------------------------------------- */
static void print_line(void *arg, const char *line)
{
        (void)arg;
        printf("%s\n", line);
        (void)fflush(stdout);
}

static void print_counts(json_t *counts)
{
        const json_t *count;
        const char *key;

        printf("run");
        json_object_foreach(counts, key, count)
                printf(" %s %lld", key, (long long)json_integer_value(count));
        printf("\n");
}

static int run_run(const struct cmd_args *args)
{
        autojanitor janitor = { 0 };
        autofree char *user = cmd_user(), *home = cmd_home(args), *who = NULL;
        char host[256] = "";
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        struct janitor_run run = { .rules = &janitor.rules, .store = &janitor.state.store, .home = home };

        if (cmd_janitor_open(args, &janitor, &err) < 0)
                return cmd_fail(&err);
        if (!cmd_switch(args, "yes")) {
                const int code = cmd_janitor_plan(args, &janitor, false);

                if (code == 0 && !cmd_switch(args, "json"))
                        printf("nothing was done; -yes does it\n");
                return code;
        }
        (void)gethostname(host, sizeof host - 1);
        who = bk_format("%s@%s", user, host);
        run.who = who;
        run.log = cmd_switch(args, "quiet") || cmd_switch(args, "json") ? NULL : print_line;
        if (janitor_run(janitor.state.reg, &run, &counts, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(counts));
        else if (!cmd_switch(args, "quiet"))
                print_counts(counts);
        json_decref(counts);
        return 0;
}

/* --- explain ------------------------------------------------------------------------------------- */
static void print_tree(const json_t *tree, int depth)
{
        autofree char *text = cmd_member(tree, "text"), *value = cmd_member(tree, "value"), *answer = cmd_member(tree, "answer");
        autofree char *node = cmd_member(tree, "node");
        const json_t *item;
        size_t i;

        if (bk_streq(node, "test"))
                printf("%*s%-8s %s   it is: %s\n", depth, "", answer, text, value);
        else
                printf("%*s%-8s %s\n", depth, "", answer, node);
        json_array_foreach(json_object_get(tree, "items"), i, item)
                print_tree(item, depth + 2);
}

static void print_rule(const json_t *rule)
{
        const json_t *scope = json_object_get(rule, "scope"), *terms = json_object_get(rule, "terms"), *item;
        autofree char *name = cmd_member(rule, "rule"), *kind = cmd_member(rule, "kind"), *place = cmd_member(rule, "place");
        autofree char *answer = cmd_member(rule, "answer"), *text = cmd_member(scope, "text"), *held = cmd_member(scope, "answer");
        autofree char *value = cmd_member(scope, "value");
        size_t i;

        printf("\n%s \"%s\": %s  (%s)\n", kind, name, answer, place);
        if (json_is_string(json_object_get(scope, "text")))
                printf("  %-8s scope = \"%s\"   it is: %s\n", held, text, value);
        json_array_foreach(json_object_get(terms, "items"), i, item)
                print_tree(item, 2);
}

static void print_lines(const char *heading, const json_t *lines)
{
        const json_t *line;
        size_t i;

        if (json_array_size(lines) > 0)
                printf("%s\n", heading);
        json_array_foreach(lines, i, line) {
                autofree char *text = cmd_plain(line);

                printf("  %s\n", text);
        }
}

static void print_explained(const json_t *json)
{
        autofree char *id = cmd_member(json, "image"), *name = cmd_member(json, "name"), *fate = cmd_member(json, "fate");
        autofree char *action = cmd_member(json, "action"), *rule = cmd_member(json, "rule"), *kind = cmd_member(json, "kind");
        autofree char *place = cmd_member(json, "place"), *why = cmd_member(json, "why"), *due = cmd_member(json, "due_at");
        const json_t *item;
        size_t i;

        printf("%s (%s): %s%s%s%s%s\n", id, name, fate, json_is_string(json_object_get(json, "action")) ? ", to " : "",
               json_is_string(json_object_get(json, "action")) ? action : "", json_is_string(json_object_get(json, "due_at")) ? ", due " : "",
               json_is_string(json_object_get(json, "due_at")) ? due : "");
        if (json_is_string(json_object_get(json, "rule")))
                printf("decided by %s \"%s\" at %s\n", kind, rule, place);
        printf("because: %s\n", why);
        print_lines("no rule may touch it, as:", json_object_get(json, "invariants"));
        print_lines("what would change that:", json_object_get(json, "would_change"));
        json_array_foreach(json_object_get(json, "rules"), i, item)
                print_rule(item);
}

static int run_explain(const struct cmd_args *args)
{
        autojanitor janitor = { 0 };
        struct bk_error err = { 0 };
        json_t *json = NULL;

        if (cmd_janitor_open(args, &janitor, &err) < 0)
                return cmd_fail(&err);
        const struct janitor_ask ask = { .rules = &janitor.rules, .at = janitor.at };

        if (janitor_explain(janitor.state.reg, &ask, args->operands.v[0], &json, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(json);
                return 0;
        }
        print_explained(json);
        json_decref(json);
        return 0;
}

/* --- accept ---------------------------------------------------------------------------------------- */
static int run_accept(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        autofree char *user = cmd_user();
        const struct reg_change change = { .who = user, .why = cmd_value(args, "reason") };
        struct bk_error err = { 0 };

        if (cmd_value(args, "registry") != NULL) {
                (void)bk_fail(&err, BK_USAGE, "the janitor works where the registry's database is, not through '%s'; use that host, or -db",
                              cmd_value(args, "registry"));
                return cmd_fail(&err);
        }
        if (cmd_open(args, &state, &err) < 0)
                return cmd_fail(&err);
        for (size_t i = 0; i < args->operands.n; i++) {
                int64_t was = 0, count = 0;

                if (reg_usage_accept(state.reg, args->operands.v[i], &change, &was, &count, &err) < 0)
                        return cmd_fail(&err);
                printf("source %s: compared with %lld uses from now on, no longer with %lld\n", args->operands.v[i], (long long)count,
                       (long long)was);
        }
        return 0;
}

const struct cmd cmd_janitor_run = {
        "janitor run", "", 0, 0, "do what the janitor's rules say",
        "Without -yes it shows the plan and does nothing. With it: images that rules find are marked, whoever is to be told is told, and what is "
        "due goes: deprecated, hidden, to the trash, and after its time there for good; then blobs that no image needs are removed. Everything is "
        "decided anew in the transaction that does it. One run at a time; a run that was killed is continued by the next. Nothing is done at all "
        "when a source of usage is stale, failed or has suddenly shrunk (exit code 1); another run is exit code 5. Mail goes through "
        "/usr/sbin/sendmail, or the program that BAKERY_SENDMAIL names; webhooks are signed with the first line of janitor.secret in the state "
        "folder.",
        CMD_FLAGS(run_flags), run_run,
};
const struct cmd cmd_janitor_explain = {
        "janitor explain", "IMAGE", 1, 1, "tell why an image stays or goes, and what would change that",
        "The deciding rule and its place, every rule with every predicate and what was found where it looked, and what no rule may override. "
        CMD_REFERENCES,
        CMD_FLAGS(explain_flags), run_explain,
};
const struct cmd cmd_janitor_accept = {
        "janitor accept", "SOURCE...", 1, -1, "say that what a source of usage knows now is all that there is",
        "The janitor does nothing while a source knows of much less than it did since the last run that went through, as it may have forgotten what "
        "is there. Who knows that it has not says so here; `bakery usage` tells of sources and what they know.",
        CMD_FLAGS(accept_flags), run_accept,
};
