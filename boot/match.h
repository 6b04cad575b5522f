/* Is this text on the screen? Unknown cells match any character, but they
 * prove nothing: two thirds of what matched must have been read, or a picture
 * without text would say yes to everything. */
#pragma once
#include <stdbool.h>
#include "boot/screen.h"
#include "lib/error.h"

/* Owned; a zeroed one is empty. */
struct boot_pattern {
        char *text;             /* as it was given */
        void *exact, *lenient;  /* Oniguruma's; lenient takes unknown cells for anything */
};
void boot_pattern_done(struct boot_pattern *pattern);
/* A text is looked for as it stands. A regular expression is Oniguruma's Ruby syntax; ^ and $ are a row's ends, and
 * a row has no trailing blanks. BK_INVALID when it is empty or no regular expression. */
int boot_pattern_text(const char *text, struct boot_pattern *ret, struct bk_error *err) BK_MUST_CHECK;
int boot_pattern_regex(const char *regex, struct boot_pattern *ret, struct bk_error *err) BK_MUST_CHECK;

struct boot_place {
        bool found;
        unsigned column, row;   /* of the first character that matched */
};
/* Looks at the screen in every boot_form, so that "login: " is found at a row's end, and a long line across it. Fails only when the
 * search takes too long (BK_TIMEOUT). */
int boot_pattern_find(const struct boot_pattern *pattern, const struct boot_screen *screen, struct boot_place *ret,
                      struct bk_error *err) BK_MUST_CHECK;
