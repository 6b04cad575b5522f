/* An interpreter that has our classes and the prelude already, kept in the program itself. Making one takes some 6 ms and 400 pages of
 * memory; taking over the kept one takes as many pages as are written to.
 *
 * tools/snapshot runs a program that has none yet twice. Each run makes an interpreter at a fixed address and writes its memory down;
 * the program lies at another address each time, so words that differ by just that much are pointers into the program, and words that
 * differ otherwise are what no snapshot can have (pointers to malloc()'s memory or the stack, times, the environment): then there is
 * none, and every process makes its own interpreter, as under ASan.
 *
 * The interpreter's memory is at an address that everybody knows. What holds user Ruby back is the kernel's fence (fence.c), which
 * is for the case that Ruby gets native code, not chance. */
#pragma once
#include "spec/heap.h"

struct mrb_state;

/* Takes over the kept interpreter, once in a process; NULL where there is none. Its heap is *ret_heap. */
struct mrb_state *spec_snapshot_take(struct spec_heap **ret_heap);

/* spec_engine_make's: a new interpreter on this heap; NULL where it cannot be. */
struct mrb_state *spec_engine_make(struct spec_heap *heap);

/* snapshot_bytes.c: a page that describes, then the memory. All zero until tools/snapshot has filled it. */
enum { SPEC_SNAPSHOT_HEAD = 128 << 10, SPEC_SNAPSHOT_HEAP = 3 << 20 };
extern const unsigned char spec_snapshot_bytes[SPEC_SNAPSHOT_HEAD + SPEC_SNAPSHOT_HEAP];
