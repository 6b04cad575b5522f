/* A registry of a test's own, in a folder with SQLite or in a schema of PostgreSQL, and images to put into it, from few words. */
#pragma once
#include "tests/unit/registry/postgres.h"

#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/mem.h"
#include "registry/life.h"

struct fixture {
        char *home;
        struct reg *reg;
        char *schema;                   /* NULL: SQLite */
        CMUnitTestFunction test;        /* on PostgreSQL */
};

static inline int fixture_setup(void **state)
{
        struct fixture *f = bk_alloc(sizeof *f);
        struct bk_error err = { 0 };

        f->home = folder_new();
        assert_ok(reg_open(f->home, &f->reg, &err), err);
        *state = f;
        return 0;
}

static inline int fixture_setup_postgres(void **state)
{
        const CMUnitTestFunction test = (CMUnitTestFunction)(uintptr_t)*state;

        if (postgres_folder() == NULL) {
                *state = NULL;
                return 0;
        }

        char *schema = postgres_schema_new();
        const int status = fixture_setup(state);

        ((struct fixture *)*state)->schema = schema;
        ((struct fixture *)*state)->test = test;
        return status;
}

static inline void fixture_run_postgres(void **state)
{
        if (*state == NULL) {
                print_message("# skipped: needs postgres\n");
                skip();
        }
        ((struct fixture *)*state)->test(state);
}

static inline int fixture_teardown(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        if (f == NULL)
                return 0;
        reg_close(f->reg);
        if (f->schema != NULL)
                postgres_schema_drop(f->schema);
        assert_ok(bk_remove_tree(f->home, &err), err);
        free(f->schema);
        free(f->home);
        free(f);
        return 0;
}

/* Two tests: on SQLite, and on PostgreSQL. */
#define registry_test(f) sqlite_test(f), postgres_test(f)
#define sqlite_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define postgres_test(f) { #f " on PostgreSQL", fixture_run_postgres, fixture_setup_postgres, fixture_teardown, (void *)(uintptr_t)(f) }

struct recipe {
        const char *seed;               /* makes the manifest, and so the id */
        const char *name;               /* "base" */
        const char *ancestor;           /* an id */
        const char *layer;              /* a word; "layer of SEED" */
        const char *backing;            /* a word; the layer stands on nothing without */
        unsigned depth;
        enum reg_state state;
        const char *input_hash;
        struct reg_pair attributes[8];
        const struct reg_package *packages;
        size_t n_packages;
        const struct reg_check *checks;
        size_t n_checks;
        json_t *provenance;
};

static inline char *layer_digest(const char *word)
{
        return word == NULL ? NULL : bk_digest_bytes(word, strlen(word));
}

/* The id that a recipe of this seed has; the caller's. */
static inline char *id_of(const char *seed)
{
        autofree char *manifest = bk_format("{\"seed\": \"%s\"}", seed);

        return bk_digest_bytes(manifest, strlen(manifest));
}

static inline int bake(struct reg *reg, const struct recipe *recipe, struct bk_error *err)
{
        autofree char *manifest = bk_format("{\"seed\": \"%s\"}", recipe->seed);
        autofree char *word = recipe->layer ? bk_strdup(recipe->layer) : bk_format("layer of %s", recipe->seed);
        autofree char *digest = layer_digest(word), *backing = layer_digest(recipe->backing), *id = id_of(recipe->seed);
        struct reg_pair attributes[8];
        struct reg_layer layer = { .digest = digest, .backing = backing, .size = 4096, .virtual_size = 1 << 30,
                                   .depth = recipe->depth };
        struct reg_image image = { .id = id, .name = (char *)(recipe->name ? recipe->name : "base"), .type = (char *)"base",
                                   .state = recipe->state, .layer = digest, .ancestor = (char *)recipe->ancestor,
                                   .input_hash = (char *)recipe->input_hash, .size = 4096, .virtual_size = 1 << 30,
                                   .created_by = (char *)"ada", .created_on = (char *)"oven", .attributes = attributes };
        const struct reg_publication publication = {
                .image = &image, .layer = &layer, .manifest = manifest, .packages = recipe->packages,
                .n_packages = recipe->n_packages, .checks = recipe->checks, .n_checks = recipe->n_checks,
                .provenance = recipe->provenance,
        };

        memcpy(attributes, recipe->attributes, sizeof attributes);
        while (image.n_attributes < 8 && attributes[image.n_attributes].key != NULL)
                image.n_attributes++;
        return reg_publish(reg, &publication, err);
}

/* What becomes of an image, by somebody who may do anything. */
static inline int state_set(struct reg *reg, const char *id, enum reg_state state, const char *who, const char *why, struct bk_error *err)
{
        return reg_state_change(reg, id, state, &(struct reg_change){ .who = who, .why = why, .privileged = true }, err);
}

static inline int channel_assign(struct reg *reg, const char *channel, const char *id, const char *who, const char *why, struct bk_error *err)
{
        return reg_channel_point(reg, channel, id, &(struct reg_change){ .who = who, .why = why, .privileged = true }, err);
}

static inline int image_delete(struct reg *reg, const char *id, struct reg_layers *ret_layers, struct bk_error *err)
{
        return reg_remove(reg, id, &(struct reg_change){ .who = "unknown" }, ret_layers, err);
}

/* Publishes, must succeed; the id is the caller's. */
static inline char *baked(struct reg *reg, struct recipe recipe)
{
        struct bk_error err = { 0 };

        assert_ok(bake(reg, &recipe, &err), err);
        return id_of(recipe.seed);
}

/* The seeds of the images that a query finds, in order: "3 2 1"; the caller's. NULL and err on failure. */
static inline char *found(struct reg *reg, const char *query, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        char *text = bk_strdup("");

        if (reg_query(reg, query, &images, err) < 0) {
                free(text);
                return NULL;
        }
        for (size_t i = 0; i < images.n; i++) {
                autofree char *manifest = NULL, *before = text;
                char seed[64] = "";

                if (reg_manifest(reg, images.v[i].id, &manifest, err) < 0)
                        return NULL;
                assert_int_equal(sscanf(manifest, "{\"seed\": \"%63[^\"]\"}", seed), 1);
                text = bk_format("%s%s%s", before, i == 0 ? "" : " ", seed);
        }
        return text;
}

#define PAIR(k, v) { (char *)(k), (char *)(v) }
