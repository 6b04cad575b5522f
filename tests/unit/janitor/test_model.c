/* Random lives of images beside a simple model of them, which says in advance what each run of the janitor does.
 *
 * The model knows no columns, no claims and no heaps: it asks every question by walking all images again. JANITOR_STEPS and JANITOR_SEED
 * make longer and other lives. */
#include "tests/unit/janitor/house.h"

#include <sys/wait.h>

#include "layers/layer.h"
#include "registry/bake.h"
#include "registry/facts.h"

enum { NAMES = 3, ALIVE_MOST = 40, CAP = 5, STEPS = 2000 };

static const char rules[] =
        "janitor {\n most_images = 5\n most_percent = 100\n}\n"
        "protect \"held\" {\n when {\n tagged = \"hold\"\n }\n}\n"
        "protect \"legal\" {\n when {\n hold = true\n }\n}\n"                           /* its value is unreadable: nobody knows */
        "keep \"newest\" {\n newest = 2\n by = [\"name\"]\n when {\n state = [\"tested\", \"promoted\"]\n }\n}\n"
        "retire \"slow\" {\n action = \"trash\"\n grace = \"2d\"\n restore = \"3d\"\n notify = [\"mail:owner\"]\n when {\n match = \"grp=a\"\n }\n}\n"
        "retire \"word\" {\n action = \"deprecate\"\n when {\n match = \"grp=b\"\n state = \"baked\"\n }\n}\n"
        "retire \"fast\" {\n action = \"purge\"\n restore = \"1s\"\n scope = \"grp=c\"\n when {\n living_descendants = false\n }\n}\n";

struct image {
        char id[80];
        int name, ancestor;             /* ancestor -1: none */
        bool there, used, kept, held, legal, oven;              /* oven: a bake on it is running */
        char grp;                       /* 'a', 'b', 'c'; 0 */
        int state, day_purge;           /* purged from that day on, when it is in the trash */
        int bake;                       /* the number of that bake */
        int day_due;                    /* of the mark of rule slow; 0: no mark, -1: marked, nobody was told */
        bool goes;
};
struct model { struct house house; struct image *v; int n, day, bakes, head[NAMES]; unsigned random; struct layer_store store; };

static unsigned dice(struct model *m, unsigned sides)
{
        m->random = m->random * 1103515245u + 12345u;
        return (m->random >> 8) % sides;
}

/* --- what the model says ------------------------------------------------------------------------- */
static bool trashed(const struct image *image)
{
        return image->state == REG_TRASHED;
}

static bool descends(const struct model *m, int i, int from)
{
        for (i = m->v[i].ancestor; i >= 0; i = m->v[i].ancestor)
                if (i == from)
                        return true;
        return false;
}

static bool surely_guarded(const struct model *m, int i)
{
        const struct image *image = &m->v[i];
        int newer = 0;

        if (m->head[image->name] == i || image->used || image->kept || image->held || image->oven)
                return true;
        if (image->state != REG_TESTED && image->state != REG_PROMOTED)
                return false;
        for (int k = i + 1; k < m->n; k++)
                newer += m->v[k].there && m->v[k].name == image->name && (m->v[k].state == REG_TESTED || m->v[k].state == REG_PROMOTED);
        return newer < 2;
}

static bool guarded(const struct model *m, int i)
{
        return m->v[i].legal || surely_guarded(m, i);
}

static char claimed(const struct model *m, int i)
{
        const struct image *image = &m->v[i];

        if (!image->there || trashed(image) || guarded(m, i) || (image->grp == 'b' && image->state != REG_BAKED))
                return 0;
        for (int k = 0; image->grp == 'c' && k < m->n; k++)
                if (m->v[k].there && !trashed(&m->v[k]) && m->v[k].state != REG_REVOKED && descends(m, k, i))
                        return 0;
        return image->grp;
}

