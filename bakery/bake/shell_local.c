/* shell-local: scripts on the build host, as whoever bakes; a provisioner, and a post-processor.
 *
 * As a provisioner it runs in the worker's namespaces: what it leaves running and mounted ends with the bake. The environment is given as
 * one, not on a command line that everybody can read; {{.Vars}} is there for an execute_command that wants it. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

extern char **environ;

struct local {
        struct bk_strv inline_, scripts, environment_vars, execute_command, valid_exit_codes, only_on;
        char *command, *script, *inline_shebang, *env_var_format;
        struct tmpl_map env;
};
struct local_provisioner { struct bake_common common; struct local local; };
struct local_post { char *keep; struct local local; };

#define KEYS(type) \
        { "inline", TMPL_LIST, offsetof(type, local.inline_), 0, NULL, 0, 0, "commands, joined to one script" }, \
        { "command", TMPL_STRING, offsetof(type, local.command), 0, NULL, 0, 0, "one command, as older templates have it" }, \
        { "script", TMPL_STRING, offsetof(type, local.script), TMPL_PATHS, NULL, 0, 0, "a script file" }, \
        { "scripts", TMPL_LIST, offsetof(type, local.scripts), TMPL_PATHS, NULL, 0, 0, "script files, run in this order" }, \
        { "inline_shebang", TMPL_STRING, offsetof(type, local.inline_shebang), 0, "/bin/sh -e", 0, 0, "first line of the inline script" }, \
        { "environment_vars", TMPL_LIST, offsetof(type, local.environment_vars), 0, NULL, 0, 0, "NAME=value, for the script" }, \
        { "env", TMPL_MAP, offsetof(type, local.env), 0, NULL, 0, 0, "the same as an object" }, \
        { "env_var_format", TMPL_STRING, offsetof(type, local.env_var_format), 0, "%s='%s' ", 0, 0, "of one variable in {{.Vars}}" }, \
        { "execute_command", TMPL_LIST, offsetof(type, local.execute_command), TMPL_LATER, NULL, 0, 0, \
          "program and arguments; {{.Script}}, {{.Vars}}; the script itself where not given" }, \
        { "valid_exit_codes", TMPL_LIST, offsetof(type, local.valid_exit_codes), 0, "0", 0, 0, "statuses that are no failure" }, \
        { "only_on", TMPL_LIST, offsetof(type, local.only_on), 0, NULL, 0, 0, "systems of the build host; on others it is passed" }, \
        { "tempfile_extension", TMPL_IGNORED }, { "use_linux_pathing", TMPL_IGNORED }, { "binary", TMPL_IGNORED }

static const struct tmpl_key provisioner_keys[] = { BAKE_COMMON_KEYS(struct local_provisioner), KEYS(struct local_provisioner) };
static const struct tmpl_key post_keys[] = { BAKE_POST_KEYS(struct local_post), KEYS(struct local_post) };

static int check(const struct local *local, const struct tmpl_step *step, struct bk_error *err)
{
        static const char *const systems[] = { "darwin", "freebsd", "linux", "openbsd", "solaris", "windows" };
        const int given = (local->inline_.n > 0) + (local->command != NULL) + (local->script != NULL) + (local->scripts.n > 0);

        if (given != 1)
                return bk_doc_fail(err, step->doc, "shell-local needs exactly one of inline, command, script and scripts; %d are given", given);
        for (size_t i = 0; i < local->only_on.n; i++) {
                bool known = false;

                for (size_t k = 0; k < sizeof systems / sizeof *systems; k++)
                        known |= bk_streq(systems[k], local->only_on.v[i]);
                if (!known)
                        return bk_doc_fail(err, bk_doc_get(step->doc, "only_on"),
                                           "only_on: '%s' is none of darwin, freebsd, linux, openbsd, solaris, windows", local->only_on.v[i]);
        }
        if (bake_check_variables(&local->environment_vars, step, err) < 0)
                return -1;
        return bake_check_exit_codes(&local->valid_exit_codes, step, err);
}

static int check_provisioner(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        return check(&((const struct local_provisioner *)config)->local, step, err);
}

static int check_post(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        return check(&((const struct local_post *)config)->local, step, err);
}

/* One run of all scripts of a step. */
struct host {
        const struct tmpl_scope *scope;
        const struct local *local;
        struct bake_work *work;         /* who is told the output */
        const struct bk_doc *place;
        struct tmpl_map vars;
        int timeout_ms;
};

static void collect_variables(struct host *host)
{
        for (size_t i = 0; i < host->local->environment_vars.n; i++) {
                const char *pair = host->local->environment_vars.v[i], *equals = strchr(pair, '=');

                bk_strv_take(&host->vars.keys, bk_strndup(pair, (size_t)(equals - pair)));
                bk_strv_add(&host->vars.values, equals + 1);
        }
        for (size_t i = 0; i < host->local->env.keys.n; i++) {
                bk_strv_add(&host->vars.keys, host->local->env.keys.v[i]);
                bk_strv_add(&host->vars.values, host->local->env.values.v[i]);
        }
}

static bool is_set(const struct tmpl_map *vars, const char *entry)
{
        const size_t length = strcspn(entry, "=");

        for (size_t i = 0; i < vars->keys.n; i++)
                if (strlen(vars->keys.v[i]) == length && strncmp(vars->keys.v[i], entry, length) == 0)
                        return true;
        return false;
}

/* Ours, and over it the step's; of two of one name the later one. */
static void environment(const struct host *host, struct bk_strv *ret)
{
        const struct tmpl_map *vars = &host->vars;

        for (char **entry = environ; *entry != NULL; entry++)
                if (!is_set(vars, *entry))
                        bk_strv_add(ret, *entry);
        for (size_t i = 0; i < vars->keys.n; i++) {
                const struct tmpl_map later = { .keys = { .v = vars->keys.v + i + 1, .n = vars->keys.n - i - 1 } };

                if (!is_set(&later, vars->keys.v[i]))
                        bk_strv_addf(ret, "%s=%s", vars->keys.v[i], vars->values.v[i]);
        }
        bk_strv_take(ret, NULL);
}

