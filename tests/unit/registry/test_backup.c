/* A backup holds all, and is refused unless it is whole; either database reads what the other one wrote. */
#include "tests/unit/registry/fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/buf.h"
#include "lib/tar.h"
#include "registry/backup_priv.h"
#include "registry/prune.h"

static const struct reg_restore_options plainly = { .who = "ada" }, replacing = { .who = "ada", .replace = true },
                                        anyhow = { .who = "ada", .incomplete = true };

/* What stays and what leaves; the layer of what was deleted is doomed. */
static void stock_leaving(struct reg *reg, const char *kept, const char *leaving)
{
        const struct reg_change change = { .who = "ada", .why = "old" };
        struct reg_mark mark = { .id = (char *)(uintptr_t)leaving, .rule = (char *)"stale", .action = (char *)"trash" };
        const char *const ids[] = { leaving };
        const struct reg_pruning hiding = { .ids = ids, .n = 1, .what = REG_PRUNE_HIDE };
        struct reg_pruned pruned = { 0 };
        autofree char *word = NULL;
        struct bk_error err = { 0 };
        int64_t number = 0;

        assert_ok(reg_keep(reg, kept, INT64_MAX, &change, &err), err);
        assert_ok(reg_marks_change(reg, &(struct reg_marks){ .v = &mark, .n = 1 }, NULL, &change, &err), err);
        assert_ok(reg_mark_token(reg, leaving, "stale", &word, &err), err);
        assert_ok(reg_prune_do(reg, &hiding, &change, &pruned, &err), err);
        assert_true(pruned.done[0]);
        reg_pruned_done(&pruned, 1);
        assert_ok(reg_janitor_begin(reg, "ada", "sha256:rules", &number, &err), err);
}

/* Something of everything that has rows: lineage, a removed image whose number is not given again, channels, odd bytes. */
static void stock(struct reg *reg)
{
        static const struct reg_package packages[] = {
                { (char *)"bash", (char *)"5.2", (char *)"amd64", (char *)"bash", (char *)"5.2", (char *)"deb" },
                { (char *)"odd \xff bytes", (char *)"1\n2", NULL, NULL, NULL, (char *)"gem" },
        };
        static const struct reg_check checks[] = { { (char *)"s", (char *)"says \"K\xc3\xb6ln\"\t\x01", (char *)"failed", NULL, 12 } };
        autofree char *ground = baked(reg, (struct recipe){ .seed = "ground", .state = REG_TESTED, .attributes = { PAIR("release", "bookworm") } });
        autofree char *app = baked(reg, (struct recipe){ .seed = "app", .name = "app", .ancestor = ground, .backing = "layer of ground", .depth = 1,
                                                         .packages = packages, .n_packages = 2, .checks = checks, .n_checks = 1,
                                                         .input_hash = "h", .attributes = { PAIR("empty", ""), PAIR("note", "'; --") } });
        autofree char *last = baked(reg, (struct recipe){ .seed = "last" });
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        struct bk_error err = { 0 };

        assert_ok(channel_assign(reg, "production", ground, "bob", "first", &err), err);
        assert_ok(state_set(reg, app, REG_REVOKED, "bob", "hole", &err), err);
        assert_ok(image_delete(reg, last, &gone, &err), err);
        stock_leaving(reg, ground, app);
}

static int collect(void *arg, const struct reg_table *table, const struct bk_buf *lines, struct bk_error *err)
{
        (void)err;
        bk_buf_printf(arg, "%s\n%.*s", table->name, (int)lines->len, lines->data);
        return 0;
}

/* All rows but the events, as text; the caller's. */
static char *rows_of(struct reg *reg)
{
        BK_CLEANUP(reg_tables_done) struct reg_tables tables = { 0 };
        struct bk_buf text = { 0 };
        struct bk_error err = { 0 };
        int64_t rows = 0;

        assert_ok(reg_tables_list(reg, &tables, &err), err);
        for (size_t i = 0; i < tables.n; i++)
                if (!bk_streq(tables.v[i].name, "event"))
                        assert_ok(reg_table_dump(reg, &tables.v[i], collect, &text, &rows, &err), err);
        return bk_buf_finish(&text);
}

