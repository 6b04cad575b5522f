/* Columns say of every image what the registry says of it when it is asked for that one alone. */
#include "tests/unit/registry/ask.h"

#include <stdio.h>

#include "registry/facts_priv.h"
#include "registry/life.h"
#include "registry/packages_priv.h"
#include "registry/usage.h"

#define ALL ((unsigned)(REG_FACTS_MAKERS << 1) - 1)

enum { IMAGES = 40, STEPS = 150 };

static struct reg_facts facts_of(struct reg *reg, unsigned want, const struct bk_strv *keys, int64_t only)
{
        struct reg_facts facts = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_facts_read(reg, &(struct reg_facts_ask){ .want = want, .keys = keys, .only = only }, &facts, &err), err);
        return facts;
}

static int64_t number(struct reg *reg, int64_t otherwise, const char *sql, int64_t image)
{
        struct bk_error err = { 0 };
        int64_t ret = otherwise;

        if (reg_sql_int(reg, &ret, &err, sql, "i", image) < 0)
                fail_msg("%s: %s", sql, err.text);
        return ret;
}

static void run(struct reg *reg, const char *sql)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_script(reg, sql, &err), err);
}

/* --- a registry by chance ---------------------------------------------------------- */
#define PACKAGE(eco, n, v) { .ecosystem = (char *)eco, .name = (char *)n, .version = (char *)v, .source = (char *)n, .source_version = (char *)v }
static const struct reg_package inventories[][3] = {
        { PACKAGE("deb", "openssl", "3.0.9-1"), PACKAGE("deb", "bash", "5.2-1"), PACKAGE("pypi", "flask", "0.9") },
        { PACKAGE("deb", "openssl", "3.0.15-1"), PACKAGE("deb", "bash", "5.2-1"), PACKAGE("pypi", "flask", "0.9") },
        { PACKAGE("deb", "zlib", "1.2"), PACKAGE("deb", "bash", "5.1-1"), PACKAGE("pypi", "flask", "1.0") },
        { PACKAGE("deb", "openssl", "3.0.15-1"), PACKAGE("deb", "zlib", "1.3"), PACKAGE("deb", "bash", "5.2-2") },
};

/* CVE-1 is told of by two feeds, one of which knows its age; CVE-2 has its severity and age from an alias; nobody knows the age of CVE-3,
 * but that it was read here at NOTED; CVE-4 is withdrawn. */
enum { JANUARY = 1704412800, MARCH = 1709251200, FLASK = 1609804800, NOTED = 1750000000 };

static void import_advisories(struct reg *reg)
{
        struct bk_error err = { 0 };
#define OSV(id, more, ecosystem, name, fixed) "{\"id\":\"" id "\"" more ",\"affected\":[{\"package\":{\"ecosystem\":\"" ecosystem "\",\"name\":\"" \
        name "\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}" fixed "]}]}]}"
#define FIXED(version) ",{\"fixed\":\"" version "\"}"
        static const char osv[] = "{\"format\":\"osv\",\"import\":\"1\",\"last\":true,\"items\":["
                OSV("CVE-1", ",\"published\":\"2024-03-01T00:00:00Z\",\"database_specific\":{\"severity\":\"HIGH\"}", "Debian:12", "openssl",
                    FIXED("3.0.15-1")) ","
                OSV("GHSA-2", ",\"aliases\":[\"CVE-2\"],\"published\":\"2024-01-05T00:00:00Z\",\"database_specific\":{\"severity\":\"MODERATE\"}",
                    "npm", "nothing", FIXED("1")) ","
                OSV("CVE-4", ",\"published\":\"2020-01-05T00:00:00Z\",\"withdrawn\":\"2020-02-05T00:00:00Z\"", "Debian:12", "bash", "") ","
                OSV("PYSEC-5", ",\"published\":\"2021-01-05T00:00:00Z\",\"database_specific\":{\"severity\":\"CRITICAL\"}", "PyPI", "flask",
                    FIXED("1.0")) "]}";
        static const char debian[] = "{\"format\":\"debian\",\"import\":\"2\",\"last\":true,\"complete\":true,\"items\":{\"openssl\":"
                "{\"CVE-1\":{\"releases\":{\"bookworm\":{\"status\":\"resolved\",\"fixed_version\":\"3.0.15-1\",\"urgency\":\"not yet assigned\"}}}},"
                "\"bash\":{\"CVE-2\":{\"releases\":{\"bookworm\":{\"status\":\"open\",\"urgency\":\"not yet assigned\"}}},"
                "\"CVE-3\":{\"releases\":{\"bookworm\":{\"status\":\"resolved\",\"fixed_version\":\"5.2-2\",\"urgency\":\"high\"}}}}}}";

        json_decref(ask(reg, "POST", "/advisories", osv));
        json_decref(ask(reg, "POST", "/advisories", debian));
        assert_int_equal(number(reg, -1, "SELECT count(*) FROM advisory WHERE noted_at < ?", 1), 0);
        assert_ok(reg_sql_run(reg, &err, "UPDATE advisory SET noted_at = ?", "i", (int64_t)NOTED), err);
}

