/* Planning: every block of a template is decoded before anything runs, so that
 * a mistake in the last line is not found after an hour; then the source is
 * resolved, and what would go into the bake is compared with what went into the newest image of that name. */
#include "bakery/bake/bake_priv.h"

#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/life.h"

struct names { const char *v[32]; size_t n; };

static struct names known(enum bake_part part)
{
        struct names names = { 0 };

        if (part == BAKE_BUILDER) {
                const struct bake_builder *rows = bake_builders(&names.n);

                for (size_t i = 0; i < names.n; i++)
                        names.v[i] = rows[i].type;
        } else if (part == BAKE_PROVISIONER) {
                const struct bake_provisioner *rows = bake_provisioners(&names.n);

                for (size_t i = 0; i < names.n; i++)
                        names.v[i] = rows[i].type;
        } else {
                const struct bake_postprocessor *rows = bake_postprocessors(&names.n);

                for (size_t i = 0; i < names.n; i++)
                        names.v[i] = rows[i].type;
        }
        return names;
}

static int unknown(const struct bk_doc *doc, enum bake_part part, const char *type, struct bk_error *err)
{
        static const char *const words[] = {
                [BAKE_BUILDER] = "builder", [BAKE_PROVISIONER] = "provisioner", [BAKE_POST_PROCESSOR] = "post-processor",
        };
        const struct bk_doc *place = bk_doc_get(doc, "type");
        const struct names names = known(part);
        const char *nearest = bk_nearest(type, names.v, names.n);
        BK_CLEANUP(bk_buf_done) struct bk_buf list = { 0 };

        for (size_t i = 0; i < names.n; i++)
                bk_buf_printf(&list, "%s%s", i ? ", " : "", names.v[i]);
        if (bake_packer_has(part, type))
                return bk_doc_fail(err, place ? place : doc, "bakery has no %s '%s' (Packer has); it has %s", words[part], type, list.data);
        if (nearest != NULL)
                return bk_doc_fail(err, place ? place : doc, "unknown %s '%s'; did you mean '%s'?", words[part], type, nearest);
        return bk_doc_fail(err, place ? place : doc, "unknown %s '%s'; known are %s", words[part], type, list.data);
}

static void add_warning(struct bk_strv *warnings, const struct bk_doc *place, const char *text)
{
        bk_strv_addf(warnings, "%s:%u:%u: warning: %s", place->file, place->line, place->column, text);
}

void bake_warn(struct bake *bake, const struct bk_doc *place, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        add_warning(&bake->warnings, place, text);
}

static bool name_valid(const char *name)
{
        const size_t length = strlen(name);

        return length > 0 && length < 200 && strchr("._/-", name[0]) == NULL && name[length - 1] != '/' &&
               strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._/-") == length && strstr(name, "..") == NULL &&
               strstr(name, "//") == NULL;
}

static const char *attribute_of(const struct bake *bake, const char *key)
{
        const struct tmpl_map *attributes = &bake->config.attributes;

        for (size_t i = 0; i < attributes->keys.n; i++)
                if (bk_streq(attributes->keys.v[i], key))
                        return attributes->values.v[i];
        return NULL;
}

static int check_config(struct bake *bake, struct bk_error *err)
{
        struct bake_config *config = &bake->config;
        const struct bk_doc *doc = bake->block->doc;
        const struct bk_doc *name = bk_doc_get(doc, "image_name"), *fs = bk_doc_get(doc, "filesystem");
        const struct bk_doc *skip = bk_doc_get(doc, "sysprep_skip");
        size_t n;
        const struct sysprep_row *rows = sysprep_rows(&n);

        if (!name_valid(config->image_name))
                return bk_doc_fail(err, name ? name : doc, "'%s' cannot name an image; use a-z, 0-9 and . _ - / between them",
                                   config->image_name);
        if (config->filesystem != NULL && disk_fs_find(config->filesystem) == NULL)
                return bk_doc_fail(err, fs ? fs : doc, "unknown filesystem '%s'; known are ext4, xfs, btrfs", config->filesystem);
        for (size_t i = 0; i < config->sysprep_skip.n; i++) {
                bool known = false;

                for (size_t k = 0; k < n; k++)
                        known |= bk_streq(rows[k].name, config->sysprep_skip.v[i]);
                if (!known)
                        return bk_doc_fail(err, skip ? skip : doc, "unknown sysprep operation '%s'; `bakery help sysprep` lists them",
                                           config->sysprep_skip.v[i]);
        }
        if (config->unique_version && attribute_of(bake, "version") == NULL)
                return bk_doc_fail(err, doc, "unique_version is about the attribute 'version', and attributes has none");
        if (config->image_type == NULL)
                config->image_type = bk_strdup(bake->builder->default_type);
        return 0;
}

