/* "did you mean ...?": the nearest known word, or none when a guess would be
 * noise. The distance is Damerau and Levenshtein's with adjacent swaps
 * (optimal string alignment), case folded, '-' and '_' alike: what fingers do. */
#include <ctype.h>
#include <string.h>

#include "lib/doc.h"

enum { WORD_MOST = 63 };        /* longer ones are not typos of anything known */

static int fold(char c)
{
        return c == '-' ? '_' : tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
        return a < b ? a : b;
}

/* Both words have at most WORD_MOST bytes. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
        unsigned rows[3][WORD_MOST + 1];
        unsigned *before = rows[0], *last = rows[1], *row = rows[2];

        for (size_t j = 0; j <= nb; j++)
                last[j] = (unsigned)j;
        for (size_t i = 1; i <= na; i++) {
                unsigned *const spare = before;

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= nb; j++) {
                        const unsigned differ = fold(a[i - 1]) != fold(b[j - 1]);

                        row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + differ);
                        if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                before = last;
                last = row;
                row = spare;
        }
        return last[nb];
}

/* A typo in a short word changes most of it, so short words get less room. */
static unsigned room_for(size_t length)
{
        return length < 3 ? 0 : length < 5 ? 1 : length < 9 ? 2 : 3;
}

const char *bk_nearest(const char *word, const char *const known[], size_t n)
{
        const size_t length = strlen(word);
        unsigned best = room_for(length) + 1;
        const char *nearest = NULL;

        if (length > WORD_MOST)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                const size_t other = strlen(known[i]);
                unsigned d;

                if (other > WORD_MOST)
                        continue;
                d = distance(word, length, known[i], other);
                if (d < best) {
                        best = d;
                        nearest = known[i];
                }
        }
        return nearest;
}
