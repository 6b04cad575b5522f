/* Type `service`: what would start at boot, read from the links that
 * `systemctl enable`, insserv or rc-update leave behind. A unit without links is
 * not enabled, even one that cannot be ("static"): the check asks what starts.
 * What runs is in service_running.c. */
#include "spec/live.h"

#include <string.h>

static const char *const unit_folders[] = { "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                            "/lib/systemd/system" };
enum { FOLDERS = sizeof unit_folders / sizeof *unit_folders };
static const char *const runlevels[] = { "/etc/runlevels/default", "/etc/runlevels/boot", "/etc/runlevels/sysinit" };
static const char *const watched[] = { "/etc/service", "/service", "/var/service", "/etc/runit/runsvdir/default" };

static bool there(struct spec_resource *r, const char *path)
{
        return spec_files_there(&r->image->files, path);
}

/* What cannot be listed is empty. */
static struct bk_strv folder(struct spec_resource *r, const char *path)
{
        struct bk_strv ret = { 0 };
        struct bk_error err = { 0 };

        (void)(spec_files_list(&r->image->files, path, &ret, &err) < 0);
        return ret;
}

/* What the link says; NULL when it is none. */
static char *link_text(struct spec_resource *r, const char *path)
{
        struct bk_error err = { 0 };
        char *ret = NULL;

        (void)(spec_files_link(&r->image->files, path, &ret, &err) < 0);
        return ret;
}

static bool ends(const char *text, const char *end)
{
        const size_t a = strlen(text), b = strlen(end);

        return a >= b && bk_streq(text + a - b, end);
}

static const char *base(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

char *spec_service_unit(const char *name)
{
        static const char *const suffixes[] = { ".service", ".socket", ".timer", ".path", ".target", ".mount", ".automount",
                                                ".swap", ".slice", ".scope", ".device" };

        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
                if (ends(name, suffixes[i]))
                        return bk_strdup(name);
        return bk_format("%s.service", name);
}

/* The unit's file: "a@b.service" comes from "a@.service". NULL when there is none. */
static char *unit_file(struct spec_resource *r, const char *unit)
{
        const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');
        autofree char *template = at && dot && dot > at ? bk_format("%.*s@%s", (int)(at - unit), unit, dot) : NULL;

        for (int pass = 0; pass < (template ? 2 : 1); pass++) {
                for (int i = 0; i < FOLDERS; i++) {
                        autofree char *path = bk_format("%s/%s", unit_folders[i], pass ? template : unit);

                        if (there(r, path))
                                return bk_take(path);
                }
        }
        return NULL;
}

static bool is_wants(const char *name)
{
        return ends(name, ".wants") || ends(name, ".requires");
}

/* A guest is asked for all such folders at once, not for one after the other. */
static void want_folders(const struct spec_resource *r, const char *path, const struct bk_strv *names)
{
        for (size_t i = 0; i < names->n; i++) {
                autofree char *wants = bk_format("%s/%s", path, names->v[i]);

                if (is_wants(names->v[i]))
                        spec_want_path(r, wants);
        }
}

/* Is there FOLDER/X.wants/UNIT or X.requires/UNIT? A link to /dev/null there takes an inherited one away. */
static bool wanted_in(struct spec_resource *r, const char *path, const char *unit)
{
        autostrv struct bk_strv names = folder(r, path);

        want_folders(r, path, &names);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *wants = bk_format("%s/%s", path, names.v[i]);
                autofree char *mask = bk_format("/etc/systemd/system/%s/%s", names.v[i], unit);
                autofree char *to = NULL;
                autostrv struct bk_strv units = is_wants(names.v[i]) ? folder(r, wants) : (struct bk_strv){ 0 };

                if (!bk_strv_has(&units, unit))
                        continue;
                to = link_text(r, mask);
                if (bk_streq(to, "/dev/null"))
                        continue;
                spec_note(r, "'%s/%s' starts it", wants, unit);
                return true;
        }
        return false;
}

/* A link beside the units, under another name, to this one: what Alias= leaves. */
static bool aliased(struct spec_resource *r, const char *unit)
{
        autostrv struct bk_strv names = folder(r, unit_folders[0]);

        for (size_t i = 0; i < names.n; i++) {
                autofree char *path = bk_format("%s/%s", unit_folders[0], names.v[i]);

                spec_want_path(r, path);
        }
        for (size_t i = 0; i < names.n; i++) {
                autofree char *path = bk_format("%s/%s", unit_folders[0], names.v[i]);
                autofree char *to = bk_streq(names.v[i], unit) ? NULL : link_text(r, path);

                if (to == NULL || !bk_streq(base(to), unit))
                        continue;
                spec_note(r, "'%s' starts it", path);
                return true;
        }
        return false;
}

/* rc2.d to rc5.d, or one level: a link S20name. */
static bool started_by_rc(struct spec_resource *r, const char *level)
{
        for (int i = 2; i <= 5; i++) {
                autofree char *path = level ? bk_format("/etc/rc%s.d", level) : bk_format("/etc/rc%d.d", i);
                autostrv struct bk_strv names = folder(r, path);

                for (size_t n = 0; n < names.n; n++) {
                        if (names.v[n][0] != 'S' || strspn(names.v[n] + 1, "0123456789") < 2 || !bk_streq(names.v[n] + 3, r->name))
                                continue;
                        spec_note(r, "'%s/%s' starts it", path, names.v[n]);
                        return true;
                }
        }
        return false;
}

static bool started_by_openrc(struct spec_resource *r, const char *level)
{
        for (size_t i = 0; i < sizeof runlevels / sizeof *runlevels; i++) {
                autofree char *path = level ? bk_format("/etc/runlevels/%s", level) : bk_strdup(runlevels[i]);
                autostrv struct bk_strv names = folder(r, path);

                if (!bk_strv_has(&names, r->name))
                        continue;
                spec_note(r, "'%s/%s' starts it", path, r->name);
                return true;
        }
        return false;
}

/* The name that links bear: "sshd" may be an alias of "ssh". NULL when the unit is masked. */
static char *linked_name(struct spec_resource *r, const char *asked, const char *file)
{
        autofree char *to = file ? link_text(r, file) : NULL;

        if (bk_streq(to, "/dev/null"))
                return NULL;
        return bk_strdup(to != NULL && !bk_streq(base(to), asked) && strchr(asked, '@') == NULL ? base(to) : asked);
}

static bool started_by_systemd(struct spec_resource *r, const char *asked, const char *file)
{
        autofree char *unit = linked_name(r, asked, file);

        if (unit == NULL) {
                spec_note(r, "it is masked");
                return false;
        }
        for (int i = 0; i < FOLDERS; i++)
                if (wanted_in(r, unit_folders[i], unit) || (i == 0 && file != NULL && aliased(r, unit)))
                        return true;
        return false;
}

/* runit and daemontools: a link in the folder that is watched. */
static bool started_by_watch(struct spec_resource *r, bool down_counts)
{
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
                autofree char *run = bk_format("%s/%s/run", watched[i], r->name), *down = bk_format("%s/%s/down", watched[i], r->name);
                autostrv struct bk_strv names = folder(r, watched[i]);

                if (!bk_strv_has(&names, r->name) || !there(r, run) || (down_counts && there(r, down)))
                        continue;
                spec_note(r, "'%s/%s' starts it", watched[i], r->name);
                return true;
        }
        return false;
}

