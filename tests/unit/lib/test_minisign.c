/* minisign's format, in both directions, with minisign(1) itself. */
#include "tests/unit/folder.h"

#include "lib/minisign.h"
#include "lib/publish.h"
#include "lib/run.h"

#define TIMEOUT_MS 60000

static char *in(const struct folder *folder, const char *name)
{
        return bk_format("%s/%s", folder->path, name);
}

static void put(const struct folder *folder, const char *name, const char *text)
{
        autofree char *path = in(folder, name);
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, text, strlen(text), 0600, &err), err);
}

static char *get(const struct folder *folder, const char *name)
{
        autofree char *path = in(folder, name);
        struct bk_error err = { 0 };
        char *text = NULL;

        assert_ok(bk_read_file(path, 65536, &text, NULL, &err), err);
        return text;
}

static struct bk_secret_key new_key(void)
{
        struct bk_secret_key secret;
        struct bk_error err = { 0 };

        assert_ok(bk_secret_key_new(&secret, &err), err);
        return secret;
}

static const char *const messages[] = { "", "x", "{\"name\":\"base\"}", "two\nlines\n" };

static void minisign_verifies_ours(void **state)
{
        const struct folder *folder = *state;
        const struct bk_secret_key secret = new_key();
        const struct bk_public_key key = bk_public_key_of(&secret);
        autofree char *public = bk_public_key_text(&key), *path = in(folder, "m"), *key_path = in(folder, "k.pub");
        const char *const argv[] = { "minisign", "-V", "-m", path, "-p", key_path, NULL };
        struct bk_error err = { 0 };

        need("minisign");
        put(folder, "k.pub", public);
        for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
                autofree char *signature = NULL, *out = NULL;

                print_message("# %zu bytes\n", strlen(messages[i]));
                assert_ok(bk_minisign(&secret, messages[i], strlen(messages[i]), "image base", &signature, &err), err);
                put(folder, "m", messages[i]);
                put(folder, "m.minisig", signature);
                assert_ok(bk_run(argv, TIMEOUT_MS, &out, &err), err);
                assert_non_null(strstr(out, "Trusted comment: image base"));
        }
}

/* The secret key that we write is one that minisign signs with. */
static void minisign_signs_with_our_key_and_we_verify(void **state)
{
        const struct folder *folder = *state;
        static const struct { const char *why, *flag; } ways[] = { { "hashed", "-H" }, { "legacy", "-l" } };
        struct bk_secret_key secret = new_key();
        const struct bk_public_key key = bk_public_key_of(&secret);
        autofree char *text = bk_secret_key_text(&secret), *path = in(folder, "m"), *key_path = in(folder, "k");
        struct bk_error err = { 0 };

        need("minisign");
        put(folder, "k", text);
        put(folder, "m", "message");
        for (size_t i = 0; i < 2; i++) {
                const char *const argv[] = { "minisign", "-S", "-W", ways[i].flag, "-s", key_path, "-m", path, "-t", "hello there", NULL };
                autofree char *signature = NULL, *comment = NULL;

                print_message("# %s\n", ways[i].why);
                assert_ok(bk_run(argv, TIMEOUT_MS, NULL, &err), err);
                signature = get(folder, "m.minisig");
                assert_ok(bk_minisign_verify(&key, "message", 7, signature, &comment, &err), err);
                assert_string_equal(comment, "hello there");
                assert_fails_with(bk_minisign_verify(&key, "massage", 7, signature, NULL, &err), err, BK_CORRUPT);
        }
}

static void keys_of_minisign_are_read(void **state)
{
        const struct folder *folder = *state;
        autofree char *public = in(folder, "a.pub"), *secret_path = in(folder, "a.key"), *text = NULL, *id = NULL, *signature = NULL, *line = NULL;
        const char *const argv[] = { "minisign", "-G", "-W", "-p", public, "-s", secret_path, NULL };
        struct bk_public_key key, same;
        struct bk_secret_key secret;
        struct bk_error err = { 0 };

        need("minisign");
        assert_ok(bk_run(argv, TIMEOUT_MS, NULL, &err), err);
        assert_ok(bk_public_key_read(public, &key, &err), err);
        assert_ok(bk_secret_key_read(secret_path, &secret, &err), err);
        text = get(folder, "a.pub");
        id = bk_key_id(key.id);
        assert_non_null(strstr(text, id + strspn(id, "0")));    /* minisign leaves leading zeros out */
        line = bk_strndup(strchr(text, '\n') + 1, 56);
        assert_ok(bk_public_key_read(line, &same, &err), err);
        assert_memory_equal(&same, &key, sizeof key);
        assert_ok(bk_minisign(&secret, "m", 1, "c", &signature, &err), err);
        assert_ok(bk_minisign_verify(&key, "m", 1, signature, NULL, &err), err);
}

