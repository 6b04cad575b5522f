/* Versions are ordered as the package managers order them: by known cases, and by generated pairs that the package managers
 * themselves are asked about, where they are here. BAKERY_PAIRS says how many pairs; those that need a process each are fewer. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/version.h"

static const struct { enum bk_ecosystem ecosystem; const char *a; int wanted; const char *b; } rows[] = {
        { BK_DEB, "1.0", 0, "1.0-0" },          { BK_DEB, "1.0~rc1", -1, "1.0" },       { BK_DEB, "1:0.1", 1, "9" },
        { BK_DEB, "1.0a", -1, "1.0+" },         { BK_DEB, "1.9", -1, "1.10" },          { BK_DEB, "0:1", 0, "1" },
        { BK_DEB, "1.0-1-2", 1, "1.0-1-1" },    { BK_DEB, "1.0~~", -1, "1.0~~a" },      { BK_DEB, "1.001", 0, "1.1" },
        { BK_DEB, "7.88.1-10+deb12u5", 1, "7.88.1-10" },        { BK_DEB, "99999999999999999999", 1, "99999999999999999998" },
        { BK_DEB, "", -1, "0a" },               { BK_DEB, "1.2.3", -1, "1.2.3+dfsg" },  { BK_DEB, " 1.0\n", 0, "1.0" },
        { BK_RPM, "1.0", -1, "1.0-1" },         { BK_RPM, "1.0~rc1", -1, "1.0" },       { BK_RPM, "1.0^git1", 1, "1.0" },
        { BK_RPM, "1.0^git1", -1, "1.0.1" },    { BK_RPM, "2:1", 1, "1:9" },            { BK_RPM, "1.0.", 0, "1.0" },
        { BK_RPM, "1.05", 0, "1.5" },           { BK_RPM, "1.a", -1, "1.1" },           { BK_RPM, "10xyz", -1, "10.1xyz" },
        { BK_RPM, "1.1.1k-9.el8_7", -1, "1.1.1k-12.el8_9" },    { BK_RPM, "0:5", 0, "5" },
        { BK_APK, "1.0", -1, "1.0bc" },         { BK_APK, "23_foo", 1, "4_beta" },      { BK_APK, "1.1", 1, "1.1_alpha1" },
        { BK_APK, "1.06-r6", -1, "006" },       { BK_APK, "1.5.0-r1", 1, "1.5.0" },     { BK_APK, "2.86-r5", -1, "2.86-r6" },
        { BK_APK, "4.5_p1", -1, "4.5_p1-r1" },  { BK_APK, "1.02.07", -1, "1.02.10-r1" }, { BK_APK, "1.0_p10-r0", 1, "1.0_p9-r0" },
        { BK_APK, "0.1.0_alpha_pre2", -1, "0.1.0_alpha" },      { BK_APK, "1.3_pre1-r1", -1, "1.3.2" },
        { BK_APK, "1.0.0_pre20191002222144-r0", -1, "1.0.0_pre20210530193627-r0" },     { BK_APK, "2.5.1-r8", -1, "2.5.1a-r1" },
        { BK_APK, "0.15.1b-r2", 1, "0.15.1b" }, { BK_APK, "1.2.4-r2", 0, "1.2.4-r2" },  { BK_APK, "1.0_alpha", -1, "1.0" },
        { BK_APK, "1.4_p12-r2", -1, "1.4_p12-r5" },             { BK_APK, "5.1.8_p1", 1, "5.1.8" },
        { BK_ALPM, "1.0a", -1, "1.0" },         { BK_ALPM, "1.0", -1, "1.0.1" },        { BK_ALPM, "1.0-1", 0, "1.0" },
        { BK_ALPM, "1:1-1", 1, "9-1" },         { BK_ALPM, "1.0alpha", -1, "1.0beta" }, { BK_ALPM, "1.0rc", -1, "1.0" },
        { BK_ALPM, "1..0", 1, "1.0" },          { BK_ALPM, "2.38-5", -1, "2.38-10" },
        { BK_PYPI, "1.0.dev1", -1, "1.0a1" },   { BK_PYPI, "1.0a1.dev1", -1, "1.0a1" }, { BK_PYPI, "1.0", 0, "1.0.0" },
        { BK_PYPI, "1!0", 1, "99" },            { BK_PYPI, "1.0-1", 0, "1.0.post1" },   { BK_PYPI, "1.0+ubuntu.1", 1, "1.0" },
        { BK_PYPI, "1.0RC1", 0, "1.0c1" },      { BK_PYPI, "v1.0", 0, "1" },            { BK_PYPI, "1.0+abc", -1, "1.0+1" },
        { BK_PYPI, "french toast", -1, "0.0.dev0" },            { BK_PYPI, "1.0.post1.dev1", -1, "1.0.post1" },
        { BK_NPM, "1.0.0-alpha", -1, "1.0.0-alpha.1" },         { BK_NPM, "1.0.0-alpha.1", -1, "1.0.0-alpha.beta" },
        { BK_NPM, "1.0.0-rc.1", -1, "1.0.0" },  { BK_NPM, "1.0.0-beta.2", -1, "1.0.0-beta.11" }, { BK_NPM, "1.0.0+a", 0, "1.0.0+b" },
        { BK_NPM, "v1.2.3", 0, "1.2.3" },       { BK_NPM, "1.10.0", 1, "1.9.0" },       { BK_NPM, "1.0.0-1", -1, "1.0.0-a" },
        { BK_GEM, "1.0.a", -1, "1.0" },         { BK_GEM, "1.0.0", 0, "1" },            { BK_GEM, "1.0.0-1", -1, "1.0.0" },
        { BK_GEM, "1.0.a", 0, "1.a" },          { BK_GEM, "1.0.b1", 1, "1.0.a.2" },     { BK_GEM, "1.10", 1, "1.9.9" },
        { BK_GEM, "0.beta.1", -1, "0.0.beta.2" },
        { BK_PEAR, "1.0beta1", -1, "1.0RC1" },  { BK_PEAR, "1.0", -1, "1.0.0" },        { BK_PECL, "5.2pl1", 1, "5.2" },
        { BK_PECL, "1.0.0dev", -1, "1.0.0alpha" },              { BK_PECL, "1.0-foo", -1, "1.0-dev" },
        { BK_CPAN, "1.5", 0, "v1.500.0" },      { BK_CPAN, "1.10", -1, "1.9" },         { BK_CPAN, "v1.10", 1, "v1.9" },
        { BK_CPAN, "1.02_03", 0, "1.0203" },    { BK_CPAN, "1.2.3", 0, "v1.2.3" },
};

static void known_cases_are_ordered(void **state)
{
        size_t wrong = 0;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const int got = bk_version_compare(rows[i].ecosystem, rows[i].a, rows[i].b);
                const int back = bk_version_compare(rows[i].ecosystem, rows[i].b, rows[i].a);

                if (got == rows[i].wanted && back == -got)
                        continue;
                print_message("# %s: '%s' to '%s' is %d and %d back, wanted %d\n", bk_ecosystem_name(rows[i].ecosystem), rows[i].a,
                              rows[i].b, got, back, rows[i].wanted);
                wrong++;
        }
        assert_int_equal(wrong, 0);
}

static void names_of_ecosystems_lead_back(void **state)
{
        enum bk_ecosystem ecosystem;

        (void)state;
        for (unsigned i = 0; i < BK_ECOSYSTEMS; i++) {
                assert_true(bk_ecosystem_of(bk_ecosystem_name((enum bk_ecosystem)i), &ecosystem));
                assert_int_equal(ecosystem, i);
        }
        assert_false(bk_ecosystem_of("dpkg", &ecosystem));
}

/* --- generated ------------------------------------------------------------------------------------------------------ */

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8) % sides;
}

