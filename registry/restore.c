/* Reading a backup. First all of it is compared with its own SHA256SUMS, so that a file that is cut off or was changed is refused
 * before anything is written; then layers are published; then all rows appear in one transaction. A restore that is killed leaves
 * layers that no row names at most, which fsck tells of. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/tar.h"
#include "registry/backup_priv.h"

#define HEAD_MOST ((size_t)1 << 20)

struct backup {
        struct reg *reg;
        const struct layer_store *store;
        const struct reg_restore_options *options;
        struct bk_tar tar;
        struct bk_buf sums;             /* of what was read */
        json_t *head;
        char *list;                     /* layers.jsonl */
        struct bk_strv layers;          /* that the file has */
        bool sealed;                    /* SHA256SUMS was read and is right */
        struct reg_tables tables;
        struct reg_backup_report report;
};

static void backup_done(struct backup *backup)
{
        bk_buf_done(&backup->sums);
        json_decref(backup->head);
        free(backup->list);
        bk_strv_done(&backup->layers);
        reg_tables_done(&backup->tables);
        reg_backup_report_done(&backup->report);
}

typedef int member_fn(struct backup *backup, struct bk_error *err);

static int walk(struct backup *backup, member_fn *member, struct bk_error *err)
{
        int status;

        backup->tar.next = 0;
        while ((status = bk_tar_next(&backup->tar, err)) > 0)
                if (member(backup, err) < 0)
                        return bk_wrap(err, "member '%.100s'", backup->tar.name);
        return status;
}

/* The member at hand, whole; *ret ends with a NUL. */
static int read_member(struct backup *backup, size_t most, char **ret, struct bk_error *err)
{
        autofree char *bytes = NULL;
        size_t length = 0;

        if (backup->tar.size > most)
                return bk_fail(err, BK_CORRUPT, "it has %llu bytes, which is too much", (unsigned long long)backup->tar.size);
        bytes = bk_alloc((size_t)backup->tar.size + 1);
        while (length < backup->tar.size) {
                const ssize_t got = bk_tar_read(&backup->tar, bytes + length, (size_t)backup->tar.size - length, err);

                if (got < 0)
                        return -1;
                length += (size_t)got;
        }
        *ret = bk_take(bytes);
        return 0;
}

/* "layers/HEX.qcow2" -> "sha256:HEX"; NULL: it is no layer. The caller's. */
static char *digest_of_member(const char *name)
{
        autofree char *digest = strncmp(name, "layers/", 7) == 0 && strlen(name) > 13 ?
                                bk_format("sha256:%.*s", (int)(strlen(name) - 13), name + 7) : NULL;
        autofree char *again = bk_digest_valid(digest) ? bk_format("layers/%s.qcow2", digest + strlen("sha256:")) : NULL;

        return bk_streq(again, name) ? bk_take(digest) : NULL;
}

/* --- is it what was written? -------------------------------------------------------- */
static int check_sums(struct backup *backup, struct bk_error *err)
{
        autofree char *sums = NULL;

        if (read_member(backup, BACKUP_MEMBER_MOST, &sums, err) < 0)
                return -1;
        if (backup->sums.len != backup->tar.size || memcmp(sums, backup->sums.data, backup->sums.len) != 0)
                return bk_fail(err, BK_CORRUPT, "the backup was changed, or is damaged: what is in it is not what this list says");
        backup->report.digest = bk_digest_bytes(sums, backup->sums.len);
        backup->sealed = true;
        return 0;
}

static int hash_member(struct backup *backup, char **ret, struct bk_error *err)
{
        struct bk_hash *hash = bk_hash_new();
        autofree char *bytes = bk_alloc(1 << 20);
        ssize_t got;

        while ((got = bk_tar_read(&backup->tar, bytes, 1 << 20, err)) > 0)
                bk_hash_add(hash, bytes, (size_t)got);
        *ret = bk_hash_finish(hash);
        return got < 0 ? -1 : 0;
}

static int read_head(const char *text, json_t **ret, struct bk_error *err)
{
        json_error_t why;
        autojson *head = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        const json_int_t format = json_integer_value(json_object_get(head, "format"));
        const json_int_t schema = json_integer_value(json_object_get(head, "schema"));

        if (head == NULL || format < 1 || schema < 1)
                return bk_fail(err, BK_CORRUPT, "it does not tell its format and schema");
        if (format > BACKUP_FORMAT || schema > reg_schema_newest())
                return bk_fail(err, BK_CONFLICT, "it was made by a newer bakery (format %lld, schema %lld; this one knows %d and %lld); use that one",
                               (long long)format, (long long)schema, BACKUP_FORMAT, (long long)reg_schema_newest());
        *ret = bk_take(head);
        return 0;
}