/* Each byte of base64 in a signature counts, and so does the comment. */
static void what_was_changed_is_not_verified(void **state)
{
        const struct bk_secret_key secret = new_key(), other = new_key();
        const struct bk_public_key key = bk_public_key_of(&secret), stranger = bk_public_key_of(&other);
        autofree char *signature = NULL;
        struct bk_error err = { 0 };
        size_t changed = 0;

        (void)state;
        assert_ok(bk_minisign(&secret, "message", 7, "version 7", &signature, &err), err);
        assert_fails_with(bk_minisign_verify(&stranger, "message", 7, signature, NULL, &err), err, BK_CORRUPT);
        for (char *p = strchr(signature, '\n') + 1; *p != '\0'; p++) {
                const char was = *p;

                if (was == '\n')
                        continue;
                *p = was == 'A' ? 'B' : 'A';
                err = (struct bk_error){ 0 };
                assert_int_equal(bk_minisign_verify(&key, "message", 7, signature, NULL, &err), -1);
                assert_true(err.kind == BK_CORRUPT || err.kind == BK_INVALID);
                *p = was;
                changed++;
        }
        assert_in_range(changed, 200, 400);
        assert_ok(bk_minisign_verify(&key, "message", 7, signature, NULL, &err), err);
}

static const struct { const char *why, *text; } broken[] = {
        { "nothing",                    "" },
        { "no comment",                 "RUR8\n" },
        { "one line",                   "untrusted comment: x" },
        { "no base64",                  "untrusted comment: x\n!!!!\ntrusted comment: y\nAAAA\n" },
        { "too short",                  "untrusted comment: x\nRUR8\ntrusted comment: y\nAAAA\n" },
        { "only newlines",              "\n\n\n\n" },
};

static void broken_signatures_are_invalid(void **state)
{
        const struct bk_secret_key secret = new_key();
        const struct bk_public_key key = bk_public_key_of(&secret);
        autofree char *long_text = bk_alloc(100001);
        struct bk_error err = { 0 };

        (void)state;
        memset(long_text, 'A', 100000);
        assert_fails_with(bk_minisign_verify(&key, "m", 1, long_text, NULL, &err), err, BK_INVALID);
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                autofree char *id = NULL;

                print_message("# %s\n", broken[i].why);
                assert_fails_with(bk_minisign_verify(&key, "m", 1, broken[i].text, NULL, &err), err, BK_INVALID);
                assert_fails_with(bk_minisign_key_id(broken[i].text, &id, &err), err, BK_INVALID);
        }
        assert_fails_with(bk_minisign(&secret, "m", 1, "two\nlines", &long_text, &err), err, BK_INVALID);
}

static void broken_keys_are_refused(void **state)
{
        const struct folder *folder = *state;
        struct bk_secret_key secret = new_key(), out;
        struct bk_public_key public;
        autofree char *path = in(folder, "k"), *text = NULL, *encrypted = NULL;
        unsigned char *bytes = NULL;
        size_t length = 0;
        struct bk_error err = { 0 };

        assert_fails_with(bk_secret_key_read(path, &out, &err), err, BK_NOT_FOUND);
        put(folder, "k", "untrusted comment: x\nAAAA\n");
        assert_fails_with(bk_secret_key_read(path, &out, &err), err, BK_INVALID);
        assert_fails_with(bk_public_key_read(path, &public, &err), err, BK_INVALID);
        secret.key[3] ^= 1;
        text = bk_secret_key_text(&secret);
        put(folder, "k", text);
        assert_fails_with(bk_secret_key_read(path, &out, &err), err, BK_CORRUPT);
        assert_ok(bk_base64_read(strchr(text, '\n') + 1, strlen(strchr(text, '\n')) - 2, &bytes, &length, &err), err);
        memcpy(bytes + 2, "Sc", 2);
        encrypted = bk_base64(bytes, length);
        put(folder, "k", encrypted);
        assert_fails_with(bk_secret_key_read(path, &out, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "password"));
        free(bytes);
}

static const struct { const char *text, *bytes; int length; } base64[] = {
        { "", "", 0 }, { "AA==", "\0", 1 }, { "aGk=", "hi", 2 }, { "aGlo", "hih", 3 }, { "aGlob3c=", "hihow", 5 },
        { "A", "", -1 }, { "AA", "", -1 }, { "AA=", "", -1 }, { "AB==", "", -1 }, { "aGk= ", "", -1 }, { "aG\nk", "", -1 },
        { "a=b=", "", -1 }, { "====", "", -1 }, { "-_-_", "", -1 },
};

static void base64_is_strict(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof base64 / sizeof *base64; i++) {
                autofree unsigned char *bytes = NULL;
                size_t length = 0;
                struct bk_error err = { 0 };
                const int status = bk_base64_read(base64[i].text, strlen(base64[i].text), &bytes, &length, &err);

                print_message("# '%s'\n", base64[i].text);
                assert_int_equal(status, base64[i].length < 0 ? -1 : 0);
                if (status == 0) {
                        assert_int_equal(length, base64[i].length);
                        assert_memory_equal(bytes, base64[i].bytes, length);
                }
        }
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_set_up, folder_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64_is_strict),
                cmocka_unit_test(what_was_changed_is_not_verified),
                cmocka_unit_test(broken_signatures_are_invalid),
                folder_test(broken_keys_are_refused),
                folder_test(minisign_verifies_ours),
                folder_test(minisign_signs_with_our_key_and_we_verify),
                folder_test(keys_of_minisign_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