static void check_same(const char *a, const char *b)
{
        for (size_t i = 0; a[i] != '\0' || b[i] != '\0'; i++)
                if (a[i] != b[i])
                        fail_msg("they differ: ...%.60s... and ...%.60s...", a + (i < 30 ? 0 : i - 30), b + (i < 30 ? 0 : i - 30));
}

/* Another registry, empty, and a store beside it. */
struct place { char *home, *schema; struct reg *reg; struct layer_store store; };

static void place_open(const struct fixture *f, struct place *ret, bool postgres)
{
        const char *before = getenv("BAKERY_DB");
        autofree char *url = bk_strdup(before);
        struct bk_error err = { 0 };

        *ret = (struct place){ .home = folder_new() };
        (void)f;
        if (postgres)
                ret->schema = postgres_schema_new();
        else
                assert_int_equal(unsetenv("BAKERY_DB"), 0);
        assert_ok(reg_open(ret->home, &ret->reg, &err), err);
        assert_ok(layer_store_open(ret->home, &ret->store, &err), err);
        if (url != NULL)
                assert_int_equal(setenv("BAKERY_DB", url, 1), 0);
        else
                assert_int_equal(unsetenv("BAKERY_DB"), 0);
}

static void place_close(struct place *place)
{
        const char *before = getenv("BAKERY_DB");
        autofree char *url = bk_strdup(before);
        struct bk_error err = { 0 };

        reg_close(place->reg);
        layer_store_done(&place->store);
        if (place->schema != NULL)
                postgres_schema_drop(place->schema);
        if (url != NULL)
                assert_int_equal(setenv("BAKERY_DB", url, 1), 0);
        assert_ok(bk_remove_tree(place->home, &err), err);
        free(place->schema);
        free(place->home);
}

static void store_open(const struct fixture *f, struct layer_store *ret)
{
        struct bk_error err = { 0 };

        assert_ok(layer_store_open(f->home, ret, &err), err);
}

#define autostore BK_CLEANUP(layer_store_done) struct layer_store
#define autoreport BK_CLEANUP(reg_backup_report_done) struct reg_backup_report

static void a_restored_registry_is_the_same(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *before = NULL, *id = id_of("new");
        autostore store = { 0 };
        autoreport out = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        stock(f->reg);
        before = rows_of(f->reg);
        assert_ok(reg_backup(f->reg, &store, file, false, &out, &err), err);
        assert_int_equal(out.images, 2);
        assert_int_equal(out.missing.n, 2);
        for (int postgres = 0; postgres <= (postgres_folder() != NULL); postgres++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                autofree char *after = NULL;
                autoreport in = { 0 };
                struct place place;
                int64_t events = 0, more = 0;

                print_message("# into %s\n", postgres ? "PostgreSQL" : "SQLite");
                place_open(f, &place, postgres);
                assert_ok(reg_restore(place.reg, &place.store, file, &anyhow, &in, &err), err);
                after = rows_of(place.reg);
                check_same(before, after);
                assert_string_equal(in.digest, out.digest);
                assert_int_equal(in.rows, out.rows);
                assert_ok(reg_event_index(f->reg, &events, &err), err);
                assert_ok(reg_event_index(place.reg, &more, &err), err);
                assert_int_equal(more, events + 1);

                /* The number of the image that was removed is not given again; and all goes on. */
                free(baked(place.reg, (struct recipe){ .seed = "new" }));
                assert_ok(reg_resolve(place.reg, id, &image, &err), err);
                assert_int_equal(image.sequence, 4);
                place_close(&place);
        }
}

