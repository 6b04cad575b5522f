/* Who may read, write or execute a file: mode arithmetic with the image's own
 * users. With no one named, any of the three permission bits is enough, as in
 * serverspec. */
#include "spec/spec_priv.h"

#include <string.h>

enum { READ = 4, WRITE = 2, EXECUTE = 1 };

struct person { unsigned uid; struct bk_strv gids; };

static void person_done(struct person *person)
{
        bk_strv_done(&person->gids);
}

static int person_find(struct spec_image *image, const char *user, struct person *ret, bool *ret_known, struct bk_error *err)
{
        autofree char *uid = NULL;
        autostrv struct bk_strv groups = { 0 };

        if (spec_account_field(image, SPEC_PASSWD, 0, user, 2, &uid, err) < 0)
                return -1;
        *ret_known = uid != NULL && *uid != '\0' && strspn(uid, "0123456789") == strlen(uid);
        if (!*ret_known)
                return 0;
        ret->uid = (unsigned)strtoul(uid, NULL, 10);
        if (spec_account_groups(image, user, &groups, err) < 0)
                return -1;
        for (size_t i = 0; i < groups.n; i++) {
                autofree char *gid = NULL;

                if (spec_account_field(image, SPEC_GROUP, 0, groups.v[i], 2, &gid, err) < 0)
                        return -1;
                bk_strv_add(&ret->gids, gid ? gid : groups.v[i]);
        }
        return 0;
}

static bool permits(const struct person *person, const struct stat *st, unsigned bit)
{
        autofree char *gid = bk_format("%u", st->st_gid);

        if (person->uid == 0)
                return bit != EXECUTE || S_ISDIR(st->st_mode) || (st->st_mode & 0111) != 0;
        if (person->uid == st->st_uid)
                return (st->st_mode & (bit << 6)) != 0;
        if (bk_strv_has(&person->gids, gid))
                return (st->st_mode & (bit << 3)) != 0;
        return (st->st_mode & bit) != 0;
}

/* --- access control lists -------------------------------------------------- */

/* linux/posix_acl_xattr.h: version 2, then entries of a tag, permissions and an id, all little-endian. */
enum { ACL_HEAD = 4, ACL_ENTRY = 8, ACL_VERSION = 2, ACL_MOST = 4096 };
enum { TAG_USER_OBJ = 1, TAG_USER = 2, TAG_GROUP_OBJ = 4, TAG_GROUP = 8, TAG_MASK = 16, TAG_OTHER = 32 };

struct acl_entry { unsigned tag, bits, id; };

static struct acl_entry acl_entry(const unsigned char *p)
{
        return (struct acl_entry){ p[0] | (unsigned)p[1] << 8, p[2] | (unsigned)p[3] << 8,
                                   p[4] | (unsigned)p[5] << 8 | (unsigned)p[6] << 16 | (unsigned)p[7] << 24 };
}

static bool acl_sane(const unsigned char *acl, size_t length)
{
        return length >= ACL_HEAD + ACL_ENTRY && (length - ACL_HEAD) % ACL_ENTRY == 0 && length / ACL_ENTRY <= ACL_MOST &&
               (acl[0] | (unsigned)acl[1] << 8 | (unsigned)acl[2] << 16 | (unsigned)acl[3] << 24) == ACL_VERSION;
}

static bool in_group(const struct person *person, unsigned id)
{
        autofree char *gid = bk_format("%u", id);

        return bk_strv_has(&person->gids, gid);
}

