/* An image's row and its attributes, as a struct that owns its strings. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

void reg_image_done(struct reg_image *image)
{
        free(image->id);
        free(image->name);
        free(image->type);
        free(image->layer);
        free(image->ancestor);
        free(image->input_hash);
        free(image->created_by);
        free(image->created_on);
        for (size_t i = 0; i < image->n_attributes; i++) {
                free(image->attributes[i].key);
                free(image->attributes[i].value);
        }
        free(image->attributes);
        *image = (struct reg_image){ 0 };
}

void reg_images_done(struct reg_images *images)
{
        for (size_t i = 0; i < images->n; i++)
                reg_image_done(&images->v[i]);
        free(images->v);
        *images = (struct reg_images){ 0 };
}

const char *reg_image_attribute(const struct reg_image *image, const char *key)
{
        for (size_t i = 0; i < image->n_attributes; i++)
                if (strcmp(image->attributes[i].key, key) == 0)
                        return image->attributes[i].value;
        return NULL;
}

static int read_attributes(struct reg *reg, struct reg_stmt *stmt, struct reg_image *image, struct bk_error *err)
{
        int status;

        if (reg_sql_bind(reg, stmt, err, "i", image->sequence) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                image->attributes = bk_grow(image->attributes, image->n_attributes + 1, sizeof *image->attributes);
                image->attributes[image->n_attributes++] =
                        (struct reg_pair){ .key = reg_column(stmt, 0), .value = reg_column(stmt, 1) };
        }
        return status;
}

static void read_columns(struct reg_stmt *stmt, struct reg_image *ret)
{
        *ret = (struct reg_image){
                .sequence = reg_column_int(stmt, 0),
                .id = reg_column(stmt, 1),
                .name = reg_column(stmt, 2),
                .type = reg_column(stmt, 3),
                .state = (enum reg_state)reg_column_int(stmt, 4),
                .layer = reg_column(stmt, 5),
                .ancestor = reg_column(stmt, 6),
                .input_hash = reg_column(stmt, 7),
                .size = (uint64_t)reg_column_int(stmt, 8),
                .virtual_size = (uint64_t)reg_column_int(stmt, 9),
                .created_at = reg_column_int(stmt, 10),
                .created_by = reg_column(stmt, 11),
                .created_on = reg_column(stmt, 12),
                .hidden = reg_column_int(stmt, 13) != 0,
        };
}

int reg_image_row(struct reg *reg, struct reg_stmt *stmt, struct reg_stmt **attributes, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (*attributes == NULL &&
            reg_sql_prepare(reg, "SELECT key, value FROM attribute WHERE image = ? ORDER BY key", attributes, err) < 0)
                return -1;
        read_columns(stmt, &image);
        if (image.id == NULL || image.name == NULL || image.layer == NULL || (unsigned)image.state > REG_TRASHED)
                return bk_fail(err, BK_CORRUPT, "registry '%s': the row of image %lld makes no sense; "
                               "restore it from a backup", reg->path, (long long)image.sequence);
        if (read_attributes(reg, *attributes, &image, err) < 0)
                return -1;
        *ret = image;
        image = (struct reg_image){ 0 };
        return 0;
}

void reg_images_take(struct reg_images *images, struct reg_image *image)
{
        if ((images->n & (images->n + 1)) == 0)
                images->v = bk_grow(images->v, 2 * (images->n + 1), sizeof *images->v);
        images->v[images->n++] = *image;
        *image = (struct reg_image){ 0 };
}

/* In one transaction, so that both statements see one state of the registry. */
int reg_image_rows(struct reg *reg, struct reg_stmt *stmt, struct reg_images *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *attributes = NULL;
        autotxn txn = { 0 };
        int status;

        if (reg_txn_read(reg, &txn, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                struct reg_image image = { 0 };

                if (reg_image_row(reg, stmt, &attributes, &image, err) < 0)
                        return -1;
                reg_images_take(&images, &image);
        }
        if (status < 0)
                return -1;
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}

int reg_image_find(struct reg *reg, const char *id, int64_t *ret_sequence, enum reg_state *ret_state, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT sequence, state FROM image WHERE id = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", id) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s'", id);
        if (ret_sequence != NULL)
                *ret_sequence = reg_column_int(stmt, 0);
        if (ret_state != NULL)
                *ret_state = (enum reg_state)reg_column_int(stmt, 1);
        return 0;
}

int reg_image_by_id(struct reg *reg, const char *id, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.id = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", id) < 0 || reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s'", id);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}

int reg_manifest(struct reg *reg, const char *id, char **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT d.manifest FROM image i JOIN document d ON d.image = i.sequence WHERE i.id = ?";
        const int status = reg_sql_text(reg, ret, err, sql, "t", id);

        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s'", id);
        return status < 0 ? -1 : 0;
}
