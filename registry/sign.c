/* Signatures of images, and the signed index.
 *
 * The registry keeps signatures and gives them out; it trusts none and holds no key. Whoever has the key signs, anywhere; whoever has the
 * public half verifies, anywhere, with minisign(1) as well.
 *
 * A signature says that an image is genuine, not that it is still the one to use. That is what the index is for: it lists what there is, has a
 * number that only grows (so that an older one is not taken for the newest) and a time after which it counts no more (so that nobody
 * can hold clients on one for ever). It also has the log's newest digest, to which the log can be held. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/minisign.h"

#define SIGNATURES_MOST 100

/* --- images ------------------------------------------------------------------ */
/* Comments are shown to people: nothing in them moves a cursor, but for the tabs that minisign's own have. */
static int check_lines(const char *text, struct bk_error *err)
{
        autofree char *flat = bk_strdup(text);

        for (char *p = flat; *p != '\0'; p++)
                if (*p == '\n' || *p == '\r' || *p == '\t')
                        *p = ' ';
        return reg_text_valid(flat) ? 0 : bk_fail(err, BK_INVALID, "the signature has control characters, or is not UTF-8");
}

int reg_sign_manifest(const struct bk_secret_key *secret, const char *name, const char *manifest, char **ret, struct bk_error *err)
{
        autofree char *id = bk_digest_bytes(manifest, strlen(manifest)), *now = bk_iso_time(time(NULL));
        autofree char *comment = bk_format("image %s %s, signed %s", name, id, now);

        return bk_minisign(secret, manifest, strlen(manifest), comment, ret, err);
}

int reg_signature_add(struct reg *reg, int64_t image, const char *signature, struct bk_error *err)
{
        autofree char *key_id = NULL;
        int64_t others = 0;

        if (bk_minisign_key_id(signature, &key_id, err) < 0 || check_lines(signature, err) < 0)
                return -1;
        if (reg_sql_int(reg, &others, err, "SELECT count(*) FROM signature WHERE image = ? AND key_id <> ?", "it", image, key_id) < 0)
                return -1;
        if (others >= SIGNATURES_MOST)
                return bk_fail(err, BK_CONFLICT, "the image has %d signatures; that is the most", SIGNATURES_MOST);
        return reg_sql_run(reg, err, "INSERT INTO signature (image, key_id, text, at) VALUES (?, ?, ?, ?) "
                           "ON CONFLICT (image, key_id) DO UPDATE SET text = excluded.text, at = excluded.at", "itti", image, key_id, signature,
                           (int64_t)time(NULL));
}

