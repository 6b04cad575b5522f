/* What the commands that change the registry share: bodies of requests, and answers for people. */
#pragma once
#include "bakery/cmd/api.h"

#define CMD_REASON_FLAG { "reason", "TEXT", false, "why; recorded" }
#define CMD_JSON_FLAG { "json", NULL, false, "JSON" }

/* {"why": -reason, "expect": -expect}, as far as they were given; the caller's. */
json_t *cmd_change(const struct cmd_args *args);
/* A text of an answer, "-" for none; borrowed. */
const char *cmd_field(const json_t *object, const char *key);
/* Prints JSON on lines, and takes it. */
void cmd_print_json(json_t *value);
/* "90d", "12h", "2w" from now, or a moment as it is; *ret is ISO and the caller's. */
int cmd_moment(const char *text, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* A file of this command line only: -key, which is not BAKERY_KEY, the key of the client; NULL when not given. */
const char *cmd_given(const struct cmd_args *args, const char *flag);
