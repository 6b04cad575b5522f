/* Types `user` and `group`. Names, homes and shells are compared whole:
 * serverspec's own greps let '/bin' pass for '/bin/bash', and do so here with options->compat. */
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

/* -1 where the field is empty, as chage prints it: there is no limit. */
static int user_days(struct spec_resource *r, unsigned field, struct spec_value *ret, struct bk_error *err)
{
        char *text = NULL;

        if (user_field(r, SPEC_SHADOW, field, &text, err) < 0)
                return -1;
        if (text == NULL || *text != '\0')
                return number(text, ret);
        free(text);
        spec_value_int(ret, -1);
        return 0;
}

static int user_days_min(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return user_days(r, SHADOW_MIN, ret, err);
}

static int user_days_max(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return user_days(r, SHADOW_MAX, ret, err);
}

USER_TEXT(user_home, SPEC_PASSWD, PASSWD_HOME)
USER_TEXT(user_shell, SPEC_PASSWD, PASSWD_SHELL)
USER_TEXT(user_hash, SPEC_SHADOW, SHADOW_HASH)

/* --- as serverspec, with options->compat ----------------------------------- */

/* "0(root),4(adm)", as the end of what `id` prints. */
static int ids_of(struct spec_image *image, const struct bk_strv *groups, char **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };

        for (size_t i = 0; i < groups->n; i++) {
                autofree char *gid = NULL;

                if (spec_account_field(image, SPEC_GROUP, 0, groups->v[i], GROUP_GID, &gid, err) < 0)
                        return -1;
                bk_buf_printf(&text, "%s%s(%s)", i > 0 ? "," : "", gid ? gid : groups->v[i], groups->v[i]);
        }
        *ret = bk_buf_finish(&text);
        return 0;
}

/* --- users ----------------------------------------------------------------- */

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
        if (text != NULL && r->image->options->compat && (field == PASSWD_HOME || field == PASSWD_SHELL))
                return spec_grep(text, wanted, SPEC_GREP_WORDS, ret, err);
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
        if (!primary && groups.n > 0 && r->image->options->compat) {
                autofree char *ids = NULL;

                return ids_of(r->image, &groups, &ids, err) < 0 ? -1 : spec_grep(ids, wanted, SPEC_GREP, ret, err);
        }
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

/* One field of a line of authorized_keys: blanks inside double quotes, which options may have, are none. */
static bool key_word(struct spec_view *line, struct spec_view *ret)
{
        bool quoted = false;
        size_t n = 0;

        *line = spec_view_trim(*line);
        for (; n < line->n && (quoted || (line->s[n] != ' ' && line->s[n] != '\t')); n++)
                if (line->s[n] == '"' && (n == 0 || line->s[n - 1] != '\\'))
                        quoted = !quoted;
        *ret = (struct spec_view){ line->s, n };
        line->s += n;
        line->n -= n;
        return n > 0;
}

/* Does the line hold the key's words (its kind and its bytes, or only one of them), one behind the other? Its comment does not count. */
static bool line_has_key(struct spec_view line, const struct spec_view *key, size_t n)
{
        struct spec_view word, before = { "", 0 };

        if (spec_view_trim(line).n == 0 || *spec_view_trim(line).s == '#')
                return false;
        while (key_word(&line, &word)) {
                if (word.n == key[n - 1].n && memcmp(word.s, key[n - 1].s, word.n) == 0 &&
                    (n == 1 || (before.n == key[0].n && memcmp(before.s, key[0].s, before.n) == 0)))
                        return true;
                before = word;
        }
        return false;
}

static int user_has_key(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *home = NULL, *path = NULL, *keys = NULL;
        struct spec_view rest = spec_view_of(spec_args_text(args, 0)), key[2], line;
        size_t length, n = 0;
        int there;

        while (n < 2 && spec_view_word(&rest, &key[n]))
                n++;
        if (n == 0)
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
        for (rest = (struct spec_view){ keys, length }; !*ret && spec_view_line(&rest, &line);)
                *ret = line_has_key(line, key, n);
        spec_note(r, "'%s' %s it", path, *ret ? "has" : "does not have");
        return 0;
}

/* --- ids of the system's own ----------------------------------------------- */

enum { SYSTEM_FROM = 101, PEOPLE_FROM = 1000 };         /* where login.defs does not say */

static int login_limits(struct spec_image *image, const char *kind, long long *ret_from, long long *ret_to, struct bk_error *err)
{
        autofree char *least = bk_format("SYS_%s_MIN", kind), *most = bk_format("SYS_%s_MAX", kind), *people = bk_format("%s_MIN", kind);
        autofree char *text = NULL;
        struct spec_view rest = { "", 0 }, line, key, value;
        long long first_of_people = PEOPLE_FROM, number;

        if (spec_config_read(image, "/etc/login.defs", &text, &rest, err) < 0)
                return -1;
        *ret_from = SYSTEM_FROM;
        *ret_to = 0;
        while (spec_view_line(&rest, &line)) {
                if (!spec_view_word(&line, &key) || !spec_view_word(&line, &value) || !spec_view_number(value, &number))
                        continue;
                if (spec_view_is(key, least))
                        *ret_from = number;
                else if (spec_view_is(key, most))
                        *ret_to = number;
                else if (spec_view_is(key, people))
                        first_of_people = number;
        }
        if (*ret_to == 0)
                *ret_to = first_of_people - 1;
        return 0;
}

static int is_system(struct spec_resource *r, enum spec_database database, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        long long id, from, to;

        *ret = false;
        if (spec_account_field(r->image, database, 0, r->name, database == SPEC_PASSWD ? PASSWD_UID : GROUP_GID, &text, err) < 0 ||
            login_limits(r->image, database == SPEC_PASSWD ? "UID" : "GID", &from, &to, err) < 0)
                return -1;
        if (!spec_view_number(spec_view_of(text), &id)) {
                spec_note(r, "there is none with a number in the image");
                return 0;
        }
        *ret = id >= from && id <= to;
        spec_note(r, "its number is %lld, and the system's own are %lld to %lld", id, from, to);
        return 0;
}

static int user_is_system(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        return is_system(r, SPEC_PASSWD, ret, err);
}

static int group_is_system(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        return is_system(r, SPEC_GROUP, ret, err);
}

/* --- groups ---------------------------------------------------------------- */

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
        { "system_user?", NULL, user_is_system },
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
        { "exist?", NULL, group_exists }, { "has_gid?", NULL, group_has_gid },
        { "system_group?", NULL, group_is_system }, { NULL },
};

void spec_account_want(const struct spec_resource *resource)
{
        spec_want_path(resource, "/etc/passwd");
        spec_want_path(resource, "/etc/group");
        if (bk_streq(resource->type->name, "user"))
                spec_want_path(resource, "/etc/shadow");
}
