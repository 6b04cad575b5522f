/* Types `zfs`, `lxc` and `kvm`: what is defined is in files, what runs is asked. */
#include "spec/live.h"

#include <string.h>

static char *named_line(const struct spec_resource *r, const char *before, const char *after)
{
        autofree char *name = spec_quote(r->name);

        return bk_format("%s%s%s", before, name, after);
}

static int failed(const char *line, const struct spec_output *output, struct bk_error *err)
{
        const struct spec_view out = spec_view_trim(spec_view_of(output->err));

        return bk_fail(err, BK_INFRA, "`%s` failed in the guest: %.*s", line, (int)(out.n < 200 ? out.n : 200), out.s);
}

static bool says(const char *text, const char *words)
{
        return text != NULL && strstr(text, words) != NULL;
}

/* A name that is a part of a path. */
static int plain_name(const struct spec_resource *r, struct bk_error *err)
{
        if (r->name[0] == '\0' || r->name[0] == '.' || r->name[0] == '-' || strchr(r->name, '/') != NULL)
                return bk_fail(err, BK_USAGE, "'%s' is no name of a %s", r->name, r->type->name);
        return 0;
}

/* --- zfs ------------------------------------------------------------------- */

static char *zfs_line(const struct spec_resource *r, bool exact)
{
        return named_line(r, exact ? "zfs get -Hp -o property,value all " : "zfs get -H -o property,value all ", "");
}

void spec_zfs_want(const struct spec_resource *r)
{
        autofree char *exact = zfs_line(r, true), *human = zfs_line(r, false);

        spec_want_guest_line(r, exact);
        spec_want_guest_line(r, human);
}

/* 1 with the lines "property<tab>value", 0 when there is no such dataset. */
static int zfs_properties(struct spec_resource *r, bool exact, struct spec_view *ret, struct bk_error *err)
{
        autofree char *line = zfs_line(r, exact);
        const struct spec_output *output = NULL;

        if (r->name[0] == '\0' || r->name[0] == '-')
                return bk_fail(err, BK_USAGE, "'%s' is no name of a dataset", r->name);
        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        *ret = spec_view_of_output(output);
        if (output->status == 0)
                return 1;
        if (!says(output->err, "does not exist") && !says(output->err, "no such pool"))
                return failed(line, output, err);
        spec_note(r, "there is no such dataset");
        return 0;
}

static int zfs_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct spec_view all = { 0 };
        const int there = zfs_properties(r, true, &all, err);

        (void)args;
        *ret = there > 0;
        return there < 0 ? -1 : 0;
}

static bool zfs_value(struct spec_view rest, const char *property, struct spec_view *ret)
{
        struct spec_view line, name;

        while (spec_view_line(&rest, &line))
                if (spec_view_until(&line, '\t', &name) && spec_view_is(name, property)) {
                        *ret = line;
                        return true;
                }
        return false;
}

/* Each value as people or as programs are given it: "10G" and 10737418240 are the same. */
static int zfs_has_property(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct spec_view human, exact, value, other;
        int there;

        if (args->n_named == 0)
                return bk_fail(err, BK_USAGE, "properties are expected, as in have_property 'mountpoint' => '/srv'");
        there = zfs_properties(r, false, &human, err);
        if (there > 0)
                there = zfs_properties(r, true, &exact, err);
        *ret = there > 0;
        if (there <= 0)
                return there;
        for (size_t i = 0; i < args->n_named; i++) {
                const char *name = args->named[i].name, *wanted = args->named[i].value.s;

                if (!zfs_value(human, name, &value) || !zfs_value(exact, name, &other)) {
                        spec_note(r, "it has no property '%s'", name);
                        *ret = false;
                } else if (wanted == NULL || (!spec_view_is(value, wanted) && !spec_view_is(other, wanted))) {
                        spec_note(r, "its %s is %.*s", name, (int)(value.n < 200 ? value.n : 200), value.s);
                        *ret = false;
                }
        }
        return 0;
}

/* "property<tab>value" each; Ruby makes a hash of them. */
static int zfs_all(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct spec_view rest, line;
        const int there = zfs_properties(r, true, &rest, err);

        if (there < 0)
                return -1;
        *ret = (struct spec_value){ .kind = SPEC_LIST };
        while (there > 0 && spec_view_line(&rest, &line) && ret->list.n < 4096)
                bk_strv_take(&ret->list, spec_view_dup(line));
        return 0;
}

const struct spec_property spec_zfs_properties[] = { { "__property", zfs_all }, { NULL } };
const struct spec_predicate spec_zfs_predicates[] = {
        { "exist?", NULL, zfs_exists }, { "has_property?", NULL, zfs_has_property }, { NULL },
};

/* --- lxc ------------------------------------------------------------------- */

/* lxc's own containers, or else those that libvirt keeps. */
static char *lxc_line(const struct spec_resource *r)
{
        autofree char *name = spec_quote(r->name);

        return bk_format("if command -v lxc-info >/dev/null; then lxc-info -s -n %s; else virsh -c lxc:/// domstate %s; fi", name, name);
}

