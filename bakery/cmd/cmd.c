/* The command line: Packer's manners (one dash or two, -flag=value), every
 * option also from the environment. */
#include "bakery/cmd/cmd.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/doc.h"
#include "lib/fs.h"

static int run_version(const struct cmd_args *args)
{
        if (cmd_switch(args, "machine-readable")) {
                printf("%s,,version,%s\n", "0", BAKERY_VERSION);
                printf("%s,,version-prelease,\n", "0");
                printf("%s,,version-commit,\n", "0");
        } else {
                printf("bakery %s\n", BAKERY_VERSION);
        }
        return 0;
}

static const struct cmd_flag version_flags[] = {
        { "machine-readable", NULL, false, "Packer's machine-readable lines" },
};
static const struct cmd_flag help_flags[] = {
        { "man", NULL, false, "print the man page (roff)" },
        { "completion", NULL, false, "print completion for bash" },
};
static const struct cmd version_row = {
        "version", "", 0, 0, "print the version", "", CMD_FLAGS(version_flags), run_version,
};
static const struct cmd help_row = {
        "help", "[COMMAND]", 0, 2, "explain a command, or a vocabulary",
        "Besides commands, 'builders', 'provisioners', 'post-processors', 'sysprep' and 'formats' can be asked for.",
        CMD_FLAGS(help_flags), cmd_help,
};

static const struct cmd *const rows[] = {
        &cmd_build, &cmd_plan, &cmd_validate, &cmd_inspect,
        &cmd_images, &cmd_image_show, &cmd_image_lineage, &cmd_image_diff, &cmd_image_export, &cmd_image_delete, &cmd_image_push,
        &cmd_image_pull,
        &cmd_image_state, &cmd_image_promote, &cmd_image_deprecate, &cmd_image_revoke, &cmd_image_restore, &cmd_image_trash,
        &cmd_image_untrash, &cmd_trash, &cmd_image_keep, &cmd_image_unkeep, &cmd_image_hide, &cmd_image_unhide, &cmd_image_tag,
        &cmd_image_sign, &cmd_image_verify, &cmd_image_provenance, &cmd_key_create, &cmd_index,
        &cmd_channel_list, &cmd_channel_assign, &cmd_channel_history, &cmd_channel_rollback, &cmd_channel_restrict, &cmd_channel_delete,
        &cmd_packages, &cmd_vulnerable, &cmd_advisory_import, &cmd_advisory_show, &cmd_sbom_attach, &cmd_sbom,
        &cmd_bakes, &cmd_usage_scan, &cmd_usage_report, &cmd_usage, &cmd_view_make, &cmd_view_prune,
        &cmd_hook_add, &cmd_hook_list, &cmd_hook_remove, &cmd_hook_test, &cmd_hook_deliver,
        &cmd_janitor_plan_row, &cmd_janitor_run, &cmd_janitor_explain, &cmd_janitor_simulate, &cmd_janitor_lint, &cmd_janitor_undelete,
        &cmd_janitor_accept,
        &cmd_boot_keys, &cmd_boot,
        &cmd_spec_run, &cmd_spec_types, &cmd_spec_add,
        &cmd_janitor_sweep,
        &cmd_serve, &cmd_token_create, &cmd_token_list, &cmd_token_revoke, &cmd_audit,
        &cmd_doctor, &cmd_fsck, &cmd_backup, &cmd_restore, &version_row, &help_row,
};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct cmd_flag global_flags[] = {
        { "home", "DIR", false, "state folder, instead of BAKERY_HOME or /var/lib/bakery" },
        { "registry", "URL", false, "ask the registry that `bakery serve` offers there, or unix:SOCKET, not that of the state folder" },
        { "db", "URL", false, "registry in PostgreSQL, postgresql://USER@HOST/DATABASE; a password is better in PGPASSWORD or ~/.pgpass" },
        { "help", NULL, false, "explain the command" },
};
enum { GLOBALS = sizeof global_flags / sizeof *global_flags };

const struct cmd *cmd_rows(size_t *n)
{
        static struct cmd copy[ROWS];

        for (size_t i = 0; i < ROWS; i++)
                copy[i] = *rows[i];
        *n = ROWS;
        return copy;
}

