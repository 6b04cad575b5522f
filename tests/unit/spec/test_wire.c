/* What a child has told and not sent is seen by its parent, once, and whatever a hostile child puts there. */
#include "tests/unit/folder.h"

#include <string.h>
#include <sys/socket.h>

#include "spec/spec_priv.h"

static struct spec_pending pending;
static char bytes[sizeof pending.bytes];

/* Of the file descriptor, which is not waited for. */
static size_t sent(int fd)
{
        static char got[1 << 20];
        const ssize_t length = recv(fd, got, sizeof got, MSG_DONTWAIT);

        return length > 0 ? (size_t)length : 0;
}

static int begin(void **state)
{
        static int ends[2];

        pending = (struct spec_pending){ 0 };
        spec_wire_begin(&pending);
        *state = ends;
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int end(void **state)
{
        const int *ends = *state;

        (void)close(ends[0]);
        (void)close(ends[1]);
        spec_wire_begin(NULL);
        return 0;
}

static void records_wait_until_they_are_sent(void **state)
{
        const int *ends = *state;
        const struct spec_result result = { .line = 1, .name = (char *)"name" };
        size_t length;

        assert_int_equal(spec_wire_send(ends[0], SPEC_RECORD_START, &result), 0);
        length = spec_wire_peek(&pending, 0, bytes);
        assert_true(length > sizeof(struct spec_message));
        assert_int_equal(sent(ends[1]), 0);
        assert_int_equal(spec_wire_send(ends[0], SPEC_RECORD_RESULT, &result), 0);
        assert_int_equal(spec_wire_peek(&pending, 0, bytes), 2 * length);
        assert_int_equal(spec_wire_peek(&pending, length, bytes), length);
        assert_int_equal(bytes[offsetof(struct spec_message, record)], SPEC_RECORD_RESULT);
        assert_int_equal(spec_wire_peek(&pending, 2 * length, bytes), 0);
        assert_int_equal(spec_wire_flush(ends[0]), 0);
        assert_int_equal(sent(ends[1]), 2 * length);
        assert_int_equal(spec_wire_peek(&pending, 2 * length, bytes), 0);
        assert_int_equal(spec_wire_send(ends[0], SPEC_RECORD_START, &result), 0);
        assert_int_equal(spec_wire_peek(&pending, 2 * length, bytes), length);
}

static void a_large_one_goes_at_once_and_in_its_place(void **state)
{
        const int *ends = *state;
        autofree char *text = bk_alloc(100001);
        const struct spec_result small = { .name = (char *)"name" }, large = { .message = text };
        size_t length;

        memset(text, 'x', 100000);
        assert_int_equal(spec_wire_send(ends[0], SPEC_RECORD_START, &small), 0);
        length = spec_wire_peek(&pending, 0, bytes);
        assert_int_equal(spec_wire_send(ends[0], SPEC_RECORD_RESULT, &large), 0);
        length += sizeof(struct spec_message) + 100000 + 6;
        assert_int_equal(sent(ends[1]), length);
        assert_int_equal(pending.before, length);
        assert_int_equal(spec_wire_peek(&pending, length, bytes), 0);
}

static void lies_are_not_believed(void **state)
{
        static const struct { const char *why; uint64_t before; uint32_t len; uint64_t taken; size_t seen; } rows[] = {
                { "as it should be", 10, 20, 15, 15 },
                { "more than there is room for", 0, sizeof bytes + 1, 0, 0 },
                { "more than any", 0, UINT32_MAX, 0, 0 },
                { "what is on its way", 100, 20, 99, 0 },
                { "what was taken", 100, 20, 120, 0 },
                { "less than was taken", 100, 20, 500, 0 },
                { "beyond all numbers", UINT64_MAX - 5, 20, 3, 0 },
                { "nothing", 0, 0, 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %s\n", rows[i].why);
                pending.before = rows[i].before;
                pending.len = rows[i].len;
                assert_int_equal(spec_wire_peek(&pending, rows[i].taken, bytes), rows[i].seen);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(records_wait_until_they_are_sent, begin, end),
                cmocka_unit_test_setup_teardown(a_large_one_goes_at_once_and_in_its_place, begin, end),
                cmocka_unit_test_setup_teardown(lies_are_not_believed, begin, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
