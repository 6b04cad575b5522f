/* Reading a guest's screen: memory where that is enough, pictures else. */
#include "boot/eye.h"

#include <png.h>
#include <string.h>

#include "boot/font.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"

enum {
        TEXT_MEMORY = 0xb8000, TEXT_BYTES = 32768, COLUMNS = 80, ROWS = 25,
        TEXT_WIDTH = 720, TEXT_HEIGHT = 400,    /* of a picture of 80x25 characters of 9x16 dots */
        CHECK_MS = 400,         /* how long the mode and the beginning of the screen are believed */
};

struct boot_eye {
        struct boot_fonts fonts;
        struct boot_grid grid;
        bool text;              /* in text mode, its screen beginning at `start` */
        unsigned start;         /* characters */
        int64_t checked_at;     /* ms; 0: never */
};

int boot_eye_open(const char *learnt, struct boot_eye **ret, struct bk_error *err)
{
        struct boot_eye *eye = bk_alloc(sizeof *eye);

        if (boot_fonts_load(learnt, &eye->fonts, err) < 0) {
                free(eye);
                return -1;
        }
        *ret = eye;
        return 0;
}

void boot_eye_close(struct boot_eye *eye)
{
        if (eye == NULL)
                return;
        boot_fonts_done(&eye->fonts);
        free(eye);
}

static int picture_of(struct vm_guest *guest, struct boot_picture *ret, struct bk_error *err)
{
        autofree char *bytes = NULL;
        size_t length = 0;

        return vm_guest_screenshot(guest, &bytes, &length, err) < 0 ? -1 : boot_picture_parse(bytes, length, ret, err);
}

/* Where in text memory stands what the picture shows? The beginning that agrees with most of its characters; the one that was
 * found last wins a tie, and so does 0 on an empty screen. */
static bool find_start(const unsigned char *memory, const struct boot_screen *shown, unsigned *start)
{
        unsigned best = *start;
        size_t best_hits = 0, written = 0;

        if (shown->columns != COLUMNS || shown->rows != ROWS)
                return false;
        for (size_t i = 0; i < COLUMNS * ROWS; i++)
                written += shown->codes[i] != ' ' && shown->codes[i] != BOOT_UNKNOWN;
        for (unsigned candidate = 0; candidate < TEXT_BYTES / 2; candidate += COLUMNS) {
                size_t hits = 0;

                for (size_t i = 0; i < COLUMNS * ROWS; i++)
                        hits += shown->codes[i] != ' ' && boot_cp437(memory[(candidate + i) % (TEXT_BYTES / 2) * 2]) == shown->codes[i];
                if (hits > best_hits || (hits == best_hits && candidate == *start)) {
                        best = candidate;
                        best_hits = hits;
                }
        }
        /* A guest may draw with a font of its own: then the picture tells nothing, and memory is believed where it was. */
        if (best_hits * 2 > written)
                *start = best;
        return true;
}

static int check_mode(struct boot_eye *eye, struct vm_guest *guest, struct boot_screen *ret, bool *ret_read, struct bk_error *err)
{
        BK_CLEANUP(boot_picture_done) struct boot_picture picture = { 0 };
        unsigned char memory[TEXT_BYTES];

        if (picture_of(guest, &picture, err) < 0)
                return -1;
        boot_screen_from_picture(&picture, &eye->fonts, &eye->grid, ret);
        *ret_read = true;
        eye->checked_at = bk_now_ms();
        eye->text = picture.width == TEXT_WIDTH && picture.height == TEXT_HEIGHT;
        if (!eye->text)
                return 0;
        if (vm_guest_peek(guest, TEXT_MEMORY, sizeof memory, memory, err) < 0)
                return -1;
        (void)find_start(memory, ret, &eye->start);
        boot_screen_done(ret);
        *ret_read = false;
        return 0;
}

static int read_memory(const struct boot_eye *eye, struct vm_guest *guest, struct boot_screen *ret, struct bk_error *err)
{
        unsigned char memory[TEXT_BYTES];

        if (vm_guest_peek(guest, TEXT_MEMORY, sizeof memory, memory, err) < 0)
                return -1;
        return boot_screen_from_text(memory, sizeof memory, COLUMNS, ROWS, eye->start, ret, err);
}

int boot_eye_look(struct boot_eye *eye, struct vm_guest *guest, struct boot_screen *ret, struct bk_error *err)
{
        bool read = false;

        if (!eye->text || eye->checked_at == 0 || bk_now_ms() - eye->checked_at > CHECK_MS) {
                if (check_mode(eye, guest, ret, &read, err) < 0)
                        return -1;
        }
        return read ? 0 : read_memory(eye, guest, ret, err);
}

int boot_eye_png(struct vm_guest *guest, char **ret, size_t *ret_len, struct bk_error *err)
{
        BK_CLEANUP(boot_picture_done) struct boot_picture picture = { 0 };
        png_image image = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_BGRA };
        autofree char *bytes = NULL;
        size_t length = 0;

        if (bk_lazy_need("libpng16.so", err) < 0 || picture_of(guest, &picture, err) < 0)
                return -1;
        for (size_t i = 0; i < (size_t)picture.width * picture.height; i++)
                picture.pixels[i] |= 0xff000000U;       /* opaque; BGRA is a little-endian 0xaarrggbb */
        image.width = picture.width;
        image.height = picture.height;
        length = PNG_IMAGE_PNG_SIZE_MAX(image);
        bytes = bk_alloc(length);
        if (!png_image_write_to_memory(&image, bytes, &length, 0, picture.pixels, 0, NULL))
                return bk_fail(err, BK_INTERNAL, "cannot make a PNG file: %s", image.message);
        *ret = bk_take(bytes);
        *ret_len = length;
        return 0;
}
