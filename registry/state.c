/* The life of an image. The log says who moved it, when and why; it is written
 * in the transaction that moves it. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"

#define WHY_MOST 4000

static const char *const names[] = {
        [REG_BAKED] = "baked", [REG_TESTED] = "tested", [REG_PROMOTED] = "promoted",
        [REG_DEPRECATED] = "deprecated", [REG_REVOKED] = "revoked", [REG_TRASHED] = "trashed",
};
#define N_STATES (sizeof names / sizeof *names)

const char *reg_state_name(enum reg_state state)
{
        return (size_t)state < N_STATES ? names[state] : "unknown";
}

int reg_state_parse(const char *name, enum reg_state *ret, struct bk_error *err)
{
        for (size_t i = 0; i < N_STATES; i++)
                if (strcmp(names[i], name) == 0) {
                        *ret = (enum reg_state)i;
                        return 0;
                }
        return bk_fail(err, BK_INVALID, "unknown state '%.100s'; there are baked, tested, promoted, deprecated, revoked, "
                       "trashed", name);
}

int reg_change_check(const struct reg_change *change, struct bk_error *err)
{
        if (change->who == NULL || *change->who == '\0')
                return bk_fail(err, BK_INVALID, "a change is made by somebody; say who");
        if (strlen(change->who) > WHY_MOST || !reg_text_valid(change->who))
                return bk_fail(err, BK_INVALID, "the name of who makes the change is not one line of UTF-8");
        if (change->why != NULL && (strlen(change->why) > WHY_MOST || !reg_text_valid(change->why)))
                return bk_fail(err, BK_INVALID, "the reason is not one line of UTF-8 of at most %d bytes", WHY_MOST);
        return 0;
}

int reg_state_log(struct reg *reg, int64_t image, int64_t was, enum reg_state now, const char *who, const char *why,
                  struct bk_error *err)
{
        static const char sql[] = "INSERT INTO state_log (image, was, state, at, who, why) "
                                  "VALUES (?, nullif(?, -1), ?, ?, coalesce(?, 'unknown'), ?)";

        return reg_sql_run(reg, err, sql, "iiiitt", image, was, (int64_t)now, (int64_t)time(NULL), who, why);
}

/* What lies in the trash has a row there. */
static int keep_trash(struct reg *reg, const struct reg_subject *subject, enum reg_state to, int64_t purge_at, json_t *detail, struct bk_error *err)
{
        const int64_t now = time(NULL), at = purge_at != 0 ? purge_at : now + REG_TRASH_SECONDS;
        autofree char *text = bk_iso_time(at);

        if (to != REG_TRASHED)
                return subject->state == REG_TRASHED ? reg_sql_run(reg, err, "DELETE FROM trash WHERE image = ?", "i", subject->image) : 0;
        (void)json_object_set_new(detail, "purge_at", json_string(text));
        return reg_sql_run(reg, err, "INSERT INTO trash (image, at, purge_at) VALUES (?, ?, ?) ON CONFLICT (image) DO UPDATE "
                           "SET purge_at = excluded.purge_at", "iii", subject->image, now, at);
}

/* What rules have noted of an image is over when it is done, or undone: a rule that finds the image again begins its grace anew. */
static int end_marks(struct reg *reg, const struct reg_subject *subject, enum reg_state to, struct bk_error *err)
{
        const enum reg_state further = to > subject->state ? to : subject->state;

        if (further < REG_DEPRECATED)
                return 0;
        return reg_sql_run(reg, err, "DELETE FROM mark WHERE image = ? AND (? = 1 OR action = 'deprecate')", "ii", subject->image,
                           (int64_t)(further == REG_TRASHED));
}

int reg_state_move(struct reg *reg, const struct reg_subject *subject, enum reg_state to, const struct reg_move *move, struct bk_error *err)
{
        autojson *detail = json_pack("{s:s, s:s}", "was", names[subject->state], "state", names[to]);
        const struct reg_event event = { .who = move->who, .action = move->action, .subject = subject->id, .name = subject->name,
                                         .why = move->why, .detail = detail };

        if (move->extra != NULL)
                (void)json_object_update(detail, move->extra);
        if (reg_sql_run(reg, err, "UPDATE image SET state = ? WHERE sequence = ?", "ii", (int64_t)to, subject->image) < 0 ||
            reg_state_log(reg, subject->image, subject->state, to, move->who, move->why, err) < 0 ||
            keep_trash(reg, subject, to, move->purge_at, detail, err) < 0 || end_marks(reg, subject, to, err) < 0)
                return -1;
        return reg_event_put(reg, &event, err);
}

int reg_state_resting(struct reg *reg, int64_t image, enum reg_state *ret, struct bk_error *err)
{
        int64_t state = REG_BAKED;

        if (reg_sql_int(reg, &state, err, "SELECT state FROM state_log WHERE image = ? AND state < ? ORDER BY id DESC LIMIT 1", "ii", image,
                        (int64_t)REG_REVOKED) < 0)
                return -1;
        *ret = (enum reg_state)state;
        return 0;
}

