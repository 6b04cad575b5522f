/* Versions of operating systems' packages: deb-version(7), rpm-version(7), vercmp(8) of pacman, and Alpine's, which are
 * Gentoo's with suffixes of its own. */
#include "lib/version_priv.h"

#include <string.h>

/* [epoch:]version[-release]; what is not there is empty, and `released` says whether there was a dash. */
struct evr { struct bk_slice epoch, version, release; bool released; };

static struct evr evr_of(struct bk_slice text)
{
        const size_t digits = bk_slice_digits(text);
        struct evr ret = { .epoch = { text.s, 0 }, .version = text };
        const char *dash;

        if (digits < text.n && text.s[digits] == ':') {
                ret.epoch.n = digits;
                ret.version = bk_slice_from(text, digits + 1);
        }
        dash = memrchr(ret.version.s, '-', ret.version.n);
        if (dash != NULL) {
                const size_t n = (size_t)(dash - ret.version.s);

                ret.released = true;
                ret.release = bk_slice_from(ret.version, n + 1);
                ret.version.n = n;
        }
        return ret;
}

/* deb-version(7): letters before other signs, "~" before everything, even the end. */
static int deb_weight(struct bk_slice rest)
{
        if (rest.n == 0 || bk_digit(*rest.s))
                return 0;
        if (*rest.s == '~')
                return -1;
        return bk_letter(*rest.s) ? *rest.s : (unsigned char)*rest.s + 256;
}

static int deb_part(struct bk_slice a, struct bk_slice b)
{
        while (a.n > 0 || b.n > 0) {
                while ((a.n > 0 && !bk_digit(*a.s)) || (b.n > 0 && !bk_digit(*b.s))) {
                        if (deb_weight(a) != deb_weight(b))
                                return deb_weight(a) - deb_weight(b);
                        a = bk_slice_from(a, 1);
                        b = bk_slice_from(b, 1);
                }
                const size_t x = bk_slice_digits(a), y = bk_slice_digits(b);
                const int ret = bk_slice_number_compare((struct bk_slice){ a.s, x }, (struct bk_slice){ b.s, y });

                if (ret != 0)
                        return ret;
                a = bk_slice_from(a, x);
                b = bk_slice_from(b, y);
        }
        return 0;
}

int bk_version_deb(struct bk_slice a, struct bk_slice b)
{
        const struct evr x = evr_of(a), y = evr_of(b);
        int ret = bk_slice_number_compare(x.epoch, y.epoch);

        if (ret == 0)
                ret = deb_part(x.version, y.version);
        return ret != 0 ? ret : deb_part(x.release, y.release);
}

static bool in_segment(char c)
{
        return bk_digit(c) || bk_letter(c);
}

/* Takes the longest run of digits, or of letters, as the first byte says. */
static struct bk_slice take_segment(struct bk_slice *text, bool number)
{
        const struct bk_slice ret = { text->s, number ? bk_slice_digits(*text) : bk_slice_letters(*text) };

        *text = bk_slice_from(*text, ret.n);
        return ret;
}

/* A segment against another: numbers are newer than words. */
static int compare_segments(struct bk_slice *a, struct bk_slice *b)
{
        const bool number = bk_digit(*a->s);
        const struct bk_slice x = take_segment(a, number), y = take_segment(b, number);

        if (y.n == 0)
                return number ? 1 : -1;
        return number ? bk_slice_number_compare(x, y) : bk_slice_compare(x, y);
}

/* A sign that orders: "~" before the end of the other, "^" after it, but before anything else. Returns whether one of both was
 * there; *ret is 0 when both were. */
static bool compare_signs(struct bk_slice *a, struct bk_slice *b, int *ret)
{
        for (const char *sign = "~^"; *sign != '\0'; sign++) {
                const bool x = a->n > 0 && *a->s == *sign, y = b->n > 0 && *b->s == *sign;

                if (!x && !y)
                        continue;
                *ret = *sign == '^' && (a->n == 0 || b->n == 0) ? (a->n > 0) - (b->n > 0) : (int)y - (int)x;
                *a = bk_slice_from(*a, 1);
                *b = bk_slice_from(*b, 1);
                return true;
        }
        return false;
}

static struct bk_slice skip_rpm_signs(struct bk_slice text)
{
        while (text.n > 0 && !in_segment(*text.s) && *text.s != '~' && *text.s != '^')
                text = bk_slice_from(text, 1);
        return text;
}

static int rpm_part(struct bk_slice a, struct bk_slice b)
{
        while (a.n > 0 || b.n > 0) {
                int ret = 0;

                a = skip_rpm_signs(a);
                b = skip_rpm_signs(b);
                if (!compare_signs(&a, &b, &ret)) {
                        if (a.n == 0 || b.n == 0)
                                return (a.n > 0) - (b.n > 0);
                        ret = compare_segments(&a, &b);
                }
                if (ret != 0)
                        return ret;
        }
        return 0;
}

int bk_version_rpm(struct bk_slice a, struct bk_slice b)
{
        const struct evr x = evr_of(a), y = evr_of(b);
        int ret = bk_slice_number_compare(x.epoch, y.epoch);

        if (ret == 0)
                ret = rpm_part(x.version, y.version);
        if (ret == 0 && x.released != y.released)
                ret = x.released ? 1 : -1;
        return ret != 0 ? ret : rpm_part(x.release, y.release);
}

static struct bk_slice skip_signs(struct bk_slice text)
{
        while (text.n > 0 && !in_segment(*text.s))
                text = bk_slice_from(text, 1);
        return text;
}

/* What is left when the other has ended: letters make it a release before, anything else one after. */
static int alpm_rest(struct bk_slice a, struct bk_slice b)
{
        if (a.n == 0 && b.n == 0)
                return 0;
        if (a.n > 0)
                return bk_letter(*a.s) ? -1 : 1;
        return bk_letter(*b.s) ? 1 : -1;
}

