/* Patterns as serverspec gives them to grep and to Ruby, for options->compat. By Oniguruma, whose library has a regcomp()
 * of its own that hides the C library's. */
#include "spec/spec_priv.h"

#include <oniguruma.h>
#include <string.h>

static bool in_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next match from a place on: where it begins, or -1, or below that when the search was given up (regexp.c sets that limit). */
static int search(regex_t *regex, const char *text, size_t from, OnigRegion *region)
{
        const OnigUChar *start = (const OnigUChar *)text, *end = start + strlen(text);

        return onig_search(regex, start, end, start + from, end, region, ONIG_OPTION_NONE);
}

int spec_grep(const char *text, const char *pattern, enum spec_grep how, bool *ret, struct bk_error *err)
{
        OnigEncoding encodings[] = { ONIG_ENCODING_ASCII };
        const OnigUChar *bytes = (const OnigUChar *)pattern;
        OnigRegion *region;
        regex_t *regex;
        int at = 0;

        if (onig_initialize(encodings, 1) != ONIG_NORMAL ||
            onig_new(&regex, bytes, bytes + strlen(pattern), ONIG_OPTION_NONE, ONIG_ENCODING_ASCII,
                     how == SPEC_GREP_RUBY ? ONIG_SYNTAX_RUBY : ONIG_SYNTAX_GREP, NULL) != ONIG_NORMAL)
                return bk_fail(err, BK_USAGE, "'%.200s' is no pattern", pattern);
        region = onig_region_new();
        *ret = false;
        for (size_t from = 0; !*ret && from <= strlen(text); from = (size_t)at + 1) {
                at = search(regex, text, from, region);
                if (at < 0)
                        break;
                *ret = how != SPEC_GREP_WORDS || ((at == 0 || !in_word(text[at - 1])) && !in_word(text[region->end[0]]));
        }
        onig_region_free(region, 1);
        onig_free(regex);
        return at < ONIG_MISMATCH ? bk_fail(err, BK_USAGE, "the pattern '%.200s' takes too long", pattern) : 0;
}