/* What versions of each kind are made of: pieces, so that most of them mean something. */
struct kind {
        enum bk_ecosystem ecosystem;
        const char *pieces[32];
        const char *tool;               /* that must be here */
        const char *ask;                /* a shell line with %s for the file of pairs: prints -1, 0, 1, or x when it refuses one */
        bool each;                      /* it takes a process a pair */
};

#define PYTHON "/usr/bin/python3 -c '\n" \
        "import sys\nfrom packaging.version import Version as V\n" \
        "for l in open(sys.argv[1]):\n  a, b = l.split()\n" \
        "  try: x, y = V(a), V(b); print((x > y) - (x < y))\n  except Exception: print(\"x\")\n' %s"
#define RUBY "ruby -e 'File.foreach(ARGV[0]) { |l| a, b = l.split; c = [a, b].all? { |v| Gem::Version.correct?(v) }; " \
        "puts(c ? Gem::Version.new(a) <=> Gem::Version.new(b) : \"x\") }' %s"
#define DPKG "while read -r a b; do dpkg --validate-version $a && dpkg --validate-version $b || { echo x; continue; }; " \
        "if dpkg --compare-versions $a lt $b; then echo -1; elif dpkg --compare-versions $a eq $b; then echo 0; else echo 1; fi; done <%s 2>/dev/null"
#define RPM "rpm --eval '%%{lua: for l in io.lines(\"%s\") do local a, b = l:match(\"(%%S+) (%%S+)\"); print(rpm.vercmp(a, b) .. \"\\n\") end}' | grep ."
#define NODE "NODE_PATH=/usr/share/nodejs:/usr/lib/node_modules/npm/node_modules node -e 'const s = require(\"semver\"); for (const l of require(\"fs\").readFileSync(process.argv[1], \"utf8\").trim().split(\"\\n\")) " \
        "{ const [a, b] = l.split(\" \"); console.log(s.valid(a) && s.valid(b) ? s.compare(a, b) : \"x\"); }' %s"
