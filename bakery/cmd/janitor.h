/* What the janitor's commands share: rules, and how a plan is shown. */
#pragma once
#include "bakery/cmd/cmd.h"
#include "janitor/janitor.h"

#define CMD_RULES_FLAG { "rules", "FILE", false, "rules, instead of janitor.hcl of the state folder or /etc/bakery/janitor.hcl" }
/* Its rules, and where there is one its registry. */
struct cmd_janitor { struct cmd_state state; struct janitor_rules rules; int64_t at; };
void cmd_janitor_done(struct cmd_janitor *janitor);
#define autojanitor BK_CLEANUP(cmd_janitor_done) struct cmd_janitor
int cmd_janitor_open(const struct cmd_args *args, struct cmd_janitor *ret, struct bk_error *err) BK_MUST_CHECK;
int cmd_janitor_rules(const struct cmd_args *args, struct janitor_rules *ret, struct bk_error *err) BK_MUST_CHECK;
/* A plan, as -json wants it or as a table; returns the exit code. */
int cmd_janitor_plan(const struct cmd_args *args, struct cmd_janitor *janitor, bool simulate);

/* struct reg_request's plan, of the rules of the state folder; BK_NOT_FOUND without any. */
struct reg_request;
int cmd_janitor_answer(const struct reg_request *request, struct reg *reg, size_t most, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
