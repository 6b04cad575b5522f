/* Inside janitor/ only: what leases note, kind by kind. */
#pragma once
#include "janitor/sweep.h"
#include "registry/registry.h"

struct sweeping {
        const struct janitor_sweep *sweep;
        struct reg *reg;                /* opened when it is needed */
        struct janitor_swept swept;
};

/* act: undo it; else only look. *ret: UNDONE, LEFT or NOT_THERE. On failure it is stuck. */
typedef int sweep_undo(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err);
sweep_undo sweep_draft, sweep_work, sweep_file, sweep_bake, sweep_domain;       /* sweep_files.c */
sweep_undo sweep_process, sweep_mount, sweep_loop;                              /* sweep_host.c */