static int alpm_part(struct bk_slice a, struct bk_slice b)
{
        if (bk_slice_compare(a, b) == 0)
                return 0;
        while (a.n > 0 && b.n > 0) {
                const struct bk_slice x = skip_signs(a), y = skip_signs(b);
                const size_t signs = a.n - x.n, other_signs = b.n - y.n;

                a = x;
                b = y;
                if (a.n == 0 || b.n == 0)
                        break;
                if (signs != other_signs)
                        return signs < other_signs ? -1 : 1;
                const int ret = compare_segments(&a, &b);

                if (ret != 0)
                        return ret;
        }
        return alpm_rest(a, b);
}

int bk_version_alpm(struct bk_slice a, struct bk_slice b)
{
        const struct evr x = evr_of(a), y = evr_of(b);
        int ret = bk_slice_number_compare(x.epoch, y.epoch);

        if (ret == 0)
                ret = alpm_part(x.version, y.version);
        return ret != 0 || !x.released || !y.released ? ret : alpm_part(x.release, y.release);
}

/* Alpine: number{.number}[letter]{_suffix[number]}[~hash][-r number]. The kinds are in their order: where two versions part,
 * the one whose next piece is further down is newer, and what ends is newer than an "_alpha" only. */
enum apk_kind { APK_PRE, APK_END, APK_REVISION, APK_HASH, APK_SUFFIX_NUMBER, APK_POST, APK_LETTER, APK_NUMBER, APK_INVALID };
struct apk_piece { enum apk_kind kind; int suffix; struct bk_slice text; };

static struct apk_piece apk_take(struct bk_slice *rest, enum apk_kind kind, size_t before, size_t length)
{
        const struct apk_piece ret = { .kind = kind, .text = { rest->s + before, length } };

        *rest = bk_slice_from(*rest, before + length);
        return ret;
}

static struct apk_piece apk_suffix(struct bk_slice *rest)
{
        static const char *const suffixes[] = { "alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p" };
        enum { FIRST_AFTER = 4 };
        const struct bk_slice word = { rest->s + 1, bk_slice_letters(bk_slice_from(*rest, 1)) };

        for (int i = 0; i < (int)(sizeof suffixes / sizeof *suffixes); i++)
                if (bk_slice_is(word, suffixes[i], false)) {
                        struct apk_piece ret = apk_take(rest, i < FIRST_AFTER ? APK_PRE : APK_POST, 1, word.n);

                        ret.suffix = i;
                        return ret;
                }
        return (struct apk_piece){ .kind = APK_INVALID };
}

static size_t apk_hash(struct bk_slice text)
{
        size_t n = 0;

        while (n < text.n && (bk_digit(text.s[n]) || (text.s[n] >= 'a' && text.s[n] <= 'f')))
                n++;
        return n;
}

/* The piece after one of kind `last`; APK_INVALID takes nothing. */
static struct apk_piece apk_next(struct bk_slice *rest, enum apk_kind last)
{
        const bool numbers = last == APK_NUMBER, tail = last == APK_PRE || last == APK_POST || last == APK_SUFFIX_NUMBER;
        const struct bk_slice after = bk_slice_from(*rest, 1);

        if (rest->n == 0)
                return (struct apk_piece){ .kind = APK_END };
        if (numbers && *rest->s == '.' && bk_slice_digits(after) > 0)
                return apk_take(rest, APK_NUMBER, 1, bk_slice_digits(after));
        if (numbers && bk_lower(*rest->s))
                return apk_take(rest, APK_LETTER, 0, 1);
        if ((last == APK_PRE || last == APK_POST) && bk_digit(*rest->s))
                return apk_take(rest, APK_SUFFIX_NUMBER, 0, bk_slice_digits(*rest));
        if (*rest->s == '_' && (numbers || last == APK_LETTER || tail))
                return apk_suffix(rest);
        if (*rest->s == '~' && last != APK_HASH && last != APK_REVISION && apk_hash(after) > 0)
                return apk_take(rest, APK_HASH, 1, apk_hash(after));
        if (*rest->s == '-' && last != APK_REVISION && after.n > 1 && *after.s == 'r' && bk_digit(after.s[1]))
                return apk_take(rest, APK_REVISION, 2, bk_slice_digits(bk_slice_from(after, 1)));
        return (struct apk_piece){ .kind = APK_INVALID };
}

static int apk_piece_compare(const struct apk_piece *a, const struct apk_piece *b, bool first)
{
        if (a->kind == APK_PRE || a->kind == APK_POST)
                return a->suffix - b->suffix;
        /* A later number with a leading zero is a fraction: 1.01 comes before 1.1. */
        if (a->kind == APK_LETTER || a->kind == APK_HASH ||
            (a->kind == APK_NUMBER && !first && (*a->text.s == '0' || *b->text.s == '0')))
                return bk_slice_compare(a->text, b->text);
        return bk_slice_number_compare(a->text, b->text);
}

int bk_version_apk(struct bk_slice a, struct bk_slice b)
{
        struct apk_piece x = apk_take(&a, APK_NUMBER, 0, bk_slice_digits(a)), y = apk_take(&b, APK_NUMBER, 0, bk_slice_digits(b));

        for (bool first = true;; first = false) {
                const int ret = apk_piece_compare(&x, &y, first);

                if (ret != 0)
                        return ret;
                x = apk_next(&a, x.kind);
                y = apk_next(&b, y.kind);
                if (x.kind != y.kind)
                        return x.kind < y.kind ? -1 : 1;
                if (x.kind == APK_END || x.kind == APK_INVALID)
                        return bk_slice_compare(a, b);
        }
}
