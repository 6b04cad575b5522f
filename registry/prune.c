/* How images leave: several at once, in one transaction, which looks at each of them again before it does anything to it. */
#include "registry/life_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *reg_prune_name(enum reg_prune what)
{
        static const char *const names[] = { [REG_PRUNE_DEPRECATE] = "deprecate", [REG_PRUNE_HIDE] = "hide", [REG_PRUNE_TRASH] = "trash",
                                             [REG_PRUNE_PURGE] = "purge" };

        return (size_t)what < sizeof names / sizeof *names ? names[what] : "unknown";
}

void reg_pruned_done(struct reg_pruned *pruned, size_t n)
{
        for (size_t i = 0; pruned->why_not != NULL && i < n; i++)
                free(pruned->why_not[i]);
        free(pruned->why_not);
        free(pruned->done);
        reg_layers_done(&pruned->layers);
        *pruned = (struct reg_pruned){ 0 };
}

/* --- what no policy may override -------------------------------------------------- */
#define ACT(what) (1u << REG_PRUNE_##what)
#define ANY_ACT (ACT(DEPRECATE) | ACT(HIDE) | ACT(TRASH) | ACT(PURGE))

/* What a statement finds forbids the act, and is named; its parameters are the image and, where timed, now. deep: only images on which
 * some stand are asked, as a recursion may cost a database that knows nothing of its tables yet a walk over all of one. */
static const struct { unsigned acts; bool timed, deep; const char *why, *sql; } invariants[] = {
        { ANY_ACT, false, false, "heads a channel", "SELECT name || ':' || channel FROM channel WHERE head = ? ORDER BY name, channel LIMIT 6" },
        { ANY_ACT, false, false, "is in use",
          "SELECT coalesce(nullif(name, ''), instance) || ' (' || source || ')' FROM launch WHERE image = ? AND ended_at IS NULL "
          "ORDER BY last_at DESC, id LIMIT 6" },
        { ANY_ACT, true, false, "is what a bake builds on that is running (`bakery bakes`)",
          "SELECT name || ' on ' || host FROM bake WHERE source = (SELECT id FROM image WHERE sequence = ?) AND status = 'running' "
          "AND started_at + 604800 > ? ORDER BY number LIMIT 6" },              /* REG_BAKE_SECONDS */
        { ANY_ACT, true, false, "is kept; `bakery image unkeep` ends that; asked for by",
          "SELECT who || coalesce(': ' || why, '') FROM keep WHERE image = ? AND (until IS NULL OR until > ?)" },
        { ACT(TRASH), false, true, "has descendants that are not in the trash",
          "WITH RECURSIVE heir (sequence) AS (SELECT sequence FROM image WHERE ancestor = ? "
          "UNION ALL SELECT c.sequence FROM heir JOIN image c ON c.ancestor = heir.sequence) "
          "SELECT i.name || ' ' || i.id FROM heir JOIN image i ON i.sequence = heir.sequence WHERE i.state <> 5 ORDER BY i.sequence LIMIT 6" },
        { ACT(PURGE), false, false, "has descendants", "SELECT name || ' ' || id FROM image WHERE ancestor = ? ORDER BY sequence LIMIT 6" },
};

/* The first few of them: "a, b, ..."; NULL where there are none. */
static int names_of(struct reg *reg, const char *sql, int64_t image, bool timed, char **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, timed ? "ii" : "i", image, (int64_t)time(NULL)) < 0)
                return -1;
        for (int i = 0; (status = reg_sql_step(reg, stmt, err)) > 0; i++)
                bk_buf_printf(&names, i == 0 ? "%.300s" : i < 5 ? ", %.300s" : ", ...", reg_column_peek(stmt, 0));
        if (status < 0)
                return -1;
        *ret = names.len > 0 ? bk_buf_finish(&names) : NULL;
        return 0;
}

int reg_prune_forbidden(struct reg *reg, int64_t image, enum reg_prune what, char **ret_why, struct bk_error *err)
{
        for (size_t i = 0; i < sizeof invariants / sizeof *invariants; i++) {
                autofree char *names = NULL;
                int64_t child = 0;
                int status = (invariants[i].acts & 1u << what) != 0;

                if (status > 0 && invariants[i].deep)
                        status = reg_sql_int(reg, &child, err, "SELECT 1 FROM image WHERE ancestor = ? LIMIT 1", "i", image);
                if (status < 0)
                        return -1;
                if (status == 0)
                        continue;
                if (names_of(reg, invariants[i].sql, image, invariants[i].timed, &names, err) < 0)
                        return -1;
                if (names != NULL) {
                        *ret_why = bk_format("%s: %s", invariants[i].why, names);
                        return 1;
                }
        }
        return 0;
}

