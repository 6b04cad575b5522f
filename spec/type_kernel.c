/* Types `kernel_module` and `linux_kernel_parameter`: what the running kernel says, or else what is configured to be. */
#include "spec/live.h"

#include <fnmatch.h>
#include <string.h>

/* --- modules --------------------------------------------------------------- */

static const char MODULES[] = "/proc/modules";
static const char *const module_folders[] = { "/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
                                              "/usr/lib/modules-load.d", "/lib/modules-load.d", NULL };
static const char *const modprobe_folders[] = { "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
                                                "/lib/modprobe.d", NULL };

void spec_kernel_module_want(const struct spec_resource *r)
{
        spec_want_guest_path(r, MODULES);
}

/* '-' and '_' are the same in the name of a module. */
static bool same_module(struct spec_view a, const char *b)
{
        if (a.n != strlen(b))
                return false;
        for (size_t i = 0; i < a.n; i++)
                if ((a.s[i] == '-' ? '_' : a.s[i]) != (b[i] == '-' ? '_' : b[i]))
                        return false;
        return true;
}

static int loaded_in_guest(struct spec_resource *r, const struct spec_files *guest, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view rest, line, name;
        const int there = spec_text_of(guest, MODULES, &text, err);

        if (there < 0)
                return -1;
        *ret = false;
        rest = spec_view_of(text);
        while (!*ret && spec_view_line(&rest, &line))
                if (spec_view_word(&line, &name))
                        *ret = same_module(name, r->name) || (r->image->options->compat && spec_view_starts(name, r->name));
        if (!there)
                spec_note(r, "the kernel has no loadable modules");
        else if (!*ret)
                spec_note(r, "no module of this name is loaded");
        return 0;
}

struct module_words { const char *name; char *listed, *denied; };       /* paths; NULL: in none */

/* A line of modules-load.d or /etc/modules: a name, options aside. */
static void look_listed(struct module_words *w, struct spec_view line, const char *path)
{
        struct spec_view name;

        if (spec_view_word(&line, &name) && *name.s != '#' && *name.s != ';' && w->listed == NULL && same_module(name, w->name))
                w->listed = bk_strdup(path);
}

/* "blacklist NAME", or "install NAME /bin/true" */
static void look_denied(struct module_words *w, struct spec_view line, const char *path)
{
        struct spec_view verb, name, command;

        if (!spec_view_word(&line, &verb) || !spec_view_word(&line, &name) || w->denied != NULL || !same_module(name, w->name))
                return;
        if (spec_view_is(verb, "blacklist") ||
            (spec_view_is(verb, "install") && spec_view_word(&line, &command) && command.n >= 4 &&
             (memcmp(command.s + command.n - 4, "true", 4) == 0 || memcmp(command.s + command.n - 4, "alse", 4) == 0)))
                w->denied = bk_strdup(path);
}

static int look_through(struct spec_resource *r, const struct bk_strv *paths, void (*look)(struct module_words *, struct spec_view, const char *),
                        struct module_words *w, struct bk_error *err)
{
        for (size_t i = 0; i < paths->n; i++) {
                autofree char *text = NULL;
                struct spec_view rest, line;

                if (spec_text_of(&r->image->files, paths->v[i], &text, err) < 0)
                        return -1;
                rest = spec_view_of(text);
                while (spec_view_line(&rest, &line))
                        look(w, line, paths->v[i]);
        }
        return 0;
}

/* systemd-modules-load heeds blacklists. What no file names may still be loaded for a device that is found. */
static int loaded_as_configured(struct spec_resource *r, bool *ret, struct bk_error *err)
{
        autostrv struct bk_strv lists = { 0 }, rules = { 0 };
        struct module_words w = { .name = r->name };
        autofree char *listed = NULL, *denied = NULL;
        int result;

        bk_strv_add(&lists, "/etc/modules");
        if (spec_dropins(&r->image->files, module_folders, ".conf", &lists, err) < 0 ||
            spec_dropins(&r->image->files, modprobe_folders, ".conf", &rules, err) < 0)
                return -1;
        result = look_through(r, &lists, look_listed, &w, err) < 0 ? -1 : look_through(r, &rules, look_denied, &w, err);
        listed = w.listed;
        denied = w.denied;
        if (result < 0)
                return -1;
        if (listed == NULL && denied == NULL) {
                const struct spec_files *guest = NULL;

                return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "no file of the image loads or denies '%s'", r->name) : -1;
        }
        *ret = denied == NULL;
        spec_note(r, "'%s' %s it", denied ? denied : listed, denied ? "denies" : "loads");
        spec_configured(r);
        return 0;
}

static int module_loaded(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        (void)args;
        return spec_image_guest(r->image, &guest, &none) < 0 ? loaded_as_configured(r, ret, err) : loaded_in_guest(r, guest, ret, err);
}

const struct spec_predicate spec_kernel_module_predicates[] = { { "loaded?", NULL, module_loaded }, { NULL } };

/* --- parameters ------------------------------------------------------------ */

static const char *const sysctl_folders[] = { "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d",
                                              "/lib/sysctl.d", NULL };

/* "net.ipv4.conf.eth0/1.forwarding" is net/ipv4/conf/eth0.1/forwarding: the first separator says which one separates. */
static char *key_path(struct spec_view key)
{
        char *path = spec_view_dup(spec_view_trim(key));
        const size_t first = strcspn(path, "./");

        if (path[first] == '.')
                for (char *c = path + first; *c != '\0'; c++)
                        *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
        return path;
}

