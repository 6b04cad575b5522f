/* Post-processors: what is made of a published image.
 *
 * They run in a child of their own, one after the other. A pipeline hands an
 * artifact on: at first the image itself, in the store; then files. What a stage consumed is
 * removed when the pipeline is done, unless keep_input_artifact (or the
 * stage's nature) says otherwise; the image in the store always stays. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"

/* --- disk formats --------------------------------------------------------------- */

struct disk_post { char *keep, *output; };
static const struct tmpl_key disk_keys[] = {
        BAKE_POST_KEYS(struct disk_post),
        { "output", TMPL_RAW, offsetof(struct disk_post, output), 0, NULL, 0, 0, "path; {{.BuildName}} is known; the image's name where not given" },
};

static char *file_name_of(const char *image)
{
        char *name = bk_strdup(image);

        for (char *p = name; *p != '\0'; p++)
                if (*p == '/')
                        *p = '-';
        return name;
}

int bake_ensure_parent(const char *path, struct bk_error *err)
{
        const char *slash = strrchr(path, '/');
        autofree char *parent = slash == NULL ? NULL : bk_strndup(path, (size_t)(slash - path));

        return parent == NULL || *parent == '\0' ? 0 : bk_mkdir_p(parent, err);
}

static int export_as(const char *format_name, struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct disk_post *disk = config;
        const struct layer_format *format = layer_format_find(format_name);
        autofree char *name = file_name_of(post->bake->image.name);
        autofree char *fallback = bk_format("%s%s", name, format->suffix), *path = NULL;

        if (tmpl_render(&post->scope, disk->output ? disk->output : fallback, post->bake->block->doc, &path, err) < 0 ||
            bake_ensure_parent(path, err) < 0)
                return -1;
        bake_tell_step(post->events, "%s: writing %s", format_name, path);
        if (layer_export(post->bake->store, post->bake->image.layer, format, path, err) < 0)
                return -1;
        bk_strv_done(&artifact->files);
        bk_strv_add(&artifact->files, path);
        artifact->image = false;
        return 0;
}

static int run_raw(struct bake_post *p, const void *c, struct bake_artifact *a, struct bk_error *e) { return export_as("raw", p, c, a, e); }
static int run_qcow2(struct bake_post *p, const void *c, struct bake_artifact *a, struct bk_error *e) { return export_as("qcow2", p, c, a, e); }
static int run_vmdk(struct bake_post *p, const void *c, struct bake_artifact *a, struct bk_error *e) { return export_as("vmdk", p, c, a, e); }
static int run_vhd(struct bake_post *p, const void *c, struct bake_artifact *a, struct bk_error *e) { return export_as("vhd", p, c, a, e); }

/* --- checksum ---------------------------------------------------------------------- */

struct checksum_post { char *keep, *output; struct bk_strv types; };
static const struct tmpl_key checksum_keys[] = {
        BAKE_POST_KEYS(struct checksum_post),
        { "checksum_types", TMPL_LIST, offsetof(struct checksum_post, types), 0, "md5", 0, 0, "md5, sha1, sha224, sha256, sha384, sha512" },
        { "output", TMPL_RAW, offsetof(struct checksum_post, output), 0, "packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum",
          0, 0, "path; {{.BuildName}} {{.BuilderType}} {{.ChecksumType}}" },
};

