/* Type `file`. As with serverspec, mode, owner, group, size and mtime are those
 * of the path itself, while kinds and content follow symlinks. */
#include "spec/spec_priv.h"

#include <linux/fs.h>
#include <string.h>

enum { CONTENT_MOST = 64 << 20 };

static const char *kind_of(mode_t mode)
{
        static const struct { mode_t type; const char *name; } kinds[] = {
                { S_IFREG, "a regular file" }, { S_IFDIR, "a directory" }, { S_IFLNK, "a symbolic link" },
                { S_IFIFO, "a pipe" }, { S_IFSOCK, "a socket" }, { S_IFBLK, "a block device" }, { S_IFCHR, "a character device" },
        };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if ((mode & S_IFMT) == kinds[i].type)
                        return kinds[i].name;
        return "of an unknown kind";
}

/* Returns 1 when there, 0 when not (noted), -1 when nobody can tell. */
static int look(struct spec_resource *r, bool follow, struct stat *st, struct bk_error *err)
{
        autofree char *target = NULL;
        int there;

        *st = (struct stat){ 0 };
        there = spec_files_stat(&r->image->files, r->name, follow, st, err);
        if (there != 0)
                return there;
        if (follow && spec_files_link(&r->image->files, r->name, &target, err) < 0)
                return -1;
        if (target != NULL)
                spec_note(r, "it is a symbolic link to '%s', which leads nowhere", target);
        else
                spec_note(r, "it does not exist");
        return 0;
}

/* As look(), for what only a regular file has. */
static int look_at_file(struct spec_resource *r, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, true, &st, err);

        if (there <= 0 || S_ISREG(st.st_mode))
                return there;
        spec_note(r, "it is %s", kind_of(st.st_mode));
        return 0;
}

/* --- properties ------------------------------------------------------------ */

/* Of what cannot be read because it is not there: "", as `cat` gives; the note tells the difference. */
static int file_content(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        char *text = NULL;
        size_t length = 0;
        const int there = look_at_file(r, err);

        if (there < 0 || (there > 0 && spec_files_read(&r->image->files, r->name, CONTENT_MOST, &text, &length, err) < 0))
                return -1;
        *ret = (struct spec_value){ .kind = SPEC_STRING, .s = text ? text : bk_strdup(""), .len = length };
        return 0;
}

static int checksum(struct spec_resource *r, const char *algorithm, struct spec_value *ret, struct bk_error *err)
{
        autofree char *hex = NULL;
        const int there = look_at_file(r, err);

        if (there < 0 || (there > 0 && spec_files_digest(&r->image->files, r->name, algorithm, &hex, err) < 0))
                return -1;
        spec_value_text(ret, hex);
        return 0;
}

static int file_md5sum(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return checksum(r, "md5", ret, err);
}

static int file_sha256sum(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return checksum(r, "sha256", ret, err);
}

static int file_size(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, false, &st, err);

        if (there > 0)
                spec_value_int(ret, st.st_size);
        return there < 0 ? -1 : 0;
}

static int file_mtime(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, false, &st, err);

        if (there > 0)
                *ret = (struct spec_value){ .kind = SPEC_TIME, .n = st.st_mtime };
        return there < 0 ? -1 : 0;
}

static int file_mode(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, false, &st, err);
        autofree char *text = there > 0 ? bk_format("%o", st.st_mode & 07777) : NULL;

        spec_value_text(ret, text);
        return there < 0 ? -1 : 0;
}

static int named(struct spec_resource *r, enum spec_database database, char **ret, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, false, &st, err);

        if (there <= 0)
                return there;
        return spec_account_name(r->image, database, database == SPEC_PASSWD ? st.st_uid : st.st_gid, ret, err);
}

static int file_owner(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *name = NULL;

        if (named(r, SPEC_PASSWD, &name, err) < 0)
                return -1;
        spec_value_text(ret, name);
        return 0;
}

static int file_group(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *name = NULL;

        if (named(r, SPEC_GROUP, &name, err) < 0)
                return -1;
        spec_value_text(ret, name);
        return 0;
}

/* What the link says, as `readlink`; "" for what is none. */
static int file_link_target(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *target = NULL;

        if (spec_files_link(&r->image->files, r->name, &target, err) < 0)
                return -1;
        spec_value_text(ret, target != NULL ? target : "");
        return 0;
}

static int file_selinux_label(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autofree char *label = NULL;
        size_t length;
        struct stat st;
        const int there = look(r, true, &st, err);

        if (there < 0 || (there > 0 && spec_files_xattr(&r->image->files, r->name, "security.selinux", &label, &length, err) < 0))
                return -1;
        spec_value_text(ret, label);
        return 0;
}

/* --- predicates ------------------------------------------------------------ */

static int is_kind(struct spec_resource *r, mode_t type, bool *ret, struct bk_error *err)
{
        struct stat st;
        const int there = look(r, type != S_IFLNK, &st, err);

        if (there < 0)
                return -1;
        *ret = there > 0 && (type == 0 || (st.st_mode & S_IFMT) == type);
        if (there > 0)
                spec_note(r, "it is %s", kind_of(st.st_mode));
        return 0;
}

