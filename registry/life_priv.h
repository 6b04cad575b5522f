/* What the files of images' lives share: one way to move a state, to withdraw, to set an attribute, to keep a signature. */
#pragma once
#include "registry/life.h"
#include "registry/prune.h"
#include "registry/registry_priv.h"

/* --- state.c ---------------------------------------------------------------- */
/* What a change is about. Nothing here looks whether it may: callers did, in the same transaction. */
struct reg_subject { int64_t image; const char *id, *name; enum reg_state state; };
/* Moves the row, and writes both logs; action is the event's, extra joins its detail and is borrowed. purge_at: of what goes to the
 * trash; 0: in REG_TRASH_SECONDS. */
#define REG_TRASH_SECONDS ((int64_t)7 * 86400)
struct reg_move { const char *action, *who, *why; json_t *extra; int64_t purge_at; };
int reg_state_move(struct reg *reg, const struct reg_subject *subject, enum reg_state to, const struct reg_move *move,
                   struct bk_error *err) BK_MUST_CHECK;
/* What an image is when it is neither revoked nor in the trash: the last of the other states that it had. */
int reg_state_resting(struct reg *reg, int64_t image, enum reg_state *ret, struct bk_error *err) BK_MUST_CHECK;
/* Somebody, and texts that a log can hold. */
int reg_change_check(const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;

/* --- revoke.c --------------------------------------------------------------- */
/* 1: a revocation that has taken effect and was not lifted stands against it. */
int reg_revoked(struct reg *reg, int64_t image, struct bk_error *err) BK_MUST_CHECK;
/* A new image takes over what stands against its ancestor. */
int reg_revoked_inherit(struct reg *reg, const struct reg_subject *image, int64_t ancestor, const char *who, struct bk_error *err) BK_MUST_CHECK;
/* One image alone, as reg_state_change() does it. */
int reg_revoke_one(struct reg *reg, const struct reg_subject *subject, const char *who, const char *why, struct bk_error *err) BK_MUST_CHECK;
/* ... and undoes it, where nobody inherited it. */
int reg_revoke_undo_one(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* What is due, within the caller's write transaction. */
int reg_due_within(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- attribute.c ------------------------------------------------------------- */
/* The one way that an attribute gets its value. */
int reg_attribute_put(struct reg *reg, int64_t image, const char *key, const char *value, struct bk_error *err) BK_MUST_CHECK;

/* --- version.c ---------------------------------------------------------------- */
/* reg_release_check() of an image that is to live again. */
int reg_release_check_row(struct reg *reg, int64_t image, struct bk_error *err) BK_MUST_CHECK;

/* --- moment.c ------------------------------------------------------------------- */
int reg_moment_parse(const char *text, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;       /* unix seconds */

/* --- sign.c --------------------------------------------------------------------- */
int reg_signature_add(struct reg *reg, int64_t image, const char *signature, struct bk_error *err) BK_MUST_CHECK;
int reg_attestation_add(struct reg *reg, const struct reg_image *image, const json_t *provenance, const char *envelope,
                        struct bk_error *err) BK_MUST_CHECK;

/* --- delete.c ------------------------------------------------------------------- */
/* Remembers the image, tells of it, and drops its rows; the blobs that nobody needs any more are doomed. ret_layers: those are added. */
int reg_remove_within(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct reg_layers *ret_layers,
                      struct bk_error *err) BK_MUST_CHECK;

/* --- prune.c -------------------------------------------------------------------- */
/* What no policy may override: 1 with why ("heads a channel: base:production"), the caller's; 0: it may be done. */
int reg_prune_forbidden(struct reg *reg, int64_t image, enum reg_prune what, char **ret_why, struct bk_error *err) BK_MUST_CHECK;

/* --- token.c -------------------------------------------------------------------- */
/* prefix and 64 random hex digits; the caller's. What is kept of it is the digest of its bytes. */
int reg_word_new(const char *prefix, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* The digest of what was presented, the caller's; NULL: it has not the form of such a word. */
char *reg_word_hash(const char *prefix, const char *presented);

/* --- json.c --------------------------------------------------------------------- */
/* The rows that a bound statement selects, as objects. Columns carry their JSON names, and by them their kinds: "at" and names that end
 * in "_at" are times, "state" and "was" numbers with a word for them; of channels "restricted", of revocations "done" and "spreads" are truths. */
int reg_json_rows(struct reg *reg, struct reg_stmt *stmt, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
