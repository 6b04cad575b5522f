/* Versions of what languages' own package managers install: PEP 440, Semantic Versioning 2.0.0, Gem::Version, PHP's
 * version_compare() and perl's version objects. */
#include "lib/version_priv.h"

#include "lib/cleanup.h"

/* --- PEP 440: [v][N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local], with the other spellings that it allows -------------- */

enum pypi_pre { PYPI_DEV_ONLY, PYPI_A, PYPI_B, PYPI_RC, PYPI_FINAL };   /* in their order */
struct pypi {
        bool valid, post, dev, local;
        struct bk_slice epoch, release, pre_number, post_number, dev_number, local_text;
        enum pypi_pre pre;
};

static void skip_separator(struct bk_slice *rest)
{
        if (rest->n > 0 && (*rest->s == '-' || *rest->s == '_' || *rest->s == '.'))
                *rest = bk_slice_from(*rest, 1);
}

static struct bk_slice take_digits(struct bk_slice *rest)
{
        const struct bk_slice ret = { rest->s, bk_slice_digits(*rest) };

        *rest = bk_slice_from(*rest, ret.n);
        return ret;
}

/* [separator] word [separator] [number]. Takes nothing and returns false when the word is not there. */
static bool take_word(struct bk_slice *rest, const char *word, struct bk_slice *ret_number)
{
        struct bk_slice at = *rest;
        const size_t length = bk_slice_of(word).n;

        skip_separator(&at);
        if (at.n < length || !bk_slice_is((struct bk_slice){ at.s, length }, word, true))
                return false;
        at = bk_slice_from(at, length);
        skip_separator(&at);
        *ret_number = take_digits(&at);
        *rest = at;
        return true;
}

static void take_pre(struct bk_slice *rest, struct pypi *ret)
{
        static const struct { const char *word; enum pypi_pre pre; } words[] = {
                { "preview", PYPI_RC }, { "alpha", PYPI_A }, { "beta", PYPI_B }, { "pre", PYPI_RC }, { "rc", PYPI_RC },
                { "a", PYPI_A }, { "b", PYPI_B }, { "c", PYPI_RC },
        };

        ret->pre = PYPI_FINAL;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (take_word(rest, words[i].word, &ret->pre_number)) {
                        ret->pre = words[i].pre;
                        return;
                }
}

static bool take_post(struct bk_slice *rest, struct bk_slice *ret_number)
{
        if (rest->n > 1 && *rest->s == '-' && bk_digit(rest->s[1])) {
                *rest = bk_slice_from(*rest, 1);
                *ret_number = take_digits(rest);
                return true;
        }
        return take_word(rest, "post", ret_number) || take_word(rest, "rev", ret_number) || take_word(rest, "r", ret_number);
}

/* Letters and digits, separated by single signs. */
static bool is_local(struct bk_slice text)
{
        bool sign = true;

        for (size_t i = 0; i < text.n; i++) {
                const bool word = bk_digit(text.s[i]) || bk_letter(text.s[i]);

                if (!word && (sign || (text.s[i] != '-' && text.s[i] != '_' && text.s[i] != '.')))
                        return false;
                sign = !word;
        }
        return !sign;
}

static struct bk_slice take_release(struct bk_slice *rest)
{
        const char *begin = rest->s;

        *rest = bk_slice_from(*rest, bk_slice_digits(*rest));
        while (rest->n > 1 && *rest->s == '.' && bk_digit(rest->s[1]))
                *rest = bk_slice_from(*rest, 1 + bk_slice_digits(bk_slice_from(*rest, 1)));
        return (struct bk_slice){ begin, (size_t)(rest->s - begin) };
}

static struct pypi pypi_of(struct bk_slice rest)
{
        struct pypi ret = { .epoch = { rest.s, 0 }, .pre_number = { rest.s, 0 }, .post_number = { rest.s, 0 }, .dev_number = { rest.s, 0 } };

        if (rest.n > 0 && bk_fold(*rest.s) == 'v')
                rest = bk_slice_from(rest, 1);
        const size_t digits = bk_slice_digits(rest);