/* Numbers that do not fit are clamped by perl. */
#define PERL "perl -Mversion -ne '($a, $b) = split; print !/\\d{10}/ && version::is_lax($a) && version::is_lax($b) && defined(eval { version->parse($a) <=> version->parse($b) }) ? " \
        "version->parse($a) <=> version->parse($b) : \"x\", \"\\n\"' %s"
/* A sign at the end makes PHP's order depend on what is beside it: "1-" is less than itself. */
#define PHP "php -r 'foreach (file($argv[1]) as $l) { [$a, $b] = explode(\" \", trim($l)); echo preg_match(\"/[^0-9a-z]$/i\", $a) || " \
        "preg_match(\"/[^0-9a-z]$/i\", $b) ? \"x\" : version_compare($a, $b), \"\\n\"; }' %s"

static const struct kind kinds[] = {
        { BK_DEB, { "0", "1", "2", "10", "01", "00", "~", "~", "+", ".", "a", "Z", "rc", "-", "-1", "1:", "0:", ".1", "~rc1", "+dfsg", "deb12u", "9" },
          "dpkg", DPKG, true },
        { BK_RPM, { "0", "1", "2", "10", "01", "00", "~", "^", ".", "_", "a", "Z", "rc", "-", "-1", "1:", "0:", ".1", "~rc1", "^git", "el8", "+" },
          "rpm", RPM, false },
        { BK_ALPM, { "0", "1", "2", "10", "01", ".", "..", "a", "Z", "rc", "-1", "-2", "1:", ".1", "_", "+r", "alpha", "+" },
          "vercmp", "while read -r a b; do vercmp $a $b; done <%s", true },
        { BK_PYPI, { "0", "1", "2", "10", "01", ".", ".0", ".1", "a", "b", "rc", "c1", ".post", "-1", ".dev", "dev1", "+", "+u.1", "1!", "alpha",
                     "pre", "rev", "r", "-", "_", "v" },
          "/usr/bin/python3", PYTHON, false },
        { BK_NPM, { "0", "1", "2", "10", "0.0", ".", ".1", ".0", "1.2.3", "1.0.0", "-", "-a", "-rc.1", ".b", "+x", "v", "-alpha", "." },
          "node", NODE, false },
        { BK_GEM, { "0", "1", "2", "10", "01", ".", ".0", ".1", "a", "b", ".pre", "-", "-1", ".rc1", "Z", "0.0" },
          "ruby", RUBY, false },
        { BK_PEAR, { "0", "1", "2", "10", "01", ".", "-", "_", "+", "a", "b", "alpha", "beta", "RC", "rc", "pl", "p", "dev", "x", "foo", "1.2" },
          "php", PHP, false },
        { BK_CPAN, { "0", "1", "2", "10", "01", "001", ".", ".0", ".1", ".001", "_", "v", "0001", "1.2", "9" },
          "perl", PERL, false },
};

static char *make_one(const struct kind *kind)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf ret = { 0 };
        size_t n = 0;

        while (kind->pieces[n] != NULL)
                n++;
        bk_buf_putc(&ret, (char)('0' + dice(3)));
        if (kind->ecosystem == BK_NPM)          /* which has three numbers, or is refused */
                bk_buf_printf(&ret, ".%u.%u", dice(3), dice(11));
        for (uint32_t i = 1 + dice(5); i > 0; i--)
                bk_buf_puts(&ret, kind->pieces[dice((uint32_t)n)]);
        return bk_buf_finish(&ret);
}

/* Often the same but for one piece, as most releases are. */
static char *make_near(const struct kind *kind, const char *a)
{
        const size_t length = strlen(a), cut = 1 + dice((uint32_t)length);
        autofree char *end = dice(3) > 0 ? make_one(kind) : bk_strdup("1");

        switch (dice(4)) {
        case 0: return make_one(kind);
        case 1: return bk_strndup(a, cut);
        case 2: return bk_format("%s%s", a, end + 1);
        default: return bk_format("%.*s%s", (int)cut, a, end + 1);
        }
}

static size_t pairs_wanted(const struct kind *kind)
{
        const char *given = getenv("BAKERY_PAIRS");

        return given != NULL ? strtoul(given, NULL, 10) : kind->each ? 300 : 10000;
}

