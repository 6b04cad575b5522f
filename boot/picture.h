/* Pictures of screens: QEMU's screendump as PPM or PNG, libvirt's screenshot. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lib/error.h"

#define BOOT_PICTURE_SIDE_MOST 8192U
#define BOOT_PICTURE_PIXELS_MOST (16U << 20)

struct boot_picture {
        unsigned width, height;
        uint32_t *pixels;       /* owned; 0x00rrggbb, rows from the top, no padding */
};
void boot_picture_done(struct boot_picture *picture);
/* Black. BK_INVALID when it is empty or larger than the limits above. */
int boot_picture_init(struct boot_picture *ret, unsigned width, unsigned height, struct bk_error *err) BK_MUST_CHECK;

/* PNG or PPM (P6), told by content. */
int boot_picture_parse(const void *bytes, size_t length, struct boot_picture *ret, struct bk_error *err) BK_MUST_CHECK;
int boot_picture_load(const char *path, struct boot_picture *ret, struct bk_error *err) BK_MUST_CHECK;
