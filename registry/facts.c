/* Facts: the registry's tables become columns.
 *
 * Every table is read once, in an order that it has, and each of its rows is brought to its image's place; nothing is asked for image by
 * image, and nothing is joined that has a row for each of them. */
#include "registry/facts_priv.h"
#include "registry/bake.h"
#include "registry/life_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- memory -------------------------------------------------------------------- */
void reg_facts_done(struct reg_facts *facts)
{
        void *const columns[] = {
                facts->sequence, facts->created_at, facts->size, facts->state, facts->flags, facts->ancestor, facts->name, facts->type,
                facts->launched_at, facts->headed_at, facts->state_at, facts->tested_at, facts->holes, facts->kind, facts->opted_out_until,
                facts->purge_at, facts->created_by, facts->layer_users, facts->id, facts->hole, facts->words,
        };

        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
                free(columns[i]);
        for (size_t i = 0; i < facts->n_attributes; i++) {
                free(facts->attribute[i].key);
                free(facts->attribute[i].value);
        }
        free(facts->attribute);
        reg_arena_done(&facts->arena);
        *facts = (struct reg_facts){ 0 };
}

static void reading_done(struct reg_reading *r)
{
        reg_facts_done(&r->facts);
        reg_words_done(&r->words);
        reg_words_done(&r->heads);
        reg_places_done(&r->places);
        free(r->head_until);
        free(r->below);
        free(r->sets);
}