static int run_checksum(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct checksum_post *checksum = config;
        autofree char *layer = layer_path(post->bake->store, post->bake->image.layer);
        autostrv struct bk_strv files = { 0 };

        if (artifact->image)
                bk_strv_add(&files, layer);
        for (size_t i = 0; i < artifact->files.n; i++)
                bk_strv_add(&files, artifact->files.v[i]);
        for (size_t t = 0; t < checksum->types.n; t++) {
                const struct tmpl_datum data[] = { { "BuildName", post->bake->name }, { "BuilderType", post->bake->block->type },
                                                   { "ChecksumType", checksum->types.v[t] } };
                struct tmpl_scope scope = post->scope;
                BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
                autofree char *path = NULL;

                scope.data = data;
                scope.n_data = 3;
                if (tmpl_render(&scope, checksum->output, post->bake->block->doc, &path, err) < 0 || bake_ensure_parent(path, err) < 0)
                        return -1;
                bake_tell_step(post->events, "checksum: %s", checksum->types.v[t]);
                for (size_t i = 0; i < files.n; i++) {
                        autofree char *hex = NULL;
                        const char *slash = strrchr(files.v[i], '/');

                        if (bk_checksum_file(files.v[i], checksum->types.v[t], &hex, err) < 0)
                                return -1;
                        bk_buf_printf(&text, "%s\t%s\n", hex, slash ? slash + 1 : files.v[i]);
                }
                if (bk_publish_bytes(path, text.data ? text.data : "", text.len, 0644, err) < 0)
                        return -1;
                bk_strv_add(&artifact->files, path);
        }
        return 0;
}

/* --- manifest ------------------------------------------------------------------------ */

struct manifest_post { char *keep, *output, *filename; bool strip_path, strip_time; struct tmpl_map custom_data; };
static const struct tmpl_key manifest_keys[] = {
        BAKE_POST_KEYS(struct manifest_post),
        { "output", TMPL_STRING, offsetof(struct manifest_post, output), 0, NULL, 0, 0, "path; packer-manifest.json where not given" },
        { "filename", TMPL_STRING, offsetof(struct manifest_post, filename), 0, NULL, 0, 0, "its older name" },
        { "strip_path", TMPL_BOOL, offsetof(struct manifest_post, strip_path), 0, "false", 0, 0, "names of files without folders" },
        { "strip_time", TMPL_BOOL, offsetof(struct manifest_post, strip_time), 0, "false", 0, 0, "build_time is 0" },
        { "custom_data", TMPL_MAP, offsetof(struct manifest_post, custom_data), 0, NULL, 0, 0, "put in as it is" },
};

static json_t *manifest_build(const struct bake_post *post, const struct manifest_post *manifest, const struct bake_artifact *artifact)
{
        json_t *files = json_array(), *custom = manifest->custom_data.keys.n > 0 ? json_object() : json_null();
        const struct bake *bake = post->bake;

        for (size_t i = 0; i < artifact->files.n; i++) {
                const char *path = artifact->files.v[i], *slash = strrchr(path, '/');
                struct stat st = { 0 };

                (void)stat(path, &st);
                (void)json_array_append_new(files, json_pack("{s:s, s:I}", "name", manifest->strip_path && slash ? slash + 1 : path,
                                                             "size", (json_int_t)st.st_size));
        }
        for (size_t i = 0; i < manifest->custom_data.keys.n; i++)
                (void)json_object_set_new(custom, manifest->custom_data.keys.v[i], json_string(manifest->custom_data.values.v[i]));
        return json_pack("{s:s, s:s, s:I, s:o, s:s, s:s, s:o}", "name", bake->name, "builder_type", bake->block->type,
                         "build_time", manifest->strip_time ? (json_int_t)0 : (json_int_t)bake->image.created_at, "files", files,
                         "artifact_id", bake->image.id, "packer_run_uuid", bake->options->run_uuid, "custom_data", custom);
}

