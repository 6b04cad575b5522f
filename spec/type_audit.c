/* Type `linux_audit_system`: what auditctl says in a running system; without one, what auditd is configured to do. */
#include "spec/spec_priv.h"

#include <string.h>

#define STATUS "/sbin/auditctl -s"
#define RULES "/sbin/auditctl -l"
#define FOLDER "/etc/audit/rules.d"
#define COMPILED "/etc/audit/audit.rules"

/* Both of its forms: lines "enabled 1", and one line "AUDIT_STATUS: enabled=1 pid=5". The caller's; NULL: not told. */
static char *status_of(const struct spec_output *output, const char *part)
{
        struct spec_view rest = { output->out, output->out_len }, line, word;

        while (spec_view_line(&rest, &line)) {
                const bool one_line = spec_view_starts(line, "AUDIT_STATUS");

                while (spec_view_word(&line, &word)) {
                        struct spec_view key = word, value;

                        if (one_line ? !spec_view_pair(word, '=', &key, &value) : !spec_view_word(&line, &value))
                                continue;
                        if (spec_view_is(key, part))
                                return spec_view_dup(value);
                        if (!one_line)
                                break;
                }
        }
        return NULL;
}

/* What it says of the part; auditctl exits with 0 only when the kernel told. */
static int live_status(struct spec_resource *r, const char *part, char **ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;

        if (spec_image_guest_line(r->image, STATUS, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "auditctl -s in the guest: %.200s", output->err ? output->err : "it failed");
        *ret = status_of(output, part);
        spec_note(r, "auditctl says %s %s", part, *ret ? *ret : "nothing");
        return 0;
}

/* Rules as auditctl lists them: without comments, settings and needless blanks. *ret_off: "-e 0" came last. */
struct rules { struct bk_buf text; bool off; };

static int add_rules(void *arg, const char *path, struct spec_view text, struct bk_error *err)
{
        struct rules *rules = arg;
        struct spec_view line, word, value;

        (void)path;
        (void)err;
        while (spec_view_line(&text, &line)) {
                struct spec_view rest = line;
                bool first = true;

                if (!spec_view_word(&rest, &word) || *word.s == '#')
                        continue;
                if (spec_view_is(word, "-e") && spec_view_word(&rest, &value))
                        rules->off = spec_view_is(value, "0");
                if (spec_view_is(word, "-D"))
                        bk_buf_done(&rules->text);
                if (!spec_view_is(word, "-a") && !spec_view_is(word, "-A") && !spec_view_is(word, "-w"))
                        continue;
                for (rest = line; spec_view_word(&rest, &word); first = false) {
                        bk_buf_puts(&rules->text, first ? "" : " ");
                        bk_buf_add(&rules->text, word.s, word.n);
                }
                bk_buf_putc(&rules->text, '\n');
        }
        return 0;
}

/* augenrules makes the compiled file of the folder's at each start, where there are any. */
static int configured_rules(struct spec_resource *r, struct rules *ret, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        autofree char *text = NULL;
        struct spec_view view;
        int there;

        spec_configured(r);
        there = spec_files_list(&r->image->files, FOLDER, &names, err);
        if (there < 0)
                return -1;
        for (size_t i = 0; i < names.n; i++)
                if (spec_view_ends(spec_view_of(names.v[i]), ".rules"))
                        return spec_config_folder(r->image, FOLDER, ".rules", add_rules, ret, err);
        there = spec_config_read(r->image, COMPILED, &text, &view, err);
        return there <= 0 ? there : add_rules(ret, COMPILED, view, err);
}

static void rules_done(struct rules *rules)
{
        bk_buf_done(&rules->text);
}

static bool has_guest(struct spec_resource *r)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        return spec_image_guest(r->image, &guest, &none) == 0;
}

static int audit_rules(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(rules_done) struct rules rules = { 0 };
        const struct spec_output *output = NULL;

        if (has_guest(r)) {
                if (spec_image_guest_line(r->image, RULES, &output, err) < 0)
                        return -1;
                if (output->status != 0)
                        return bk_fail(err, BK_INFRA, "auditctl -l in the guest: %.200s", output->err ? output->err : "it failed");
                spec_value_text(ret, output->out ? output->out : "");
                return 0;
        }
        if (configured_rules(r, &rules, err) < 0)
                return -1;
        *ret = (struct spec_value){ .kind = SPEC_STRING, .len = rules.text.len };
        ret->s = bk_buf_finish(&rules.text);
        return 0;
}

/* Enabled 2 is enabled and locked, which serverspec takes for "not enabled". Without a system: auditd is started at boot, and its rules
 * do not switch it off. */
static int audit_enabled(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(rules_done) struct rules rules = { 0 };
        autofree char *status = NULL;
        bool started;

        (void)args;
        if (has_guest(r)) {
                if (live_status(r, "enabled", &status, err) < 0)
                        return -1;
                *ret = bk_streq(status, "1") || (bk_streq(status, "2") && !r->image->options->compat);
                return 0;
        }
        if (configured_rules(r, &rules, err) < 0)
                return -1;
        started = spec_files_there(&r->image->files, "/etc/systemd/system/multi-user.target.wants/auditd.service") ||
                  spec_files_there(&r->image->files, "/etc/systemd/system/sysinit.target.wants/auditd.service");
        *ret = started && !rules.off;
        spec_note(r, started ? rules.off ? "its rules switch it off" : "auditd is started at boot" : "auditd is not started at boot");
        return 0;
}

static int audit_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *pid = NULL;

        (void)args;
        if (live_status(r, "pid", &pid, err) < 0)
                return -1;
        *ret = pid != NULL && *pid != '\0' && !bk_streq(pid, "0");
        return 0;
}

void spec_linux_audit_system_want(const struct spec_resource *resource)
{
        spec_want_guest_line(resource, STATUS);
        spec_want_guest_line(resource, RULES);
}

const struct spec_property spec_linux_audit_system_properties[] = { { "rules", audit_rules }, { NULL } };
const struct spec_predicate spec_linux_audit_system_predicates[] = {
        { "enabled?", NULL, audit_enabled }, { "running?", NULL, audit_running }, { NULL },
};