static void make_columns(struct reg_facts *f, unsigned want, size_t n)
{
        const struct { unsigned want; size_t size; void *column; } rows[] = {
                { 0, sizeof *f->sequence, &f->sequence }, { 0, sizeof *f->created_at, &f->created_at }, { 0, sizeof *f->size, &f->size },
                { 0, sizeof *f->state, &f->state }, { 0, sizeof *f->flags, &f->flags }, { 0, sizeof *f->ancestor, &f->ancestor },
                { 0, sizeof *f->name, &f->name }, { 0, sizeof *f->type, &f->type },
                { REG_FACTS_LAUNCHES, sizeof *f->launched_at, &f->launched_at }, { REG_FACTS_HEADED, sizeof *f->headed_at, &f->headed_at },
                { REG_FACTS_STATES, sizeof *f->state_at, &f->state_at }, { REG_FACTS_STATES, sizeof *f->tested_at, &f->tested_at },
                { REG_FACTS_VULNERABLE, sizeof *f->holes, &f->holes }, { REG_FACTS_KINDS, sizeof *f->kind, &f->kind },
                { REG_FACTS_MARKS, sizeof *f->opted_out_until, &f->opted_out_until }, { REG_FACTS_MARKS, sizeof *f->purge_at, &f->purge_at },
                { REG_FACTS_MAKERS, sizeof *f->created_by, &f->created_by }, { REG_FACTS_SHARED, sizeof *f->layer_users, &f->layer_users },
                { REG_FACTS_IDS, sizeof *f->id, &f->id },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                if ((rows[i].want & want) == rows[i].want) {
                        void *column = bk_alloc((n + 1) * rows[i].size);

                        memcpy(rows[i].column, &column, sizeof column);
                }
}

int reg_reading_start(const struct reg_reading *r, const char *all, const char *one, struct reg_stmt **ret, struct bk_error *err)
{
        const bool alone = r->ask->only != 0;
        autostmt *stmt = NULL;

        if (reg_sql_prepare(r->reg, alone ? one : all, &stmt, err) < 0 ||
            reg_sql_bind(r->reg, stmt, err, alone ? "i" : "", r->ask->only) < 0)
                return -1;
        *ret = bk_take(stmt);
        return 0;
}

uint32_t reg_reading_word(struct reg_reading *r, uint32_t before, const char *text)
{
        if (before != REG_NOWHERE && strcmp(r->words.v[before], text) == 0)
                return before;
        return reg_words_put(&r->words, text);
}

/* --- the images -------------------------------------------------------------------- */
enum { SEQUENCE, CREATED_AT, SIZE, STATE, HIDDEN, ANCESTOR, NAME, TYPE, CREATED_BY, PACKAGE_SET, ID };

static int start_images(const struct reg_reading *r, struct reg_stmt **ret, struct bk_error *err)
{
        const unsigned want = r->ask->want;
        autofree char *sql = bk_format("SELECT sequence, created_at, size, state, hidden, ancestor, name, type, %s, %s, %s FROM image %s"
                                       "ORDER BY sequence", want & REG_FACTS_MAKERS ? "created_by" : "NULL",
                                       want & REG_FACTS_VULNERABLE ? "package_set" : "NULL",
                                       (want & REG_FACTS_IDS) || r->heads.n > 0 ? "id" : "NULL", r->ask->only ? "WHERE sequence = ? " : "");

        return reg_reading_start(r, sql, sql, ret, err);
}

static void take_wanted(struct reg_reading *r, size_t i, struct reg_stmt *stmt)
{
        struct reg_facts *f = &r->facts;

        if (f->created_by != NULL) {
                const char *who = reg_column_peek(stmt, CREATED_BY);

                f->created_by[i] = who == NULL ? REG_NOWHERE : reg_reading_word(r, i == 0 ? REG_NOWHERE : f->created_by[i - 1], who);
        }
        if (f->holes != NULL)
                reg_facts_hole_of(r, i, reg_column_int(stmt, PACKAGE_SET));
        if (f->headed_at != NULL && r->heads.n > 0) {
                const uint32_t head = reg_words_find(&r->heads, reg_column_peek(stmt, ID));

                f->headed_at[i] = head == REG_NOWHERE ? 0 : r->head_until[head];
        }
        if (f->id != NULL)
                f->id[i] = reg_arena_text(&r->words.arena, reg_column_peek(stmt, ID));
        if (f->state_at != NULL)
                f->state_at[i] = f->tested_at[i] = REG_UNKNOWN;
        if (f->layer_users != NULL)
                f->layer_users[i] = 1;
}

static int take_image(struct reg_reading *r, size_t i, struct reg_stmt *stmt, struct bk_error *err)
{
        struct reg_facts *f = &r->facts;
        const int64_t state = reg_column_int(stmt, STATE);

        if (state < REG_BAKED || state > REG_TRASHED)
                return bk_fail(err, BK_CORRUPT, "registry '%s': the row of image %lld makes no sense; restore it from a backup", r->reg->path,
                               (long long)reg_column_int(stmt, SEQUENCE));
        f->sequence[i] = reg_column_int(stmt, SEQUENCE);
        f->created_at[i] = reg_column_int(stmt, CREATED_AT);
        f->size[i] = reg_column_int(stmt, SIZE);
        f->state[i] = (uint8_t)state;
        f->flags[i] = reg_column_int(stmt, HIDDEN) != 0 ? REG_FACT_HIDDEN : 0;
        r->below[i] = reg_column_int(stmt, ANCESTOR);
        f->name[i] = reg_reading_word(r, i == 0 ? REG_NOWHERE : f->name[i - 1], reg_column_peek(stmt, NAME));
        f->type[i] = reg_reading_word(r, i == 0 ? REG_NOWHERE : f->type[i - 1], reg_column_peek(stmt, TYPE));
        take_wanted(r, i, stmt);
        return 0;
}

static int read_images(struct reg_reading *r, struct bk_error *err)
{
        struct reg_facts *f = &r->facts;
        autostmt *stmt = NULL;
        int64_t room = 1;
        int status;

        if (r->ask->only == 0 && reg_sql_int(r->reg, &room, err, "SELECT count(*) FROM image", "") < 0)
                return -1;
        if (room >= REG_NOWHERE)
                return bk_fail(err, BK_INVALID, "registry '%s': %lld images are more than can be looked at together", r->reg->path, (long long)room);
        make_columns(f, r->ask->want, (size_t)room);
        r->below = bk_alloc(((size_t)room + 1) * sizeof *r->below);
        if (start_images(r, &stmt, err) < 0)
                return -1;
        /* All of it is one transaction, so there are no more than were counted. */
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0 && f->n < (size_t)room) {
                if (take_image(r, f->n, stmt, err) < 0)
                        return -1;
                f->n++;
        }
        if (status < 0)
                return -1;
        reg_places_make(f->sequence, f->n, &r->places);
        for (size_t i = 0; i < f->n; i++)
                f->ancestor[i] = r->below[i] == 0 ? REG_NOWHERE : reg_places_of(&r->places, r->below[i]);
        return 0;
}

