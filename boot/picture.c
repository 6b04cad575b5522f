/* PNG through libpng's simplified interface, PPM by hand: netpbm's ppm(5), 8 bits a sample. */
#include "boot/picture.h"

#include <png.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"

#define FILE_MOST (64U << 20)

void boot_picture_done(struct boot_picture *picture)
{
        free(picture->pixels);
        *picture = (struct boot_picture){ 0 };
}

int boot_picture_init(struct boot_picture *ret, unsigned width, unsigned height, struct bk_error *err)
{
        if (width == 0 || height == 0)
                return bk_fail(err, BK_INVALID, "a picture of %ux%u pixels is empty", width, height);
        if (width > BOOT_PICTURE_SIDE_MOST || height > BOOT_PICTURE_SIDE_MOST || (uint64_t)width * height > BOOT_PICTURE_PIXELS_MOST)
                return bk_fail(err, BK_INVALID, "a picture of %ux%u pixels is too large for a screen", width, height);
        *ret = (struct boot_picture){ .width = width, .height = height };
        ret->pixels = bk_alloc((size_t)width * height * sizeof *ret->pixels);
        return 0;
}

static void take_rgb(struct boot_picture *picture, const unsigned char *rgb)
{
        const size_t n = (size_t)picture->width * picture->height;

        for (size_t i = 0; i < n; i++, rgb += 3)
                picture->pixels[i] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

/* A number of a PPM header: blanks and comments, then digits. False when there is none, or a huge one. */
static bool header_number(const unsigned char *p, size_t length, size_t *at, unsigned *ret)
{
        unsigned number = 0;
        size_t digits = 0;

        while (*at < length && (strchr(" \t\r\n", p[*at]) != NULL || p[*at] == '#')) {
                if (p[*at] == '\0')
                        return false;
                if (p[*at] == '#')
                        while (*at < length && p[*at] != '\n')
                                ++*at;
                else
                        ++*at;
        }
        for (; *at < length && p[*at] >= '0' && p[*at] <= '9'; ++*at, digits++)
                if (digits > 8)
                        return false;
                else
                        number = number * 10 + (p[*at] - '0');
        *ret = number;
        return digits > 0;
}

static int parse_ppm(const unsigned char *p, size_t length, struct boot_picture *ret, struct bk_error *err)
{
        struct boot_picture picture;
        unsigned width, height, most;
        size_t at = 2;

        if (!header_number(p, length, &at, &width) || !header_number(p, length, &at, &height) ||
            !header_number(p, length, &at, &most) || at >= length)
                return bk_fail(err, BK_INVALID, "PPM picture: the header is damaged");
        if (most != 255)
                return bk_fail(err, BK_INVALID, "PPM picture: samples go to %u, not 255", most);
        at++;                   /* the one blank after the header */
        if (width > 0 && (length - at) / 3 / width < height)
                return bk_fail(err, BK_INVALID, "PPM picture: %ux%u pixels are announced, and %zu bytes are there", width, height, length - at);
        if (boot_picture_init(&picture, width, height, err) < 0)
                return bk_wrap(err, "PPM picture");
        take_rgb(&picture, p + at);
        *ret = picture;
        return 0;
}

/* The simplified interface does not longjmp to us. Its own limits hold compressed extra chunks at 8 MB. */
static int parse_png(const void *bytes, size_t length, struct boot_picture *ret, struct bk_error *err)
{
        png_image image = { .version = PNG_IMAGE_VERSION };
        struct boot_picture picture = { 0 };
        autofree unsigned char *rgb = NULL;

        if (bk_lazy_need("libpng16.so", err) < 0)
                return -1;
        if (!png_image_begin_read_from_memory(&image, bytes, length))
                return bk_fail(err, BK_INVALID, "PNG picture: %s", image.message);
        if (boot_picture_init(&picture, image.width, image.height, err) < 0) {
                png_image_free(&image);
                return bk_wrap(err, "PNG picture");
        }
        image.format = PNG_FORMAT_RGB;
        rgb = bk_alloc(PNG_IMAGE_SIZE(image));
        if (!png_image_finish_read(&image, &(png_color){ 0 }, rgb, 0, NULL)) {
                boot_picture_done(&picture);
                return bk_fail(err, BK_INVALID, "PNG picture: %s", image.message);
        }
        take_rgb(&picture, rgb);
        *ret = picture;
        return 0;
}

int boot_picture_parse(const void *bytes, size_t length, struct boot_picture *ret, struct bk_error *err)
{
        static const unsigned char png[8] = "\x89PNG\r\n\x1a\n";

        if (length >= 8 && memcmp(bytes, png, 8) == 0)
                return parse_png(bytes, length, ret, err);
        if (length >= 2 && memcmp(bytes, "P6", 2) == 0)
                return parse_ppm(bytes, length, ret, err);
        return bk_fail(err, BK_INVALID, "neither a PNG nor a PPM (P6) picture");
}

int boot_picture_load(const char *path, struct boot_picture *ret, struct bk_error *err)
{
        autofree char *bytes = NULL;
        size_t length;

        if (bk_read_file(path, FILE_MOST, &bytes, &length, err) < 0)
                return -1;
        if (boot_picture_parse(bytes, length, ret, err) < 0)
                return bk_wrap(err, "%s", path);
        return 0;
}
