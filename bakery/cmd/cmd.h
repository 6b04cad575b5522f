/* Commands are rows. Parsing, help, the man page and completion all come from
 * them; adding a command means adding a row and its function. */
#pragma once
#include <stdbool.h>
#include "layers/layer.h"
#include "lib/mem.h"
#include "registry/registry.h"

struct cmd_flag {
        const char *name;               /* accepted with one dash or two */
        const char *value;              /* what it takes, for help; NULL: a switch (also -name=false) */
        bool repeat;                    /* may be given several times */
        const char *help;
};

struct cmd_args {
        const struct cmd *cmd;
        struct bk_strv operands;
        struct { const struct cmd_flag *flag; char *value; } *given;
        size_t n_given;
};
/* The value given last, else that of BAKERY_NAME (dashes become underscores), else NULL. Switches: "true" or "false". */
const char *cmd_value(const struct cmd_args *args, const char *flag);
bool cmd_switch(const struct cmd_args *args, const char *flag);
void cmd_values(const struct cmd_args *args, const char *flag, struct bk_strv *ret);
/* A whole number of at least `least`; fallback when not given. Exits with 2 otherwise. */
long cmd_number(const struct cmd_args *args, const char *flag, long least, long fallback);
char *cmd_home(const struct cmd_args *args);

struct cmd {
        const char *name;               /* one word, or two: "image show" */
        const char *operands;           /* for help: "TEMPLATE..." */
        int least, most;                /* operands; most -1: no limit */
        const char *help;               /* one line */
        const char *text;               /* paragraphs for the man page */
        const struct cmd_flag *flags;
        size_t n_flags;
        int (*run)(const struct cmd_args *args);        /* returns the exit code */
};
const struct cmd *cmd_rows(size_t *n);
const struct cmd_flag *cmd_global_flags(size_t *n);

/* What commands work on. A zeroed one is fine to be done. */
struct cmd_state {
        struct layer_store store;
        struct reg *reg;
        struct reg_image image;         /* that the command is about; zeroed: none */
};
void cmd_state_done(struct cmd_state *state);
#define autostate BK_CLEANUP(cmd_state_done)
/* Store and registry of the state folder; on failure nothing is left open. */
int cmd_open(const struct cmd_args *args, struct cmd_state *ret, struct bk_error *err) BK_MUST_CHECK;
/* ... and the image that the first operand refers to. */
int cmd_open_image(const struct cmd_args *args, struct cmd_state *ret, struct bk_error *err) BK_MUST_CHECK;

/* Prints "bakery: error: ..." and returns the exit code for it. */
int cmd_fail(const struct bk_error *err);
int cmd_main(int argc, char **argv);
int cmd_help(const struct cmd_args *args);
void cmd_help_one(const struct cmd *cmd);
void cmd_help_all(void);

#define CMD_REFERENCES "An IMAGE is a digest, its first 8 or more digits, a name, name:channel, or a query; the newest where several match."
#define CMD_FLAGS(rows) rows, sizeof rows / sizeof *rows
extern const struct cmd cmd_build, cmd_plan, cmd_validate, cmd_inspect, cmd_images, cmd_image_show, cmd_image_lineage, cmd_image_diff,
        cmd_image_export, cmd_image_delete, cmd_image_promote, cmd_boot_keys, cmd_boot, cmd_doctor, cmd_fsck, cmd_backup, cmd_restore, cmd_spec_run,
        cmd_spec_types, cmd_spec_add;
extern const struct cmd cmd_image_state, cmd_image_deprecate, cmd_image_revoke, cmd_image_restore, cmd_image_trash, cmd_image_untrash,
        cmd_image_tag, cmd_image_sign, cmd_image_verify, cmd_image_provenance, cmd_channel_list, cmd_channel_assign, cmd_channel_history,
        cmd_channel_rollback, cmd_channel_restrict, cmd_channel_delete, cmd_audit, cmd_index, cmd_key_create, cmd_token_create, cmd_token_list,
        cmd_token_revoke, cmd_image_keep, cmd_image_unkeep, cmd_image_hide, cmd_image_unhide, cmd_trash;
extern const struct cmd cmd_packages, cmd_vulnerable, cmd_advisory_import, cmd_advisory_show, cmd_sbom, cmd_sbom_attach;
extern const struct cmd cmd_bakes, cmd_usage, cmd_usage_scan, cmd_usage_report, cmd_view_make, cmd_view_prune, cmd_hook_add, cmd_hook_list,
        cmd_hook_remove, cmd_hook_test, cmd_hook_deliver;
extern const struct cmd cmd_janitor_sweep;
extern const struct cmd cmd_serve, cmd_image_push, cmd_image_pull;
extern const struct cmd cmd_janitor_plan_row, cmd_janitor_run, cmd_janitor_explain, cmd_janitor_simulate, cmd_janitor_lint, cmd_janitor_undelete,
        cmd_janitor_accept;