/* Nothing that stays may stand on what leaves. */
static bool leaves(const struct model *m, int i)
{
        const char by = claimed(m, i);

        if (by != 'a' && by != 'c')
                return false;
        for (int k = 0; k < m->n; k++) {
                const char other = m->v[k].there && !trashed(&m->v[k]) && descends(m, k, i) ? claimed(m, k) : 'a';

                if (other != 'a' && other != 'c')
                        return false;
        }
        return true;
}

static bool free_to_go(const struct model *m, int i, bool purge)
{
        for (int k = 0; k < m->n; k++)
                if (m->v[k].there && !m->v[k].goes && (purge || !trashed(&m->v[k])) && descends(m, k, i))
                        return false;
        return true;
}

/* The oldest that may, as many as the cap allows. */
static void choose(struct model *m, const char *due, bool purge)
{
        for (int left = CAP; left > 0; left--) {
                int i = 0;

                while (i < m->n && !(due[i] && !m->v[i].goes && (due[i] == 'b' || free_to_go(m, i, purge))))
                        i++;
                if (i == m->n)
                        return;
                m->v[i].goes = true;
        }
}

static void expect_run(struct model *m)
{
        autofree char *due = bk_alloc((size_t)m->n + 1), *old = bk_alloc((size_t)m->n + 1);

        for (int i = 0; i < m->n; i++) {
                struct image *image = &m->v[i];
                const char by = claimed(m, i);
                const bool gone = leaves(m, i);

                image->goes = false;
                due[i] = by == 'b' ? 'b' : gone && by == 'c' ? 'c' : gone && by == 'a' && image->day_due > 0 && image->day_due <= m->day ? 'a' : 0;
                old[i] = image->there && trashed(image) && image->day_purge <= m->day && m->head[image->name] != i && !image->used && !image->kept &&
                         !image->held && !image->legal && !image->oven;
                if (image->legal && image->grp == 'a' && !trashed(image) && !surely_guarded(m, i))
                        continue;                       /* nobody knows: what was noted stays noted */
                if (by != 'a' || !gone)
                        image->day_due = 0;
                else if (image->day_due <= 0)
                        image->day_due = m->house.deaf ? -1 : m->day + 2;
        }
        choose(m, due, false);
        for (int i = 0; i < m->n; i++)                  /* what goes to the trash now is not there yet for those that leave it */
                due[i] = m->v[i].goes ? due[i] : 0;
        for (int i = 0; i < m->n; i++)
                m->v[i].goes = false;
        choose(m, old, true);
        for (int i = 0; i < m->n; i++) {
                struct image *image = &m->v[i];

                if (image->goes)
                        image->there = false;
                if (due[i] == 'b')
                        image->state = REG_DEPRECATED;
                if (due[i] == 'a' || due[i] == 'c') {
                        image->state = REG_TRASHED;
                        image->day_purge = m->day + (due[i] == 'a' ? 3 : 1);
                        image->day_due = 0;
                }
        }
}

/* --- what the registry says -------------------------------------------------------------------------- */
static int place_of(const struct model *m, const char *id)
{
        int i = 0;

        while (i < m->n && !bk_streq(m->v[i].id, id))
                i++;
        return i;
}

