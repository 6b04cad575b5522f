/* Files of a golden image: configuration that is not as its package had it, and what is named by globs. */
#include "spec/add_priv.h"

#include <fnmatch.h>
#include <string.h>

enum { STATUS_MOST = 64 << 20, FILES_MOST = 20000, LISTED_MOST = 200000 };

static void property(struct bk_buf *out, const char *check, const char *value)
{
        bk_buf_printf(out, "  %s", check);
        spec_add_quoted(out, value);
}

static int add_owners(struct spec_adder *a, const struct stat *st, struct bk_error *err)
{
        autofree char *owner = NULL, *group = NULL;

        if (spec_account_name(&a->image, SPEC_PASSWD, st->st_uid, &owner, err) < 0 ||
            spec_account_name(&a->image, SPEC_GROUP, st->st_gid, &group, err) < 0)
                return -1;
        bk_buf_printf(&a->out, "  it { should be_mode %o }\n", st->st_mode & 07777);
        property(&a->out, "it { should be_owned_by ", owner);
        bk_buf_puts(&a->out, " }\n");
        property(&a->out, "it { should be_grouped_into ", group);
        bk_buf_puts(&a->out, " }\n");
        return 0;
}

static int add_kind(struct spec_adder *a, const char *path, const struct stat *st, struct bk_error *err)
{
        static const struct { mode_t kind; const char *matcher; } kinds[] = {
                { S_IFREG, "be_file" }, { S_IFDIR, "be_directory" }, { S_IFIFO, "be_pipe" }, { S_IFSOCK, "be_socket" },
                { S_IFBLK, "be_block_device" }, { S_IFCHR, "be_character_device" },
        };
        autofree char *sum = NULL;

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if ((st->st_mode & S_IFMT) == kinds[i].kind)
                        bk_buf_printf(&a->out, "  it { should %s }\n", kinds[i].matcher);
        if (add_owners(a, st, err) < 0)
                return -1;
        if (S_ISREG(st->st_mode)) {
                if (spec_files_digest(&a->image.files, path, "sha256", &sum, err) < 0)
                        return -1;
                bk_buf_printf(&a->out, "  its(:sha256sum) { should eq '%s' }\n", sum != NULL ? sum : "");
        }
        return 0;
}

static int add_file(struct spec_adder *a, const char *path, struct bk_error *err)
{
        autofree char *link = NULL;
        struct stat st = { 0 };
        const int there = spec_files_stat(&a->image.files, path, false, &st, err);

        if (there < 0)
                return -1;
        bk_buf_puts(&a->out, "\ndescribe file(");
        spec_add_quoted(&a->out, path);
        bk_buf_puts(&a->out, ") do\n");
        if (there == 0) {
                bk_buf_puts(&a->out, "  it { should_not exist }\n");
        } else if (S_ISLNK(st.st_mode)) {
                if (spec_files_link(&a->image.files, path, &link, err) < 0)
                        return -1;
                property(&a->out, "it { should be_linked_to ", link != NULL ? link : "");
                bk_buf_puts(&a->out, " }\n");
        } else if (add_kind(a, path, &st, err) < 0) {
                return -1;
        }
        bk_buf_puts(&a->out, "end\n");
        return 0;
}

/* --- configuration files of dpkg ----------------------------------------------------------- */

/* " /etc/x d41d8cd98f00b204e9800998ecf8427e", perhaps with " obsolete" behind it. NULL for what is not one of the package any more. */
static char *conffile_of(const char *line, size_t length, char **ret_sum)
{
        autofree char *text = bk_strndup(line + 1, length - 1);
        char *sum = strrchr(text, ' ');

        if (text[0] != '/' || sum == NULL || strlen(sum + 1) != 32 || strspn(sum + 1, "0123456789abcdef") != 32)
                return NULL;
        *ret_sum = bk_strdup(sum + 1);
        *sum = '\0';
        return bk_take(text);
}

/* Is it another file than the package's? One that cannot be read as a file is. */
static int differs(struct spec_adder *a, const char *path, const char *sum, bool *ret, struct bk_error *err)
{
        autofree char *now = NULL;

        if (spec_files_digest(&a->image.files, path, "md5", &now, err) < 0)
                return -1;
        *ret = !bk_streq(now, sum);
        return 0;
}