void spec_lxc_want(const struct spec_resource *r)
{
        autofree char *config = bk_format("/var/lib/lxc/%s/config", r->name), *domain = bk_format("/etc/libvirt/lxc/%s.xml", r->name);
        autofree char *line = lxc_line(r);

        spec_want_path(r, "/etc/lxc/lxc.conf");
        spec_want_path(r, config);
        spec_want_path(r, domain);
        spec_want_guest_line(r, line);
}

/* "lxc.lxcpath = /srv/lxc" in lxc.conf; the caller's */
static int lxc_folder(struct spec_resource *r, char **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view rest, line, key;

        if (spec_text_of(&r->image->files, "/etc/lxc/lxc.conf", &text, err) < 0)
                return -1;
        rest = spec_view_of(text);
        while (spec_view_line(&rest, &line))
                if (spec_view_until(&line, '=', &key) && spec_view_is(spec_view_trim(key), "lxc.lxcpath")) {
                        *ret = spec_view_dup(spec_view_trim(line));
                        return 0;
                }
        *ret = bk_strdup("/var/lib/lxc");
        return 0;
}

static int lxc_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *folder = NULL, *config = NULL, *domain = NULL;
        struct stat st;
        int there;

        (void)args;
        if (plain_name(r, err) < 0 || lxc_folder(r, &folder, err) < 0)
                return -1;
        config = bk_format("%s/%s/config", folder, r->name);
        domain = bk_format("/etc/libvirt/lxc/%s.xml", r->name);
        there = spec_files_stat(&r->image->files, config, true, &st, err);
        if (there == 0)
                there = spec_files_stat(&r->image->files, domain, true, &st, err);
        *ret = there > 0;
        if (there == 0)
                spec_note(r, "there is no '%s'", config);
        return there < 0 ? -1 : 0;
}

static int lxc_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *line = lxc_line(r);
        const struct spec_output *output = NULL;

        (void)args;
        if (plain_name(r, err) < 0 || spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        *ret = output->status == 0 && (says(output->out, "RUNNING") || says(output->out, "running"));
        if (output->status == 0)
                spec_note(r, "its state is %.100s", output->out ? output->out : "");
        else if (says(output->err, "doesn't exist") || says(output->err, "does not exist") || says(output->err, "failed to get domain"))
                spec_note(r, "there is no such container");
        else
                return failed("lxc-info", output, err);
        return 0;
}

const struct spec_predicate spec_lxc_predicates[] = { { "exist?", NULL, lxc_exists }, { "running?", NULL, lxc_running }, { NULL } };

/* --- kvm ------------------------------------------------------------------- */

#define DOMAINS "virsh -c qemu:///system list --all --name"
#define RUNNING "virsh -c qemu:///system list --name"

static char *domain_file(const struct spec_resource *r, const char *folder)
{
        return bk_format("/etc/libvirt/qemu/%s%s.xml", folder, r->name);
}

void spec_kvm_want(const struct spec_resource *r)
{
        autofree char *domain = domain_file(r, ""), *autostart = domain_file(r, "autostart/");

        spec_want_path(r, domain);
        spec_want_path(r, autostart);
        spec_want_guest_line(r, RUNNING);
}

static int listed(struct spec_resource *r, const char *line, bool *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, name;

        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return failed(line, output, err);
        rest = spec_view_of_output(output);
        *ret = false;
        while (!*ret && spec_view_line(&rest, &name))
                *ret = spec_view_is(spec_view_trim(name), r->name);
        return 0;
}

/* A domain that was never defined, only started, is in no file. */
static int kvm_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *path = domain_file(r, "");
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };
        struct stat st;
        int there;

        (void)args;
        if (plain_name(r, err) < 0)
                return -1;
        there = spec_files_stat(&r->image->files, path, true, &st, err);
        if (there < 0)
                return -1;
        *ret = there > 0;
        if (there > 0)
                return 0;
        spec_note(r, "there is no '%s'", path);
        return spec_image_guest(r->image, &guest, &none) < 0 ? 0 : listed(r, DOMAINS, ret, err);
}

static int kvm_enabled(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *path = domain_file(r, "autostart/");
        struct stat st;
        int there;

        (void)args;
        if (plain_name(r, err) < 0)
                return -1;
        there = spec_files_stat(&r->image->files, path, false, &st, err);
        *ret = there > 0;
        if (there == 0)
                spec_note(r, "there is no '%s'", path);
        return there < 0 ? -1 : 0;
}

static int kvm_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        if (plain_name(r, err) < 0 || listed(r, RUNNING, ret, err) < 0)
                return -1;
        if (!*ret)
                spec_note(r, "libvirt runs no such domain");
        return 0;
}

const struct spec_predicate spec_kvm_predicates[] = {
        { "exist?", NULL, kvm_exists }, { "running?", NULL, kvm_running }, { "enabled?", NULL, kvm_enabled }, { NULL },
};
