/* A copy of the registry as one file that both databases read, and back.
 *
 * The file is a plain tar archive, so that what is in it can be looked at, and checked by sha256sum:
 *
 *      backup.json             format, schema, when, of what, how far numbers were given
 *      layers.jsonl            {"digest", "size", "here"}: what the store must have
 *      tables/NAME/000001.jsonl  ["column", ...], then a row a line; tables in an order in which references hold
 *      layers/HEX.qcow2        the layers themselves, where they were asked for; HEX is their digest
 *      SHA256SUMS              of every member before
 *
 * It is complete when SHA256SUMS is last and tells of all, and only then anything of it is used. */
#pragma once
#include "layers/layer.h"
#include "registry/registry.h"

struct reg_backup_report {
        int64_t images, rows, layers;   /* layers: that were copied */
        uint64_t bytes;                 /* of the file */
        char *digest;                   /* of its SHA256SUMS, and so of it all */
        struct bk_strv missing;         /* layers that the registry names and the store lacks */
};
void reg_backup_report_done(struct reg_backup_report *report);

/* Writes all of the registry as it is at this moment, while others work on, and with_layers the layers, each verified. The file is
 * for its owner only: it has what tokens are checked with. It appears when it is complete. Layers that are missing are reported, or
 * with_layers an error. */
int reg_backup(struct reg *reg, const struct layer_store *store, const char *path, bool with_layers, struct reg_backup_report *ret,
               struct bk_error *err) BK_MUST_CHECK;

struct reg_restore_options {
        bool replace;                   /* a registry that has images is emptied first */
        bool incomplete;                /* layers may be missing */
        const char *who;                /* for the log of events */
};
/* Reads all of the file before anything is written: BK_CORRUPT where it is cut off or was changed. Layers come first, then all rows in one
 * transaction. BK_CONFLICT: the registry has images; BK_NOT_FOUND: a layer is neither in the file nor in the store. */
int reg_restore(struct reg *reg, const struct layer_store *store, const char *path, const struct reg_restore_options *options,
                struct reg_backup_report *ret, struct bk_error *err) BK_MUST_CHECK;
