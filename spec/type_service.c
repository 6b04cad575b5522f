/* Type `service`, offline: what would start at boot, read from the links that
 * `systemctl enable`, insserv or rc-update leave behind. A unit without links is
 * not enabled, even one that cannot be ("static"): the check asks what starts. */
#include "spec/spec_priv.h"

#include <string.h>

static const char *const unit_folders[] = { "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                            "/lib/systemd/system" };
enum { FOLDERS = sizeof unit_folders / sizeof *unit_folders };

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

static char *unit_name(const char *name)
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

/* Is there FOLDER/X.wants/UNIT or X.requires/UNIT? A link to /dev/null there takes an inherited one away. */
static bool wanted_in(struct spec_resource *r, const char *path, const char *unit)
{
        autostrv struct bk_strv names = folder(r, path);

        for (size_t i = 0; i < names.n; i++) {
                autofree char *link = bk_format("%s/%s/%s", path, names.v[i], unit);
                autofree char *mask = bk_format("/etc/systemd/system/%s/%s", names.v[i], unit);
                autofree char *to = NULL;

                if ((!ends(names.v[i], ".wants") && !ends(names.v[i], ".requires")) || !there(r, link))
                        continue;
                to = link_text(r, mask);
                if (bk_streq(to, "/dev/null"))
                        continue;
                spec_note(r, "'%s' starts it", link);
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
        static const char *const levels[] = { "default", "boot", "sysinit" };

        for (size_t i = 0; i < 3; i++) {
                autofree char *path = bk_format("/etc/runlevels/%s/%s", level ? level : levels[i], r->name);

                if (!there(r, path))
                        continue;
                spec_note(r, "'%s' starts it", path);
                return true;
        }
        return false;
}

static int service_enabled(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *level = spec_args_named(args, "with_level") ? spec_args_named(args, "with_level") : spec_args_text(args, 0);
        const char *under = spec_args_named(args, "under");
        autofree char *asked = unit_name(r->name), *file = unit_file(r, asked), *to = NULL;
        autofree char *script = bk_format("/etc/init.d/%s", r->name);
        const char *unit = asked;

        if (under != NULL)
                return bk_fail(err, BK_INFRA, "services under '%s' are not read from files", under);
        *ret = true;
        to = file ? link_text(r, file) : NULL;
        if (bk_streq(to, "/dev/null")) {
                spec_note(r, "it is masked");
                *ret = false;
                return 0;
        }
        if (to != NULL && !bk_streq(base(to), asked) && strchr(asked, '@') == NULL)
                unit = base(to);        /* asked for by an alias */
        for (int i = 0; i < FOLDERS; i++)
                if (wanted_in(r, unit_folders[i], unit) || (i == 0 && file != NULL && aliased(r, unit)))
                        return 0;
        /* systemd reads a script only when no unit has its name */
        if (file == NULL && (started_by_rc(r, level) || started_by_openrc(r, level)))
                return 0;
        if (file == NULL && !there(r, script))
                spec_note(r, "there is no such service in the image");
        else
                spec_note(r, "nothing starts it at boot");
        *ret = false;
        return 0;
}

static int service_installed(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *unit = unit_name(r->name), *file = unit_file(r, unit), *script = bk_format("/etc/init.d/%s", r->name);

        (void)args, (void)err;
        *ret = file != NULL || there(r, script);
        if (file != NULL)
                spec_note(r, "its unit is '%s'", file);
        else if (!*ret)
                spec_note(r, "there is no such service in the image");
        return 0;
}

const struct spec_property spec_service_properties[] = { { NULL } };

const struct spec_predicate spec_service_predicates[] = {
        { "enabled?", "with_level under", service_enabled },
        { "installed?", NULL, service_installed },
        { "running?", "under", .unanswered = "needs a running system" },
        { "monitored_by?", "with_name", .unanswered = "needs a running system" },
        { NULL },
};
