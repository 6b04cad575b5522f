/* Which rules compare whose versions, and the pieces of text that all of them are made of. */
#include "lib/version_priv.h"

#include <string.h>

static const struct {
        const char *name;
        int (*compare)(struct bk_slice a, struct bk_slice b);
} ecosystems[BK_ECOSYSTEMS] = {
        [BK_DEB] = { "deb", bk_version_deb },    [BK_RPM] = { "rpm", bk_version_rpm },    [BK_APK] = { "apk", bk_version_apk },
        [BK_ALPM] = { "alpm", bk_version_alpm }, [BK_PYPI] = { "pypi", bk_version_pypi }, [BK_NPM] = { "npm", bk_version_npm },
        [BK_GEM] = { "gem", bk_version_gem },    [BK_PEAR] = { "pear", bk_version_php },  [BK_PECL] = { "pecl", bk_version_php },
        [BK_CPAN] = { "cpan", bk_version_perl },
};

const char *bk_ecosystem_name(enum bk_ecosystem ecosystem)
{
        return ecosystems[ecosystem].name;
}

bool bk_ecosystem_of(const char *name, enum bk_ecosystem *ret)
{
        for (unsigned i = 0; i < BK_ECOSYSTEMS; i++)
                if (strcmp(ecosystems[i].name, name) == 0) {
                        *ret = (enum bk_ecosystem)i;
                        return true;
                }
        return false;
}

static struct bk_slice trimmed(const char *text)
{
        struct bk_slice ret = bk_slice_of(text + strspn(text, " \t\r\n"));

        while (ret.n > 0 && strchr(" \t\r\n", ret.s[ret.n - 1]) != NULL)
                ret.n--;
        return ret;
}

int bk_version_compare(enum bk_ecosystem ecosystem, const char *a, const char *b)
{
        return bk_sign(ecosystems[ecosystem].compare(trimmed(a), trimmed(b)));
}

struct bk_slice bk_slice_of(const char *text)
{
        return (struct bk_slice){ text, strlen(text) };
}

struct bk_slice bk_slice_from(struct bk_slice text, size_t n)
{
        if (n > text.n)
                n = text.n;
        return (struct bk_slice){ text.s + n, text.n - n };
}

size_t bk_slice_digits(struct bk_slice text)
{
        size_t n = 0;

        while (n < text.n && bk_digit(text.s[n]))
                n++;
        return n;
}

size_t bk_slice_letters(struct bk_slice text)
{
        size_t n = 0;

        while (n < text.n && bk_letter(text.s[n]))
                n++;
        return n;
}

int bk_slice_compare(struct bk_slice a, struct bk_slice b)
{
        const int ret = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);

        return ret != 0 ? bk_sign(ret) : (a.n > b.n) - (a.n < b.n);
}

static struct bk_slice without_zeros(struct bk_slice number)
{
        size_t n = 0;

        while (n < number.n && number.s[n] == '0')
                n++;
        return bk_slice_from(number, n);
}

int bk_slice_number_compare(struct bk_slice a, struct bk_slice b)
{
        a = without_zeros(a);
        b = without_zeros(b);
        return a.n != b.n ? (a.n > b.n) - (a.n < b.n) : bk_slice_compare(a, b);
}

bool bk_slice_is(struct bk_slice text, const char *word, bool fold)
{
        if (text.n != strlen(word))
                return false;
        for (size_t i = 0; i < text.n; i++)
                if ((fold ? bk_fold(text.s[i]) : text.s[i]) != word[i])
                        return false;
        return true;
}
