/* The provisioners that wait: breakpoint for somebody, sleep for a while. */
#include "bakery/bake/bake_priv.h"

#include <poll.h>
#include <stddef.h>

struct pause {
        struct bake_common common;
        char *note;
        bool disable;
        int64_t duration_ms;
};
#define AT(member) offsetof(struct pause, member)

static const struct tmpl_key breakpoint_keys[] = {
        BAKE_COMMON_KEYS(struct pause),
        { "disable", TMPL_BOOL, AT(disable), TMPL_NO_INPUT, "false", 0, 0, "go on at once" },
        { "note", TMPL_STRING, AT(note), TMPL_NO_INPUT, NULL, 0, 0, "what is said there" },
};

static const struct tmpl_key sleep_keys[] = {
        BAKE_COMMON_KEYS(struct pause),
        { "duration", TMPL_DURATION, AT(duration_ms), TMPL_REQUIRED | TMPL_NO_INPUT, NULL, 0, 0, "how long" },
};

/* Time-outs of the bake go on. */
void bake_wait_for_enter(void)
{
        char c = '\0';

        while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
                ;
}

static int run_breakpoint(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct pause *pause = config;
        const char *note = pause->note ? pause->note : "", *colon = pause->note ? ": " : "";

        (void)step;
        (void)err;
        if (pause->disable || !isatty(STDIN_FILENO)) {
                bake_tell_step(work->events, "breakpoint%s%s, passed: %s", colon, note, pause->disable ? "it is disabled" : "there is no terminal");
                return 0;
        }
        bake_tell_step(work->events, "breakpoint%s%s; press Enter to go on", colon, note);
        bake_wait_for_enter();
        return 0;
}

static int run_sleep(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err)
{
        const struct pause *pause = config;

        (void)step;
        (void)err;
        bake_tell_step(work->events, "pausing %.1f s", (double)pause->duration_ms / 1000);
        (void)poll(NULL, 0, (int)(pause->duration_ms < 0 ? 0 : pause->duration_ms));
        return 0;
}

const struct bake_provisioner bake_breakpoint = {
        "breakpoint", "waits for Enter, where there is a terminal", breakpoint_keys, sizeof breakpoint_keys / sizeof *breakpoint_keys,
        sizeof(struct pause), run_breakpoint, NULL, NULL,
};
const struct bake_provisioner bake_sleep = {
        "sleep", "waits for a while", sleep_keys, sizeof sleep_keys / sizeof *sleep_keys, sizeof(struct pause), run_sleep, NULL, NULL,
};
