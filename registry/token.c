/* Tokens: what programs show to be let in.
 *
 * A token is 256 random bits. What is kept is its SHA-256, without salt and without iterations: those protect passwords, which people
 * choose and which can be guessed; 256 random bits cannot. Whoever reads the registry learns no token from it. */
#include "registry/life_priv.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "lib/digest.h"

#define PREFIX "bakery_"                /* so that tools which look for leaked secrets can find it */
#define DIGITS 64
#define USED_EVERY 3600                 /* seconds: when it was last used is known to the hour, and a read is no write */

static const char *const roles[] = {
        [REG_NOBODY] = "nobody", [REG_READ] = "read", [REG_BAKE] = "bake", [REG_PROMOTE] = "promote", [REG_ADMIN] = "admin",
};

const char *reg_role_name(enum reg_role role)
{
        return (size_t)role < sizeof roles / sizeof *roles ? roles[role] : "unknown";
}

int reg_role_parse(const char *name, enum reg_role *ret, struct bk_error *err)
{
        for (size_t i = REG_READ; i < sizeof roles / sizeof *roles; i++)
                if (bk_streq(roles[i], name)) {
                        *ret = (enum reg_role)i;
                        return 0;
                }
        return bk_fail(err, BK_INVALID, "unknown role '%.100s'; there are read, bake, promote, admin, and each may do what those before it may",
                       name);
}

int reg_word_new(const char *prefix, char **ret, struct bk_error *err)
{
        static const char hex[] = "0123456789abcdef";
        unsigned char bytes[DIGITS / 2];
        char text[DIGITS + 1] = "";

        if (RAND_priv_bytes(bytes, sizeof bytes) != 1)
                return bk_fail(err, BK_INFRA, "there is no randomness for a token");
        for (size_t i = 0; i < sizeof bytes; i++) {
                text[2 * i] = hex[bytes[i] >> 4];
                text[2 * i + 1] = hex[bytes[i] & 15];
        }
        *ret = bk_format("%s%s", prefix, text);
        OPENSSL_cleanse(bytes, sizeof bytes);
        OPENSSL_cleanse(text, sizeof text);
        return 0;
}

char *reg_word_hash(const char *prefix, const char *presented)
{
        const size_t length = strlen(prefix) + DIGITS;

        if (presented == NULL || strncmp(presented, prefix, strlen(prefix)) != 0 || strlen(presented) != length)
                return NULL;
        return bk_digest_bytes(presented, length);
}

int reg_token_create(struct reg *reg, const char *name, enum reg_role role, int64_t expires_at, const struct reg_change *change, char **ret,
                     struct bk_error *err)
{
        autofree char *token = NULL, *hash = NULL;
        autojson *detail = json_pack("{s:s}", "role", reg_role_name(role));
        const struct reg_event event = { .who = change->who, .action = "token.created", .subject = name, .why = change->why, .detail = detail };
        const int64_t now = time(NULL);
        int64_t known = 0;
        autotxn txn = { 0 };
        int status;

