/* Attributes longer than an index holds: recorded, found and compared as short ones are, in both databases. */
#include "tests/unit/registry/life.h"

#include "registry/db.h"

enum { LONG = 9000 };

/* Bytes that nothing can shorten: an index would take a compressible text for short. */
static char *noise(unsigned seed, size_t length)
{
        struct bk_buf text = { 0 };

        for (unsigned i = 0; text.len < length; i++) {
                autofree char *word = bk_format("%u %u", seed, i), *digest = layer_digest(word);

                bk_buf_puts(&text, digest + strlen("sha256:"));
        }
        text.data[length] = '\0';
        text.len = length;
        return bk_buf_finish(&text);
}

static void assert_found(struct reg *reg, const char *why, const char *query, const char *wanted)
{
        struct bk_error err = { 0 };
        autofree char *seeds = found(reg, query, &err);

        print_message("# %s\n", why);
        assert_ok(seeds == NULL ? -1 : 0, err);
        assert_string_equal(seeds, wanted);
}

static void long_values_are_found_as_short_ones_are(void **state)
{
        struct fixture *f = *state;
        autofree char *a = noise(1, LONG), *b = noise(2, 2500), *edge = noise(3, REG_SHORT_VALUE), *over = noise(3, REG_SHORT_VALUE + 1);
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED, .attributes = { PAIR("note", a) } });
        autofree char *two = baked(f->reg, (struct recipe){ .seed = "2", .state = REG_TESTED, .attributes = { PAIR("note", b) } });
        autofree char *three = baked(f->reg, (struct recipe){ .seed = "3", .state = REG_TESTED, .attributes = { PAIR("note", "short") } });
        autofree char *four = baked(f->reg, (struct recipe){ .seed = "4", .state = REG_TESTED, .attributes = { PAIR("note", edge) } });
        autofree char *five = baked(f->reg, (struct recipe){ .seed = "5", .state = REG_TESTED, .attributes = { PAIR("note", over) } });
        autofree char *is_b = bk_format("base?note=%s", b), *begins_a = bk_format("?note=%.60s*", a), *either = bk_format("?note=short,%s", b);
        autofree char *is_edge = bk_format("?note=%s", edge), *is_over = bk_format("?note=%s", over), *not_b = bk_format("?note!=%s", b);
        autofree char *begins_edge = bk_format("?note=%.100s*", edge), *other = bk_format("?note=%sx", b);
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_resolve(f->reg, one, &image, &err), err);
        assert_string_equal(reg_image_attribute(&image, "note"), a);
        assert_found(f->reg, "a long value", is_b, "2");
        assert_found(f->reg, "how a long value begins", begins_a, "1");
        assert_found(f->reg, "a short one or a long one", either, "3 2");
        assert_found(f->reg, "the longest short one", is_edge, "4");
        assert_found(f->reg, "the shortest long one", is_over, "5");
        assert_found(f->reg, "how both begin", begins_edge, "5 4");
        assert_found(f->reg, "all others", not_b, "5 4 3 1");
        assert_found(f->reg, "one that is there", "?note", "5 4 3 2 1");
        assert_fails_with(reg_query(f->reg, other, &(struct reg_images){ 0 }, &err), err, BK_NOT_FOUND);
}

/* As a tag, as a version that must be unique, and in a message of what would do. */
static void long_values_are_no_obstacle_elsewhere(void **state)
{
        struct fixture *f = *state;
        autofree char *version = noise(4, 3000), *label = noise(5, 3900), *query = bk_format("?label=%s", label);
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED, .attributes = { PAIR("version", version) } });
        autofree char *two = baked(f->reg, (struct recipe){ .seed = "2", .state = REG_TESTED, .attributes = { PAIR("version", "2") } });
        const struct reg_tag tag = { .key = "label", .value = label };
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_tag(f->reg, one, &tag, 1, &because, &err), err);
        assert_found(f->reg, "a long tag", query, "1");
        assert_fails_with(reg_query(f->reg, "base?version=3&_latest", &images, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "known: 2"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(long_values_are_found_as_short_ones_are),
                registry_test(long_values_are_no_obstacle_elsewhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
