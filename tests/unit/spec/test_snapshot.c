/* The interpreter that is kept in a program is the one that the program would make. */
#include "tests/unit/spec/fixture.h"

#include <sys/mman.h>

#include "spec/snapshot.h"

/* All that user Ruby can see of it: the example's name. */
static const char everything[] =
        "def walk(mod, path, seen, out)\n"
        "  return if seen[mod.object_id]\n"
        "  seen[mod.object_id] = true\n"
        "  out << \"#{path} #{mod.class} < #{mod.ancestors.map(&:to_s).join(' ')}\"\n"
        "  out << mod.instance_methods(false).sort.join(' ') << mod.singleton_methods(false).sort.join(' ')\n"
        "  names = begin\n"
        "    mod.constants.sort\n"
        "  rescue Exception\n"
        "    []\n"
        "  end\n"
        "  names.each do |name|\n"
        "    value = mod.const_get(name)\n"
        "    value.is_a?(Module) ? walk(value, \"#{path}::#{name}\", seen, out) : out << \"#{path}::#{name} #{value.class}\"\n"
        "  end\n"
        "end\n"
        "out = []\n"
        "walk(Object, '', {}, out)\n"
        "walk(Kernel, 'Kernel', {}, out)\n"
        "out << global_variables.sort.map { |name| name.to_s }.join(' ')\n"
        "out << [$0, $PROGRAM_NAME, ENV['HOME'], ENV.class, Bakery::SETTINGS[:identity], __FILE__].inspect\n"
        "out << ('aéb' =~ /b/).to_s << [1.5.to_s, 'x'.unpack('m'), ['y'].pack('m'), Time.at(0).utc.to_s, \"\\xff\".valid_encoding?].inspect\n"
        "describe('all') { it(out.join(\"\\n\")) { expect(rand).to be_between(0, 1) } }\n";

static bool is_kept(void)
{
        return spec_snapshot_bytes[0] != 0;
}

static void programs_have_one(void **state)
{
        (void)state;
#ifdef __SANITIZE_ADDRESS__
        assert_false(is_kept());
#else
        autofree char *text = NULL;
        struct bk_error err = { 0 };
        size_t length;

        assert_ok(bk_read_file("/proc/sys/kernel/randomize_va_space", 16, &text, &length, &err), err);
        if (text[0] == '0') {
                print_message("# programs lie at the same address here: there can be none\n");
                return;
        }
        assert_true(is_kept());
#endif
}

/* Where its address is taken, an interpreter is made. */
static void it_is_what_would_be_made(void **state)
{
        struct fixture *f = *state;
        autofree char *kept = NULL;
        void *taken;

        if (!is_kept())
                return;         /* programs_have_one() says whether that may be */
        run(f, everything);
        expect_all(f, { SPEC_PASS, 0, "all" });
        kept = bk_strdup(f->report.v[0].name);
        assert_true(strlen(kept) > 50000);
        taken = mmap((void *)0x200000000000, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        assert_ptr_equal(taken, (void *)0x200000000000);
        run(f, everything);
        (void)munmap(taken, 65536);
        expect_all(f, { SPEC_PASS, 0, "all" });
        assert_string_equal(f->report.v[0].name, kept);
}

static void random_numbers_are_of_the_run(void **state)
{
        struct fixture *f = *state;
        autofree char *first = NULL;

        run(f, "describe('a') { it(\"#{rand} #{Random.rand}\") { } }");
        first = bk_strdup(f->report.v[0].name);
        for (int i = 0; i < 3; i++) {
                run(f, "describe('a') { it(\"#{rand} #{Random.rand}\") { } }");
                assert_string_not_equal(f->report.v[0].name, first);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(programs_have_one),
                spec_test(it_is_what_would_be_made),
                spec_test(random_numbers_are_of_the_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
