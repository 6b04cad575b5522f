/* The font that Linux draws its frame buffer console with until another is loaded. It is part of the kernel only
 * (lib/fonts/font_8x16.c): 256 shapes in CP437's order, somewhere in the decompressed kernel. Where that one lies in a
 * bzImage its header tells (Documentation/arch/x86/boot.rst: payload_offset, payload_length). */
#include <string.h>

#include "boot/font_priv.h"
#include "lib/cleanup.h"

#define KERNEL_MOST (256U << 20)        /* decompressed; Debian's have 50 to 70 MiB */
#define HEIGHT 16

enum { SETUP_SECTORS = 0x1f1, MAGIC = 0x202, VERSION = 0x206, PAYLOAD_OFFSET = 0x248, PAYLOAD_LENGTH = 0x24c, HEADER_END = 0x250 };

static int payload_of(const unsigned char *p, size_t length, const unsigned char **ret, size_t *ret_len, struct bk_error *err)
{
        size_t at, size;

        if (length < HEADER_END || memcmp(p + MAGIC, "HdrS", 4) != 0)
                return bk_fail(err, BK_INVALID, "not a Linux kernel for x86");
        if ((p[VERSION + 1] << 8 | p[VERSION]) < 0x208)
                return bk_fail(err, BK_INVALID, "a Linux kernel from before 2.6.26");
        at = ((p[SETUP_SECTORS] != 0 ? p[SETUP_SECTORS] : 4U) + 1) * (size_t)512 + boot_le32(p + PAYLOAD_OFFSET);
        size = boot_le32(p + PAYLOAD_LENGTH);
        if (at > length || size > length - at || size < 8)
                return bk_fail(err, BK_INVALID, "Linux kernel: its header tells of %zu bytes at %zu, and the file has %zu",
                               size, at, length);
        *ret = p + at;
        *ret_len = size;
        return 0;
}

int boot_font_read_kernel(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        const unsigned char *payload = NULL, *table;
        autofree char *plain = NULL;
        size_t packed = 0, size, made = 0;

        if (payload_of(bytes, length, &payload, &packed, err) < 0)
                return -1;
        /* Whatever it is compressed with, the last word is the size of the content. */
        size = boot_le32(payload + packed - 4);
        if (size > KERNEL_MOST)
                return bk_fail(err, BK_INVALID, "Linux kernel of %zu bytes", size);
        if (boot_unpack(payload, packed, size, &plain, &made, err) < 0)
                return bk_wrap(err, "Linux kernel");
        if (made != size)
                return bk_fail(err, BK_CORRUPT, "Linux kernel: %zu bytes are announced, and %zu are there", size, made);
        table = boot_font_table(plain, made, HEIGHT);
        if (table == NULL)
                return bk_fail(err, BK_INVALID, "no font in this Linux kernel");
        (void)boot_font_from_table(name, table, HEIGHT, fonts);
        return 0;
}
