/* fsck: does every row have its blob, unaltered, and every blob its row? What is on its way is told apart from what nobody knows of: blobs
 * that wait for their collection, that somebody is just sending, drafts of the living, views of images. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/cmd.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/lease.h"
#include "registry/prune.h"
#include "registry/view.h"

static const struct cmd_flag flags[] = {
        { "quick", NULL, false, "trust files whose inode did not change since they were verified" },
        { "repair", NULL, false,
          "remove what no image needs: layers without a row, drafts of nobody, uploads that broke off a day ago, views of images that are gone" },
        { "json", NULL, false, "JSON Lines, one a finding" },
};

struct look {
        const struct cmd_args *args;
        struct cmd_state *state;
        struct bk_strv rows, doomed;            /* digests; sorted */
        struct bk_strv orphans, drafts, views;  /* that -repair removes: digests, names, ids */
        struct bk_strv leased;                  /* drafts that a lease notes */
        bool unread;                            /* a lease cannot be read, so nobody knows whose a draft is */
        size_t bad, waiting;
};

static void look_done(struct look *look)
{
        struct bk_strv *const lists[] = { &look->rows, &look->doomed, &look->orphans, &look->drafts, &look->views, &look->leased };

        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                bk_strv_done(lists[i]);
}

/* subject: "layer", "draft", "view". */
static void say(const struct look *look, const char *kind, const char *subject, const char *name, const char *text)
{
        if (cmd_switch(look->args, "json")) {
                json_t *line = json_pack("{s:s, s:s, s:s}", "finding", kind, subject, name, "text", text);
                autofree char *out = json_dumps(line, JSON_COMPACT);

                printf("%s\n", out);
                json_decref(line);
        } else {
                printf("%s: %s%s%s: %s\n", kind, bk_streq(subject, "layer") ? "" : subject, bk_streq(subject, "layer") ? "" : " ", name, text);
        }
}

/* --- rows and blobs --------------------------------------------------------------- */
static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has(const struct bk_strv *sorted, const char *word)
{
        return sorted->n > 0 && bsearch(&word, sorted->v, sorted->n, sizeof *sorted->v, by_text) != NULL;
}

static int find_row(struct look *look, const char *digest, struct bk_error *err)
{
        BK_CLEANUP(reg_layer_done) struct reg_layer row = { 0 };
        struct bk_error why = { 0 };

        if (reg_layer_get(look->state->reg, digest, &row, &why) == 0)
                return 1;
        if (why.kind == BK_NOT_FOUND)
                return 0;
        *err = why;
        return -1;
}

/* An image may be deleted, with its layer, while we read: what is wrong is looked at once more while none can be removed. */
static int look_at_row(struct look *look, const char *digest, struct bk_error *err)
{
        const bool thorough = !cmd_switch(look->args, "quick");
        struct bk_error why = { 0 };
        autoclose int hold = -1;
        int row;

        if (layer_verify(&look->state->store, digest, thorough, &why) == 0)
                return 0;
        if (layer_store_hold(&look->state->store, false, &hold, err) < 0 || (row = find_row(look, digest, err)) < 0)
                return -1;
        if (row == 0 || layer_verify(&look->state->store, digest, thorough, &why) == 0)
                return 0;
        say(look, bk_kind_name(why.kind), "layer", digest, why.text);
        look->bad++;
        return 0;
}

static int look_at_rows(struct look *look, struct bk_error *err)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers rows = { 0 };

        if (reg_doomed(look->state->reg, &look->doomed, err) < 0 || reg_all_layers(look->state->reg, &rows, err) < 0)
                return -1;
        for (size_t i = 0; i < rows.n; i++) {
                bk_strv_add(&look->rows, rows.v[i].digest);
                if (look_at_row(look, rows.v[i].digest, err) < 0)
                        return -1;
        }
        if (look->rows.n > 0)
                qsort(look->rows.v, look->rows.n, sizeof *look->rows.v, by_text);
        return 0;
}

/* Who records a layer holds the store from the look at its file to the commit: what has no row while it is held alone has none. */
static int is_orphan(struct look *look, const char *digest, struct bk_error *err)
{
        autofree char *path = layer_path(&look->state->store, digest);
        autoclose int hold = -1;
        int row;

        if (layer_store_hold(&look->state->store, true, &hold, err) < 0 || (row = find_row(look, digest, err)) < 0)
                return -1;
        return row == 0 && access(path, F_OK) == 0;
}

static int look_at_blobs(struct look *look, struct bk_error *err)
{
        autostrv struct bk_strv blobs = { 0 };

        if (layer_list(&look->state->store, &blobs, err) < 0)
                return -1;
        for (size_t i = 0; i < blobs.n; i++) {
                const char *digest = blobs.v[i];
                int orphan;

                if (has(&look->rows, digest))
                        continue;
                if ((orphan = is_orphan(look, digest, err)) < 0)
                        return -1;
                if (orphan == 0)
                        continue;
                if (layer_awaited(&look->state->store, digest)) {
                        say(look, "awaited", "layer", digest, "no image needs it yet; somebody was told in the last two hours that it is here");
                        look->waiting++;
                } else if (has(&look->doomed, digest)) {
                        say(look, "doomed", "layer", digest, "no image needs it any more; the next collection, or -repair, removes it");
                        look->waiting++;
                } else {
                        say(look, "orphan", "layer", digest, "no image needs this layer; it is left of a bake or deletion that was cut short");
                        bk_strv_add(&look->orphans, digest);
                }
        }
        return 0;
}