        if (digits > 0 && digits < rest.n && rest.s[digits] == '!') {
                ret.epoch = take_digits(&rest);
                rest = bk_slice_from(rest, 1);
        }
        ret.release = take_release(&rest);
        if (ret.release.n == 0)
                return ret;
        take_pre(&rest, &ret);
        ret.post = take_post(&rest, &ret.post_number);
        ret.dev = take_word(&rest, "dev", &ret.dev_number);
        if (ret.pre == PYPI_FINAL && !ret.post && ret.dev)
                ret.pre = PYPI_DEV_ONLY;
        ret.local = rest.n > 0 && *rest.s == '+' && is_local(bk_slice_from(rest, 1));
        if (ret.local)
                ret.local_text = bk_slice_from(rest, 1);
        ret.valid = ret.local || rest.n == 0;
        return ret;
}

/* The next number of "1.2.3"; what is missing is 0. */
static struct bk_slice next_number(struct bk_slice *rest)
{
        const struct bk_slice ret = take_digits(rest);

        *rest = bk_slice_from(*rest, 1);
        return ret;
}

static int compare_numbers(struct bk_slice a, struct bk_slice b)
{
        while (a.n > 0 || b.n > 0) {
                const int ret = bk_slice_number_compare(next_number(&a), next_number(&b));

                if (ret != 0)
                        return ret;
        }
        return 0;
}

static struct bk_slice next_word(struct bk_slice *rest)
{
        size_t n = 0;

        while (n < rest->n && (bk_digit(rest->s[n]) || bk_letter(rest->s[n])))
                n++;
        const struct bk_slice ret = { rest->s, n };

        *rest = bk_slice_from(*rest, n + 1);
        return ret;
}

static int compare_folded(struct bk_slice a, struct bk_slice b)
{
        for (size_t i = 0; i < a.n && i < b.n; i++)
                if (bk_fold(a.s[i]) != bk_fold(b.s[i]))
                        return (unsigned char)bk_fold(a.s[i]) < (unsigned char)bk_fold(b.s[i]) ? -1 : 1;
        return (a.n > b.n) - (a.n < b.n);
}

static int compare_local(const struct pypi *a, const struct pypi *b)
{
        struct bk_slice x = a->local_text, y = b->local_text;

        if (!a->local || !b->local)
                return (int)a->local - (int)b->local;
        while (x.n > 0 && y.n > 0) {
                const struct bk_slice p = next_word(&x), q = next_word(&y);
                const bool p_number = bk_slice_digits(p) == p.n, q_number = bk_slice_digits(q) == q.n;
                const int ret = p_number != q_number ? (int)p_number - (int)q_number
                              : p_number ? bk_slice_number_compare(p, q) : compare_folded(p, q);

                if (ret != 0)
                        return ret;
        }
        return (x.n > 0) - (y.n > 0);
}

static int pypi_known(const struct pypi *a, const struct pypi *b)
{
        int ret = bk_slice_number_compare(a->epoch, b->epoch);

        if (ret == 0)
                ret = compare_numbers(a->release, b->release);
        if (ret == 0)
                ret = (int)a->pre - (int)b->pre;
        if (ret == 0)
                ret = bk_slice_number_compare(a->pre_number, b->pre_number);
        if (ret == 0)
                ret = (int)a->post - (int)b->post;
        if (ret == 0)
                ret = bk_slice_number_compare(a->post_number, b->post_number);
        if (ret == 0)
                ret = (int)b->dev - (int)a->dev;
        if (ret == 0)
                ret = bk_slice_number_compare(a->dev_number, b->dev_number);
        return ret != 0 ? ret : compare_local(a, b);
}

int bk_version_pypi(struct bk_slice a, struct bk_slice b)
{
        const struct pypi x = pypi_of(a), y = pypi_of(b);

        if (!x.valid || !y.valid)
                return x.valid || y.valid ? (int)x.valid - (int)y.valid : bk_slice_compare(a, b);
        return pypi_known(&x, &y);
}

/* --- Semantic Versioning: N.N.N[-word(.word)*][+build] -------------------------------------------------------------- */

static size_t until(struct bk_slice text, char sign)
{
        size_t n = 0;

        while (n < text.n && text.s[n] != sign)
                n++;
        return n;
}

static struct bk_slice npm_core(struct bk_slice *rest)
{
        size_t n = 0;

