/* Does a service run? Asked of the init system in one line for all services, where it has such a line.
 *
 * serverspec looks for the name in the list of processes when a script fails, which lets any process pass that has it among its
 * arguments; here only under --compat. */
#include "spec/live.h"

#include <string.h>

/* "systemd" and all loaded units: what is not loaded does not run. Or "openrc" and all services. Or "init", whose scripts have to be
 * asked one by one, and are not wanted beforehand: a line for each service would cost every guest what only few need. */
#define SERVICES \
        "if [ -d /run/systemd/system ]; then echo systemd; exec systemctl list-units --all --full --plain --no-legend --no-pager; " \
        "elif [ -d /run/openrc ]; then echo openrc; exec rc-status -C -s; else echo init; fi"
static char *script_line(const struct spec_resource *r)
{
        autofree char *name = spec_quote(r->name);

        return bk_format("service %s status", name);
}

void spec_service_want_running(const struct spec_resource *r)
{
        autofree char *job = bk_format("/etc/init/%s.conf", r->name);

        spec_want_guest_line(r, SERVICES);
        spec_want_path(r, job);         /* the script beside it is wanted by type_service.c */
}

/* The first words of what a program complained about. */
static int complain(const struct spec_output *output, const char *what, struct bk_error *err)
{
        const struct spec_view out = spec_view_trim(spec_view_of(output->err && *output->err ? output->err : output->out));

        return bk_fail(err, BK_INFRA, "%s in the guest ended with %d: %.*s", what, output->status, (int)(out.n < 200 ? out.n : 200), out.s);
}

/* --- systemd and OpenRC ---------------------------------------------------- */

/* "ssh.service loaded active running OpenBSD Secure Shell server"; failed ones may have a dot in front. */
static void among_units(struct spec_resource *r, struct spec_view rest, const char *unit, bool *ret)
{
        struct spec_view line, name, load, active, sub;

        while (spec_view_line(&rest, &line)) {
                if (!spec_view_word(&line, &name) || (!spec_view_is(name, unit) && (!spec_view_word(&line, &name) || !spec_view_is(name, unit))) ||
                    !spec_view_word(&line, &load) || !spec_view_word(&line, &active) || !spec_view_word(&line, &sub))
                        continue;
                *ret = spec_view_is(active, "active") || spec_view_is(active, "reloading");
                spec_note(r, "systemd says that it is %.*s (%.*s)", (int)(active.n < 40 ? active.n : 40), active.s,
                          (int)(sub.n < 40 ? sub.n : 40), sub.s);
                return;
        }
        spec_note(r, "systemd has not loaded '%s'", unit);
}

/* " sshd    [  started  ]" or "[  started 00:10:05 (0) ]" */
static void among_services(struct spec_resource *r, struct spec_view rest, bool *ret)
{
        struct spec_view line, name, bracket, state;

        while (spec_view_line(&rest, &line)) {
                if (!spec_view_word(&line, &name) || !spec_view_is(name, r->name) || !spec_view_until(&line, '[', &bracket) ||
                    !spec_view_word(&line, &state))
                        continue;
                *ret = spec_view_is(state, "started");
                spec_note(r, "OpenRC says that it is %.*s", (int)(state.n < 40 ? state.n : 40), state.s);
                return;
        }
        spec_note(r, "OpenRC knows no such service");
}

/* --- scripts --------------------------------------------------------------- */

/* 1 when the service has a script or, with upstart, a job; 0, or -1. */
static int has_script(struct spec_resource *r, struct bk_error *err)
{
        autofree char *script = bk_format("/etc/init.d/%s", r->name), *job = bk_format("/etc/init/%s.conf", r->name);
        struct stat st;
        const int there = spec_files_stat(&r->image->files, script, true, &st, err);

        return there != 0 ? there : spec_files_stat(&r->image->files, job, true, &st, err);
}

/* What serverspec asks then. */
static int among_processes(struct spec_resource *r, bool *ret, struct bk_error *err)
{
        size_t words = 0;

        if (!r->image->options->compat)
                return 0;
        if (spec_process_count_words(r, r->name, &words, err) < 0)
                return -1;
        *ret = words > 0;
        return 0;
}

/* LSB: 0 runs, 1 to 3 do not; 4 and above is unknown. */
static int by_script(struct spec_resource *r, bool *ret, struct bk_error *err)
{
        autofree char *line = script_line(r);
        const struct spec_output *output = NULL;
        const int there = has_script(r, err);

        *ret = false;
        if (there < 0)
                return -1;
        if (!there) {
                spec_note(r, "there is no such service");
                return among_processes(r, ret, err);
        }
        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        *ret = output->status == 0 && (output->out == NULL || (strstr(output->out, "stop/waiting") == NULL &&
                                                               strstr(output->out, "stopped/waiting") == NULL));
        if (*ret)
                return 0;
        spec_note(r, "`service %s status` ended with %d", r->name, output->status);
        if (output->status == 1)
                return among_processes(r, ret, err);
        return output->status >= 4 ? complain(output, "the service's script", err) : 0;
}

