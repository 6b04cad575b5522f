/* Inside layers/ only. */
#pragma once
#include <stdint.h>
#include "layers/layer.h"

/* 64 KiB clusters with 2 KiB subclusters: a scattered 4 KiB write costs 4 KiB,
 * not 64 (measured 14 times smaller layers than without extended L2). */
#define LAYER_QCOW2_OPTIONS "cluster_size=65536,extended_l2=on"
#define QEMU_IMG_TIMEOUT_MS (60 * 60 * 1000)

/* The fixed part of a qcow2 header that we need (QEMU's docs/interop/qcow2.txt):
 * all big-endian; 0 magic "QFI\xfb", 4 version, 8 backing file offset, 16 its length, 24 size in bytes. */
struct layer_header { uint64_t virtual_size; char *backing; /* as written, or NULL; owned */ };
void layer_header_done(struct layer_header *header);
/* "../layers/<hex>.qcow2" -> "sha256:<hex>"; another backing file is BK_CORRUPT. */
int layer_backing_digest(const char *path, const char *backing, char **ret, struct bk_error *err) BK_MUST_CHECK;
int layer_header_read(const char *path, struct layer_header *ret, struct bk_error *err) BK_MUST_CHECK;

/* Does the path still name the file that is open? Asked after its lock was taken: who had it before may have moved or removed it. */
bool layer_is_at(int fd, const char *path);

/* Writes a disk anew as a whole qcow2 file, in import.c. On failure nothing is left at `to`. */
int layer_convert(const char *format, const char *from, const char *to, struct bk_error *err) BK_MUST_CHECK;