/* compare: it must be what the model says; else the model learns it. */
static void look(struct model *m, bool compare, const char *after)
{
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
        BK_CLEANUP(reg_marks_done) struct reg_marks marks = { 0 };
        const struct bk_strv keys = { 0 };
        struct bk_error err = { 0 };
        autofree bool *seen = bk_alloc((size_t)m->n + 1);

        assert_ok(reg_facts_read(m->house.reg, &(struct reg_facts_ask){ .want = REG_FACTS_IDS | REG_FACTS_MARKS, .keys = &keys }, &facts, &err), err);
        assert_ok(reg_marks_read(m->house.reg, &marks, &err), err);
        for (size_t f = 0; f < facts.n; f++) {
                const int i = place_of(m, facts.id[f]);
                struct image *image = &m->v[i];

                seen[i] = true;
                if (compare && (!image->there || image->state != facts.state[f]))
                        fail_msg("%s: image %d is %s, and should be %s", after, i, reg_state_name(facts.state[f]),
                                 image->there ? reg_state_name((enum reg_state)image->state) : "gone");
                image->state = facts.state[f];
                if (!compare && trashed(image))
                        image->day_purge = (int)((facts.purge_at[f] - m->house.now - 1 + DAYS(1) - 1) / DAYS(1));
        }
        for (int i = 0; i < m->n; i++) {
                if (compare && m->v[i].there && !seen[i])
                        fail_msg("%s: image %d is gone, and should be %s", after, i, reg_state_name((enum reg_state)m->v[i].state));
                m->v[i].there = seen[i];
                if (!compare)
                        m->v[i].day_due = 0;
        }
        for (size_t k = 0; k < marks.n; k++) {
                struct image *image = &m->v[place_of(m, marks.v[k].id)];
                const int due = marks.v[k].due_at == 0 ? -1 : (int)((marks.v[k].due_at - m->house.now) / DAYS(1));

                if (compare && !trashed(image) && image->day_due != due)
                        fail_msg("%s: image %d is marked for day %d, and should be for %d", after, place_of(m, marks.v[k].id), due, image->day_due);
                image->day_due = trashed(image) ? 0 : due;
        }
}

/* Whatever happened between two looks: what must never go has not gone. */
static void nothing_dear_was_lost(const struct model *m, const struct image *was, int n)
{
        for (int i = 0; i < n; i++) {
                const bool dear = m->head[was[i].name] == i || was[i].used || was[i].kept || was[i].held || was[i].legal || was[i].oven;

                if (!was[i].there)
                        continue;
                if (dear && (!m->v[i].there || m->v[i].state != was[i].state))
                        fail_msg("image %d may not be touched, and was", i);
                if (!m->v[i].there && !trashed(&was[i]))
                        fail_msg("image %d was purged, and was not in the trash", i);
                if (m->v[i].there && m->v[i].ancestor >= 0 && !m->v[m->v[i].ancestor].there)
                        fail_msg("image %d stands on what is gone", i);
                if (m->v[i].there && !trashed(&m->v[i]) && m->v[i].ancestor >= 0 && trashed(&m->v[m->v[i].ancestor]) &&
                    !trashed(&was[m->v[i].ancestor]))
                        fail_msg("image %d stays, and stands on what was trashed", i);
        }
}

/* --- steps ------------------------------------------------------------------------------------------- */
static const struct reg_change by_eve = { .who = "eve", .why = "dice", .privileged = true };

static int any(struct model *m)
{
        int alive = 0, which;

        for (int i = 0; i < m->n; i++)
                alive += m->v[i].there;
        if (alive == 0)
                return -1;
        which = (int)dice(m, (unsigned)alive);
        for (int i = 0; i < m->n; i++)
                if (m->v[i].there && which-- == 0)
                        return i;
        return -1;
}

static void publish(struct model *m)
{
        const int on = dice(m, 3) == 0 ? -1 : any(m);
        autofree char *seed = bk_format("s%d", m->n), *name = bk_format("n%u", dice(m, NAMES)), *id = id_of(seed);
        struct recipe recipe = { .seed = seed, .name = name, .ancestor = on < 0 ? NULL : m->v[on].id, .state = dice(m, 2) ? REG_TESTED : REG_BAKED };
        struct bk_error err = { 0 };
        struct image image = { .there = true, .name = name[1] - '0', .ancestor = on, .state = (int)recipe.state };
        int alive = 0;

        for (int i = 0; i < m->n; i++)
                alive += m->v[i].there;
        if (alive >= ALIVE_MOST || bake(m->house.reg, &recipe, &err) < 0)
                return;
        (void)snprintf(image.id, sizeof image.id, "%s", id);
        m->v = bk_grow(m->v, (size_t)m->n + 1, sizeof *m->v);
        m->v[m->n++] = image;
}