static int by_init(struct spec_resource *r, const char *wanted, bool *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, kind;
        autofree char *unit = NULL;

        if (spec_image_guest_line(r->image, SERVICES, &output, err) < 0)
                return -1;
        rest = spec_view_of_output(output);
        if (output->status != 0 || !spec_view_line(&rest, &kind))
                return complain(output, "the list of services", err);
        *ret = false;
        if (wanted != NULL && !spec_view_is(kind, wanted)) {
                spec_note(r, "services are run by %.*s there", (int)(kind.n < 40 ? kind.n : 40), kind.s);
                return 0;
        }
        if (spec_view_is(kind, "openrc")) {
                among_services(r, rest, ret);
                return 0;
        }
        if (!spec_view_is(kind, "systemd"))
                return by_script(r, ret, err);
        unit = spec_service_unit(r->name);
        among_units(r, rest, unit, ret);
        free(bk_take(unit));
        unit = spec_service_alias(r);
        if (!*ret)
                among_units(r, rest, unit, ret);
        return 0;
}

/* --- supervisors ----------------------------------------------------------- */

static const struct {
        const char *name;
        const char *format;             /* a line, with the quoted name */
        const char *runs;               /* what it says of one that runs; NULL: it ends with 0 */
} supervisors[] = {
        { "supervisor", "supervisorctl status %s", " RUNNING " },
        { "upstart", "initctl status %s", "/running" },
        { "runit", "sv status %s", "run: " },
        { "daemontools", "svstat \"$([ -d /service ] && echo /service || echo /etc/service)\"/%s", ": up (pid " },
};

static int by_supervisor(struct spec_resource *r, size_t which, bool *ret, struct bk_error *err)
{
        autofree char *name = spec_quote(r->name), *line = NULL;
        const char *format = supervisors[which].format, *at = strstr(format, "%s");
        const struct spec_output *output = NULL;
        struct spec_view said;

        line = bk_format("%.*s%s%s", (int)(at - format), format, name, at + 2);
        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        *ret = output->out != NULL && strstr(output->out, supervisors[which].runs) != NULL;
        said = spec_view_trim(spec_view_of(output->out && *output->out ? output->out : output->err));
        /* a supervisor that cannot be reached knows nothing of the service */
        if (!*ret && (said.n == 0 || strstr(said.s, "refused") != NULL || strstr(said.s, "no such file") != NULL ||
                      strstr(said.s, "No such file or directory") != NULL || strstr(said.s, "ermission denied") != NULL))
                return complain(output, supervisors[which].name, err);
        spec_note(r, "%s says: %.*s", supervisors[which].name, (int)(said.n < 200 ? said.n : 200), said.s);
        return 0;
}

int spec_service_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *under = spec_args_named(args, "under");
        const struct spec_files *guest = NULL;

        if (spec_image_guest(r->image, &guest, err) < 0)
                return -1;
        if (under != NULL && strncmp(under, "under_", 6) == 0)
                under += 6;
        for (size_t i = 0; under != NULL && i < sizeof supervisors / sizeof *supervisors; i++)
                if (bk_streq(under, supervisors[i].name))
                        return by_supervisor(r, i, ret, err);
        if (under != NULL && !bk_streq(under, "systemd") && !bk_streq(under, "init") && !bk_streq(under, "openrc"))
                return bk_fail(err, BK_USAGE, "'%s' is not known to run services: systemd, openrc, init, upstart, runit, daemontools and "
                               "supervisor are", under);
        return bk_streq(under, "init") ? by_script(r, ret, err) : by_init(r, under, ret, err);
}

/* --- monitors -------------------------------------------------------------- */

/* monit's blocks: "Process 'nginx'" and, two lines below, "monitoring status  Monitored" */
static bool monit_monitors(struct spec_view rest, const char *name)
{
        autofree char *head = bk_format("'%s'", name);
        struct spec_view line;
        bool inside = false;

        while (spec_view_line(&rest, &line)) {
                const bool indented = line.n > 0 && *line.s == ' ';
                struct spec_view word, second, state;

                if (!indented && line.n > 0) {
                        inside = spec_view_word(&line, &word) && spec_view_is(spec_view_trim(line), head);
                        continue;
                }
                if (inside && spec_view_word(&line, &word) && spec_view_is(word, "monitoring") && spec_view_word(&line, &second) &&
                    spec_view_is(second, "status") && spec_view_word(&line, &state))
                        return (spec_view_is(state, "Monitored") || spec_view_is(state, "monitored")) && !spec_view_word(&line, &word);
        }
        return false;
}

int spec_service_monitored(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *monitor = spec_args_text(args, 0), *named = spec_args_named(args, "with_name"), *name = named ? named : r->name;
        autofree char *quoted = spec_quote(name), *god = bk_format("god status %s", quoted);
        const struct spec_output *output = NULL;
        bool monit;

        if (monitor == NULL || (!bk_streq(monitor, "monit") && !bk_streq(monitor, "god")))
                return bk_fail(err, BK_USAGE, "be_monitored_by knows monit and god, not '%s'", monitor ? monitor : "");
        monit = bk_streq(monitor, "monit");
        if (spec_image_guest_line(r->image, monit ? "monit status" : god, &output, err) < 0)
                return -1;
        if (monit && output->status != 0)
                return complain(output, "`monit status`", err);
        /* god itself does not answer */
        if (!monit && output->status != 0 && (output->out == NULL || *output->out == '\0') && output->err_len > 0)
                return complain(output, "`god status`", err);
        *ret = monit ? monit_monitors(spec_view_of_output(output), name)
                     : output->status == 0 && output->out != NULL && strstr(output->out, "unmonitored") == NULL;
        if (!*ret)
                spec_note(r, "%s does not monitor '%s'", monitor, name);
        return 0;
}