static char *publish(struct reg *reg, int i, char *const *ids)
{
        static const char *const keys[] = { "release", "architecture", "kernel" }, *const releases[] = { "bookworm", "trixie", "" };
        static const char *const names[] = { "base", "web" };
        autofree char *seed = bk_format("%d", i), *layer = bk_format("layer %ld", lrand48() % 30);
        static const struct reg_check checks[] = {
                { (char *)"s", (char *)"is up", (char *)"passed", NULL, 1 }, { (char *)"s", (char *)"is fast", (char *)"failed", NULL, 1 } };
        struct recipe recipe = { .seed = seed, .name = names[lrand48() % 2], .layer = layer, .state = lrand48() % 2 ? REG_TESTED : REG_BAKED,
                                 .ancestor = i > 0 && lrand48() % 2 ? ids[lrand48() % i] : NULL, .checks = checks, .n_checks = lrand48() % 3,
                                 .packages = inventories[lrand48() % 4], .n_packages = lrand48() % 3 ? 3 : 0 };
        size_t n = 0;
        struct bk_error err = { 0 };

        for (int k = 0; k < 3; k++) {
                const char *value = k == 0 ? releases[lrand48() % 3] : k == 1 ? "amd64" : lrand48() % 2 ? "6.1" : "6.12";

                if (lrand48() % 4)
                        recipe.attributes[n++] = (struct reg_pair){ (char *)keys[k], (char *)value };
        }
        if (bake(reg, &recipe, &err) < 0) {     /* on one that is revoked, or in the trash */
                recipe.ancestor = NULL;
                assert_ok(bake(reg, &recipe, &err), err);
        }
        return id_of(seed);
}

/* Whatever is refused is not done. */
static void change(struct reg *reg, const char *id, const char *other)
{
        static const char *const channels[] = { "base:prod", "base:test", "web:prod" };
        const struct reg_change who = { .who = "ada", .why = "by chance", .privileged = true };
        const struct reg_launch launch = { .image = id, .instance = lrand48() % 2 ? "vm-1" : "vm-2", .who = "ada" };
        struct reg_layers layers = { 0 };
        struct bk_error err = { 0 };
        int status;

        switch (lrand48() % 8) {
        case 0: case 1:
                status = reg_state_change(reg, id, (enum reg_state)(lrand48() % 6), &who, &err);
                break;
        case 2: case 3:
                status = reg_channel_point(reg, lrand48() % 2 ? "prod" : "test", id, &who, &err);
                break;
        case 4:
                status = lrand48() % 2 ? reg_channel_delete(reg, channels[lrand48() % 3], &who, &err) :
                                         reg_launch_ended(reg, "report", launch.instance, "ada", &err);
                break;
        case 5:
                status = reg_launch_seen(reg, lrand48() % 2 ? "report" : "other", &launch, &err);
                break;
        case 6:
                status = lrand48() % 4 ? 0 : reg_remove(reg, other, &who, &layers, &err);
                reg_layers_done(&layers);
                break;
        default:
                status = reg_untrash(reg, id, &who, &err);
        }
        (void)status;
}

