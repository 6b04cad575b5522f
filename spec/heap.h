/* Where an interpreter's memory comes from: an mrb_allocf with a limit, and a struct spec_heap as its argument. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPEC_HEAP_LISTS = 128 };

struct spec_heap {
        char *at, *end;         /* of the chunk: the next block is cut here */
        size_t allocated;       /* bytes held, headers included */
        bool fixed;             /* there is this chunk only, for large ones as well */
        void *spare[SPEC_HEAP_LISTS];   /* given back, by size */
};

struct mrb_state;
/* malloc, realloc and free in one. NULL when there is no more, or the limit is reached. Aligned as two pointers are. */
void *spec_heap_get(struct mrb_state *mrb, void *p, size_t size, void *heap);
