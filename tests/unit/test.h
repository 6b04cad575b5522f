/* What every unit test includes. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/error.h"

/* A call that must succeed; its error is shown when it does not. */
#define assert_ok(call, err) do { \
        if ((call) != 0) \
                fail_msg("%s: %s%s%s", #call, (err).at, (err).at[0] ? ": " : "", (err).text); \
} while (0)

/* A call that must fail, with this kind and with a text for people. */
#define assert_fails_with(call, err, wanted) do { \
        assert_int_equal((call), -1); \
        assert_string_equal(bk_kind_name((err).kind), bk_kind_name(wanted)); \
        assert_true((err).text[0] != '\0'); \
} while (0)

/* A prerequisite: "root", or a program. Skips the test aloud where it is missing,
 * and fails it where BAKERY_REQUIRE (comma separated) names it. */
static inline void need(const char *thing)
{
        const char *require = getenv("BAKERY_REQUIRE");
        char *command = bk_format("command -v %s >/dev/null", thing), *listed = bk_format(",%s,", thing);
        char *all = bk_format(",%s,", require ? require : "");
        const int able = strcmp(thing, "root") == 0 ? geteuid() == 0 : system(command) == 0;
        const int required = strstr(all, listed) != NULL;

        free(command);
        free(listed);
        free(all);
        if (able)
                return;
        if (required)
                fail_msg("%s is required and not here", thing);
        print_message("# skipped: needs %s\n", thing);
        skip();
}