/* Everything happened at a moment of its own. */
static void spread_times(struct reg *reg)
{
        run(reg, "UPDATE state_log SET at = 1000 + id * 10");
        run(reg, "UPDATE channel_log SET at = 2000 + id * 10");
        run(reg, "UPDATE event SET at = 5000 + id");
        run(reg, "UPDATE launch SET last_at = 3000 + id * 10, ended_at = CASE WHEN ended_at IS NULL THEN NULL ELSE 3005 + id * 20 END");
        run(reg, "DELETE FROM trash WHERE image % 3 <> 2");
        run(reg, "INSERT INTO keep (image, until, at, who) SELECT sequence, CASE WHEN sequence % 2 = 0 THEN NULL ELSE sequence END, 1, 'ada' "
                 "FROM image WHERE sequence % 5 = 0");
        run(reg, "INSERT INTO trash (image, at, purge_at) SELECT sequence, 1, sequence + 7 FROM image WHERE sequence % 3 = 0");
        run(reg, "UPDATE image SET hidden = 1 WHERE sequence % 7 = 0");
        run(reg, "UPDATE image SET created_by = 'bob' WHERE sequence % 4 = 0");
        run(reg, "UPDATE image SET created_by = NULL WHERE sequence % 4 = 1");
        run(reg, "DELETE FROM state_log WHERE image = (SELECT max(sequence) FROM image)");
}

static void fill(struct reg *reg, long seed)
{
        char *ids[IMAGES];

        srand48(seed);
        for (int i = 0; i < IMAGES; i++)
                ids[i] = publish(reg, i, ids);
        import_advisories(reg);
        for (int i = 0; i < STEPS; i++)
                change(reg, ids[lrand48() % IMAGES], ids[lrand48() % IMAGES]);
        spread_times(reg);
        for (int i = 0; i < IMAGES; i++)
                free(ids[i]);
}

/* --- the same, image by image ---------------------------------------------------------- */
static int64_t headed_at(struct reg *reg, int64_t image, int64_t now)
{
        static const char gone[] =
                "SELECT max(coalesce((SELECT n.at FROM channel_log n WHERE n.name = l.name AND n.channel = l.channel AND n.id > l.id "
                "ORDER BY n.id LIMIT 1), (SELECT max(e.at) FROM event e WHERE e.subject = l.name || ':' || l.channel "
                "AND e.action = 'channel.deleted'))) FROM channel_log l JOIN image i ON i.id = l.image WHERE i.sequence = ?";

        return number(reg, 0, "SELECT 1 FROM channel WHERE head = ? LIMIT 1", image) ? now : number(reg, 0, gone, image);
}

static int64_t purge_at(struct reg *reg, int64_t image)
{
        static const char rested[] = "SELECT coalesce((SELECT purge_at FROM trash WHERE image = i.sequence), (SELECT max(at) + 604800 FROM state_log "
                                     "WHERE image = i.sequence AND state = 5)) FROM image i WHERE i.sequence = ?";

        return number(reg, -1, "SELECT state FROM image WHERE sequence = ?", image) != REG_TRASHED ? 0 : number(reg, REG_UNKNOWN, rested, image);
}

static void check_times(struct reg *reg, const struct reg_facts *f, size_t i)
{
        const int64_t image = f->sequence[i], logged = number(reg, 0, "SELECT count(*) FROM state_log WHERE image = ?", image);

        assert_int_equal(f->headed_at[i], headed_at(reg, image, f->at));
        assert_int_equal(f->launched_at[i], number(reg, 0, "SELECT max(CASE WHEN ended_at > last_at THEN ended_at ELSE last_at END) FROM launch "
                                                           "WHERE image = ?", image));
        assert_int_equal(f->state_at[i], logged == 0 ? REG_UNKNOWN :
                         number(reg, 0, "SELECT at FROM state_log WHERE image = ? ORDER BY id DESC LIMIT 1", image));
        assert_int_equal(f->tested_at[i], logged == 0 ? REG_UNKNOWN :
                         number(reg, 0, "SELECT min(at) FROM state_log WHERE image = ? AND state IN (1, 2)", image));
        assert_int_equal(f->opted_out_until[i], number(reg, 0, "SELECT coalesce(until, 9223372036854775807) FROM keep WHERE image = ?", image));
        assert_int_equal(f->purge_at[i], purge_at(reg, image));
}