const struct cmd_flag *cmd_global_flags(size_t *n)
{
        *n = GLOBALS;
        return global_flags;
}

int cmd_fail(const struct bk_error *err)
{
        (void)fflush(stdout);
        if (err->at[0] != '\0')
                (void)fprintf(stderr, "%s: error: %s\n", err->at, err->text);
        else
                (void)fprintf(stderr, "bakery: error: %s\n", err->text);
        return bk_kind_exit_code(err->kind);
}

static char *env_name(const char *flag)
{
        char *name = bk_format("BAKERY_%s", flag);

        for (char *p = name; *p != '\0'; p++)
                *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
        return name;
}

const char *cmd_value(const struct cmd_args *args, const char *flag)
{
        autofree char *name = env_name(flag);
        const char *value;

        for (size_t i = args->n_given; i-- > 0;)
                if (bk_streq(args->given[i].flag->name, flag))
                        return args->given[i].value;
        value = getenv(name);
        return value != NULL && *value != '\0' ? value : NULL;
}

bool cmd_switch(const struct cmd_args *args, const char *flag)
{
        const char *value = cmd_value(args, flag);

        return value != NULL && !bk_streq(value, "false") && !bk_streq(value, "0") && !bk_streq(value, "no");
}

void cmd_values(const struct cmd_args *args, const char *flag, struct bk_strv *ret)
{
        for (size_t i = 0; i < args->n_given; i++)
                if (bk_streq(args->given[i].flag->name, flag))
                        bk_strv_add(ret, args->given[i].value);
        if (ret->n == 0 && cmd_value(args, flag) != NULL)
                bk_strv_add(ret, cmd_value(args, flag));
}

long cmd_number(const struct cmd_args *args, const char *flag, long least, long fallback)
{
        const char *text = cmd_value(args, flag);
        char *end;
        long number;

        if (text == NULL)
                return fallback;
        errno = 0;
        number = strtol(text, &end, 10);
        if (errno != 0 || *end != '\0' || end == text || number < least) {
                (void)fprintf(stderr, "bakery: error: -%s takes a whole number of at least %ld, not '%s'\n", flag, least, text);
                exit(2);
        }
        return number;
}

char *cmd_home(const struct cmd_args *args)
{
        const char *flag = NULL;

        for (size_t i = 0; i < args->n_given; i++)
                if (bk_streq(args->given[i].flag->name, "home"))
                        flag = args->given[i].value;
        return bk_home(flag);
}

static const struct cmd_flag *find_flag(const struct cmd *cmd, const char *name, size_t length)
{
        for (size_t i = 0; i < cmd->n_flags; i++)
                if (strlen(cmd->flags[i].name) == length && strncmp(cmd->flags[i].name, name, length) == 0)
                        return &cmd->flags[i];
        for (size_t i = 0; i < GLOBALS; i++)
                if (strlen(global_flags[i].name) == length && strncmp(global_flags[i].name, name, length) == 0)
                        return &global_flags[i];
        return NULL;
}

static int unknown_flag(const struct cmd *cmd, const char *word)
{
        const char *known[64];
        size_t n = 0;
        const char *nearest;

        for (size_t i = 0; i < cmd->n_flags && n < 60; i++)
                known[n++] = cmd->flags[i].name;
        for (size_t i = 0; i < GLOBALS; i++)
                known[n++] = global_flags[i].name;
        nearest = bk_nearest(word, known, n);
        (void)fprintf(stderr, "bakery: error: %s has no option -%s%s%s%s\n", cmd->name, word, nearest ? "; did you mean -" : "",
                      nearest ? nearest : "", nearest ? "?" : "; see bakery help");
        return 2;
}

static void give(struct cmd_args *args, const struct cmd_flag *flag, const char *value)
{
        args->given = bk_grow(args->given, args->n_given + 1, sizeof *args->given);
        args->given[args->n_given].flag = flag;
        args->given[args->n_given++].value = bk_strdup(value);
}

