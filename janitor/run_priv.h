/* A run of the janitor on its way. */
#pragma once
#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

struct janitor_going {
        struct reg *reg;
        const struct janitor_run *run;
        struct janitor_plan plan;
        struct janitor_outcome outcome;         /* claims and marks; the verdicts are the plan's */
        int64_t number, began;                  /* began: when the plan was made, of run->clock */
        json_t *counts;
        bool *tried, *did;                      /* of each verdict */
};
void janitor_log(const struct janitor_going *g, const char *format, ...) BK_PRINTF(2, 3);
void janitor_count(struct janitor_going *g, const char *key, int64_t more);

/* --- news.c ---------------------------------------------------------------------------- */
/* Tells whoever the rules name of what is marked and was not told yet; each of whom all were told begins its grace. That somebody could not be
 * told is counted and logged, and is no failure. */
int janitor_tell_all(struct janitor_going *g, struct bk_error *err) BK_MUST_CHECK;
