/* Tokens: told once, kept as a digest, worthless when expired or revoked. */
#include "tests/unit/registry/life.h"

#include <time.h>

#include "registry/registry_priv.h"

static char *new_token(struct reg *reg, const char *name, enum reg_role role)
{
        struct bk_error err = { 0 };
        char *token = NULL;

        assert_ok(reg_token_create(reg, name, role, 0, &because, &token, &err), err);
        return token;
}

static void who_shows_it_is_known(void **state)
{
        struct fixture *f = *state;

        for (enum reg_role role = REG_READ; role <= REG_ADMIN; role++) {
                autofree char *name = bk_format("t%d", (int)role), *token = new_token(f->reg, name, role), *who = NULL;
                enum reg_role got = REG_NOBODY;
                struct bk_error err = { 0 };

                print_message("# %s\n", reg_role_name(role));
                assert_ok(reg_token_check(f->reg, token, &who, &got, &err), err);
                assert_string_equal(who, name);
                assert_int_equal(got, role);
        }
}

static void it_is_kept_nowhere(void **state)
{
        struct fixture *f = *state;
        autofree char *token = new_token(f->reg, "ci", REG_BAKE), *path = bk_format("%s/registry.db", f->home), *bytes = NULL, *again = NULL;
        size_t length = 0;
        struct bk_error err = { 0 };

        again = new_token(f->reg, "ci2", REG_BAKE);
        assert_string_not_equal(token, again);
        assert_ok(bk_read_file(path, 1 << 26, &bytes, &length, &err), err);
        assert_null(memmem(bytes, length, token, strlen(token)));
        assert_null(memmem(bytes, length, token + 7, 32));
        assert_non_null(memmem(bytes, length, "token.created", 13));
}

static void what_is_no_token_is_denied(void **state)
{
        struct fixture *f = *state;
        autofree char *token = new_token(f->reg, "ci", REG_BAKE), *changed = bk_strdup(token), *hash = bk_digest_bytes(token, strlen(token));
        const char *const texts[] = { "", "x", token + 7, changed, hash, "bakery_", "bakery_'; DROP TABLE token; --" };

        changed[20] = changed[20] == '0' ? '1' : '0';
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                enum reg_role role = REG_NOBODY;
                autofree char *who = NULL;
                struct bk_error err = { 0 };

                assert_fails_with(reg_token_check(f->reg, texts[i], &who, &role, &err), err, BK_DENIED);
                assert_null(strstr(err.text, token));
                assert_int_equal(role, REG_NOBODY);
        }
}

static void it_ends(void **state)
{
        struct fixture *f = *state;
        autofree char *one = new_token(f->reg, "one", REG_READ), *two = NULL, *who = NULL, *happened = NULL;
        enum reg_role role = REG_NOBODY;
        struct bk_error err = { 0 };

        assert_ok(reg_token_create(f->reg, "two", REG_READ, time(NULL) + 1000, &because, &two, &err), err);
        assert_ok(reg_token_check(f->reg, two, &who, &role, &err), err);
        assert_int_equal(reg_sql_run(f->reg, &err, "UPDATE token SET expires_at = expires_at - 2000 WHERE name = 'two'", ""), 0);
        assert_fails_with(reg_token_check(f->reg, two, &who, &role, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "expired"));
        assert_ok(reg_token_revoke(f->reg, "one", &because, &err), err);
        assert_ok(reg_token_revoke(f->reg, "one", &because, &err), err);
        assert_fails_with(reg_token_check(f->reg, one, &who, &role, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "revoked"));
        assert_fails_with(reg_token_revoke(f->reg, "three", &because, &err), err, BK_NOT_FOUND);
        happened = actions(f->reg, 0);
        assert_string_equal(happened, "token.created token.created token.revoked");
}

static void names_are_given_once(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *why, *name; enum reg_role role; int64_t expires; enum bk_kind kind; } rows[] = {
                { "there already",      "ci",   REG_READ,       0,      BK_CONFLICT },
                { "revoked already",    "old",  REG_READ,       0,      BK_CONFLICT },
                { "capitals",           "CI",   REG_READ,       0,      BK_INVALID },
                { "empty",              "",     REG_READ,       0,      BK_INVALID },
                { "nobody's role",      "x",    REG_NOBODY,     0,      BK_INVALID },
                { "no role",            "x",    (enum reg_role)9, 0,    BK_INVALID },
                { "expired",            "x",    REG_READ,       1,      BK_INVALID },
        };
        autofree char *one = new_token(f->reg, "ci", REG_READ), *two = new_token(f->reg, "old", REG_READ);
        struct bk_error err = { 0 };

        assert_ok(reg_token_revoke(f->reg, "old", &because, &err), err);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *token = NULL;

                print_message("# %s\n", rows[i].why);
                assert_fails_with(reg_token_create(f->reg, rows[i].name, rows[i].role, rows[i].expires, &because, &token, &err), err, rows[i].kind);
        }
}

/* When it was used is written once an hour, not at every request. */
static void its_use_is_known_to_the_hour(void **state)
{
        struct fixture *f = *state;
        autofree char *token = new_token(f->reg, "ci", REG_READ), *a = NULL, *b = NULL;
        enum reg_role role = REG_NOBODY;
        int64_t used = 0;
        struct bk_error err = { 0 };
        json_t *rows = NULL;

        assert_int_equal(reg_sql_int(f->reg, &used, &err, "SELECT used_at FROM token", ""), 0);
        assert_ok(reg_token_check(f->reg, token, &a, &role, &err), err);
        assert_int_equal(reg_sql_int(f->reg, &used, &err, "SELECT used_at FROM token", ""), 1);
        assert_int_equal(reg_sql_run(f->reg, &err, "UPDATE token SET used_at = used_at - 100", ""), 0);
        assert_ok(reg_token_check(f->reg, token, &b, &role, &err), err);
        assert_int_equal(reg_sql_int(f->reg, &used, &err, "SELECT used_at FROM token WHERE used_at > ?", "i", (int64_t)time(NULL) - 50), 0);
        assert_ok(reg_tokens_json(f->reg, &rows, &err), err);
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "role")), "read");
        assert_null(json_object_get(json_array_get(rows, 0), "hash"));
        json_decref(rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(who_shows_it_is_known),
                sqlite_test(it_is_kept_nowhere),
                registry_test(what_is_no_token_is_denied),
                registry_test(it_ends),
                registry_test(names_are_given_once),
                registry_test(its_use_is_known_to_the_hour),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
