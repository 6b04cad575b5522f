/* Types `user` and `group`. Names, homes and shells are compared whole:
 * serverspec's own greps let '/bin' pass for '/bin/bash'. */
#include "spec/spec_priv.h"

#include <string.h>

enum { KEYS_MOST = 4 << 20 };
enum { PASSWD_UID = 2, PASSWD_GID = 3, PASSWD_HOME = 5, PASSWD_SHELL = 6, GROUP_GID = 2,
       SHADOW_HASH = 1, SHADOW_MIN = 3, SHADOW_MAX = 4 };

static int user_field(struct spec_resource *r, enum spec_database database, unsigned field, char **ret, struct bk_error *err)
{
        if (spec_account_field(r->image, database, 0, r->name, field, ret, err) < 0)
                return -1;
        if (*ret == NULL)
                spec_note(r, database == SPEC_SHADOW ? "the image's /etc/shadow does not name it" : "there is no such user in the image");
        return 0;
}

/* nil for what is no number: never 0, which is root. */
static int number(char *text, struct spec_value *ret)
{
        autofree char *owned = text;

        if (owned == NULL || *owned == '\0' || strspn(owned + (*owned == '-'), "0123456789") != strlen(owned + (*owned == '-')))
                *ret = (struct spec_value){ 0 };
        else
                spec_value_int(ret, strtoll(owned, NULL, 10));
        return 0;
}

#define USER_NUMBER(function, database, field) \
static int function(struct spec_resource *r, struct spec_value *ret, struct bk_error *err) \
{ \
        char *text = NULL; \
        return user_field(r, database, field, &text, err) < 0 ? -1 : number(text, ret); \
}
#define USER_TEXT(function, database, field) \
static int function(struct spec_resource *r, struct spec_value *ret, struct bk_error *err) \
{ \
        autofree char *text = NULL; \
        if (user_field(r, database, field, &text, err) < 0) \
                return -1; \
        spec_value_text(ret, text); \
        return 0; \
}
USER_NUMBER(user_uid, SPEC_PASSWD, PASSWD_UID)
USER_NUMBER(user_gid, SPEC_PASSWD, PASSWD_GID)
USER_NUMBER(user_days_min, SPEC_SHADOW, SHADOW_MIN)
USER_NUMBER(user_days_max, SPEC_SHADOW, SHADOW_MAX)
USER_TEXT(user_home, SPEC_PASSWD, PASSWD_HOME)
USER_TEXT(user_shell, SPEC_PASSWD, PASSWD_SHELL)
USER_TEXT(user_hash, SPEC_SHADOW, SHADOW_HASH)

static int user_groups(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        *ret = (struct spec_value){ .kind = SPEC_LIST };
        return spec_account_groups(r->image, r->name, &ret->list, err);
}

static int field_is(struct spec_resource *r, const struct spec_args *args, unsigned field, const char *what, bool *ret,
                    struct bk_error *err)
{
        autofree char *text = NULL;
        const char *wanted = spec_args_text(args, 0);

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a %s is expected", what);
        if (user_field(r, SPEC_PASSWD, field, &text, err) < 0)
                return -1;
        *ret = bk_streq(text, wanted);
        if (text != NULL)
                spec_note(r, "its %s is %s", what, *text ? text : "empty");
        return 0;
}

static int user_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *uid = NULL;

        (void)args;
        if (user_field(r, SPEC_PASSWD, PASSWD_UID, &uid, err) < 0)
                return -1;
        *ret = uid != NULL;
        if (*ret)
                spec_note(r, "it exists with uid %s", uid);
        return 0;
}

static int user_has_uid(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return field_is(r, args, PASSWD_UID, "uid", ret, err);
}

static int user_has_gid(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return field_is(r, args, PASSWD_GID, "gid", ret, err);
}

static int user_has_home(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return field_is(r, args, PASSWD_HOME, "home directory", ret, err);
}

static int user_has_shell(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return field_is(r, args, PASSWD_SHELL, "login shell", ret, err);
}

