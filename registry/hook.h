/* Who wants to hear of changes: each event of the log that a hook wants is posted to its URL, in order, at least once.
 *
 * A hook's place in the log moves on when the other side has answered with 2xx; when it has not, the same event is sent again after
 * a pause that doubles. Its secret, which signs what is sent, is kept in the state folder, readable by its owner only
 * (hooks/NAME.secret), and not in the registry, which others may read and copy. */
#pragma once
#include <stdatomic.h>

#include "registry/registry.h"

struct reg_hook {
        const char *name;               /* [a-z0-9][a-z0-9._-]* */
        const char *url;                /* http:// or https:// */
        const char *actions;            /* "image.*,channel.assigned"; NULL: all */
        const char *secret;             /* NULL: what is sent is not signed */
};
/* From the next event on. home: the state folder. BK_CONFLICT: there is one of that name. */
int reg_hook_add(struct reg *reg, const char *home, const struct reg_hook *hook, const char *who, struct bk_error *err) BK_MUST_CHECK;
int reg_hook_remove(struct reg *reg, const char *home, const char *name, const char *who, struct bk_error *err) BK_MUST_CHECK;
/* Writes an event for it alone, which it gets whatever it wants else, and at once. */
int reg_hook_test(struct reg *reg, const char *name, const char *who, struct bk_error *err) BK_MUST_CHECK;
/* {"items": [...]}, without secrets. */
int reg_hooks_json(struct reg *reg, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
bool reg_hook_wants(const char *actions, const char *action);
/* "sha256=HEX": the HMAC of the body; the caller's. */
char *reg_hook_signature(const char *secret, const void *body, size_t length);
/* Posts a message to an http:// or https:// URL as events are posted; any answer but 2xx is an error. secret NULL: unsigned; delivery NULL: without
 * a number. */
int reg_hook_post(const char *url, const char *secret, const char *event, const char *delivery, const json_t *body,
                  struct bk_error *err) BK_MUST_CHECK;

struct reg_delivery {
        size_t hooks, sent, failed;     /* that there are; events; hooks whose other side did not take one */
        int64_t next_at;                /* when to look again without a change: a pause ends, or another one's claim; 0: need not be */
        bool more;                      /* there is more to be sent now */
};
/* How long, in seconds, a hook is left to a server of which nothing is heard. Tests set it. */
extern int reg_hook_claim_s;
/* How long one hook is sent to before it is the next one's turn; the event that is under way then is waited for. Tests set it. */
extern int reg_hook_turn_ms;
/* Sends what is due, a limited number of events for each hook. A hook that fails is no failure of this, nor is one that another
 * server sends to just now. force: also to those whose pause is not over. stop: once it is set, no further event is sent; NULL: nothing sets it. */
int reg_hooks_deliver(struct reg *reg, const char *home, bool force, const atomic_bool *stop, struct reg_delivery *ret,
                      struct bk_error *err) BK_MUST_CHECK;
