/* Attributes as columns of words, and the kinds of images.
 *
 * SQLite's rows come along an index, by value: most are equal to the one before. PostgreSQL's come as it likes, which is as good. */
#include "registry/facts_priv.h"

#include <stdlib.h>
#include <string.h>

static int read_column(struct reg_reading *r, const char *key, uint32_t *column, bool *ret_any, struct bk_error *err)
{
        const bool alone = r->ask->only != 0;
        uint32_t word = REG_NOWHERE;
        autostmt *stmt = NULL;
        int status;

        memset(column, 0xff, r->facts.n * sizeof *column);      /* REG_NOWHERE */
        if (reg_sql_prepare(r->reg, alone ? "SELECT value, image FROM attribute WHERE key = ? AND image = ?" :
                                            "SELECT value, image FROM attribute WHERE key = ?", &stmt, err) < 0 ||
            reg_sql_bind(r->reg, stmt, err, alone ? "ti" : "t", key, r->ask->only) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0) {
                const uint32_t place = reg_places_of(&r->places, reg_column_int(stmt, 1));

                word = reg_reading_word(r, word, reg_column_peek(stmt, 0));
                if (place != REG_NOWHERE)
                        column[place] = word;
                *ret_any = true;
        }
        return status;
}

static uint32_t *column_of(const struct reg_facts *f, const char *key)
{
        for (size_t i = 0; i < f->n_attributes; i++)
                if (strcmp(f->attribute[i].key, key) == 0)
                        return f->attribute[i].value;
        return NULL;
}

/* Images that were of one kind and have different words are of different kinds. Numbers are given from 0, without gaps. */
static void split_kinds(struct reg_facts *f, const uint32_t *column)
{
        BK_CLEANUP(reg_map_done) struct reg_map map = { 0 };
        uint32_t before = 0;
        int64_t key_before = 0;

        for (size_t i = 0; i < f->n; i++) {
                const int64_t key = ((int64_t)f->kind[i] + 1) << 32 | column[i];

                if (key != key_before) {
                        const size_t n = map.n;
                        bool fresh = false;
                        size_t *kind = reg_map_at(&map, key, &fresh);

                        if (fresh)
                                *kind = n;
                        before = (uint32_t)*kind;
                        key_before = key;
                }
                f->kind[i] = before;
        }
}

static int read_kinds(struct reg_reading *r, struct bk_error *err)
{
        struct reg_facts *f = &r->facts;
        autofree uint32_t *other = bk_grow(NULL, f->n + 1, sizeof *other);

        split_kinds(f, f->name);
        for (size_t i = 0; reg_identifying[i] != NULL; i++) {
                const uint32_t *column = column_of(f, reg_identifying[i]);
                bool any = column != NULL;

                if (column == NULL && read_column(r, reg_identifying[i], other, &any, err) < 0)
                        return -1;
                if (any)
                        split_kinds(f, column != NULL ? column : other);
        }
        return 0;
}

int reg_facts_attributes(struct reg_reading *r, struct bk_error *err)
{
        const struct bk_strv *keys = r->ask->keys;
        struct reg_facts *f = &r->facts;
        bool any = false;

        f->attribute = bk_alloc((keys == NULL ? 1 : keys->n + 1) * sizeof *f->attribute);
        for (size_t i = 0; keys != NULL && i < keys->n; i++) {
                if (column_of(f, keys->v[i]) != NULL)
                        continue;
                f->attribute[f->n_attributes].key = bk_strdup(keys->v[i]);
                f->attribute[f->n_attributes].value = bk_grow(NULL, f->n + 1, sizeof *f->attribute->value);
                if (read_column(r, keys->v[i], f->attribute[f->n_attributes++].value, &any, err) < 0)
                        return -1;
        }
        return f->kind == NULL ? 0 : read_kinds(r, err);
}
