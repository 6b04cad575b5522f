/* audit: the log of all that changed. token create, list, revoke: who may change it. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/life.h"
#include "lib/cleanup.h"

static const struct cmd_flag audit_flags[] = {
        { "since", "NUMBER", false, "what happened after this one (default 0: from the beginning)" },
        { "limit", "N", false, "as many at most (default: all)" },
        { "verify", NULL, false, "walk the chain of digests instead; exit with 1 where it is broken" },
        { "head", "NUMBER:DIGEST", false, "with -verify: what is remembered of the log, which must be in it" },
        { "json", NULL, false, "JSON Lines, one an event" },
};
static const struct cmd_flag create_flags[] = {
        { "role", "ROLE", false, "read, bake, promote or admin; each may do what those before it may. It is needed" },
        { "expires", "TIME", false, "90d from now, or 2006-01-02; without, it never does" },
        CMD_REASON_FLAG, CMD_JSON_FLAG,
};
static const struct cmd_flag json_flags[] = { CMD_JSON_FLAG };
static const struct cmd_flag revoke_flags[] = { CMD_REASON_FLAG, CMD_JSON_FLAG };

/* --- the log ----------------------------------------------------------------- */
static void print_event(const struct cmd_args *args, const json_t *event)
{
        autofree char *detail = json_dumps(json_object_get(event, "detail"), JSON_COMPACT | JSON_SORT_KEYS);
        const char *name = json_string_value(json_object_get(event, "name")), *why = json_string_value(json_object_get(event, "why"));

        if (cmd_switch(args, "json")) {
                autofree char *line = json_dumps(event, JSON_COMPACT);

                printf("%s\n", line == NULL ? "null" : line);
                return;
        }
        printf("%6lld  %s  %-12s  %-18s  %s%s%s%s", (long long)json_integer_value(json_object_get(event, "id")), cmd_field(event, "at"),
               cmd_field(event, "who"), cmd_field(event, "action"), cmd_field(event, "subject"), name == NULL ? "" : " (", name == NULL ? "" : name,
               name == NULL ? "" : ")");
        printf("%s%s%s%s\n", detail == NULL ? "" : "  ", detail == NULL ? "" : detail, why == NULL ? "" : "  ", why == NULL ? "" : why);
}

static int run_events(const struct cmd_args *args)
{
        const long limit = cmd_number(args, "limit", 0, 0);
        json_int_t since = cmd_number(args, "since", 0, 0);
        long n = 0;

        for (;;) {
                autofree char *target = bk_format("/events?since=%lld&_limit=1000", (long long)since);
                struct bk_error err = { 0 };
                json_t *page = NULL, *event;
                bool more;
                size_t i;

                if (cmd_api(args, "GET", target, NULL, &page, &err) < 0)
                        return cmd_fail(&err);
                json_array_foreach(json_object_get(page, "items"), i, event)
                        if (limit == 0 || n++ < limit)
                                print_event(args, event);
                more = json_is_integer(json_object_get(page, "next")) && (limit == 0 || n < limit);
                since = json_integer_value(json_object_get(page, "next"));
                json_decref(page);
                if (!more)
                        return 0;
        }
}

static int run_verify(const struct cmd_args *args)
{
        const char *head = cmd_given(args, "head");
        autofree char *target = head == NULL ? bk_strdup("/audit/verify") : cmd_target("/audit/verify?head=%s", head);
        struct bk_error err = { 0 };
        json_t *verdict = NULL;
        bool good;

        if (cmd_api(args, "GET", target, NULL, &verdict, &err) < 0)
                return cmd_fail(&err);
        good = json_is_true(json_object_get(verdict, "ok"));
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(verdict));
        else if (good)
                printf("%lld events, unbroken up to %lld:%s\n", (long long)json_integer_value(json_object_get(verdict, "events")),
                       (long long)json_integer_value(json_object_get(verdict, "index")), cmd_field(verdict, "digest"));
        else
                printf("event %lld does not fit: %s\n", (long long)json_integer_value(json_object_get(verdict, "bad")),
                       cmd_field(verdict, "problem"));
        json_decref(verdict);
        return good ? 0 : 1;
}