static int command_of(const struct host *host, const char *script, struct bk_strv *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf vars = { 0 };
        struct tmpl_scope scope = *host->scope;

        for (size_t i = 0; i < host->vars.keys.n; i++)
                bake_add_variable(&vars, host->local->env_var_format, host->vars.keys.v[i], strlen(host->vars.keys.v[i]), host->vars.values.v[i]);

        const struct tmpl_datum data[] = { { "Script", script }, { "Command", script }, { "Vars", vars.data ? vars.data : "" } };

        scope.data = data;
        scope.n_data = sizeof data / sizeof *data;
        for (size_t i = 0; i < host->local->execute_command.n; i++) {
                char *text = NULL;

                if (tmpl_render(&scope, host->local->execute_command.v[i], host->place, &text, err) < 0)
                        return bk_wrap(err, "execute_command");
                bk_strv_take(ret, text);
        }
        /* A script need not say what runs it: a shell takes such a one for its own. */
        if (ret->n == 0) {
                bk_strv_add(ret, "/bin/sh");
                bk_strv_add(ret, "-c");
                bk_strv_add(ret, "\"$0\"");
                bk_strv_add(ret, script);
        }
        bk_strv_take(ret, NULL);
        return 0;
}

static int run_one(const struct host *host, const char *script, const char *what, struct bk_error *err)
{
        autostrv struct bk_strv command = { 0 }, env = { 0 };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_run run = { .timeout_ms = host->timeout_ms, .on_line = bake_tell_line, .arg = host->work };

        if (command_of(host, script, &command, err) < 0)
                return -1;
        environment(host, &env);
        run.argv = (const char *const *)command.v;
        run.env = (const char *const *)env.v;
        bake_tell_step(host->work->events, "shell-local: running %s on this host", what);
        if (bk_run_with(&run, &result, err) < 0)
                return bk_wrap(err, "%s", what);
        return bake_exit_code_valid(&host->local->valid_exit_codes, result.status) ? 0 : bk_run_fail(err, what, result.status, NULL);
}

static int run_inline(const struct host *host, struct bk_error *err)
{
        const struct local *local = host->local;
        const char *folder = getenv("TMPDIR");
        autofree char *path = bk_format("%s/bakery-shell-XXXXXX", folder && *folder ? folder : "/tmp");
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        autoclose int fd = mkostemp(path, O_CLOEXEC);
        int result;

        if (fd < 0)
                return bk_fail_errno(err, "cannot make a script in '%s'", folder && *folder ? folder : "/tmp");
        bk_buf_printf(&text, "#!%s\n", local->inline_shebang);
        if (local->command != NULL)
                bk_buf_printf(&text, "%s\n", local->command);
        for (size_t i = 0; i < local->inline_.n; i++)
                bk_buf_printf(&text, "%s\n", local->inline_.v[i]);
        result = fchmod(fd, 0700) < 0 ? bk_fail_errno(err, "cannot make '%s' a program", path) : bk_write_all(fd, text.data, text.len, err);
        (void)close(bk_take_fd(fd));    /* who runs a file that is open for writing gets ETXTBSY */
        if (result == 0)
                result = run_one(host, path, "the inline script", err);
        (void)unlink(path);
        return result;
}

static int run_all(struct host *host, const struct bake *bake, const struct bake_work *known, struct bk_error *err)
{
        const struct local *local = host->local;
        const char *const *scripts = local->script ? (const char *const *)&local->script : (const char *const *)local->scripts.v;
        const size_t n = local->script ? 1 : local->scripts.n;
        int result = 0;

        if (local->only_on.n > 0 && !bk_strv_has(&local->only_on, "linux")) {
                bake_tell_step(host->work->events, "shell-local: passed, for only_on does not name linux");
                return 0;
        }
        bake_build_vars(bake, known, &host->vars);
        collect_variables(host);
        if (n == 0)
                result = run_inline(host, err);
        for (size_t i = 0; result == 0 && i < n; i++) {
                autofree char *what = bk_format("script '%s'", scripts[i]);

                result = run_one(host, scripts[i], what, err);
        }
        bk_strv_done(&host->vars.keys);
        bk_strv_done(&host->vars.values);
        return result;
}

static int run_provisioner(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct local_provisioner *mine = config;
        struct host host = { .scope = &work->bake->scope, .local = &mine->local, .work = work, .place = step->doc,
                             .timeout_ms = (int)mine->common.timeout_ms };

        return run_all(&host, work->bake, work, err);
}

/* The artifact goes on as it came. */
static int run_post(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct local_post *mine = config;
        struct bake_work work = { .bake = post->bake, .events = post->events };
        struct host host = { .scope = &post->scope, .local = &mine->local, .work = &work, .place = post->bake->block->doc,
                             .timeout_ms = (int)post->bake->config.timeout_ms };

        (void)artifact;
        return run_all(&host, post->bake, NULL, err);
}

const struct bake_provisioner bake_shell_local = {
        "shell-local", "runs scripts on this host, as whoever bakes", provisioner_keys, sizeof provisioner_keys / sizeof *provisioner_keys,
        sizeof(struct local_provisioner), run_provisioner, check_provisioner, NULL,
};
const struct bake_postprocessor bake_shell_local_post = {
        "shell-local", "runs scripts on this host, as whoever bakes", post_keys, sizeof post_keys / sizeof *post_keys,
        sizeof(struct local_post), true, run_post, check_post,
};