/* Returns how many answers differ. */
static size_t compare_with(const struct kind *kind, const char *pairs, size_t *ret_asked)
{
        autofree char *line = bk_format(kind->ask, pairs), *row = NULL, *answer = NULL;
        autofile FILE *input = fopen(pairs, "re");
        FILE *answers = popen(line, "re");
        size_t row_room = 0, answer_room = 0, wrong = 0;

        assert_non_null(input);
        assert_non_null(answers);
        while (getline(&row, &row_room, input) > 0) {
                if (getline(&answer, &answer_room, answers) <= 0)
                        fail_msg("'%s' ended before '%s'", line, row);
                const char *a = strtok(row, " \n"), *b = strtok(NULL, " \n");

                if (*answer == 'x')
                        continue;
                ++*ret_asked;
                const int wanted = atoi(answer), got = bk_version_compare(kind->ecosystem, a, b);

                if (got == (wanted > 0) - (wanted < 0) && bk_version_compare(kind->ecosystem, b, a) == -got)
                        continue;
                if (wrong++ < 20)
                        print_message("# %s: '%s' to '%s' is %d, wanted %d\n", bk_ecosystem_name(kind->ecosystem), a, b, got, wanted);
        }
        assert_int_equal(pclose(answers), 0);
        return wrong;
}

static void generated_pairs_are_ordered_as_the_tool_does(void **state)
{
        const struct kind *kind = *state;
        char template[] = "/tmp/bakery-version-XXXXXX";
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        autoclose int fd = -1;
        struct bk_error err = { 0 };
        size_t asked = 0, wrong;

        need(kind->tool);
        if (kind->ecosystem == BK_NPM && access("/usr/share/nodejs/semver", F_OK) < 0 && access("/usr/lib/node_modules/npm/node_modules/semver", F_OK) < 0) {
                print_message("# skipped: needs node's semver\n");
                skip();
        }
        if (kind->ecosystem == BK_PYPI && system("/usr/bin/python3 -c 'import packaging' 2>/dev/null") != 0) {
                print_message("# skipped: needs python3-packaging\n");
                skip();
        }
        seed = 1 + kind->ecosystem;
        for (size_t i = pairs_wanted(kind); i > 0; i--) {
                autofree char *a = make_one(kind), *b = make_near(kind, a);

                bk_buf_printf(&text, "%s %s\n", a, b);
        }
        fd = mkostemp(template, O_CLOEXEC);
        assert_true(fd >= 0);
        assert_ok(bk_write_all(fd, text.data, text.len, &err), err);
        wrong = compare_with(kind, template, &asked);
        (void)unlink(template);
        print_message("# %s: %zu pairs were compared, %zu differ\n", bk_ecosystem_name(kind->ecosystem), asked, wrong);
        assert_int_equal(wrong, 0);
        assert_true(asked > 0);
}

/* Sorting needs it: antisymmetric, and no circles. */
static void the_order_is_total(void **state)
{
        static const char bytes[] = "0019.~^-_+:ravZ!@ \x01\xff";

        (void)state;
        seed = 42;
        for (unsigned e = 0; e < BK_ECOSYSTEMS; e++)
                for (int i = 0; i < 20000; i++) {
                        char text[3][10] = { 0 };
                        int order[3];

                        for (int j = 0; j < 3; j++)
                                for (uint32_t n = dice(8), k = 0; k < n; k++)
                                        text[j][k] = bytes[dice(sizeof bytes - 1)];
                        for (int j = 0; j < 3; j++) {
                                order[j] = bk_version_compare((enum bk_ecosystem)e, text[j], text[(j + 1) % 3]);
                                if (order[j] != -bk_version_compare((enum bk_ecosystem)e, text[(j + 1) % 3], text[j]))
                                        fail_msg("%s: '%s' and '%s' both before each other", bk_ecosystem_name((enum bk_ecosystem)e), text[j],
                                                 text[(j + 1) % 3]);
                        }
                        if (e != BK_ALPM && e != BK_PEAR && e != BK_PECL && order[0] <= 0 && order[1] <= 0 && order[2] <= 0 &&
                            (order[0] < 0 || order[1] < 0 || order[2] < 0))
                                fail_msg("%s: '%s', '%s' and '%s' go in a circle", bk_ecosystem_name((enum bk_ecosystem)e), text[0], text[1],
                                         text[2]);
                }
}

int main(void)
{
        struct CMUnitTest tests[3 + sizeof kinds / sizeof *kinds] = {
                cmocka_unit_test(known_cases_are_ordered),
                cmocka_unit_test(names_of_ecosystems_lead_back),
                cmocka_unit_test(the_order_is_total),
        };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                tests[3 + i] = (struct CMUnitTest){ .name = bk_ecosystem_name(kinds[i].ecosystem),
                                                    .test_func = generated_pairs_are_ordered_as_the_tool_does,
                                                    .initial_state = (void *)(uintptr_t)&kinds[i] };
        return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
