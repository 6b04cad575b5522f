/* janitor sweep: what killed bakes, boots and transfers left on this host, and uploads that nobody goes on with. */
#include <stdio.h>

#include "bakery/cmd/cmd.h"
#include "bakery/cmd/listing.h"
#include "janitor/sweep.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "n", NULL, false, "only tell what would be undone" },
        { "json", NULL, false, "JSON Lines: one a thing, and one that sums up" },
        { "exit-code", NULL, false, "exit with 4 when there was nothing to do" },
};

static void print_json(json_t *json)
{
        cmd_print_line(json);
        json_decref(json);
}

static void tell(void *arg, const struct janitor_leftover *leftover)
{
        const char *kind = leftover->kind != NULL ? leftover->kind : "lease", *value = leftover->kind != NULL ? leftover->value : leftover->lease;

        if (cmd_switch(arg, "json")) {
                print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:s?}", "end", janitor_end_name(leftover->end), "kind", kind, "value", value,
                                     "lease", leftover->lease, "pid", (json_int_t)leftover->pid, "why", leftover->why));
                return;
        }
        printf("%s: %s %s", janitor_end_name(leftover->end), kind, value);
        if (leftover->kind != NULL)
                printf(" (lease %s)", leftover->lease);
        printf("%s%s\n", leftover->why != NULL ? ": " : "", leftover->why != NULL ? leftover->why : "");
}

static int run(const struct cmd_args *args)
{
        autofree char *home = cmd_home(args);
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        const bool look_only = cmd_switch(args, "n");
        const struct janitor_sweep sweep = { .store = &store, .look_only = look_only, .tell = tell, .arg = (void *)args };
        struct janitor_swept swept = { 0 };
        struct bk_error err = { 0 };
        size_t uploads = 0;

        if (layer_store_open(home, &store, &err) < 0 || janitor_sweep(&sweep, &swept, &err) < 0 ||
            layer_halves_sweep(&store, look_only, &uploads, &err) < 0 || (!look_only && layer_awaited_sweep(&store, &err) < 0))
                return cmd_fail(&err);
        if (uploads > 0 && !cmd_switch(args, "json"))
                printf("%zu upload%s that nobody went on with for a day%s\n", uploads, uploads == 1 ? "" : "s", look_only ? "" : " removed");
        if (cmd_switch(args, "json"))
                print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "end", look_only ? "looked" : "swept", "things", (json_int_t)swept.things,
                                     "leases", (json_int_t)swept.leases, "stuck", (json_int_t)swept.stuck, "held", (json_int_t)swept.held,
                                     "uploads", (json_int_t)uploads));
        else
                printf("%zu thing%s %s, of %zu lease%s whose owner is dead; %zu stuck, %zu held by the living\n", swept.things,
                       swept.things == 1 ? "" : "s", look_only ? "to undo" : "undone", swept.leases + swept.stuck,
                       swept.leases + swept.stuck == 1 ? "" : "s", swept.stuck, swept.held);
        if (swept.stuck > 0)
                return bk_kind_exit_code(BK_INFRA);
        return swept.leases == 0 && uploads == 0 && cmd_switch(args, "exit-code") ? 4 : 0;
}

const struct cmd cmd_janitor_sweep = {
        "janitor sweep", "", 0, 0, "undo what killed bakes left on this host",
        "Whatever bakery holds is noted in a lease before it is acquired. For leases whose owner is dead this ends the processes, detaches "
        "mounts and loop devices, ends guests of other libvirts, removes drafts and folders, and says of bakes that they were aborted: each by "
        "its identity, nothing by its looks. Every bake begins with that. Uploads to a server of this host that broke off, and that nobody went "
        "on with for a day, are removed, too. What cannot be undone, or is of a newer bakery, is told and stays: exit code 6.",
        CMD_FLAGS(flags), run,
};
