/* The shell provisioner, as Packer has it. */
#include "bakery/bake/bake_priv.h"

#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum { SCRIPT_MOST = 256 << 20, RETRY_MS = 500 };

struct shell {
        struct bake_common common;
        struct bk_strv inline_, scripts, environment_vars, valid_exit_codes;
        char *script, *inline_shebang, *execute_command, *remote_folder, *remote_file, *remote_path, *env_var_format;
        struct tmpl_map env;
        bool binary, use_env_var_file, skip_clean, expect_disconnect;
        int64_t start_retry_timeout_ms, pause_after_ms;
};
#define AT(member) offsetof(struct shell, member)

static const struct tmpl_key keys[] = {
        BAKE_COMMON_KEYS(struct shell),
        { "inline", TMPL_LIST, AT(inline_), 0, NULL, 0, 0, "commands, joined to one script" },
        { "script", TMPL_STRING, AT(script), TMPL_PATHS, NULL, 0, 0, "a script file" },
        { "scripts", TMPL_LIST, AT(scripts), TMPL_PATHS, NULL, 0, 0, "script files, run in this order" },
        { "inline_shebang", TMPL_STRING, AT(inline_shebang), 0, "/bin/sh -e", 0, 0, "first line of the inline script" },
        { "environment_vars", TMPL_LIST, AT(environment_vars), 0, NULL, 0, 0, "NAME=value, for the script" },
        { "env", TMPL_MAP, AT(env), 0, NULL, 0, 0, "the same as an object" },
        { "env_var_format", TMPL_STRING, AT(env_var_format), 0, NULL, 0, 0, "how a variable is written; %s='%s' " },
        { "use_env_var_file", TMPL_BOOL, AT(use_env_var_file), 0, "false", 0, 0, "variables go into a file that {{.EnvVarFile}} names" },
        { "execute_command", TMPL_RAW, AT(execute_command), 0, NULL, 0, 0, "how a script is run; {{.Vars}} {{.Path}} {{.EnvVarFile}}" },
        { "remote_folder", TMPL_STRING, AT(remote_folder), 0, "/tmp", 0, 0, "where scripts are put" },
        { "remote_file", TMPL_STRING, AT(remote_file), 0, NULL, 0, 0, "what they are called" },
        { "remote_path", TMPL_STRING, AT(remote_path), 0, NULL, 0, 0, "both together" },
        { "binary", TMPL_BOOL, AT(binary), 0, "false", 0, 0, "leave line ends of scripts alone" },
        { "valid_exit_codes", TMPL_LIST, AT(valid_exit_codes), 0, "0", 0, 0, "statuses that are no failure" },
        { "skip_clean", TMPL_BOOL, AT(skip_clean), 0, "false", 0, 0, "leave the script where it was put" },
        { "pause_after", TMPL_DURATION, AT(pause_after_ms), 0, NULL, 0, 0, "wait after it ended" },
        { "expect_disconnect", TMPL_BOOL, AT(expect_disconnect), 0, "false", 0, 0, "the script may end the connection, as a reboot does" },
        { "start_retry_timeout", TMPL_DURATION, AT(start_retry_timeout_ms), 0, "5m", 0, 0, "how long a guest may take to accept the script" },
};

static int check(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct shell *shell = config;
        const int given = (shell->inline_.n > 0) + (shell->script != NULL) + (shell->scripts.n > 0);

        if (given != 1)
                return bk_doc_fail(err, step->doc, "a shell provisioner needs exactly one of inline, script and scripts; %d are given", given);
        for (size_t i = 0; i < shell->environment_vars.n; i++)
                if (strchr(shell->environment_vars.v[i], '=') == NULL || shell->environment_vars.v[i][0] == '=') {
                        const struct bk_doc *place = bk_doc_get(step->doc, "environment_vars");

                        return bk_doc_fail(err, place ? place : step->doc, "environment_vars: '%s' is not NAME=value",
                                           shell->environment_vars.v[i]);
                }
        for (size_t i = 0; i < shell->valid_exit_codes.n; i++) {
                const char *code = shell->valid_exit_codes.v[i];

                if (*code == '\0' || strspn(code, "0123456789") != strlen(code) || atoi(code) > 255) {
                        const struct bk_doc *place = bk_doc_get(step->doc, "valid_exit_codes");

                        return bk_doc_fail(err, place ? place : step->doc, "valid_exit_codes: '%s' is not between 0 and 255", code);
                }
        }
        return 0;
}

/* One variable in the format of the template: each %s once, value with ' escaped for sh. */
static void add_variable(struct bk_buf *out, const char *format, const char *name, size_t name_length, const char *value)
{
        int argument = 0;

        for (const char *p = format; *p != '\0'; p++) {
                if (p[0] != '%' || p[1] != 's' || argument > 1) {
                        bk_buf_putc(out, *p);
                        continue;
                }
                p++;
                if (argument++ == 0) {
                        bk_buf_add(out, name, name_length);
                        continue;
                }
                for (const char *v = value; *v != '\0'; v++)
                        if (*v == '\'')
                                bk_buf_puts(out, "'\"'\"'");
                        else
                                bk_buf_putc(out, *v);
        }
}

