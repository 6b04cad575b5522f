/* The values that rules have: lengths of time, sizes, words, queries, who is told. What could be meant in two ways is refused, because
 * one of them might delete. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

#define AGE_MOST (YEARS_MOST * INT64_C(365) * 86400)
enum { YEARS_MOST = 100, BUSINESS_DAYS_MOST = 1000, ITEMS_MOST = 1000 };

/* --- words -------------------------------------------------------------------------- */
int janitor_read_text(const struct bk_doc *value, const char **ret, struct bk_error *err)
{
        if (value->kind != BK_DOC_STRING)
                return bk_doc_fail(err, value, "expected text in double quotes, found %s", bk_doc_kind_name(value->kind));
        if (value->text_len == 0)
                return bk_doc_fail(err, value, "expected text, found an empty one; leave it out, or say something");
        for (size_t i = 0; i < value->text_len; i++)
                if ((unsigned char)value->text[i] < 0x20 || value->text[i] == 0x7f)
                        return bk_doc_fail(err, value, "expected one line of text, without control characters");
        *ret = value->text;
        return 0;
}

int janitor_read_words(const struct bk_doc *value, struct bk_strv *ret, struct bk_error *err)
{
        const struct bk_doc *const *items = value->kind == BK_DOC_ARRAY ? (const struct bk_doc *const *)value->items : &value;
        const size_t n = value->kind == BK_DOC_ARRAY ? value->n : 1;
        autostrv struct bk_strv words = { 0 };

        if (n == 0)
                return bk_doc_fail(err, value, "the list is empty; leave it out, or name something");
        if (n > ITEMS_MOST)
                return bk_doc_fail(err, value, "a list has at most %d items", ITEMS_MOST);
        for (size_t i = 0; i < n; i++) {
                const char *word = "";

                if (janitor_read_text(items[i], &word, err) < 0)
                        return -1;
                if (bk_strv_has(&words, word))
                        return bk_doc_fail(err, items[i], "\"%.100s\" is in the list twice; remove one", word);
                bk_strv_add(&words, word);
        }
        *ret = words;
        words = (struct bk_strv){ 0 };
        return 0;
}