static void what_is_there_is_lost_only_when_told(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *before = NULL, *seeds = NULL, *gone = id_of("after");
        autostore store = { 0 };
        autoreport out = { 0 }, in = { 0 };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_restore_options replacing_anyhow = replacing;
        struct bk_error err = { 0 };

        store_open(f, &store);
        stock(f->reg);
        before = rows_of(f->reg);
        assert_ok(reg_backup(f->reg, &store, file, false, &out, &err), err);
        free(baked(f->reg, (struct recipe){ .seed = "after" }));
        assert_fails_with(reg_restore(f->reg, &store, file, &anyhow, &in, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "-replace"));
        assert_fails_with(reg_restore(f->reg, &store, file, &replacing, &in, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "-incomplete"));
        seeds = found(f->reg, "base", &err);
        assert_string_equal(seeds, "after ground");
        replacing_anyhow.incomplete = true;
        for (int i = 0; i < 2; i++) {
                autofree char *after = NULL;

                assert_ok(reg_restore(f->reg, &store, file, &replacing_anyhow, &in, &err), err);
                after = rows_of(f->reg);
                check_same(before, after);
                reg_backup_report_done(&in);
        }
        assert_fails_with(reg_resolve(f->reg, gone, &image, &err), err, BK_NOT_FOUND);
}

/* --- layers ---------------------------------------------------------------------- */
static char *put_layer(const struct layer_store *store, const char *bytes)
{
        char *digest = bk_digest_bytes(bytes, strlen(bytes));
        autofree char *path = layer_path(store, digest);
        autofile FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(fputs(bytes, file) >= 0);
        return digest;
}

static void publish_on(struct reg *reg, char *digest, size_t size)
{
        struct reg_layer layer = { .digest = digest, .size = size, .virtual_size = 1 << 20 };
        autofree char *manifest = bk_format("{\"layer\": \"%s\"}", digest), *id = bk_digest_bytes(manifest, strlen(manifest));
        struct reg_image image = { .id = id, .name = (char *)"base", .type = (char *)"base", .layer = digest, .size = size };
        const struct reg_publication p = { .image = &image, .layer = &layer, .manifest = manifest };
        struct bk_error err = { 0 };

        assert_ok(reg_publish(reg, &p, &err), err);
}

static void layers_travel_with_their_rows(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *digest = NULL, *path = NULL, *there = NULL, *bytes = NULL, *drafts = NULL;
        autostore store = { 0 };
        autoreport out = { 0 }, in = { 0 };
        struct bk_error err = { 0 };
        struct place place;
        struct stat st;

        store_open(f, &store);
        digest = put_layer(&store, "the bytes of a layer");
        publish_on(f->reg, digest, strlen("the bytes of a layer"));
        assert_ok(reg_backup(f->reg, &store, file, true, &out, &err), err);
        assert_int_equal(out.layers, 1);
        assert_int_equal(out.missing.n, 0);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        place_open(f, &place, false);
        assert_ok(reg_restore(place.reg, &place.store, file, &plainly, &in, &err), err);
        assert_int_equal(in.layers, 1);
        there = layer_path(&place.store, digest);
        assert_ok(bk_read_file(there, 1000, &bytes, NULL, &err), err);
        assert_string_equal(bytes, "the bytes of a layer");
        /* A layer that is there is not written again; one that rotted is. */
        reg_backup_report_done(&in);
        assert_ok(reg_restore(place.reg, &place.store, file, &replacing, &in, &err), err);
        assert_int_equal(in.layers, 0);
        assert_int_equal(chmod(there, 0600), 0);
        assert_int_equal(truncate(there, 5), 0);
        reg_backup_report_done(&in);
        assert_ok(reg_restore(place.reg, &place.store, file, &replacing, &in, &err), err);
        assert_int_equal(in.layers, 1);
        drafts = bk_format("%s/store/drafts", place.home);
        assert_int_equal(rmdir(drafts), 0);             /* nothing is left in it */
        place_close(&place);

        /* What is not what its digest says is not written down as if it were. */
        path = layer_path(&store, digest);
        assert_int_equal(unlink(file), 0);
        free(put_layer(&store, "x"));
        assert_int_equal(truncate(path, 5), 0);
        assert_fails_with(reg_backup(f->reg, &store, file, true, &out, &err), err, BK_CORRUPT);
        assert_int_equal(unlink(path), 0);
        assert_fails_with(reg_backup(f->reg, &store, file, true, &out, &err), err, BK_NOT_FOUND);
        assert_false(bk_exists(file));
}