/* --- what other tables say of them ----------------------------------------------------- */
static void take_head(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        (void)stmt;
        r->facts.flags[i] |= REG_FACT_HEAD;
        if (r->facts.headed_at != NULL)
                r->facts.headed_at[i] = r->facts.at;
}

static void take_use(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        (void)stmt;
        r->facts.flags[i] |= REG_FACT_IN_USE;
}

/* What another host does not know to be dead does not hold it for ever. */
static void take_bake(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        if (r->facts.at - reg_column_int(stmt, 1) < REG_BAKE_SECONDS)
                r->facts.flags[i] |= REG_FACT_BAKED_ON;
}

/* That it has ended was told of it, too. */
static void take_launch(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        const int64_t last = reg_column_int(stmt, 1), end = reg_column_int(stmt, 2), at = end > last ? end : last;

        if (at > r->facts.launched_at[i])
                r->facts.launched_at[i] = at;
}

/* In the order in which they were written: the last one counts. A state that is not the log's came from nobody knows where. */
static void take_state(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        const int64_t state = reg_column_int(stmt, 1), at = reg_column_int(stmt, 2);
        int64_t *tested = &r->facts.tested_at[i];

        if (*tested == REG_UNKNOWN)
                *tested = 0;
        if (*tested == 0 && (state == REG_TESTED || state == REG_PROMOTED))
                *tested = at;
        r->facts.state_at[i] = state == r->facts.state[i] ? at : REG_UNKNOWN;
}

static void take_failure(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        (void)stmt;
        r->facts.flags[i] |= REG_FACT_FAILED;
}

static void take_keep(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        r->facts.opted_out_until[i] = reg_column_null(stmt, 1) ? INT64_MAX : reg_column_int(stmt, 1);
}

static void take_trash(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        if (r->facts.state[i] == REG_TRASHED)
                r->facts.purge_at[i] = reg_column_int(stmt, 1);
}

static void take_users(struct reg_reading *r, uint32_t i, struct reg_stmt *stmt)
{
        r->facts.layer_users[i] = (uint32_t)reg_column_int(stmt, 1);
}