int janitor_read_choice(const struct bk_doc *value, const char *const words[], size_t n, unsigned *ret, struct bk_error *err)
{
        autofree char *known = NULL;
        struct bk_buf list = { 0 };
        const char *word = "", *nearest;

        if (janitor_read_text(value, &word, err) < 0)
                return -1;
        for (unsigned i = 0; i < n; i++)
                if (strcmp(word, words[i]) == 0) {
                        *ret = i;
                        return 0;
                }
        nearest = bk_nearest(word, words, n);
        if (nearest != NULL)
                return bk_doc_fail(err, value, "there is no \"%.60s\" here; did you mean \"%s\"?", word, nearest);
        for (size_t i = 0; i < n; i++)
                bk_buf_printf(&list, "%s\"%s\"", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
        known = bk_buf_finish(&list);
        return bk_doc_fail(err, value, "there is no \"%.60s\" here; write %s", word, known);
}

int janitor_read_flag(const struct bk_doc *value, int64_t *ret, struct bk_error *err)
{
        if (value->kind != BK_DOC_BOOL)
                return bk_doc_fail(err, value, "expected true or false, without quotes, found %s", bk_doc_kind_name(value->kind));
        *ret = value->truth;
        return 0;
}

/* --- numbers --------------------------------------------------------------------------- */
int janitor_read_count(const struct bk_doc *value, int64_t least, int64_t most, int64_t *ret, struct bk_error *err)
{
        const size_t digits = value->kind == BK_DOC_NUMBER ? strspn(value->text, "0123456789") : 0;
        int64_t number;

        if (digits == 0 || digits > 15 || value->text[digits] != '\0')
                return bk_doc_fail(err, value, "expected a whole number from %lld to %lld, without quotes", (long long)least, (long long)most);
        number = strtoll(value->text, NULL, 10);
        if (number < least || number > most)
                return bk_doc_fail(err, value, "expected a whole number from %lld to %lld, found %s", (long long)least, (long long)most, value->text);
        *ret = number;
        return 0;
}

/* Not strtod(), whose point depends on the language. */
int janitor_read_percent(const struct bk_doc *value, double *ret, struct bk_error *err)
{
        const size_t whole = value->kind == BK_DOC_NUMBER ? strspn(value->text, "0123456789") : 0;
        const char *rest = value->text;
        double number, place = 1;

        if (whole == 0 || whole > 3)
                return bk_doc_fail(err, value, "expected a part in percent, a number from 0 to 100 without quotes");
        number = (double)strtol(value->text, NULL, 10);
        rest += whole;
        if (*rest == '.')
                for (rest++; *rest >= '0' && *rest <= '9'; rest++)
                        number += (*rest - '0') * (place /= 10);
        if (*rest != '\0' || number > 100)
                return bk_doc_fail(err, value, "expected a part in percent, a number from 0 to 100, found %.40s", value->text);
        *ret = number;
        return 0;
}

/* --- time ------------------------------------------------------------------------------- */
static const struct { const char *unit; int64_t seconds; } units[] = {
        { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 7 * 86400 }, { "y", 365 * 86400 },
};

static int fail_time(const struct bk_doc *value, const char *unit, struct bk_error *err)
{
        const int digits = (int)(unit - value->text);

        if (*unit == '\0')
                return bk_doc_fail(err, value, "'%.40s' of what? Write a unit behind it: s, min, h, d, w or y", value->text);
        if (strcmp(unit, "m") == 0)
                return bk_doc_fail(err, value, "'%.40s' may be minutes or months; write %.*smin, or days: '30d'", value->text, digits, value->text);
        if (strncmp(unit, "mo", 2) == 0)
                return bk_doc_fail(err, value, "months are not equally long; write days: '30d'");
        if (strcmp(unit, "bd") == 0)
                return bk_doc_fail(err, value, "business days are for a grace only; write days: '%.*sd'", digits, value->text);
        return bk_doc_fail(err, value, "'%.40s' is no length of time; write one number and one unit - s, min, h, d, w (7d) or y (365d) -, "
                           "as in '45d'", value->text);
}

/* The number that a length of time begins with; its unit follows. */
static int read_amount(const struct bk_doc *value, const char **ret_unit, int64_t *ret, struct bk_error *err)
{
        const char *text = "";
        size_t digits;

        if (value->kind == BK_DOC_NUMBER)
                return bk_doc_fail(err, value, "%.40s of what? Write it with a unit, in double quotes: \"%.40sd\"", value->text, value->text);
        if (janitor_read_text(value, &text, err) < 0)
                return -1;
        if (strchr("<>=", *text) != NULL)
                return bk_doc_fail(err, value, "an age takes no '%c': it means so long, or longer; the opposite is 'not { ... }'", *text);
        digits = strspn(text, "0123456789");
        if (digits == 0)
                return fail_time(value, "?", err);
        if (digits > 12)
                return bk_doc_fail(err, value, "'%.40s' is too long a time; %d years are the most", text, YEARS_MOST);
        *ret = strtoll(text, NULL, 10);
        *ret_unit = text + digits;
        return 0;
}

/* The seconds of a unit; 0: there is no such unit. */
static int64_t unit_of(const char *text)
{
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strcmp(text, units[i].unit) == 0)
                        return units[i].seconds;
        return 0;
}

int janitor_read_age(const struct bk_doc *value, int64_t *ret, struct bk_error *err)
{
        const char *unit = "";
        int64_t amount = 0, seconds;

        if (read_amount(value, &unit, &amount, err) < 0)
                return -1;
        seconds = unit_of(unit);
        if (seconds == 0)
                return fail_time(value, unit, err);
        if (amount > AGE_MOST / seconds)
                return bk_doc_fail(err, value, "'%.40s' is too long a time; %d years are the most", value->text, YEARS_MOST);
        *ret = amount * seconds;
        return 0;
}

bool janitor_age_of(const char *text, int64_t *ret)
{
        const size_t digits = strspn(text, "0123456789");
        const int64_t seconds = unit_of(text + digits), amount = digits > 0 && digits <= 12 ? strtoll(text, NULL, 10) : -1;

        if (seconds == 0 || amount < 0 || amount > AGE_MOST / seconds)
                return false;
        *ret = amount * seconds;
        return true;
}

int janitor_read_grace(const struct bk_doc *value, struct janitor_grace *ret, struct bk_error *err)
{
        const char *unit = "";
        int64_t amount = 0;

        if (read_amount(value, &unit, &amount, err) < 0)
                return -1;
        if (strcmp(unit, "bd") != 0) {
                ret->business_days = 0;
                return janitor_read_age(value, &ret->seconds, err);
        }
        if (amount > BUSINESS_DAYS_MOST)
                return bk_doc_fail(err, value, "a grace has at most %d business days", BUSINESS_DAYS_MOST);
        *ret = (struct janitor_grace){ .business_days = (unsigned)amount };
        return 0;
}