/* --- drafts and views --------------------------------------------------------------- */
static bool note_drafts(void *arg, const struct bk_lease_found *found)
{
        struct look *look = arg;

        look->unread = look->unread || found->state == BK_LEASE_UNREAD;
        for (size_t i = 0; found->kinds != NULL && i < found->kinds->n; i++)
                if (bk_streq(found->kinds->v[i], "draft"))
                        bk_strv_add(&look->leased, found->values->v[i]);
        return false;
}

static bool is_leased(const struct look *look, const char *file)
{
        for (size_t i = 0; i < look->leased.n; i++) {
                const size_t length = strlen(look->leased.v[i]);

                if (strncmp(file, look->leased.v[i], length) == 0 && file[length] == '.')
                        return true;
        }
        return false;
}

/* Files first, then leases: what is begun meanwhile has its lease before its file. Uploads that can be continued have none: they are locked
 * while they are sent, and looked after by age. */
static int look_at_drafts(struct look *look, struct bk_error *err)
{
        autofree char *leases = bk_format("%s/leases", look->state->store.run);
        autodir DIR *dir = opendir(look->state->store.drafts);
        autostrv struct bk_strv files = { 0 };

        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", look->state->store.drafts);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (entry->d_name[0] != '.' && !layer_half_is(entry->d_name))
                        bk_strv_add(&files, entry->d_name);
        if (bk_lease_look(leases, note_drafts, look, err) < 0)
                return -1;
        for (size_t i = 0; i < files.n && !look->unread; i++)
                if (!is_leased(look, files.v[i]) && faccessat(dirfd(dir), files.v[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                        say(look, "orphan", "draft", files.v[i], "no lease notes this draft, so nobody works on it");
                        bk_strv_add(&look->drafts, files.v[i]);
                }
        return 0;
}

static int look_at_views(struct look *look, struct bk_error *err)
{
        autofree char *path = bk_format("%s/views", look->state->store.cache);
        autodir DIR *dir = opendir(path);
        const struct dirent *entry;

        while (dir != NULL && (entry = readdir(dir)) != NULL) {
                autofree char *id = bk_format("sha256:%s", entry->d_name);
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                struct bk_error why = { 0 };

                if (!bk_digest_valid(id) || reg_resolve(look->state->reg, id, &image, &why) == 0)
                        continue;
                if (why.kind != BK_NOT_FOUND && why.kind != BK_GONE) {
                        *err = why;
                        return -1;
                }
                say(look, "orphan", "view", id, "a box and disks of an image that is not there");
                bk_strv_add(&look->views, id);
        }
        return 0;
}

/* --- repair -------------------------------------------------------------------------- */
static int repair(struct look *look, struct reg_collected *ret, size_t *ret_drafts, struct bk_error *err)
{
        const struct layer_store *store = &look->state->store;
        struct reg_collected doomed = { 0 };
        size_t halves = 0;

        if (reg_collect_these(look->state->reg, store, &look->orphans, LAYER_HOLD_MS, ret, err) < 0 ||
            reg_collect(look->state->reg, store, &doomed, err) < 0 || layer_halves_sweep(store, false, &halves, err) < 0)
                return -1;
        ret->blobs += doomed.blobs;
        ret->bytes += doomed.bytes;
        *ret_drafts = look->drafts.n + halves;
        for (size_t i = 0; i < look->drafts.n; i++) {
                autofree char *path = bk_format("%s/%s", store->drafts, look->drafts.v[i]);

                if (unlink(path) < 0 && errno != ENOENT)
                        return bk_fail_errno(err, "cannot remove draft '%s'", path);
        }
        for (size_t i = 0; i < look->views.n; i++)
                if (reg_view_drop(store, look->views.v[i], err) < 0)
                        return -1;
        return 0;
}

static int run(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        BK_CLEANUP(look_done) struct look look = { .args = args, .state = &state };
        struct reg_collected collected = { 0 };
        struct bk_error err = { 0 };
        size_t drafts = 0;

        if (cmd_open(args, &state, &err) < 0 || bake_reap(&state.store, &err) < 0 || look_at_rows(&look, &err) < 0 ||
            look_at_blobs(&look, &err) < 0 || look_at_drafts(&look, &err) < 0 || look_at_views(&look, &err) < 0)
                return cmd_fail(&err);
        if (!cmd_switch(args, "json")) {
                autofree char *waiting = look.waiting == 0 ? bk_strdup("") : bk_format(", %zu on their way", look.waiting);

                printf("%zu layers, %zu bad, %zu without an image%s\n", look.rows.n, look.bad, look.orphans.n, waiting);
        }
        if (cmd_switch(args, "repair")) {
                autofree char *size = NULL;

                if (repair(&look, &collected, &drafts, &err) < 0)
                        return cmd_fail(&err);
                size = cmd_size(collected.bytes);
                if (!cmd_switch(args, "json"))
                        printf("removed %zu layers (%s), %zu drafts, %zu views\n", collected.blobs, size, drafts, look.views.n);
        }
        return look.bad > 0 ? 1 : 0;
}

const struct cmd cmd_fsck = {
        "fsck", "", 0, 0, "verify the store against the registry",
        "Reads every layer and compares its digest; names layers that no image needs, with the reason why they are there, drafts that nobody "
        "works on, and views of images that are gone. Exits with 1 when a layer is gone or altered. Bakes and pushes may go on meanwhile.",
        CMD_FLAGS(flags), run,
};
