/* The conditions of a query, asked of columns.
 *
 * A text is tested once, whoever has it: the answer is remembered by its place among the words. What no column has - channels, packages,
 * digests - is asked of the registry once, and remembered by image. So the same question costs an image a look-up. */
#include "registry/facts_priv.h"

#include <stdlib.h>
#include <string.h>

enum answer { UNASKED, NO, YES, NOBODY_KNOWS };

/* How a condition is answered. One of words, numbers and images is set. */
struct test {
        const uint32_t *words[2];       /* columns of words: any of them; the second may be NULL */
        const int64_t *numbers;         /* a column */
        uint8_t *known;                 /* enum answer: of words, by their place; else of images */
        bool by_image;
};

struct reg_match {
        struct reg_filter filter;
        struct test *tests;             /* of each condition; NULL: not prepared */
        uint32_t name;                  /* the word that the filter's name is; REG_NOWHERE: no image has it */
};

/* --- from text ------------------------------------------------------------------- */
static void tests_done(struct reg_match *match)
{
        for (size_t i = 0; match->tests != NULL && i < match->filter.n; i++)
                free(match->tests[i].known);
        free(match->tests);
        match->tests = NULL;
}

void reg_match_done(struct reg_match *match)
{
        if (match == NULL)
                return;
        tests_done(match);
        reg_filter_done(&match->filter);
        free(match);
}

static void done(struct reg_match **match)
{
        reg_match_done(*match);
}

/* What chooses among the images that were found, or tells of them, has no meaning for one image. */
static int refuse_options(const struct reg_filter *filter, struct bk_error *err)
{
        const char *option = filter->limit >= 0 ? "_limit" : filter->after.n > 0 ? "_after" : filter->fields.n > 0 ? "_fields" : NULL;

        for (size_t i = 0; i < filter->said.n; i++)
                if (*filter->said.v[i] == '_')
                        option = filter->said.v[i];
        if (option != NULL)
                return bk_fail(err, BK_INVALID, "'%.100s' is an option of queries; each image is asked for itself here, so leave it out", option);
        if (filter->name == NULL && filter->n == 0 && filter->states_said == REG_STATES_ALL)
                return bk_fail(err, BK_INVALID, "it has no condition; leave it out where all images are meant");
        return 0;
}

/* "release=bookworm" is "?release=bookworm"; "base" is what it is in queries, too: a name. */
int reg_match_parse(const char *query, struct reg_match **ret, struct bk_error *err)
{
        const char sign = query[strcspn(query, "?;&=<>~!")];
        autofree char *text = bk_format("%s%s", sign == '?' || sign == ';' || sign == '\0' ? "" : "?", query);
        BK_CLEANUP(done) struct reg_match *match = bk_alloc(sizeof *match);

        if (reg_filter_parse(text, &match->filter, err) < 0)
                return -1;
        if (refuse_options(&match->filter, err) < 0)
                return bk_wrap(err, "'%.200s'", query);
        *ret = bk_take(match);
        return 0;
}

static bool is_attribute(const struct reg_condition *condition)
{
        return condition->key == NULL || condition->key->kind == REG_KEY_APPLICATION;
}

void reg_match_keys(const struct reg_match *match, struct bk_strv *keys)
{
        for (size_t i = 0; i < match->filter.n; i++)
                if (is_attribute(&match->filter.v[i]) && !bk_strv_has(keys, match->filter.v[i].attribute))
                        bk_strv_add(keys, match->filter.v[i].attribute);
}

/* --- what columns cannot tell ------------------------------------------------------- */
/* Rows of a sequence and perhaps a text, which is then tested. */
static int take_rows(struct reg *reg, struct reg_stmt *stmt, const struct reg_condition *tested, const struct reg_places *places,
                     struct test *test, struct bk_error *err)
{
        int status;

        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const uint32_t place = reg_places_of(places, reg_column_int(stmt, 0));
                const int met = place == REG_NOWHERE ? 0 : tested == NULL ? 1 : reg_condition_text(tested, reg_column_peek(stmt, 1), NULL);

                if (met != 0 && test->known[place] != YES)
                        test->known[place] = met > 0 ? YES : NOBODY_KNOWS;
        }
        return status;
}

static int ask_registry(struct reg *reg, const struct reg_condition *condition, const struct reg_facts *facts, const struct reg_places *places,
                        struct test *test, struct bk_error *err)
{
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };
        const bool channel = condition->key->kind == REG_KEY_CHANNEL, tested = channel || condition->test == REG_MATCHES;
        struct reg_condition plain = *condition;        /* borrows */
        autostmt *stmt = NULL;

        plain.exclude = false;          /* that is looked to by whoever reads the answer */
        if (channel)
                bk_buf_puts(&select.sql, "SELECT head, channel FROM channel WHERE ");
        else
                bk_buf_printf(&select.sql, "SELECT i.sequence%s%s FROM image i WHERE ", tested ? ", " : "", tested ? condition->key->column : "");
        if (facts->n == 1)
                reg_select_number(&select, channel ? "head = " : "i.sequence = ", facts->sequence[0]);
        else
                bk_buf_puts(&select.sql, "1 = 1");
        if ((!tested && reg_select_condition(reg, &select, &plain, err) < 0) || reg_select_run(reg, &select, &stmt, err) < 0)
                return -1;
        return take_rows(reg, stmt, tested ? &plain : NULL, places, test, err);
}

