/* Searching a screen by Oniguruma. For screens with unknown cells an expression is rewritten: whatever stands for one
 * character is put in (?:...|U+FFFD). */
#include "boot/match.h"

#include <oniguruma.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/utf8.h"

#define RETRIES_MOST 2000000UL
#define SEARCH_MOST_MS 500
#define PATTERN_MOST 65536
#define OR_UNKNOWN "|\\x{fffd})"

void boot_pattern_done(struct boot_pattern *pattern)
{
        free(pattern->text);
        if (pattern->exact != NULL)
                onig_free(pattern->exact);
        if (pattern->lenient != NULL)
                onig_free(pattern->lenient);
        *pattern = (struct boot_pattern){ 0 };
}

static int compile(const char *source, void **ret, struct bk_error *err)
{
        static bool ready;
        OnigErrorInfo info;
        regex_t *regex = NULL;
        int code;

        if (!ready) {
                OnigEncoding encodings[] = { ONIG_ENCODING_UTF8 };

                if (onig_initialize(encodings, 1) != ONIG_NORMAL)
                        return bk_fail(err, BK_INTERNAL, "Oniguruma does not start");
                ready = true;
        }
        code = onig_new(&regex, (const UChar *)source, (const UChar *)source + strlen(source), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                        ONIG_SYNTAX_RUBY, &info);
        if (code != ONIG_NORMAL) {
                UChar text[ONIG_MAX_ERROR_MESSAGE_LEN] = { 0 };

                (void)onig_error_code_to_str(text, code, &info);
                return bk_fail(err, BK_INVALID, "/%s/: %s", source, (const char *)text);
        }
        *ret = regex;
        return 0;
}

/* The end of a bracket expression that begins at p; they nest. */
static const char *class_end(const char *p)
{
        unsigned depth = 0;

        for (const char *from = p; *p != '\0'; p++) {
                if (*p == '\\' && p[1] != '\0') {
                        p++;
                } else if (*p == '[') {
                        depth++;
                        from = p;
                } else if (*p == ']' && p != from + 1 && !(p == from + 2 && p[-1] == '^')) {
                        if (--depth == 0)
                                return p + 1;
                }
        }
        return p;
}

/* The end of an escape at p, and whether it stands for one character. */
static const char *escape_end(const char *p, bool *one)
{
        const char c = p[1];
        const char *end = p + 2;

        *one = strchr("AzZGKRXyYkgbB", c) == NULL && !(c >= '1' && c <= '9');
        if (c == '\0')
                return p + 1;
        if (strchr("xpPu", c) != NULL && *end == '{') {
                end = strchr(end, '}');
                return end != NULL ? end + 1 : p + strlen(p);
        }
        if (strchr("kg", c) != NULL && *end == '<') {
                end = strchr(end, '>');
                return end != NULL ? end + 1 : p + strlen(p);
        }
        for (unsigned most = c == 'x' ? 2 : c == 'u' ? 4 : c == '0' ? 2 : c >= '1' && c <= '9' ? 2 : 0; most > 0; most--)
                if (*end != '\0' && strchr("0123456789abcdefABCDEF", *end) != NULL)
                        end++;
        if ((unsigned char)c >= 0x80) {
                const size_t length = bk_utf8_length(p + 1, p + strlen(p));

                end = p + 1 + (length > 0 ? length : 1);
        }
        return end;
}

/* The end of what opens a group: "(", "(?:", "(?<name>", "(?i-m:", or a whole "(?#comment)" or "(?i)". */
static const char *group_end(const char *p)
{
        const char *end = p + 1;

        if (*end != '?')
                return end;
        end++;
        if (*end == '#') {
                end = strchr(end, ')');
                return end != NULL ? end + 1 : p + strlen(p);
        }
        if (*end == '<' && end[1] != '=' && end[1] != '!') {
                end = strchr(end, '>');
                return end != NULL ? end + 1 : p + strlen(p);
        }
        if (*end == '<')
                return end + 2;
        while (*end != '\0' && strchr("imxWDSPaul-", *end) != NULL)
                end++;
        return *end != '\0' ? end + 1 : end;
}

/* {2,3} after an atom. */
static const char *braces_end(const char *p)
{
        const char *end = p + 1;

        while (*end != '\0' && strchr("0123456789,", *end) != NULL)
                end++;
        return *end == '}' && end > p + 1 ? end + 1 : NULL;
}

static char *lenient(const char *regex)
{
        struct bk_buf buf = { 0 };

        for (const char *p = regex, *end; *p != '\0'; p = end) {
                bool one = true;

                end = p + 1;
                if (*p == '\\')
                        end = escape_end(p, &one);
                else if (*p == '[')
                        end = class_end(p);
                else if (*p == '(')
                        end = group_end(p), one = false;
                else if (strchr(")|*+?^$", *p) != NULL)
                        one = false;
                else if (*p == '{' && braces_end(p) != NULL)
                        end = braces_end(p), one = false;
                else if ((unsigned char)*p >= 0x80)
                        end = p + bk_utf8_length(p, p + strlen(p));
                /* A word's edge may lie beside an unknown character, which may be part of a word or not. */
                const bool edge = p[0] == '\\' && (p[1] == 'b' || p[1] == 'B');

                if (one || edge)
                        bk_buf_puts(&buf, "(?:");
                bk_buf_add(&buf, p, (size_t)(end - p));
                if (one)
                        bk_buf_puts(&buf, OR_UNKNOWN);
                else if (edge)
                        bk_buf_puts(&buf, "|(?=\\x{fffd})|(?<=\\x{fffd}))");
        }
        return bk_buf_finish(&buf);
}

