/* The post-processors compress and artifice. As in Packer the name of the file says what it is: x.tar.gz is an archive, x.gz one compressed
 * file, and a name without such an end is a tar.gz. The programs of the host do it, as streams; they are found by name. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"

/* --- compress ------------------------------------------------------------------------ */

struct compress { char *keep, *output, *format; int64_t level; };
static const struct tmpl_key compress_keys[] = {
        BAKE_POST_KEYS(struct compress),
        { "output", TMPL_RAW, offsetof(struct compress, output), 0, "packer_{{.BuildName}}_{{.BuilderType}}", 0, 0,
          "path; .tar, .tar.gz, .tar.xz, .tar.lz4, .gz, .xz or .lz4; {{.BuildName}} {{.BuilderType}}" },
        { "format", TMPL_STRING, offsetof(struct compress, format), 0, NULL, 0, 0, "one of these ends, where output has none" },
        { "compression_level", TMPL_INT, offsetof(struct compress, level), 0, "6", -1, 9, "from 1, fast, to 9, small" },
};

static const struct { const char *end, *program; } ways[] = {
        { ".tar.gz", "gzip" }, { ".tgz", "gzip" }, { ".tar.xz", "xz" }, { ".tar.lz4", "lz4" }, { ".tar", NULL },
        { ".gz", "gzip" }, { ".xz", "xz" }, { ".lz4", "lz4" },
};

static bool ends_in(const char *text, const char *end)
{
        const size_t length = strlen(text), n = strlen(end);

        return length > n && bk_streq(text + length - n, end);
}

/* What the name of the file asks for. */
static void way_of(const struct compress *compress, const char *path, const char **ret_program, bool *ret_tar)
{
        autofree char *name = compress->format ? bk_format("%s.%s", path, compress->format) : bk_strdup(path);

        *ret_program = "gzip";
        *ret_tar = true;
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
                if (ends_in(name, ways[i].end)) {
                        *ret_program = ways[i].program;
                        *ret_tar = strncmp(ways[i].end, ".t", 2) == 0;
                        return;
                }
}

static int check_compress(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        static const char *const foreign[] = { ".zip", ".bgzf" };
        const struct compress *compress = config;
        const char *key = compress->format ? "format" : "output";
        autofree char *name = compress->format ? bk_format("x.%s", compress->format) : bk_strdup(compress->output);

        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
                if (ends_in(name, foreign[i]))
                        return bk_doc_fail(err, bk_doc_get(step->doc, key), "compress does not write %s; it writes .tar.gz, .tar.xz, .tar.lz4, "
                                           ".tar, .gz, .xz and .lz4", foreign[i]);
        return 0;
}

static int to_file(void *fd)
{
        return dup2(*(int *)fd, STDOUT_FILENO) < 0 ? -1 : 0;
}

static int write_archive(const struct compress *compress, const struct bk_strv *files, const char *path, const char *draft, int timeout_ms,
                         struct bk_error *err)
{
        const int64_t level = compress->level > 0 ? compress->level : 6;
        const char **argv = bk_grow(NULL, files->n + 8, sizeof *argv);
        autofree const char **owned = argv;
        autofree char *option = NULL;
        autoclose int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms, .in_child = to_file, .arg = &fd };
        const char *program;
        bool tar;
        size_t n = 0;

        (void)owned;
        if (fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", draft);
        way_of(compress, path, &program, &tar);
        if (tar) {
                argv[n++] = "tar";
                argv[n++] = "-cf";
                argv[n++] = "-";
                option = program ? bk_format("--use-compress-program=%s -%lld", program, (long long)level) : NULL;
                if (option != NULL)
                        argv[n++] = option;
                argv[n++] = "--";
        } else {
                option = bk_format("-%lld", (long long)level);
                argv[n++] = program;
                argv[n++] = option;
                argv[n++] = "-c";
                argv[n++] = "--";
        }
        for (size_t i = 0; i < files->n; i++)
                argv[n++] = files->v[i];
        argv[n] = NULL;
        if (!tar && files->n != 1)
                return bk_fail(err, BK_INVALID, "'%s' holds one file, and there are %zu; an archive is .tar.gz", path, files->n);
        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        return result.status == 0 ? 0 : bk_run_fail(err, argv[0], result.status, result.err);
}

static int run_compress(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct compress *compress = config;
        autofree char *path = NULL, *draft = NULL;

        if (artifact->files.n == 0)
                return bk_fail(err, BK_INVALID, "there is no file to compress: put raw, qcow2, vmdk or vhd before it");
        if (tmpl_render(&post->scope, compress->output, post->bake->block->doc, &path, err) < 0 || bake_ensure_parent(path, err) < 0)
                return -1;
        draft = bk_format("%s.draft", path);
        bake_tell_step(post->events, "compress: writing %s", path);
        if (write_archive(compress, &artifact->files, path, draft, (int)post->bake->config.timeout_ms, err) < 0) {
                (void)unlink(draft);
                return -1;
        }
        if (bk_publish(draft, path, err) < 0)
                return -1;
        bk_strv_done(&artifact->files);
        bk_strv_add(&artifact->files, path);
        artifact->image = false;
        return 0;
}

/* --- artifice ---------------------------------------------------------------------------- */

struct artifice { char *keep; struct bk_strv files; };
static const struct tmpl_key artifice_keys[] = {
        BAKE_POST_KEYS(struct artifice),
        { "files", TMPL_LIST, offsetof(struct artifice, files), 0, NULL, 0, 0, "what the stages after it are about, instead" },
};

static int check_artifice(const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct artifice *artifice = config;

        return artifice->files.n > 0 ? 0 : bk_doc_fail(err, step->doc, "artifice needs files");
}

static int run_artifice(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct artifice *artifice = config;

        for (size_t i = 0; i < artifice->files.n; i++)
                if (!bk_exists(artifice->files.v[i]))
                        return bk_fail(err, BK_NOT_FOUND, "there is no '%s'", artifice->files.v[i]);
        bake_tell_step(post->events, "artifice: going on with %zu file%s", artifice->files.n, artifice->files.n == 1 ? "" : "s");
        bk_strv_done(&artifact->files);
        for (size_t i = 0; i < artifice->files.n; i++)
                bk_strv_add(&artifact->files, artifice->files.v[i]);
        artifact->image = false;
        return 0;
}

const struct bake_postprocessor bake_compress = {
        "compress", "makes one compressed file of the artifact's files", compress_keys, sizeof compress_keys / sizeof *compress_keys,
        sizeof(struct compress), false, run_compress, check_compress,
};
const struct bake_postprocessor bake_artifice = {
        "artifice", "puts other files in the artifact's place", artifice_keys, sizeof artifice_keys / sizeof *artifice_keys,
        sizeof(struct artifice), true, run_artifice, check_artifice,
};
