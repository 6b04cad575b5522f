/* Routes of queries: lists of images. */
#include "registry/api_images.h"

#include <string.h>

enum { PAGE = 1000, PAGE_MOST = 10000 };

/* Projected; no fields: its summary. */
static json_t *item_of(const struct bk_strv *fields, const struct reg_image *image)
{
        json_t *summary = reg_image_summary(image), *item;

        if (fields->n == 0)
                return summary;
        item = json_object();
        for (size_t i = 0; i < fields->n; i++) {
                json_t *value = json_object_get(summary, fields->v[i]);

                if (value == NULL)
                        value = json_object_get(json_object_get(summary, "attributes"), fields->v[i]);
                (void)json_object_set_new(item, fields->v[i], value != NULL ? json_incref(value) : json_null());
        }
        json_decref(summary);
        return item;
}

static json_t *page(const struct reg_call *call, const struct reg_filter *filter, const struct reg_images *images, const char *next)
{
        json_t *items = json_array();

        for (size_t i = 0; i < images->n; i++)
                (void)json_array_append_new(items, item_of(&filter->fields, &images->v[i]));
        return reg_call_list(call, items, reg_json_text(next));
}

/* First what is merely hidden: an error that says so has named that one. */
int reg_withdrawn(struct reg *reg, struct reg_filter *filter, json_t **ret, struct bk_error *err)
{
        filter->hidden = true;
        filter->limit = 1;
        filter->first = true;
        filter->one = false;
        for (int round = 0; round < 2; round++) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };

                if (reg_filter_run(reg, filter, &images, NULL, err) < 0)
                        return -1;
                if (images.n > 0) {
                        *ret = reg_image_summary(&images.v[0]);
                        break;
                }
                filter->states = REG_STATES_ALL;
        }
        return 0;
}

/* Nothing on offer matches, and something withdrawn does: 410, with the last that is known of it. */
static int withdrawn(struct reg_call *call, struct reg_filter *filter, struct bk_error *err)
{
        json_t *last = NULL;

        if (reg_withdrawn(call->reg, filter, &last, err) < 0)
                return -1;
        if (last != NULL)
                reg_answer_gone(call, err, last);
        return last != NULL ? 0 : -1;
}

void reg_answer_gone(struct reg_call *call, const struct bk_error *err, json_t *last)
{
        call->answer->status = reg_status_of(BK_GONE);
        call->json = json_pack("{s:{s:s,s:o},s:o}", "error", "kind", bk_kind_name(BK_GONE), "message", reg_json_text(err->text), "last", last);
}

/* A list may be empty, and then says why; what must be there is 404 or 410 when it is not. */
static int answer(struct reg_call *call, struct reg_filter *filter, struct bk_error *err)
{
        const bool demanded = filter->one || filter->first;
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autofree char *next = NULL;
        struct bk_error why = { 0 };

        if (reg_filter_demand(call->reg, filter, &images, &next, &why) < 0) {
                *err = why;
                if (demanded && why.kind == BK_GONE)
                        return withdrawn(call, filter, err);
                if (demanded || (why.kind != BK_NOT_FOUND && why.kind != BK_GONE))
                        return -1;
        }
        call->json = page(call, filter, &images, next);
        if (images.n == 0)
                (void)json_object_set_new(call->json, "explain", reg_json_text(why.text));
        return 0;
}

static int list(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        autofree char *query = reg_call_query(call);
        autotxn txn = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0 || (call->projection != NULL && reg_filter_project(&filter, call->projection, err) < 0) ||
            (!reg_filter_walks(&filter) && reg_txn_read(call->reg, &txn, err) < 0))
                return -1;
        if (filter.limit < 0)
                filter.limit = PAGE;
        else if (filter.limit > PAGE_MOST)
                filter.limit = PAGE_MOST;
        return answer(call, &filter, err);
}

static const struct reg_route rows[] = {
        { "GET", "/", REG_READ, "images that match a query; the same as /images", "in_use last_launched *", list, .wide = true },
        { "GET", "/images", REG_READ, "images that match a query, newest first, by pages", "in_use last_launched *", list, .wide = true },
        { "GET", "/images/{image}", REG_READ,
          "everything that is recorded of one image; _at: at that time; _diff: what changed since then, or to another image; files=1: also in files",
          "_at _diff _fields files packages", reg_image_show },
        { "GET", "/images/{image}/packages", REG_READ, "what is installed in an image; name: one, or name*", "name", reg_image_packages },
        { "GET", "/images/{image}/checks", REG_READ, "the verdicts of an image's checks", NULL, reg_image_checks },
        { "GET", "/images/{image}/lineage", REG_READ, "ancestors, oldest first, and how fresh they are", NULL, reg_image_lineage },
        { "GET", "/images/{image}/lineage.svg", REG_READ, "ancestors and descendants as a picture", NULL, reg_image_picture, "image/svg+xml" },
        { "GET", "/images/{image}/descendants", REG_READ, "what was baked on an image, at any depth, oldest first, by pages", "depth _limit _after",
          reg_image_descendants, .wide = true },
        { "GET", "/images/{image}/diff/{other}", REG_READ, "what changed from an image to another; files=1: also in their files", "files",
          reg_image_diff },
};
const struct reg_routes reg_routes_images = { rows, sizeof rows / sizeof *rows };