static char *proc_path(const char *name)
{
        autofree char *key = key_path(spec_view_of(name));

        return bk_format("/proc/sys/%s", key);
}

void spec_kernel_parameter_want(const struct spec_resource *r)
{
        autofree char *path = proc_path(r->name);

        spec_want_guest_path(r, path);
}

struct setting { const char *key; char *exact, *globbed; bool set, excluded; };

/* "key = value", "-key = value" (an error is no matter), "-key" (a pattern's exception). What names the key itself precedes patterns. */
static void parse_setting(struct spec_view line, struct setting *s)
{
        struct spec_view key, value = spec_view_trim(line);
        const bool dash = value.n > 0 && *value.s == '-';
        autofree char *path = NULL;

        if (value.n == 0 || *value.s == '#' || *value.s == ';')
                return;
        if (!spec_view_until(&value, '=', &key)) {
                path = dash ? key_path((struct spec_view){ value.s + 1, value.n - 1 }) : NULL;
                s->excluded |= bk_streq(path, s->key);
                return;
        }
        key = spec_view_trim(key);
        path = key_path(dash ? (struct spec_view){ key.s + 1, key.n - 1 } : key);
        if (bk_streq(path, s->key)) {
                free(s->exact);
                s->exact = spec_view_dup(spec_view_trim(value));
        } else if (strpbrk(path, "*?[") != NULL && strlen(path) < 256 && fnmatch(path, s->key, FNM_PATHNAME) == 0) {
                free(s->globbed);
                s->globbed = spec_view_dup(spec_view_trim(value));
        }
}

/* systemd reads /etc/sysctl.conf only where a link in sysctl.d leads to it; other systems read it last. */
static int read_settings(struct spec_resource *r, struct setting *s, struct bk_error *err)
{
        const struct spec_files *files = &r->image->files;
        autostrv struct bk_strv paths = { 0 };

        if (spec_dropins(files, sysctl_folders, ".conf", &paths, err) < 0)
                return -1;
        if (!spec_files_there(files, "/usr/lib/systemd/systemd-sysctl") && !spec_files_there(files, "/lib/systemd/systemd-sysctl"))
                bk_strv_add(&paths, "/etc/sysctl.conf");
        for (size_t i = 0; i < paths.n; i++) {
                autofree char *text = NULL;
                struct spec_view rest, line;

                if (spec_text_of(files, paths.v[i], &text, err) < 0)
                        return -1;
                rest = spec_view_of(text);
                while (spec_view_line(&rest, &line))
                        parse_setting(line, s);
        }
        return 0;
}

static int value_as_configured(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *key = key_path(spec_view_of(r->name)), *exact = NULL, *globbed = NULL;
        struct setting s = { .key = key };
        const struct spec_files *guest = NULL;
        const int result = read_settings(r, &s, err);
        const char *found = NULL;

        exact = s.exact;
        globbed = s.globbed;
        if (result < 0)
                return -1;
        found = exact != NULL ? exact : s.excluded ? NULL : globbed;
        if (found == NULL)
                return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "no file of sysctl.d sets '%s'", r->name) : -1;
        spec_value_of_view(ret, spec_view_of(found));
        spec_configured(r);
        return 0;
}

static int parameter_value(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *path = proc_path(r->name), *text = NULL;
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };
        int there;

        if (spec_image_guest(r->image, &guest, &none) < 0)
                return value_as_configured(r, ret, err);
        there = spec_text_of(guest, path, &text, err);
        if (there > 0)
                spec_value_of_view(ret, spec_view_of(text));
        return there < 0 ? -1 : 0;
}

const struct spec_property spec_kernel_parameter_properties[] = { { "value", parameter_value }, { NULL } };

/* --- control groups -------------------------------------------------------- */

/* "memory.max": below the hierarchy of its controller, or below the one of all (v2). */
static char *cgroup_path(const char *group, const char *name, bool unified)
{
        return unified ? bk_format("/sys/fs/cgroup/%s/%s", group, name)
                       : bk_format("/sys/fs/cgroup/%.*s/%s/%s", (int)strcspn(name, "."), name, group, name);
}

int spec_cgroup_parameter(struct spec_resource *r, const char *name, struct spec_value *ret, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        if (strchr(name, '.') == NULL || strchr(name, '/') != NULL)
                return bk_fail(err, BK_USAGE, "a parameter of a control group is named as in 'memory.max', not '%s'", name);
        if (spec_image_guest(r->image, &guest, err) < 0)
                return -1;
        for (int unified = 0; unified < 2; unified++) {
                autofree char *path = cgroup_path(r->name, name, unified), *text = NULL;
                struct spec_view rest, line, first;
                const int there = spec_text_of(guest, path, &text, err);

                if (there < 0)
                        return -1;
                rest = spec_view_of(text);
                if (!there)
                        continue;
                /* the first word of the first line, as cgget's answer is cut */
                if (spec_view_line(&rest, &line) && spec_view_word(&line, &first))
                        spec_value_of_view(ret, first);
                else
                        spec_value_text(ret, "");
                return 0;
        }
        if (!spec_files_there(guest, "/sys/fs/cgroup/cgroup.controllers") && !spec_files_there(guest, "/sys/fs/cgroup/memory") &&
            !spec_files_there(guest, "/sys/fs/cgroup/cpu"))
                return bk_fail(err, BK_INFRA, "the guest has no control groups below /sys/fs/cgroup");
        return 0;
}
