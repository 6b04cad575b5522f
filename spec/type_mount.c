/* Type `fstab`, and `file`'s be_mounted: what is mounted where, and how. A running system's kernel knows what is
 * mounted; without one, fstab and systemd's mount units say what will be. */
#include "spec/spec_priv.h"

#include <string.h>

#define FSTAB "/etc/fstab"
#define MOUNTS "cat /proc/self/mounts"

struct mount {
        char *device, *where, *type;
        struct bk_strv options;         /* "rw", "mode=620" */
        long long dump, pass;
        bool from_kernel;               /* all options are known */
};

static void mount_done(struct mount *mount)
{
        free(mount->device);
        free(mount->where);
        free(mount->type);
        bk_strv_done(&mount->options);
        *mount = (struct mount){ 0 };
}

/* fstab(5) and the kernel write a blank as \040. */
static char *decoded(struct spec_view word)
{
        struct bk_buf text = { 0 };

        for (size_t i = 0; i < word.n; i++) {
                const char *p = word.s + i;

                if (*p == '\\' && word.n - i > 3 && p[1] >= '0' && p[1] < '4' && p[2] >= '0' && p[2] < '8' && p[3] >= '0' && p[3] < '8') {
                        bk_buf_putc(&text, (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')));
                        i += 3;
                } else {
                        bk_buf_putc(&text, *p);
                }
        }
        return bk_buf_finish(&text);
}

static void options_add(struct bk_strv *options, struct spec_view list)
{
        struct spec_view option;

        while (spec_view_cut(&list, ',', &option))
                if (option.n > 0)
                        bk_strv_take(options, spec_view_dup(option));
}

/* "/mnt/" is "/mnt". */
static bool same_place(const char *a, const char *b)
{
        size_t n = strlen(a), m = strlen(b);

        while (n > 1 && a[n - 1] == '/')
                n--;
        while (m > 1 && b[m - 1] == '/')
                m--;
        return n == m && memcmp(a, b, n) == 0;
}

/* One line of fstab or of the kernel's list; false when it is a comment, or of another place. */
static bool mount_parse(struct spec_view line, const char *where, struct mount *ret)
{
        struct spec_view device, place, type = { "", 0 }, options = { "", 0 }, word;
        autofree char *at = NULL;

        if (!spec_view_word(&line, &device) || *device.s == '#' || !spec_view_word(&line, &place))
                return false;
        at = decoded(place);
        if (!same_place(at, where) && (strlen(where) != place.n || memcmp(where, place.s, place.n) != 0))
                return false;
        *ret = (struct mount){ .device = decoded(device), .where = bk_take(at) };
        if (spec_view_word(&line, &type) && spec_view_word(&line, &options))
                options_add(&ret->options, options);
        ret->type = spec_view_dup(type);
        if (spec_view_word(&line, &word) && !spec_view_number(word, &ret->dump))
                ret->dump = 0;
        if (spec_view_word(&line, &word) && !spec_view_number(word, &ret->pass))
                ret->pass = 0;
        return true;
}

/* --- what a check wants of it ---------------------------------------------- */

/* The option's value, "" when it has none, NULL when it is not set. The last one counts. */
static const char *option_of(const struct mount *mount, const char *name)
{
        const size_t length = strlen(name);

        for (size_t i = mount->options.n; i > 0; i--) {
                const char *option = mount->options.v[i - 1];

                if (strncmp(option, name, length) == 0 && (option[length] == '=' || option[length] == '\0'))
                        return option[length] == '=' ? option + length + 1 : option + length;
        }
        return NULL;
}

static bool value_is(const struct spec_value *wanted, const char *actual)
{
        long long number;

        switch (wanted->kind) {
        case SPEC_NIL:
                return actual == NULL;
        case SPEC_BOOL:
                return wanted->n ? actual != NULL && *actual == '\0' : actual == NULL;
        case SPEC_INT:
                return actual != NULL && spec_view_number(spec_view_of(actual), &number) && number == wanted->n;
        default:
                return bk_streq(wanted->s, actual);
        }
}

/* Only a running system tells which device a UUID is of. */
static int device_is(const struct mount *mount, const struct spec_value *wanted, bool *ret, struct bk_error *err)
{
        *ret = value_is(wanted, mount->device);
        if (!*ret && !mount->from_kernel && wanted->s != NULL && strncmp(wanted->s, "/dev/", 5) == 0 &&
            (*mount->device == '\0' || strchr(mount->device, '=') != NULL || strncmp(mount->device, "/dev/disk/", 10) == 0))
                return bk_fail(err, BK_INFRA, "it is configured as '%.200s', and only a running system tells whether that is '%.200s'",
                               mount->device, wanted->s);
        return 0;
}

static int attribute_is(const struct mount *mount, const char *key, const struct spec_value *wanted, bool fstab, bool *ret,
                        struct bk_error *err)
{
        if (bk_streq(key, "device")) {
                if (fstab)
                        *ret = value_is(wanted, mount->device);
                return fstab ? 0 : device_is(mount, wanted, ret, err);
        }
        if (bk_streq(key, "type"))
                *ret = value_is(wanted, mount->type);
        else if (fstab && bk_streq(key, "mount_point"))
                *ret = wanted->s != NULL && same_place(wanted->s, mount->where);
        else if (fstab && (bk_streq(key, "dump") || bk_streq(key, "pass"))) {
                autofree char *number = bk_format("%lld", *key == 'd' ? mount->dump : mount->pass);

                *ret = value_is(wanted, number);
        } else
                *ret = value_is(wanted, option_of(mount, key));
        return 0;
}

/* Every named value that begins with the prefix. *ret_n: how many attributes those were. */
static int attributes_are(const struct mount *mount, const struct spec_args *args, const char *prefix, bool fstab, size_t *ret_n,
                          bool *ret, struct bk_error *err)
{
        *ret = true;
        *ret_n = 0;
        for (size_t i = 0; i < args->n_named && *ret; i++) {
                const char *key = args->named[i].name;
                const struct spec_value *wanted = &args->named[i].value;

                if (strncmp(key, prefix, strlen(prefix)) != 0)
                        continue;
                key += strlen(prefix);
                if (bk_streq(key, "options") && wanted->kind != SPEC_NIL && wanted->kind != SPEC_BOOL)
                        return bk_fail(err, BK_USAGE, "options are written as options: { rw: true, mode: 620 }");
                if (bk_streq(key, "options"))
                        continue;
                if (strncmp(key, "options.", 8) == 0)
                        key += 8;
                (*ret_n)++;
                if (attribute_is(mount, key, wanted, fstab, ret, err) < 0)
                        return -1;
        }
        return 0;
}

static void note_mount(struct spec_resource *r, const struct mount *mount, const char *how)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf options = { 0 };

        for (size_t i = 0; i < mount->options.n && options.len < 1000; i++)
                bk_buf_printf(&options, "%s%.200s", i > 0 ? "," : "", mount->options.v[i]);
        spec_note(r, "%s '%.200s' as %.100s with %s", how, mount->device, *mount->type ? mount->type : "no type",
                  options.len > 0 ? options.data : "no options");
}

/* --- fstab ----------------------------------------------------------------- */

/* The first line of the place, as the boot's does. */
static int fstab_find(struct spec_image *image, const char *where, struct mount *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view rest, line;
        const int there = spec_config_read(image, FSTAB, &text, &rest, err);

        if (there <= 0)
                return there;
        while (spec_view_line(&rest, &line))
                if (mount_parse(line, where, ret))
                        return 1;
        return 0;
}

static int fstab_has_entry(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(mount_done) struct mount mount = { 0 };
        const char *where = spec_args_named(args, "mount_point");
        size_t n;
        int there;

        *ret = false;
        if (where == NULL)
                return bk_fail(err, BK_USAGE, "an entry is asked for by mount_point: '/...', with device:, type:, options: and so on");
        there = fstab_find(r->image, where, &mount, err);
        if (there < 0)
                return -1;
        if (there == 0) {
                spec_note(r, "it has no line for '%s'", where);
                return 0;
        }
        note_mount(r, &mount, "its line has");
        return attributes_are(&mount, args, "", true, &n, ret, err);
}

void spec_fstab_want(const struct spec_resource *resource)
{
        spec_want_path(resource, FSTAB);
}

const struct spec_predicate spec_fstab_predicates[] = { { "has_entry?", NULL, fstab_has_entry }, { NULL } };

/* --- be_mounted ------------------------------------------------------------ */

/* As systemd-escape --path: "/srv/a-b" is "srv-a\x2db". */
static char *unit_of(const char *where)
{
        struct bk_buf name = { 0 };

        for (const char *p = where; *p != '\0'; p++) {
                const bool first = name.len == 0;

                if (*p == '/') {
                        while (p[1] == '/')
                                p++;
                        if (!first && p[1] != '\0')
                                bk_buf_putc(&name, '-');
                } else if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == ':' || *p == '_' ||
                           (*p == '.' && !first)) {
                        bk_buf_putc(&name, *p);
                } else {
                        bk_buf_printf(&name, "\\x%02x", (unsigned char)*p);
                }
        }
        bk_buf_puts(&name, name.len == 0 ? "-.mount" : ".mount");
        return bk_buf_finish(&name);
}

