/* The predicates of rules. Adding one means adding a row here, its name in rules.h, and its meaning to evaluate.c. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

enum operand { MATCH, STATES, AGE, WITHIN, FLAG, NEWEST, HOLE, SIZE, OWNERS, TAG, EXPIRED };

#define KIND_FACTS (REG_FACTS_KINDS | REG_FACTS_STATES)
#define REFERENCES (REG_FACTS_LAUNCHES | REG_FACTS_HEADED)

static const struct row { const char *name; enum operand operand; unsigned want; const char *key; } rows[] = {
        [JANITOR_MATCH] = { "match", MATCH },
        [JANITOR_STATE] = { "state", STATES },
        [JANITOR_AGE] = { "age", AGE },
        [JANITOR_IN_STATE_FOR] = { "in_state_for", AGE, REG_FACTS_STATES },
        [JANITOR_NOT_LAUNCHED_FOR] = { "not_launched_for", AGE, REG_FACTS_LAUNCHES },
        [JANITOR_NOT_REFERENCED_FOR] = { "not_referenced_for", AGE, REFERENCES },
        [JANITOR_NOT_HEADED_FOR] = { "not_headed_for", AGE, REG_FACTS_HEADED },
        [JANITOR_NOT_USED_AS_ANCESTOR_FOR] = { "not_used_as_ancestor_for", AGE },
        [JANITOR_IN_USE] = { "in_use", FLAG },
        [JANITOR_HEAD] = { "head", FLAG },
        [JANITOR_DESCENDANTS] = { "living_descendants", FLAG },
        [JANITOR_NEWEST] = { "newest", NEWEST },
        [JANITOR_SUPERSEDED_FOR] = { "superseded_for", AGE, KIND_FACTS },
        [JANITOR_SUPERSEDED] = { "superseded", FLAG, KIND_FACTS },
        [JANITOR_NEWEST_TESTED] = { "newest_tested", FLAG, KIND_FACTS },
        [JANITOR_FAILED] = { "failed", FLAG, REG_FACTS_VERDICTS },
        [JANITOR_UNTESTED] = { "untested", FLAG, REG_FACTS_STATES },
        [JANITOR_REVOKED] = { "revoked", FLAG },
        [JANITOR_HIDDEN] = { "hidden", FLAG },
        [JANITOR_VULNERABLE] = { "vulnerable", HOLE, REG_FACTS_VULNERABLE },
        [JANITOR_SIZE] = { "size", SIZE },
        [JANITOR_HOLD] = { "hold", FLAG, 0, "legal_hold" },
        [JANITOR_OPTED_OUT] = { "opted_out", FLAG, REG_FACTS_MARKS },
        [JANITOR_OWNER] = { "owner", OWNERS, REG_FACTS_MAKERS, "owner" },
        [JANITOR_TAGGED] = { "tagged", TAG },
        [JANITOR_ANCESTOR_GONE] = { "ancestor_revoked", FLAG },
        [JANITOR_TTL] = { "ttl", EXPIRED, 0, "ttl" },
        [JANITOR_LAUNCHED_WITHIN] = { "launched_within", WITHIN, REG_FACTS_LAUNCHES },
        [JANITOR_HEADED_WITHIN] = { "headed_within", WITHIN, REG_FACTS_HEADED },
};
_Static_assert(sizeof rows / sizeof *rows == JANITOR_TESTS, "a row for each test");

static const char *const severities[] = { "negligible", "low", "medium", "high", "critical" };          /* 1 to 5 */
const char *const janitor_hole_words[] = { "severity", "age", "fixable", "fixed_successor", NULL };

const char *janitor_test_name(enum janitor_test test)
{
        return rows[test].name;
}

unsigned janitor_test_want(enum janitor_test test)
{
        return rows[test].want;
}

const char *janitor_test_key(enum janitor_test test)
{
        return rows[test].key;
}

bool janitor_test_is_age(enum janitor_test test)
{
        return rows[test].operand == AGE;
}

bool janitor_test_is_flag(enum janitor_test test)
{
        return rows[test].operand == FLAG;
}

void janitor_predicate_words(const char *ret[JANITOR_WHEN_WORDS])
{
        for (size_t i = 0; i < JANITOR_TESTS; i++)
                ret[i] = rows[i].name;
        ret[JANITOR_TESTS] = "by";
        ret[JANITOR_TESTS + 1] = NULL;
}

/* --- operands ---------------------------------------------------------------------------- */
static int read_states(const struct bk_doc *value, unsigned *ret, struct bk_error *err)
{
        const char *names[REG_TRASHED + 1];
        autostrv struct bk_strv words = { 0 };
        unsigned mask = 0;

        for (unsigned i = 0; i <= REG_TRASHED; i++)
                names[i] = reg_state_name((enum reg_state)i);
        if (janitor_read_words(value, &words, err) < 0)
                return -1;
        for (size_t i = 0; i < words.n; i++) {
                unsigned state = 0;

                if (janitor_read_choice(value->kind == BK_DOC_ARRAY ? value->items[i] : value, names, REG_TRASHED + 1, &state, err) < 0)
                        return -1;
                mask |= 1U << state;
        }
        *ret = mask;
        return 0;
}

