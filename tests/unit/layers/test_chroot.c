/* The sandbox as a provisioner meets it: how commands run and end, what they see, what stays in the layer. */
#include "tests/unit/layers/sandbox.h"

static void a_sandbox_opens_runs_and_closes(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_prints(place, "true", "");
        close_sandbox(place);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_sandbox_opens_runs_and_closes, set_up, tear_down),
        };

        if (argc > 1)
                return probe_main(NULL, 0, argc - 1, argv + 1);
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
