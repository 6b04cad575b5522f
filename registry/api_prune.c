/* Routes of what leaves and what stays: keeping, hiding, the trash, and what the janitor did. */
#include "registry/api_life.h"

#include <string.h>

/* When it is to end; for ever where the body does not say. */
static int read_until(const json_t *body, int64_t *ret, struct bk_error *err)
{
        const char *text = NULL;

        *ret = INT64_MAX;
        return reg_life_text(body, "until", &text, err) < 0 ? -1 : text == NULL ? 0 : reg_moment_parse(text, ret, err);
}

/* What became of the image, with who keeps it: {"id", "name", "state", "hidden", ..., "keep": [{"until", "at", "who", "why"}]}. */
static int answer_image(struct reg_call *call, const char *id, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autostmt *stmt = NULL;
        json_t *keep = NULL;

        if (reg_image_by_id(call->reg, id, &image, err) < 0 ||
            reg_sql_prepare(call->reg, "SELECT until, at, who, why FROM keep WHERE image = ?", &stmt, err) < 0 ||
            reg_sql_bind(call->reg, stmt, err, "i", image.sequence) < 0 || reg_json_rows(call->reg, stmt, &keep, err) < 0)
                return -1;
        call->json = reg_image_summary(&image);
        (void)json_object_set_new(call->json, "keep", keep);
        return reg_life_changed(call, err);
}

static int keep(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_change change = { .who = call->request->who, .privileged = call->request->role >= REG_PROMOTE };
        autojson *body = NULL;
        int64_t until = 0;

        if (reg_life_body(call, "until why", &body, err) < 0 || reg_life_text(body, "why", &change.why, err) < 0 ||
            read_until(body, &until, err) < 0 || reg_life_image(call, &image, err) < 0 ||
            reg_keep(call->reg, image.id, until, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int unkeep(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_change change = { .who = call->request->who };
        autofree char *why = NULL;

        if (reg_call_text(call, "why", &why, err) < 0)
                return -1;
        change.why = why;
        if (reg_life_image(call, &image, err) < 0 || reg_unkeep(call->reg, image.id, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int opt_out(struct reg_call *call, struct bk_error *err)
{
        const char *token = NULL, *why = NULL;
        autofree char *id = NULL;
        autojson *body = NULL;
        int64_t until = 0;

        if (reg_life_body(call, "token until why", &body, err) < 0 || reg_life_need(body, "token", &token, err) < 0 ||
            reg_life_text(body, "why", &why, err) < 0 || read_until(body, &until, err) < 0 ||
            reg_keep_by_token(call->reg, token, until, why, &id, err) < 0)
                return -1;
        return answer_image(call, id, err);
}

static int hide(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_change change = { .who = call->request->who };
        struct reg_pruned pruned = { 0 };
        autojson *body = NULL;
        int status = 0;

        if (reg_life_body(call, "why", &body, err) < 0 || reg_life_text(body, "why", &change.why, err) < 0 ||
            reg_life_image(call, &image, err) < 0)
                return -1;
        const char *const ids[] = { image.id };
        const struct reg_pruning pruning = { .ids = ids, .n = 1, .what = REG_PRUNE_HIDE };

        if (reg_prune_do(call->reg, &pruning, &change, &pruned, err) < 0)
                return -1;
        if (!pruned.done[0])
                status = bk_fail(err, BK_CONFLICT, "%s", pruned.why_not[0]);
        reg_pruned_done(&pruned, 1);
        return status < 0 ? -1 : answer_image(call, image.id, err);
}

static int unhide(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_change change = { .who = call->request->who };
        autojson *body = NULL;

        if (reg_life_body(call, "why", &body, err) < 0 || reg_life_text(body, "why", &change.why, err) < 0 ||
            reg_life_image(call, &image, err) < 0 || reg_unhide(call->reg, image.id, &change, err) < 0)
                return -1;
        return answer_image(call, image.id, err);
}

static int trash(struct reg_call *call, struct bk_error *err)
{
        autofree char *cursor = NULL, *next = NULL;
        json_t *rows = NULL;
        int64_t limit = 100;

        if (reg_call_text(call, "cursor", &cursor, err) < 0 || reg_call_number(call, "limit", 1, 10000, &limit, err) < 0 ||
            reg_trash_json(call->reg, cursor, limit, &rows, &next, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, reg_json_text(next));
        return 0;
}

static int runs(struct reg_call *call, struct bk_error *err)
{
        json_t *rows = NULL;
        int64_t limit = 100;

        if (reg_call_number(call, "_limit", 1, 100000, &limit, err) < 0 || reg_janitor_runs_json(call->reg, limit, &rows, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, NULL);
        return 0;
}

static const struct reg_route rows[] = {
        { "POST", "/images/{image}/keep", REG_BAKE,
          "ask for an image to stay: {until, why}; for ever without until; never shorter without the role promote", NULL, keep },
        { "DELETE", "/images/{image}/keep", REG_PROMOTE, "it need not stay any more", "why", unkeep },
        { "POST", "/images/{image}/hide", REG_PROMOTE, "offer an image to nobody; by its digest it is found: {why}", NULL, hide },
        { "POST", "/images/{image}/unhide", REG_PROMOTE, "offer it again: {why}", NULL, unhide },
        { "GET", "/trash", REG_READ, "what is in the trash, and when it may be purged", "limit cursor", trash },
        { "POST", "/janitor/opt-out", REG_NOBODY, "the image that a word was sent about is to stay, or longer: {token, until, why}", NULL, opt_out },
        { "GET", "/janitor/runs", REG_READ, "what the janitor did, newest first", "_limit", runs },
};
const struct reg_routes reg_routes_prune = { rows, sizeof rows / sizeof *rows };