/* --- one image --------------------------------------------------------------------- */
/* Is it so already (1), or can it not be, whatever else holds (0 with *ret_why)? */
static int settled(const struct reg_image *image, enum reg_prune what, char **ret_why)
{
        const char *state = reg_state_name(image->state);

        switch (what) {
        case REG_PRUNE_DEPRECATE:
                if (image->state > REG_DEPRECATED)
                        *ret_why = bk_format("is %s, which is further gone than deprecated", state);
                return image->state == REG_DEPRECATED;
        case REG_PRUNE_HIDE:
                if (image->state == REG_TRASHED)
                        *ret_why = bk_format("is %s, where nobody is offered it anyway", state);
                return image->hidden && image->state != REG_TRASHED;
        case REG_PRUNE_TRASH:
                return image->state == REG_TRASHED;
        case REG_PRUNE_PURGE:
                if (image->state != REG_TRASHED)
                        *ret_why = bk_format("is %s, not in the trash; only what is there can be purged", state);
                return 0;
        }
        return 0;
}

static int set_hidden(struct reg *reg, const struct reg_image *image, bool hidden, const struct reg_change *change, struct bk_error *err)
{
        const struct reg_event event = { .who = change->who, .action = hidden ? "image.hidden" : "image.unhidden", .subject = image->id,
                                         .name = image->name, .why = change->why };

        /* As a move of its state ends what rules have noted for that (state.c). */
        if (reg_sql_run(reg, err, "UPDATE image SET hidden = ? WHERE sequence = ?", "ii", (int64_t)hidden, image->sequence) < 0 ||
            reg_sql_run(reg, err, "DELETE FROM mark WHERE image = ? AND action = 'hide'", "i", image->sequence) < 0)
                return -1;
        return reg_event_put(reg, &event, err);
}

static int act(struct reg *reg, const struct reg_image *image, const struct reg_pruning *pruning, const struct reg_change *change,
               struct reg_layers *layers, struct bk_error *err)
{
        const struct reg_subject subject = { .image = image->sequence, .id = image->id, .name = image->name, .state = image->state };
        const struct reg_move move = { .action = "image.state", .who = change->who, .why = change->why, .purge_at = pruning->purge_at };

        switch (pruning->what) {
        case REG_PRUNE_DEPRECATE:       return reg_state_move(reg, &subject, REG_DEPRECATED, &move, err);
        case REG_PRUNE_HIDE:            return set_hidden(reg, image, true, change, err);
        case REG_PRUNE_TRASH:           return reg_state_move(reg, &subject, REG_TRASHED, &move, err);
        case REG_PRUNE_PURGE:           return reg_remove_within(reg, image, change, layers, err);
        }
        return bk_fail(err, BK_INVALID, "there is no act %d", (int)pruning->what);
}

/* 1: it is done, 0: it is not, and *ret_why says why. */
static int prune_one(struct reg *reg, const char *id, const struct reg_pruning *pruning, const struct reg_change *change, struct reg_layers *layers,
                     char **ret_why, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *why = NULL;

        if (reg_image_by_id(reg, id, &image, err) < 0)
                return -1;
        if (settled(&image, pruning->what, &why) > 0)
                return 1;
        if (why == NULL && reg_prune_forbidden(reg, image.sequence, pruning->what, &why, err) < 0)
                return -1;
        if (why != NULL) {
                *ret_why = bk_format("image '%s' %s", id, why);
                return 0;
        }
        return act(reg, &image, pruning, change, layers, err) < 0 ? -1 : 1;
}

/* --- all of them -------------------------------------------------------------------- */
struct turn { size_t place; int64_t sequence; };

/* What stands on others is younger, and goes first. */
static int by_youth(const void *a, const void *b)
{
        const struct turn *x = a, *y = b;

        return x->sequence != y->sequence ? (x->sequence < y->sequence ? 1 : -1) : (x->place > y->place) - (x->place < y->place);
}

/* In which order; what is not there any more gets its reason instead. */
static int order(struct reg *reg, const struct reg_pruning *pruning, const bool *skip, struct turn *ret, size_t *ret_n, struct reg_pruned *pruned,
                 struct bk_error *err)
{
        *ret_n = 0;
        for (size_t i = 0; i < pruning->n; i++) {
                struct turn turn = { .place = i };
                const int status = skip[i] ? 0 : reg_sql_int(reg, &turn.sequence, err, "SELECT sequence FROM image WHERE id = ?", "t",
                                                             pruning->ids[i]);

                if (status < 0)
                        return -1;
                if (status > 0)
                        ret[(*ret_n)++] = turn;
                else if (!skip[i])
                        pruned->why_not[i] = bk_format("image '%.100s' is not there any more", pruning->ids[i]);
        }
        if (*ret_n > 0)
                qsort(ret, *ret_n, sizeof *ret, by_youth);
        return 0;
}