static char *variables_of(const struct shell *shell, const struct bake_work *work)
{
        const char *fallback = shell->use_env_var_file ? "export %s='%s'\n" : "%s='%s' ";
        const char *format = shell->env_var_format ? shell->env_var_format : fallback;
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };

        add_variable(&out, format, "PACKER_BUILD_NAME", strlen("PACKER_BUILD_NAME"), work->bake->name);
        add_variable(&out, format, "PACKER_BUILDER_TYPE", strlen("PACKER_BUILDER_TYPE"), work->bake->block->type);
        if (work->http_address != NULL)
                add_variable(&out, format, "PACKER_HTTP_ADDR", strlen("PACKER_HTTP_ADDR"), work->http_address);
        for (size_t i = 0; i < shell->environment_vars.n; i++) {
                const char *pair = shell->environment_vars.v[i], *equals = strchr(pair, '=');

                add_variable(&out, format, pair, (size_t)(equals - pair), equals + 1);
        }
        for (size_t i = 0; i < shell->env.keys.n; i++)
                add_variable(&out, format, shell->env.keys.v[i], strlen(shell->env.keys.v[i]), shell->env.values.v[i]);
        return bk_buf_finish(&out);
}

static bool status_valid(const struct shell *shell, int status)
{
        for (size_t i = 0; i < shell->valid_exit_codes.n; i++)
                if (atoi(shell->valid_exit_codes.v[i]) == status)
                        return true;
        return false;
}

/* A guest that is rebooting takes nothing yet; it is asked again until start_retry_timeout. */
static int put_files(struct bake_work *work, const struct shell *shell, const char *path, const char *text, size_t length,
                     const char *env_file, const char *variables, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + shell->start_retry_timeout_ms;
        struct bk_error failure = { 0 };

        for (;;) {
                if (work->place->ready(work, &failure) < 0)
                        break;
                if (work->place->write(work, path, text, length, 0755, &failure) == 0 &&
                    (env_file == NULL || work->place->write(work, env_file, variables, strlen(variables), 0600, &failure) == 0))
                        return 0;
                if (!work->place->guest || bk_now_ms() >= until)
                        break;
                bk_sleep_ms(RETRY_MS);
        }
        *err = failure;
        return -1;
}

static int execute(struct bake_work *work, const struct shell *shell, const char *command, const char *what, struct bk_error *err)
{
        int status = 0;

        if (work->place->run(work, command, (int)shell->common.timeout_ms, shell->expect_disconnect, &status, err) < 0)
                return bk_wrap(err, "%s", what);
        if (!status_valid(shell, status))
                return bk_run_fail(err, what, status, NULL);
        return 0;
}

/* After a reboot /tmp is empty anyway. */
static int clean(struct bake_work *work, const struct shell *shell, const char *path, const char *env_file, struct bk_error *err)
{
        struct bk_error gone = { 0 };

        if (shell->skip_clean)
                return 0;
        if (work->place->unlink(work, path, &gone) == 0 && (env_file == NULL || work->place->unlink(work, env_file, &gone) == 0))
                return 0;
        if (shell->expect_disconnect)
                return 0;
        *err = gone;
        return -1;
}

/* "\r\n" becomes "\n", so that scripts from a Windows checkout run. */
static void unix_lines(char *text, size_t *length)
{
        size_t to = 0;

        for (size_t from = 0; from < *length; from++)
                if (text[from] != '\r' || from + 1 >= *length || text[from + 1] != '\n')
                        text[to++] = text[from];
        *length = to;
}

static int run_script(struct bake_work *work, const struct shell *shell, const struct tmpl_step *step, char *text,
                      size_t length, const char *what, struct bk_error *err)
{
        autofree char *name = bk_random_name(), *variables = variables_of(shell, work), *command = NULL;
        autofree char *file = shell->remote_file ? bk_strdup(shell->remote_file) : bk_format("script_%s.sh", name);
        autofree char *path = shell->remote_path ? bk_strdup(shell->remote_path) : bk_format("%s/%s", shell->remote_folder, file);
        autofree char *env_file = bk_format("/tmp/varfile_%s.sh", name);
        const struct tmpl_datum data[] = { { "Path", path }, { "Vars", shell->use_env_var_file ? "" : variables }, { "EnvVarFile", env_file } };
        struct tmpl_scope scope = work->bake->scope;
        const char *fallback = shell->use_env_var_file ? "chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}"
                                                       : "chmod +x {{.Path}}; {{.Vars}} {{.Path}}";

        if (!shell->binary)
                unix_lines(text, &length);
        scope.data = data;
        scope.n_data = sizeof data / sizeof *data;
        if (tmpl_render(&scope, shell->execute_command ? shell->execute_command : fallback, step->doc, &command, err) < 0)
                return -1;
        if (put_files(work, shell, path, text, length, shell->use_env_var_file ? env_file : NULL, variables, err) < 0)
                return bk_wrap(err, "%s", what);
        if (execute(work, shell, command, what, err) < 0)
                return -1;
        return clean(work, shell, path, shell->use_env_var_file ? env_file : NULL, err);
}

static int run_inline(struct bake_work *work, const struct shell *shell, const struct tmpl_step *step, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };

        bk_buf_printf(&text, "#!%s\n", shell->inline_shebang);
        for (size_t i = 0; i < shell->inline_.n; i++)
                bk_buf_printf(&text, "%s\n", shell->inline_.v[i]);
        return run_script(work, shell, step, text.data, text.len, "the inline script", err);
}

static int run(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct shell *shell = config;
        const char *const *scripts = shell->script ? (const char *const *)&shell->script : (const char *const *)shell->scripts.v;
        const size_t n = shell->script ? 1 : shell->scripts.n;

        if (shell->inline_.n > 0 && run_inline(work, shell, step, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                autofree char *text = NULL, *what = bk_format("script '%s'", scripts[i]);
                size_t length = 0;

                if (bk_read_file(scripts[i], SCRIPT_MOST, &text, &length, err) < 0 ||
                    run_script(work, shell, step, text, length, what, err) < 0)
                        return -1;
        }
        bk_sleep_ms(shell->pause_after_ms);
        return 0;
}

const struct bake_provisioner bake_shell = {
        "shell", "runs scripts inside", keys, sizeof keys / sizeof *keys, sizeof(struct shell), run, check, NULL,
};
