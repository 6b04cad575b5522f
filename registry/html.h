/* HTML, written so that nothing unescaped gets into it.
 *
 * A format is markup of ours; all that it takes in is text of others', and is escaped: in text and between double quotes alike. What
 * cannot be seen but would do something - controls, changes of direction - is shown by its number. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/cleanup.h"

struct reg_html {
        struct bk_buf buf;
        int64_t now;                    /* unix seconds, for "3 h ago" */
};
void reg_html_done(struct reg_html *html);
#define autohtml BK_CLEANUP(reg_html_done) struct reg_html

/* Of printf() only %s, %d, %lld, %zu and %%. A NULL text is empty. */
void reg_html(struct reg_html *html, const char *format, ...) BK_PRINTF(2, 3);

/* --- values, as pages show them; NULL and null are a dash ---------------------------- */
void reg_html_text(struct reg_html *html, const json_t *value);         /* what is no text as JSON */
void reg_html_time(struct reg_html *html, const json_t *iso);           /* "2026-11-21 20:28:58" and how long ago */
void reg_html_size(struct reg_html *html, const json_t *bytes);
void reg_html_word(struct reg_html *html, const json_t *word);          /* a state, a verdict, a severity: coloured */
void reg_html_any(struct reg_html *html, const json_t *value);          /* whatever it is: lists of lists of names and values */

/* --- links ----------------------------------------------------------------------------- */
/* Shows the text. The first part is ours ("/images"), the others are escaped as parts of a path. */
#define reg_html_link(html, text, ...) reg_html_link_to(html, text, (const char *const[]){ __VA_ARGS__, NULL })
void reg_html_link_to(struct reg_html *html, const char *text, const char *const *parts);
/* To an image, by its digest's first digits. */
void reg_html_image(struct reg_html *html, const json_t *id);
/* To an image, by its name. */
void reg_html_named(struct reg_html *html, const json_t *id, const json_t *name);

/* --- tables: rows on a wide screen, cards on a narrow one -------------------------------- */
struct reg_column {
        const char *title;              /* NULL behind the last; the first is what a row is about */
        const char *key;                /* of what is shown of an item; NULL: all of it */
        void (*show)(struct reg_html *html, const json_t *value);
};
/* A row for each item of an array, but of `most` at most. */
void reg_html_table(struct reg_html *html, const char *caption, const struct reg_column *columns, const json_t *items, size_t most);

/* --- logs ---------------------------------------------------------------------------------- */
/* What a terminal would show in the end: escape sequences are gone, a line that was written over is as it was at last. UTF-8 without
 * controls but line ends and tabs. Lines are whole, or what is cut in two is shown as two. */
void reg_terminal_text(const char *bytes, size_t length, struct bk_buf *ret);
