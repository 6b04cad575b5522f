/* A query's text becomes a struct; no SQL and no registry here.
 *
 *      query     = [name] [("?" | ";") condition *(("&" | ";") condition)] [":(" key *("," key) ")"]
 *      condition = key ("=" | "!=") value *("," value)         any of them, none of them; "abc*": whatever begins so
 *                | key ("~" | "!~") pattern                    also written key=~pattern~
 *                | key ("<" | "<=" | ">" | ">=") value
 *                | ["!"] key                                   is there and not empty, or is not
 *                | "_"option ["=" value *("," value)]
 *
 * Keys and values are percent-decoded after they are cut, so that %2C is a
 * comma of the value and %2A a star. "+" is itself, as versions have it. Every condition must
 * hold. The characters < > ~ ^ * ! are kept free in keys for operators: a key
 * that has one writes it as %XX; but %3C and %3E are operators as well, as browsers
 * write them. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#include "registry/rank.h"

#define QUERY_MOST 65536
#define CONDITIONS_MOST 64
#define VALUES_MOST 1000
#define RANGES_MOST 100                 /* values that are prefixes or numbers: each is an OR, and SQLite's depth has a limit */
#define VALUES_OF_ALL 10000             /* of a query: a statement has parameters for them */
#define SHOWN(length) (int)((length) > 200 ? 200 : (length))

static const struct operator { const char *text; enum reg_test test; bool exclude; } operators[] = {
        { "!=", REG_ANY_OF,   true },  { "!~", REG_MATCHES, true },  { "=",  REG_ANY_OF, false }, { "~", REG_MATCHES, false },
        { "<=", REG_AT_MOST,  false }, { ">=", REG_AT_LEAST, false }, { "<",  REG_BELOW,  false }, { ">", REG_ABOVE,   false },
        /* as browsers send them */
        { "%3C=", REG_AT_MOST, false }, { "%3E=", REG_AT_LEAST, false }, { "%3C", REG_BELOW, false }, { "%3E", REG_ABOVE, false },
        { "%3c=", REG_AT_MOST, false }, { "%3e=", REG_AT_LEAST, false }, { "%3c", REG_BELOW, false }, { "%3e", REG_ABOVE, false },
};
#define OPERATORS "=, !=, <, <=, >, >=, ~, !~"

static void condition_done(struct reg_condition *condition)
{
        for (size_t i = 0; i < condition->n; i++) {
                free(condition->v[i].text);
                free(condition->v[i].rank);
        }
        free(condition->v);
        free(condition->attribute);
        free(condition->text);
        reg_pattern_done(&condition->pattern);
        *condition = (struct reg_condition){ 0 };
}

static void drop_order(struct reg_filter *filter)
{
        for (size_t i = 0; i < filter->n_order; i++)
                free(filter->order[i].attribute);
        free(bk_take(filter->order));
        filter->n_order = 0;
}

void reg_filter_done(struct reg_filter *filter)
{
        for (size_t i = 0; i < filter->n; i++)
                condition_done(&filter->v[i]);
        drop_order(filter);
        free(filter->v);
        free(filter->name);
        free(filter->descends);
        bk_strv_done(&filter->after);
        bk_strv_done(&filter->fields);
        bk_strv_done(&filter->said);
        *filter = (struct reg_filter){ 0 };
}

static int hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int reg_decode(const char *raw, size_t length, char **ret, struct bk_error *err)
{
        autofree char *text = bk_alloc(length + 1);
        char *end = text;

        for (size_t i = 0; i < length; i++) {
                int high, low;

                if (raw[i] != '%') {
                        *end++ = raw[i];
                        continue;
                }
                high = i + 1 < length ? hex(raw[i + 1]) : -1;
                low = i + 2 < length ? hex(raw[i + 2]) : -1;
                if (high < 0 || low < 0)
                        return bk_fail(err, BK_INVALID, "'%%' in '%.*s' is not followed by two hex digits; write %%25",
                                       SHOWN(length), raw);
                if (high == 0 && low == 0)
                        return bk_fail(err, BK_INVALID, "'%%00' is in no name and no value");
                *end++ = (char)(high * 16 + low);
                i += 2;
        }
        if (!reg_text_valid(text))
                return bk_fail(err, BK_INVALID, "'%.*s' is not one line of UTF-8", SHOWN(length), raw);
        *ret = bk_take(text);
        return 0;
}