        while (rest->n > 0 && (*rest->s == 'v' || *rest->s == '=' || *rest->s == ' '))
                *rest = bk_slice_from(*rest, 1);
        rest->n = until(*rest, '+');            /* a build is no part of the order */
        while (n < rest->n && (bk_digit(rest->s[n]) || rest->s[n] == '.'))
                n++;
        const struct bk_slice ret = { rest->s, n };

        *rest = bk_slice_from(*rest, n);
        return ret;
}

static int npm_words(struct bk_slice a, struct bk_slice b)
{
        while (a.n > 0 && b.n > 0) {
                const struct bk_slice x = { a.s, until(a, '.') }, y = { b.s, until(b, '.') };
                const bool x_number = bk_slice_digits(x) == x.n, y_number = bk_slice_digits(y) == y.n;
                const int ret = x_number != y_number ? (int)y_number - (int)x_number
                              : x_number ? bk_slice_number_compare(x, y) : bk_slice_compare(x, y);

                if (ret != 0)
                        return ret;
                a = bk_slice_from(a, x.n + 1);
                b = bk_slice_from(b, y.n + 1);
        }
        return (a.n > 0) - (b.n > 0);
}

int bk_version_npm(struct bk_slice a, struct bk_slice b)
{
        const struct bk_slice x = npm_core(&a), y = npm_core(&b);
        const int ret = compare_numbers(x, y);

        if (ret != 0)
                return ret;
        if (a.n == 0 || b.n == 0)
                return (a.n == 0) - (b.n == 0);
        return npm_words(bk_slice_from(a, *a.s == '-'), bk_slice_from(b, *b.s == '-'));
}

/* --- Gem::Version: runs of digits and of letters; "-" is ".pre." ---------------------------------------------------- */

struct gem { struct bk_slice rest; size_t kept; bool words; };  /* kept: numbers left before the zeros that do not count */
struct gem_part { struct bk_slice text; bool word; };

/* False at the end. */
static bool gem_scan(struct bk_slice *rest, struct gem_part *ret)
{
        while (rest->n > 0 && !bk_digit(*rest->s) && !bk_letter(*rest->s) && *rest->s != '-')
                *rest = bk_slice_from(*rest, 1);
        if (rest->n == 0)
                return false;
        ret->word = !bk_digit(*rest->s);
        if (*rest->s == '-') {
                ret->text = bk_slice_of("pre");
                *rest = bk_slice_from(*rest, 1);
                return true;
        }
        ret->text = (struct bk_slice){ rest->s, ret->word ? bk_slice_letters(*rest) : bk_slice_digits(*rest) };
        *rest = bk_slice_from(*rest, ret->text.n);
        return true;
}

static struct gem gem_of(struct bk_slice text)
{
        struct gem ret = { .rest = text };
        struct bk_slice rest = text;
        struct gem_part part;

        for (size_t i = 1; gem_scan(&rest, &part) && !part.word; i++)
                if (bk_slice_number_compare(part.text, bk_slice_of("0")) != 0)
                        ret.kept = i;
        return ret;
}

/* False at the end, where everything is 0. */
static bool gem_next(struct gem *gem, struct gem_part *ret)
{
        while (gem_scan(&gem->rest, ret)) {
                gem->words |= ret->word;
                if (gem->words)
                        return true;
                if (gem->kept > 0) {
                        gem->kept--;
                        return true;
                }
        }
        *ret = (struct gem_part){ .text = bk_slice_of("0") };
        return false;
}

int bk_version_gem(struct bk_slice a, struct bk_slice b)
{
        struct gem x = gem_of(a), y = gem_of(b);
        struct gem_part p, q;

        for (;;) {
                const bool more = gem_next(&x, &p), other_more = gem_next(&y, &q);
                const int ret = p.word != q.word ? (int)q.word - (int)p.word
                              : p.word ? bk_slice_compare(p.text, q.text) : bk_slice_number_compare(p.text, q.text);

                if (ret != 0 || (!more && !other_more))
                        return ret;
        }
}

/* --- PHP's version_compare() ---------------------------------------------------------------------------------------- */

enum { PHP_UNKNOWN = -1, PHP_NUMBER = 4 };