static const char *const unit_folders[] = {
        "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
};
enum { FOLDERS = sizeof unit_folders / sizeof *unit_folders };

/* Does a *.wants or *.requires folder pull the unit in? */
static int unit_is_wanted(struct spec_image *image, const char *unit, bool *ret, struct bk_error *err)
{
        *ret = false;
        for (size_t i = 0; i < FOLDERS; i++) {
                autostrv struct bk_strv names = { 0 };

                if (spec_files_list(&image->files, unit_folders[i], &names, err) < 0)
                        return -1;
                for (size_t j = 0; j < names.n; j++) {
                        const struct spec_view name = spec_view_of(names.v[j]);
                        autofree char *path = NULL;

                        if (!spec_view_ends(name, ".wants") && !spec_view_ends(name, ".requires"))
                                continue;
                        path = bk_format("%s/%s/%s", unit_folders[i], names.v[j], unit);
                        if (spec_files_there(&image->files, path)) {
                                *ret = true;
                                return 0;
                        }
                }
        }
        return 0;
}

static void unit_parse(struct spec_view text, const char *where, struct mount *ret)
{
        struct spec_view line, key, value, section = { "", 0 };

        *ret = (struct mount){ .where = bk_strdup(where) };
        while (spec_view_line(&text, &line)) {
                line = spec_view_trim(line);
                if (line.n > 0 && *line.s == '[')
                        section = line;
                if (!spec_view_is(section, "[Mount]") || !spec_view_pair(line, '=', &key, &value))
                        continue;
                if (spec_view_is(key, "What") && ret->device == NULL)
                        ret->device = spec_view_dup(value);
                else if (spec_view_is(key, "Type") && ret->type == NULL)
                        ret->type = spec_view_dup(value);
                else if (spec_view_is(key, "Options"))
                        options_add(&ret->options, value);
        }
        if (ret->device == NULL)
                ret->device = bk_strdup("");
        if (ret->type == NULL)
                ret->type = bk_strdup("");
}