        if (reg_name_check("token name", name, err) < 0 || reg_change_check(change, err) < 0)
                return -1;
        if (role < REG_READ || role > REG_ADMIN)
                return bk_fail(err, BK_INVALID, "a token has a role: read, bake, promote or admin");
        if (expires_at != 0 && expires_at <= now)
                return bk_fail(err, BK_INVALID, "token '%s' would have expired already", name);
        if (reg_word_new(PREFIX, &token, err) < 0)
                return -1;
        hash = reg_word_hash(PREFIX, token);
        if (reg_txn_write(reg, &txn, err) < 0 || (status = reg_sql_int(reg, &known, err, "SELECT 1 FROM token WHERE name = ?", "t", name)) < 0)
                return -1;
        if (status > 0)
                return bk_fail(err, BK_CONFLICT, "there is, or was, a token '%s'; names are not given twice, because the log speaks of them", name);
        if (reg_sql_run(reg, err, "INSERT INTO token (name, role, hash, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                        "tititr", name, (int64_t)role, hash, now, change->who, expires_at) < 0 ||
            reg_event_put(reg, &event, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret = bk_take(token);
        return 0;
}

int reg_token_revoke(struct reg *reg, const char *name, const struct reg_change *change, struct bk_error *err)
{
        const struct reg_event event = { .who = change->who, .action = "token.revoked", .subject = name, .why = change->why };
        int64_t revoked = 0, known = 0;
        autotxn txn = { 0 };
        int status;

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            (status = reg_sql_int(reg, &known, err, "SELECT id FROM token WHERE name = ?", "t", name)) < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "no token '%.100s'", name);
        if ((status = reg_sql_int(reg, &revoked, err, "SELECT revoked_at FROM token WHERE id = ?", "i", known)) != 0)
                return status < 0 ? -1 : 0;
        if (reg_sql_run(reg, err, "UPDATE token SET revoked_at = ? WHERE id = ?", "ii", (int64_t)time(NULL), known) < 0 ||
            reg_event_put(reg, &event, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_tokens_json(struct reg *reg, json_t **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        json_t *rows = NULL, *row;
        size_t i;

        if (reg_sql_prepare(reg, "SELECT name, role, created_at, created_by, expires_at, used_at, revoked_at FROM token ORDER BY id LIMIT 10000",
                            &stmt, err) < 0 ||
            reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        json_array_foreach(rows, i, row)
                (void)json_object_set_new(row, "role",
                                          json_string(reg_role_name((enum reg_role)json_integer_value(json_object_get(row, "role")))));
        *ret = rows;
        return 0;
}

/* --- showing it ------------------------------------------------------------------- */
struct shown { int64_t id, used_at, expires_at, revoked_at; enum reg_role role; char *name, *hash; };

static void shown_done(struct shown *shown)
{
        free(shown->name);
        free(shown->hash);
}

static int look_up(struct reg *reg, const char *hash, struct shown *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT id, role, name, hash, used_at, expires_at, revoked_at FROM token WHERE hash = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", hash) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status > 0)
                *ret = (struct shown){ .id = reg_column_int(stmt, 0), .role = (enum reg_role)reg_column_int(stmt, 1), .name = reg_column(stmt, 2),
                                       .hash = reg_column(stmt, 3), .used_at = reg_column_int(stmt, 4), .expires_at = reg_column_int(stmt, 5),
                                       .revoked_at = reg_column_int(stmt, 6) };
        return status;
}

/* Nothing of this is in the log: that somebody reads changes nothing. A registry that cannot be written can still be read. */
static void note_use(struct reg *reg, const struct shown *shown, int64_t now)
{
        struct bk_error ignored = { 0 };

        if (!reg->read_only && now - shown->used_at >= USED_EVERY &&
            reg_sql_run(reg, &ignored, "UPDATE token SET used_at = ? WHERE id = ?", "ii", now, shown->id) < 0)
                return;
}

/* A hash is found along an index, whose time tells of the hash of what was shown, which nobody can steer towards one that is there. */
int reg_token_check(struct reg *reg, const char *presented, char **ret_name, enum reg_role *ret_role, struct bk_error *err)
{
        BK_CLEANUP(shown_done) struct shown shown = { 0 };
        const int64_t now = time(NULL);
        autofree char *hash = reg_word_hash(PREFIX, presented);
        int status;

        if (hash == NULL)
                return bk_fail(err, BK_DENIED, "that is not a token");
        if ((status = look_up(reg, hash, &shown, err)) < 0)
                return -1;
        if (status == 0 || CRYPTO_memcmp(hash, shown.hash, strlen(hash)) != 0)
                return bk_fail(err, BK_DENIED, "this token is not known");
        if (shown.revoked_at != 0)
                return bk_fail(err, BK_DENIED, "token '%s' was revoked", shown.name);
        if (shown.expires_at != 0 && shown.expires_at <= now)
                return bk_fail(err, BK_DENIED, "token '%s' has expired", shown.name);
        note_use(reg, &shown, now);
        *ret_name = bk_take(shown.name);
        *ret_role = shown.role;
        return 0;
}