static bool has(const struct reg_facts *f, size_t i, enum reg_facts_flag flag)
{
        return (f->flags[i] & flag) != 0;
}

static void check_flags(struct reg *reg, const struct reg_facts *f, size_t i)
{
        const int64_t image = f->sequence[i];

        assert_int_equal(has(f, i, REG_FACT_HEAD), number(reg, 0, "SELECT 1 FROM channel WHERE head = ? LIMIT 1", image));
        assert_int_equal(has(f, i, REG_FACT_IN_USE), number(reg, 0, "SELECT 1 FROM launch WHERE ended_at IS NULL AND image = ? LIMIT 1", image));
        assert_int_equal(has(f, i, REG_FACT_HIDDEN), number(reg, 0, "SELECT hidden FROM image WHERE sequence = ?", image));
        assert_int_equal(has(f, i, REG_FACT_FAILED), number(reg, 0, "SELECT 1 FROM verdict WHERE verdict = 'failed' AND image = ? LIMIT 1", image));
        assert_int_equal(has(f, i, REG_FACT_NO_PACKAGES), !number(reg, 0, "SELECT CASE WHEN s.os = 'debian:12' THEN 1 ELSE 0 END FROM image i "
                                                                          "JOIN package_set s ON s.id = i.package_set WHERE i.sequence = ?", image));
}

static void check_words(const struct reg_facts *f, size_t i, const struct reg_image *image)
{
        assert_string_equal(f->words[f->name[i]], image->name);
        assert_string_equal(f->words[f->type[i]], image->type);
        assert_true(bk_streq(f->created_by[i] == REG_NOWHERE ? NULL : f->words[f->created_by[i]], image->created_by));
        for (size_t k = 0; k < f->n_attributes; k++) {
                const uint32_t word = f->attribute[k].value[i];

                assert_true(bk_streq(word == REG_NOWHERE ? NULL : f->words[word], reg_image_attribute(image, f->attribute[k].key)));
        }
}

static void check_image(struct reg *reg, const struct reg_facts *f, size_t i)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *id = NULL;
        struct bk_error err = { 0 };

        assert_ok(reg_facts_id(reg, f->sequence[i], &id, &err), err);
        assert_string_equal(f->id[i], id);
        assert_ok(reg_image_by_id(reg, id, &image, &err), err);
        assert_int_equal(f->created_at[i], image.created_at);
        assert_int_equal(f->size[i], image.size);
        assert_int_equal(f->state[i], image.state);
        assert_true(bk_streq(f->ancestor[i] == REG_NOWHERE ? NULL : f->id[f->ancestor[i]], image.ancestor));
        assert_int_equal(f->layer_users[i], number(reg, 0, "SELECT count(*) FROM image a JOIN image b ON a.layer = b.layer WHERE b.sequence = ?",
                                                   image.sequence));
        check_words(f, i, &image);
}

/* One kind: the same name, the same release, the same architecture. */
static void check_kinds(const struct reg_facts *f, size_t i)
{
        for (size_t k = 0; k < i; k++) {
                bool same = f->name[i] == f->name[k];

                for (size_t a = 0; a < f->n_attributes; a++)
                        if (!bk_streq(f->attribute[a].key, "kernel"))
                                same = same && f->attribute[a].value[i] == f->attribute[a].value[k];
                assert_int_equal(f->kind[i] == f->kind[k], same);
        }
}

