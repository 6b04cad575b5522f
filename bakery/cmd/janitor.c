/* janitor plan, simulate, lint, undelete: what would go, by which rule; and taking it back. */
#include "bakery/cmd/janitor.h"

#include <stdio.h>
#include <string.h>

#include "bakery/cmd/life.h"
#include "bakery/cmd/listing.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"
#include "registry/api.h"

static const struct cmd_flag plan_flags[] = {
        CMD_RULES_FLAG,
        { "at", "DATE", false, "as if it were that moment, and nothing else had changed: 2026-12-31, 30d" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag simulate_flags[] = {
        CMD_RULES_FLAG,
        { "at", "DATE", false, "until then, with a run each day: 2026-12-31, 30d. It is needed" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag lint_flags[] = { CMD_RULES_FLAG, CMD_JSON_FLAG };
static const struct cmd_flag undelete_flags[] = { CMD_REASON_FLAG, CMD_JSON_FLAG };

/* --- what is shared ------------------------------------------------------------------------- */
void cmd_janitor_done(struct cmd_janitor *janitor)
{
        cmd_state_done(&janitor->state);
        janitor_rules_done(&janitor->rules);
}

int cmd_janitor_rules(const struct cmd_args *args, struct janitor_rules *ret, struct bk_error *err)
{
        const char *given = cmd_value(args, "rules");
        autofree char *home = cmd_home(args), *path = given != NULL ? bk_strdup(given) : janitor_rules_path(home);

        if (path == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there are no rules: write '%s/janitor.hcl' or /etc/bakery/janitor.hcl, or name a file by -rules. "
                               "images/janitor.hcl is one to begin with", home);
        return janitor_rules_load(path, ret, err);
}

int cmd_janitor_open(const struct cmd_args *args, struct cmd_janitor *ret, struct bk_error *err)
{
        const char *at = cmd_value(args, "at");
        autojanitor janitor = { 0 };

        if (cmd_value(args, "registry") != NULL)
                return bk_fail(err, BK_USAGE, "the janitor works where the registry's database is, not through '%s'; use that host, or -db",
                               cmd_value(args, "registry"));
        if ((at != NULL && janitor_moment(at, &janitor.at, err) < 0) || cmd_janitor_rules(args, &janitor.rules, err) < 0 ||
            cmd_open(args, &janitor.state, err) < 0)
                return -1;
        *ret = janitor;
        janitor = (struct cmd_janitor){ 0 };
        return 0;
}

int cmd_janitor_answer(const struct reg_request *request, struct reg *reg, size_t most, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        autofree char *path = request->store == NULL ? NULL : janitor_rules_path(request->store->home);
        const struct janitor_ask ask = { .rules = &rules };

        if (path == NULL)
                return bk_fail(err, BK_NOT_FOUND, "the registry's host has no rules for its janitor");
        if (janitor_rules_load(path, &rules, err) < 0 || janitor_plan(reg, &ask, &plan, err) < 0)
                return -1;
        return janitor_plan_json(reg, &rules, &plan, most, ret, err);
}

/* --- plan --------------------------------------------------------------------------------------- */
static void print_item(const json_t *item)
{
        autofree char *id = cmd_shown(item, "image"), *name = cmd_shown(item, "name"), *action = cmd_shown(item, "action");
        autofree char *fate = cmd_shown(item, "fate"), *rule = cmd_shown(item, "rule"), *due = cmd_shown(item, "due_at");
        autofree char *why = cmd_shown(item, "why");
        autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(item, "bytes")));

        printf("%-19.19s  %-24s %-10s %-10s %-20s %-20s %10s  %s\n", id, name, action, fate, rule, due, size, why);
}

static void print_plan(const json_t *plan)
{
        const json_t *counts = json_object_get(plan, "counts"), *count, *item;
        autofree char *bytes = cmd_size((uint64_t)json_integer_value(json_object_get(plan, "bytes"))), *at = cmd_shown(plan, "at");
        autofree char *stopped = cmd_shown(plan, "stopped");
        const char *fate;
        size_t i;

        if (json_array_size(json_object_get(plan, "items")) > 0)
                printf("%-19s  %-24s %-10s %-10s %-20s %-20s %10s  %s\n", "IMAGE", "NAME", "ACTION", "FATE", "RULE", "DUE", "BYTES", "WHY");
        json_array_foreach(json_object_get(plan, "items"), i, item)
                print_item(item);
        printf("at %s:", at);
        json_object_foreach((json_t *)counts, fate, count)
                printf(" %s %lld,", fate, (long long)json_integer_value(count));
        printf(" %s come free\n", bytes);
        if (!bk_streq(stopped, "-"))
                printf("a run would do nothing: %s\n", stopped);
}

int cmd_janitor_plan(const struct cmd_args *args, struct cmd_janitor *janitor, bool simulate)
{
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        const struct janitor_ask ask = { .rules = &janitor->rules, .at = janitor->at, .simulate = simulate };
        struct bk_error err = { 0 };
        json_t *json = NULL;

        if (janitor_plan(janitor->state.reg, &ask, &plan, &err) < 0 ||
            janitor_plan_json(janitor->state.reg, &janitor->rules, &plan, SIZE_MAX, &json, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(json);
                return 0;
        }
        print_plan(json);
        json_decref(json);
        return 0;
}

static int run_plan(const struct cmd_args *args)
{
        autojanitor janitor = { 0 };
        struct bk_error err = { 0 };

        return cmd_janitor_open(args, &janitor, &err) < 0 ? cmd_fail(&err) : cmd_janitor_plan(args, &janitor, false);
}

static int run_simulate(const struct cmd_args *args)
{
        autojanitor janitor = { 0 };
        struct bk_error err = { 0 };

        if (cmd_value(args, "at") == NULL) {
                (void)bk_fail(&err, BK_USAGE, "until when? Say -at DATE: 2026-12-31, or 30d for in 30 days");
                return cmd_fail(&err);
        }
        return cmd_janitor_open(args, &janitor, &err) < 0 ? cmd_fail(&err) : cmd_janitor_plan(args, &janitor, true);
}

/* --- lint ------------------------------------------------------------------------------------------ */
static int run_lint(const struct cmd_args *args)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        struct bk_error err = { 0 };
        json_t *list = NULL, *problem;
        size_t i, n;

        if (cmd_janitor_rules(args, &rules, &err) < 0 || janitor_lint(&rules, &list, &err) < 0)
                return cmd_fail(&err);
        n = json_array_size(list);
        if (cmd_switch(args, "json")) {
                cmd_print_json(list);
                return n > 0;
        }
        json_array_foreach(list, i, problem) {
                autofree char *place = cmd_shown(problem, "place"), *rule = cmd_shown(problem, "rule"), *text = cmd_shown(problem, "problem");

                printf("%s: %s%s%s\n", place, bk_streq(rule, "-") ? "" : rule, bk_streq(rule, "-") ? "" : ": ", text);
        }
        if (n == 0)
                printf("%s: %zu rules, nothing to say against them\n", rules.file, rules.n);
        json_decref(list);
        return n > 0;
}

/* --- undelete ---------------------------------------------------------------------------------------- */
static int run_undelete(const struct cmd_args *args)
{
        for (size_t i = 0; i < args->operands.n; i++) {
                autofree char *target = cmd_target("/images/%s/untrash", args->operands.v[i]);
                struct bk_error err = { 0 };
                json_t *image = NULL;

                if (cmd_api(args, "POST", target, cmd_change(args), &image, &err) < 0)
                        return cmd_fail(&err);
                if (cmd_switch(args, "json")) {
                        cmd_print_json(image);
                        continue;
                }
                printf("%s (%s) is %s again; to keep it from the rules: bakery image keep %.19s\n", cmd_field(image, "id"), cmd_field(image, "name"),
                       cmd_field(image, "state"), cmd_field(image, "id"));
                json_decref(image);
        }
        return 0;
}

const struct cmd cmd_janitor_plan_row = {
        "janitor plan", "", 0, 0, "show what the janitor's rules would do, and change nothing",
        "For each image that a rule finds or that lies in the trash: what is to become of it and by which rule, whether it goes with the next run, "
        "waits for its grace or its restore time, is beyond a cap, or stays because something protects it; and how many bytes come free. "
        "docs/janitor.md explains the rules.",
        CMD_FLAGS(plan_flags), run_plan,
};
const struct cmd cmd_janitor_simulate = {
        "janitor simulate", "", 0, 0, "show what would be gone by some day",
        "As if the janitor ran each day until then, within its caps, everybody was told at once, and nothing else happened. What would be done by "
        "then has the fate goes, and its day. Ten years are the most.",
        CMD_FLAGS(simulate_flags), run_simulate,
};
const struct cmd cmd_janitor_lint = {
        "janitor lint", "", 0, 0, "find rules that never match, that contradict, or that others make superfluous",
        "Exits with 1 when there is something to say, with 2 when the file is not understood.", CMD_FLAGS(lint_flags), run_lint,
};
const struct cmd cmd_janitor_undelete = {
        "janitor undelete", "IMAGE...", 1, -1, "take images back out of the trash",
        "They are what they were before. A rule that still finds them trashes them again, with a new grace, unless they are kept. " CMD_REFERENCES,
        CMD_FLAGS(undelete_flags), run_undelete,
};
