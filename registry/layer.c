/* Layers: rows of what lies in the store. A layer stays while an image has it
 * on top or another layer stands on it; both are foreign keys. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <time.h>

#define LAYER_COLUMNS \
        "l.digest, (SELECT digest FROM layer WHERE id = l.backing), l.size, l.virtual_size, l.depth, l.id, l.backing "

void reg_layer_done(struct reg_layer *layer)
{
        free(layer->digest);
        free(layer->backing);
        *layer = (struct reg_layer){ 0 };
}

void reg_layers_done(struct reg_layers *layers)
{
        for (size_t i = 0; i < layers->n; i++)
                reg_layer_done(&layers->v[i]);
        free(layers->v);
        *layers = (struct reg_layers){ 0 };
}

static struct reg_layer read_layer(struct reg_stmt *stmt)
{
        return (struct reg_layer){
                .digest = reg_column(stmt, 0),
                .backing = reg_column(stmt, 1),
                .size = (uint64_t)reg_column_int(stmt, 2),
                .virtual_size = (uint64_t)reg_column_int(stmt, 3),
                .depth = (unsigned)reg_column_int(stmt, 4),
        };
}

static void append(struct reg_layers *layers, struct reg_layer layer)
{
        if ((layers->n & (layers->n + 1)) == 0)
                layers->v = bk_grow(layers->v, 2 * (layers->n + 1), sizeof *layers->v);
        layers->v[layers->n++] = layer;
}

int reg_layer_row(struct reg *reg, const char *digest, int64_t *ret, struct bk_error *err)
{
        const int status = reg_sql_int(reg, ret, err, "SELECT id FROM layer WHERE digest = ?", "t", digest);

        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "layer '%.100s' is not in the registry", digest);
        return status < 0 ? -1 : 0;
}

int reg_layer_get(struct reg *reg, const char *digest, struct reg_layer *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT " LAYER_COLUMNS "FROM layer l WHERE l.digest = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", digest) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "layer '%.100s' is not in the registry", digest);
        *ret = read_layer(stmt);
        return 0;
}

int reg_all_layers(struct reg *reg, struct reg_layers *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT " LAYER_COLUMNS "FROM layer l ORDER BY l.id", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                append(&layers, read_layer(stmt));
        if (status < 0)
                return -1;
        *ret = layers;
        layers = (struct reg_layers){ 0 };
        return 0;
}

/* The same digest is the same file: what was recorded of it must agree. */
static int same_layer(struct reg *reg, const struct reg_layer *layer, int64_t *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_layer_done) struct reg_layer known = { 0 };

        if (reg_layer_get(reg, layer->digest, &known, err) < 0)
                return -1;
        if (!bk_streq(known.backing, layer->backing) || known.size != layer->size ||
            known.virtual_size != layer->virtual_size || known.depth != layer->depth)
                return bk_fail(err, BK_CONFLICT, "layer '%s' is recorded otherwise: %llu bytes at depth %u on '%s'",
                               layer->digest, (unsigned long long)known.size, known.depth,
                               known.backing == NULL ? "nothing" : known.backing);
        return reg_layer_row(reg, layer->digest, ret, err);
}

/* Who needs a blob takes it out of those that are to be removed; who removes it looks there with the store held alone. */
int reg_layer_put(struct reg *reg, const struct reg_layer *layer, int64_t *ret, struct bk_error *err)
{
        int64_t known = 0, backing = 0, depth = 0;
        int status = reg_sql_int(reg, &known, err, "SELECT id FROM layer WHERE digest = ?", "t", layer->digest);

        if (status != 0)
                return status < 0 ? -1 : same_layer(reg, layer, ret, err);
        if (layer->backing != NULL) {
                if (reg_layer_row(reg, layer->backing, &backing, err) < 0)
                        return bk_wrap(err, "below layer '%s'", layer->digest);
                if (reg_sql_int(reg, &depth, err, "SELECT depth FROM layer WHERE id = ?", "i", backing) < 0)
                        return -1;
                if (layer->depth != (unsigned)depth + 1)
                        return bk_fail(err, BK_INVALID, "layer '%s' has depth %u on a layer of depth %lld", layer->digest,
                                       layer->depth, (long long)depth);
        }
        if (reg_sql_run(reg, err, "DELETE FROM doomed WHERE digest = ?", "t", layer->digest) < 0)
                return -1;
        return reg_sql_int(reg, ret, err, "INSERT INTO layer (digest, backing, size, virtual_size, depth) VALUES (?, ?, ?, ?, ?) "
                           "RETURNING id", "triii", layer->digest, backing, (int64_t)layer->size,
                           (int64_t)layer->virtual_size, (int64_t)layer->depth) < 0 ? -1 : 0;
}

static int doom(struct reg *reg, const struct reg_layer *layer, struct bk_error *err)
{
        return reg_sql_run(reg, err, "INSERT INTO doomed (digest, size, at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING", "tii",
                           layer->digest, (int64_t)layer->size, (int64_t)time(NULL));
}

int reg_layer_drop_unused(struct reg *reg, int64_t layer, struct reg_layers *ret, struct bk_error *err)
{
        autostmt *unused = NULL, *drop = NULL;
        int status = 0;

        if (reg_sql_prepare(reg, "SELECT " LAYER_COLUMNS "FROM layer l WHERE l.id = ? "
                            "AND NOT EXISTS (SELECT 1 FROM image WHERE layer = l.id) "
                            "AND NOT EXISTS (SELECT 1 FROM layer u WHERE u.backing = l.id)", &unused, err) < 0 ||
            reg_sql_prepare(reg, "DELETE FROM layer WHERE id = ?", &drop, err) < 0)
                return -1;
        while (layer != 0) {
                if (reg_sql_bind(reg, unused, err, "i", layer) < 0 || (status = reg_sql_step(reg, unused, err)) < 0)
                        return -1;
                if (status == 0)
                        break;
                append(ret, read_layer(unused));
                if (reg_sql_bind(reg, drop, err, "i", layer) < 0)
                        return -1;
                layer = reg_column_int(unused, 6);
                reg_sql_reset(unused);            /* a row under a cursor is not deleted */
                if (reg_sql_step(reg, drop, err) < 0 || doom(reg, &ret->v[ret->n - 1], err) < 0)
                        return -1;
        }
        return 0;
}
