/* See snapshot.h. The kept memory belongs to the program's file: it is shared until it is written to. */
#include "spec/snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/fs.h"
#include "spec/ruby_priv.h"

#define SNAPSHOT_AT ((char *)0x200000000000)    /* nothing else is put there: programs, libraries and stacks lie above */
enum { PAGE = 64 << 10, ROOM = 2 << 20 /* for what comes, behind it */, MOVES_MOST = 24000, STATICS_MOST = 500 };
static const char magic[8] = "spec 01";

/* A word of the program's variables that is not what it is at the start. */
struct kept { uint32_t at; uint32_t moves; uint64_t value; };

struct head {
        char magic[8];
        uint64_t base;                  /* where the program was; 0 in the end, when such words count from its beginning */
        uint64_t size;                  /* of the memory, whole pages */
        struct mrb_state *mrb;
        uint32_t n_moves, n_statics;
        struct kept statics[STATICS_MOST];
        uint32_t moves[MOVES_MOST];     /* offsets of words that point into the program */
};
_Static_assert(sizeof(struct head) <= SPEC_SNAPSHOT_HEAD, "the description fits");

/* Of the linker: the program, and its variables. */
extern char __executable_start[] __attribute__((visibility("hidden")));
extern char __data_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));

static const struct head *kept_head(void)
{
        const struct head *head = (const struct head *)(const void *)spec_snapshot_bytes;

        return memcmp(head->magic, magic, sizeof magic) == 0 ? head : NULL;
}

static uint64_t *word_at(char *from, uint32_t offset)
{
        return (uint64_t *)(void *)(from + offset);
}

