/* Who wants an image to stay says so, until when and why; or shows the word that was sent with the news of its end. */
#include "registry/life_priv.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/fs.h"

#define WORD "bko_"                     /* opts out; so that nobody takes it for a token */

/* --- marks ------------------------------------------------------------------------- */
void reg_marks_done(struct reg_marks *marks)
{
        for (size_t i = 0; i < marks->n; i++) {
                free(marks->v[i].id);
                free(marks->v[i].rule);
                free(marks->v[i].action);
                free(marks->v[i].told);
        }
        free(marks->v);
        *marks = (struct reg_marks){ 0 };
}

int reg_marks_read(struct reg *reg, struct reg_marks *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_marks_done) struct reg_marks marks = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT m.image, i.id, m.rule, m.action, m.marked_at, m.due_at, m.told_at, m.told FROM mark m "
                            "JOIN image i ON i.sequence = m.image ORDER BY m.image, m.rule", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if ((marks.n & (marks.n + 1)) == 0)
                        marks.v = bk_grow(marks.v, 2 * (marks.n + 1), sizeof *marks.v);
                marks.v[marks.n++] = (struct reg_mark){
                        .sequence = reg_column_int(stmt, 0), .id = reg_column(stmt, 1), .rule = reg_column(stmt, 2), .action = reg_column(stmt, 3),
                        .marked_at = reg_column_int(stmt, 4), .due_at = reg_column_int(stmt, 5), .told_at = reg_column_int(stmt, 6),
                        .told = reg_column(stmt, 7),
                };
        }
        if (status < 0)
                return -1;
        *ret = marks;
        marks = (struct reg_marks){ 0 };
        return 0;
}

static int tell(struct reg *reg, const char *action, const char *id, const struct reg_change *change, const json_t *detail, struct bk_error *err)
{
        autofree char *name = NULL;
        const struct reg_event event = { .who = change->who, .action = action, .subject = id, .why = change->why, .detail = detail };
        struct reg_event full = event;

        if (reg_sql_text(reg, &name, err, "SELECT name FROM image WHERE id = ?", "t", id) < 0)
                return -1;
        full.name = name;
        return reg_event_put(reg, &full, err);
}

static int lift_mark(struct reg *reg, const struct reg_mark *mark, const struct reg_change *change, struct bk_error *err)
{
        autojson *detail = json_pack("{s:s}", "rule", mark->rule);
        int64_t image = 0;
        const int status = reg_sql_int(reg, &image, err, "DELETE FROM mark WHERE image = (SELECT sequence FROM image WHERE id = ?) AND rule = ? "
                                       "RETURNING image", "tt", mark->id, mark->rule);

        return status <= 0 ? status : tell(reg, "image.unmarked", mark->id, change, detail, err);
}

static json_t *moment(int64_t at)
{
        autofree char *text = at == 0 || at == INT64_MAX ? NULL : bk_iso_time(at);

        return text == NULL ? json_null() : json_string(text);
}

/* An image that is gone needs no mark any more. */
static int set_mark(struct reg *reg, const struct reg_mark *mark, const struct reg_change *change, struct bk_error *err)
{
        static const char sql[] =
                "INSERT INTO mark (image, rule, action, marked_at, due_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (image, rule) DO UPDATE SET "
                "action = excluded.action, marked_at = excluded.marked_at, due_at = excluded.due_at, told_at = NULL, told = NULL";
        autojson *detail = json_pack("{s:s, s:s, s:o}", "rule", mark->rule, "action", mark->action, "due_at", moment(mark->due_at));
        const int64_t at = mark->marked_at != 0 ? mark->marked_at : time(NULL);
        autofree char *action = NULL;
        int64_t image = 0;
        int status = reg_sql_int(reg, &image, err, "SELECT sequence FROM image WHERE id = ?", "t", mark->id);

        if (status <= 0)
                return status;
        status = reg_sql_text(reg, &action, err, "SELECT action FROM mark WHERE image = ? AND rule = ?", "it", image, mark->rule);
        if (status < 0 || bk_streq(action, mark->action))
                return status < 0 ? -1 : 0;
        if (reg_sql_run(reg, err, sql, "ittir", image, mark->rule, mark->action, at, mark->due_at) < 0)
                return -1;
        return tell(reg, "image.marked", mark->id, change, detail, err);
}

int reg_marks_change(struct reg *reg, const struct reg_marks *set, const struct reg_marks *lift, const struct reg_change *change,
                     struct bk_error *err)
{
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0)
                return -1;
        for (size_t i = 0; lift != NULL && i < lift->n; i++)
                if (lift_mark(reg, &lift->v[i], change, err) < 0)
                        return -1;
        for (size_t i = 0; set != NULL && i < set->n; i++)
                if (set_mark(reg, &set->v[i], change, err) < 0)
                        return -1;
        return reg_txn_commit(&txn, err);
}

