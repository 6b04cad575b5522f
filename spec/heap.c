/* The memory of an interpreter whose process lives for a moment: blocks are cut from chunks one behind the other, so that few pages
 * are touched, and what is given back is kept by size for the next one that asks. Large blocks are malloc()'s, which can move them. */
#include "spec/heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
        UNIT = 16,                      /* a block's size, header included, is a multiple of it */
        HEADER = 8,                     /* before each block: its size, and whether it is malloc()'s */
        LARGE = 1,
        SMALL_MOST = 1024,              /* up to here a list for each size; above, eight for each doubling */
#ifdef __SANITIZE_ADDRESS__
        CUT_MOST = 0,                   /* so that a write past the end is seen */
#else
        CUT_MOST = 64 << 10,            /* larger ones are malloc()'s */
#endif
        CHUNK = 1 << 20,
};
#define HEAP_MOST ((size_t)512 << 20)   /* a NoMemoryError of the example that wants more */

static uint64_t *header_of(void *p)
{
        return (uint64_t *)((char *)p - HEADER);
}

/* The size that is really taken for so much, and the list that such blocks go to when they are given back. */
static size_t taken_for(size_t size, size_t *ret_list)
{
        size_t step = UNIT, taken = (size + HEADER + UNIT - 1) / UNIT * UNIT;

        if (taken <= SMALL_MOST) {
                *ret_list = taken / UNIT;
                return taken;
        }
        *ret_list = SMALL_MOST / UNIT;
        for (size_t from = SMALL_MOST; taken > 2 * from; from *= 2)
                *ret_list += 8;
        step = (size_t)1 << (60 - __builtin_clzll(taken - 1));          /* an eighth of the power of two below */
        taken = (taken + step - 1) / step * step;
        *ret_list += taken / step - 8;
        return taken;
}

/* What malloc() gave for a large one. */
static void *base_of(uint64_t *block)
{
        return (char *)block + HEADER - UNIT;
}

static bool add_chunk(struct spec_heap *heap)
{
        char *chunk;

        if (heap->fixed)
                return false;
        chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
                return false;
        heap->at = chunk;
        heap->end = chunk + CHUNK;
        return true;
}

static void *get_large(struct spec_heap *heap, uint64_t *old, size_t size)
{
        const size_t before = old != NULL ? (size_t)(*old & ~(uint64_t)LARGE) : 0;
        uint64_t *block;

        if (heap->allocated - before + size + HEADER > HEAP_MOST)
                return NULL;
        block = realloc(old != NULL ? base_of(old) : NULL, size + UNIT);
        if (block == NULL)
                return NULL;
        block = (uint64_t *)((char *)block + UNIT - HEADER);
        *block = ((size + HEADER + 1) & ~(uint64_t)LARGE) | LARGE;
        heap->allocated += (size_t)(*block & ~(uint64_t)LARGE) - before;
        return (char *)block + HEADER;
}

static void *get(struct spec_heap *heap, size_t size)
{
        size_t list, taken;
        uint64_t *block;

        if (size + HEADER > CUT_MOST && !heap->fixed)
                return get_large(heap, NULL, size);
        taken = taken_for(size, &list);
        if (heap->allocated + taken > HEAP_MOST)
                return NULL;
        if (list < SPEC_HEAP_LISTS && heap->spare[list] != NULL) {
                block = heap->spare[list];
                heap->spare[list] = *(void **)(block + 1);
        } else {
                if ((size_t)(heap->end - heap->at) < taken + UNIT && !add_chunk(heap))
                        return NULL;
                block = (uint64_t *)(heap->at + UNIT - HEADER);         /* so that what is handed out is aligned */
                heap->at += taken;
                *block = taken;
        }
        heap->allocated += taken;
        return block + 1;
}

static void give_back(struct spec_heap *heap, void *p)
{
        uint64_t *block = header_of(p);
        size_t list;

        heap->allocated -= (size_t)(*block & ~(uint64_t)LARGE);
        if (*block & LARGE) {
                free(base_of(block));
                return;
        }
        (void)taken_for((size_t)*block - HEADER, &list);
        if (heap->fixed)
                memset(p, 0, (size_t)*block - HEADER);          /* nothing points from there any more */
        if (list >= SPEC_HEAP_LISTS)
                return;
        *(void **)p = heap->spare[list];
        heap->spare[list] = block;
}

void *spec_heap_get(struct mrb_state *mrb, void *p, size_t size, void *arg)
{
        struct spec_heap *heap = arg;
        uint64_t *block = p != NULL ? header_of(p) : NULL;
        void *ret;

        (void)mrb;
        if (size == 0) {
                if (p != NULL)
                        give_back(heap, p);
                return NULL;
        }
        if (size > HEAP_MOST)
                return NULL;
        if (p == NULL)
                return get(heap, size);
        if (*block & LARGE)
                return get_large(heap, block, size);
        if (size + HEADER <= *block && (size + HEADER > *block / 2 || *block <= 4 * UNIT))
                return p;
        ret = get(heap, size);
        if (ret == NULL)
                return NULL;
        memcpy(ret, p, size + HEADER < *block ? size : (size_t)*block - HEADER);
        give_back(heap, p);
        return ret;
}