/* --- states ----------------------------------------------------------------- */
/* Asked for, tested means "at least tested"; excluded, a state is just itself. */
static int parse_states(struct reg_filter *filter, const struct reg_condition *condition, struct bk_error *err)
{
        unsigned mask = 0;

        if (condition->test != REG_ANY_OF || condition->prefixes)
                return bk_fail(err, BK_INVALID, "state takes '=' and '!=' and names of states");
        for (size_t i = 0; i < condition->n; i++) {
                enum reg_state state = REG_BAKED;

                if (reg_state_parse(condition->v[i].text, &state, err) < 0)
                        return -1;
                mask |= REG_STATE_BIT(state);
                if (!condition->exclude && state < REG_PROMOTED)
                        mask |= REG_STATES_OFFERED & ~(REG_STATE_BIT(state) - 1);
        }
        filter->states_asked |= !condition->exclude;
        filter->states &= condition->exclude ? ~mask : mask;
        return 0;
}

/* --- values ------------------------------------------------------------------- */
/* A size may have a unit: 10G is 10 GiB. */
static int parse_number(const char *text, int64_t *ret, struct bk_error *err)
{
        static const char *const units[] = { "", "K", "M", "G", "T" };
        const size_t digits = strspn(text, "0123456789");
        int64_t number = digits > 0 && digits < 16 ? strtoll(text, NULL, 10) : -1;

        for (size_t i = 0; number >= 0 && i < sizeof units / sizeof *units; i++, number = number < INT64_MAX / 1024 ? number * 1024 : -1) {
                const char *rest = text + digits + strlen(units[i]);

                if (strncmp(text + digits, units[i], strlen(units[i])) == 0 && (*rest == '\0' || (i > 0 && bk_streq(rest, "iB")))) {
                        *ret = number;
                        return 0;
                }
        }
        return bk_fail(err, BK_INVALID, "'%.100s' is no number; write digits, and K, M, G or T behind them for binary units", text);
}

static int parse_operand(const struct reg_condition *condition, struct reg_operand *operand, struct bk_error *err)
{
        const enum reg_key_kind kind = condition->key == NULL ? REG_KEY_TEXT : condition->key->kind;

        if (kind == REG_KEY_NUMBER) {
                if (parse_number(operand->text, &operand->low, err) < 0)
                        return -1;
                operand->high = operand->low + 1;
        } else if (kind == REG_KEY_TIME || kind == REG_KEY_LAUNCHED) {
                return reg_time_parse(operand->text, &operand->low, &operand->high, err);
        } else if (kind == REG_KEY_IN_USE) {
                operand->low = bk_streq(operand->text, "1") || bk_streq(operand->text, "true");
                if (operand->low == 0 && !bk_streq(operand->text, "0") && !bk_streq(operand->text, "false"))
                        return bk_fail(err, BK_INVALID, "in_use is true, false, 1 or 0, not '%.100s'", operand->text);
        } else if (condition->key == NULL && condition->test > REG_MATCHES) {
                operand->rank = reg_rank(operand->text);
        }
        return 0;
}

static int parse_values(struct reg_condition *condition, const char *raw, size_t length, struct bk_error *err)
{
        for (size_t start = 0; start <= length;) {
                const char *comma = memchr(raw + start, ',', length - start);
                const size_t end = comma == NULL ? length : (size_t)(comma - raw);
                const bool prefix = condition->test == REG_ANY_OF && end > start && raw[end - 1] == '*';
                struct reg_operand operand = { .prefix = prefix };

                if (condition->n == VALUES_MOST)
                        return bk_fail(err, BK_INVALID, "a condition has at most %d values", VALUES_MOST);
                if (reg_decode(raw + start, end - start - prefix, &operand.text, err) < 0)
                        return -1;
                condition->prefixes |= prefix;
                if ((condition->n & (condition->n + 1)) == 0)
                        condition->v = bk_grow(condition->v, 2 * (condition->n + 1), sizeof *condition->v);
                condition->v[condition->n++] = operand;
                if (parse_operand(condition, &condition->v[condition->n - 1], err) < 0)
                        return -1;
                start = end + 1;
        }
        if (condition->n > RANGES_MOST && (condition->prefixes || condition->v[0].high > 0))
                return bk_fail(err, BK_INVALID, "a condition has at most %d values that are prefixes, numbers or times", RANGES_MOST);
        return 0;
}