#define KIND(function, type) \
static int function(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err) \
{ \
        (void)args; \
        return is_kind(r, type, ret, err); \
}
KIND(file_exists, 0)
KIND(file_is_file, S_IFREG)
KIND(file_is_directory, S_IFDIR)
KIND(file_is_symlink, S_IFLNK)
KIND(file_is_pipe, S_IFIFO)
KIND(file_is_socket, S_IFSOCK)
KIND(file_is_block, S_IFBLK)
KIND(file_is_character, S_IFCHR)

/* 644, '644', '0644' and 0644 (which Ruby hands over as 420) all mean rw-r--r--. */
static bool mode_is(const struct spec_value *wanted, mode_t mode)
{
        char *end;
        const unsigned long digits = strtoul(wanted->s, &end, 8);

        return (*end == '\0' && digits == mode) || (wanted->kind == SPEC_INT && wanted->n == (int64_t)mode);
}

static int file_has_mode(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct stat st;
        int there;

        if (args->n < 1 || args->v[0].s == NULL || *args->v[0].s == '\0' || strspn(args->v[0].s, "0123456789") != strlen(args->v[0].s))
                return bk_fail(err, BK_USAGE, "a mode such as 644 or '0644' is expected");
        there = look(r, false, &st, err);
        if (there < 0)
                return -1;
        if (there > 0 && r->image->options->compat) {   /* which compares with what `stat -c %a` prints */
                autofree char *text = bk_format("%o", st.st_mode & 07777);

                *ret = bk_streq(args->v[0].s, text);
        } else {
                *ret = there > 0 && mode_is(&args->v[0], st.st_mode & 07777);
        }
        if (there > 0)
                spec_note(r, "its mode is %o%s", st.st_mode & 07777, S_ISLNK(st.st_mode) ? " (it is a symbolic link)" : "");
        return 0;
}

static int owned(struct spec_resource *r, const struct spec_args *args, enum spec_database database, bool *ret, struct bk_error *err)
{
        autofree char *name = NULL;
        const char *wanted = spec_args_text(args, 0);

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a name is expected");
        if (named(r, database, &name, err) < 0)
                return -1;
        *ret = bk_streq(name, wanted);
        if (name != NULL)
                spec_note(r, "its %s is %s", database == SPEC_PASSWD ? "owner" : "group", name);
        return 0;
}

static int file_owned_by(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return owned(r, args, SPEC_PASSWD, ret, err);
}

static int file_grouped_into(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return owned(r, args, SPEC_GROUP, ret, err);
}

static int file_linked_to(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *wanted = spec_args_text(args, 0);

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a path is expected");
        *ret = false;
        if (spec_files_link(&r->image->files, r->name, &text, err) < 0)
                return -1;
        if (text == NULL)
                return is_kind(r, S_IFLNK, ret, err);
        *ret = bk_streq(text, wanted);
        spec_note(r, "it links to '%s'", text);
        return 0;
}

static int file_immutable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        unsigned flags = 0;
        struct stat st;
        const int there = look(r, true, &st, err);

        (void)args;
        if (there < 0 || (there > 0 && spec_files_flags(&r->image->files, r->name, &flags, err) < 0))
                return -1;
        *ret = (flags & FS_IMMUTABLE_FL) != 0;
        return 0;
}

/* Ruby parses what ends with _as_json and _as_yaml: prelude_6_types.rb. */
const struct spec_property spec_file_properties[] = {
        { "content", file_content }, { "content_as_json", file_content }, { "content_as_yaml", file_content },
        { "size", file_size }, { "mode", file_mode }, { "owner", file_owner },
        { "group", file_group }, { "link_target", file_link_target }, { "md5sum", file_md5sum },
        { "sha256sum", file_sha256sum }, { "mtime", file_mtime }, { "selinux_label", file_selinux_label },
        { NULL },
};

const struct spec_predicate spec_file_predicates[] = {
        { "exist?", NULL, file_exists },
        { "file?", NULL, file_is_file },
        { "directory?", NULL, file_is_directory },
        { "symlink?", NULL, file_is_symlink },
        { "pipe?", NULL, file_is_pipe },
        { "socket?", NULL, file_is_socket },
        { "block_device?", NULL, file_is_block },
        { "character_device?", NULL, file_is_character },
        { "mode?", NULL, file_has_mode },
        { "owned_by?", NULL, file_owned_by },
        { "grouped_into?", NULL, file_grouped_into },
        { "linked_to?", NULL, file_linked_to },
        { "immutable?", NULL, file_immutable },
        { "readable?", "by by_user", spec_file_readable },
        { "writable?", "by by_user", spec_file_writable },
        { "executable?", "by by_user", spec_file_executable },
        { "mounted?", "with only_with", spec_file_mounted },
        { "version?", NULL, .unanswered = "versions of files are of Windows" },
        { NULL },
};

void spec_file_want(const struct spec_resource *resource)
{
        spec_want_path(resource, resource->name);
        if (bk_streq(resource->type->name, "file"))
                spec_mounted_want(resource);
}
