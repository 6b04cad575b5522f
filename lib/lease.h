/* Leases: what a process holds outside the kernel's own care, written down
 * before it is acquired. The file is flock-held by its owner; the kernel drops
 * the lock when the last process of the bake is gone, so the living and the
 * dead cannot be confused. */
#pragma once
#include <stdbool.h>
#include "lib/error.h"

struct bk_lease {
        int fd;         /* -1 when not held */
        char *path;     /* owned */
};
#define BK_LEASE_NONE { .fd = -1, .path = NULL }

/* Creates and locks a lease in folder (created if missing). Children that are
 * forked, not exec'd, share the lock. */
int bk_lease_take(const char *folder, struct bk_lease *ret, struct bk_error *err) BK_MUST_CHECK;
/* Notes one thing about to be acquired; kind is one word, value one line. */
int bk_lease_note(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err) BK_MUST_CHECK;
/* Ends the lease: what it names is undone or published. */
void bk_lease_done(struct bk_lease *lease);
/* For every lease whose owner is dead: undo() for each note, last first, then
 * the lease is removed. Returns how many were reaped, or -1. */
int bk_lease_reap(const char *folder, int (*undo)(void *arg, const char *kind, const char *value, struct bk_error *err),
                  void *arg, struct bk_error *err) BK_MUST_CHECK;

/* An exclusive lock on a file that is created when missing and stays. Waits at
 * most timeout_ms, then fails with BK_LOCKED and says who holds it. */
int bk_lock_take(const char *path, int timeout_ms, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