/* What is rendered only when it is used, with a name for every value. */
static int check_later(const struct tmpl_scope *like, const struct bk_doc *block, const struct tmpl_key *keys, size_t n_keys, const char *into,
                       struct bk_error *err)
{
        static const struct tmpl_datum later[] = {
                { "Path", "Path" }, { "Vars", "Vars" }, { "EnvVarFile", "EnvVarFile" }, { "Script", "Script" }, { "Command", "Command" },
                { "BuildName", "BuildName" }, { "BuilderType", "BuilderType" }, { "ChecksumType", "md5" }, { "ImageName", "ImageName" },
                { "ImageID", "ImageID" },
        };
        struct tmpl_scope scope = *like;

        scope.data = later;
        scope.n_data = sizeof later / sizeof *later;
        for (size_t k = 0; k < n_keys; k++) {
                const bool list = keys[k].kind == TMPL_LIST && (keys[k].flags & TMPL_LATER);
                const struct bk_doc *place = bk_doc_get(block, keys[k].name);
                const char *member = into + keys[k].offset;
                struct bk_strv texts = { .v = (char **)(void *)member, .n = 1 };

                if (keys[k].kind != TMPL_RAW && !list)
                        continue;
                if (list)
                        memcpy(&texts, member, sizeof texts);
                for (size_t i = 0; i < texts.n; i++) {
                        autofree char *text = NULL;

                        if (texts.v[i] != NULL && tmpl_render(&scope, texts.v[i], place ? place : block, &text, err) < 0)
                                return bk_wrap(err, "\"%s\"", keys[k].name);
                }
        }
        return 0;
}

/* Decodes into a throw-away struct: only to find mistakes. */
static int check_step(const struct bake *bake, const struct tmpl_step *step, struct bk_error *err)
{
        const struct bake_provisioner *row = bake_provisioner_find(step->type);
        autostrv struct bk_strv files = { 0 };
        autofree char *into = NULL;
        struct tmpl_scope scope = bake->scope;
        int result;

        if (row == NULL)
                return unknown(step->doc, BAKE_PROVISIONER, step->type, err);
        bake_build_unknown(&scope);
        into = bk_alloc(row->size);
        result = tmpl_decode(&scope, step->doc, step->override, row->keys, row->n_keys, into, err);
        if (result == 0 && row->check != NULL)
                result = row->check(into, step, err);
        if (result == 0)
                result = check_later(&scope, step->doc, row->keys, row->n_keys, into, err);
        if (result == 0 && row->inputs != NULL)
                row->inputs(into, bake->tmpl, &files);
        for (size_t i = 0; i < files.n && result == 0; i++)
                if (!bk_exists(files.v[i]))
                        result = bk_doc_fail(err, step->doc, "%s: there is no '%s'", step->type, files.v[i]);
        tmpl_undecode(row->keys, row->n_keys, into);
        return result;
}

static int check_post(const struct bake *bake, const struct tmpl_step *step, struct bk_error *err)
{
        const struct bake_postprocessor *row = bake_postprocessor_find(step->type);
        autofree char *into = NULL;
        struct tmpl_scope scope = bake->scope;
        int result;

        if (row == NULL)
                return unknown(step->doc, BAKE_POST_PROCESSOR, step->type, err);
        bake_build_unknown(&scope);
        into = bk_alloc(row->size);
        result = tmpl_decode(&scope, step->doc, NULL, row->keys, row->n_keys, into, err);
        if (result == 0 && row->check != NULL)
                result = row->check(into, step, err);
        if (result == 0)
                result = check_later(&scope, step->doc, row->keys, row->n_keys, into, err);
        tmpl_undecode(row->keys, row->n_keys, into);
        return result;
}

