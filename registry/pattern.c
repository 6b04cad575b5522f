/* Patterns come from anybody, and a backtracking engine can be made to think for years. So a pattern is short, a match may go back
 * only so often, and what costs more is an error. Syntax is Oniguruma's for Ruby, as in spec files. */
#include "registry/registry_priv.h"

#include <oniguruma.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MOST 256
#define RETRIES_MOST 20000UL
#define REPEAT_MOST 200                 /* of "{n}": nested ones multiply */

struct reg_pattern {
        OnigRegex regex;
        OnigMatchParam *limits;
        char *text;
};

void reg_pattern_done(struct reg_pattern **pattern)
{
        if (*pattern == NULL)
                return;
        if ((*pattern)->regex != NULL)
                onig_free((*pattern)->regex);
        if ((*pattern)->limits != NULL)
                onig_free_match_param((*pattern)->limits);
        free((*pattern)->text);
        free(*pattern);
        *pattern = NULL;
}

/* Counted repetitions are unrolled when a pattern is compiled: their product is bounded before. */
static bool repeats_little(const char *text)
{
        unsigned long product = 1;

        for (const char *p = strchr(text, '{'); p != NULL; p = strchr(p + 1, '{')) {
                unsigned long most = 1;

                for (const char *q = p + 1; *q != '\0' && *q != '}'; q++) {
                        const size_t digits = strspn(q, "0123456789");

                        if (digits > 4)
                                return false;
                        if (digits > 0) {
                                const unsigned long n = strtoul(q, NULL, 10);

                                most = n > most ? n : most;
                                q += digits - 1;
                        }
                }
                product *= most;
                if (product > REPEAT_MOST)
                        return false;
        }
        return true;
}

static void prepare(void)
{
        OnigEncoding encodings[] = { ONIG_ENCODING_UTF8 };

        (void)onig_initialize(encodings, 1);
}

int reg_pattern_new(const char *text, struct reg_pattern **ret, struct bk_error *err)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        BK_CLEANUP(reg_pattern_done) struct reg_pattern *pattern = bk_alloc(sizeof *pattern);
        const UChar *start = (const UChar *)text;
        OnigErrorInfo info;
        int code;

        if (*text == '\0' || strlen(text) > PATTERN_MOST || !repeats_little(text))
                return bk_fail(err, BK_INVALID, "pattern '%.60s%s': a pattern has 1 to %d bytes, and its counts {n} multiply to at most %d",
                               text, strlen(text) > 60 ? "..." : "", PATTERN_MOST, REPEAT_MOST);
        (void)pthread_once(&once, prepare);
        code = onig_new(&pattern->regex, start, start + strlen(text), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
        if (code != ONIG_NORMAL) {
                UChar why[ONIG_MAX_ERROR_MESSAGE_LEN] = "";

                (void)onig_error_code_to_str(why, code, &info);
                return bk_fail(err, BK_INVALID, "pattern '%.260s': %s", text, (const char *)why);
        }
        pattern->limits = onig_new_match_param();
        (void)onig_initialize_match_param(pattern->limits);
        (void)onig_set_retry_limit_in_match_of_match_param(pattern->limits, RETRIES_MOST);
        (void)onig_set_retry_limit_in_search_of_match_param(pattern->limits, RETRIES_MOST);
        (void)onig_set_match_stack_limit_size_of_match_param(pattern->limits, RETRIES_MOST);
        pattern->text = bk_strdup(text);
        *ret = bk_take(pattern);
        return 0;
}

int reg_pattern_matches(const struct reg_pattern *pattern, const char *subject, struct bk_error *err)
{
        const UChar *start = (const UChar *)subject, *end = start + strlen(subject);
        const int at = onig_search_with_param(pattern->regex, start, end, start, end, NULL, ONIG_OPTION_NONE, pattern->limits);

        if (at >= 0)
                return 1;
        if (at == ONIG_MISMATCH)
                return 0;
        return bk_fail(err, BK_INVALID, "pattern '%s' costs too much on '%.60s'; make it simpler, or anchor it with \\A", pattern->text,
                       subject);
}
