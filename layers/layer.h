/* The store of layers, and disks opened for work.
 *
 * A layer is one sealed qcow2 overlay, named by the SHA-256 of its file, read-only and
 * never changed once published. Its backing file is named relatively and by
 * digest ("../layers/<hex>.qcow2"), so the store may be moved as a whole.
 * Drafts lie beside the layers, on the same file system. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/mem.h"

#define LAYER_DEPTH_MOST 8      /* reads slow down with every layer; a deeper chain is flattened when it is sealed */

struct layer_store {
        char *home;             /* absolute; all owned */
        char *layers, *drafts, *cache, *run;
};
/* Creates what is missing. */
int layer_store_open(const char *home, struct layer_store *ret, struct bk_error *err) BK_MUST_CHECK;
void layer_store_done(struct layer_store *store);

struct layer_info {
        char *digest, *backing;         /* "sha256:<hex>"; backing NULL at the bottom */
        uint64_t size, virtual_size;    /* bytes of the file; of the disk */
        unsigned depth;                 /* layers below it */
};
void layer_info_done(struct layer_info *info);

char *layer_path(const struct layer_store *store, const char *digest);
char *layer_draft_path(const struct layer_store *store, const char *name);

/* Reads the header of a published layer and of all below it. */
int layer_info_get(const struct layer_store *store, const char *digest, struct layer_info *ret, struct bk_error *err) BK_MUST_CHECK;

/* Is this layer, and every one below it, still what it was when it was sealed?
 * A file whose identity (inode, size, mtime, ctime) is the one that was verified
 * before is taken as unchanged, unless thorough. BK_NOT_FOUND or BK_CORRUPT. */
int layer_verify(const struct layer_store *store, const char *digest, bool thorough, struct bk_error *err) BK_MUST_CHECK;

/* An empty overlay on a published layer, as draft `name`. Verify first. */
int layer_draft_overlay(const struct layer_store *store, const char *name, const char *ancestor, struct bk_error *err) BK_MUST_CHECK;
/* The same on another draft, which nobody may write to as long as this one is used. */
int layer_draft_above(const struct layer_store *store, const char *name, const char *below, struct bk_error *err) BK_MUST_CHECK;

/* A draft, or another qcow2 file, that begins empty: a disk of that many bytes. On failure nothing is left at path. */
int layer_disk_create(const char *path, uint64_t bytes, struct bk_error *err) BK_MUST_CHECK;
/* ... or as a copy of a disk image from outside: raw, qcow2, VMDK, VHD or VHDX, as its first bytes say. One that names other files
 * is BK_INVALID, since it could name any file of the host. The copy is made `bytes` large; 0: as large as the image. It
 * cannot be made smaller. On failure nothing is left at path. */
int layer_disk_import(const char *path, const char *from, uint64_t bytes, struct bk_error *err) BK_MUST_CHECK;

/* Makes a draft final: writes it anew where it must be (a chain that would be too deep; rewrite: its format, "raw" or
 * "qcow2", when it is to be; NULL: as it is), takes it into our own hands, computes its digest, syncs it. The draft stays where it is
 * and is published next. */
int layer_seal(const struct layer_store *store, const char *name, const char *ancestor, const char *rewrite,
               struct layer_info *ret, struct bk_error *err) BK_MUST_CHECK;
/* Moves the sealed draft to its place; a layer that is there already is kept and the draft removed. */
int layer_publish(const struct layer_store *store, const char *name, const struct layer_info *info, struct bk_error *err) BK_MUST_CHECK;
/* Publishes a draft that came from another store and whose bytes have that digest, as the caller saw. It must be a qcow2 file as layers
 * are, and lie on a layer that is here (BK_CONFLICT else) or on nothing. It is awaited from then on. The draft stays when it is refused. */
int layer_receive(const struct layer_store *store, const char *name, const char *digest, struct layer_info *ret, struct bk_error *err) BK_MUST_CHECK;
/* Of a layer that is sent so that it can be continued, the part that has come: a draft, for as long after its last byte. */
#define LAYER_HALF_KEPT_S (24 * 60 * 60)
char *layer_half_name(const char *digest);                              /* the draft's; the caller's */
bool layer_half_is(const char *file);                                   /* in the folder of drafts; no lease notes such a one */
uint64_t layer_half_size(const struct layer_store *store, const char *digest);         /* 0: there is none */
/* To read and write; made when there is none. BK_LOCKED: another one has it open. Closing it keeps it. */
int layer_half_open(const struct layer_store *store, const char *digest, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
/* Removes those that are older, or with look_only only looks for them; *ret: how many. */
int layer_halves_sweep(const struct layer_store *store, bool look_only, size_t *ret, struct bk_error *err) BK_MUST_CHECK;
/* Somebody who is going to record this layer was told that it is here: for LAYER_AWAITED_S no collection takes it. Also of one that is not here. */
#define LAYER_AWAITED_S (2 * 60 * 60)
int layer_await(const struct layer_store *store, const char *digest, struct bk_error *err) BK_MUST_CHECK;
/* It is recorded: nobody waits for it any more. */
void layer_arrived(const struct layer_store *store, const char *digest);
/* 1: it is here, and awaited from now on; 0: it is not here. */
int layer_claim(const struct layer_store *store, const char *digest, struct bk_error *err) BK_MUST_CHECK;
bool layer_awaited(const struct layer_store *store, const char *digest);
/* Removes the notes of those that are awaited no more: layers that were recorded before, below others, or that never came. */
int layer_awaited_sweep(const struct layer_store *store, struct bk_error *err) BK_MUST_CHECK;
/* While *ret_fd is open every layer that is here stays: whoever records a layer holds this from the look at its file to the commit.
 * alone: for who removes layers, from the look whether any row names them to their removal; who waits for that goes before those that come to
 * record later, so nobody may hold it twice; and who holds it alone waits for nobody else. Waits, a minute at most. */
enum { LAYER_HOLD_MS = 60000 };
int layer_store_hold(const struct layer_store *store, bool alone, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
/* ... waits as long at most; BK_LOCKED then. */
int layer_store_hold_within(const struct layer_store *store, bool alone, int ms, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
/* Removes a published layer. A missing one is fine. */
int layer_remove(const struct layer_store *store, const char *digest, struct bk_error *err) BK_MUST_CHECK;

/* Every digest in the store, sorted. */
int layer_list(const struct layer_store *store, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
/* Paths of a draft and of what belongs to it; none: it is not there. */
int layer_draft_files(const struct layer_store *store, const char *name, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
/* Removes them. */
int layer_draft_remove(const struct layer_store *store, const char *name, struct bk_error *err) BK_MUST_CHECK;

/* Export formats are rows. */
struct layer_format { const char *name, *suffix, *qemu, *options, *help; bool compress; };
const struct layer_format *layer_format_find(const char *name);         /* NULL when unknown */
const struct layer_format *layer_formats(size_t *n);
/* Writes the whole disk (all layers flattened) to path, atomically. */
int layer_export(const struct layer_store *store, const char *digest, const struct layer_format *format,
                 const char *path, struct bk_error *err) BK_MUST_CHECK;