/* --- sizes ---------------------------------------------------------------------------------- */
static const char *read_bound(const char *text, enum janitor_bound *ret)
{
        static const struct { const char *text; enum janitor_bound bound; } bounds[] = {
                { ">=", JANITOR_AT_LEAST }, { "<=", JANITOR_AT_MOST }, { ">", JANITOR_MORE }, { "<", JANITOR_LESS }, { "=", JANITOR_EXACTLY },
        };

        for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
                if (strncmp(text, bounds[i].text, strlen(bounds[i].text)) == 0) {
                        *ret = bounds[i].bound;
                        return text + strlen(bounds[i].text);
                }
        return NULL;
}

/* As queries have them: K, M, G and T are binary. */
static int read_size(const struct bk_doc *value, const char *text, int64_t *ret, struct bk_error *err)
{
        static const char scales[] = "KMGT";
        const size_t digits = strspn(text, "0123456789");
        const char *unit = text + digits, *scale = *unit != '\0' ? strchr(scales, *unit) : NULL;
        int64_t number;

        if (digits == 0 || digits > 15)
                return bk_doc_fail(err, value, "'%.40s' is no size; write digits, and K, M, G or T behind them for binary units: '10G'", value->text);
        number = strtoll(text, NULL, 10);
        if (scale != NULL && strcmp(unit + 1, "B") == 0)
                return bk_doc_fail(err, value, "'%.40s' may be decimal or binary; write '%ciB' for binary units", value->text, *scale);
        if (*unit != '\0' && (scale == NULL || (unit[1] != '\0' && strcmp(unit + 1, "iB") != 0)))
                return bk_doc_fail(err, value, "'%.40s' is no unit of sizes; write K, M, G or T: '10G'", unit);
        for (const char *s = scales; scale != NULL && s <= scale; s++) {
                if (number > INT64_MAX / 1024)
                        return bk_doc_fail(err, value, "'%.40s' is more than there can be", value->text);
                number *= 1024;
        }
        *ret = number;
        return 0;
}

int janitor_read_bytes(const struct bk_doc *value, enum janitor_bound *ret_bound, int64_t *ret, struct bk_error *err)
{
        const char *text = "", *number;

        if (value->kind == BK_DOC_NUMBER && ret_bound == NULL)
                return janitor_read_count(value, 1, INT64_C(999999999999999), ret, err);
        if (value->kind == BK_DOC_NUMBER)
                return bk_doc_fail(err, value, "a size is compared: write \">=%.40s\" or \"<=%.40s\", in double quotes", value->text, value->text);
        if (janitor_read_text(value, &text, err) < 0)
                return -1;
        number = text;
        if (ret_bound != NULL) {
                number = read_bound(text, ret_bound);
                if (number == NULL)
                        return bk_doc_fail(err, value, "a size is compared: write '>=%.40s' or '<=%.40s'", text, text);
        }
        return read_size(value, number, ret, err);
}

/* --- queries ----------------------------------------------------------------------------------- */
int janitor_read_match(const struct bk_doc *value, struct reg_match **ret, struct bk_error *err)
{
        const char *text = "";

        if (janitor_read_text(value, &text, err) < 0)
                return -1;
        if (reg_match_parse(text, ret, err) < 0)
                return bk_at(err, value->file, value->line, value->column);
        return 0;
}

/* The registry knows: of a bare key, a query looks at the attribute, if it is one. */
static bool is_attribute(const char *word)
{
        autofree char *query = bk_format("?%s", word);
        autostrv struct bk_strv keys = { 0 };
        struct reg_match *match = NULL;
        struct bk_error err = { 0 };

        if (reg_match_parse(query, &match, &err) < 0)
                return false;
        reg_match_keys(match, &keys);
        reg_match_done(match);
        return bk_strv_has(&keys, word);
}

int janitor_read_keys(const struct bk_doc *value, bool group, struct bk_strv *ret, struct bk_error *err)
{
        static const char *const columns[] = { "name", "type", "kind" };
        autostrv struct bk_strv words = { 0 };

        if (janitor_read_words(value, &words, err) < 0)
                return -1;
        for (size_t i = 0; i < words.n; i++) {
                const struct bk_doc *word = value->kind == BK_DOC_ARRAY ? value->items[i] : value;
                bool known = false;

                for (size_t k = 0; group && k < sizeof columns / sizeof *columns; k++)
                        known |= strcmp(words.v[i], columns[k]) == 0;
                if (!known && !is_attribute(words.v[i]))
                        return bk_doc_fail(err, word, "'%.60s' is no attribute; %s", words.v[i],
                                           group ? "groups are made by name, type, kind and attributes" : "only attributes are tags");
        }
        *ret = words;
        words = (struct bk_strv){ 0 };
        return 0;
}