/* Returns how many words were taken, 0 when it is no option, -1 on error. */
static int parse_flag(struct cmd_args *args, char **words)
{
        const char *name = words[0];
        const char *equals;
        const struct cmd_flag *flag;
        size_t length;

        if (name[0] != '-' || name[1] == '\0')
                return 0;
        name += name[1] == '-' ? 2 : 1;
        equals = strchr(name, '=');
        length = equals ? (size_t)(equals - name) : strlen(name);
        flag = find_flag(args->cmd, name, bk_streq(name, "h") ? 0 : length);
        if (bk_streq(name, "h"))
                flag = find_flag(args->cmd, "help", 4);
        if (flag == NULL) {
                autofree char *word = bk_strndup(name, length);

                (void)unknown_flag(args->cmd, word);
                return -1;
        }
        if (flag->value == NULL || equals != NULL) {
                give(args, flag, equals ? equals + 1 : "true");
                return 1;
        }
        if (words[1] == NULL) {
                (void)fprintf(stderr, "bakery: error: -%s needs a value: %s\n", flag->name, flag->value);
                return -1;
        }
        give(args, flag, words[1]);
        return 2;
}

static void args_done(struct cmd_args *args)
{
        for (size_t i = 0; i < args->n_given; i++)
                free(args->given[i].value);
        free(args->given);
        bk_strv_done(&args->operands);
}

/* The registry opens what BAKERY_DB names, and so does every process that is started for it. */
static void set_database(const struct cmd_args *args)
{
        for (size_t i = 0; i < args->n_given; i++)
                if (bk_streq(args->given[i].flag->name, "db"))
                        (void)setenv("BAKERY_DB", args->given[i].value, 1);
}

static int run_row(const struct cmd *cmd, char **words)
{
        BK_CLEANUP(args_done) struct cmd_args args = { .cmd = cmd };

        while (*words != NULL) {
                int taken = 0;

                if (bk_streq(*words, "--")) {
                        for (words++; *words != NULL; words++)
                                bk_strv_add(&args.operands, *words);
                        break;
                }
                taken = parse_flag(&args, words);
                if (taken < 0)
                        return 2;
                if (taken == 0)
                        bk_strv_add(&args.operands, *words);
                words += taken ? taken : 1;
        }
        for (size_t i = 0; i < args.n_given; i++)
                if (bk_streq(args.given[i].flag->name, "help")) {
                        cmd_help_one(cmd);
                        return 0;
                }
        if ((int)args.operands.n < cmd->least || (cmd->most >= 0 && (int)args.operands.n > cmd->most)) {
                (void)fprintf(stderr, "bakery: error: usage: bakery %s [options] %s\n", cmd->name, cmd->operands);
                return 2;
        }
        set_database(&args);
        return cmd->run(&args);
}

static int unknown_command(char **words)
{
        const char *known[ROWS];
        const char *nearest;
        autofree char *two = words[1] ? bk_format("%s %s", words[0], words[1]) : bk_strdup(words[0]);

        for (size_t i = 0; i < ROWS; i++)
                known[i] = rows[i]->name;
        nearest = bk_nearest(words[0], known, ROWS);
        if (nearest == NULL)
                nearest = bk_nearest(two, known, ROWS);
        (void)fprintf(stderr, "bakery: error: unknown command '%s'%s%s%s\n", words[0], nearest ? "; did you mean '" : "; see bakery help",
                      nearest ? nearest : "", nearest ? "'?" : "");
        return 2;
}

int cmd_main(int argc, char **argv)
{
        (void)setvbuf(stdout, NULL, _IOFBF, 65536);
        if (argc < 2 || bk_streq(argv[1], "--help") || bk_streq(argv[1], "-h") || bk_streq(argv[1], "-help")) {
                cmd_help_all();
                return argc < 2 ? 2 : 0;
        }
        if (bk_streq(argv[1], "--version") || bk_streq(argv[1], "-version") || bk_streq(argv[1], "-v"))
                argv[1] = (char *)"version";
        for (size_t i = 0; i < ROWS; i++) {
                const char *space = strchr(rows[i]->name, ' ');
                const size_t first = space ? (size_t)(space - rows[i]->name) : strlen(rows[i]->name);

                if (strlen(argv[1]) != first || strncmp(argv[1], rows[i]->name, first) != 0)
                        continue;
                if (space == NULL)
                        return run_row(rows[i], argv + 2);
                if (argc > 2 && bk_streq(argv[2], space + 1))
                        return run_row(rows[i], argv + 3);
        }
        return unknown_command(argv + 1);
}