static void columns_say_what_the_registry_says(void **state)
{
        struct fixture *f = *state;
        autostrv struct bk_strv keys = { 0 };

        bk_strv_add(&keys, "kernel");
        bk_strv_add(&keys, "release");
        bk_strv_add(&keys, "kernel");           /* said twice, read once */
        bk_strv_add(&keys, "architecture");
        fill(f->reg, f->schema == NULL ? 5 : 6);

        BK_CLEANUP(reg_facts_done) struct reg_facts facts = facts_of(f->reg, ALL, &keys, 0);

        assert_int_equal(facts.n_attributes, 3);
        assert_int_equal(facts.n, number(f->reg, 0, "SELECT count(*) FROM image WHERE sequence > ?", 0));
        assert_in_range(facts.n, IMAGES / 2, IMAGES - 1);       /* some are gone */
        for (size_t i = 0; i < facts.n; i++) {
                assert_true(i == 0 || facts.sequence[i] > facts.sequence[i - 1]);
                check_image(f->reg, &facts, i);
                check_times(f->reg, &facts, i);
                check_flags(f->reg, &facts, i);
                check_kinds(&facts, i);
        }
}

/* --- of one image -------------------------------------------------------------------------- */
static void one_image_alone_is_as_among_all(void **state)
{
        struct fixture *f = *state;
        autostrv struct bk_strv keys = { 0 };

        bk_strv_add(&keys, "release");
        fill(f->reg, 9);

        BK_CLEANUP(reg_facts_done) struct reg_facts all = facts_of(f->reg, ALL, &keys, 0), none = facts_of(f->reg, ALL, &keys, 100000);

        assert_int_equal(none.n, 0);
        for (size_t i = 0; i < all.n; i++) {
                BK_CLEANUP(reg_facts_done) struct reg_facts one = facts_of(f->reg, ALL, &keys, all.sequence[i]);

                assert_int_equal(one.n, 1);
                assert_int_equal(one.sequence[0], all.sequence[i]);
                assert_int_equal(one.ancestor[0], REG_NOWHERE);
                assert_int_equal(one.state[0], all.state[i]);
                assert_int_equal(one.flags[0], all.flags[i]);
                assert_int_equal(one.launched_at[0], all.launched_at[i]);
                assert_int_equal(has(&one, 0, REG_FACT_HEAD) ? 0 : one.headed_at[0], has(&all, i, REG_FACT_HEAD) ? 0 : all.headed_at[i]);
                assert_int_equal(one.state_at[0], all.state_at[i]);
                assert_int_equal(one.tested_at[0], all.tested_at[i]);
                assert_int_equal(one.opted_out_until[0], all.opted_out_until[i]);
                assert_int_equal(one.purge_at[0], all.purge_at[i]);
                assert_int_equal(one.layer_users[0], all.layer_users[i]);
                assert_string_equal(one.words[one.name[0]], all.words[all.name[i]]);
                assert_true(bk_streq(one.attribute[0].value[0] == REG_NOWHERE ? NULL : one.words[one.attribute[0].value[0]],
                                     all.attribute[0].value[i] == REG_NOWHERE ? NULL : all.words[all.attribute[0].value[i]]));
                assert_int_equal(one.holes[0] == REG_NOWHERE, all.holes[i] == REG_NOWHERE);
                if (one.holes[0] != REG_NOWHERE)
                        assert_memory_equal(&one.hole[one.holes[0]], &all.hole[all.holes[i]], sizeof *one.hole);
        }
}

/* --- holes ------------------------------------------------------------------------------------ */
/* Of an image with that inventory; NULL: none. */
static struct reg_holes holes_of(struct reg *reg, size_t inventory, const char *release, bool *ret_known)
{
        struct reg_holes holes = { 0 };
        autofree char *id = baked(reg, (struct recipe){ .seed = "x", .attributes = { PAIR("release", release) }, .packages = inventories[inventory],
                                                        .n_packages = 3 });
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = facts_of(reg, REG_FACTS_VULNERABLE, NULL, 0);
        struct reg_layers layers = { 0 };
        struct bk_error err = { 0 };

