/* What a guest shows, as text that was read and not guessed: a cell is the
 * character that it is, or unknown. Unknown cells show as U+FFFD, and match
 * any character. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "boot/font.h"
#include "boot/picture.h"
#include "lib/error.h"

#define BOOT_UNKNOWN 0xfffdU

struct boot_screen {
        unsigned columns, rows;
        uint32_t *codes;        /* owned; columns * rows code points, BOOT_UNKNOWN where no font has the glyph */
        uint32_t *looks;        /* owned; what else a cell shows: colours, or a digest of an unknown glyph's pixels */
        bool drawn;             /* read from a picture, so that a cursor may be among the cells */
};
void boot_screen_done(struct boot_screen *screen);
void boot_screen_init(struct boot_screen *ret, unsigned columns, unsigned rows);        /* blank */

/* A VGA text buffer: the bytes at physical B8000, character and attribute by
 * turns. start is the CRT controller's start address (registers 0Ch and 0Dh), in
 * characters; a buffer of the whole 32 KiB wraps around, as the card does. */
int boot_screen_from_text(const void *bytes, size_t length, unsigned columns, unsigned rows, unsigned start,
                          struct boot_screen *ret, struct bk_error *err) BK_MUST_CHECK;
/* CP437, as VGA fonts draw it. */
uint32_t boot_cp437(uint8_t c);

/* Where the cells of a picture are. */
struct boot_grid {
        unsigned width, height; /* of a cell, in pixels; 0: not known yet */
        unsigned x, y;          /* of the first whole cell: less than a cell from the corner */
        const struct boot_font *font;   /* borrowed from the fonts; NULL: no text was found */
};
/* A picture, cell by cell: a cell of two colours is the character whose shape it has in the one font that explains most
 * of the picture. Fonts that agree with it on what is there may add characters that it lacks. Anything else is unknown,
 * never the most similar. A cell of one colour is a blank. *grid is tried first, and searched for when it does not fit;
 * start with a zeroed one and keep it between the pictures of one guest. */
void boot_screen_from_picture(const struct boot_picture *picture, const struct boot_fonts *fonts, struct boot_grid *grid,
                              struct boot_screen *ret);

size_t boot_screen_unknown(const struct boot_screen *screen);   /* cells */
enum boot_form {
        BOOT_ROWS,              /* each row without its trailing blanks, and a newline */
        BOOT_UNWRAPPED,         /* the same, but a row that is full to its last column goes on in the next one */
        BOOT_PADDED,            /* rows with all their blanks */
};
/* Trailing empty rows are left out. The caller's. cell_of, if not NULL, gets an array (the caller's) with the cell of
 * each byte of the text, or SIZE_MAX for a newline. */
char *boot_screen_text(const struct boot_screen *screen, enum boot_form form, size_t **cell_of);
/* The text in a frame, with a line that tells size and unknown cells: for people. The caller's. */
char *boot_screen_dump(const struct boot_screen *screen);

/* Cells that differ in character or looks; every cell when the sizes differ. */
size_t boot_screen_changes(const struct boot_screen *a, const struct boot_screen *b);
/* Nothing moved from a to b. On pictures one cell may differ: a cursor that blinks. */
bool boot_screen_still(const struct boot_screen *a, const struct boot_screen *b);
