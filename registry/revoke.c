/* Withdrawing images, with all that was made of them.
 *
 * A revocation has an origin: the image that somebody revoked. Each image that it reaches has a row that names the origin, so that
 * lifting it there lifts it everywhere, and an image that stands on two revoked ones stays revoked until both are lifted. One that is
 * to come has a row of the origin alone; who inherits it is found when it takes effect. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"

int reg_revoked(struct reg *reg, int64_t image, struct bk_error *err)
{
        int64_t found = 0;

        return reg_sql_int(reg, &found, err, "SELECT 1 FROM revocation WHERE image = ? AND done = 1 AND lifted_at IS NULL LIMIT 1", "i", image);
}

/* --- taking effect ------------------------------------------------------------- */
struct ground { const char *origin, *who, *why; int64_t at; };

static int put_row(struct reg *reg, int64_t image, const struct ground *ground, bool done, bool spreads, struct bk_error *err)
{
        return reg_sql_run(reg, err, "INSERT INTO revocation (image, origin, at, done, spreads, noted_at, who, why) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "itiiiitt", image, ground->origin, ground->at, (int64_t)done, (int64_t)spreads,
                           (int64_t)time(NULL), ground->who, ground->why);
}

/* What is in the trash stays there; it would come out revoked. */
static int strike(struct reg *reg, const struct reg_subject *subject, const struct ground *ground, struct bk_error *err)
{
        autojson *extra = json_pack("{s:s}", "origin", ground->origin);
        const struct reg_move move = { .action = "image.revoked", .who = ground->who, .why = ground->why, .extra = extra };

        if (subject->state >= REG_REVOKED)
                return 0;
        return reg_state_move(reg, subject, REG_REVOKED, &move, err);
}

struct heirs { struct reg_subject *v; size_t n; };

static void heirs_done(struct heirs *heirs)
{
        for (size_t i = 0; i < heirs->n; i++) {
                free((void *)(uintptr_t)heirs->v[i].id);
                free((void *)(uintptr_t)heirs->v[i].name);
        }
        free(heirs->v);
}

/* Whatever a statement finds as sequence, id, name, state; read to its end before anything is written. */
static int read_heirs(struct reg *reg, struct reg_stmt *stmt, struct heirs *ret, struct bk_error *err)
{
        int status;

        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if ((ret->n & (ret->n + 1)) == 0)
                        ret->v = bk_grow(ret->v, 2 * (ret->n + 1), sizeof *ret->v);
                ret->v[ret->n++] = (struct reg_subject){ .image = reg_column_int(stmt, 0), .id = reg_column(stmt, 1), .name = reg_column(stmt, 2),
                                                         .state = (enum reg_state)reg_column_int(stmt, 3) };
        }
        return status;
}

static int spread(struct reg *reg, int64_t image, const struct ground *ground, struct bk_error *err)
{
        /* Those that have it already, because it was told to spread later than it was made, are left. */
        static const char sql[] =
                "WITH RECURSIVE heir (sequence) AS ("
                " SELECT sequence FROM image WHERE ancestor = ?"
                " UNION SELECT c.sequence FROM heir JOIN image c ON c.ancestor = heir.sequence)"
                "SELECT i.sequence, i.id, i.name, i.state FROM heir JOIN image i ON i.sequence = heir.sequence WHERE NOT EXISTS "
                "(SELECT 1 FROM revocation r WHERE r.image = i.sequence AND r.origin = ? AND r.lifted_at IS NULL) ORDER BY i.sequence";
        BK_CLEANUP(heirs_done) struct heirs heirs = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "it", image, ground->origin) < 0 ||
            read_heirs(reg, stmt, &heirs, err) < 0)
                return -1;
        for (size_t i = 0; i < heirs.n; i++)
                if (put_row(reg, heirs.v[i].image, ground, true, true, err) < 0 || strike(reg, &heirs.v[i], ground, err) < 0)
                        return -1;
        return 0;
}