/* --- which column ---------------------------------------------------------------------- */
static const uint32_t *attribute_of(const struct reg_facts *facts, const char *key)
{
        for (size_t i = 0; i < facts->n_attributes; i++)
                if (strcmp(facts->attribute[i].key, key) == 0)
                        return facts->attribute[i].value;
        return NULL;
}

static const uint32_t *words_of(const struct reg_facts *facts, const char *key)
{
        return bk_streq(key, "name") ? facts->name : bk_streq(key, "type") ? facts->type :
               bk_streq(key, "created_by") ? facts->created_by : NULL;
}

static const int64_t *numbers_of(const struct reg_facts *facts, const char *key)
{
        return bk_streq(key, "sequence") ? facts->sequence : bk_streq(key, "size") ? facts->size :
               bk_streq(key, "created_at") ? facts->created_at : NULL;
}

static int choose(const struct reg_condition *condition, const struct reg_facts *facts, struct test *test, struct bk_error *err)
{
        const struct reg_key *key = condition->key;

        if (is_attribute(condition)) {
                test->words[0] = attribute_of(facts, condition->attribute);
                if (test->words[0] == NULL)
                        return bk_fail(err, BK_INTERNAL, "attribute '%.100s' was not read: a defect", condition->attribute);
                test->words[1] = key != NULL ? facts->name : NULL;
        } else if (key->kind == REG_KEY_NUMBER || key->kind == REG_KEY_TIME) {
                test->numbers = numbers_of(facts, key->name);
        } else if (key->kind == REG_KEY_TEXT) {
                test->words[0] = words_of(facts, key->name);
        }
        test->by_image = test->words[0] == NULL && test->numbers == NULL;
        return 0;
}

/* Ages are counted from the moment that is asked about. */
static int date(struct reg_condition *condition, int64_t now, struct bk_error *err)
{
        const bool timed = condition->key != NULL && (condition->key->kind == REG_KEY_TIME || condition->key->kind == REG_KEY_LAUNCHED);

        for (size_t i = 0; timed && i < condition->n; i++)
                if (reg_time_parse_from(condition->v[i].text, now, &condition->v[i].low, &condition->v[i].high, err) < 0)
                        return -1;
        return 0;
}

static int prepare_one(struct reg *reg, const struct reg_condition *condition, const struct reg_facts *facts, const struct reg_places *places,
                       struct test *test, struct bk_error *err)
{
        if (choose(condition, facts, test, err) < 0)
                return -1;
        if (test->numbers != NULL)
                return 0;
        test->known = bk_alloc((test->by_image ? facts->n : facts->n_words) + 1);
        return test->by_image && facts->n > 0 ? ask_registry(reg, condition, facts, places, test, err) : 0;
}

int reg_match_prepare(struct reg *reg, struct reg_match *match, const struct reg_facts *facts, int64_t now, struct bk_error *err)
{
        BK_CLEANUP(reg_places_done) struct reg_places places = { 0 };
        struct reg_filter *filter = &match->filter;
        autotxn txn = { 0 };

        tests_done(match);
        match->name = REG_NOWHERE;
        for (size_t i = 0; filter->name != NULL && i < facts->n_words; i++)
                if (strcmp(facts->words[i], filter->name) == 0)
                        match->name = (uint32_t)i;
        reg_places_make(facts->sequence, facts->n, &places);
        match->tests = bk_alloc((filter->n + 1) * sizeof *match->tests);
        if (reg_txn_read(reg, &txn, err) < 0)
                return -1;
        for (size_t i = 0; i < filter->n; i++)
                if (date(&filter->v[i], now != 0 ? now : facts->at, err) < 0 ||
                    prepare_one(reg, &filter->v[i], facts, &places, &match->tests[i], err) < 0) {
                        tests_done(match);
                        return -1;
                }
        return reg_txn_commit(&txn, err);
}

/* --- asking ---------------------------------------------------------------------------------- */
static enum answer of_word(const struct reg_condition *condition, const struct test *test, const struct reg_facts *facts, uint32_t word)
{
        uint8_t *known;

        if (word == REG_NOWHERE)
                return NO;
        known = &test->known[word];
        if (*known == UNASKED) {
                const int met = reg_condition_text(condition, facts->words[word], NULL);

                *known = met < 0 ? NOBODY_KNOWS : met > 0 ? YES : NO;
        }
        return *known;
}

static enum answer answer_of(const struct reg_condition *condition, const struct test *test, const struct reg_facts *facts, size_t i)
{
        enum answer first, second;

        if (test->numbers != NULL)
                return reg_condition_number(condition, test->numbers[i]) ? YES : NO;
        if (test->by_image)
                return test->known[i] == UNASKED ? NO : test->known[i];
        first = of_word(condition, test, facts, test->words[0][i]);
        if (first == YES || test->words[1] == NULL)
                return first;
        second = of_word(condition, test, facts, test->words[1][i]);
        return second == NO ? first : second;
}

int reg_match_meets(const struct reg_match *match, const struct reg_facts *facts, size_t i)
{
        const struct reg_filter *filter = &match->filter;
        int met = 1;

        if (match->tests == NULL)
                return -1;
        if (!(filter->states_said & REG_STATE_BIT(facts->state[i])) || (filter->name != NULL && facts->name[i] != match->name))
                return 0;
        for (size_t n = 0; n < filter->n; n++) {
                const enum answer answer = answer_of(&filter->v[n], &match->tests[n], facts, i);

                if (answer == NOBODY_KNOWS)
                        met = -1;
                else if ((answer == YES) == filter->v[n].exclude)
                        return 0;
        }
        return met;
}
