/* Writing a backup. The rows are those of one moment; layers never change, so that it does not matter when they are read. */
#include "registry/backup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/publish.h"
#include "lib/tar.h"
#include "registry/backup_priv.h"

struct out {
        int fd;
        struct bk_buf sums;             /* SHA256SUMS so far */
        size_t pieces;                  /* of the table at hand */
        struct reg_backup_report report;
};

void reg_backup_report_done(struct reg_backup_report *report)
{
        free(report->digest);
        bk_strv_done(&report->missing);
        *report = (struct reg_backup_report){ 0 };
}

static void out_done(struct out *out)
{
        if (out->fd >= 0)
                (void)close(out->fd);
        bk_buf_done(&out->sums);
        reg_backup_report_done(&out->report);
}

static void reg_cleanup(struct reg **reg)
{
        reg_close(*reg);
}

static void add_sum(struct out *out, const char *digest, const char *name)
{
        bk_buf_printf(&out->sums, "%s  %s\n", digest + strlen("sha256:"), name);
}

static int put_member(struct out *out, const char *name, const void *bytes, size_t length, struct bk_error *err)
{
        autofree char *digest = bk_digest_bytes(bytes, length);

        if (bk_tar_put_header(out->fd, name, length, time(NULL), err) < 0 || bk_write_all(out->fd, bytes, length, err) < 0 ||
            bk_tar_put_end(out->fd, length, err) < 0)
                return -1;
        add_sum(out, digest, name);
        return 0;
}

static int put_piece(void *arg, const struct reg_table *table, const struct bk_buf *lines, struct bk_error *err)
{
        struct out *out = arg;
        autofree char *name = bk_format("tables/%s/%06zu.jsonl", table->name, ++out->pieces);

        return put_member(out, name, lines->data, lines->len, err);
}

static int put_head(struct out *out, struct reg *reg, struct bk_error *err)
{
        autojson *head = NULL, *counters = NULL;
        autofree char *text = NULL, *when = bk_iso_time(time(NULL));
        int64_t schema = 0, index = 0;

        if (reg->backend->version(reg, &schema, err) < 0 || reg_event_index(reg, &index, err) < 0 || reg_counters_get(reg, &counters, err) < 0 ||
            reg_sql_int(reg, &out->report.images, err, "SELECT count(*) FROM image", "") < 0)
                return -1;
        head = json_pack("{s:i, s:I, s:s, s:s, s:s, s:I, s:I, s:O}", "format", BACKUP_FORMAT, "schema", (json_int_t)schema, "made_at", when,
                         "made_by", "bakery " BAKERY_VERSION, "database", reg->backend->name, "index", (json_int_t)index, "images",
                         (json_int_t)out->report.images, "counters", counters);
        text = json_dumps(head, JSON_INDENT(2));
        return put_member(out, "backup.json", text, strlen(text), err);
}

static bool is_here(const struct layer_store *store, const struct reg_layer *layer)
{
        autofree char *path = layer_path(store, layer->digest);
        struct stat st;

        return stat(path, &st) == 0 && (uint64_t)st.st_size == layer->size;
}

static int put_list(struct out *out, const struct layer_store *store, const struct reg_layers *layers, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf lines = { 0 };

        for (size_t i = 0; i < layers->n; i++) {
                const struct reg_layer *layer = &layers->v[i];
                const bool here = is_here(store, layer);

                bk_buf_printf(&lines, "{\"digest\":\"%s\",\"size\":%llu,\"here\":%s}\n", layer->digest, (unsigned long long)layer->size,
                              here ? "true" : "false");
                if (!here)
                        bk_strv_add(&out->report.missing, layer->digest);
        }
        return put_member(out, "layers.jsonl", lines.data == NULL ? "" : lines.data, lines.len, err);
}

