/* The interpreter's memory: blocks keep what is written to them, are aligned, and end at the limit. */
#include "tests/unit/folder.h"

#include <stdlib.h>
#include <string.h>

#include "spec/heap.h"

enum { BLOCKS = 400, ROUNDS = 40000 };

struct block { unsigned char *at; size_t size; unsigned char mark; };

static void mark(struct block *block, size_t size, unsigned char value)
{
        *block = (struct block){ .at = block->at, .size = size, .mark = value };
        memset(block->at, value, size);
}

static void assert_marked(const struct block *block, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (block->at[i] != block->mark)
                        fail_msg("byte %zu of %zu is %u, not %u", i, size, block->at[i], block->mark);
}

static size_t size_for(unsigned number)
{
        static const size_t most[] = { 40, 200, 1100, 5000, 70000, 300000 };
        const size_t kind = number % 64;

        return (size_t)number % most[kind < 30 ? 0 : kind < 45 ? 1 : kind < 58 ? 2 : kind < 62 ? 3 : kind < 63 ? 4 : 5] + 1;
}

static void blocks_keep_what_is_in_them(void **state)
{
        static struct block blocks[BLOCKS];
        struct spec_heap heap = { 0 };

        (void)state;
        srandom(1);
        for (int round = 0; round < ROUNDS; round++) {
                struct block *block = &blocks[random() % BLOCKS];
                const size_t size = random() % 4 == 0 ? 0 : size_for((unsigned)random());
                const size_t kept = size < block->size ? size : block->size;

                assert_marked(block, block->size);
                block->at = spec_heap_get(NULL, block->at, size, &heap);
                assert_int_equal(block->at == NULL, size == 0);
                assert_int_equal((uintptr_t)block->at % 16, 0);
                assert_marked(block, kept);
                if (size > 0)
                        mark(block, size, (unsigned char)random());
                block->size = size;
        }
        for (int i = 0; i < BLOCKS; i++) {
                assert_marked(&blocks[i], blocks[i].size);
                (void)spec_heap_get(NULL, blocks[i].at, 0, &heap);
        }
        assert_int_equal(heap.allocated, 0);
}

static void what_is_given_back_is_used_again(void **state)
{
        struct spec_heap heap = { 0 };
        void *first = NULL;

        (void)state;
        for (int i = 0; i < 1000; i++) {
                void *p = spec_heap_get(NULL, NULL, 3000, &heap);

                first = first != NULL ? first : p;
#ifndef __SANITIZE_ADDRESS__
                assert_ptr_equal(p, first);
#endif
                (void)spec_heap_get(NULL, p, 0, &heap);
        }
}

static void there_is_an_end(void **state)
{
        static const size_t sizes[] = { 1000, 40000, 20 << 20, SIZE_MAX, SIZE_MAX - 64 };

        (void)state;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                struct spec_heap heap = { 0 };
                void **last = NULL, **p;
                size_t n = 0;

                print_message("# blocks of %zu\n", sizes[i]);
                while ((p = spec_heap_get(NULL, NULL, sizes[i], &heap)) != NULL) {
                        *p = last;
                        last = p;
                        assert_true(++n < 1 << 20);
                }
                assert_true(n * (sizes[i] / 1000) <= (512 << 20) / 1000);
                if (n > 0) {
                        assert_true(heap.allocated > 500 << 20);
                        assert_null(spec_heap_get(NULL, last, 100 << 20, &heap));
                        for (; last != NULL; last = p) {
                                p = *last;
                                (void)spec_heap_get(NULL, last, 0, &heap);
                        }
                        assert_int_equal(heap.allocated, 0);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(blocks_keep_what_is_in_them),
                cmocka_unit_test(what_is_given_back_is_used_again),
                cmocka_unit_test(there_is_an_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