int bake_prepare(struct bake *bake, struct bk_error *err)
{
        const struct tmpl *tmpl = bake->tmpl;

        bake->scope = (struct tmpl_scope){ .tmpl = tmpl, .build_name = bake->block->name, .build_type = bake->block->type };
        bake->builder = bake_builder_find(bake->block->type);
        if (bake->builder == NULL)
                return unknown(bake->block->doc, BAKE_BUILDER, bake->block->type, err);
        if (tmpl_decode(&bake->scope, bake->block->doc, NULL, bake->builder->keys, bake->builder->n_keys, &bake->config, err) < 0 ||
            (bake->builder->check != NULL && bake->builder->check(bake, err) < 0) || check_config(bake, err) < 0)
                return -1;
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                if (tmpl_step_applies(&tmpl->provisioners[i], bake->name) && check_step(bake, &tmpl->provisioners[i], err) < 0)
                        return -1;
        if (tmpl->cleanup != NULL && check_step(bake, tmpl->cleanup, err) < 0)
                return -1;
        for (size_t p = 0; p < tmpl->n_pipelines; p++) {
                const struct tmpl_pipeline *line = &tmpl->pipelines[p];

                for (size_t i = bake_post_next(bake, line, 0); i < line->n; i = bake_post_next(bake, line, i + 1))
                        if (check_post(bake, &line->v[i], err) < 0)
                                return -1;
        }
        return 0;
}

static bool selected(const struct bake_options *options, const char *name)
{
        return (options->only.n == 0 || bk_strv_has(&options->only, name)) && !bk_strv_has(&options->except, name);
}

int bake_builds(struct tmpl *tmpl, const struct bake *like, struct bake ***ret, size_t *ret_n, struct bk_strv *ret_warnings,
                struct bk_error *err)
{
        const size_t before = *ret_n;
        const struct tmpl_builder *left_out = NULL;

        for (size_t i = 0; i < tmpl->warnings.n; i++)
                bk_strv_add(ret_warnings, tmpl->warnings.v[i]);
        for (size_t i = 0; i < tmpl->n_builders; i++) {
                const struct tmpl_builder *block = &tmpl->builders[i];
                const struct bk_doc *place = bk_doc_get(block->doc, "type");
                struct bake *bake;

                if (!selected(like->options, block->name))
                        continue;
                if (bake_builder_find(block->type) == NULL) {
                        autofree char *text = bk_format("'%s' is left out: bakery has no builder '%s' (Packer has)", block->name, block->type);

                        if (!bake_packer_has(BAKE_BUILDER, block->type))
                                return unknown(block->doc, BAKE_BUILDER, block->type, err);
                        add_warning(ret_warnings, place, text);
                        left_out = left_out ? left_out : block;
                        continue;
                }
                bake = bk_alloc(sizeof *bake);
                *bake = *like;
                bake->tmpl = tmpl;
                bake->block = block;
                bake->name = bk_strdup(block->name);
                bake->id = bk_random_name();
                bake->lease = (struct bk_lease)BK_LEASE_NONE;
                bake->lock = bake->events = -1;
                *ret = bk_grow(*ret, *ret_n + 1, sizeof(struct bake *));
                (*ret)[(*ret_n)++] = bake;
        }
        return *ret_n == before && left_out != NULL ? unknown(left_out->doc, BAKE_BUILDER, left_out->type, err) : 0;
}

void bake_done(struct bake *bake)
{
        if (bake->builder != NULL)
                tmpl_undecode(bake->builder->keys, bake->builder->n_keys, &bake->config);
        reg_image_done(&bake->source);
        reg_image_done(&bake->image);
        json_decref(bake->inputs);
        json_decref(bake->result);
        json_decref(bake->artifacts);
        free(bake->name);
        free(bake->id);
        free(bake->input_hash);
        free(bake->reason);
        free(bake->step);
        free(bake->last_line);
        free(bake->log_path);
        bk_buf_done(&bake->partial);
        bk_strv_done(&bake->tail);
        bk_strv_done(&bake->warnings);
        bk_lease_done(&bake->lease);
        if (bake->log != NULL)
                (void)fclose(bake->log);
        if (bake->lock >= 0)
                (void)close(bake->lock);
        if (bake->events >= 0)
                (void)close(bake->events);
        free(bake);
}