/* All of the registry, from a copy that stands still. */
static int put_rows(struct out *out, struct reg *reg, const struct layer_store *store, struct reg_layers *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_tables_done) struct reg_tables tables = { 0 };
        BK_CLEANUP(reg_cleanup) struct reg *still = NULL;

        if (reg->backend->snapshot(reg, &still, err) < 0 || put_head(out, still, err) < 0 || reg_all_layers(still, ret, err) < 0 ||
            put_list(out, store, ret, err) < 0 || reg_tables_list(still, &tables, err) < 0)
                return -1;
        for (size_t i = 0; i < tables.n; i++) {
                out->pieces = 0;
                if (reg_table_dump(still, &tables.v[i], put_piece, out, &out->report.rows, err) < 0)
                        return bk_wrap(err, "table '%s'", tables.v[i].name);
        }
        return 0;
}

static int copy_layer(struct out *out, int from, const struct reg_layer *layer, struct bk_error *err)
{
        autofree char *name = bk_format("layers/%s.qcow2", layer->digest + strlen("sha256:")), *bytes = bk_alloc(1 << 20), *digest = NULL;
        struct bk_hash *hash = bk_hash_new();
        uint64_t left = layer->size;
        int status = bk_tar_put_header(out->fd, name, layer->size, time(NULL), err);

        while (status == 0 && left > 0) {
                const ssize_t got = read(from, bytes, left < 1 << 20 ? (size_t)left : 1 << 20);

                if (got <= 0) {
                        status = got < 0 ? bk_fail_errno(err, "cannot read it") : bk_fail(err, BK_CORRUPT, "its file is too short");
                        break;
                }
                bk_hash_add(hash, bytes, (size_t)got);
                left -= (uint64_t)got;
                status = bk_write_all(out->fd, bytes, (size_t)got, err);
        }
        digest = bk_hash_finish(hash);
        if (status == 0 && !bk_streq(digest, layer->digest))
                status = bk_fail(err, BK_CORRUPT, "it was altered: its content is now %s", digest);
        if (status < 0 || bk_tar_put_end(out->fd, layer->size, err) < 0)
                return -1;
        add_sum(out, digest, name);
        out->report.layers++;
        return 0;
}

static int put_layers(struct out *out, const struct layer_store *store, const struct reg_layers *layers, struct bk_error *err)
{
        for (size_t i = 0; i < layers->n; i++) {
                autofree char *path = layer_path(store, layers->v[i].digest);
                autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

                if (fd < 0)
                        return bk_fail_errno(err, "layer %s ('%s'); if it was deleted just now, try again", layers->v[i].digest, path);
                if (copy_layer(out, fd, &layers->v[i], err) < 0)
                        return bk_wrap(err, "layer %s ('%s')", layers->v[i].digest, path);
        }
        return 0;
}

static int write_all(struct out *out, struct reg *reg, const struct layer_store *store, bool with_layers, struct bk_error *err)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *sums = NULL;
        size_t length;
        struct stat st;

        if (put_rows(out, reg, store, &layers, err) < 0 || (with_layers && put_layers(out, store, &layers, err) < 0))
                return -1;
        length = out->sums.len;
        sums = bk_buf_finish(&out->sums);
        out->report.digest = bk_digest_bytes(sums, length);
        if (put_member(out, "SHA256SUMS", sums, length, err) < 0 || bk_tar_finish(out->fd, err) < 0)
                return -1;
        if (fstat(out->fd, &st) < 0)
                return bk_fail_errno(err, "cannot look at it");
        out->report.bytes = (uint64_t)st.st_size;
        return 0;
}

int reg_backup(struct reg *reg, const struct layer_store *store, const char *path, bool with_layers, struct reg_backup_report *ret,
               struct bk_error *err)
{
        autofree char *name = bk_random_name(), *draft = bk_format("%s.%s.draft", path, name), *leases = bk_format("%s/leases", store->run);
        BK_CLEANUP(bk_lease_done) struct bk_lease lease = BK_LEASE_NONE;
        BK_CLEANUP(out_done) struct out out = { .fd = -1 };

        bk_lease_for_file(leases, draft, &lease);
        out.fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (out.fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", draft);
        if (write_all(&out, reg, store, with_layers, err) < 0) {
                (void)unlink(draft);
                return bk_wrap(err, "backup '%s'", path);
        }
        if (bk_publish(draft, path, err) < 0)
                return -1;
        *ret = out.report;
        out.report = (struct reg_backup_report){ 0 };
        return 0;
}