static int parse_pattern(struct reg_condition *condition, const char *raw, size_t length, struct bk_error *err)
{
        autofree char *text = NULL;

        if (length > 0 && *raw == '=')
                return bk_fail(err, BK_INVALID, "a pattern stands right behind '~'; one that begins with '=' writes %%3D, and '~' in a key %%7E");
        if (reg_decode(raw, length, &text, err) < 0)
                return -1;
        condition->test = REG_MATCHES;
        return reg_pattern_new(text, &condition->pattern, err);
}

/* --- conditions ------------------------------------------------------------- */
static int parse_key(const char *raw, size_t length, char **ret, struct bk_error *err)
{
        if (length == 0)
                return bk_fail(err, BK_INVALID, "a condition has no key; write key=value");
        for (size_t i = 0; i < length; i++)
                if (strchr("<>~^*!", raw[i]) != NULL)
                        return bk_fail(err, BK_INVALID, "'%c' in '%.*s' is no operator (there are " OPERATORS "); a key that has it writes %%%02X",
                                       raw[i], SHOWN(length), raw, (unsigned)raw[i]);
        return reg_decode(raw, length, ret, err);
}

/* Which tests make sense of what. */
static int check_test(const struct reg_condition *condition, struct bk_error *err)
{
        const struct reg_key *key = condition->key;

        if (key == NULL)
                return condition->test > REG_MATCHES && condition->n != 1 ?
                       bk_fail(err, BK_INVALID, "'%.100s' is compared with one value", condition->attribute) : 0;
        if (key->kind == REG_KEY_IN_USE)
                return condition->test == REG_PRESENT || (condition->test == REG_ANY_OF && condition->n == 1 && !condition->prefixes) ? 0 :
                       bk_fail(err, BK_INVALID, "in_use takes = and != and one value: in_use=true");
        if (key->kind == REG_KEY_NUMBER || key->kind == REG_KEY_TIME || key->kind == REG_KEY_LAUNCHED) {
                if (condition->test == REG_MATCHES || condition->prefixes)
                        return bk_fail(err, BK_INVALID, "%s is no text: it takes =, !=, <, <=, > and >=", key->name);
                return condition->test > REG_MATCHES && condition->n != 1 ?
                       bk_fail(err, BK_INVALID, "%s is compared with one value", key->name) : 0;
        }
        if (condition->test > REG_MATCHES)
                return bk_fail(err, BK_INVALID, "%s is not compared by size: it takes =, !=, ~ and !~", key->name);
        if (condition->test == REG_MATCHES && (key->kind == REG_KEY_CHANNEL || key->kind == REG_KEY_PACKAGE))
                return bk_fail(err, BK_INVALID, "%s takes = and !=", key->name);
        if (key->kind == REG_KEY_PACKAGE && (condition->test == REG_PRESENT || condition->prefixes))
                return bk_fail(err, BK_INVALID, "package takes a name, and a version to compare with: package=openssl<3.0.15-1");
        return 0;
}

static int add_condition(struct reg_filter *filter, struct reg_condition *condition, struct bk_error *err)
{
        if (condition->key != NULL && condition->key->kind == REG_KEY_STATE)
                return parse_states(filter, condition, err);
        if (check_test(condition, err) < 0)
                return -1;
        if (filter->n == CONDITIONS_MOST)
                return bk_fail(err, BK_INVALID, "a query has at most %d conditions", CONDITIONS_MOST);
        filter->n_values += condition->n;
        if (filter->n_values > VALUES_OF_ALL)
                return bk_fail(err, BK_INVALID, "a query has at most %d values", VALUES_OF_ALL);
        filter->v = bk_grow(filter->v, filter->n + 1, sizeof *filter->v);
        filter->v[filter->n++] = *condition;
        *condition = (struct reg_condition){ 0 };
        return 0;
}

