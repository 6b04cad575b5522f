/* A registry and a janitor: runs at moments to come, and who was told what. */
#pragma once
#include "tests/unit/registry/life.h"

#include <time.h>

#include "janitor/janitor.h"
#include "registry/usage.h"

#define DAYS(n) ((int64_t)(n) * 86400)
#define NO_CAPS "janitor {\n most_images = 1000000\n most_percent = 100\n}\n"

struct house {
        struct reg *reg;
        const char *home, *who;         /* who: NULL: "janitor" */
        const struct layer_store *store;
        int64_t ms;                     /* that have passed during the run */
        int64_t now;                    /* of the test's begin */
        struct bk_buf told;             /* "rule to seed-or-name:image-count; " */
        char *token;                    /* of the first image of the last message */
        bool deaf;                      /* telling fails */
        void (*meanwhile)(struct house *house);         /* while somebody is told */
        void *arg;
};

static inline struct house house_of(void *const *state)
{
        const struct fixture *f = *state;

        return (struct house){ .reg = f->reg, .home = f->home, .now = time(NULL) };
}

static inline void house_done(struct house *house)
{
        bk_buf_done(&house->told);
        free(house->token);
}

static inline int house_tell(void *arg, const struct janitor_notify *notify, const json_t *message, struct bk_error *err)
{
        struct house *house = arg;
        const json_t *items = json_object_get(message, "items");

        if (house->meanwhile != NULL)
                house->meanwhile(house);
        if (house->deaf)
                return bk_fail(err, BK_INFRA, "nobody listens");
        bk_buf_printf(&house->told, "%s %s %zu; ", json_string_value(json_object_get(message, "rule")), notify->to, json_array_size(items));
        free(house->token);
        house->token = bk_strdup(json_string_value(json_object_get(json_array_get(items, 0), "token")));
        return 0;
}

static inline void house_rules(const char *text, struct janitor_rules *ret)
{
        autofree char *whole = bk_format("%s%s", strncmp(text, "janitor", 7) == 0 ? "" : NO_CAPS, text);
        struct bk_error err = { 0 };

        assert_ok(janitor_rules_parse("test.hcl", whole, strlen(whole), ret, &err), err);
}

static inline int64_t house_clock(void *arg)
{
        return ((const struct house *)arg)->ms;
}

/* A run so many days after the test's begin; 0 and the counts, which are the caller's, or -1. */
static inline int house_try(struct house *house, const char *text, int days, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        struct janitor_run run = { .rules = &rules, .store = house->store, .home = house->home, .who = house->who == NULL ? "janitor" : house->who,
                                   .at = house->now + DAYS(days) + 1, .clock = house_clock, .tell = house_tell, .arg = house };

        house_rules(text, &rules);
        return janitor_run(house->reg, &run, ret, err);
}

/* ... which must succeed: the count of a key. */
static inline int64_t house_run(struct house *house, const char *text, int days, const char *key)
{
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        int64_t count;

        assert_ok(house_try(house, text, days, &counts, &err), err);
        count = json_integer_value(json_object_get(counts, key));
        json_decref(counts);
        return count;
}

/* "gone" of an image that is not there. */
static inline const char *house_state(struct house *house, const char *id)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };

        return reg_resolve(house->reg, id, &image, &err) < 0 ? "gone" : reg_state_name(image.state);
}