static int read_severity(const struct bk_doc *value, struct janitor_term *ret, struct bk_error *err)
{
        unsigned severity = 0;

        if (janitor_read_choice(value, severities, sizeof severities / sizeof *severities, &severity, err) < 0)
                return -1;
        ret->hole.severity = (int)severity + 1;
        return 0;
}

static void begin_hole(struct janitor_term *ret)
{
        ret->test = JANITOR_VULNERABLE;
        ret->hole.severity = 1;
        ret->hole.fixable = ret->hole.fixed_successor = -1;
}

static int read_newest(const struct bk_doc *value, const struct bk_doc *by, struct janitor_term *ret, struct bk_error *err)
{
        if (janitor_read_count(value, 1, 1000000, &ret->number, err) < 0)
                return -1;
        if (by != NULL)
                return janitor_read_keys(by, true, &ret->words, err);
        bk_strv_add(&ret->words, "kind");
        return 0;
}

static int read_tag(const struct bk_doc *value, struct janitor_term *ret, struct bk_error *err)
{
        if (value->kind == BK_DOC_ARRAY)
                return bk_doc_fail(err, value, "expected one attribute; several are 'any { ... }' or 'all { ... }'");
        return janitor_read_keys(value, false, &ret->words, err);
}

static int read_expired(const struct bk_doc *value, struct bk_error *err)
{
        static const char *const words[] = { "expired" };
        unsigned ignored = 0;

        return janitor_read_choice(value, words, 1, &ignored, err);
}

static int read_match(const struct bk_doc *value, struct janitor_term *ret, struct bk_error *err)
{
        if (janitor_read_match(value, &ret->match, err) < 0)
                return -1;
        bk_strv_add(&ret->words, value->text);
        return 0;
}

static int read_operand(const struct bk_doc *value, const struct bk_doc *by, struct janitor_term *ret, struct bk_error *err)
{
        switch (rows[ret->test].operand) {
        case MATCH:
                return read_match(value, ret, err);
        case STATES:
                return read_states(value, &ret->states, err);
        case AGE:
        case WITHIN:
                return janitor_read_age(value, &ret->number, err);
        case FLAG:
                return janitor_read_flag(value, &ret->number, err);
        case NEWEST:
                return read_newest(value, by, ret, err);
        case HOLE:
                begin_hole(ret);
                return read_severity(value, ret, err);
        case SIZE:
                return janitor_read_bytes(value, &ret->bound, &ret->number, err);
        case OWNERS:
                return janitor_read_words(value, &ret->words, err);
        case TAG:
                return read_tag(value, ret, err);
        case EXPIRED:
                return read_expired(value, err);
        }
        return bk_fail(err, BK_INTERNAL, "a predicate without an operand");
}

int janitor_read_predicate(const struct bk_doc *argument, const struct bk_doc *by, struct janitor_term *ret, struct bk_error *err)
{
        autofree char *value = janitor_write_value(argument);

        ret->node = JANITOR_TEST_NODE;
        for (ret->test = 0; strcmp(rows[ret->test].name, argument->key) != 0; ret->test++)
                ;               /* the schema has let nothing else in */
        if (read_operand(argument, by, ret, err) < 0)
                return bk_wrap(err, "%s", argument->key);
        if (ret->test == JANITOR_NEWEST && by != NULL) {
                autofree char *keys = janitor_write_value(by);

                ret->text = bk_format("newest = %s, by = %s", value, keys);
        } else {
                ret->text = bk_format("%s = %s", argument->key, value);
        }
        return 0;
}

static int read_hole_argument(const struct bk_doc *argument, struct janitor_term *ret, struct bk_error *err)
{
        int64_t flag = 0;

        if (strcmp(argument->key, "severity") == 0)
                return read_severity(argument, ret, err);
        if (strcmp(argument->key, "age") == 0)
                return janitor_read_age(argument, &ret->hole.age, err);
        if (janitor_read_flag(argument, &flag, err) < 0)
                return -1;
        *(strcmp(argument->key, "fixable") == 0 ? &ret->hole.fixable : &ret->hole.fixed_successor) = (int)flag;
        return 0;
}

int janitor_read_hole(const struct bk_hcl_block *block, struct janitor_term *ret, struct bk_error *err)
{
        const struct bk_doc *arguments = block->body.arguments;
        struct bk_buf text = { 0 };

        ret->node = JANITOR_TEST_NODE;
        begin_hole(ret);
        bk_buf_puts(&text, "vulnerable {");
        for (size_t i = 0; i < arguments->n; i++) {
                autofree char *value = janitor_write_value(arguments->items[i]);

                bk_buf_printf(&text, "%s %s = %s", i > 0 ? " " : "", arguments->items[i]->key, value);
        }
        bk_buf_puts(&text, " }");
        ret->text = bk_buf_finish(&text);
        for (size_t i = 0; i < arguments->n; i++)
                if (read_hole_argument(arguments->items[i], ret, err) < 0)
                        return bk_wrap(err, "vulnerable: %s", arguments->items[i]->key);
        return 0;
}