static int in_groups(struct spec_resource *r, const struct spec_args *args, bool primary, bool *ret, struct bk_error *err)
{
        autostrv struct bk_strv groups = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        const char *wanted = spec_args_text(args, 0);

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "the name of a group is expected");
        if (spec_account_groups(r->image, r->name, &groups, err) < 0)
                return -1;
        *ret = primary ? groups.n > 0 && bk_streq(groups.v[0], wanted) : bk_strv_has(&groups, wanted);
        for (size_t i = 0; i < (primary && groups.n > 0 ? 1 : groups.n); i++)
                bk_buf_printf(&text, "%s%s", i > 0 ? ", " : "", groups.v[i]);
        if (groups.n == 0)
                spec_note(r, "there is no such user in the image");
        else
                spec_note(r, "its %s %s", primary ? "primary group is" : "groups are", text.data);
        return 0;
}

static int user_in_group(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return in_groups(r, args, false, ret, err);
}

static int user_in_primary_group(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return in_groups(r, args, true, ret, err);
}

static int user_has_key(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *home = NULL, *path = NULL, *keys = NULL;
        const char *wanted = spec_args_text(args, 0);
        size_t length;
        int there;

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a key is expected");
        *ret = false;
        if (user_field(r, SPEC_PASSWD, PASSWD_HOME, &home, err) < 0)
                return -1;
        if (home == NULL)
                return 0;
        path = bk_format("%s/.ssh/authorized_keys", home);
        there = spec_files_read(&r->image->files, path, KEYS_MOST, &keys, &length, err);
        if (there <= 0) {
                spec_note(r, "'%s' does not exist", path);
                return there;
        }
        spec_note(r, "'%s' %s it", path, strstr(keys, wanted) != NULL ? "has" : "does not have");
        *ret = strstr(keys, wanted) != NULL;
        return 0;
}

static int group_gid_text(struct spec_resource *r, char **ret, struct bk_error *err)
{
        if (spec_account_field(r->image, SPEC_GROUP, 0, r->name, GROUP_GID, ret, err) < 0)
                return -1;
        if (*ret == NULL)
                spec_note(r, "there is no such group in the image");
        else
                spec_note(r, "its gid is %s", *ret);
        return 0;
}

static int group_gid(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        char *text = NULL;

        return group_gid_text(r, &text, err) < 0 ? -1 : number(text, ret);
}

static int group_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;

        (void)args;
        if (group_gid_text(r, &text, err) < 0)
                return -1;
        *ret = text != NULL;
        return 0;
}

static int group_has_gid(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;

        if (spec_args_text(args, 0) == NULL)
                return bk_fail(err, BK_USAGE, "a gid is expected");
        if (group_gid_text(r, &text, err) < 0)
                return -1;
        *ret = bk_streq(text, spec_args_text(args, 0));
        return 0;
}

const struct spec_property spec_user_properties[] = {
        { "uid", user_uid }, { "gid", user_gid }, { "home_directory", user_home }, { "login_shell", user_shell },
        { "groups", user_groups }, { "encrypted_password", user_hash },
        { "minimum_days_between_password_change", user_days_min },
        { "maximum_days_between_password_change", user_days_max },
        { NULL },
};

const struct spec_predicate spec_user_predicates[] = {
        { "exist?", NULL, user_exists },
        { "belongs_to_group?", NULL, user_in_group },
        { "belongs_to_primary_group?", NULL, user_in_primary_group },
        { "has_uid?", NULL, user_has_uid },
        { "has_gid?", NULL, user_has_gid },
        { "has_home_directory?", NULL, user_has_home },
        { "has_login_shell?", NULL, user_has_shell },
        { "has_authorized_key?", NULL, user_has_key },
        { NULL },
};

const struct spec_property spec_group_properties[] = { { "gid", group_gid }, { NULL } };

const struct spec_predicate spec_group_predicates[] = {
        { "exist?", NULL, group_exists }, { "has_gid?", NULL, group_has_gid }, { NULL },
};