static int verify_member(struct backup *backup, struct bk_error *err)
{
        const char *name = backup->tar.name;
        autofree char *digest = NULL, *layer = digest_of_member(name), *text = NULL;

        if (backup->sealed)
                return bk_fail(err, BK_CORRUPT, "it stands after the end");
        if (bk_streq(name, "SHA256SUMS"))
                return check_sums(backup, err);
        if (backup->head == NULL || bk_streq(name, "layers.jsonl")) {
                if (backup->head == NULL && !bk_streq(name, "backup.json"))
                        return bk_fail(err, BK_CORRUPT, "it is a tar file, but not a backup of a registry");
                if (read_member(backup, backup->head == NULL ? HEAD_MOST : BACKUP_MEMBER_MOST, &text, err) < 0 ||
                    (backup->head == NULL && read_head(text, &backup->head, err) < 0))
                        return -1;
                digest = bk_digest_bytes(text, (size_t)backup->tar.size);
                if (bk_streq(name, "layers.jsonl")) {
                        free(backup->list);
                        backup->list = bk_take(text);
                }
        } else if (hash_member(backup, &digest, err) < 0) {
                return -1;
        }
        if (layer != NULL && !bk_streq(layer, digest))
                return bk_fail(err, BK_CORRUPT, "its content is %s", digest);
        if (layer != NULL)
                bk_strv_take(&backup->layers, bk_take(layer));
        bk_buf_printf(&backup->sums, "%s  %s\n", digest + strlen("sha256:"), name);
        return 0;
}

static int verify(struct backup *backup, struct bk_error *err)
{
        if (walk(backup, verify_member, err) < 0)
                return -1;
        if (!backup->sealed || backup->list == NULL)
                return bk_fail(err, BK_CORRUPT, "it ends before its end");
        return 0;
}

/* --- layers ---------------------------------------------------------------------------- */
static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int note_missing(struct backup *backup, const char *line, size_t length, struct bk_error *err)
{
        autojson *entry = json_loadb(line, length, 0, NULL);
        const char *digest = json_string_value(json_object_get(entry, "digest"));
        autofree char *path = NULL;

        if (!bk_digest_valid(digest))
                return bk_fail(err, BK_CORRUPT, "its list of layers makes no sense");
        path = layer_path(backup->store, digest);
        if ((backup->layers.n == 0 || bsearch(&digest, backup->layers.v, backup->layers.n, sizeof *backup->layers.v, by_text) == NULL) &&
            !bk_exists(path))
                bk_strv_add(&backup->report.missing, digest);
        return 0;
}

static int find_missing(struct backup *backup, struct bk_error *err)
{
        const struct bk_strv *missing = &backup->report.missing;

        /* Of as many layers as there are images each is looked for. */
        if (backup->layers.n > 0)
                qsort(backup->layers.v, backup->layers.n, sizeof *backup->layers.v, by_text);
        for (const char *p = backup->list, *end; *p != '\0'; p = *end == '\0' ? end : end + 1) {
                end = p + strcspn(p, "\n");
                if (note_missing(backup, p, (size_t)(end - p), err) < 0)
                        return -1;
        }
        if (missing->n == 0 || backup->options->incomplete)
                return 0;
        return bk_fail(err, BK_NOT_FOUND, "%zu layer%s (%s%s) %s neither in it nor in '%s'; copy them there first, or restore without them by "
                       "-incomplete", missing->n, missing->n == 1 ? "" : "s", missing->v[0], missing->n == 1 ? "" : ", ...",
                       missing->n == 1 ? "is" : "are", backup->store->layers);
}