/* --- files that are not what was written -------------------------------------------- */
static void refused(const struct place *place, const char *file, const char *why)
{
        autofree char *rows = NULL, *again = NULL;
        autoreport in = { 0 };
        struct bk_error err = { 0 };
        int64_t events = -1;

        rows = rows_of(place->reg);
        if (reg_restore(place->reg, &place->store, file, &anyhow, &in, &err) == 0)
                fail_msg("%s: restored", why);
        if (err.kind != BK_CORRUPT)
                fail_msg("%s: %s: %s", why, bk_kind_name(err.kind), err.text);
        again = rows_of(place->reg);
        assert_string_equal(rows, again);
        assert_ok(reg_event_index(place->reg, &events, &err), err);
        assert_int_equal(events, 0);
}

static void a_changed_file_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *good = NULL;
        autostore store = { 0 };
        autoreport out = { 0 }, in = { 0 };
        autoclose int fd = -1;
        size_t length = 0;
        struct bk_error err = { 0 };
        struct place place;

        store_open(f, &store);
        stock(f->reg);
        assert_ok(reg_backup(f->reg, &store, file, false, &out, &err), err);
        assert_ok(bk_read_file(file, 1 << 24, &good, &length, &err), err);
        fd = open(file, O_RDWR | O_CLOEXEC);
        place_open(f, &place, f->schema != NULL);
        for (size_t at = 0; at < length - 1024; at += 131) {
                autofree char *why = bk_format("byte %zu of %zu changed", at, length);
                const char bad = good[at] ^ 0x11;

                assert_int_equal(pwrite(fd, &bad, 1, (off_t)at), 1);
                refused(&place, file, why);
                assert_int_equal(pwrite(fd, good + at, 1, (off_t)at), 1);
        }
        for (size_t left = 0; left < length; left += left < length - 3000 ? 1511 : 97) {
                autofree char *why = bk_format("%zu of %zu bytes left", left, length);

                assert_int_equal(ftruncate(fd, (off_t)left), 0);
                refused(&place, file, why);
                assert_int_equal(pwrite(fd, good, length, 0), length);
        }
        assert_ok(reg_restore(place.reg, &place.store, file, &anyhow, &in, &err), err);
        place_close(&place);
}

/* Members that were put together by hand, with sums that are right: "name\0bytes\0...". */
static void forge(const char *file, const char *const members[][2], size_t n, const char *last)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sums = { 0 };
        autoclose int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct bk_error err = { 0 };

        for (size_t i = 0; i <= n && (i < n || last != NULL); i++) {
                const char *name = i < n ? members[i][0] : last, *bytes = i < n ? members[i][1] : sums.data;
                autofree char *digest = bk_digest_bytes(bytes, strlen(bytes));

                assert_ok(bk_tar_put_header(fd, name, strlen(bytes), 0, &err), err);
                assert_ok(bk_write_all(fd, bytes, strlen(bytes), &err), err);
                assert_ok(bk_tar_put_end(fd, strlen(bytes), &err), err);
                bk_buf_printf(&sums, "%s  %s\n", digest + 7, name);
        }
        assert_ok(bk_tar_finish(fd, &err), err);
}

#define HEAD { "backup.json", "{\"format\":1,\"schema\":1,\"counters\":{}}" }
#define LIST { "layers.jsonl", "" }
#define NO_SUCH "0000000000000000000000000000000000000000000000000000000000000000"