/* A text as a regular expression. */
static char *quoted(const char *text)
{
        struct bk_buf buf = { 0 };

        for (; *text != '\0'; text++) {
                if (strchr("\\[](){}|*+?^$.#/-", *text) != NULL)
                        bk_buf_putc(&buf, '\\');
                bk_buf_putc(&buf, *text);
        }
        return bk_buf_finish(&buf);
}

static int pattern(const char *text, const char *regex, struct boot_pattern *ret, struct bk_error *err)
{
        BK_CLEANUP(boot_pattern_done) struct boot_pattern made = { .text = bk_strdup(text) };
        autofree char *wide = NULL, *clean = bk_utf8_clean(regex);

        if (*text == '\0')
                return bk_fail(err, BK_INVALID, "the text to look for is empty");
        if (strlen(text) > PATTERN_MOST || strcmp(clean, regex) != 0)
                return bk_fail(err, BK_INVALID, "the text to look for is %s", strlen(text) > PATTERN_MOST ? "too long" : "not UTF-8");
        if (compile(regex, &made.exact, err) < 0)
                return -1;
        wide = lenient(regex);
        /* What cannot be rewritten ((?x) with comments) asks for cells that are all known. */
        (void)compile(wide, &made.lenient, NULL);
        *ret = made;
        made = (struct boot_pattern){ 0 };
        return 0;
}

int boot_pattern_text(const char *text, struct boot_pattern *ret, struct bk_error *err)
{
        autofree char *regex = quoted(text);

        return pattern(text, regex, ret, err);
}

int boot_pattern_regex(const char *regex, struct boot_pattern *ret, struct bk_error *err)
{
        return pattern(regex, regex, ret, err);
}

/* Two thirds of the characters that matched were read. Nothing at all is proof enough of nothing. */
static bool proven(const char *p, const char *end)
{
        size_t known = 0, unknown = 0;

        for (size_t length; p < end; p += length) {
                length = bk_utf8_length(p, end);
                if (length == 3 && memcmp(p, "\xef\xbf\xbd", 3) == 0)
                        unknown++;
                else
                        known += *p != ' ' && *p != '\n';
                if (length == 0)
                        break;
        }
        return unknown == 0 || known >= unknown * 2;
}

static int search(regex_t *regex, const char *text, size_t *ret, bool *found, struct bk_error *err)
{
        OnigMatchParam *const limits = onig_new_match_param();
        OnigRegion *const region = onig_region_new();
        const UChar *const from = (const UChar *)text, *const end = from + strlen(text);
        const UChar *at = from;
        const int64_t until = bk_now_ms() + SEARCH_MOST_MS;
        int place = ONIG_MISMATCH;

        (void)onig_initialize_match_param(limits);
        (void)onig_set_retry_limit_in_match_of_match_param(limits, RETRIES_MOST);
        (void)onig_set_retry_limit_in_search_of_match_param(limits, RETRIES_MOST);
        *found = false;
        while (!*found && at <= end) {
                if (bk_now_ms() > until) {
                        place = ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
                        break;
                }
                place = onig_search_with_param(regex, from, end, at, end, region, ONIG_OPTION_NONE, limits);
                if (place < 0)
                        break;
                *found = proven(text + region->beg[0], text + region->end[0]);
                at = from + place;
                at += at < end ? bk_utf8_length((const char *)at, (const char *)end) : 1;
        }
        onig_region_free(region, 1);
        onig_free_match_param(limits);
        if (place < 0 && place != ONIG_MISMATCH)
                return bk_fail(err, BK_TIMEOUT, "the search gave up: too many ways to match");
        *ret = place >= 0 ? (size_t)place : 0;
        return 0;
}

int boot_pattern_find(const struct boot_pattern *pattern, const struct boot_screen *screen, struct boot_place *ret, struct bk_error *err)
{
        regex_t *const regex = pattern->lenient != NULL && boot_screen_unknown(screen) > 0 ? pattern->lenient : pattern->exact;
        struct boot_place place = { 0 };

        for (enum boot_form form = BOOT_ROWS; !place.found && form <= BOOT_PADDED; form++) {
                autofree size_t *cell_of = NULL;
                autofree char *text = boot_screen_text(screen, form, &cell_of);
                size_t at;

                if (search(regex, text, &at, &place.found, err) < 0)
                        return bk_wrap(err, "/%s/", pattern->text);
                if (place.found && text[at] != '\0' && cell_of[at] != SIZE_MAX) {
                        place.column = (unsigned)(cell_of[at] % screen->columns);
                        place.row = (unsigned)(cell_of[at] / screen->columns);
                }
        }
        *ret = place;
        return 0;
}