/* --- who is told ------------------------------------------------------------------------------------ */
/* What a mail program takes for one address, and for nothing else. */
bool janitor_is_address(const char *text)
{
        const char *at = strchr(text, '@');

        for (const char *p = text; *p != '\0'; p++)
                if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("<>()[]\\,;:\"", *p) != NULL)
                        return false;
        return at != NULL && at != text && at[1] != '\0' && strchr(at + 1, '@') == NULL && *text != '-';
}

static bool is_url(const char *text)
{
        const bool http = strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;

        return http && strchr(text, ' ') == NULL && strstr(text, "://")[3] != '\0';
}

static int read_one_notify(const struct bk_doc *value, struct janitor_notify *ret, struct bk_error *err)
{
        const char *text = "";

        if (janitor_read_text(value, &text, err) < 0)
                return -1;
        if (strncmp(text, "mail:", 5) == 0) {
                if (strcmp(text + 5, "owner") != 0 && !janitor_is_address(text + 5))
                        return bk_doc_fail(err, value, "'%.100s' is no mail address; write mail:owner or mail:NAME@DOMAIN", text + 5);
                *ret = (struct janitor_notify){ JANITOR_MAIL, bk_strdup(text + 5) };
        } else if (strncmp(text, "webhook:", 8) == 0) {
                if (!is_url(text + 8))
                        return bk_doc_fail(err, value, "'%.100s' is no URL; write webhook:https://HOST/PATH", text + 8);
                *ret = (struct janitor_notify){ JANITOR_WEBHOOK, bk_strdup(text + 8) };
        } else if (strncmp(text, "command:", 8) == 0) {
                if (text[8] != '/')
                        return bk_doc_fail(err, value, "'%.100s' is no absolute path; write command:/PATH, of a program that is run without a shell",
                                           text + 8);
                *ret = (struct janitor_notify){ JANITOR_COMMAND, bk_strdup(text + 8) };
        } else {
                return bk_doc_fail(err, value, "'%.100s' tells nobody; write mail:owner, mail:ADDRESS, webhook:URL or command:/PATH", text);
        }
        return 0;
}

int janitor_read_notify(const struct bk_doc *value, struct janitor_rule *ret, struct bk_error *err)
{
        autostrv struct bk_strv words = { 0 };

        if (janitor_read_words(value, &words, err) < 0)
                return -1;
        ret->notify = bk_grow(NULL, words.n, sizeof *ret->notify);
        for (size_t i = 0; i < words.n; i++, ret->n_notify++)
                if (read_one_notify(value->kind == BK_DOC_ARRAY ? value->items[i] : value, &ret->notify[i], err) < 0)
                        return -1;
        return 0;
}

/* --- as it is written ---------------------------------------------------------------------------------- */
static void write_value(const struct bk_doc *value, struct bk_buf *into)
{
        switch (value->kind) {
        case BK_DOC_STRING:
                bk_buf_putc(into, '"');
                for (size_t i = 0; i < value->text_len; i++) {
                        if (value->text[i] == '"' || value->text[i] == '\\')
                                bk_buf_putc(into, '\\');
                        bk_buf_putc(into, value->text[i]);
                }
                bk_buf_putc(into, '"');
                break;
        case BK_DOC_NUMBER:
                bk_buf_puts(into, value->text);
                break;
        case BK_DOC_BOOL:
                bk_buf_puts(into, value->truth ? "true" : "false");
                break;
        case BK_DOC_ARRAY:
                bk_buf_putc(into, '[');
                for (size_t i = 0; i < value->n; i++) {
                        bk_buf_puts(into, i > 0 ? ", " : "");
                        write_value(value->items[i], into);
                }
                bk_buf_putc(into, ']');
                break;
        default:                        /* no predicate has such a value */
                bk_buf_puts(into, bk_doc_kind_name(value->kind));
        }
}

char *janitor_write_value(const struct bk_doc *value)
{
        struct bk_buf text = { 0 };

        write_value(value, &text);
        return bk_buf_finish(&text);
}
