/* What the dead left on this host, undone: for every lease whose owner is gone, each thing that it notes, and then the lease.
 *
 * A thing is known by what it is - a random name, a number with a start time, a device with its sequence number -, never by what its name looks
 * like, so nothing of anybody else is touched. What cannot be undone, or not be understood, is told and stays noted. */
#pragma once
#include "layers/layer.h"

enum janitor_end {
        JANITOR_UNDONE,
        JANITOR_LEFT,           /* it is there; only looked at */
        JANITOR_NOT_THERE,      /* it went by itself, or was never made */
        JANITOR_STUCK,          /* it stays; why says the reason */
};
const char *janitor_end_name(enum janitor_end end);

struct janitor_leftover {
        const char *lease;              /* name of its file */
        long pid;                       /* of the owner, as it knew itself; 0: unknown */
        const char *kind, *value;       /* of the note; NULL: it is about the lease as a whole */
        enum janitor_end end;
        const char *why;                /* STUCK: a sentence; else NULL */
};

struct janitor_sweep {
        const struct layer_store *store;
        bool look_only;
        void (*tell)(void *arg, const struct janitor_leftover *leftover);       /* NULL: silent */
        void *arg;
};
struct janitor_swept {
        size_t held;                    /* leases of the living */
        size_t leases;                  /* of the dead: ended, or with look_only to be ended */
        size_t stuck;                   /* leases that stay, for somebody to look at */
        size_t things;                  /* undone, or with look_only to be undone */
};
/* Goes on where one thing fails. Called by whoever is single-threaded. -1 when it cannot be known what leases there are. */
int janitor_sweep(const struct janitor_sweep *sweep, struct janitor_swept *ret, struct bk_error *err) BK_MUST_CHECK;

/* The folders that a bake has beside its draft: packages, and what it shows to a libvirt of others. */
int janitor_work_remove(const struct layer_store *store, const char *id, struct bk_error *err) BK_MUST_CHECK;