static void tag(struct model *m, int i)
{
        static const char *const keys[] = { "grp", "grp", "grp", "grp", "hold", "legal_hold" };
        const unsigned which = dice(m, 6), off = which < 4 ? dice(m, 6) == 0 : dice(m, 6) != 0;
        const char value[2] = { (char)('a' + dice(m, 3)), '\0' };
        const struct reg_tag change = { .key = keys[which], .value = off ? NULL : which == 5 ? "soon" : value };
        struct bk_error err = { 0 };

        if (reg_tag(m->house.reg, m->v[i].id, &change, 1, &by_eve, &err) < 0)
                return;
        if (which < 4)
                m->v[i].grp = off ? 0 : value[0];
        else
                *(which == 4 ? &m->v[i].held : &m->v[i].legal) = !off;
}

static void use(struct model *m, int i)
{
        autofree char *instance = bk_format("vm%d", i);
        const struct reg_launch launch = { .image = m->v[i].id, .instance = instance, .who = "eve" };
        struct bk_error err = { 0 };

        if (!m->v[i].used && dice(m, 4) > 0)
                return;
        if (!m->v[i].used)
                assert_ok(reg_launch_seen(m->house.reg, "report", &launch, &err), err);
        else
                assert_ok(reg_launch_ended(m->house.reg, "report", instance, "eve", &err), err);
        m->v[i].used = !m->v[i].used;
}

static void keep(struct model *m, int i)
{
        struct bk_error err = { 0 };

        if (!m->v[i].kept && dice(m, 4) > 0)
                return;
        if (m->v[i].kept)
                assert_ok(reg_unkeep(m->house.reg, m->v[i].id, &by_eve, &err), err);
        else
                assert_ok(reg_keep(m->house.reg, m->v[i].id, INT64_MAX, &by_eve, &err), err);
        m->v[i].kept = !m->v[i].kept;
}

/* Each has a name of its own, as one host has one bake of a name at a time. */
static void build_on(struct model *m, int i)
{
        autofree char *id = bk_format("b%d", m->bakes), *name = bk_format("n%d", m->bakes);
        const struct reg_bake bake = { .id = id, .name = name, .builder = "chroot", .who = "eve", .host = "oven", .source = m->v[i].id };
        struct bk_error err = { 0 };

        if (m->v[i].oven) {
                autofree char *old = bk_format("b%d", m->v[i].bake);

                assert_ok(reg_bake_end(m->house.reg, old, "failed", NULL, &err), err);
                m->v[i].oven = false;
        } else if (dice(m, 4) == 0) {
                assert_ok(reg_bake_begin(m->house.reg, &bake, &err), err);
                m->v[i].oven = true;
                m->v[i].bake = m->bakes++;
        }
}

static void lead(struct model *m, int i)
{
        autofree char *channel = bk_format("n%d:live", m->v[i].name);
        struct bk_error err = { 0 };

        if (m->head[m->v[i].name] == i ? reg_channel_delete(m->house.reg, channel, &by_eve, &err) == 0 :
                                         reg_channel_point(m->house.reg, channel, m->v[i].id, &by_eve, &err) == 0)
                m->head[m->v[i].name] = m->head[m->v[i].name] == i ? -1 : i;
}

/* It came back from the trash: whoever finds it again begins its grace anew. */
static void nothing_is_noted_of(struct model *m, const char *id)
{
        BK_CLEANUP(reg_marks_done) struct reg_marks marks = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_marks_read(m->house.reg, &marks, &err), err);
        for (size_t k = 0; k < marks.n; k++)
                if (bk_streq(marks.v[k].id, id))
                        fail_msg("image %d is out of the trash, and rule '%s' still has it marked", place_of(m, id), marks.v[k].rule);
}

static void move(struct model *m, int i)
{
        struct bk_error err = { 0 };
        const char *id = m->v[i].id;

        switch (dice(m, 5)) {
        case 0:
                (void)!reg_revoke(m->house.reg, id, &(struct reg_revocation){ .spreads = dice(m, 2) == 0 }, &by_eve, &err);
                break;
        case 1:
                (void)!reg_revocation_lift(m->house.reg, id, &by_eve, &err);
                break;
        case 2: case 3:
                (void)!reg_state_change(m->house.reg, id, REG_TESTED, &by_eve, &err);
                break;
        default:
                if (trashed(&m->v[i]) && reg_untrash(m->house.reg, id, &by_eve, &err) == 0)
                        nothing_is_noted_of(m, id);
                break;
        }
}