/* The reservation makes sure that nothing else is there, and is the heap's room to grow. */
static bool map(const struct head *head)
{
        char *room = mmap(SNAPSHOT_AT, head->size + ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (room == MAP_FAILED)
                return false;
        if (room == SNAPSHOT_AT &&
            mremap((void *)(spec_snapshot_bytes + SPEC_SNAPSHOT_HEAD), head->size, head->size, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room &&
            mprotect(room, head->size, PROT_READ | PROT_WRITE) == 0) {
                (void)madvise(room, head->size, MADV_POPULATE_READ);    /* all at once: pages of the file that are in memory anyway */
                return true;
        }
        (void)munmap(room, head->size + ROOM);
        return false;
}

struct mrb_state *spec_snapshot_take(struct spec_heap **ret_heap)
{
        const struct head *head = kept_head();
        const uint64_t moved = head != NULL ? (uint64_t)(uintptr_t)__executable_start - head->base : 0;
        struct spec_heap *heap = (struct spec_heap *)(void *)SNAPSHOT_AT;

        if (head == NULL || !map(head))
                return NULL;
        for (uint32_t i = 0; i < head->n_moves; i++)
                *word_at(SNAPSHOT_AT, head->moves[i]) += moved;
        for (uint32_t i = 0; i < head->n_statics; i++)
                *word_at(__data_start, head->statics[i].at) = head->statics[i].value + (head->statics[i].moves ? moved : 0);
        heap->at = SNAPSHOT_AT + head->size;
        heap->end = heap->at + ROOM;
        heap->fixed = false;
        *ret_heap = heap;
        return head->mrb;
}

/* --- making one ------------------------------------------------------------------ */

static size_t size_of_statics(void)
{
        return (size_t)((uintptr_t)_end - (uintptr_t)__data_start) / sizeof(uint64_t) * sizeof(uint64_t);
}

static int fail(const char *why)
{
        (void)fprintf(stderr, "no snapshot of the interpreter: %s\n", why);
        return -1;
}

/* What was there before is the same in every process, except for what the loader put there, which is as it should be. */
static int keep_statics(const char *before, struct head *head)
{
        const size_t size = size_of_statics();

        for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
                if (memcmp(before + at, __data_start + at, sizeof(uint64_t)) == 0)
                        continue;
                if (head->n_statics == STATICS_MOST)
                        return fail("too many variables change");
                head->statics[head->n_statics++] = (struct kept){ .at = (uint32_t)at, .value = *word_at(__data_start, (uint32_t)at) };
        }
        return 0;
}

/* The same interpreter from another run: *ret_moves when the words differ as the two programs' places do. */
static bool same(const struct head *mine, const struct head *other, uint64_t a, uint64_t b, bool *ret_moves)
{
        *ret_moves = a != b;
        return a == b || (a - b == mine->base - other->base && a >= mine->base && a < (uint64_t)(uintptr_t)_end);
}

static int compare(struct head *mine, const struct head *other, const char *heap, const char *other_heap)
{
        bool moves;

        if (mine->base == other->base)
                return fail("programs are not put at random addresses here");
        if (mine->size != other->size || mine->mrb != other->mrb || mine->n_statics != other->n_statics)
                return fail("two interpreters are not alike");
        for (uint32_t i = 0; i < mine->n_statics; i++) {
                if (mine->statics[i].at != other->statics[i].at ||
                    !same(mine, other, mine->statics[i].value, other->statics[i].value, &moves))
                        return fail("a variable has what no other process can use");
                mine->statics[i].moves = moves;
        }
        for (size_t at = 0; at < mine->size; at += sizeof(uint64_t)) {
                const uint64_t a = *(const uint64_t *)(const void *)(heap + at), b = *(const uint64_t *)(const void *)(other_heap + at);

                if (!same(mine, other, a, b, &moves)) {
                        (void)fprintf(stderr, "at %zu of %zu: %#lx, %#lx\n", at, (size_t)mine->size, (long)a, (long)b);
                        return fail("its memory has what no other process can use");
                }
                if (moves && mine->n_moves == MOVES_MOST)
                        return fail("too many pointers into the program");
                if (moves)
                        mine->moves[mine->n_moves++] = (uint32_t)at;
        }
        return 0;
}

/* The same bytes wherever it was made. */
static void count_from_the_beginning(struct head *head, char *heap)
{
        for (uint32_t i = 0; i < head->n_moves; i++)
                *word_at(heap, head->moves[i]) -= head->base;
        for (uint32_t i = 0; i < head->n_statics; i++)
                if (head->statics[i].moves)
                        head->statics[i].value -= head->base;
        head->base = 0;
        memcpy(head->magic, magic, sizeof magic);
}

/* The first run writes what it has, the second compares and adds what follows. */
static int write_down(const char *path, struct head *head, char *heap)
{
        autofree char *other = NULL;
        struct bk_error err = { 0 };
        size_t length = 0;
        FILE *file;

        if (access(path, F_OK) == 0) {
                if (bk_read_file(path, sizeof spec_snapshot_bytes, &other, &length, &err) < 0 || length != sizeof spec_snapshot_bytes)
                        return fail("the other run's cannot be read");
                if (compare(head, (const struct head *)(const void *)other, heap, other + SPEC_SNAPSHOT_HEAD) < 0)
                        return -1;
                count_from_the_beginning(head, heap);
        }
        file = fopen(path, "wb");
        if (file == NULL)
                return fail("it cannot be written");
        const bool written = fwrite(head, SPEC_SNAPSHOT_HEAD, 1, file) == 1 && fwrite(heap, SPEC_SNAPSHOT_HEAP, 1, file) == 1;

        return fclose(file) == 0 && written ? 0 : fail("it cannot be written");
}

/* What is kept stays as it is: new objects are not put between, where each would cost a page, but get a page of objects that is
 * ready for them. */
static void settle(mrb_state *mrb)
{
        const size_t threshold = mrb->gc.threshold;
        const int arena = mrb_gc_arena_save(mrb);

        (void)mrb_funcall(mrb, mrb_obj_value(mrb->kernel_module), "srand", 1, mrb_fixnum_value(1));
        spec_regexp_forget(mrb);        /* which cleans up first */
        for (mrb_heap_page *page = mrb->gc.heaps; page != NULL; page = page->next) {
                page->freelist = NULL;
                page->free_next = page->free_prev = NULL;
        }
        mrb->gc.free_heaps = NULL;
        mrb->gc.threshold = threshold;
        (void)mrb_obj_alloc(mrb, MRB_TT_OBJECT, mrb->object_class);
        mrb_gc_arena_restore(mrb, arena);
        memset(mrb->cache, 0, sizeof mrb->cache);
}

static int make(const char *path)
{
        struct head *head = bk_alloc(SPEC_SNAPSHOT_HEAD);
        char *before = bk_alloc(size_of_statics());
        char *at = mmap(SNAPSHOT_AT, SPEC_SNAPSHOT_HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        struct spec_heap *heap = (struct spec_heap *)(void *)at;
        int ret = -1;

        memcpy(before, __data_start, size_of_statics());
        if (at != SNAPSHOT_AT)
                return fail("its address is taken");
        *heap = (struct spec_heap){ .at = at + (sizeof *heap + 63) / 64 * 64, .end = at + SPEC_SNAPSHOT_HEAP, .fixed = true };
        head->mrb = spec_engine_make(heap);
        if (head->mrb == NULL)
                return fail("the interpreter does not start");
        settle(head->mrb);
        memset(heap->spare, 0, sizeof heap->spare);     /* what comes is put together, not into the gaps */
        head->base = (uint64_t)(uintptr_t)__executable_start;
        head->size = (uint64_t)(heap->at - at + UINT64_C(16) + PAGE - 1) / PAGE * PAGE;
        heap->at = heap->end = NULL;
        if (keep_statics(before, head) == 0)
                ret = write_down(path, head, at);
        free(before);
        free(head);
        return ret;
}

/* Only of a program that has none yet. */
__attribute__((constructor)) static void make_if_asked(void)
{
        const char *path = kept_head() == NULL ? getenv("BAKERY_SNAPSHOT") : NULL;

        if (path != NULL)
                _exit(make(path) < 0);
}
