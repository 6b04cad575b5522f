/* What pear, pecl and cpan have installed. PEAR's registry has a file a package, in what PHP's serialize() writes; cpan notes in
 * perllocal.pod what it installed, and any other module of perl is a file in one of its folders. */
#include "lib/packages_priv.h"

#include <string.h>

enum { PHP_DEPTH_MOST = 64 };

/* --- PHP's serialize(): s:3:"abc"; i:1; b:0; d:0.5; N; a:1:{key value} --------------------------------------------- */

struct php {
        const char *at, *end;
        const char *keys[2];            /* of the arrays that the value is in, outermost first; not terminated */
        size_t key_lens[2];
        struct bk_package *package;
};

static bool number(struct php *php, char end, size_t *ret)
{
        size_t n = 0;
        const char *begin = php->at;

        for (; php->at < php->end && *php->at >= '0' && *php->at <= '9' && n < 100000000; php->at++)
                n = n * 10 + (size_t)(*php->at - '0');
        if (php->at == begin || php->at == php->end || *php->at != end)
                return false;
        php->at++;
        *ret = n;
        return true;
}

/* After "s:". */
static bool string(struct php *php, const char **ret, size_t *ret_len)
{
        size_t n = 0;

        if (!number(php, ':', &n) || n > (size_t)(php->end - php->at) || (size_t)(php->end - php->at) - n < 3)
                return false;
        if (php->at[0] != '"' || php->at[n + 1] != '"' || php->at[n + 2] != ';')
                return false;
        *ret = php->at + 1;
        *ret_len = n;
        php->at += n + 3;
        return true;
}

static bool key_is(const struct php *php, int depth, const char *name)
{
        return php->key_lens[depth] == strlen(name) && memcmp(php->keys[depth], name, php->key_lens[depth]) == 0;
}

static void keep(char **member, const char *value, size_t length)
{
        if (*member == NULL && length > 0)
                *member = bk_strndup(value, length);
}

/* Package files of version 2 have version => { release => ... }, those of version 1 a version. */
static void found(struct php *php, int depth, const char *value, size_t length)
{
        if (depth == 1 && (key_is(php, 0, "name") || key_is(php, 0, "package")))
                keep(&php->package->name, value, length);
        if ((depth == 1 && key_is(php, 0, "version")) || (depth == 2 && key_is(php, 0, "version") && key_is(php, 1, "release")))
                keep(&php->package->version, value, length);
}

static bool value(struct php *php, int depth);

static bool array(struct php *php, int depth)
{
        size_t n = 0;

        if (depth >= PHP_DEPTH_MOST || !number(php, ':', &n) || php->at == php->end || *php->at++ != '{')
                return false;
        for (size_t i = 0; i < n; i++) {
                const char *key = php->at;
                size_t length = 0;

                if (php->end - php->at < 2)
                        return false;
                php->at += 2;
                if (*key == 's' ? !string(php, &key, &length) : !number(php, ';', &length))
                        return false;
                if (depth < 2) {
                        php->keys[depth] = key;
                        php->key_lens[depth] = *key == 'i' ? 0 : length;
                }
                if (!value(php, depth + 1))
                        return false;
        }
        return php->at < php->end && *php->at++ == '}';
}

static bool value(struct php *php, int depth)
{
        const char *text = NULL, *end;
        size_t length = 0;

        if (php->end - php->at < 2)
                return false;
        php->at += 2;
        switch (php->at[-2]) {
        case 's':
                if (!string(php, &text, &length))
                        return false;
                found(php, depth, text, length);
                return true;
        case 'a':
                return array(php, depth);
        case 'N':
                return php->at[-1] == ';';
        case 'i': case 'b': case 'd':
                end = memchr(php->at, ';', (size_t)(php->end - php->at));
                php->at = end != NULL ? end + 1 : php->end;
                return end != NULL;
        default:
                return false;
        }
}

/* --- PEAR's registry ------------------------------------------------------------------------------------------------ */

#define CHANNEL ".channel."
#define PECL CHANNEL "pecl.php.net"

struct reading { struct bk_packages *ret; enum bk_ecosystem ecosystem; };

static void parse_reg(void *arg, const struct bk_tree_file *file)
{
        struct reading *reading = arg;
        struct bk_package p = { .ecosystem = reading->ecosystem, .installed = true };
        struct php php = { .at = file->text, .package = &p };

        if (file->text == NULL)
                return;
        php.end = file->text + file->length;
        (void)value(&php, 0);           /* what came before a defect counts */
        bk_packages_add(reading->ret, &p);
}