/* Adding one means adding a row. The first column is an image's sequence. */
static const struct part {
        unsigned want;
        const char *all, *one;
        void (*take)(struct reg_reading *r, uint32_t place, struct reg_stmt *stmt);
} parts[] = {
        { 0, "SELECT head FROM channel", "SELECT head FROM channel WHERE head = ?", take_head },
        { 0, "SELECT image FROM launch WHERE ended_at IS NULL", "SELECT image FROM launch WHERE ended_at IS NULL AND image = ?", take_use },
        { 0, "SELECT i.sequence, b.started_at FROM bake b JOIN image i ON i.id = b.source WHERE b.status = 'running'",
          "SELECT i.sequence, b.started_at FROM bake b JOIN image i ON i.id = b.source WHERE b.status = 'running' AND i.sequence = ?", take_bake },
        { REG_FACTS_LAUNCHES, "SELECT image, last_at, ended_at FROM launch", "SELECT image, last_at, ended_at FROM launch WHERE image = ?",
          take_launch },
        { REG_FACTS_STATES, "SELECT image, state, at FROM state_log ORDER BY id",
          "SELECT image, state, at FROM state_log WHERE image = ? ORDER BY id", take_state },
        { REG_FACTS_VERDICTS, "SELECT DISTINCT image FROM verdict WHERE verdict = 'failed'",
          "SELECT DISTINCT image FROM verdict WHERE verdict = 'failed' AND image = ?", take_failure },
        { REG_FACTS_MARKS, "SELECT image, until FROM keep", "SELECT image, until FROM keep WHERE image = ?", take_keep },
        { REG_FACTS_MARKS, "SELECT image, purge_at FROM trash", "SELECT image, purge_at FROM trash WHERE image = ?", take_trash },
        { REG_FACTS_SHARED, "SELECT i.sequence, s.n FROM (SELECT layer, count(*) AS n FROM image GROUP BY layer HAVING count(*) > 1) s "
          "JOIN image i ON i.layer = s.layer",
          "SELECT i.sequence, (SELECT count(*) FROM image s WHERE s.layer = i.layer) FROM image i WHERE i.sequence = ?", take_users },
};

static int read_part(struct reg_reading *r, const struct part *part, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_reading_start(r, part->all, part->one, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0) {
                const uint32_t place = reg_places_of(&r->places, reg_column_int(stmt, 0));

                if (place != REG_NOWHERE)
                        part->take(r, place, stmt);
        }
        return status;
}

/* What came to the trash without a word on how long it stays. */
static int date_trash(struct reg_reading *r, struct bk_error *err)
{
        struct reg_facts *f = &r->facts;

        for (size_t i = 0; f->purge_at != NULL && i < f->n; i++) {
                int64_t since = 0;
                int status;

                if (f->state[i] != REG_TRASHED || f->purge_at[i] != 0)
                        continue;
                status = reg_sql_int(r->reg, &since, err, "SELECT at FROM state_log WHERE image = ? AND state = ? ORDER BY id DESC LIMIT 1", "ii",
                                     f->sequence[i], (int64_t)REG_TRASHED);
                if (status < 0)
                        return -1;
                f->purge_at[i] = status > 0 ? since + REG_TRASH_SECONDS : REG_UNKNOWN;
        }
        return 0;
}

static int read_all(struct reg_reading *r, struct bk_error *err)
{
        const unsigned want = r->ask->want;

        r->facts.at = time(NULL);
        if (reg_event_index(r->reg, &r->facts.index, err) < 0 || ((want & REG_FACTS_HEADED) && reg_facts_heads(r, err) < 0) ||
            ((want & REG_FACTS_VULNERABLE) && reg_facts_holes(r, err) < 0) || read_images(r, err) < 0)
                return -1;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                if ((parts[i].want & want) == parts[i].want && read_part(r, &parts[i], err) < 0)
                        return -1;
        return date_trash(r, err) < 0 ? -1 : reg_facts_attributes(r, err);
}

int reg_facts_read(struct reg *reg, const struct reg_facts_ask *ask, struct reg_facts *ret, struct bk_error *err)
{
        BK_CLEANUP(reading_done) struct reg_reading r = { .reg = reg, .ask = ask };
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || read_all(&r, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return bk_wrap(err, "what is known of the images");
        r.facts.words = bk_take(r.words.v);
        r.facts.n_words = r.words.n;
        r.facts.arena = bk_take(r.words.arena);
        *ret = r.facts;
        r.facts = (struct reg_facts){ 0 };
        return 0;
}

int reg_facts_id(struct reg *reg, int64_t sequence, char **ret, struct bk_error *err)
{
        const int status = reg_sql_text(reg, ret, err, "SELECT id FROM image WHERE sequence = ?", "i", sequence);

        return status == 0 ? bk_fail(err, BK_NOT_FOUND, "there is no image %lld any more", (long long)sequence) : status < 0 ? -1 : 0;
}
