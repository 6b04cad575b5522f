/* Facts and rules made by hand, without a registry: what is decided is a function of columns. */
#pragma once
#include "tests/unit/test.h"

#include "janitor/janitor_priv.h"

#define NOW ((int64_t)1000 * JANITOR_DAY)
#define DAYS(n) ((int64_t)(n) * JANITOR_DAY)

/* One image. Ages are in days before NOW; 0 in launched, headed and tested: never; -1: nobody knows. */
struct seen {
        int age, ancestor;              /* 1 + its place; 0: none */
        enum reg_state state;
        unsigned flags;
        int launched, headed, tested, in_state;
        int kind, size;                 /* size 0: 100 KiB */
        int purge_in;                   /* days from NOW */
        int kept_for;                   /* days from NOW */
        int shared;
        const char *owner, *hold, *ttl, *release, *by;
        int holes;                      /* 1 + its place in hole */
};

enum { SEEN_ATTRIBUTES = 4 };

static inline uint32_t word_of(struct reg_facts *facts, const char *text)
{
        if (text == NULL)
                return REG_NOWHERE;
        for (uint32_t w = 0; w < facts->n_words; w++)
                if (bk_streq(facts->words[w], text))
                        return w;
        facts->words = bk_grow(facts->words, facts->n_words + 1, sizeof *facts->words);
        facts->words[facts->n_words] = bk_strdup(text);
        return (uint32_t)facts->n_words++;
}

static inline int64_t before(int days)
{
        return days < 0 ? REG_UNKNOWN : days == 0 ? 0 : NOW - DAYS(days);
}

/* All columns are there. facts_free() takes them back. */
static inline struct reg_facts facts_of(const struct seen *v, size_t n)
{
        static const char *const keys[SEEN_ATTRIBUTES] = { "owner", "legal_hold", "ttl", "release" };
        struct reg_facts f = { .n = n, .at = NOW };

#define COLUMN(name) f.name = bk_alloc((n + 1) * sizeof *f.name)
        COLUMN(sequence); COLUMN(created_at); COLUMN(size); COLUMN(state); COLUMN(flags); COLUMN(ancestor); COLUMN(name); COLUMN(type);
        COLUMN(launched_at); COLUMN(headed_at); COLUMN(state_at); COLUMN(tested_at); COLUMN(holes); COLUMN(kind); COLUMN(opted_out_until);
        COLUMN(purge_at); COLUMN(created_by); COLUMN(layer_users);
#undef COLUMN
        f.attribute = bk_alloc(SEEN_ATTRIBUTES * sizeof *f.attribute);
        f.n_attributes = SEEN_ATTRIBUTES;
        for (size_t k = 0; k < SEEN_ATTRIBUTES; k++) {
                f.attribute[k].key = bk_strdup(keys[k]);
                f.attribute[k].value = bk_alloc((n + 1) * sizeof *f.attribute[k].value);
        }
        for (size_t i = 0; i < n; i++) {
                const char *const values[SEEN_ATTRIBUTES] = { v[i].owner, v[i].hold, v[i].ttl, v[i].release };

                f.sequence[i] = 10 * (int64_t)(i + 1);
                f.created_at[i] = v[i].age < 0 ? REG_UNKNOWN : NOW - DAYS(v[i].age);
                f.size[i] = v[i].size == 0 ? 100 << 10 : v[i].size;
                f.state[i] = (uint8_t)v[i].state;
                f.flags[i] = (uint8_t)v[i].flags;
                f.ancestor[i] = v[i].ancestor == 0 ? REG_NOWHERE : (uint32_t)v[i].ancestor - 1;
                f.name[i] = word_of(&f, "name");
                f.type[i] = word_of(&f, "base");
                f.launched_at[i] = before(v[i].launched);
                f.headed_at[i] = before(v[i].headed);
                f.state_at[i] = v[i].in_state < 0 ? REG_UNKNOWN : NOW - DAYS(v[i].in_state);
                f.tested_at[i] = before(v[i].tested);
                f.kind[i] = (uint32_t)v[i].kind;
                f.holes[i] = v[i].holes == 0 ? REG_NOWHERE : (uint32_t)v[i].holes - 1;
                f.opted_out_until[i] = v[i].kept_for == 0 ? 0 : NOW + DAYS(v[i].kept_for);
                f.purge_at[i] = v[i].state == REG_TRASHED ? NOW + DAYS(v[i].purge_in) : 0;
                f.created_by[i] = word_of(&f, v[i].by == NULL ? "ada" : v[i].by);
                f.layer_users[i] = v[i].shared ? 2 : 1;
                for (size_t k = 0; k < SEEN_ATTRIBUTES; k++)
                        f.attribute[k].value[i] = word_of(&f, values[k]);
        }
        return f;
}

static inline void facts_free(struct reg_facts *f)
{
        void *const columns[] = { f->sequence, f->created_at, f->size, f->state, f->flags, f->ancestor, f->name, f->type, f->launched_at,
                                  f->headed_at, f->state_at, f->tested_at, f->holes, f->kind, f->opted_out_until, f->purge_at, f->created_by,
                                  f->layer_users };

        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
                free(columns[i]);
        for (size_t k = 0; k < f->n_attributes; k++) {
                free(f->attribute[k].key);
                free(f->attribute[k].value);
        }
        free(f->attribute);
        for (size_t w = 0; w < f->n_words; w++)
                free(f->words[w]);
        free(f->words);
        *f = (struct reg_facts){ 0 };
}
