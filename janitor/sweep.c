/* Leases of the dead, one after the other, and the table of what they note.
 *
 * Processes end first, since they hold the rest; then the notes are undone from the last to the first. */
#include "janitor/sweep_priv.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/lease.h"

static const struct kind {
        const char *name;
        bool passing;           /* no restart of the host outlives it */
        bool first;
        sweep_undo *undo;
} kinds[] = {
        { "process", true,  true,  sweep_process },     /* PID START NAMESPACE */
        { "mount",   true,  false, sweep_mount },       /* MAJOR:MINOR SOURCE */
        { "loop",    true,  false, sweep_loop },        /* NUMBER SEQUENCE MAJOR:MINOR:INODE of its backing file */
        { "domain",  false, false, sweep_domain },      /* UUID URI; on another host, perhaps */
        { "draft",   false, false, sweep_draft },       /* NAME, in the store */
        { "work",    false, false, sweep_work },        /* ID */
        { "debs",    false, false, sweep_work },        /* as it was called once */
        { "file",    false, false, sweep_file },        /* MAJOR:MINOR:INODE of its folder, PATH */
        { "bake",    false, false, sweep_bake },        /* ID, of a row in the registry */
};

const char *janitor_end_name(enum janitor_end end)
{
        static const char *const names[] = { [JANITOR_UNDONE] = "undone", [JANITOR_LEFT] = "left", [JANITOR_NOT_THERE] = "not there",
                                             [JANITOR_STUCK] = "stuck" };

        return names[end];
}

static const struct kind *kind_of(const char *name)
{
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (bk_streq(kinds[i].name, name))
                        return &kinds[i];
        return NULL;
}

static void tell(const struct sweeping *sweeping, const struct bk_lease_found *found, const char *kind, const char *value, enum janitor_end end,
                 const char *why)
{
        const struct janitor_leftover leftover = { .lease = found->name, .pid = found->pid, .kind = kind, .value = value, .end = end, .why = why };

        if (sweeping->sweep->tell != NULL)
                sweeping->sweep->tell(sweeping->sweep->arg, &leftover);
}

/* False: it is stuck. */
static bool undo_one(struct sweeping *sweeping, const struct bk_lease_found *found, size_t i)
{
        const char *name = found->kinds->v[i], *value = found->values->v[i];
        const struct kind *kind = kind_of(name);
        enum janitor_end end = JANITOR_NOT_THERE;
        struct bk_error err = { 0 };

        if (kind == NULL)
                (void)bk_fail(&err, BK_INVALID, "this bakery does not know what a '%s' is; a newer one may", name);
        else if (!kind->passing || found->this_boot)
                (void)kind->undo(sweeping, value, !sweeping->sweep->look_only, &end, &err);
        if (err.kind != BK_NONE)
                end = JANITOR_STUCK;
        sweeping->swept.things += end == JANITOR_UNDONE || end == JANITOR_LEFT;
        tell(sweeping, found, name, value, end, end == JANITOR_STUCK ? err.text : NULL);
        return end != JANITOR_STUCK;
}

static bool undo_all(struct sweeping *sweeping, const struct bk_lease_found *found)
{
        bool clean = true;

        for (int first = 1; first >= 0; first--)
                for (size_t i = found->kinds->n; i-- > 0;) {
                        const struct kind *kind = kind_of(found->kinds->v[i]);

                        if ((kind != NULL && kind->first) == (first == 1))
                                clean &= undo_one(sweeping, found, i);
                }
        return clean;
}

static bool look(void *arg, const struct bk_lease_found *found)
{
        struct sweeping *sweeping = arg;

        if (found->state == BK_LEASE_HELD) {
                sweeping->swept.held++;
                return false;
        }
        if (found->state == BK_LEASE_UNREAD) {
                tell(sweeping, found, NULL, NULL, JANITOR_STUCK, found->why);
                sweeping->swept.stuck++;
                return false;
        }
        if (!undo_all(sweeping, found)) {
                sweeping->swept.stuck++;
                return false;
        }
        sweeping->swept.leases++;
        return !sweeping->sweep->look_only;
}

int janitor_sweep(const struct janitor_sweep *sweep, struct janitor_swept *ret, struct bk_error *err)
{
        struct sweeping sweeping = { .sweep = sweep };
        autofree char *folder = bk_format("%s/leases", sweep->store->run);
        const int status = bk_lease_look(folder, look, &sweeping, err);

        reg_close(sweeping.reg);
        if (status < 0)
                return bk_wrap(err, "cannot clean up after the dead");
        *ret = sweeping.swept;
        return 0;
}