static int run_audit(const struct cmd_args *args)
{
        return cmd_switch(args, "verify") ? run_verify(args) : run_events(args);
}

/* --- tokens --------------------------------------------------------------------- */
static int run_create(const struct cmd_args *args)
{
        const char *expires = cmd_given(args, "expires"), *role = cmd_given(args, "role");
        json_t *body = cmd_change(args), *token = NULL;
        autofree char *when = NULL;
        struct bk_error err = { 0 };

        if (expires != NULL && cmd_moment(expires, &when, &err) < 0) {
                json_decref(body);
                return cmd_fail(&err);
        }
        (void)json_object_set_new(body, "name", json_string(args->operands.v[0]));
        if (role != NULL)
                (void)json_object_set_new(body, "role", json_string(role));
        if (when != NULL)
                (void)json_object_set_new(body, "expires", json_string(when));
        if (cmd_api(args, "POST", "/tokens", body, &token, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(token);
                return 0;
        }
        printf("%s\n", cmd_field(token, "token"));
        (void)fflush(stdout);
        (void)fprintf(stderr, "This is the token of '%s' (%s). It is told this once; give it to programs as BAKERY_TOKEN.\n",
                      cmd_field(token, "name"), cmd_field(token, "role"));
        json_decref(token);
        return 0;
}

static int run_list(const struct cmd_args *args)
{
        json_t *list = NULL, *row;
        struct bk_error err = { 0 };
        size_t i;

        if (cmd_api(args, "GET", "/tokens", NULL, &list, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(list);
                return 0;
        }
        printf("%-24s  %-8s  %-20s  %-20s  %-20s  %s\n", "TOKEN", "ROLE", "MADE", "EXPIRES", "USED", "REVOKED");
        json_array_foreach(json_object_get(list, "items"), i, row)
                printf("%-24s  %-8s  %-20s  %-20s  %-20s  %s\n", cmd_field(row, "name"), cmd_field(row, "role"), cmd_field(row, "created_at"),
                       cmd_field(row, "expires_at"), cmd_field(row, "used_at"), cmd_field(row, "revoked_at"));
        json_decref(list);
        return 0;
}

static int run_revoke(const struct cmd_args *args)
{
        autofree char *why = cmd_value(args, "reason") == NULL ? NULL : bk_http_escape(cmd_value(args, "reason"));
        autofree char *path = cmd_target("/tokens/%s", args->operands.v[0]);
        autofree char *target = why == NULL ? bk_strdup(path) : bk_format("%s?why=%s", path, why);
        struct bk_error err = { 0 };
        json_t *gone = NULL;

        if (cmd_api(args, "DELETE", target, NULL, &gone, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(gone));
        else
                printf("revoked token %s\n", args->operands.v[0]);
        json_decref(gone);
        return 0;
}

const struct cmd cmd_audit = {
        "audit", "", 0, 0, "show the log of all that changed, or verify it",
        "Each event has a digest that covers the one before: what was changed or taken out shows with -verify. An end that was cut off shows with "
        "-head only, to which a number and digest that were noted elsewhere are given; the signed index holds such a pair.",
        CMD_FLAGS(audit_flags), run_audit,
};
const struct cmd cmd_token_create = {
        "token create", "NAME", 1, 1, "make a token for a program, and print it once",
        "Only its SHA-256 is kept. The name stands in the log for whatever is done with it.", CMD_FLAGS(create_flags), run_create,
};
const struct cmd cmd_token_list = {
        "token list", "", 0, 0, "list tokens", "When one was last used is known to the hour.", CMD_FLAGS(json_flags), run_list,
};
const struct cmd cmd_token_revoke = {
        "token revoke", "NAME", 1, 1, "make a token worthless", "Its name is not given again.", CMD_FLAGS(revoke_flags), run_revoke,
};
