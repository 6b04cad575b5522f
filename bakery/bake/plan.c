/* Planning: every block of a template is decoded before anything runs, so that
 * a mistake in the last line is not found after an hour; then the source is
 * resolved, and what would go into the bake is compared with what went into the newest image of that name. */
#include "bakery/bake/bake_priv.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/life.h"

static const char *const *names_of_builders(size_t *n)
{
        static const char *names[16];
        size_t count;
        const struct bake_builder *rows = bake_builders(&count);

        for (size_t i = 0; i < count; i++)
                names[i] = rows[i].type;
        *n = count;
        return names;
}

static int unknown(const struct bk_doc *doc, const char *what, const char *type, const char *const known[], size_t n,
                   struct bk_error *err)
{
        const struct bk_doc *place = bk_doc_get(doc, "type");
        const char *nearest = bk_nearest(type, known, n);
        autofree char *list = bk_strdup("");

        for (size_t i = 0; i < n; i++) {
                char *longer = bk_format("%s%s%s", list, i ? ", " : "", known[i]);

                free(list);
                list = longer;
        }
        if (nearest != NULL)
                return bk_doc_fail(err, place ? place : doc, "unknown %s '%s'; did you mean '%s'?", what, type, nearest);
        return bk_doc_fail(err, place ? place : doc, "unknown %s '%s'; known are %s", what, type, list);
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

/* Decodes into a throw-away struct: only to find mistakes. */
static int check_step(const struct bake *bake, const struct tmpl_step *step, struct bk_error *err)
{
        const struct bake_provisioner *row = bake_provisioner_find(step->type);
        autostrv struct bk_strv files = { 0 };
        autofree char *into = NULL;
        int result;

        if (row == NULL) {
                size_t n;
                const struct bake_provisioner *rows = bake_provisioners(&n);
                const char *names[32];

                for (size_t i = 0; i < n; i++)
                        names[i] = rows[i].type;
                return unknown(step->doc, "provisioner", step->type, names, n, err);
        }
        into = bk_alloc(row->size);
        result = tmpl_decode(&bake->scope, step->doc, step->override, row->keys, row->n_keys, into, err);
        if (result == 0 && row->check != NULL)
                result = row->check(into, step, err);
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
        int result;

        if (row == NULL) {
                size_t n;
                const struct bake_postprocessor *rows = bake_postprocessors(&n);
                const char *names[32];

                for (size_t i = 0; i < n; i++)
                        names[i] = rows[i].type;
                return unknown(step->doc, "post-processor", step->type, names, n, err);
        }
        into = bk_alloc(row->size);
        result = tmpl_decode(&bake->scope, step->doc, NULL, row->keys, row->n_keys, into, err);
        tmpl_undecode(row->keys, row->n_keys, into);
        return result;
}

int bake_prepare(struct bake *bake, struct bk_error *err)
{
        const struct tmpl *tmpl = bake->tmpl;

        bake->scope = (struct tmpl_scope){ .tmpl = tmpl, .build_name = bake->block->name, .build_type = bake->block->type };
        bake->builder = bake_builder_find(bake->block->type);
        if (bake->builder == NULL) {
                size_t n;
                const char *const *names = names_of_builders(&n);

                return unknown(bake->block->doc, "builder", bake->block->type, names, n, err);
        }
        if (tmpl_decode(&bake->scope, bake->block->doc, NULL, bake->builder->keys, bake->builder->n_keys, &bake->config, err) < 0 ||
            (bake->builder->check != NULL && bake->builder->check(bake, err) < 0) || check_config(bake, err) < 0)
                return -1;
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                if (tmpl_step_applies(&tmpl->provisioners[i], bake->name) && check_step(bake, &tmpl->provisioners[i], err) < 0)
                        return -1;
        if (tmpl->cleanup != NULL && check_step(bake, tmpl->cleanup, err) < 0)
                return -1;
        for (size_t p = 0; p < tmpl->n_pipelines; p++)
                for (size_t i = 0; i < tmpl->pipelines[p].n; i++)
                        if (check_post(bake, &tmpl->pipelines[p].v[i], err) < 0)
                                return -1;
        return 0;
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

int bake_validate(const char *path, const struct tmpl_options *variables, struct bk_strv *ret_warnings, struct bk_error *err)
{
        struct tmpl *tmpl = NULL;
        int result = 0;

        if (tmpl_load(path, variables, &tmpl, err) < 0)
                return -1;
        for (size_t i = 0; i < tmpl->warnings.n; i++)
                bk_strv_add(ret_warnings, tmpl->warnings.v[i]);
        for (size_t i = 0; result == 0 && i < tmpl->n_builders; i++) {
                struct bake *bake = bk_alloc(sizeof *bake);

                bake->lock = bake->events = bake->lease.fd = -1;
                bake->tmpl = tmpl;
                bake->block = &tmpl->builders[i];
                bake->name = bk_strdup(tmpl->builders[i].name);
                result = bake_prepare(bake, err);
                bake_done(bake);
        }
        tmpl_free(tmpl);
        return result;
}