/* The image of a mark; BK_NOT_FOUND where there is none. */
static int find_mark(struct reg *reg, const char *id, const char *rule, int64_t *ret_image, struct bk_error *err)
{
        const int status = reg_sql_int(reg, ret_image, err, "SELECT m.image FROM mark m JOIN image i ON i.sequence = m.image "
                                       "WHERE i.id = ? AND m.rule = ?", "tt", id, rule);

        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "image '%.100s' is not marked by rule '%.100s'", id, rule);
        return status < 0 ? -1 : 0;
}

int reg_mark_told(struct reg *reg, const char *id, const char *rule, const char *told, int64_t due_at, struct bk_error *err)
{
        autojson *detail = json_pack("{s:s, s:s, s:o}", "rule", rule, "told", told, "due_at", moment(due_at));
        const struct reg_change change = { .who = "janitor" };
        int64_t image = 0;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || find_mark(reg, id, rule, &image, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE mark SET told_at = ?, told = ?, due_at = ? WHERE image = ? AND rule = ?", "itrit", (int64_t)time(NULL),
                        told, due_at, image, rule) < 0 ||
            tell(reg, "image.told", id, &change, detail, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* Each attempt to tell somebody has its word, and who cannot be told is tried again by each run. */
#define WORDS_BEFORE "9"
static int drop_old_words(struct reg *reg, int64_t image, const char *rule, struct bk_error *err)
{
        return reg_sql_run(reg, err, "DELETE FROM opt_out WHERE image = ? AND rule = ? AND hash NOT IN (SELECT hash FROM opt_out "
                           "WHERE image = ? AND rule = ? ORDER BY at DESC, hash LIMIT " WORDS_BEFORE ")", "itit", image, rule, image, rule);
}

int reg_mark_token(struct reg *reg, const char *id, const char *rule, char **ret, struct bk_error *err)
{
        autofree char *word = NULL, *hash = NULL;
        int64_t image = 0;
        autotxn txn = { 0 };

        if (reg_word_new(WORD, &word, err) < 0)
                return -1;
        hash = reg_word_hash(WORD, word);
        if (reg_txn_write(reg, &txn, err) < 0 || find_mark(reg, id, rule, &image, err) < 0 ||
            drop_old_words(reg, image, rule, err) < 0 ||
            reg_sql_run(reg, err, "INSERT INTO opt_out (hash, image, rule, at) VALUES (?, ?, ?, ?)", "titi", hash, image, rule,
                        (int64_t)time(NULL)) < 0 ||
            reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret = bk_take(word);
        return 0;
}

/* --- keeping ----------------------------------------------------------------------- */
static int put_keep(struct reg *reg, const char *id, int64_t until, const struct reg_change *change, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO keep (image, until, at, who, why) VALUES (?, nullif(?, 9223372036854775807), ?, ?, ?) "
                                  "ON CONFLICT (image) DO UPDATE SET until = excluded.until, at = excluded.at, who = excluded.who, "
                                  "why = excluded.why";
        autojson *detail = json_pack("{s:o}", "until", moment(until));
        int64_t image = 0, known = 0;
        int status;

        if (reg_image_find(reg, id, &image, NULL, err) < 0 ||
            (status = reg_sql_int(reg, &known, err, "SELECT coalesce(until, 9223372036854775807) FROM keep WHERE image = ?", "i", image)) < 0)
                return -1;
        /* Who may not say that it need not stay may not do it by a minute from now, either. */
        if (status > 0 && (known == until || (known > until && !change->privileged)))
                return 0;
        if (reg_sql_run(reg, err, sql, "iiitt", image, until, (int64_t)time(NULL), change->who, change->why) < 0)
                return -1;
        return tell(reg, "image.kept", id, change, detail, err);
}

static int check_until(int64_t until, struct bk_error *err)
{
        return until > time(NULL) ? 0 : bk_fail(err, BK_INVALID, "the time until which the image is to stay has passed already");
}

int reg_keep(struct reg *reg, const char *id, int64_t until, const struct reg_change *change, struct bk_error *err)
{
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || check_until(until, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            put_keep(reg, id, until, change, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_unkeep(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err)
{
        int64_t image = 0;
        autotxn txn = { 0 };
        int status;

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_image_find(reg, id, &image, NULL, err) < 0 ||
            (status = reg_sql_int(reg, &image, err, "DELETE FROM keep WHERE image = ? RETURNING image", "i", image)) < 0 ||
            (status > 0 && tell(reg, "image.unkept", id, change, NULL, err) < 0))
                return -1;
        return reg_txn_commit(&txn, err);
}

/* --- by a word ---------------------------------------------------------------------- */
struct word { char *hash, *id, *rule; };

static void word_done(struct word *word)
{
        free(word->hash);
        free(word->id);
        free(word->rule);
}

/* Found along an index, as tokens are (token.c): its time tells of the hash of what was shown, which nobody can steer. */
static int find_word(struct reg *reg, const char *token, struct word *ret, struct bk_error *err)
{
        autofree char *hash = reg_word_hash(WORD, token);
        autostmt *stmt = NULL;
        int status;

        if (hash == NULL)
                return bk_fail(err, BK_DENIED, "that is no word that opts an image out; it is in the message that told of the image");
        if (reg_sql_prepare(reg, "SELECT o.hash, i.id, o.rule FROM opt_out o JOIN image i ON i.sequence = o.image WHERE o.hash = ?", &stmt,
                            err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", hash) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status > 0)
                *ret = (struct word){ reg_column(stmt, 0), reg_column(stmt, 1), reg_column(stmt, 2) };
        if (status == 0 || CRYPTO_memcmp(hash, ret->hash, strlen(hash)) != 0)
                return bk_fail(err, BK_DENIED, "this word is not known; perhaps its image is gone already");
        return 0;
}

int reg_keep_by_token(struct reg *reg, const char *token, int64_t until, const char *why, char **ret_id, struct bk_error *err)
{
        BK_CLEANUP(word_done) struct word word = { 0 };
        autofree char *who = NULL;
        struct reg_change change = { .why = why };
        autotxn txn = { 0 };

        /* Who knows no word keeps nobody from writing. */
        if (check_until(until, err) < 0 || find_word(reg, token, &word, err) < 0 || reg_txn_write(reg, &txn, err) < 0)
                return -1;
        change.who = who = bk_format("who was told by rule %s", word.rule);
        if (reg_change_check(&change, err) < 0 || put_keep(reg, word.id, until, &change, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret_id = bk_take(word.id);
        return 0;
}

/* --- runs ---------------------------------------------------------------------------- */
/* One runs at a time, so one that is still said to run was killed. */
int reg_janitor_begin(struct reg *reg, const char *who, const char *rules_digest, int64_t *ret_number, struct bk_error *err)
{
        const struct reg_change change = { .who = who };
        const int64_t now = time(NULL);
        int64_t number = 0;
        autotxn txn = { 0 };

        if (reg_change_check(&change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE janitor_run SET status = 'aborted', ended_at = ? WHERE status = 'running'", "i", now) < 0 ||
            reg_sql_int(reg, &number, err, "INSERT INTO janitor_run (started_at, who, rules, status) VALUES (?, ?, ?, 'running') RETURNING number",
                        "itt", now, who, rules_digest) < 0 ||
            reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret_number = number;
        return 0;
}

int reg_janitor_end(struct reg *reg, int64_t number, const char *status, const json_t *counts, struct bk_error *err)
{
        autofree char *text = counts == NULL ? NULL : json_dumps(counts, JSON_COMPACT | JSON_SORT_KEYS), *who = NULL;
        autofree char *subject = bk_format("%lld", (long long)number);
        autojson *detail = json_pack("{s:s, s:O?}", "status", status, "counts", counts);
        struct reg_event event = { .action = "janitor.ended", .subject = subject, .detail = detail };
        autotxn txn = { 0 };
        int found;

        if (reg_txn_write(reg, &txn, err) < 0 ||
            (found = reg_sql_text(reg, &who, err, "UPDATE janitor_run SET status = ?, ended_at = ?, counts = ? WHERE number = ? RETURNING who",
                                  "titi", status, (int64_t)time(NULL), text, number)) < 0)
                return -1;
        if (found == 0)
                return bk_fail(err, BK_NOT_FOUND, "there was no run %lld of the janitor", (long long)number);
        event.who = who;
        return reg_event_put(reg, &event, err) < 0 ? -1 : reg_txn_commit(&txn, err);
}

int reg_janitor_runs_json(struct reg *reg, int64_t limit, json_t **ret, struct bk_error *err)
{
        autojson *rows = NULL;
        autostmt *stmt = NULL;
        json_t *row;
        size_t i;

        if (reg_sql_prepare(reg, "SELECT number, started_at, ended_at, who, rules, status, counts FROM janitor_run ORDER BY number DESC LIMIT ?",
                            &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", limit) < 0 || reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        json_array_foreach(rows, i, row) {
                json_t *counts = json_loads(json_is_string(json_object_get(row, "counts")) ?
                                            json_string_value(json_object_get(row, "counts")) : "null", JSON_DECODE_ANY, NULL);

                (void)json_object_set_new(row, "counts", counts != NULL ? counts : json_null());
        }
        *ret = bk_take(rows);
        return 0;
}
