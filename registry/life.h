/* What happens to images after they were published: states, revocations, tags, channels, signatures; tokens; and the log of it all.
 *
 * Every change is made by somebody, is one transaction, and writes its line in the log within it. Said twice it is done once: a
 * job that is repeated does not fail. A change may say what it expects to find; when something else is there, it is
 * BK_CONFLICT, and the text has what is there. */
#pragma once
#include "registry/api.h"

struct reg_change {
        const char *who;
        const char *why;                /* NULL where no reason is needed */
        const char *expect;             /* a state's word; a head's digest, or "none"; NULL: whatever is there */
        bool privileged;                /* may touch restricted channels and images that are more than tested, and shorten what others keep */
};

/* --- states ------------------------------------------------------------------ */
/* BK_DENIED: the image is more than tested, or is to be, and the change is not privileged. */
int reg_state_change(struct reg *reg, const char *id, enum reg_state state, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* Into the trash, to be purged then at the earliest; 0: in a week. What lies there already is given that time. */
int reg_trash(struct reg *reg, const char *id, int64_t purge_at, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* Back from the trash, to the state it had before: revoked, if it is. */
int reg_untrash(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;

/* --- revocation ---------------------------------------------------------------- */
/* at: unix seconds, 0 for now. spreads: what stands on the image, at any depth, and what will be baked on it, inherits it. The
 * reason is needed. */
struct reg_revocation { int64_t at; bool spreads; };
int reg_revoke(struct reg *reg, const char *id, const struct reg_revocation *want, const struct reg_change *change,
               struct bk_error *err) BK_MUST_CHECK;
/* Lifts what reg_revoke() did, there and where it was inherited from there. An image that is revoked on other grounds, too, stays revoked. */
int reg_revocation_lift(struct reg *reg, const char *id, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* Rows: image, origin, origin_name, at, done, spreads, who, why, noted_at, lifted_at, lifted_by, lifted_why. */
int reg_revocations_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Why an image is revoked, in words for an error: "since 2026-01-02T03:04:05Z by ada: a hole (inherited from base sha256:...)". */
int reg_revoked_why(struct reg *reg, const char *id, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* Revocations whose time has come take effect. Whoever opens a registry, and whoever answers from one that stays open, calls it first. */
int reg_due_apply(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- channels -------------------------------------------------------------------- */
/* channel is "name:channel", or the channel alone where an image gives the name. */
int reg_channel_point(struct reg *reg, const char *channel, const char *id, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* to: a digest that headed it before; NULL: the head before the present one that is still fit to be one. *ret is the new head; the caller's. */
int reg_channel_rollback(struct reg *reg, const char *channel, const char *to, const struct reg_change *change, char **ret,
                         struct bk_error *err) BK_MUST_CHECK;
int reg_channel_restrict(struct reg *reg, const char *channel, bool restricted, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
int reg_channel_delete(struct reg *reg, const char *channel, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* Of one image name, or of all: channel, image, state, restricted, at, who, why. */
int reg_channels_json(struct reg *reg, const char *name, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_channel_json(struct reg *reg, const char *channel, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Newest first: image, previous, at, who, why. */
int reg_channel_history_json(struct reg *reg, const char *channel, int64_t limit, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- tags --------------------------------------------------------------------------- */
/* An attribute to set, or with value NULL to remove. expect NULL: whatever it has now; "": it is not there. */
struct reg_tag { const char *key, *value, *expect; };
/* All or none. What is in the manifest is part of the image's digest and is refused. */
int reg_tag(struct reg *reg, const char *id, const struct reg_tag *tags, size_t n, const struct reg_change *change,
            struct bk_error *err) BK_MUST_CHECK;
/* Newest first: key, was, value, at, who, why. */
int reg_tags_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- versions ------------------------------------------------------------------------- */
/* BK_CONFLICT when another living image has that name, version and architecture and one of the two is to be alone. */
struct reg_release {
        const char *name, *version, *architecture;      /* attributes; NULL where there is none */
        bool unique;
        int64_t except;         /* its own row, or 0 */
};
int reg_release_check(struct reg *reg, const struct reg_release *release, struct bk_error *err) BK_MUST_CHECK;

/* --- removal ------------------------------------------------------------------------- */
/* Removes the rows of an image, whatever state it is in; the last that was known of it is kept. Refused else as a purge is (prune.h).
 * ret_layers receives the layers that no image needs any more, top first; their rows are gone, too, and their blobs are doomed: a collection
 * (prune.h) removes them. */
int reg_remove(struct reg *reg, const char *id, const struct reg_change *change, struct reg_layers *ret_layers, struct bk_error *err) BK_MUST_CHECK;

/* --- the log -------------------------------------------------------------------------- */
/* {"items": [...], "index": newest, "next": since for the page after, or null}; oldest first, those after `since`. */
int reg_events_json(struct reg *reg, int64_t since, int64_t limit, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Walks the chain: {"ok", "events", "index", "digest", "bad": number or null, "problem": text or null}. head, "N:sha256:...", NULL for none, is
 * what somebody remembers of the log: it must be in it, or the end of the log was cut off. */
int reg_events_verify(struct reg *reg, const char *head, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- tokens ------------------------------------------------------------------------------ */
const char *reg_role_name(enum reg_role role);
int reg_role_parse(const char *name, enum reg_role *ret, struct bk_error *err) BK_MUST_CHECK;
/* expires_at: unix seconds, 0 for never. *ret is the token, which is kept nowhere; the caller's. */
int reg_token_create(struct reg *reg, const char *name, enum reg_role role, int64_t expires_at, const struct reg_change *change, char **ret,
                     struct bk_error *err) BK_MUST_CHECK;
int reg_token_revoke(struct reg *reg, const char *name, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
int reg_tokens_json(struct reg *reg, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* BK_DENIED for what is no token, or one that has expired or was revoked. *ret_name is the caller's. */
int reg_token_check(struct reg *reg, const char *presented, char **ret_name, enum reg_role *ret_role, struct bk_error *err) BK_MUST_CHECK;

/* --- trust --------------------------------------------------------------------------------- */
/* signature is of the manifest's bytes; its form is checked, not who made it: that is for whoever trusts a key. */
int reg_signature_put(struct reg *reg, const char *id, const char *signature, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* {"id", "layer", "manifest": its bytes, "items": [{"key_id", "at", "text"}]} */
int reg_signatures_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

struct bk_secret_key;
/* Signatures as they are put: of a manifest, a .minisig file; of a statement, an envelope. The caller's. */
int reg_sign_manifest(const struct bk_secret_key *secret, const char *name, const char *manifest, char **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_sign_statement(const struct bk_secret_key *secret, const char *statement, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* The in-toto statement of an image's provenance (SLSA v1), always the same bytes for the same image; the caller's. */
char *reg_statement(const struct reg_image *image, const json_t *provenance);
#define REG_STATEMENT_TYPE "application/vnd.in-toto+json"
/* What is signed of it: DSSE's pre-authentication encoding. */
char *reg_statement_encoding(const char *statement);
/* A DSSE envelope; key_id and signature NULL: without one. The caller's. */
char *reg_envelope(const char *statement, const char *key_id, const char *signature);
/* The envelope must hold the very statement of that image. */
int reg_attestation_put(struct reg *reg, const char *id, const char *envelope, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
enum reg_provenance { REG_PROVENANCE_OURS, REG_PROVENANCE_SLSA, REG_PROVENANCE_STATEMENT };
/* What the bake recorded; the envelope with every signature there is, in this one form also without any; the statement alone. Text, the caller's. */
int reg_provenance(struct reg *reg, const char *id, enum reg_provenance form, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* The next index to be signed: every image that is not in the trash with its state, every channel's head, the log's head. Numbered one above the
 * newest signed one; its bytes are what is to be signed; the caller's. */
int reg_index_draft(struct reg *reg, int64_t expires_at, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* BK_CONFLICT when its number is not the next. */
int reg_index_put(struct reg *reg, const char *text, const char *signature, const struct reg_change *change, struct bk_error *err) BK_MUST_CHECK;
/* The newest one; BK_NOT_FOUND when none was signed. */
int reg_index_get(struct reg *reg, char **ret_text, char **ret_signature, struct bk_error *err) BK_MUST_CHECK;