static int find_changed(struct spec_adder *a, const char *status, struct bk_strv *ret, struct bk_error *err)
{
        bool conffiles = false, installed = false;

        for (const char *line = status; *line != '\0';) {
                const size_t length = strcspn(line, "\n");
                autofree char *sum = NULL;
                autofree char *path = conffiles && installed && *line == ' ' ? conffile_of(line, length, &sum) : NULL;
                bool changed = false;

                if (length == 0)
                        installed = false;
                if (*line != ' ')
                        conffiles = length == strlen("Conffiles:") && strncmp(line, "Conffiles:", length) == 0;
                if (strncmp(line, "Status: ", 8) == 0)
                        installed = length > 18 && strncmp(line + length - 10, " installed", 10) == 0;
                if (path != NULL && differs(a, path, sum, &changed, err) < 0)
                        return -1;
                if (changed && ret->n < FILES_MOST)
                        bk_strv_add(ret, path);
                line += length + (line[length] == '\n');
        }
        return 0;
}

static int add_changed(struct spec_adder *a, struct bk_strv *ret, struct bk_error *err)
{
        autofree char *status = NULL;
        size_t length;
        const int there = spec_files_read(&a->image.files, "/var/lib/dpkg/status", STATUS_MOST, &status, &length, err);

        return there <= 0 ? there : find_changed(a, status, ret, err);
}

/* --- globs ------------------------------------------------------------------------------------ */

struct walk { struct spec_adder *a; struct bk_strv *ret; size_t listed; };

/* What is at `at` joined with the rest of the pattern, "/ssh/sshd_*". */
static int expand(struct walk *w, const char *at, const char *rest, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        autofree char *part = NULL;
        size_t length;

        rest += strspn(rest, "/");
        length = strcspn(rest, "/");
        part = bk_strndup(rest, length);
        if (length == 0) {
                if (w->ret->n >= FILES_MOST)
                        return bk_fail(err, BK_INVALID, "the globs name more than %d files", FILES_MOST);
                if (spec_files_there(&w->a->image.files, *at ? at : "/"))
                        bk_strv_add(w->ret, *at ? at : "/");
                return 0;
        }
        if (strpbrk(part, "*?[\\") == NULL) {
                autofree char *below = bk_format("%s/%s", at, part);

                return expand(w, below, rest + length, err);
        }
        if (spec_files_list(&w->a->image.files, *at ? at : "/", &names, err) < 0)
                return -1;
        w->listed += names.n;
        if (w->listed > LISTED_MOST)
                return bk_fail(err, BK_INVALID, "the globs look at more than %d files", LISTED_MOST);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *below = bk_format("%s/%s", at, names.v[i]);

                if (fnmatch(part, names.v[i], FNM_PERIOD) == 0 && expand(w, below, rest + length, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_globs(struct spec_adder *a, struct bk_strv *ret, struct bk_error *err)
{
        struct walk w = { .a = a, .ret = ret };

        for (size_t i = 0; a->options->files != NULL && i < a->options->files->n; i++) {
                const char *const glob = a->options->files->v[i];
                const size_t before = ret->n;

                if (glob[0] != '/')
                        return bk_fail(err, BK_USAGE, "'%s' must begin with '/': it is looked for in the image", glob);
                if (expand(&w, "", glob, err) < 0)
                        return bk_wrap(err, "files '%s'", glob);
                if (ret->n == before)
                        return bk_fail(err, BK_NOT_FOUND, "no file of the image matches '%s'", glob);
        }
        return 0;
}

int spec_add_files(struct spec_adder *a, struct bk_error *err)
{
        autostrv struct bk_strv paths = { 0 };

        if (add_changed(a, &paths, err) < 0 || add_globs(a, &paths, err) < 0)
                return -1;
        if (paths.n > 0)
                qsort(paths.v, paths.n, sizeof *paths.v, spec_add_order);
        for (size_t i = 0; i < paths.n; i++)
                if ((i == 0 || !bk_streq(paths.v[i], paths.v[i - 1])) && add_file(a, paths.v[i], err) < 0)
                        return bk_wrap(err, "file '%s'", paths.v[i]);
        return 0;
}