int reg_revoke_one(struct reg *reg, const struct reg_subject *subject, const char *who, const char *why, struct bk_error *err)
{
        const struct ground ground = { .origin = subject->id, .who = who, .why = why == NULL ? "" : why, .at = time(NULL) };

        if (put_row(reg, subject->image, &ground, true, false, err) < 0)
                return -1;
        return strike(reg, subject, &ground, err);
}

int reg_revoke_undo_one(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct bk_error *err)
{
        return reg_sql_run(reg, err, "UPDATE revocation SET lifted_at = ?, lifted_by = ?, lifted_why = ? WHERE image = ? AND origin = ? "
                           "AND done = 1 AND spreads = 0 AND lifted_at IS NULL", "ittit", (int64_t)time(NULL), change->who, change->why,
                           image->sequence, image->id);
}

int reg_revoked_inherit(struct reg *reg, const struct reg_subject *image, int64_t ancestor, const char *who, struct bk_error *err)
{
        static const char sql[] = "SELECT origin, why, at FROM revocation WHERE image = ? AND done = 1 AND spreads = 1 AND lifted_at IS NULL "
                                  "ORDER BY id";
        autostmt *stmt = NULL;
        struct reg_subject subject = *image;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", ancestor) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                autofree char *origin = reg_column(stmt, 0), *why = reg_column(stmt, 1);
                const struct ground ground = { .origin = origin, .who = who, .why = why, .at = reg_column_int(stmt, 2) };

                if (put_row(reg, subject.image, &ground, true, true, err) < 0 || strike(reg, &subject, &ground, err) < 0)
                        return -1;
                subject.state = REG_REVOKED;
        }
        return status;
}

/* --- what is due ------------------------------------------------------------------ */
/* 1: one took effect, 0: none is due any more. */
static int apply_next(struct reg *reg, struct bk_error *err)
{
        static const char sql[] = "SELECT r.id, i.sequence, i.id, i.name, i.state, r.spreads, r.who, r.why, r.at FROM revocation r "
                                  "JOIN image i ON i.sequence = r.image WHERE r.done = 0 AND r.at <= ? AND r.lifted_at IS NULL "
                                  "ORDER BY r.at, r.id LIMIT 1";
        autofree char *id = NULL, *name = NULL, *who = NULL, *why = NULL;
        autostmt *stmt = NULL;
        struct reg_subject subject;
        struct ground ground;
        int64_t row;
        bool spreads;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", (int64_t)time(NULL)) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return 0;
        id = reg_column(stmt, 2);
        name = reg_column(stmt, 3);
        who = reg_column(stmt, 6);
        why = reg_column(stmt, 7);
        row = reg_column_int(stmt, 0);
        spreads = reg_column_int(stmt, 5) != 0;
        subject = (struct reg_subject){ .image = reg_column_int(stmt, 1), .id = id, .name = name,
                                        .state = (enum reg_state)reg_column_int(stmt, 4) };
        ground = (struct ground){ .origin = id, .who = who, .why = why, .at = reg_column_int(stmt, 8) };
        reg_sql_reset(stmt);
        if (reg_sql_run(reg, err, "UPDATE revocation SET done = 1 WHERE id = ?", "i", row) < 0 || strike(reg, &subject, &ground, err) < 0 ||
            (spreads && spread(reg, subject.image, &ground, err) < 0))
                return -1;
        return 1;
}

int reg_due_within(struct reg *reg, struct bk_error *err)
{
        int status;

        do
                status = apply_next(reg, err);
        while (status > 0);
        return status;
}