/* "start on ..." in a job that no override makes manual */
static bool started_by_upstart(struct spec_resource *r)
{
        bool ret = false;

        for (int i = 0; i < 2; i++) {
                autofree char *path = bk_format(i ? "/etc/init/%s.override" : "/etc/init/%s.conf", r->name), *text = NULL;
                struct bk_error err = { 0 };
                struct spec_view rest, line;

                if (spec_text_of(&r->image->files, path, &text, &err) <= 0)
                        continue;
                rest = spec_view_of(text);
                while (spec_view_line(&rest, &line)) {
                        line = spec_view_trim(line);
                        if (spec_view_starts(line, "start on"))
                                ret = true;
                        else if (spec_view_is(line, "manual"))
                                ret = false;
                }
        }
        return ret;
}

/* serverspec's names with and without "under_". */
static int enabled_under(struct spec_resource *r, const char *under, const char *level, bool *ret, struct bk_error *err)
{
        autofree char *asked = spec_service_unit(r->name), *file = unit_file(r, asked);
        const char *system = strncmp(under, "under_", 6) == 0 ? under + 6 : under;

        spec_note(r, "'%s' does not start it at boot", system);
        if (bk_streq(system, "systemd"))
                *ret = started_by_systemd(r, asked, file);
        else if (bk_streq(system, "init"))
                *ret = started_by_rc(r, level);
        else if (bk_streq(system, "openrc"))
                *ret = started_by_openrc(r, level);
        else if (bk_streq(system, "runit") || bk_streq(system, "daemontools"))
                *ret = started_by_watch(r, bk_streq(system, "runit"));
        else if (bk_streq(system, "upstart"))
                *ret = started_by_upstart(r);
        else
                return bk_fail(err, BK_INFRA, "what '%s' starts is not read from files", under);
        return 0;
}