/* The unit's file that counts; masked ones do not. */
static int unit_find(struct spec_image *image, const char *where, struct mount *ret, bool *ret_wanted, struct bk_error *err)
{
        autofree char *unit = unit_of(where);

        for (size_t i = 0; i < FOLDERS; i++) {
                autofree char *path = bk_format("%s/%s", unit_folders[i], unit), *text = NULL, *link = NULL;
                struct spec_view view;
                int there = spec_files_link(&image->files, path, &link, err);

                if (there < 0)
                        return -1;
                if (bk_streq(link, "/dev/null"))
                        return 0;
                there = spec_config_read(image, path, &text, &view, err);
                if (there < 0)
                        return -1;
                if (there == 0)
                        continue;
                unit_parse(view, where, ret);
                return unit_is_wanted(image, unit, ret_wanted, err) < 0 ? -1 : 1;
        }
        return 0;
}

/* What is mounted in every system that systemd starts, and is in no file. */
static bool always(const char *where, struct mount *ret)
{
        static const struct { const char *where, *type; } places[] = {
                { "/proc", "proc" }, { "/sys", "sysfs" }, { "/dev", "devtmpfs" }, { "/dev/pts", "devpts" }, { "/dev/shm", "tmpfs" },
                { "/run", "tmpfs" }, { "/sys/fs/cgroup", "cgroup2" },
        };

        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                if (same_place(places[i].where, where)) {
                        *ret = (struct mount){ .device = bk_strdup(places[i].type), .where = bk_strdup(where), .type = bk_strdup(places[i].type) };
                        return true;
                }
        return false;
}

