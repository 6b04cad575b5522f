/* Room for the snapshot, which tools/snapshot fills in the linked program. It is a file of its own so that nobody who compiles
 * sees that it is zero. */
#include "spec/snapshot.h"

/* Pages of up to 64 KiB can be moved whole. */
#define PLACE __attribute__((section(".spec_snapshot"), aligned(65536), used))
const unsigned char spec_snapshot_bytes[SPEC_SNAPSHOT_HEAD + SPEC_SNAPSHOT_HEAP] PLACE = { 0 };
