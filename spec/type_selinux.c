/* Types `selinux` and `selinux_module`: the mode, which must be configured and hold, and the policy's module store. */
#include "spec/spec_priv.h"

#include <string.h>

#define CONFIG "/etc/selinux/config"
#define ENFORCE "/sys/fs/selinux/enforce"
#define STORES "/var/lib/selinux"

struct config { bool there; char *mode, *policy; };     /* NULL: not said */

static void config_done(struct config *config)
{
        free(config->mode);
        free(config->policy);
}

static int config_read(struct spec_image *image, struct config *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view rest, line, key, value;
        const int there = spec_config_read(image, CONFIG, &text, &rest, err);

        if (there <= 0)
                return there;
        ret->there = true;
        while (spec_view_line(&rest, &line)) {
                char **const at = !spec_view_pair(line, '=', &key, &value) ? NULL : spec_view_is_nocase(key, "SELINUX") ? &ret->mode :
                                  spec_view_is_nocase(key, "SELINUXTYPE") ? &ret->policy : NULL;

                if (at == NULL)
                        continue;
                free(*at);
                *at = spec_view_dup(spec_view_unquote(value));
        }
        return 0;
}

/* What holds now: "enforcing", "permissive", "disabled". */
static int live_mode(const struct spec_files *guest, const char **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;
        const int there = spec_files_read(guest, ENFORCE, 64, &text, &length, err);

        if (there < 0)
                return -1;
        *ret = there == 0 ? "disabled" : length > 0 && *text == '1' ? "enforcing" : "permissive";
        return 0;
}

static bool same(const char *a, const char *b)
{
        return a != NULL && b != NULL && spec_view_is_nocase(spec_view_of(a), b);
}

/* Configured as wanted and, where a system runs, so there. A system that is to be without may still be permissive, until its next boot. */
static int has_mode(struct spec_resource *r, const struct spec_args *args, const char *mode, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(config_done) struct config config = { 0 };
        const char *policy = spec_args_named(args, "with_policy"), *now = NULL;
        const bool off = bk_streq(mode, "disabled");
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        if (config_read(r->image, &config, err) < 0)
                return -1;
        if (spec_image_guest(r->image, &guest, &none) == 0) {
                if (live_mode(guest, &now, err) < 0)
                        return -1;
        } else {
                spec_configured(r);
        }
        *ret = config.there ? same(config.mode, mode) && (policy == NULL || same(config.policy, policy)) : off;
        if (now != NULL && config.there && !bk_streq(now, mode) && !(off && bk_streq(now, "permissive")))
                *ret = false;
        if (config.there)
                spec_note(r, CONFIG " says %s%s%s%s%s", config.mode ? config.mode : "nothing", config.policy ? " with policy " : "",
                          config.policy ? config.policy : "", now ? ", and the system is " : "", now ? now : "");
        else
                spec_note(r, CONFIG " does not exist");
        return 0;
}

#define MODE(mode) \
static int selinux_##mode(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err) \
{ \
        return has_mode(r, args, #mode, ret, err); \
}
MODE(enforcing)
MODE(permissive)
MODE(disabled)

void spec_selinux_want(const struct spec_resource *resource)
{
        spec_want_path(resource, CONFIG);
        spec_want_guest_path(resource, ENFORCE);
}

const struct spec_predicate spec_selinux_predicates[] = {
        { "enforcing?", "with_policy", selinux_enforcing },
        { "permissive?", "with_policy", selinux_permissive },
        { "disabled?", NULL, selinux_disabled },
        { NULL },
};

/* --- selinux_module -------------------------------------------------------- */

struct module { bool there, disabled; };

/* POLICY/active/modules/PRIORITY/NAME, and modules/disabled/NAME. */
static int look_in_store(struct spec_resource *r, const char *policy, struct module *ret, struct bk_error *err)
{
        autofree char *modules = bk_format(STORES "/%s/active/modules", policy), *off = bk_format("%s/disabled/%s", modules, r->name);
        autostrv struct bk_strv priorities = { 0 };

        if (spec_files_list(&r->image->files, modules, &priorities, err) < 0)
                return -1;
        for (size_t i = 0; i < priorities.n && !ret->there; i++) {
                autofree char *path = bk_format("%s/%s/%s", modules, priorities.v[i], r->name);
                struct stat st;
                const int there = strspn(priorities.v[i], "0123456789") == strlen(priorities.v[i])
                        ? spec_files_stat(&r->image->files, path, true, &st, err) : 0;

                if (there < 0)
                        return -1;
                ret->there = there > 0 && S_ISDIR(st.st_mode);
        }
        ret->disabled = ret->there && spec_files_there(&r->image->files, off);
        return 0;
}

/* The store of older releases: NAME.pp and NAME.pp.disabled. */
static int look_in_old_store(struct spec_resource *r, const char *policy, struct module *ret)
{
        autofree char *path = bk_format("/etc/selinux/%s/modules/active/modules/%s.pp", policy, r->name);
        autofree char *off = bk_format("%s.disabled", path);

        ret->there = spec_files_there(&r->image->files, path) || spec_files_there(&r->image->files, off);
        ret->disabled = ret->there && spec_files_there(&r->image->files, off);
        return 0;
}

static int module_find(struct spec_resource *r, struct module *ret, struct bk_error *err)
{
        BK_CLEANUP(config_done) struct config config = { 0 };
        autostrv struct bk_strv policies = { 0 };

        if (*r->name == '\0' || *r->name == '.' || strchr(r->name, '/') != NULL)
                return bk_fail(err, BK_USAGE, "'%s' is no name of a module", r->name);
        if (config_read(r->image, &config, err) < 0)
                return -1;
        if (config.policy != NULL && *config.policy != '\0' && *config.policy != '.' && strchr(config.policy, '/') == NULL)
                bk_strv_add(&policies, config.policy);
        else if (spec_files_list(&r->image->files, STORES, &policies, err) < 0)
                return -1;
        *ret = (struct module){ 0 };
        for (size_t i = 0; i < policies.n && !ret->there; i++)
                if (look_in_store(r, policies.v[i], ret, err) < 0 || (!ret->there && look_in_old_store(r, policies.v[i], ret) < 0))
                        return -1;
        if (!ret->there)
                spec_note(r, policies.n == 0 ? "the image has no policy" : "the policy's module store does not have it");
        else
                spec_note(r, "it is installed%s", ret->disabled ? ", but disabled" : "");
        return 0;
}

/* The store keeps no versions, nor does `semodule -l` tell them any more. */
static int module_installed(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *version = spec_args_named(args, "with_version");
        struct module module;

        if (version == NULL)
                version = spec_args_text(&r->args, 0);
        if (module_find(r, &module, err) < 0)
                return -1;
        if (module.there && version != NULL)
                return bk_fail(err, BK_INFRA, "the policy's module store keeps no versions");
        *ret = module.there;
        return 0;
}

static int module_enabled(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct module module;

        (void)args;
        if (module_find(r, &module, err) < 0)
                return -1;
        *ret = module.there && !module.disabled;
        return 0;
}

void spec_selinux_module_want(const struct spec_resource *resource)
{
        spec_want_path(resource, CONFIG);
        spec_want_path(resource, STORES);
}

const struct spec_predicate spec_selinux_module_predicates[] = {
        { "installed?", "with_version", module_installed }, { "enabled?", NULL, module_enabled }, { NULL },
};