        assert_int_equal(facts.n, 1);
        *ret_known = !has(&facts, 0, REG_FACT_NO_PACKAGES);
        if (facts.holes[0] != REG_NOWHERE)
                holes = facts.hole[facts.holes[0]];
        assert_ok(image_delete(reg, id, &layers, &err), err);
        reg_layers_done(&layers);
        return holes;
}

static void holes_have_their_severity_and_their_age(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *why; size_t inventory; const char *release; bool known; struct reg_holes holes; } rows[] = {
                { "all of them", 0, "bookworm", true,
                  { .any = { [REG_MEDIUM] = JANUARY, [REG_HIGH] = MARCH, [REG_CRITICAL] = FLASK },
                    .fixable = { [REG_HIGH] = MARCH, [REG_CRITICAL] = FLASK } } },
                { "a newer openssl", 1, "bookworm", true,
                  { .any = { [REG_MEDIUM] = JANUARY, [REG_HIGH] = NOTED, [REG_CRITICAL] = FLASK },
                    .fixable = { [REG_HIGH] = NOTED, [REG_CRITICAL] = FLASK } } },
                { "a bash without the one of unknown age", 3, "bookworm", true, { .any = { [REG_MEDIUM] = JANUARY } } },
                { "a system that no feed names", 0, "trixie", false, { .any = { [REG_CRITICAL] = FLASK }, .fixable = { [REG_CRITICAL] = FLASK } } },
                { "a system that nobody knows", 3, "", false, { .any = { 0 } } },
        };
        bool known = true;

        (void)holes_of(f->reg, 0, "bookworm", &known);
        assert_false(known);                    /* there are no advisories yet */
        import_advisories(f->reg);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct reg_holes holes = holes_of(f->reg, rows[i].inventory, rows[i].release, &known);

                print_message("# %s\n", rows[i].why);
                assert_int_equal(known, rows[i].known);
                for (int severity = REG_UNRATED; severity <= REG_CRITICAL; severity++) {
                        assert_int_equal(holes.any[severity], rows[i].holes.any[severity]);
                        assert_int_equal(holes.fixable[severity], rows[i].holes.fixable[severity]);
                }
        }
}

/* An age that nobody can know hides all others. */
static void an_unknown_age_is_not_the_age_of_another(void **state)
{
        struct fixture *f = *state;
        struct reg_holes holes;
        bool known = false;

        import_advisories(f->reg);
        run(f->reg, "UPDATE advisory SET noted_at = 0");
        holes = holes_of(f->reg, 0, "bookworm", &known);
        assert_int_equal(holes.any[REG_HIGH], REG_UNKNOWN);
        assert_int_equal(holes.fixable[REG_HIGH], REG_UNKNOWN);
        assert_int_equal(holes.any[REG_MEDIUM], JANUARY);
        run(f->reg, "UPDATE advisory SET published = 1709251201 WHERE name = 'CVE-3'");
        holes = holes_of(f->reg, 0, "bookworm", &known);
        assert_int_equal(holes.any[REG_HIGH], MARCH);
        holes = holes_of(f->reg, 1, "bookworm", &known);
        assert_int_equal(holes.any[REG_HIGH], MARCH + 1);
}

