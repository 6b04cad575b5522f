/* Shared by the media's files: media_plan.c finds out what goes where, media.c makes ISO images, media_floppy.c floppies. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "boot/media.h"

struct media_entry {
        char *to;               /* owned: "sub/user-data", on the medium */
        char *from;             /* owned: absolute, no links; NULL for texts and folders */
        const char *text;       /* borrowed; NULL for files and folders */
        uint64_t size;          /* bytes; 0 for folders */
        size_t order;           /* of adding */
        bool folder;
        bool replaced;          /* by the next one of its name, while planning */
};

/* Sorted by name, folders before what is in them, every name once. */
struct media_plan {
        struct media_entry *v;
        size_t n;
        bool floppy;            /* set before planning: flat files, and FAT's rules for names */
};
int media_plan(const struct boot_media *media, struct media_plan *plan, struct bk_error *err) BK_MUST_CHECK;
void media_plan_done(struct media_plan *plan);

/* How two names compare on this medium. */
int media_compare(const struct media_plan *plan, const char *a, const char *b);

/* Works in a folder of its own beside path: puts the plan below "root" in it (links to the files, or copies for a floppy), has
 * make() fill the file "medium" in it, publishes that at path, and removes the folder in any case. */
int media_make(const struct media_plan *plan, const char *path,
               int (*make)(const struct media_plan *plan, const char *folder, const char *label, struct bk_error *err),
               const char *label, struct bk_error *err) BK_MUST_CHECK;
/* Runs a tool in that folder, so that no path of ours can be an option, a drive or a pattern to it. With fixed time, time zone
 * and character set. With `silent`, a word on stderr is a failure, too: mcopy may lose files and exit with 0. */
int media_run(const char *const argv[], const char *folder, bool silent, struct bk_error *err) BK_MUST_CHECK;