/* As acl(5) goes about it: the owner, a named user, any of the groups, others; the mask limits all but the first and the last. */
static bool acl_permits(const unsigned char *acl, size_t length, const struct person *person, const struct stat *st, unsigned bit)
{
        unsigned mask = 7, others = 0, owner = 0, user = 0, groups = 0;
        bool named = false, grouped = false;

        for (size_t at = ACL_HEAD; at < length; at += ACL_ENTRY) {
                const struct acl_entry entry = acl_entry(acl + at);

                if (entry.tag == TAG_USER_OBJ)
                        owner = entry.bits;
                else if (entry.tag == TAG_MASK)
                        mask = entry.bits;
                else if (entry.tag == TAG_OTHER)
                        others = entry.bits;
                else if (entry.tag == TAG_USER && entry.id == person->uid) {
                        named = true;
                        user = entry.bits;
                } else if ((entry.tag == TAG_GROUP_OBJ && in_group(person, st->st_gid)) ||
                           (entry.tag == TAG_GROUP && in_group(person, entry.id))) {
                        grouped = true;
                        groups |= entry.bits;
                }
        }
        if (person->uid == st->st_uid)
                return (owner & bit) != 0;
        if (named)
                return (user & mask & bit) != 0;
        return grouped ? (groups & mask & bit) != 0 : (others & bit) != 0;
}

/* One step of the way. */
static int step(struct spec_image *image, const struct person *person, const char *path, unsigned bit, bool *ret, struct bk_error *err)
{
        autofree char *acl = NULL;
        struct stat st;
        size_t length;
        int there = spec_files_stat(&image->files, path, true, &st, err);

        if (there <= 0)
                return there < 0 ? -1 : bk_fail(err, BK_INFRA, "'%s' was there a moment ago", path);
        there = person->uid != 0 ? spec_files_xattr(&image->files, path, "system.posix_acl_access", &acl, &length, err) : 0;
        if (there < 0)
                return -1;
        if (there > 0 && !acl_sane((const unsigned char *)acl, length))
                return bk_fail(err, BK_INFRA, "'%s' has an access control list that cannot be read", path);
        *ret = there > 0 ? acl_permits((const unsigned char *)acl, length, person, &st, bit) : permits(person, &st, bit);
        return 0;
}

/* Search permission on every folder of the resolved path, then the file's own. */
static int allowed(struct spec_resource *r, const char *user, unsigned bit, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(person_done) struct person person = { 0 };
        autofree char *path = NULL;
        bool known;

        *ret = false;
        if (person_find(r->image, user, &person, &known, err) < 0)
                return -1;
        if (!known) {
                spec_note(r, "there is no user '%s' with a uid in the image", user);
                return 0;
        }
        if (spec_files_real(&r->image->files, r->name, &path, err) <= 0)
                return path == NULL && err->kind == BK_NONE ? bk_fail(err, BK_INFRA, "it was there a moment ago") : -1;
        for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (step(r->image, &person, path, EXECUTE, ret, err) < 0)
                        return -1;
                if (!*ret) {
                        spec_note(r, "'%s' cannot pass the folder '%s'", user, path);
                        return 0;
                }
                *slash = '/';
        }
        return step(r->image, &person, path, bit, ret, err);
}

static int test(struct spec_resource *r, const struct spec_args *args, unsigned bit, bool *ret, struct bk_error *err)
{
        static const struct { const char *who; unsigned mask; } classes[] = {
                { "owner", 0700 }, { "group", 0070 }, { "others", 0007 },
        };
        const char *who = spec_args_named(args, "by"), *user = spec_args_named(args, "by_user");
        unsigned mask = who == NULL ? 0777 : 0;
        struct stat st;
        int there;

        *ret = false;
        for (size_t i = 0; who != NULL && i < 3; i++)
                if (bk_streq(who, classes[i].who))
                        mask = classes[i].mask;
        if (mask == 0)
                return bk_fail(err, BK_USAGE, "by('owner'), by('group') or by('others') is expected, not by('%s')", who);
        /* serverspec looks at a link's own mode, which is always rwxrwxrwx. */
        there = spec_files_stat(&r->image->files, r->name, !r->image->options->compat, &st, err);
        if (there <= 0) {
                spec_note(r, "it does not exist");
                return there;
        }
        spec_note(r, "its mode is %o", st.st_mode & 07777);
        if (user != NULL)
                return allowed(r, user, bit, ret, err);
        *ret = (st.st_mode & mask & (bit * 0111)) != 0;
        return 0;
}

int spec_file_readable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return test(r, args, READ, ret, err);
}

int spec_file_writable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return test(r, args, WRITE, ret, err);
}

int spec_file_executable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return test(r, args, EXECUTE, ret, err);
}
