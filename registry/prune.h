/* How images leave: marked, told of, out of sight, in the trash, gone. Policy is the janitor's; here are the acts, each one transaction,
 * and what no policy may override.
 *
 * Whatever the caller wants, these are refused (BK_CONFLICT, saying why): deprecating, hiding, trashing or purging the head of a channel,
 * an image with a living launch reference, one that a running bake builds on, one that somebody asked to keep; trashing or purging one on
 * which an image stands that is not itself in the trash; purging one on which any image stands, or that is not in the trash. */
#pragma once
#include "lib/mem.h"
#include "registry/life.h"

enum reg_prune { REG_PRUNE_DEPRECATE, REG_PRUNE_HIDE, REG_PRUNE_TRASH, REG_PRUNE_PURGE };
const char *reg_prune_name(enum reg_prune what);        /* "deprecate" */

/* --- acts --------------------------------------------------------------------------------------- */
/* Several at once: one transaction. Before the first act, still and within the transaction, `decide` is asked, which may read the registry by
 * the same handle; it leaves out (skip[i] = true) what is not to be done any more. 0, or -1: nothing is done. */
struct reg_pruning {
        const char *const *ids;
        size_t n;
        enum reg_prune what;
        int64_t purge_at;                       /* TRASH: when it may be purged; 0: in a week. PURGE looks at the state alone: whether the time in
                                                   the trash is over is decide's to say, as the janitor's does */
        int (*decide)(void *arg, struct reg *reg, bool *skip, struct bk_error *err);    /* NULL: nobody is asked */
        void *arg;
};
struct reg_pruned {
        bool *done;                             /* [n] */
        char **why_not;                         /* [n]; NULL where it is done or was skipped by decide */
        struct reg_layers layers;               /* PURGE: that no image needs any more; their rows are gone, their blobs are doomed (below) */
};
void reg_pruned_done(struct reg_pruned *pruned, size_t n);
/* *ret is the caller's on success, to be let go by reg_pruned_done() with the n of the pruning; nothing of it is made on failure. */
int reg_prune_do(struct reg *reg, const struct reg_pruning *pruning, const struct reg_change *change, struct reg_pruned *ret,
                 struct bk_error *err) BK_MUST_CHECK;
/* Hidden images are in no answer to a query of the present, and offered to no client, unless _hidden is asked for; queries of the past (_at,
 * _since, _until, _changed) tell of them as of all others, and by digest they are there. */
int reg_unhide(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* Of what is in the trash: id, name, since, purge_at, who, why, size; what may be purged first comes first, and at most that many. after: NULL, or
 * the *ret_next of those before; *ret is the caller's reference, and *ret_next its own, NULL at the end. */
int reg_trash_json(struct reg *reg, const char *after, int64_t limit, json_t **ret, char **ret_next, struct bk_error *err) BK_MUST_CHECK;

/* --- blobs: two phases ----------------------------------------------------------------------------- */
/* A purge writes the digests that nobody needs any more into the table "doomed", in its transaction. A collection, with the store held alone
 * (layer_store_hold), removes the blob of each that no row names; then, with the store let go, the rows of "doomed" whose blobs it removed and
 * that nobody has brought again. Publishing a layer takes its digest out of "doomed"; what somebody is about to record (layer_await) is left for
 * later. Killed anywhere, nothing is lost, and the next collection goes on. */
struct layer_store;
struct reg_collected { size_t blobs; uint64_t bytes; };        /* also of a failure: what went before it */
int reg_collect(struct reg *reg, const struct layer_store *store, struct reg_collected *ret, struct bk_error *err) BK_MUST_CHECK;
/* The same of these digests, be they doomed or not. wait_ms: how long each time for those who record layers; BK_LOCKED then. */
int reg_collect_these(struct reg *reg, const struct layer_store *store, const struct bk_strv *digests, int wait_ms, struct reg_collected *ret,
                      struct bk_error *err) BK_MUST_CHECK;
/* The digests that wait for their collection, sorted; the caller's. */
int reg_doomed(struct reg *reg, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- marks ----------------------------------------------------------------------------------------- */
/* An image that a rule has found, and that waits for its grace to end. One for each image and rule. They end with what they are for: when an
 * image is deprecated, hidden or trashed, by whomever, and when that is undone. */
struct reg_mark {
        int64_t sequence;
        char *id, *rule, *action;
        int64_t marked_at, due_at;              /* due_at 0: the grace begins when somebody was told */
        int64_t told_at;                        /* 0: nobody yet */
        char *told;                             /* whom, how: "mail ada@example.org" */
};
struct reg_marks { struct reg_mark *v; size_t n; };
void reg_marks_done(struct reg_marks *marks);
int reg_marks_read(struct reg *reg, struct reg_marks *ret, struct bk_error *err) BK_MUST_CHECK;
/* One transaction: sets (id, rule, action, marked_at, due_at) and lifts (id, rule). A mark that is there keeps its times, unless
 * its action is another. */
int reg_marks_change(struct reg *reg, const struct reg_marks *set, const struct reg_marks *lift, const struct reg_change *change,
                     struct bk_error *err) BK_MUST_CHECK;
/* Somebody was told, and the grace runs from now to due_at. */
int reg_mark_told(struct reg *reg, const char *id, const char *rule, const char *told, int64_t due_at, struct bk_error *err) BK_MUST_CHECK;
/* A word that opts this image out, for the message: "bko_...", kept only as a hash. The caller's. The last ten of an image and rule hold. */
int reg_mark_token(struct reg *reg, const char *id, const char *rule, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- opting out -------------------------------------------------------------------------------------- */
/* The image stays until then; INT64_MAX: for ever. POST /images/{image}/keep {"until", "why"} (role bake), or
 * POST /janitor/opt-out {"token", "until", "why"} by whoever was sent the word; never by GET. What stays longer already is left as it is,
 * with who asked for it and why, unless the change is privileged. */
int reg_keep(struct reg *reg, const char *id, int64_t until, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* *ret_id, the image's, is the caller's. BK_DENIED for what is no word, or one whose image is gone. */
int reg_keep_by_token(struct reg *reg, const char *token, int64_t until, const char *why, char **ret_id, struct bk_error *err) BK_MUST_CHECK;
int reg_unkeep(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;

/* --- runs -------------------------------------------------------------------------------------------- */
/* What a run did, for the next one and for people. One runs at a time: whatever is still said to run was killed, and is aborted from now on. */
int reg_janitor_begin(struct reg *reg, const char *who, const char *rules_digest, int64_t *ret_number, struct bk_error *err) BK_MUST_CHECK;
/* counts, borrowed, may be NULL: {"deprecated", "hidden", "trashed", "purged", "marked", "told", "bytes", ...} */
int reg_janitor_end(struct reg *reg, int64_t number, const char *status, const json_t *counts, struct bk_error *err) BK_MUST_CHECK;
/* Newest first: number, started_at, ended_at, who, rules, status, counts. *ret is the caller's reference. */
int reg_janitor_runs_json(struct reg *reg, int64_t limit, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