static int write_draft(struct backup *backup, const char *path, struct bk_error *err)
{
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        autofree char *bytes = bk_alloc(1 << 20);
        ssize_t got;

        if (fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", path);
        while ((got = bk_tar_read(&backup->tar, bytes, 1 << 20, err)) > 0)
                if (bk_write_all(fd, bytes, (size_t)got, err) < 0)
                        return bk_wrap(err, "'%s'", path);
        if (got < 0)
                return -1;
        return fchmod(fd, 0444) < 0 ? bk_fail_errno(err, "'%s'", path) : 0;
}

/* The draft is leased, so that nothing is left of a restore that was killed. */
static int publish_layer(struct backup *backup, const char *digest, struct bk_error *err)
{
        BK_CLEANUP(bk_lease_done) struct bk_lease lease = BK_LEASE_NONE;
        autofree char *leases = bk_format("%s/leases", backup->store->run), *name = bk_random_name();
        autofree char *path = layer_draft_path(backup->store, name), *found = NULL;
        const struct layer_info info = { .digest = (char *)digest, .size = backup->tar.size };

        if (bk_lease_take(leases, &lease, err) < 0 || bk_lease_note(&lease, "draft", name, err) < 0)
                return -1;
        if (write_draft(backup, path, err) < 0 || bk_digest_file(path, &found, err) < 0) {
                (void)unlink(path);
                return -1;
        }
        if (!bk_streq(found, digest)) {
                (void)unlink(path);
                return bk_fail(err, BK_CORRUPT, "the file changed while it was read");
        }
        if (layer_publish(backup->store, name, &info, err) < 0) {
                (void)unlink(path);
                return -1;
        }
        backup->report.layers++;
        return 0;
}

static int restore_layer(struct backup *backup, struct bk_error *err)
{
        autofree char *digest = digest_of_member(backup->tar.name), *path = NULL, *found = NULL;

        if (digest == NULL)
                return 0;
        path = layer_path(backup->store, digest);
        if (bk_exists(path) && bk_digest_file(path, &found, err) == 0 && bk_streq(found, digest))
                return 0;
        return publish_layer(backup, digest, err);
}

/* --- rows ------------------------------------------------------------------------------- */
static int check_empty(struct backup *backup, struct bk_error *err)
{
        int64_t images = 0;

        if (reg_sql_int(backup->reg, &images, err, "SELECT count(*) FROM image", "") < 0)
                return -1;
        if (images > 0 && !backup->options->replace)
                return bk_fail(err, BK_CONFLICT, "registry '%s' has %lld image%s; to lose what it has, restore by -replace",
                               backup->reg->path, (long long)images, images == 1 ? "" : "s");
        return 0;
}

/* "tables/image/000001.jsonl" -> image. */
static const struct reg_table *table_of(const struct backup *backup)
{
        const char *name = backup->tar.name + strlen("tables/");
        const char *slash = strchr(name, '/');

        for (size_t i = 0; slash != NULL && i < backup->tables.n; i++)
                if (strlen(backup->tables.v[i].name) == (size_t)(slash - name) &&
                    strncmp(backup->tables.v[i].name, name, (size_t)(slash - name)) == 0)
                        return &backup->tables.v[i];
        return NULL;
}

static int restore_piece(struct backup *backup, struct bk_error *err)
{
        autofree char *lines = NULL, *digest = NULL, *sum = NULL;
        const struct reg_table *table;

        if (strncmp(backup->tar.name, "tables/", 7) != 0)
                return 0;
        table = table_of(backup);
        if (table == NULL)
                return bk_fail(err, BK_CORRUPT, "schema %lld has no such table",
                               (long long)json_integer_value(json_object_get(backup->head, "schema")));
        if (read_member(backup, BACKUP_MEMBER_MOST, &lines, err) < 0)
                return -1;
        digest = bk_digest_bytes(lines, (size_t)backup->tar.size);
        sum = bk_format("%s  %s\n", digest + strlen("sha256:"), backup->tar.name);
        if (strstr(backup->sums.data, sum) == NULL)
                return bk_fail(err, BK_CORRUPT, "the file changed while it was read");
        return reg_table_load(backup->reg, table, lines, (size_t)backup->tar.size, &backup->report.rows, err);
}

/* As the schema was when the backup was made; then what came later is done to it, as it would have been where it was made. */
static int restore_rows(struct backup *backup, struct bk_error *err)
{
        struct reg *reg = backup->reg;
        const int64_t schema = json_integer_value(json_object_get(backup->head, "schema"));
        autojson *detail = json_pack("{s:O, s:O}", "made_at", json_object_get(backup->head, "made_at"), "index",
                                     json_object_get(backup->head, "index"));
        const struct reg_event event = { .who = backup->options->who, .action = "registry.restored", .subject = backup->report.digest,
                                         .detail = detail };
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || check_empty(backup, err) < 0 || reg_tables_drop(reg, err) < 0 ||
            reg_schema_migrate(reg, 0, schema, err) < 0 || reg_tables_list(reg, &backup->tables, err) < 0 ||
            walk(backup, restore_piece, err) < 0 ||
            reg_counters_set(reg, json_object_get(backup->head, "counters"), err) < 0 ||
            reg_schema_migrate(reg, schema, reg_schema_newest(), err) < 0 ||
            reg_sql_int(reg, &backup->report.images, err, "SELECT count(*) FROM image", "") < 0 || reg_event_put(reg, &event, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

static int restore(struct backup *backup, struct bk_error *err)
{
        autoclose int hold = -1;

        /* Layers that are here already, and that its rows will name, must not go before. */
        if (verify(backup, err) < 0 || check_empty(backup, err) < 0 || layer_store_hold(backup->store, false, &hold, err) < 0 ||
            find_missing(backup, err) < 0 || walk(backup, restore_layer, err) < 0)
                return -1;
        return restore_rows(backup, err);
}

int reg_restore(struct reg *reg, const struct layer_store *store, const char *path, const struct reg_restore_options *options,
                struct reg_backup_report *ret, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        BK_CLEANUP(backup_done) struct backup backup = { .reg = reg, .store = store, .options = options, .tar.fd = fd };
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (!S_ISREG(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' is not a file; a backup is read more than once", path);
        backup.report.bytes = (uint64_t)st.st_size;
        if (restore(&backup, err) < 0)
                return bk_wrap(err, "restoring '%s'", path);
        *ret = backup.report;
        backup.report = (struct reg_backup_report){ 0 };
        return 0;
}