/* --- channels --------------------------------------------------------------------------------- */
static void a_head_was_one_until_its_channel_moved_or_went(void **state)
{
        struct fixture *f = *state;
        autofree char *first = baked(f->reg, (struct recipe){ .seed = "1" }), *second = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree char *third = baked(f->reg, (struct recipe){ .seed = "3" });
        const struct reg_change who = { .who = "ada", .privileged = true };
        struct bk_error err = { 0 };
        struct reg_facts facts;

        assert_ok(channel_assign(f->reg, "prod", first, "ada", NULL, &err), err);
        assert_ok(channel_assign(f->reg, "prod", second, "ada", NULL, &err), err);
        assert_ok(channel_assign(f->reg, "test", first, "ada", NULL, &err), err);
        run(f->reg, "UPDATE channel_log SET at = id * 100");
        facts = facts_of(f->reg, REG_FACTS_HEADED, NULL, 0);
        assert_int_equal(facts.headed_at[0], facts.at);
        assert_int_equal(facts.headed_at[1], facts.at);
        assert_int_equal(facts.headed_at[2], 0);
        reg_facts_done(&facts);

        assert_ok(reg_channel_delete(f->reg, "base:test", &who, &err), err);
        run(f->reg, "UPDATE event SET at = 777 WHERE action = 'channel.deleted'");
        assert_ok(channel_assign(f->reg, "prod", third, "ada", NULL, &err), err);
        run(f->reg, "UPDATE channel_log SET at = id * 100");
        facts = facts_of(f->reg, REG_FACTS_HEADED, NULL, 0);
        assert_int_equal(facts.headed_at[0], 777);
        assert_int_equal(facts.headed_at[1], 400);
        assert_int_equal(facts.headed_at[2], facts.at);
        reg_facts_done(&facts);

        run(f->reg, "DELETE FROM event WHERE action = 'channel.deleted'");
        facts = facts_of(f->reg, REG_FACTS_HEADED, NULL, 0);
        assert_int_equal(facts.headed_at[0], REG_UNKNOWN);
        reg_facts_done(&facts);
}

/* --- what cannot be told ------------------------------------------------------------------------- */
static void what_the_log_does_not_say_nobody_knows(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };

        for (char seed[] = "1"; *seed < '4'; ++*seed)
                free(baked(f->reg, (struct recipe){ .seed = seed, .state = REG_TESTED }));
        run(f->reg, "UPDATE image SET state = 3 WHERE sequence = 2");           /* and the log says nothing of it */
        run(f->reg, "UPDATE image SET state = 5 WHERE sequence = 3");
        run(f->reg, "UPDATE state_log SET at = 10 * image");
        facts = facts_of(f->reg, REG_FACTS_STATES | REG_FACTS_MARKS, NULL, 0);
        assert_int_equal(facts.state_at[0], 10);
        assert_int_equal(facts.state_at[1], REG_UNKNOWN);
        assert_int_equal(facts.tested_at[1], 20);
        assert_int_equal(facts.purge_at[0], 0);
        assert_int_equal(facts.purge_at[2], REG_UNKNOWN);
}

static void rows_that_make_no_sense_are_corrupt(void **state)
{
        struct fixture *f = *state;
        struct reg_facts facts = { 0 };
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        run(f->reg, "PRAGMA ignore_check_constraints = ON");
        run(f->reg, "UPDATE image SET state = 9");
        assert_fails_with(reg_facts_read(f->reg, &(struct reg_facts_ask){ 0 }, &facts, &err), err, BK_CORRUPT);
}

static void what_is_not_wanted_is_not_there(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_facts_done) struct reg_facts empty = facts_of(f->reg, ALL, NULL, 0), facts = { 0 };
        autofree char *id = NULL;
        struct bk_error err = { 0 };

        assert_int_equal(empty.n, 0);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        facts = facts_of(f->reg, 0, NULL, 0);
        assert_int_equal(facts.n, 1);
        assert_true(facts.index > empty.index);
        assert_null(facts.launched_at);
        assert_null(facts.headed_at);
        assert_null(facts.state_at);
        assert_null(facts.holes);
        assert_null(facts.kind);
        assert_null(facts.id);
        assert_null(facts.purge_at);
        assert_null(facts.layer_users);
        assert_null(facts.created_by);
        assert_int_equal(facts.n_attributes, 0);
        assert_fails_with(reg_facts_id(f->reg, 77, &id, &err), err, BK_NOT_FOUND);
}

static void it_is_read_within_the_callers_transaction(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_txn_write(f->reg, &txn, &err), err);
        assert_ok(reg_sql_run(f->reg, &err, "UPDATE image SET hidden = 1", ""), err);
        facts = facts_of(f->reg, ALL, NULL, 0);
        assert_true(has(&facts, 0, REG_FACT_HIDDEN));
        reg_txn_done(&txn);
        reg_facts_done(&facts);
        facts = facts_of(f->reg, ALL, NULL, 0);
        assert_false(has(&facts, 0, REG_FACT_HIDDEN));
}