int reg_due_apply(struct reg *reg, struct bk_error *err)
{
        int64_t due = 0;
        autotxn txn = { 0 };
        const int status = reg_sql_int(reg, &due, err, "SELECT 1 FROM revocation WHERE done = 0 AND at <= ? AND lifted_at IS NULL LIMIT 1", "i",
                                       (int64_t)time(NULL));

        if (status <= 0 || reg->read_only)
                return status < 0 ? -1 : 0;
        if (reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return bk_wrap(err, "a revocation is due");
        return 0;
}

/* --- revoking ----------------------------------------------------------------------- */
struct standing { int64_t id, at; bool done, spreads; };       /* the image's own revocation, not lifted */

static int find_own(struct reg *reg, const struct reg_image *image, struct standing *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT id, at, done, spreads FROM revocation WHERE image = ? AND origin = ? AND lifted_at IS NULL "
                            "ORDER BY id DESC LIMIT 1", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "it", image->sequence, image->id) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status > 0)
                *ret = (struct standing){ .id = reg_column_int(stmt, 0), .at = reg_column_int(stmt, 1), .done = reg_column_int(stmt, 2) != 0,
                                          .spreads = reg_column_int(stmt, 3) != 0 };
        return status;
}

/* What somebody wants; each image that it reaches tells so itself when it takes effect. */
static int tell_plan(struct reg *reg, const struct reg_image *image, int64_t at, bool spreads, const struct reg_change *change, struct bk_error *err)
{
        autofree char *when = bk_iso_time(at);
        autojson *detail = json_pack("{s:s, s:b}", "at", when, "spreads", spreads);
        const struct reg_event event = { .who = change->who, .action = "image.revocation", .subject = image->id, .name = image->name,
                                         .why = change->why, .detail = detail };

        return reg_event_put(reg, &event, err);
}

/* There is one already: it is brought forward, or spread, or it says the same. */
static int revoke_again(struct reg *reg, const struct reg_image *image, const struct standing *own, const struct reg_revocation *want,
                        const struct reg_change *change, struct bk_error *err)
{
        const struct ground ground = { .origin = image->id, .who = change->who, .why = change->why, .at = want->at };
        const bool sooner = !own->done && want->at < own->at, wider = want->spreads && !own->spreads;

        if (!sooner && !wider)
                return 0;
        if (reg_sql_run(reg, err, "UPDATE revocation SET at = ?, spreads = ? WHERE id = ?", "iii", sooner ? want->at : own->at,
                        (int64_t)(own->spreads || want->spreads), own->id) < 0 ||
            tell_plan(reg, image, sooner ? want->at : own->at, own->spreads || want->spreads, change, err) < 0)
                return -1;
        return own->done && wider ? spread(reg, image->sequence, &ground, err) : 0;
}

static int check_reason(const struct reg_change *change, struct bk_error *err)
{
        if (change->why == NULL || *change->why == '\0')
                return bk_fail(err, BK_INVALID, "revoking and restoring need a reason: who finds the image so wants to know why");
        return reg_change_check(change, err);
}

