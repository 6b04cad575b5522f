/* Kernels, firmware and files of glyphs, whatever they hold. The first byte says what the others are: a whole file; a kernel's
 * payload; what is wrong with a good font before it is compressed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/font_priv.h"
#include "lib/cleanup.h"
#include "tests/unit/boot/packed.h"

static void try_one(int (*read)(const char *, const void *, size_t, struct boot_fonts *, struct bk_error *), const void *bytes, size_t length)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree void *exact = bk_grow(NULL, length, 1);
        struct bk_error err = { 0 };

        if (length > 0)
                memcpy(exact, bytes, length);
        if (read("fuzz", exact, length, &fonts, &err) < 0 && err.text[0] == '\0')
                abort();
        /* What was read is printed, and read again. */
        for (size_t i = 0; i < fonts.n && fonts.v[i].height <= BOOT_GLYPH_HEIGHT_MOST; i++) {
                BK_CLEANUP(boot_fonts_done) struct boot_fonts again = { 0 };
                autofree char *printed = boot_font_print(&fonts.v[i], "fuzz");

                if (read != boot_font_read_learnt &&
                    (boot_font_read_learnt("again", printed, strlen(printed), &again, &err) < 0 || again.v[0].n != fonts.v[i].n))
                        abort();
        }
}

static void payload(const uint8_t *bytes, size_t size)
{
        autofree unsigned char *kernel = bk_grow(NULL, KERNEL_PAYLOAD + size + 4, 1);

        kernel_header(kernel, size + 4);
        if (size > 0)
                memcpy(kernel + KERNEL_PAYLOAD, bytes, size);
        put32(kernel + KERNEL_PAYLOAD + size, size > 20 ? bytes[20] * 16U : 65536);
        try_one(boot_font_read_kernel, kernel, KERNEL_PAYLOAD + size + 4);
}

static void content(const uint8_t *bytes, size_t size, enum packing kind)
{
        unsigned char array[98 * NARROW_ENTRY], table[TABLE_BYTES];
        size_t made = make_array(array), length = 0;

        make_table(table);
        for (size_t i = 0; i < size && i < made; i++)
                array[i] ^= bytes[i];
        for (size_t i = 0; i < size && i < sizeof table; i++)
                table[i] ^= bytes[i];
        autofree unsigned char *firmware = make_firmware(array, size > 0 && size < made ? made - size % 64 : made, &length);

        try_one(boot_font_read_firmware, firmware, length);
        autofree unsigned char *kernel = make_kernel(kind, table, sizeof table, &length);

        try_one(boot_font_read_kernel, kernel, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (size == 0)
                return 0;
        switch (bytes[0] % 6) {
        case 0:
                try_one(boot_font_read_kernel, bytes + 1, size - 1);
                break;
        case 1:
                try_one(boot_font_read_firmware, bytes + 1, size - 1);
                break;
        case 2:
                try_one(boot_font_read_learnt, bytes + 1, size - 1);
                break;
        case 3:
                content(bytes + 1, size - 1, bytes[0] / 6 % 4);
                break;
        default:
                payload(bytes + 1, size - 1);
        }
        return 0;
}