static int add_option(struct reg_filter *filter, const struct reg_condition *condition, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv values = { 0 };

        if (condition->exclude || (condition->test != REG_ANY_OF && condition->test != REG_PRESENT))
                return bk_fail(err, BK_INVALID, "option %.100s takes '='", condition->attribute);
        for (size_t i = 0; i < condition->n; i++)
                bk_strv_addf(&values, "%s%s", condition->v[i].text, condition->v[i].prefix ? "*" : "");
        if (condition->test == REG_PRESENT)
                bk_strv_add(&values, "1");
        return reg_filter_option(filter, condition->attribute, &values, err);
}

/* The first operator of a condition; NULL when it is a bare key. */
static const char *find_operator(const char *raw, size_t length, const struct operator **ret)
{
        for (size_t i = 0; i < length; i++)
                for (size_t o = 0; o < sizeof operators / sizeof *operators; o++) {
                        const size_t n = strlen(operators[o].text);

                        if (n <= length - i && strncmp(raw + i, operators[o].text, n) == 0) {
                                *ret = &operators[o];
                                return raw + i;
                        }
                }
        return NULL;
}

/* What only concerns pages and columns is no reason for anything. */
static void say(struct reg_filter *filter, const struct reg_condition *condition)
{
        static const char *const unsaid[] = { "_limit", "_after", "_fields" };

        for (size_t i = 0; i < sizeof unsaid / sizeof *unsaid; i++)
                if (bk_streq(condition->attribute, unsaid[i]))
                        return;
        bk_strv_add(&filter->said, condition->text);
}

char *reg_filter_said(const struct reg_filter *filter)
{
        struct bk_buf text = { 0 };
        autofree char *named = bk_format("name=%s", filter->name == NULL ? "" : filter->name);
        bool first = true;

        bk_buf_puts(&text, filter->name == NULL ? "" : filter->name);
        for (size_t i = 0; i < filter->said.n; i++) {
                if (bk_streq(filter->said.v[i], named))
                        continue;
                bk_buf_printf(&text, "%s%s", first ? "?" : "&", filter->said.v[i]);
                first = false;
        }
        if (text.len > 200) {
                for (text.len = 200; text.len > 0 && ((unsigned char)text.data[text.len] & 0xc0) == 0x80; text.len--)
                        ;
                text.data[text.len] = '\0';
        }
        return bk_buf_finish(&text);
}

static int parse_condition(struct reg_filter *filter, const char *raw, size_t length, struct bk_error *err)
{
        BK_CLEANUP(condition_done) struct reg_condition condition = { .test = REG_PRESENT };
        const struct operator *operator = NULL;
        const char *at = length == 0 ? NULL : find_operator(raw, length, &operator), *value;
        const size_t negated = at == NULL && length > 0 && *raw == '!';

        if (length == 0)
                return bk_fail(err, BK_INVALID, "a condition is empty; write key=value");
        if (parse_key(raw + negated, (at == NULL ? length : (size_t)(at - raw)) - negated, &condition.attribute, err) < 0)
                return -1;
        if (reg_decode(raw, length, &condition.text, err) < 0)
                return -1;
        condition.exclude = operator != NULL ? operator->exclude : negated;
        condition.key = reg_key_find(condition.attribute);
        if (at != NULL && operator != NULL) {
                value = at + strlen(operator->text);
                length -= (size_t)(value - raw);
                condition.test = operator->test;
                if (condition.test == REG_ANY_OF && length >= 2 && *value == '~' && value[length - 1] == '~') {
                        value++;
                        length -= 2;
                        condition.test = REG_MATCHES;
                }
                if (*condition.attribute == '_')
                        condition.key = NULL;
                if ((condition.test == REG_MATCHES ? parse_pattern(&condition, value, length, err) :
                                                     parse_values(&condition, value, length, err)) < 0)
                        return -1;
        }
        say(filter, &condition);
        return *condition.attribute == '_' ? add_option(filter, &condition, err) : add_condition(filter, &condition, err);
}

/* --- all of it ------------------------------------------------------------------ */
int reg_filter_project(struct reg_filter *filter, const char *fields, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv list = { 0 };

        for (const char *p = fields;; p++) {
                const size_t length = strcspn(p, ",");

                bk_strv_take(&list, bk_strndup(p, length));
                p += length;
                if (*p == '\0')
                        break;
        }
        return reg_filter_option(filter, "_fields", &list, err);
}