/* What will be mounted at the next boot. 1, 0 (noted), -1. */
static int configured(struct spec_resource *r, struct mount *ret, struct bk_error *err)
{
        bool wanted = false;
        int there;

        spec_configured(r);
        there = unit_find(r->image, r->name, ret, &wanted, err);
        if (there < 0 || wanted)
                return there;
        if (there > 0)
                spec_note(r, "its mount unit is there, but nothing starts it");
        mount_done(ret);
        there = fstab_find(r->image, r->name, ret, err);
        if (there > 0 && option_of(ret, "noauto") != NULL) {
                spec_note(r, "it is in " FSTAB " with noauto");
                return 0;
        }
        if (there != 0)
                return there;
        if (same_place(r->name, "/")) {
                *ret = (struct mount){ .device = bk_strdup(""), .where = bk_strdup("/"), .type = bk_strdup("") };
                return 1;
        }
        if (always(r->name, ret))
                return 1;
        if (r->note.len == 0)
                spec_note(r, "neither " FSTAB " nor a mount unit has it");
        return 0;
}

/* The last line of the place is what lies on top. */
static int mounted_now(struct spec_resource *r, struct mount *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, line;
        int found = 0;

        if (spec_image_guest_line(r->image, MOUNTS, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "the guest does not tell what is mounted: %.200s", output->err ? output->err : "");
        rest = (struct spec_view){ output->out, output->out_len };
        while (spec_view_line(&rest, &line)) {
                struct mount mount;

                if (!mount_parse(line, r->name, &mount))
                        continue;
                mount_done(ret);
                *ret = mount;
                ret->from_kernel = true;
                found = 1;
        }
        if (!found)
                spec_note(r, "nothing is mounted there");
        return found;
}

/* Options that hold by themselves, so that { rw: true } is true of "defaults". */
static void add_defaults(struct mount *mount)
{
        if (option_of(mount, "ro") == NULL && option_of(mount, "rw") == NULL)
                bk_strv_add(&mount->options, "rw");
}

int spec_file_mounted(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(mount_done) struct mount mount = { 0 };
        const bool only = spec_args_value(args, "only_with") != NULL;
        const char *prefix = only ? "only_with." : "with.";
        const struct spec_value *with = spec_args_value(args, only ? "only_with" : "with");
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };
        const bool live = spec_image_guest(r->image, &guest, &none) == 0;
        const int there = live ? mounted_now(r, &mount, err) : configured(r, &mount, err);
        size_t n;

        *ret = there > 0;
        if (there <= 0)
                return there;
        if (with != NULL && with->kind != SPEC_BOOL)
                return bk_fail(err, BK_USAGE, "attributes are written as type: 'ext4', options: { rw: true }");
        if (!live)
                add_defaults(&mount);
        if (*mount.device != '\0')
                note_mount(r, &mount, live ? "it is mounted from" : "it is configured to be mounted from");
        else
                spec_note(r, "it is mounted in every system");
        if (attributes_are(&mount, args, prefix, false, &n, ret, err) < 0)
                return -1;
        if (!*ret && !live && (*mount.device == '\0' || *mount.type == '\0'))
                return bk_fail(err, BK_INFRA, "only a running system tells how it is mounted");
        if (!only || !*ret)
                return 0;
        if (!live)
                return bk_fail(err, BK_INFRA, "only a running system tells with which further options it is mounted");
        *ret = n == mount.options.n + 2;
        return 0;
}

void spec_mounted_want(const struct spec_resource *resource)
{
        spec_want_guest_line(resource, MOUNTS);
}