int reg_revoke(struct reg *reg, const char *id, const struct reg_revocation *want, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_revocation plan = *want;
        struct standing own = { 0 };
        struct ground ground;
        autotxn txn = { 0 };
        int status;

        if (plan.at <= 0)
                plan.at = time(NULL);
        if (check_reason(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0 || (status = find_own(reg, &image, &own, err)) < 0)
                return -1;
        ground = (struct ground){ .origin = image.id, .who = change->who, .why = change->why, .at = plan.at };
        if (status == 0 && change->expect != NULL && !bk_streq(change->expect, reg_state_name(image.state)))
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s, not '%.100s' as was expected", image.id, reg_state_name(image.state),
                               change->expect);
        if (status > 0 ? revoke_again(reg, &image, &own, &plan, change, err) < 0 :
                         put_row(reg, image.sequence, &ground, false, plan.spreads, err) < 0)
                return -1;
        if ((status == 0 && tell_plan(reg, &image, plan.at, plan.spreads, change, err) < 0) || reg_due_within(reg, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* --- restoring ------------------------------------------------------------------------ */
int reg_revoked_why(struct reg *reg, const char *id, char **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT r.at, r.who, r.why, r.origin, o.name FROM image i JOIN revocation r ON r.image = i.sequence "
                                  "LEFT JOIN image o ON o.id = r.origin WHERE i.id = ? AND r.done = 1 AND r.lifted_at IS NULL ORDER BY r.id LIMIT 1";
        autostmt *stmt = NULL;
        autofree char *when = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "t", id) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0) {
                *ret = bk_strdup("for a reason that is not recorded");
                return 0;
        }
        when = bk_iso_time(reg_column_int(stmt, 0));
        if (bk_streq(reg_column_peek(stmt, 3), id))
                *ret = bk_format("since %s by %s: %s", when, reg_column_peek(stmt, 1), reg_column_peek(stmt, 2));
        else
                *ret = bk_format("since %s by %s: %s (inherited from %s %s)", when, reg_column_peek(stmt, 1), reg_column_peek(stmt, 2),
                                 reg_column_null(stmt, 4) ? "an image that is gone," : reg_column_peek(stmt, 4), reg_column_peek(stmt, 3));
        return 0;
}

/* Back to what each was, where nothing else stands against it. */
static int release(struct reg *reg, const struct reg_subject *subject, const char *origin, const struct reg_change *change, struct bk_error *err)
{
        autojson *extra = json_pack("{s:s}", "origin", origin);
        const struct reg_move move = { .action = "image.restored", .who = change->who, .why = change->why, .extra = extra };
        enum reg_state to = REG_BAKED;
        const int revoked = reg_revoked(reg, subject->image, err);

        if (revoked != 0 || subject->state != REG_REVOKED)
                return revoked < 0 ? -1 : 0;
        if (reg_release_check_row(reg, subject->image, err) < 0 || reg_state_resting(reg, subject->image, &to, err) < 0)
                return -1;
        return reg_state_move(reg, subject, to, &move, err);
}

static int lift(struct reg *reg, const char *origin, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(heirs_done) struct heirs heirs = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "SELECT DISTINCT i.sequence, i.id, i.name, i.state FROM revocation r JOIN image i ON i.sequence = r.image "
                            "WHERE r.origin = ? AND r.lifted_at IS NULL ORDER BY i.sequence", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", origin) < 0 || read_heirs(reg, stmt, &heirs, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE revocation SET lifted_at = ?, lifted_by = ?, lifted_why = ? WHERE origin = ? AND lifted_at IS NULL",
                        "ittt", (int64_t)time(NULL), change->who, change->why, origin) < 0)
                return -1;
        for (size_t i = 0; i < heirs.n; i++)
                if (release(reg, &heirs.v[i], origin, change, err) < 0)
                        return -1;
        return 0;
}

static int restore_within(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct bk_error *err)
{
        autojson *detail = json_object();
        const struct reg_event event = { .who = change->who, .action = "image.revocation", .subject = image->id, .name = image->name,
                                         .why = change->why, .detail = detail };
        autofree char *why = NULL;
        struct standing own = { 0 };
        const int status = find_own(reg, image, &own, err);

        if (status < 0)
                return -1;
        if (status == 0) {
                if (image->state != REG_REVOKED)
                        return 0;
                if (reg_revoked_why(reg, image->id, &why, err) < 0)
                        return -1;
                return bk_fail(err, BK_CONFLICT, "image '%s' is not revoked itself, but %s; restore that one", image->id, why);
        }
        (void)json_object_set_new(detail, "lifted", json_true());
        if (reg_event_put(reg, &event, err) < 0)
                return -1;
        return lift(reg, image->id, change, err);
}

int reg_revocation_lift(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autotxn txn = { 0 };

        if (check_reason(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0 || restore_within(reg, &image, change, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_revocations_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT r.origin, o.name AS origin_name, r.at, r.done, r.spreads, r.noted_at, r.who, r.why, r.lifted_at, "
                                  "r.lifted_by, r.lifted_why FROM revocation r LEFT JOIN image o ON o.id = r.origin WHERE r.image = ? ORDER BY r.id";
        autostmt *stmt = NULL;
        int64_t image = 0;

        if (reg_image_find(reg, id, &image, NULL, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", image) < 0)
                return -1;
        return reg_json_rows(reg, stmt, ret, err);
}