static int service_enabled(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *level = spec_args_named(args, "with_level") ? spec_args_named(args, "with_level") : spec_args_text(args, 0);
        const char *under = spec_args_named(args, "under");
        autofree char *asked = spec_service_unit(r->name), *file = unit_file(r, asked);
        autofree char *script = bk_format("/etc/init.d/%s", r->name);

        if (under != NULL)
                return enabled_under(r, under, level, ret, err);
        *ret = started_by_systemd(r, asked, file);
        /* systemd reads a script only when no unit has its name */
        if (!*ret && file == NULL)
                *ret = started_by_rc(r, level) || started_by_openrc(r, level) || started_by_watch(r, true);
        if (*ret || r->note.len > 0)
                return 0;
        if (file == NULL && !there(r, script))
                spec_note(r, "there is no such service in the image");
        else
                spec_note(r, "nothing starts it at boot");
        return 0;
}

static int service_installed(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *unit = spec_service_unit(r->name), *file = unit_file(r, unit), *script = bk_format("/etc/init.d/%s", r->name);

        (void)args, (void)err;
        *ret = file != NULL || there(r, script);
        if (file != NULL)
                spec_note(r, "its unit is '%s'", file);
        else if (!*ret)
                spec_note(r, "there is no such service in the image");
        return 0;
}

/* The links' folders, and where the unit may be; what is in X.wants folders is asked when they are known. */
void spec_service_want(const struct spec_resource *r)
{
        static const char *const links[] = { "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d" };
        autofree char *unit = spec_service_unit(r->name), *script = bk_format("/etc/init.d/%s", r->name);

        for (int i = 0; i < FOLDERS; i++) {
                autofree char *path = bk_format("%s/%s", unit_folders[i], unit);

                spec_want_path(r, unit_folders[i]);
                spec_want_path(r, path);
        }
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                spec_want_path(r, links[i]);
        for (size_t i = 0; i < sizeof runlevels / sizeof *runlevels; i++)
                spec_want_path(r, runlevels[i]);
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
                spec_want_path(r, watched[i]);
        spec_want_path(r, script);
        spec_service_want_running(r);
}

/* What a link in the unit's place leads to; the unit itself where there is none. */
char *spec_service_alias(struct spec_resource *r)
{
        autofree char *asked = spec_service_unit(r->name), *file = unit_file(r, asked), *linked = linked_name(r, asked, file);

        return linked ? bk_take(linked) : bk_take(asked);
}

const struct spec_property spec_service_properties[] = { { NULL } };

const struct spec_predicate spec_service_predicates[] = {
        { "enabled?", "with_level under", service_enabled },
        { "installed?", NULL, service_installed },
        { "running?", "under", spec_service_running },
        { "monitored_by?", "with_name", spec_service_monitored },
        { NULL },
};