/* The lock's file goes with the lock; whoever waited for one that has gone takes the one that is there now. */
static int lock_manifest(const char *path, int *ret, struct bk_error *err)
{
        for (;;) {
                autoclose int lock = -1;
                struct stat held, there;

                if (bk_lock_take(path, 60000, &lock, err) < 0)
                        return -1;
                if (fstat(lock, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino && held.st_dev == there.st_dev) {
                        *ret = bk_take_fd(lock);
                        return 0;
                }
        }
}

/* Appends for ever, as Packer's does; -force starts anew, once a run. */
static int run_manifest(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err)
{
        const struct manifest_post *manifest = config;
        const char *output = manifest->output ? manifest->output : manifest->filename ? manifest->filename : "packer-manifest.json";
        autofree char *lock_path = bk_format("%s.lock", output), *text = NULL;
        autoclose int lock = -1;
        json_t *document = NULL, *builds;
        json_error_t why;
        int result = -1;

        if (bake_ensure_parent(output, err) < 0 || lock_manifest(lock_path, &lock, err) < 0)
                return -1;
        if (bk_exists(output)) {
                document = json_load_file(output, 0, &why);
                if (document == NULL || !json_is_array(json_object_get(document, "builds"))) {
                        bk_fail(err, BK_INVALID, "'%s' is there and is not a manifest (%s); move it away", output,
                                document ? "no list of builds" : why.text);
                        goto done;
                }
                if (post->bake->options->force &&
                    !bk_streq(json_string_value(json_object_get(document, "last_run_uuid")), post->bake->options->run_uuid))
                        (void)json_array_clear(json_object_get(document, "builds"));
        } else {
                document = json_pack("{s:[]}", "builds");
        }
        builds = json_object_get(document, "builds");
        (void)json_array_append_new(builds, manifest_build(post, manifest, artifact));
        (void)json_object_set_new(document, "last_run_uuid", json_string(post->bake->options->run_uuid));
        text = json_dumps(document, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        result = bk_publish_bytes(output, text, strlen(text), 0644, err);
done:
        json_decref(document);
        (void)unlink(lock_path);
        return result;
}

/* --- rows ------------------------------------------------------------------------------ */

#define DISK_ROW(name, text, run) { name, text, disk_keys, sizeof disk_keys / sizeof *disk_keys, sizeof(struct disk_post), false, run, NULL }
static const struct bake_postprocessor own[] = {
        { "manifest", "notes the build in a JSON file", manifest_keys, sizeof manifest_keys / sizeof *manifest_keys,
          sizeof(struct manifest_post), true, run_manifest, NULL },
        { "checksum", "writes checksums of the artifact's files", checksum_keys, sizeof checksum_keys / sizeof *checksum_keys,
          sizeof(struct checksum_post), true, run_checksum, NULL },
        DISK_ROW("raw", "writes the disk as a raw file", run_raw),
        DISK_ROW("qcow2", "writes the disk as a standalone qcow2 file", run_qcow2),
        DISK_ROW("vmdk", "writes the disk as a VMDK file", run_vmdk),
        DISK_ROW("vhd", "writes the disk as a VHD file", run_vhd),
};

const struct bake_postprocessor *bake_postprocessors(size_t *n)
{
        enum { OWN = sizeof own / sizeof *own };
        static struct bake_postprocessor rows[OWN + 3];

        memcpy(rows, own, sizeof own);
        rows[OWN] = bake_compress;
        rows[OWN + 1] = bake_artifice;
        rows[OWN + 2] = bake_shell_local_post;
        *n = OWN + 3;
        return rows;
}

const struct bake_postprocessor *bake_postprocessor_find(const char *type)
{
        size_t n;
        const struct bake_postprocessor *rows = bake_postprocessors(&n);

        for (size_t i = 0; i < n; i++)
                if (bk_streq(rows[i].type, type))
                        return &rows[i];
        return NULL;
}

size_t bake_post_next(const struct bake *bake, const struct tmpl_pipeline *pipeline, size_t at)
{
        const struct bk_strv *except = &bake->options->except;

        for (; at < pipeline->n; at++) {
                const struct tmpl_step *step = &pipeline->v[at];

                if (!tmpl_step_applies(step, bake->name))
                        continue;
                return bk_strv_has(except, step->name) || bk_strv_has(except, step->type) ? pipeline->n : at;
        }
        return at;
}

static int run_stage(struct bake_post *post, const struct tmpl_step *step, struct bake_artifact *artifact, struct bk_strv *consumed,
                     struct bk_error *err)
{
        const struct bake_postprocessor *row = bake_postprocessor_find(step->type);
        autofree char *config = NULL, *keep = NULL;
        autostrv struct bk_strv before = { 0 };
        bool keeps;
        int result;

        if (row == NULL)
                return bk_doc_fail(err, step->doc, "there is no post-processor '%s'", step->type);
        config = bk_alloc(row->size);
        keeps = row->keeps_input;
        result = tmpl_decode(&post->scope, step->doc, NULL, row->keys, row->n_keys, config, err);
        for (size_t i = 0; i < artifact->files.n; i++)
                bk_strv_add(&before, artifact->files.v[i]);
        if (result == 0) {
                memcpy(&keep, config, sizeof keep);     /* every config starts with it */
                if (keep != NULL)
                        keeps = bk_streq(keep, "true") || bk_streq(keep, "1");
                keep = NULL;
                result = row->run(post, config, artifact, err);
        }
        for (size_t i = 0; result == 0 && !keeps && i < before.n; i++)
                if (!bk_strv_has(&artifact->files, before.v[i]))
                        bk_strv_add(consumed, before.v[i]);
        tmpl_undecode(row->keys, row->n_keys, config);
        if (result < 0) {
                bk_wrap(err, "post-processor '%s'", step->name);
                (void)bk_at(err, step->doc->file, step->doc->line, step->doc->column);
        }
        return result;
}

static int run_pipeline(struct bake_post *post, const struct tmpl_pipeline *pipeline, const struct bk_strv *beside, json_t *made,
                        struct bk_error *err)
{
        struct bake_artifact artifact = { .image = true };
        autostrv struct bk_strv consumed = { 0 };
        int result = 0;

        for (size_t i = 0; i < beside->n; i++)
                bk_strv_add(&artifact.files, beside->v[i]);
        for (size_t i = bake_post_next(post->bake, pipeline, 0); result == 0 && i < pipeline->n; i = bake_post_next(post->bake, pipeline, i + 1))
                result = run_stage(post, &pipeline->v[i], &artifact, &consumed, err);
        for (size_t i = 0; result == 0 && i < consumed.n; i++)
                if (!bk_strv_has(&artifact.files, consumed.v[i]) && unlink(consumed.v[i]) < 0 && errno != ENOENT)
                        result = bk_fail_errno(err, "cannot remove '%s'", consumed.v[i]);
        for (size_t i = 0; i < artifact.files.n; i++)
                (void)json_array_append_new(made, json_string(artifact.files.v[i]));
        bk_strv_done(&artifact.files);
        return result;
}

_Noreturn void bake_post_worker(struct bake *bake, int events)
{
        const struct tmpl_datum data[] = { { "BuildName", bake->name }, { "BuilderType", bake->block->type },
                                           { "ImageName", bake->image.name }, { "ImageID", bake->image.id } };
        struct bake_post post = { .bake = bake, .events = events, .scope = bake->scope };
        struct bk_error err = { 0 };
        json_t *made = json_array();
        autostrv struct bk_strv beside = { 0 };
        int result = 0;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setsid();
        post.scope.data = data;
        post.scope.n_data = sizeof data / sizeof *data;
        bake_build_known(bake, NULL, &post.scope);
        if (bake->builder->artifact != NULL)
                result = bake->builder->artifact(&post, &beside, &err);
        if (result == 0 && bake->tmpl->n_pipelines == 0)
                for (size_t i = 0; i < beside.n; i++)
                        (void)json_array_append_new(made, json_string(beside.v[i]));
        for (size_t i = 0; result == 0 && i < bake->tmpl->n_pipelines; i++)
                result = run_pipeline(&post, &bake->tmpl->pipelines[i], &beside, made, &err);
        if (result < 0)
                bake_tell_failure(events, &err);
        else
                bake_tell(events, json_pack("{s:s, s:O}", "event", "posted", "files", made));
        _exit(result < 0);
}
