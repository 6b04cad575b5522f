/* The file provisioner: into the image, or out of it. */
#include "bakery/bake/bake_priv.h"

#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

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

static int run(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct file *file = config;
        const struct bake_place *place = work->place;
        const char *const *sources = file->source ? (const char *const *)&file->source : (const char *const *)file->sources.v;
        const size_t n = file->source ? 1 : file->sources.n;

        (void)step;
        if (place->ready(work, err) < 0)
                return -1;
        if (file->content != NULL)
                return place->write(work, file->destination, file->content, strlen(file->content), 0644, err);
        for (size_t i = 0; i < n; i++) {
                const bool down = bk_streq(file->direction, "download");
                autofree char *from = down ? bk_strdup(sources[i]) : source_path(work->bake->tmpl, sources[i]);

                if ((down ? place->download : place->upload)(work, from, file->destination, err) < 0)
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
