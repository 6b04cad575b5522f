/* Users and groups of the image, from its own files: the build host's names
 * mean nothing there. */
#include "spec/spec_priv.h"

#include <string.h>

enum { DATABASE_MOST = 16 << 20 };

static const char *const paths[] = {
        [SPEC_PASSWD] = "/etc/passwd", [SPEC_GROUP] = "/etc/group", [SPEC_SHADOW] = "/etc/shadow",
};

static int text_of(struct spec_image *image, enum spec_database database, const char **ret, struct bk_error *err)
{
        char **const text = (char **const[]){ &image->passwd, &image->group, &image->shadow }[database];
        size_t length;

        if (*text == NULL) {
                char *bytes = NULL;
                const int there = spec_files_read(&image->files, paths[database], DATABASE_MOST, &bytes, &length, err);

                if (there < 0)
                        return -1;
                if (bytes == NULL)
                        return bk_fail(err, BK_INFRA, "'%s' does not exist in the image", paths[database]);
                for (size_t i = 0; i < length; i++)     /* a NUL would hide the lines behind it */
                        if (bytes[i] == '\0')
                                bytes[i] = '?';
                *text = bytes;
        }
        *ret = *text;
        return 0;
}

/* Bounds of field n of the line at p; false when the line is shorter. */
static bool field_at(const char *p, unsigned n, const char **ret, size_t *ret_length)
{
        for (; n > 0; n--) {
                p += strcspn(p, ":\n");
                if (*p != ':')
                        return false;
                p++;
        }
        *ret = p;
        *ret_length = strcspn(p, ":\n");
        return true;
}

static const char *next_line(const char *p)
{
        p = strchr(p, '\n');
        return p != NULL && p[1] != '\0' ? p + 1 : NULL;
}

int spec_account_field(struct spec_image *image, enum spec_database database, unsigned key_field, const char *key,
                       unsigned field, char **ret, struct bk_error *err)
{
        const char *p = NULL, *found;
        size_t length;

        if (text_of(image, database, &p, err) < 0)
                return -1;
        *ret = NULL;
        for (; p != NULL; p = next_line(p)) {
                if (!field_at(p, key_field, &found, &length) || strlen(key) != length || memcmp(found, key, length) != 0)
                        continue;
                if (field_at(p, field, &found, &length))
                        *ret = bk_strndup(found, length);
                return 0;
        }
        return 0;
}

int spec_account_name(struct spec_image *image, enum spec_database database, unsigned id, char **ret, struct bk_error *err)
{
        autofree char *number = bk_format("%u", id);

        if (spec_account_field(image, database, 2, number, 0, ret, err) < 0)
                return -1;
        if (*ret == NULL)
                *ret = bk_take(number);
        return 0;
}

static bool lists(const char *p, size_t length, const char *user)
{
        const char *end = p + length;

        while (p < end) {
                const size_t n = strcspn(p, ",:\n");

                if (n == strlen(user) && memcmp(p, user, n) == 0)
                        return true;
                p += n + 1;
        }
        return false;
}

int spec_account_groups(struct spec_image *image, const char *user, struct bk_strv *ret, struct bk_error *err)
{
        autofree char *gid = NULL, *primary = NULL;
        const char *p = NULL, *members, *name;
        size_t length, name_length;

        if (spec_account_field(image, SPEC_PASSWD, 0, user, 3, &gid, err) < 0 || text_of(image, SPEC_GROUP, &p, err) < 0)
                return -1;
        if (gid == NULL)
                return 0;
        if (spec_account_field(image, SPEC_GROUP, 2, gid, 0, &primary, err) < 0)
                return -1;
        bk_strv_add(ret, primary ? primary : gid);
        for (; p != NULL; p = next_line(p)) {
                if (!field_at(p, 3, &members, &length) || !lists(members, length, user) || !field_at(p, 0, &name, &name_length))
                        continue;
                autofree char *group = bk_strndup(name, name_length);

                if (!bk_strv_has(ret, group))
                        bk_strv_add(ret, group);
        }
        return 0;
}