int reg_signature_put(struct reg *reg, const char *id, const char *signature, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_event event = { .who = change->who, .action = "image.signed", .why = change->why };
        autofree char *key_id = NULL, *before = NULL;
        autojson *detail = NULL;
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || bk_minisign_key_id(signature, &key_id, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0 ||
            reg_sql_text(reg, &before, err, "SELECT text FROM signature WHERE image = ? AND key_id = ?", "it", image.sequence, key_id) < 0)
                return -1;
        if (bk_streq(before, signature))
                return 0;
        event.subject = image.id;
        event.name = image.name;
        event.detail = detail = json_pack("{s:s}", "key_id", key_id);
        if (reg_signature_add(reg, image.sequence, signature, err) < 0 || reg_event_put(reg, &event, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_signatures_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *manifest = NULL;
        autojson *rows = NULL;
        autostmt *stmt = NULL;
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0 || reg_manifest(reg, id, &manifest, err) < 0 ||
            reg_sql_prepare(reg, "SELECT key_id, at, text FROM signature WHERE image = ? ORDER BY at, key_id", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", image.sequence) < 0 || reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:o, s:O}", "id", image.id, "name", image.name, "state", reg_state_name(image.state),
                         "layer", image.layer, "manifest", reg_json_text(manifest), "items", rows);
        return 0;
}

/* --- the index ------------------------------------------------------------------ */
/* Ids are digests and names have no quotes: nothing here needs to be escaped. */
static int list(struct reg *reg, const char *sql, struct bk_buf *out, struct bk_error *err)
{
        autostmt *stmt = NULL;
        bool first = true;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const char *value = reg_column_is_int(stmt, 1) ? reg_state_name((enum reg_state)reg_column_int(stmt, 1)) : reg_column_peek(stmt, 1);

                bk_buf_printf(out, "%s\n\"%s\":\"%s\"", first ? "" : ",", reg_column_peek(stmt, 0), value);
                first = false;
        }
        return status;
}

static int next_number(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        int64_t newest = 0;

        if (reg_sql_int(reg, &newest, err, "SELECT max(number) FROM signed_index", "") < 0)
                return -1;
        *ret = newest + 1;
        return 0;
}

int reg_index_draft(struct reg *reg, int64_t expires_at, char **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        autofree char *created = bk_iso_time(time(NULL)), *expires = bk_iso_time(expires_at), *digest = NULL;
        int64_t number = 0, index = 0;
        autotxn txn = { 0 };

        if (expires_at <= time(NULL))
                return bk_fail(err, BK_INVALID, "an index that expires %s would have expired already", expires);
        if (reg_txn_read(reg, &txn, err) < 0 || next_number(reg, &number, err) < 0 || reg_event_index(reg, &index, err) < 0 ||
            reg_sql_text(reg, &digest, err, "SELECT digest FROM event ORDER BY id DESC LIMIT 1", "") < 0)
                return -1;
        bk_buf_printf(&out, "{\"schema\":1,\"number\":%lld,\"created\":\"%s\",\"expires\":\"%s\",\"log\":{\"index\":%lld,\"digest\":\"%s\"},\n",
                      (long long)number, created, expires, (long long)index, digest == NULL ? "" : digest);
        bk_buf_puts(&out, "\"channels\":{");
        if (list(reg, "SELECT c.name || ':' || c.channel, i.id FROM channel c JOIN image i ON i.sequence = c.head ORDER BY c.name, c.channel", &out,
                 err) < 0)
                return -1;
        bk_buf_puts(&out, "},\n\"images\":{");
        if (list(reg, "SELECT id, state FROM image WHERE state < 5 ORDER BY id", &out, err) < 0)
                return -1;
        bk_buf_puts(&out, "}}\n");
        *ret = bk_buf_finish(&out);
        return 0;
}

static int read_index(const char *text, int64_t *ret_number, int64_t *ret_expires, struct bk_error *err)
{
        autojson *index = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const char *expires = NULL;
        json_int_t number = 0;

        if (json_unpack(index, "{s:I, s:s}", "number", &number, "expires", &expires) < 0)
                return bk_fail(err, BK_INVALID, "that is no index: it has no number and no time when it expires");
        *ret_number = number;
        return reg_moment_parse(expires, ret_expires, err);
}

int reg_index_put(struct reg *reg, const char *text, const char *signature, const struct reg_change *change, struct bk_error *err)
{
        autofree char *key_id = NULL, *subject = NULL;
        autojson *detail = NULL;
        struct reg_event event = { .who = change->who, .action = "index.signed", .why = change->why };
        int64_t number = 0, expires = 0, next = 0;
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || read_index(text, &number, &expires, err) < 0 || bk_minisign_key_id(signature, &key_id, err) < 0 ||
            check_lines(signature, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || next_number(reg, &next, err) < 0)
                return -1;
        if (number != next)
                return bk_fail(err, BK_CONFLICT, "the index to publish has number %lld, and the next one %lld: somebody was faster; sign it again",
                               (long long)number, (long long)next);
        event.subject = subject = bk_format("%lld", (long long)number);
        event.detail = detail = json_pack("{s:s}", "key_id", key_id);
        if (reg_sql_run(reg, err, "INSERT INTO signed_index (number, at, expires_at, key_id, text, signature) VALUES (?, ?, ?, ?, ?, ?)", "iiittt",
                        number, (int64_t)time(NULL), expires, key_id, text, signature) < 0 ||
            reg_sql_run(reg, err, "DELETE FROM signed_index WHERE number < ?", "i", number) < 0 || reg_event_put(reg, &event, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_index_get(struct reg *reg, char **ret_text, char **ret_signature, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT text, signature FROM signed_index ORDER BY number DESC LIMIT 1", &stmt, err) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "this registry has no signed index; `bakery index -sign` makes one");
        *ret_text = reg_column(stmt, 0);
        *ret_signature = reg_column(stmt, 1);
        return 0;
}
