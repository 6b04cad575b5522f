/* Routes of states, revocations, tags and the log; and the rows of channels, tokens and signatures, which are in files of their own. */
#include "registry/api_life.h"

#include <string.h>

/* What became of the image. */
static int answer_image(struct reg_call *call, const char *id, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (reg_image_by_id(call->reg, id, &image, err) < 0)
                return -1;
        call->json = reg_image_summary(&image);
        return reg_life_changed(call, err);
}

/* --- states ------------------------------------------------------------------ */
static int set_state(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autojson *body = NULL;
        struct reg_change change;
        const char *word = NULL, *purge = NULL;
        enum reg_state to = REG_BAKED;
        int64_t purge_at = 0;

        if (reg_life_body(call, "state expect why purge_at", &body, err) < 0 || reg_life_text(body, "purge_at", &purge, err) < 0 ||
            (purge != NULL && reg_moment_parse(purge, &purge_at, err) < 0) || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "state", &word, err) < 0 || reg_state_parse(word, &to, err) < 0 ||
            reg_life_image(call, &image, err) < 0)
                return -1;
        if (purge != NULL && to != REG_TRASHED)
                return bk_fail(err, BK_INVALID, "'purge_at' is for what goes to the trash");
        if ((to == REG_TRASHED ? reg_trash(call->reg, image.id, purge_at, &change, err) :
                                 reg_state_change(call->reg, image.id, to, &change, err)) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int withdraw(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_revocation want = { 0 };
        autojson *body = NULL;
        struct reg_change change;
        const char *at = NULL;

        if (reg_life_body(call, "why expect at descendants", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_text(body, "at", &at, err) < 0 || reg_life_flag(body, "descendants", true, &want.spreads, err) < 0 ||
            (at != NULL && reg_moment_parse(at, &want.at, err) < 0) || reg_life_image(call, &image, err) < 0 ||
            reg_revoke(call->reg, image.id, &want, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int lift_with(struct reg_call *call, int (*lift)(struct reg *, const char *, const struct reg_change *, struct bk_error *),
                     struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autojson *body = NULL;
        struct reg_change change;

        if (reg_life_body(call, "why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 || reg_life_image(call, &image, err) < 0 ||
            lift(call->reg, image.id, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int restore(struct reg_call *call, struct bk_error *err)
{
        return lift_with(call, reg_revocation_lift, err);
}

static int untrash(struct reg_call *call, struct bk_error *err)
{
        return lift_with(call, reg_untrash, err);
}

static int list_with(struct reg_call *call, int (*list)(struct reg *, const char *, json_t **, struct bk_error *), struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        json_t *rows = NULL;

        if (reg_life_image(call, &image, err) < 0 || list(call->reg, image.id, &rows, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, NULL);
        return 0;
}

static int revocations(struct reg_call *call, struct bk_error *err)
{
        return list_with(call, reg_revocations_json, err);
}

/* --- tags ---------------------------------------------------------------------- */
#define TAGS_MOST 200

static int read_tags(const json_t *body, struct reg_tag *tags, size_t *n, struct bk_error *err)
{
        json_t *set = json_object_get(body, "set"), *value;
        const json_t *remove = json_object_get(body, "remove"), *expect = json_object_get(body, "expect");
        const char *key;
        size_t i;

        if ((set != NULL && !json_is_object(set)) || (remove != NULL && !json_is_array(remove)) || (expect != NULL && !json_is_object(expect)) ||
            json_object_size(set) + json_array_size(remove) > TAGS_MOST)
                return bk_fail(err, BK_INVALID, "the body is {\"set\": {key: text}, \"remove\": [key], \"expect\": {key: text or null}}, of at most "
                               "%d tags", TAGS_MOST);
        json_object_foreach(set, key, value) {
                if (!json_is_string(value))
                        return bk_fail(err, BK_INVALID, "the value of tag '%.100s' is to be a text", key);
                tags[(*n)++] = (struct reg_tag){ .key = key, .value = json_string_value(value) };
        }
        json_array_foreach(remove, i, value) {
                if (!json_is_string(value))
                        return bk_fail(err, BK_INVALID, "the keys to remove are to be texts");
                tags[(*n)++] = (struct reg_tag){ .key = json_string_value(value) };
        }
        for (i = 0; i < *n; i++) {
                const json_t *wanted = json_object_get(expect, tags[i].key);

                tags[i].expect = wanted == NULL ? NULL : json_is_string(wanted) ? json_string_value(wanted) : "";
        }
        return 0;
}

static int tag(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_change change = { .who = call->request->who };
        struct reg_tag tags[TAGS_MOST];
        autojson *body = NULL;
        size_t n = 0;

        if (reg_life_body(call, "set remove expect why", &body, err) < 0 || reg_life_text(body, "why", &change.why, err) < 0 ||
            read_tags(body, tags, &n, err) < 0 || reg_life_image(call, &image, err) < 0 || reg_tag(call->reg, image.id, tags, n, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int tags_of(struct reg_call *call, struct bk_error *err)
{
        return list_with(call, reg_tags_json, err);
}

/* --- the log --------------------------------------------------------------------- */
static int events(struct reg_call *call, struct bk_error *err)
{
        int64_t since = 0, limit = 100;

        if (reg_call_number(call, "since", 0, INT64_MAX, &since, err) < 0 || reg_call_number(call, "_limit", 0, INT64_MAX, &limit, err) < 0)
                return -1;
        return reg_events_json(call->reg, since, limit, &call->json, err);
}

static int verify(struct reg_call *call, struct bk_error *err)
{
        autofree char *head = NULL;

        if (reg_call_text(call, "head", &head, err) < 0)
                return -1;
        return reg_events_verify(call->reg, head, &call->json, err);
}

static const struct reg_route rows[] = {
        { "POST", "/images/{image}/state", REG_BAKE, "move an image to a state: {state, expect, why, purge_at}", NULL, set_state },
        { "POST", "/images/{image}/revoke", REG_PROMOTE, "withdraw an image: {why, at, descendants}", NULL, withdraw },
        { "POST", "/images/{image}/restore", REG_PROMOTE, "lift a revocation: {why}", NULL, restore },
        { "POST", "/images/{image}/untrash", REG_PROMOTE, "take an image out of the trash: {why}", NULL, untrash },
        { "GET", "/images/{image}/revocations", REG_READ, "why an image is, was or will be revoked", NULL, revocations },
        { "DELETE", "/images/{image}", REG_ADMIN, "delete an image; what layers only it needs go, now or later", "why expect", reg_life_delete },
        { "POST", "/images/{image}/tags", REG_BAKE, "change tags: {set, remove, expect, why}", NULL, tag },
        { "GET", "/images/{image}/tags", REG_READ, "how an image's tags changed", NULL, tags_of },
        { "POST", "/images/{image}/channels", REG_BAKE, "point a channel at an image: {channel, expect, why}", NULL, reg_life_promote },
        { "GET", "/images/{image}/manifest", REG_READ, "the manifest, whose digest is the image's id", NULL, reg_life_manifest },
        { "GET", "/images/{image}/signatures", REG_READ, "the signatures of an image's manifest", NULL, reg_life_signatures },
        { "POST", "/images/{image}/signatures", REG_PROMOTE, "add a signature of the manifest: {signature, why}", NULL, reg_life_sign },
        { "GET", "/images/{image}/provenance", REG_READ, "how an image was baked: format=slsa for an envelope, statement for what is in it", "format",
          reg_life_provenance },
        { "POST", "/images/{image}/attestations", REG_PROMOTE, "add a signature of the statement: {envelope, why}", NULL, reg_life_attest },
        { "GET", "/channels", REG_READ, "channels and their heads", "name", reg_life_channels },
        { "GET", "/channels/{name}/{channel}", REG_READ, "one channel", NULL, reg_life_channel },
        { "PUT", "/channels/{name}/{channel}", REG_BAKE, "point a channel at an image: {image, expect, why}", NULL, reg_life_channel_put },
        { "DELETE", "/channels/{name}/{channel}", REG_PROMOTE, "remove a channel", "why", reg_life_channel_delete },
        { "GET", "/channels/{name}/{channel}/history", REG_READ, "the heads that a channel had", "_limit", reg_life_channel_history },
        { "POST", "/channels/{name}/{channel}/rollback", REG_BAKE, "back to an earlier head: {to, expect, why}", NULL, reg_life_channel_rollback },
        { "PUT", "/channels/{name}/{channel}/restricted", REG_ADMIN, "say who may change a channel: {restricted, why}", NULL,
          reg_life_channel_restrict },
        { "GET", "/events", REG_READ, "what happened after event number since", "since _limit", events },
        { "GET", "/audit/verify", REG_READ, "walk the log's chain of digests; head=NUMBER:DIGEST must be in it", "head", verify },
        { "GET", "/tokens", REG_ADMIN, "tokens, without their secrets", NULL, reg_life_tokens },
        { "POST", "/tokens", REG_ADMIN, "make a token, which is told once: {name, role, expires, why}", NULL, reg_life_token_create },
        { "DELETE", "/tokens/{name}", REG_ADMIN, "revoke a token", "why", reg_life_token_revoke },
        { "GET", "/index.json", REG_READ, "the signed index", NULL, reg_life_index },
        { "GET", "/index.json.minisig", REG_READ, "the signature of the index", NULL, reg_life_index_signature, "text/plain; charset=utf-8" },
        { "GET", "//index.json", REG_READ, "the signed index", NULL, reg_life_index },
        { "GET", "//index.json.minisig", REG_READ, "the signature of the index", NULL, reg_life_index_signature, "text/plain; charset=utf-8" },
        { "GET", "/index/draft", REG_ADMIN, "the index to be signed next", "expires", reg_life_index_draft },
        { "POST", "/index", REG_ADMIN, "publish a signed index: {text, signature, why}", NULL, reg_life_index_put },
};
const struct reg_routes reg_routes_life = { rows, sizeof rows / sizeof *rows };
