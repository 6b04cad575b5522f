/* What the tests of images' lives ask a registry. */
#pragma once
#include "tests/unit/registry/fixture.h"

#include "registry/life.h"

static inline enum reg_state state_of(struct reg *reg, const char *id)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_resolve(reg, id, &image, &err), err);
        return image.state;
}

#define assert_state(reg, id, wanted) assert_string_equal(reg_state_name(state_of(reg, id)), reg_state_name(wanted))

/* The events after `since` as "action subject-or-seed,...": what happened, in order; the caller's. */
static inline char *actions(struct reg *reg, int64_t since)
{
        struct bk_error err = { 0 };
        json_t *page = NULL, *event;
        char *text = bk_strdup("");
        size_t i;

        assert_ok(reg_events_json(reg, since, 0, &page, &err), err);
        json_array_foreach(json_object_get(page, "items"), i, event) {
                autofree char *before = text;

                text = bk_format("%s%s%s", before, i == 0 ? "" : " ", json_string_value(json_object_get(event, "action")));
        }
        json_decref(page);
        return text;
}

static inline int64_t index_of(struct reg *reg)
{
        struct bk_error err = { 0 };
        json_t *page = NULL;
        int64_t index;

        assert_ok(reg_events_json(reg, INT64_MAX - 1, 1, &page, &err), err);
        index = json_integer_value(json_object_get(page, "index"));
        json_decref(page);
        return index;
}

/* True when the chain is unbroken. */
static inline bool log_is_good(struct reg *reg, const char *head)
{
        struct bk_error err = { 0 };
        json_t *verdict = NULL;
        bool good;

        assert_ok(reg_events_verify(reg, head, &verdict, &err), err);
        good = json_is_true(json_object_get(verdict, "ok"));
        json_decref(verdict);
        return good;
}

static const struct reg_change because = { .who = "bob", .why = "a hole", .privileged = true };
