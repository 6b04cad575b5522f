/* Debian's versions beside `dpkg --compare-versions`: 10,000 pairs, of which half are made of versions that this host has installed.
 * dpkg is asked whether what we say is so, once a pair. BAKERY_PAIRS sets another number. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/version.h"

enum { PAIRS = 10000 };

static uint32_t seed = 7;

static uint32_t dice(uint32_t n)
{
        seed = seed * 1664525 + 1013904223;
        return (seed >> 8) % n;
}

/* As policy has them: [epoch:]upstream[-revision], which dpkg compares without complaint. */
static char *make(void)
{
        static const char *const pieces[] = { "0", "1", "9", "10", "00", ".", "~", "+", "a", "Z", "rc", ".1", "~rc1", "+dfsg", "+really", "~deb12u",
                                              "+b1" };
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };

        if (dice(6) == 0)
                bk_buf_printf(&text, "%u:", dice(3));
        bk_buf_printf(&text, "%u", dice(12));
        for (uint32_t i = dice(5); i > 0; i--)
                bk_buf_puts(&text, pieces[dice(sizeof pieces / sizeof *pieces)]);
        if (dice(2) == 0) {
                bk_buf_printf(&text, "-%u", dice(12));
                for (uint32_t i = dice(3); i > 0; i--)
                        bk_buf_puts(&text, pieces[dice(sizeof pieces / sizeof *pieces)]);
        }
        return bk_buf_finish(&text);
}

/* A version's neighbour: what an update, a rebuild or a backport would be called. */
static char *near(const char *version)
{
        static const char *const ends[] = { "", "~", "+b1", "~deb12u1", "+deb12u2", ".1", "0", "a", "-1" };
        const size_t length = strlen(version), cut = length - (length > 2 ? dice(3) : 0);
        char *ret = bk_format("%.*s%s", (int)(dice(2) == 0 ? length : cut), version, ends[dice(sizeof ends / sizeof *ends)]);

        const char *colon = strchr(ret, ':');

        if (strchr("-:", ret[strlen(ret) - 1]) == NULL && (colon == NULL || (colon[1] >= '0' && colon[1] <= '9')))
                return ret;
        free(ret);
        return bk_strdup(version);
}

static void read_installed(struct bk_strv *ret)
{
        FILE *list = popen("dpkg-query -W -f '${Version}\\n' 2>/dev/null", "re");
        autofree char *line = NULL;
        size_t room = 0;

        assert_non_null(list);
        while (getline(&line, &room, list) > 0) {
                line[strcspn(line, "\n")] = '\0';
                if (*line != '\0')
                        bk_strv_add(ret, line);
        }
        (void)pclose(list);
}

static void ten_thousand_pairs_are_ordered_as_dpkg_does(void **state)
{
        static const char *const words[] = { "lt", "eq", "gt" };
        const char *given = getenv("BAKERY_PAIRS");
        const size_t pairs = given != NULL ? strtoul(given, NULL, 10) : PAIRS;
        char template[] = "/tmp/bakery-dpkg-XXXXXX";
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        autostrv struct bk_strv installed = { 0 };
        autofree char *command = NULL, *line = NULL;
        autoclose int fd = mkostemp(template, O_CLOEXEC);
        size_t room = 0, wrong = 0, count[3] = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        need("dpkg");
        read_installed(&installed);
        for (size_t i = 0; i < pairs; i++) {
                autofree char *a = i % 2 == 0 && installed.n > 0 ? bk_strdup(installed.v[dice((uint32_t)installed.n)]) : make();
                const bool other = installed.n > 0 && dice(4) == 0;
                autofree char *b = dice(3) == 0 ? make() : other ? bk_strdup(installed.v[dice((uint32_t)installed.n)]) : near(a);
                const int order = bk_version_compare(BK_DEB, a, b);

                count[order + 1]++;
                bk_buf_printf(&text, "%s %s %s\n", a, words[order + 1], b);
        }
        assert_true(fd >= 0);
        assert_ok(bk_write_all(fd, text.data, text.len, &err), err);
        command = bk_format("while read -r a op b; do dpkg --compare-versions \"$a\" $op \"$b\" || echo \"$a $op $b\"; done <%s 2>/dev/null",
                            template);

        FILE *answers = popen(command, "re");

        assert_non_null(answers);
        while (getline(&line, &room, answers) > 0)
                if (wrong++ < 20)
                        print_message("# dpkg does not think so: %s", line);
        assert_int_equal(pclose(answers), 0);
        (void)unlink(template);
        print_message("# %zu pairs: %zu less, %zu equal, %zu greater; dpkg differs in %zu\n", pairs, count[0], count[1], count[2], wrong);
        assert_int_equal(wrong, 0);
        assert_true(pairs < 100 || (count[0] > pairs / 10 && count[1] > pairs / 100 && count[2] > pairs / 10));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(ten_thousand_pairs_are_ordered_as_dpkg_does) };

        return cmocka_run_group_tests_name("version-dpkg", tests, NULL, NULL);
}