static void take_regs(const struct bk_strv *names, const char *folder, struct bk_strv *files)
{
        for (size_t i = 0; i < names->n && files->n < PACKAGES_FILES_MOST; i++) {
                const char *end = strstr(names->v[i], ".reg");

                if (names->v[i][0] != '.' && end != NULL && end[4] == '\0' && strchr(names->v[i], '/') == NULL)
                        bk_strv_addf(files, "%s/%s", folder, names->v[i]);
        }
}

/* PEAR's own channel is the folder itself; every other is a folder in it. */
static int take_channels(const struct bk_tree *tree, const char *folder, enum bk_ecosystem ecosystem, struct bk_strv *files, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        const int there = bk_tree_list(tree, folder, &names, err);

        if (there <= 0)
                return there;
        if (ecosystem == BK_PEAR)
                take_regs(&names, folder, files);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *channel = bk_format("%s/%s", folder, names.v[i]);
                autostrv struct bk_strv in = { 0 };

                if (strncmp(names.v[i], CHANNEL, strlen(CHANNEL)) != 0 || strchr(names.v[i], '/') != NULL ||
                    bk_streq(names.v[i], PECL) != (ecosystem == BK_PECL))
                        continue;
                if (bk_tree_list(tree, channel, &in, err) < 0)
                        return -1;
                take_regs(&in, channel, files);
        }
        return 1;
}

static int read_registry(const struct bk_tree *tree, const struct bk_strv *places, enum bk_ecosystem ecosystem, struct bk_packages *ret,
                         struct bk_error *err)
{
        struct reading reading = { ret, ecosystem };
        autostrv struct bk_strv files = { 0 };
        int any = 0;

        for (size_t i = 0; i < places->n; i++)
                bk_tree_want(tree, places->v[i]);
        for (size_t i = 0; i < places->n; i++) {
                const int there = take_channels(tree, places->v[i], ecosystem, &files, err);

                if (there < 0)
                        return -1;
                any |= there;
        }
        return bk_tree_each(tree, &files, parse_reg, &reading, err) < 0 ? -1 : any;
}

int bk_packages_read_pear(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        return read_registry(tree, places, BK_PEAR, ret, err);
}

int bk_packages_read_pecl(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        return read_registry(tree, places, BK_PECL, ret, err);
}

/* --- perl ----------------------------------------------------------------------------------------------------------- */

/* What stands between `begin` and one of the signs in `ends`, on one line. */
static bool between(const char *line, size_t length, const char *begin, const char *ends, char **ret)
{
        const char *at = memmem(line, length, begin, strlen(begin));
        size_t n = 0;

        if (at == NULL)
                return false;
        at += strlen(begin);
        while (at + n < line + length && strchr(ends, at[n]) == NULL)
                n++;
        keep(ret, at, n);
        return true;
}

/* "=head2 DATE: C<Module> L<JSON::XS|JSON::XS>", and further down "C<VERSION: 4.03>". */
void bk_packages_parse_perllocal(const char *text, size_t length, struct bk_packages *ret)
{
        struct bk_package p = { .ecosystem = BK_CPAN, .installed = true };

        for (const char *line = text, *end; line < text + length; line = end + 1) {
                autofree char *name = NULL;
                size_t n;

                end = memchr(line, '\n', (size_t)(text + length - line));
                if (end == NULL)
                        end = text + length;
                n = (size_t)(end - line);
                if (n > 6 && memcmp(line, "=head2", 6) == 0 && between(line, n, "C<Module> L<", "|>", &name)) {
                        bk_packages_add(ret, &p);
                        p = (struct bk_package){ .name = bk_take(name), .ecosystem = BK_CPAN, .installed = true };
                } else {
                        (void)between(line, n, "C<VERSION: ", ">", &p.version);
                }
        }
        bk_packages_add(ret, &p);
}

static void parse_pod(void *arg, const struct bk_tree_file *file)
{
        if (file->text != NULL)
                bk_packages_parse_perllocal(file->text, file->length, arg);
}

int bk_packages_read_cpan(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        return bk_tree_each(tree, places, parse_pod, ret, err);
}