static void sources_say_how_fresh_they_are(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_sources_done) struct reg_sources sources = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        const struct reg_launch launch = { .image = id, .instance = "vm-1" };
        struct bk_error err = { 0 };
        size_t unknown = 0;

        assert_ok(reg_usage_failed(f->reg, "never", "no route", &err), err);
        assert_ok(reg_usage_replace(f->reg, "all", &launch, 1, "ada", &unknown, &err), err);
        assert_ok(reg_usage_replace(f->reg, "all", &launch, 0, "ada", &unknown, &err), err);
        assert_ok(reg_sources_read(f->reg, &sources, &err), err);
        assert_int_equal(sources.n, 2);
        assert_string_equal(sources.v[0].name, "all");
        assert_null(sources.v[0].error);
        assert_int_equal(sources.v[0].count, 0);
        assert_int_equal(sources.v[0].previous, 1);
        assert_true(sources.v[0].ok_at > 0 && sources.v[0].asked_at == sources.v[0].ok_at);
        assert_string_equal(sources.v[1].error, "no route");
        assert_int_equal(sources.v[1].ok_at, 0);
}

/* --- the parts: places and words -------------------------------------------------------------------- */
static void places_are_found_in_any_sequence(void **state)
{
        static const int64_t gaps[] = { 1, 2, 3, 10, 1000, 1000000000 };

        (void)state;
        srand48(3);
        for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
                for (size_t n = 0; n < 300; n = n * 2 + 1) {
                        BK_CLEANUP(reg_places_done) struct reg_places places = { 0 };
                        int64_t v[300], at = 0;

                        for (size_t i = 0; i < n; i++)
                                v[i] = at += 1 + (i % 50 == 0 ? gaps[g] * 20 : lrand48() % gaps[g]);
                        reg_places_make(v, n, &places);
                        for (size_t i = 0; i < n; i++) {
                                assert_int_equal(reg_places_of(&places, v[i]), i);
                                if (i == 0 || v[i - 1] < v[i] - 1)
                                        assert_int_equal(reg_places_of(&places, v[i] - 1), REG_NOWHERE);
                        }
                        assert_int_equal(reg_places_of(&places, at + 1), REG_NOWHERE);
                        assert_int_equal(reg_places_of(&places, INT64_MIN), REG_NOWHERE);
                        assert_int_equal(reg_places_of(&places, INT64_MAX), REG_NOWHERE);
                }
}

static void words_are_there_once(void **state)
{
        BK_CLEANUP(reg_words_done) struct reg_words words = { 0 };

        (void)state;
        assert_int_equal(reg_words_find(&words, ""), REG_NOWHERE);
        for (int round = 0; round < 2; round++)
                for (uint32_t i = 0; i < 20000; i++) {
                        autofree char *text = i == 0 ? bk_strdup("") : i == 1 ? bk_format("%0*d", 600000, 1) : bk_format("%0*u", (int)(i % 40), i);

                        assert_int_equal(reg_words_put(&words, text), i);
                        assert_int_equal(reg_words_find(&words, text), i);
                        assert_string_equal(words.v[i], text);
                }
        assert_int_equal(words.n, 20000);
        assert_int_equal(reg_words_find(&words, "other"), REG_NOWHERE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(places_are_found_in_any_sequence),
                cmocka_unit_test(words_are_there_once),
                registry_test(what_is_not_wanted_is_not_there),
                registry_test(columns_say_what_the_registry_says),
                registry_test(one_image_alone_is_as_among_all),
                registry_test(holes_have_their_severity_and_their_age),
                registry_test(an_unknown_age_is_not_the_age_of_another),
                registry_test(a_head_was_one_until_its_channel_moved_or_went),
                registry_test(what_the_log_does_not_say_nobody_knows),
                sqlite_test(rows_that_make_no_sense_are_corrupt),
                registry_test(it_is_read_within_the_callers_transaction),
                registry_test(sources_say_how_fresh_they_are),
        };

        return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