static int prune_all(struct reg *reg, const struct reg_pruning *pruning, const struct reg_change *change, struct reg_pruned *pruned,
                     struct bk_error *err)
{
        autofree bool *skip = bk_alloc((pruning->n + 1) * sizeof *skip);
        autofree struct turn *turns = bk_alloc((pruning->n + 1) * sizeof *turns);
        size_t n = 0;

        if ((pruning->decide != NULL && pruning->decide(pruning->arg, reg, skip, err) < 0) || order(reg, pruning, skip, turns, &n, pruned, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                const size_t place = turns[i].place;
                int status;

                /* Named twice: it is done, or it is gone. */
                if (i > 0 && turns[i - 1].sequence == turns[i].sequence) {
                        pruned->done[place] = pruned->done[turns[i - 1].place];
                        pruned->why_not[place] = bk_strdup(pruned->why_not[turns[i - 1].place]);
                        continue;
                }
                status = prune_one(reg, pruning->ids[place], pruning, change, &pruned->layers, &pruned->why_not[place], err);
                if (status < 0)
                        return bk_wrap(err, "%s '%s'", reg_prune_name(pruning->what), pruning->ids[place]);
                pruned->done[place] = status > 0;
        }
        return 0;
}

struct attempt { struct reg_pruned pruned; size_t n; };

static void attempt_done(struct attempt *attempt)
{
        reg_pruned_done(&attempt->pruned, attempt->n);
}

int reg_prune_do(struct reg *reg, const struct reg_pruning *pruning, const struct reg_change *change, struct reg_pruned *ret, struct bk_error *err)
{
        BK_CLEANUP(attempt_done) struct attempt attempt = {
                .n = pruning->n,
                .pruned = { .done = bk_alloc((pruning->n + 1) * sizeof *attempt.pruned.done),
                            .why_not = bk_alloc((pruning->n + 1) * sizeof *attempt.pruned.why_not) },
        };
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            prune_all(reg, pruning, change, &attempt.pruned, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret = attempt.pruned;
        attempt.pruned = (struct reg_pruned){ 0 };
        return 0;
}

int reg_unhide(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0 ||
            (image.hidden && set_hidden(reg, &image, false, change, err) < 0))
                return -1;
        return reg_txn_commit(&txn, err);
}

/* "TIME.SEQUENCE": in that order, and an image that comes back meanwhile takes nobody along. */
static int read_place(const char *after, int64_t *ret_at, int64_t *ret_sequence, struct bk_error *err)
{
        static const char digits[] = "0123456789";
        const size_t first = after == NULL ? 0 : strspn(after, digits);
        const size_t second = first > 0 && after[first] == '.' ? strspn(after + first + 1, digits) : 0;

        *ret_at = *ret_sequence = 0;
        if (after == NULL)
                return 0;
        if (second == 0 || first > 18 || second > 18 || after[first + 1 + second] != '\0')
                return bk_fail(err, BK_INVALID, "cursor is the 'next' of an answer; take it as it is");
        *ret_at = strtoll(after, NULL, 10);
        *ret_sequence = strtoll(after + first + 1, NULL, 10);
        return 0;
}

int reg_trash_json(struct reg *reg, const char *after, int64_t limit, json_t **ret, char **ret_next, struct bk_error *err)
{
        static const char sql[] =
                "SELECT i.id, i.name, t.at AS since, t.purge_at, l.who, l.why, i.size, t.purge_at || '.' || i.sequence AS place "
                "FROM trash t JOIN image i ON i.sequence = t.image "
                "LEFT JOIN state_log l ON l.id = (SELECT max(m.id) FROM state_log m WHERE m.image = i.sequence AND m.state = 5) "
                "WHERE t.purge_at > ? OR (t.purge_at = ? AND i.sequence > ?) ORDER BY t.purge_at, i.sequence LIMIT ?";
        autojson *rows = NULL;
        autostmt *stmt = NULL;
        int64_t at, sequence;
        json_t *row;
        size_t i;

        if (read_place(after, &at, &sequence, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "iiii", at, at, sequence, limit + 1) < 0 || reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        *ret_next = NULL;
        if (json_array_size(rows) > (size_t)limit) {
                (void)json_array_remove(rows, (size_t)limit);
                *ret_next = bk_strdup(json_string_value(json_object_get(json_array_get(rows, (size_t)limit - 1), "place")));
        }
        json_array_foreach(rows, i, row)
                (void)json_object_del(row, "place");
        *ret = bk_take(rows);
        return 0;
}
