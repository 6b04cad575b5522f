/* The block janitor {}: what holds for all rules. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

const char *const janitor_settings_words[] = {
        "most_images", "most_percent", "most_bytes", "usage_fresh", "usage_shrink", "usage_sources", "restore", "business_days", "holidays",
        "mail_from", "mail_domain", "base_url", NULL,
};

void janitor_settings_begin(struct janitor_settings *ret)
{
        *ret = (struct janitor_settings){
                .caps = { .count = 100, .bytes = -1, .percent = 25 },
                .usage_fresh = 3600,
                .usage_shrink = 50,
                .restore = INT64_C(7) * 86400,
                .business_days = 0x1f,
        };
}

void janitor_settings_done(struct janitor_settings *settings)
{
        bk_strv_done(&settings->usage_sources);
        bk_strv_done(&settings->holidays);
        free(settings->mail_from);
        free(settings->mail_domain);
        free(settings->base);
        *settings = (struct janitor_settings){ 0 };
}

/* --- caps ------------------------------------------------------------------------------------ */
static bool is_none(const struct bk_doc *value)
{
        return value->kind == BK_DOC_STRING && bk_streq(value->text, "none");
}

static int read_caps(const struct bk_doc *arguments, struct janitor_caps *ret, struct bk_error *err)
{
        const struct bk_doc *const count = bk_doc_get(arguments, "most_images"), *const percent = bk_doc_get(arguments, "most_percent"),
                            *const bytes = bk_doc_get(arguments, "most_bytes");

        if (count != NULL && is_none(count))
                ret->count = -1;
        else if (count != NULL && janitor_read_count(count, 1, INT64_C(1000000000), &ret->count, err) < 0)
                return bk_wrap(err, "most_images (or \"none\")");
        if (percent != NULL && is_none(percent))
                ret->percent = -1;
        else if (percent != NULL && janitor_read_percent(percent, &ret->percent, err) < 0)
                return bk_wrap(err, "most_percent (or \"none\")");
        if (bytes != NULL && !is_none(bytes) && janitor_read_bytes(bytes, NULL, &ret->bytes, err) < 0)
                return bk_wrap(err, "most_bytes (or \"none\")");
        return 0;
}

/* --- days -------------------------------------------------------------------------------------- */
static int read_business_days(const struct bk_doc *value, unsigned *ret, struct bk_error *err)
{
        static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
        autostrv struct bk_strv words = { 0 };
        unsigned mask = 0;

        if (janitor_read_words(value, &words, err) < 0)
                return -1;
        for (size_t i = 0; i < words.n; i++) {
                unsigned day = 0;

                if (janitor_read_choice(value->kind == BK_DOC_ARRAY ? value->items[i] : value, days, 7, &day, err) < 0)
                        return -1;
                mask |= 1U << day;
        }
        *ret = mask;
        return 0;
}

static bool digits(const char *text, size_t n, unsigned *ret)
{
        *ret = 0;
        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                *ret = *ret * 10 + (unsigned)(text[i] - '0');
        }
        return true;
}

/* "2026-12-25", or "12-25" of every year. */
static bool is_day(const char *text)
{
        static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        const size_t length = strlen(text);
        unsigned year = 0, month = 0, day = 0;
        bool leap;

        if ((length != 10 && length != 5) || (length == 10 && (!digits(text, 4, &year) || text[4] != '-')))
                return false;
        text += length - 5;
        if (!digits(text, 2, &month) || text[2] != '-' || !digits(text + 3, 2, &day))
                return false;
        leap = length == 5 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        return month >= 1 && month <= 12 && day >= 1 && day <= lengths[month - 1] && (month != 2 || day < 29 || leap);
}

static int read_holidays(const struct bk_doc *value, struct bk_strv *ret, struct bk_error *err)
{
        if (janitor_read_words(value, ret, err) < 0)
                return -1;
        for (size_t i = 0; i < ret->n; i++)
                if (!is_day(ret->v[i]))
                        return bk_doc_fail(err, value->kind == BK_DOC_ARRAY ? value->items[i] : value,
                                           "'%.40s' is no day; write \"2026-12-25\", or \"12-25\" for every year", ret->v[i]);
        return 0;
}

/* --- people ---------------------------------------------------------------------------------------- */
static bool is_domain(const char *text)
{
        return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(text) && *text != '-' && *text != '.';
}

static bool is_base(const char *text)
{
        return (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) && strchr(text, ' ') == NULL;
}

static int read_people(const struct bk_doc *arguments, struct janitor_settings *ret, struct bk_error *err)
{
        const struct { const char *key; char **into; bool (*fits)(const char *text); const char *wanted; } texts[] = {
                { "mail_from", &ret->mail_from, janitor_is_address, "a mail address: NAME@DOMAIN" },
                { "mail_domain", &ret->mail_domain, is_domain, "a domain: example.org" },
                { "base_url", &ret->base, is_base, "the URL of bakery serve: https://HOST" },
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                const struct bk_doc *value = bk_doc_get(arguments, texts[i].key);
                const char *text = NULL;

                if (value == NULL)
                        continue;
                if (janitor_read_text(value, &text, err) < 0)
                        return bk_wrap(err, "%s", texts[i].key);
                if (!texts[i].fits(text))
                        return bk_doc_fail(err, value, "%s: expected %s, found '%.100s'", texts[i].key, texts[i].wanted, text);
                *texts[i].into = bk_strdup(text);
        }
        return 0;
}

int janitor_read_settings(const struct bk_hcl_body *body, struct janitor_settings *ret, struct bk_error *err)
{
        const struct bk_doc *const arguments = body->arguments, *value;

        if (read_caps(arguments, &ret->caps, err) < 0 || read_people(arguments, ret, err) < 0)
                return -1;
        if ((value = bk_doc_get(arguments, "usage_fresh")) != NULL && janitor_read_age(value, &ret->usage_fresh, err) < 0)
                return bk_wrap(err, "usage_fresh");
        if ((value = bk_doc_get(arguments, "usage_shrink")) != NULL && janitor_read_percent(value, &ret->usage_shrink, err) < 0)
                return bk_wrap(err, "usage_shrink");
        if ((value = bk_doc_get(arguments, "usage_sources")) != NULL && janitor_read_words(value, &ret->usage_sources, err) < 0)
                return bk_wrap(err, "usage_sources");
        if ((value = bk_doc_get(arguments, "restore")) != NULL && janitor_read_age(value, &ret->restore, err) < 0)
                return bk_wrap(err, "restore");
        if ((value = bk_doc_get(arguments, "business_days")) != NULL && read_business_days(value, &ret->business_days, err) < 0)
                return bk_wrap(err, "business_days");
        if ((value = bk_doc_get(arguments, "holidays")) != NULL && read_holidays(value, &ret->holidays, err) < 0)
                return bk_wrap(err, "holidays");
        return 0;
}