static int parse_projection(struct reg_filter *filter, const char *raw, struct bk_error *err)
{
        const size_t length = strlen(raw);
        autofree char *fields = NULL;

        if (raw[length - 1] != ')')
                return bk_fail(err, BK_INVALID, "the projection ':(' has no ')' at its end; elsewhere ':' is written %%3A");
        if (reg_decode(raw + 2, length - 3, &fields, err) < 0)
                return -1;
        return reg_filter_project(filter, fields, err);
}

/* What is asked about the past concerns images that are withdrawn by now; what has changed may have been a withdrawal. */
static void default_states(struct reg_filter *filter)
{
        const unsigned alive = REG_STATES_OFFERED | REG_STATE_BIT(REG_DEPRECATED);

        filter->states_said = filter->states;
        filter->hidden |= filter->changed.given;
        if (!filter->states_asked)
                filter->states &= filter->changed.given ? REG_STATES_ALL : filter->alive.given ? alive : REG_STATES_OFFERED;
}

static bool has_present(const struct reg_filter *filter)
{
        for (size_t i = 0; i < filter->n; i++)
                if (filter->v[i].key != NULL && filter->v[i].key->kind >= REG_KEY_IN_USE)
                        return true;
        return false;
}

static int check_combination(const struct reg_filter *filter, struct bk_error *err)
{
        if (filter->at.given + filter->alive.given + filter->changed.given > 1)
                return bk_fail(err, BK_INVALID, "_at, _changed, and _since with _until exclude each other");
        if ((filter->at.given || filter->alive.given) && (filter->n_order > 0 || filter->descends != NULL))
                return bk_fail(err, BK_INVALID, "_sort and _descends are of the present: _at, _since and _until list the newest first");
        if ((filter->at.given || filter->alive.given) && has_present(filter))
                return bk_fail(err, BK_INVALID, "in_use and last_launched are of the present, and go with no _at, _since and _until");
        if (filter->after.n > 0 && filter->after.n != filter->n_order + 1)
                return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is, with the same _sort");
        return 0;
}

static int parse(const char *query, struct reg_filter *filter, struct bk_error *err)
{
        const char *projection = strstr(query, ":("), *p;
        const size_t name_length = strcspn(query, projection != NULL ? "?;:" : "?;");
        const char *end = projection != NULL ? projection : query + strlen(query);

        if (strlen(query) > QUERY_MOST)
                return bk_fail(err, BK_INVALID, "it is longer than %d bytes", QUERY_MOST);
        if (!reg_text_valid(query))
                return bk_fail(err, BK_INVALID, "it is not one line of UTF-8; write %%XX for other bytes");
        if (name_length > 0 && (reg_decode(query, name_length, &filter->name, err) < 0 ||
                                reg_name_check("image name", filter->name, err) < 0))
                return -1;
        p = query + name_length;
        if (p < end && p + 1 == end)
                p++;                            /* "base?" is "base" */
        while (p < end) {
                size_t length = strcspn(++p, "&;");

                if (length > (size_t)(end - p))
                        length = (size_t)(end - p);
                if (parse_condition(filter, p, length, err) < 0)
                        return -1;
                p += length;
        }
        if (projection != NULL && parse_projection(filter, projection, err) < 0)
                return -1;
        default_states(filter);
        if (filter->first)                      /* the newest is the newest in any order */
                drop_order(filter);
        return check_combination(filter, err);
}

int reg_query_limit(const char *query, int64_t *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0)
                return -1;
        *ret = filter.limit;
        return 0;
}

int reg_filter_parse(const char *query, struct reg_filter *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { .states = REG_STATES_ALL, .limit = -1 };

        if (parse(query, &filter, err) < 0) {
                /* Only what is known to be printable is repeated. */
                if (strlen(query) <= 200 && reg_text_valid(query))
                        return bk_wrap(err, "query '%s'", query);
                return bk_wrap(err, "the query");
        }
        *ret = filter;
        filter = (struct reg_filter){ 0 };
        return 0;
}