/* --- runs --------------------------------------------------------------------------------------------- */
static int left = -1;                        /* things that a run says before it is killed; -1: it is not */

static void die_in_time(void *arg, const char *line)
{
        (void)arg;
        (void)line;
        if (left >= 0 && left-- == 0)
                (void)kill(getpid(), SIGKILL);
}

static int tell(void *arg, const struct janitor_notify *notify, const json_t *message, struct bk_error *err)
{
        die_in_time(arg, NULL);
        return house_tell(arg, notify, message, err);
}

static int go(struct model *m, struct reg *reg, struct bk_error *err)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules parsed = { 0 };
        struct janitor_run run = { .rules = &parsed, .store = &m->store, .home = m->house.home, .who = "janitor",
                                   .at = m->house.now + DAYS(m->day) + 1, .tell = tell, .arg = m, .log = die_in_time };
        json_t *counts = NULL;
        int status;

        house_rules(rules, &parsed);
        m->house.told.len = 0;
        status = janitor_run(reg, &run, &counts, err);
        json_decref(counts);
        return status;
}

/* A run that is killed somewhere between its transactions, or gets through. */
static void crash(struct model *m)
{
        autofree struct image *was = bk_alloc(((size_t)m->n + 1) * sizeof *was);
        const int n = m->n;
        pid_t pid;
        int status;

        memcpy(was, m->v, (size_t)n * sizeof *was);
        left = (int)dice(m, 8);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct bk_error err = { 0 };
                struct reg *reg = NULL;

                _exit(reg_open(m->house.home, &reg, &err) < 0 || go(m, reg, &err) < 0);
        }
        left = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        look(m, false, "a crash");
        nothing_dear_was_lost(m, was, n);
}

static void run_one(struct model *m)
{
        autofree struct image *was = bk_alloc(((size_t)m->n + 1) * sizeof *was);
        struct bk_error err = { 0 };

        memcpy(was, m->v, (size_t)m->n * sizeof *was);
        m->house.deaf = dice(m, 5) == 0;
        expect_run(m);
        assert_ok(go(m, m->house.reg, &err), err);
        look(m, true, "a run");
        nothing_dear_was_lost(m, was, m->n);
}

static void step(struct model *m)
{
        const unsigned what = dice(m, 100);
        const int i = any(m);

        if (what < 25 || i < 0) {
                publish(m);
                return;
        }
        if (what < 33) {
                m->day++;
                if (what == 25)
                        crash(m);
                else
                        run_one(m);
                return;
        }
        (what < 63 ? tag : what < 69 ? use : what < 75 ? keep : what < 81 ? build_on : what < 87 ? lead : move)(m, i);
        look(m, false, "a step");
}

static void lives_and_deaths(void **state)
{
        const char *steps = getenv("JANITOR_STEPS"), *seed = getenv("JANITOR_SEED");
        const int n = steps == NULL ? STEPS : atoi(steps);
        struct model m = { .house = house_of(state), .random = seed == NULL ? 1 : (unsigned)atoi(seed), .head = { -1, -1, -1 } };
        struct bk_error err = { 0 };
        int gone = 0;

        assert_ok(layer_store_open(m.house.home, &m.store, &err), err);
        for (int i = 0; i < n; i++)
                step(&m);
        for (int i = 0; i < m.n; i++)
                gone += !m.v[i].there;
        print_message("# %d steps, %d days, %d images, of which %d are gone\n", n, m.day, m.n, gone);
        assert_true(log_is_good(m.house.reg, NULL));
        assert_true(n < STEPS || gone > 0);
        layer_store_done(&m.store);
        house_done(&m.house);
        free(m.v);
}

int main(void)
{
        const struct CMUnitTest tests[] = { registry_test(lives_and_deaths) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
