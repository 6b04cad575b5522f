/* The file provisioner: into the image, or out of it. Paths inside are
 * resolved inside: a link in the image cannot point a copy at the host. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

struct file {
        struct bake_common common;
        char *source, *destination, *direction, *content;
        struct bk_strv sources;
        bool generated;
};
#define AT(member) offsetof(struct file, member)

static const struct tmpl_key keys[] = {
        BAKE_COMMON_KEYS(struct file),
        { "source", TMPL_STRING, AT(source), 0, NULL, 0, 0, "a file or folder; a folder with a trailing / gives its content" },
        { "sources", TMPL_LIST, AT(sources), 0, NULL, 0, 0, "several of them" },
        { "content", TMPL_STRING, AT(content), 0, NULL, 0, 0, "text instead of a source" },
        { "destination", TMPL_STRING, AT(destination), TMPL_REQUIRED, NULL, 0, 0, "where to; a trailing / means into that folder" },
        { "direction", TMPL_STRING, AT(direction), 0, "upload", 0, 0, "upload, or download from the image" },
        { "generated", TMPL_BOOL, AT(generated), 0, "false", 0, 0, "the source appears only while baking" },
};

/* Templates name sources relative to where they are run, or to themselves. */
static char *source_path(const struct tmpl *tmpl, const char *source)
{
        if (*source == '/' || bk_exists(source))
                return bk_strdup(source);
        return bk_format("%s/%s", tmpl->dir, source);
}

static int check(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct file *file = config;
        const int given = (file->source != NULL) + (file->sources.n > 0) + (file->content != NULL);
        const struct bk_doc *place = bk_doc_get(step->doc, "direction");

        if (given != 1)
                return bk_doc_fail(err, step->doc, "a file provisioner needs exactly one of source, sources and content; %d are given", given);
        if (!bk_streq(file->direction, "upload") && !bk_streq(file->direction, "download"))
                return bk_doc_fail(err, place ? place : step->doc, "direction is 'upload' or 'download', not '%s'", file->direction);
        return 0;
}

static int upload_file(int root, const char *from, const char *to, mode_t mode, struct bk_error *err)
{
        autoclose int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        char chunk[65536];

        if (in < 0)
                return bk_fail_errno(err, "cannot open '%s'", from);
        /* Makes the parents, and the file with its mode. */
        if (bk_write_in_root(root, to, "", 0, mode & 07777, err) < 0)
                return -1;
        out = bk_open_in_root(root, to, O_WRONLY, 0);
        if (out < 0)
                return bk_fail_errno(err, "cannot write '%s' in the image", to);
        for (ssize_t got; (got = read(in, chunk, sizeof chunk)) != 0;) {
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return bk_fail_errno(err, "cannot read '%s'", from);
                if (bk_write_all(out, chunk, (size_t)got, err) < 0)
                        return bk_wrap(err, "'%s' in the image", to);
        }
        return 0;
}

static int upload(int root, const char *from, const char *to, struct bk_error *err)
{
        struct stat st;

        if (stat(from, &st) < 0)
                return bk_fail_errno(err, "cannot look at source '%s'", from);
        if (!S_ISDIR(st.st_mode))
                return upload_file(root, from, to, st.st_mode, err);
        if (bk_mkdir_p_in_root(root, to, 0755, err) < 0)
                return -1;
        autodir DIR *dir = opendir(from);
        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", from);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *a = bk_format("%s/%s", from, entry->d_name), *b = bk_format("%s/%s", to, entry->d_name);

                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, "..") && upload(root, a, b, err) < 0)
                        return -1;
        }
        return 0;
}

static const char *base_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* As scp and rsync have it: into a folder that is there, or that a trailing slash promises. */
static char *target_of(int root, const char *source, const char *destination)
{
        const size_t length = strlen(destination);
        autoclose int folder = bk_open_in_root(root, destination, O_PATH | O_DIRECTORY, 0);
        autofree char *absolute = *destination == '/' ? bk_strdup(destination) : bk_format("/%s", destination);

        if (source[strlen(source) - 1] == '/')
                return bk_take(absolute);
        if (folder >= 0 || (length > 0 && destination[length - 1] == '/'))
                return bk_format("%s%s%s", absolute, absolute[strlen(absolute) - 1] == '/' ? "" : "/", base_of(source));
        return bk_take(absolute);
}

static int download(int root, const char *from, const char *to, struct bk_error *err)
{
        autofree char *path = to[strlen(to) - 1] == '/' ? bk_format("%s%s", to, base_of(from)) : bk_strdup(to), *text = NULL;
        autofree char *parent = bk_strndup(path, (size_t)(base_of(path) - path));
        size_t length = 0;

        if (*parent != '\0' && bk_mkdir_p(parent, err) < 0)
                return -1;
        if (bk_read_in_root(root, from, (size_t)1 << 30, &text, &length, err) < 0)
                return -1;
        return bk_publish_bytes(path, text, length, 0644, err);
}

static int run(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct file *file = config;
        const int root = chroot_root_fd(work->chroot);
        const char *const *sources = file->source ? (const char *const *)&file->source : (const char *const *)file->sources.v;
        const size_t n = file->source ? 1 : file->sources.n;

        (void)step;
        if (file->content != NULL)
                return bk_write_in_root(root, file->destination, file->content, strlen(file->content), 0644, err);
        for (size_t i = 0; i < n; i++) {
                autofree char *from = source_path(work->bake->tmpl, sources[i]), *to = NULL;

                if (bk_streq(file->direction, "download")) {
                        if (download(root, sources[i], file->destination, err) < 0)
                                return -1;
                        continue;
                }
                to = target_of(root, from, file->destination);
                if (upload(root, from, to, err) < 0)
                        return -1;
        }
        return 0;
}

static void inputs(const void *config, const struct tmpl *tmpl, struct bk_strv *ret)
{
        const struct file *file = config;

        if (bk_streq(file->direction, "download") || file->generated)
                return;
        if (file->source != NULL)
                bk_strv_take(ret, source_path(tmpl, file->source));
        for (size_t i = 0; i < file->sources.n; i++)
                bk_strv_take(ret, source_path(tmpl, file->sources.v[i]));
}

const struct bake_provisioner bake_file = {
        "file", "copies files in or out", keys, sizeof keys / sizeof *keys, sizeof(struct file), run, check, inputs,
};
