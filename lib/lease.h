/* Leases: what a process holds outside the kernel's own care, written down
 * before it is acquired. The file is flock-held by its owner; the kernel drops
 * the lock when the last process of the bake is gone, so the living and the
 * dead cannot be confused.
 *
 * A lease is lines: "lease VERSION BOOT PID START" of its owner, then a note a line, "KIND VALUE". Who undoes them: janitor/sweep.h. */
#pragma once
#include <stdbool.h>
#include "lib/mem.h"

struct bk_lease {
        int fd;         /* -1 when not held */
        char *path;     /* owned */
};
#define BK_LEASE_NONE { .fd = -1, .path = NULL }

/* Creates and locks a lease in folder (created if missing). Children that are
 * forked, not exec'd, share the lock, and may note what they acquire. */
int bk_lease_take(const char *folder, struct bk_lease *ret, struct bk_error *err) BK_MUST_CHECK;
/* Notes one thing about to be acquired; kind is one word, value one line. It is on the disk when this returns. */
int bk_lease_note(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err) BK_MUST_CHECK;
/* The same for what no restart of the host outlives: processes, mounts, devices. The disk is not waited for. */
int bk_lease_note_passing(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err) BK_MUST_CHECK;
/* Notes the calling process, as "process PID START NAMESPACE", with the number that its parent knows it by: to be called before bk_own_mounts(). */
int bk_lease_note_self(const struct bk_lease *lease, struct bk_error *err) BK_MUST_CHECK;
/* Takes a lease for a file that is about to be made anywhere, and notes it by its folder's identity and its path. Where none can be written -
 * the disk is full, the state folder may only be read - the work goes on without, and *ret is not held. */
void bk_lease_for_file(const char *folder, const char *path, struct bk_lease *ret);
/* Ends the lease: what it names is undone or published. */
void bk_lease_done(struct bk_lease *lease);
/* Gives it up, as one's death would: what it names could not be undone, and whoever sweeps next tries again. */
void bk_lease_leave(struct bk_lease *lease);

/* When a process started, in ticks since the boot (proc(5), "stat", field 22): with its number it names one process for ever. pid 0: this
 * one. BK_NOT_FOUND: there is none. */
int bk_process_start(long pid, long *ret_pid, unsigned long long *ret_start, struct bk_error *err) BK_MUST_CHECK;

/* Which pid namespace /proc tells of, so to which its numbers belong; 0: unknown. */
unsigned long long bk_pid_namespace(void);

enum bk_lease_state {
        BK_LEASE_HELD,          /* its owner lives */
        BK_LEASE_DEAD,          /* nobody holds it but the caller, for as long as it looks */
        BK_LEASE_UNREAD,        /* nobody holds it, and what it says cannot be told */
};
struct bk_lease_found {
        const char *path, *name;        /* of the file */
        enum bk_lease_state state;
        const char *why;                /* UNREAD: the reason, for people */
        bool this_boot;                 /* else what was passing is gone */
        long pid;                       /* of its owner; 0: unknown */
        const struct bk_strv *kinds, *values;   /* of its notes, in their order */
};
/* Shows every lease of the folder. look() says whether it is to be removed, which is done to the dead only. Leases that are taken meanwhile
 * may be missed. Returns -1 when the folder cannot be listed; a lease that cannot be removed is shown once more, as UNREAD. */
int bk_lease_look(const char *folder, bool (*look)(void *arg, const struct bk_lease_found *found), void *arg, struct bk_error *err) BK_MUST_CHECK;

/* An exclusive lock on a file that is created when missing and stays. Waits at
 * most timeout_ms, then fails with BK_LOCKED and says who holds it. */
int bk_lock_take(const char *path, int timeout_ms, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