/* What perl looks through, of Debian, Red Hat, Alpine, Arch, SUSE and the official container images. */
static const char *const perl_places[] = {
        "/etc/perl", "/usr/local/lib/*/perl/*", "/usr/local/share/perl/*", "/usr/lib/*/perl5/*", "/usr/share/perl5", "/usr/lib/*/perl-base",
        "/usr/lib/*/perl/*", "/usr/share/perl/*", "/usr/local/lib/site_perl", "/usr/local/lib64/perl5", "/usr/local/share/perl5",
        "/usr/lib64/perl5", "/usr/lib64/perl5/vendor_perl", "/usr/share/perl5/vendor_perl", "/usr/lib/perl5/vendor_perl",
        "/usr/lib/perl5/core_perl", "/usr/share/perl5/core_perl", "/usr/lib/perl5/*", "/usr/lib/perl5/*/*", "/usr/local/lib64/perl5/*",
        "/usr/local/share/perl5/*", "/usr/local/lib/perl5/*", "/usr/local/lib/perl5/*/*", "/usr/local/lib/perl5/site_perl/*/*", NULL,
};

/* "Foo::Bar" is Foo/Bar.pm; NULL for what is no module's name. */
static char *module_file(const char *name)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf ret = { 0 };

        if (*name == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") != strlen(name))
                return NULL;
        for (const char *at = name; *at != '\0'; at++)
                if (at[0] == ':' && at[1] == ':')
                        bk_buf_putc(&ret, *++at == ':' ? '/' : ':');
                else
                        bk_buf_putc(&ret, *at);
        bk_buf_puts(&ret, ".pm");
        return bk_buf_finish(&ret);
}

/* `our $VERSION = '1.5';` and `package Foo 1.5;`: what is plainly written. A version that is computed is "". */
static char *version_in(const char *text, const char *name)
{
        const size_t n = strlen(name);
        size_t length;

        for (const char *line = text; *line != '\0' && strncmp(line, "__END__", 7) != 0; line += length + (line[length] == '\n')) {
                const char *at = line + strspn(line, " \t"), *equals;

                length = strcspn(line, "\n");

                if (*at == '#')
                        continue;
                if (strncmp(at, "package ", 8) == 0 && strncmp(at + 8, name, n) == 0 && at[8 + n] == ' ' && strchr("v0123456789", at[9 + n]))
                        return bk_strndup(at + 9 + n, strspn(at + 9 + n, "v0123456789._"));
                at = memmem(line, length, "VERSION", 7);
                if (at == NULL || at == line || (at[-1] != '$' && at[-1] != ':'))
                        continue;
                equals = at + 7 + strspn(at + 7, " \t)");
                if (*equals != '=' || equals[1] == '=' || equals[1] == '~')
                        continue;
                at = equals + 1 + strspn(equals + 1, " \t");
                if (strncmp(at, "version->", 9) == 0 || strncmp(at, "qv(", 3) == 0)
                        at += strcspn(at, "\"'\n");
                at += *at == '"' || *at == '\'';
                return bk_strndup(at, at[*at == 'v'] >= '0' && at[*at == 'v'] <= '9' ? strspn(at, "v0123456789._") : 0);
        }
        return bk_strdup("");
}

int bk_packages_perl_module(const struct bk_tree *tree, const char *name, struct bk_package *ret, struct bk_error *err)
{
        autostrv struct bk_strv folders = { 0 };
        autofree char *file = module_file(name);

        if (file == NULL)
                return 0;
        if (bk_tree_expand(tree, perl_places, &folders, err) < 0)
                return -1;
        for (size_t i = 0; i < folders.n; i++)
                bk_tree_wantf(tree, "%s/%s", folders.v[i], file);
        for (size_t i = 0; i < folders.n; i++) {
                autofree char *path = bk_format("%s/%s", folders.v[i], file), *text = NULL;
                size_t length = 0;
                const int there = bk_tree_read(tree, path, PACKAGES_FILE_MOST, &text, &length, err);

                if (there < 0)
                        return -1;
                if (there == 0)
                        continue;
                *ret = (struct bk_package){
                        .name = bk_strdup(name), .version = version_in(text, name), .architecture = bk_strdup(""), .source = bk_strdup(name),
                        .source_version = bk_strdup(""), .ecosystem = BK_CPAN, .installed = true,
                };
                return 1;
        }
        return 0;
}
