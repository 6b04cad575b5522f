/* What the routes of images' lives share: reading requests strictly, and the handlers that api_life.c has rows for. */
#pragma once
#include "registry/api.h"
#include "registry/life_priv.h"

/* The body, an object with no other keys than those that are named by blanks; an empty body is an empty object. The caller's. */
int reg_life_body(const struct reg_call *call, const char *keys, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* A text of the body, borrowed; NULL when it is not there or null. Something else than a text is BK_INVALID. */
int reg_life_text(const json_t *body, const char *key, const char **ret, struct bk_error *err) BK_MUST_CHECK;
/* The same, which must be there. */
int reg_life_need(const json_t *body, const char *key, const char **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_life_flag(const json_t *body, const char *key, bool fallback, bool *ret, struct bk_error *err) BK_MUST_CHECK;
/* Who asks, and the body's "why" and "expect", borrowed. */
int reg_life_change(const struct reg_call *call, const json_t *body, struct reg_change *ret, struct bk_error *err) BK_MUST_CHECK;
/* The image that the path names. */
int reg_life_image(const struct reg_call *call, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;
/* Answers with bytes as they are; takes the text. */
void reg_life_raw(struct reg_call *call, const char *type, char *text);
/* Something was changed: the answer's index is the one after it. */
int reg_life_changed(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;

typedef int reg_life_handler(struct reg_call *call, struct bk_error *err);
extern reg_life_handler reg_life_channels, reg_life_channel, reg_life_channel_put, reg_life_channel_delete, reg_life_channel_history,
        reg_life_channel_rollback, reg_life_channel_restrict, reg_life_promote, reg_life_delete;
extern reg_life_handler reg_life_tokens, reg_life_token_create, reg_life_token_revoke, reg_life_manifest, reg_life_signatures, reg_life_sign,
        reg_life_provenance, reg_life_attest, reg_life_index, reg_life_index_signature, reg_life_index_draft, reg_life_index_put;