/* Whoever bakes says what was tested; the rest is for those who decide what is used. */
static int may_change(const struct reg_image *image, enum reg_state to, const struct reg_change *change, struct bk_error *err)
{
        const enum reg_state most = to > image->state ? to : image->state;

        if (change->privileged || most <= REG_TESTED)
                return 0;
        return bk_fail(err, BK_DENIED, "image '%s' is %s; making it %s needs a token with the role promote or admin", image->id, names[image->state],
                       names[to]);
}

/* What setting the state revoked, setting it brings back. What others inherited, or this one, is only restored where it began. */
static int may_move(struct reg *reg, const struct reg_image *image, enum reg_state to, const struct reg_change *change, struct bk_error *err)
{
        int revoked = 0;

        if (change->expect != NULL && !bk_streq(change->expect, names[image->state]))
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s, not '%.100s' as was expected", image->id, names[image->state],
                               change->expect);
        if (to < image->state && (change->why == NULL || *change->why == '\0'))
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s; going back to %s needs a reason", image->id, names[image->state],
                               names[to]);
        if (to < REG_REVOKED && (reg_revoke_undo_one(reg, image, change, err) < 0 || (revoked = reg_revoked(reg, image->sequence, err)) < 0))
                return -1;
        if (revoked > 0)
                return bk_fail(err, BK_CONFLICT, "image '%s' is revoked and cannot become %s; `bakery image restore` lifts a revocation",
                               image->id, names[to]);
        return image->state == REG_TRASHED ? reg_release_check_row(reg, image->sequence, err) : 0;
}

static int apply(struct reg *reg, const struct reg_image *image, enum reg_state to, int64_t purge_at, const struct reg_change *change,
                 struct bk_error *err)
{
        const struct reg_subject subject = { .image = image->sequence, .id = image->id, .name = image->name, .state = image->state };
        const struct reg_move move = { .action = "image.state", .who = change->who, .why = change->why, .purge_at = purge_at };

        if (to == REG_REVOKED)
                return reg_revoke_one(reg, &subject, change->who, change->why, err);
        return reg_state_move(reg, &subject, to, &move, err);
}

/* It lies there already, and is given another time. */
static int move_purge(struct reg *reg, const struct reg_image *image, int64_t purge_at, const struct reg_change *change, struct bk_error *err)
{
        const struct reg_subject subject = { .image = image->sequence, .state = image->state };
        autojson *detail = json_object();
        const struct reg_event event = { .who = change->who, .action = "image.purge_moved", .subject = image->id, .name = image->name,
                                         .why = change->why, .detail = detail };
        int64_t now = 0;

        if (reg_sql_int(reg, &now, err, "SELECT purge_at FROM trash WHERE image = ?", "i", image->sequence) < 0)
                return -1;
        if (now == purge_at)
                return 0;
        return keep_trash(reg, &subject, REG_TRASHED, purge_at, detail, err) < 0 ? -1 : reg_event_put(reg, &event, err);
}

static int change_state(struct reg *reg, const char *id, enum reg_state state, int64_t purge_at, const struct reg_change *change,
                        struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autotxn txn = { 0 };

        if ((size_t)state >= N_STATES)
                return bk_fail(err, BK_INVALID, "there is no state %d", (int)state);
        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0 || may_change(&image, state, change, err) < 0)
                return -1;
        if (image.state == state && purge_at != 0 && move_purge(reg, &image, purge_at, change, err) < 0)
                return -1;
        if (image.state == state)
                return reg_txn_commit(&txn, err);       /* said twice, done once: a repeated job does not fail */
        if (may_move(reg, &image, state, change, err) < 0 || apply(reg, &image, state, purge_at, change, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_state_change(struct reg *reg, const char *id, enum reg_state state, const struct reg_change *change, struct bk_error *err)
{
        return change_state(reg, id, state, 0, change, err);
}

int reg_trash(struct reg *reg, const char *id, int64_t purge_at, const struct reg_change *change, struct bk_error *err)
{
        return change_state(reg, id, REG_TRASHED, purge_at, change, err);
}

int reg_untrash(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        const struct reg_move move = { .action = "image.state", .who = change->who, .why = change->why };
        struct reg_subject subject;
        enum reg_state to = REG_BAKED;
        autotxn txn = { 0 };
        int revoked;

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0)
                return -1;
        if (image.state != REG_TRASHED)
                return reg_txn_commit(&txn, err);
        if ((revoked = reg_revoked(reg, image.sequence, err)) < 0 || reg_state_resting(reg, image.sequence, &to, err) < 0 ||
            (revoked == 0 && reg_release_check_row(reg, image.sequence, err) < 0))
                return -1;
        subject = (struct reg_subject){ .image = image.sequence, .id = image.id, .name = image.name, .state = image.state };
        if (reg_state_move(reg, &subject, revoked > 0 ? REG_REVOKED : to, &move, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}
