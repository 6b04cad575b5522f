/* The font of EDK2's graphics console (MdeModulePkg, GraphicsConsoleDxe/LaffStd.c), which OVMF draws with. In the firmware's
 * flash it lies in a section that is compressed (PI specification, volume 3: EFI_SECTION_GUID_DEFINED), as an array of
 * EFI_NARROW_GLYPH (UEFI specification, "Simplified Font"): CHAR16, attributes, 19 rows; the blank first, an entry of zeros
 * behind the last. */
#include <string.h>

#include "boot/font_priv.h"
#include "lib/cleanup.h"

#define CONTENT_MOST (256U << 20)       /* decompressed; OVMF's has 13 MiB */
#define SECTIONS_MOST 16
#define GLYPHS_MOST 4096

enum { HEIGHT = 19, ENTRY = 22, GUID_DEFINED = 2, LZMA_HEADER = 13 };

struct section {
        const unsigned char *p;
        size_t length;
};

/* The next LZMA section from *at on, which moves behind where it was found. */
static bool next_section(const unsigned char *p, size_t length, size_t *at, struct section *ret)
{
        /* EE4E5898-3914-4259-9D6E-DC7BD79403CF */
        static const unsigned char lzma[] = { 0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42,
                                              0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf };
        const unsigned char *guid;

        while ((guid = memmem(p + *at, length - *at, lzma, sizeof lzma)) != NULL) {
                const size_t found = (size_t)(guid - p);
                size_t size, data;

                *at = found + sizeof lzma;
                if (found < 4 || length - found < sizeof lzma + 2)
                        continue;
                size = guid[-4] | (size_t)guid[-3] << 8 | (size_t)guid[-2] << 16;
                data = guid[16] | (size_t)guid[17] << 8;
                if (guid[-1] != GUID_DEFINED || data < sizeof lzma + 8 || size < data + LZMA_HEADER || size > length - found + 4)
                        continue;
                *ret = (struct section){ guid - 4 + data, size - data };
                return true;
        }
        return false;
}

static unsigned code_of(const unsigned char *entry)
{
        return entry[0] | (unsigned)entry[1] << 8;
}

/* The array's ASCII: one entry a character, none left out. */
static bool is_array(const unsigned char *p, size_t length)
{
        if (length < ENTRY * ('~' - ' ' + 1))
                return false;
        for (unsigned i = 0; i <= '~' - ' '; i++)
                if (code_of(p + (size_t)i * ENTRY) != ' ' + i || p[(size_t)i * ENTRY + 2] != 0)
                        return false;
        return true;
}

static const unsigned char *find_array(const unsigned char *p, size_t length)
{
        static const unsigned char begin[ENTRY + 3] = { [0] = ' ', [ENTRY] = '!' };

        for (size_t at = 0; at < length;) {
                const unsigned char *found = memmem(p + at, length - at, begin, sizeof begin);

                if (found == NULL)
                        return NULL;
                if (is_array(found, length - (size_t)(found - p)))
                        return found;
                at = (size_t)(found - p) + 1;
        }
        return NULL;
}

static void add_array(const unsigned char *entry, const unsigned char *end, struct boot_font *font)
{
        for (unsigned n = 0; end - entry >= ENTRY && code_of(entry) != 0 && n < GLYPHS_MOST; n++, entry += ENTRY) {
                uint32_t shape[HEIGHT];

                for (unsigned y = 0; y < HEIGHT; y++)
                        shape[y] = entry[3 + y];
                if (entry[2] == 0)
                        boot_font_add(font, code_of(entry), shape);
        }
}

int boot_font_read_firmware(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        struct section section;
        size_t at = 0;

        for (unsigned n = 0; n < SECTIONS_MOST && next_section(bytes, length, &at, &section); n++) {
                const size_t most = boot_le32(section.p + 5);           /* the content's size, 64 bits behind properties and dictionary */
                const unsigned char *array;
                autofree char *plain = NULL;
                size_t made = 0;

                if (most > CONTENT_MOST || boot_le32(section.p + 9) != 0)
                        return bk_fail(err, BK_INVALID, "firmware: a section of more than %u MiB", CONTENT_MOST >> 20);
                if (boot_unpack(section.p, section.length, most, &plain, &made, err) < 0)
                        return bk_wrap(err, "firmware");
                array = find_array((const unsigned char *)plain, made);
                if (array == NULL)
                        continue;
                add_array(array, (const unsigned char *)plain + made, boot_fonts_new(fonts, name, 8, HEIGHT));
                return 0;
        }
        return bk_fail(err, BK_INVALID, "no font of EDK2 in this firmware");
}
