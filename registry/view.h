/* Images as the clients of other programs want them: Vagrant's boxes, and the disks and metadata of simplestreams.
 *
 * What takes time is made once for an image and kept in the state folder, cache/views/HEX: a box (a tar file, in which the disk lies as
 * it is, so that it can be sent alone) and the metadata of LXD and Incus. It may be removed at any time, and is made anew when it is asked for. */
#pragma once
#include "layers/layer.h"
#include "registry/api.h"

struct reg_view {
        uint64_t box_size, disk_start, disk_size, meta_size;    /* bytes; the disk begins at disk_start in the box */
        char *box_sha256, *disk_sha256, *meta_sha256;           /* bare hex */
        char *combined_sha256;                                  /* of the metadata and the disk behind it */
};
void reg_view_done(struct reg_view *view);
#define REG_VIEW_BOX "box"
#define REG_VIEW_META "meta.tar.xz"
char *reg_view_path(const struct layer_store *store, const char *id, const char *file);         /* the caller's */
/* 1: it is made, 0: it is not, -1. */
int reg_view_get(const struct layer_store *store, const char *id, struct reg_view *ret, struct bk_error *err) BK_MUST_CHECK;
/* Makes it unless it is there. One is made at a time on a host: who comes second waits. Single-threaded processes only. */
int reg_view_make(const struct layer_store *store, const struct reg_image *image, struct bk_error *err) BK_MUST_CHECK;
int reg_view_drop(const struct layer_store *store, const char *id, struct bk_error *err) BK_MUST_CHECK;
/* Removes what is there of images that nobody is to get any more, and then the oldest until no more than `most` bytes are left. */
int reg_view_prune(struct reg *reg, const struct layer_store *store, uint64_t most, size_t *ret_removed, struct bk_error *err) BK_MUST_CHECK;

/* The images that are offered: of each name and architecture the newest that is tested, and the heads of channels. */
struct reg_offer { struct reg_image image; char *channel; /* NULL: the newest */ };
struct reg_offers { struct reg_offer *v; size_t n; };
void reg_offers_done(struct reg_offers *offers);
int reg_view_offers(struct reg *reg, struct reg_offers *ret, struct bk_error *err) BK_MUST_CHECK;

/* Answers a call with a part of an image's view, or says that it has to be made first: reg_answer.make. */
enum reg_view_part { REG_VIEW_BOX_PART, REG_VIEW_DISK_PART, REG_VIEW_META_PART };
struct reg_call;
int reg_view_answer(struct reg_call *call, const struct reg_image *image, enum reg_view_part part, struct bk_error *err) BK_MUST_CHECK;

/* What struct reg_request's files found of two images, where it was asked before: 1, 0, or -1. *ret is the caller's. */
int reg_files_get(const struct layer_store *store, const char *from, const char *to, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Asks it, unless it was. */
int reg_files_make(const struct layer_store *store, const struct reg_image *from, const struct reg_image *to, reg_files_fn *compare,
                   struct bk_error *err) BK_MUST_CHECK;

/* Who makes views for a server. A server has threads and starts no programs, so this is a process of its own, which begins before the
 * first thread and ends with the server. */
struct reg_maker;
int reg_maker_start(const char *home, uint64_t most, reg_files_fn *compare, struct reg_maker **ret, struct bk_error *err) BK_MUST_CHECK;
/* From any thread; returns when the view is there, or cannot be. what: an image's id; or two with a blank between, whose files are
 * compared. */
int reg_maker_make(struct reg_maker *maker, const char *what, struct bk_error *err) BK_MUST_CHECK;
/* What is being made is given up, and who waits for it is told. From any thread. */
void reg_maker_end(struct reg_maker *maker);
/* ... and nobody may ask any more. NULL is fine. */
void reg_maker_stop(struct reg_maker *maker);