static const struct { const char *why; const char *members[4][2]; size_t n; const char *last; enum bk_kind kind; } forged[] = {
        { "nothing in it",              { { 0 } }, 0, NULL, BK_CORRUPT },
        { "no head",                    { LIST }, 1, "SHA256SUMS", BK_CORRUPT },
        { "only a head",                { HEAD }, 1, "SHA256SUMS", BK_CORRUPT },
        { "no sums",                    { HEAD, LIST }, 2, NULL, BK_CORRUPT },
        { "a head that is a list",      { { "backup.json", "[]" }, LIST }, 2, "SHA256SUMS", BK_CORRUPT },
        { "a head that is no JSON",     { { "backup.json", "{" }, LIST }, 2, "SHA256SUMS", BK_CORRUPT },
        { "a schema below all",         { { "backup.json", "{\"format\":1,\"schema\":-1}" }, LIST }, 2, "SHA256SUMS", BK_CORRUPT },
        { "a newer schema",             { { "backup.json", "{\"format\":1,\"schema\":999}" }, LIST }, 2, "SHA256SUMS", BK_CONFLICT },
        { "a newer format",             { { "backup.json", "{\"format\":2,\"schema\":1}" }, LIST }, 2, "SHA256SUMS", BK_CONFLICT },
        { "a list that is no JSON",     { HEAD, { "layers.jsonl", "x\n" } }, 2, "SHA256SUMS", BK_CORRUPT },
        { "a layer that is a path",     { HEAD, { "layers.jsonl", "{\"digest\":\"../../etc/passwd\"}\n" } }, 2, "SHA256SUMS", BK_CORRUPT },
        { "a layer of another content", { HEAD, LIST, { "layers/" NO_SUCH ".qcow2", "x" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "a table that is none",       { HEAD, LIST, { "tables/sqlite_schema/000001.jsonl", "[\"sql\"]\n" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "a table of a later schema",  { HEAD, LIST, { "tables/token/000001.jsonl", "[\"id\"]\n" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "SQL for a table",            { HEAD, LIST, { "tables/image\"; --/000001.jsonl", "[\"id\"]\n" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "SQL for a column",           { HEAD, LIST, { "tables/image/000001.jsonl", "[\"id\\\") --\"]\n" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "a table without columns",    { HEAD, LIST, { "tables/image/000001.jsonl", "[]\n" } }, 3, "SHA256SUMS", BK_CORRUPT },
        { "a text for a number",        { HEAD, LIST, { "tables/package_set/000001.jsonl", "[\"id\",\"digest\",\"n\"]\n[1,\"d\",\"1\"]\n" } }, 3,
          "SHA256SUMS", BK_CORRUPT },
        { "a number for a text",        { HEAD, LIST, { "tables/package_set/000001.jsonl", "[\"id\",\"digest\",\"n\"]\n[1,2,3]\n" } }, 3,
          "SHA256SUMS",
          BK_CORRUPT },
        { "a row that is too short",    { HEAD, LIST, { "tables/package_set/000001.jsonl", "[\"id\",\"digest\",\"n\"]\n[1,\"d\"]\n" } }, 3,
          "SHA256SUMS", BK_CORRUPT },
        { "a line that does not end",   { HEAD, LIST, { "tables/package_set/000001.jsonl", "[\"id\",\"digest\",\"n\"]" } }, 3, "SHA256SUMS",
          BK_CORRUPT },
        { "a reference to nothing",     { HEAD, LIST, { "tables/package_member/000001.jsonl", "[\"package_set\",\"package\"]\n[7,7]\n" } }, 3,
          "SHA256SUMS", BK_INTERNAL },
};

static void a_forged_file_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *before = rows_of(f->reg);
        autostore store = { 0 };

        store_open(f, &store);
        for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
                autofree char *after = NULL;
                autoreport in = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", forged[i].why);
                forge(file, forged[i].members, forged[i].n, forged[i].last);
                assert_fails_with(reg_restore(f->reg, &store, file, &anyhow, &in, &err), err, forged[i].kind);
                after = rows_of(f->reg);
                check_same(before, after);
        }
}

/* Rows of the first schema get what the later ones added. */
static void an_older_backup_becomes_a_newer_registry(void **state)
{
        static const char *const members[][2] = { HEAD, LIST,
                { "tables/layer/000001.jsonl", "[\"id\",\"digest\",\"backing\",\"size\",\"virtual_size\",\"depth\"]\n[1,\"d\",null,1,1,0]\n" },
                { "tables/image/000001.jsonl",
                  "[\"sequence\",\"id\",\"name\",\"type\",\"state\",\"layer\",\"size\",\"virtual_size\",\"created_at\"]\n"
                                               "[7,\"i\",\"base\",\"base\",1,1,1,1,1]\n[8,\"j\",\"base\",\"base\",5,1,1,1,1]\n" },
                { "tables/state_log/000001.jsonl", "[\"id\",\"image\",\"state\",\"at\",\"who\"]\n[1,8,5,1000,\"ada\"]\n" },
                { "tables/attribute/000001.jsonl", "[\"image\",\"key\",\"value\",\"name\"]\n[7,\"release\",\"bookworm\",\"base\"]\n" } };
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home), *id = id_of("1");
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostore store = { 0 };
        autoreport in = { 0 };
        struct bk_error err = { 0 };
        int64_t purge_at = 0;

        store_open(f, &store);
        forge(file, members, 6, "SHA256SUMS");
        assert_ok(reg_restore(f->reg, &store, file, &plainly, &in, &err), err);
        assert_int_equal(reg_sql_int(f->reg, &purge_at, &err, "SELECT purge_at FROM trash WHERE image = 8 AND at = 1000", ""), 1);
        assert_int_equal(purge_at, 1000 + 7 * 86400);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_query(f->reg, "base?release=bookworm", &images, &err), err);
        assert_int_equal(images.n, 1);
        assert_int_equal(images.v[0].sequence, 7);
}

static void what_is_no_backup_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *missing = bk_format("%s/none.tar", f->home), *nowhere = bk_format("%s/none/b.tar", f->home);
        autofree char *text = bk_format("%s/text", f->home);
        autostore store = { 0 };
        autoreport report = { 0 };
        struct bk_error err = { 0 };
        autofile FILE *file = fopen(text, "we");

        store_open(f, &store);
        for (int i = 0; i < 200; i++)
                (void)fputs("this is no tar file\n", file);
        (void)fflush(file);
        assert_fails_with(reg_restore(f->reg, &store, missing, &plainly, &report, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_restore(f->reg, &store, f->home, &plainly, &report, &err), err, BK_INVALID);
        assert_fails_with(reg_restore(f->reg, &store, text, &plainly, &report, &err), err, BK_CORRUPT);
        assert_fails_with(reg_backup(f->reg, &store, nowhere, false, &report, &err), err, BK_NOT_FOUND);
}

/* --- while others write --------------------------------------------------------------- */
static void publish_for_ever(const char *home)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0)
                _exit(1);
        for (int i = 0;; i++) {
                autofree char *seed = bk_format("w%d", i);
                const struct recipe recipe = { .seed = seed, .layer = "shared", .attributes = { PAIR("a", "1"), PAIR("b", "2") } };

                if (bake(reg, &recipe, &err) < 0) {
                        (void)fprintf(stderr, "# %s\n", err.text);
                        _exit(1);
                }
        }
}

static void a_backup_is_of_one_moment(void **state)
{
        struct fixture *f = *state;
        autofree char *file = bk_format("%s/b.tar", f->home);
        autostore store = { 0 };
        struct bk_error err = { 0 };
        struct place place;
        int64_t before = 0;
        pid_t writer;
        int status = 0;

        store_open(f, &store);
        place_open(f, &place, f->schema != NULL);
        writer = fork();
        if (writer == 0)
                publish_for_ever(f->home);
        for (int i = 0; i < 4; i++) {
                autoreport out = { 0 }, in = { 0 };
                const struct reg_restore_options again = { .who = "ada", .replace = true, .incomplete = true };
                int64_t attributes = 0, documents = 0;

                do {
                        reg_backup_report_done(&out);
                        assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
                        assert_ok(reg_backup(f->reg, &store, file, false, &out, &err), err);
                } while (out.images <= before);
                before = out.images;
                assert_ok(reg_restore(place.reg, &place.store, file, &again, &in, &err), err);
                assert_int_equal(in.images, out.images);
                assert_int_equal(reg_sql_int(place.reg, &attributes, &err, "SELECT count(*) FROM attribute", ""), 1);
                assert_int_equal(reg_sql_int(place.reg, &documents, &err, "SELECT count(*) FROM document", ""), 1);
                assert_int_equal(attributes, 2 * in.images);
                assert_int_equal(documents, in.images);
        }
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        place_close(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(a_restored_registry_is_the_same),
                registry_test(what_is_there_is_lost_only_when_told),
                registry_test(layers_travel_with_their_rows),
                registry_test(a_forged_file_is_refused),
                registry_test(an_older_backup_becomes_a_newer_registry),
                registry_test(what_is_no_backup_is_refused),
                registry_test(a_backup_is_of_one_moment),
                registry_test(a_changed_file_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