static int php_form(struct bk_slice part)
{
        static const struct { const char *word; int form; } forms[] = {
                { "dev", 0 }, { "alpha", 1 }, { "a", 1 }, { "beta", 2 }, { "b", 2 }, { "RC", 3 }, { "rc", 3 }, { "pl", 5 }, { "p", 5 },
        };

        if (part.n > 0 && bk_digit(*part.s))
                return PHP_NUMBER;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                const size_t length = bk_slice_of(forms[i].word).n;

                if (part.n >= length && bk_slice_is((struct bk_slice){ part.s, length }, forms[i].word, false))
                        return forms[i].form;
        }
        return PHP_UNKNOWN;
}

static struct bk_slice php_next(struct bk_slice *rest)
{
        while (rest->n > 0 && !bk_digit(*rest->s) && !bk_letter(*rest->s))
                *rest = bk_slice_from(*rest, 1);
        const struct bk_slice ret = { rest->s, rest->n > 0 && bk_digit(*rest->s) ? bk_slice_digits(*rest) : bk_slice_letters(*rest) };

        *rest = bk_slice_from(*rest, ret.n);
        return ret;
}

int bk_version_php(struct bk_slice a, struct bk_slice b)
{
        for (;;) {
                const struct bk_slice x = php_next(&a), y = php_next(&b);
                int ret;

                if (x.n == 0 && y.n == 0)
                        return 0;
                /* What is left over is newer when it is a number, else as its word against any number. */
                if (x.n == 0 || y.n == 0)
                        ret = x.n == 0 ? (php_form(y) < PHP_NUMBER) - (php_form(y) >= PHP_NUMBER)
                                       : (php_form(x) >= PHP_NUMBER) - (php_form(x) < PHP_NUMBER);
                else if (php_form(x) == PHP_NUMBER && php_form(y) == PHP_NUMBER)
                        ret = bk_slice_number_compare(x, y);
                else
                        ret = php_form(x) - php_form(y);
                if (ret != 0)
                        return ret;
        }
}

/* --- perl's version objects: "1.0203" is v1.20.300 ------------------------------------------------------------------- */

struct perl { char *text; struct bk_slice rest; bool dotted, first; };

static void perl_done(struct perl *p)
{
        free(p->text);
}

static struct perl perl_of(struct bk_slice text)
{
        struct perl ret = { .text = bk_alloc(text.n + 1), .first = true };
        size_t n = 0, dots = 0;

        for (size_t i = 0; i < text.n; i++)
                if (text.s[i] != '_') {         /* which only marks a release for trial */
                        dots += text.s[i] == '.';
                        ret.text[n++] = text.s[i];
                }
        ret.dotted = dots > 1 || *ret.text == 'v';
        ret.rest = (struct bk_slice){ ret.text + (*ret.text == 'v'), n - (*ret.text == 'v') };
        return ret;
}

/* The next number; of a decimal fraction three digits, as if zeros followed. */
static void perl_next(struct perl *p, char ret[4], struct bk_slice *ret_number)
{
        const size_t digits = bk_slice_digits(p->rest);

        *ret_number = (struct bk_slice){ p->rest.s, digits };
        if (p->dotted || p->first) {
                p->rest = bk_slice_from(p->rest, digits);
                p->rest = p->rest.n > 0 && *p->rest.s == '.' ? bk_slice_from(p->rest, 1) : bk_slice_from(p->rest, p->rest.n);
        } else {
                for (size_t i = 0; i < 3; i++)
                        ret[i] = i < digits ? p->rest.s[i] : '0';
                *ret_number = (struct bk_slice){ ret, 3 };
                p->rest = digits <= 3 ? bk_slice_from(p->rest, p->rest.n) : bk_slice_from(p->rest, 3);
        }
        p->first = false;
}

int bk_version_perl(struct bk_slice a, struct bk_slice b)
{
        BK_CLEANUP(perl_done) struct perl x = perl_of(a), y = perl_of(b);

        while (x.rest.n > 0 || y.rest.n > 0) {
                struct bk_slice p, q;
                char p_text[4] = "", q_text[4] = "";

                perl_next(&x, p_text, &p);
                perl_next(&y, q_text, &q);
                const int ret = bk_slice_number_compare(p, q);

                if (ret != 0)
                        return ret;
        }
        return 0;
}
