/* The engine as RSpec's users see it: examples, groups, hooks, lines and messages. */
#include "tests/unit/spec/fixture.h"

static void an_example_passes_or_fails_with_what_was_found(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'sums' do\n"
               "  it 'adds' do\n"
               "    expect(1 + 1).to eq 2\n"
               "  end\n"
               "  it 'errs' do\n"
               "    expect(1 + 1).to eq 3\n"
               "  end\n"
               "end\n");
        expect_all(f, { SPEC_PASS, 2, "sums", "adds", "" },
                      { SPEC_FAIL, 5, "sums", "errs", "2" });
        assert_non_null(strstr(f->report.v[1].message, "a_spec.rb:6"));
        assert_int_equal(f->report.count[SPEC_PASS], 1);
        assert_int_equal(f->report.count[SPEC_FAIL], 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(an_example_passes_or_fails_with_what_was_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