/* Said before the work, not after it. Whoever publishes looks once more: an hour is time enough to withdraw an image. */
static int check_source(const struct bake *bake, struct reg *reg, struct bk_error *err)
{
        const bool allowed = bake->options->allow_revoked || bake->config.allow_revoked;
        autofree char *why = NULL;

        if (bake->source.state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "'%s' is in the trash; bake on another, or `bakery image untrash` it", bake->source.id);
        if (bake->source.state != REG_REVOKED || allowed)
                return 0;
        if (reg_revoked_why(reg, bake->source.id, &why, err) < 0)
                return -1;
        return bk_fail(err, BK_CONFLICT, "'%s' is revoked %s; bake on a newer one, or tell that it may be by -allow-revoked", bake->source.id, why);
}

static int check_version(const struct bake *bake, struct reg *reg, struct bk_error *err)
{
        const struct reg_release release = { .name = bake->config.image_name, .version = attribute_of(bake, "version"),
                                             .architecture = attribute_of(bake, "architecture"), .unique = bake->config.unique_version };

        return reg_release_check(reg, &release, err);
}

static int resolve_source(struct bake *bake, struct reg *reg, struct bk_error *err)
{
        const struct bk_doc *place = bk_doc_get(bake->block->doc, "source_image");

        reg_image_done(&bake->source);
        /* The run may have begun hours ago. */
        if (reg_due_apply(reg, err) == 0 && reg_resolve(reg, bake->config.source_image, &bake->source, err) == 0 && check_source(bake, reg, err) == 0)
                return 0;
        bk_wrap(err, "source_image");
        return place ? bk_at(err, place->file, place->line, place->column) : -1;
}

int bake_plan(struct bake *bake, struct reg *reg, bool *ret_current, struct bk_error *err)
{
        struct bk_error none = { 0 };
        bool current = false;

        if ((bake->config.source_image != NULL && resolve_source(bake, reg, err) < 0) || bake_inputs(bake, err) < 0)
                return -1;
        if (bake->options->force) {
                bake->reason = bk_strdup("forced");
        } else if (reg_find_input(reg, bake->config.image_name, bake->input_hash, &bake->image, &none) == 0) {
                /* A registered image whose blob is gone or altered is no image: bake it anew. */
                current = layer_verify(bake->store, bake->image.layer, false, &none) == 0;
                if (!current) {
                        reg_image_done(&bake->image);
                        bake->reason = bk_format("the image is registered, but %s", none.text);
                }
        } else if (none.kind != BK_NOT_FOUND) {
                *err = none;
                return -1;
        } else {
                bake->reason = bake_changed_inputs(bake, reg);
        }
        *ret_current = current;
        return current ? 0 : check_version(bake, reg, err);
}

int bake_validate(const char *path, const struct bake_options *options, struct bk_strv *ret_warnings, struct bk_error *err)
{
        const struct bake like = { .options = options };
        struct tmpl *tmpl = NULL;
        struct bake **bakes = NULL;
        size_t n = 0;
        int result;

        if (tmpl_load(path, &options->variables, &tmpl, err) < 0)
                return -1;
        result = bake_builds(tmpl, &like, &bakes, &n, ret_warnings, err);
        if (result == 0 && n == 0)
                result = bk_fail(err, BK_INVALID, "nothing is left to bake after -only and -except");
        for (size_t i = 0; i < n; i++) {
                if (result == 0) {
                        result = bake_prepare(bakes[i], err);
                        for (size_t k = 0; k < bakes[i]->warnings.n; k++)
                                bk_strv_add(ret_warnings, bakes[i]->warnings.v[k]);
                }
                bake_done(bakes[i]);
        }
        free(bakes);
        tmpl_free(tmpl);
        return result;
}
