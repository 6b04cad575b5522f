/* Cutting a stream of JSON at its outer braces, without parsing it: only strings and depth are followed. What a piece holds is
 * parsed by who takes it, so that damage is found there. */
#include "registry/advisory.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_MOST (64u << 20)          /* bytes; the kernel is the tracker's largest package, with some 5 MiB */

enum { UNDECIDED, ADVISORY, TRACKER };

void reg_splitter_done(struct reg_splitter *splitter)
{
        bk_buf_done(&splitter->buf);
}

static bool blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Between two values of the outermost level. */
static int outside(struct reg_splitter *s, char c, struct bk_error *err)
{
        static const char mark[] = "\xef\xbb\xbf";

        if (s->mark < sizeof mark - 1 && c == mark[s->mark]) {
                s->mark++;
                return 0;
        }
        s->mark = sizeof mark;
        if (blank(c) || (c == ',' && s->in_array))
                return 0;
        if ((c == '[' && !s->in_array) || (c == ']' && s->in_array)) {
                s->in_array = c == '[';
                return 0;
        }
        if (c != '{')
                return bk_fail(err, BK_INVALID, "this is neither OSV's JSON nor that of Debian's security tracker: '%c' where an object should begin",
                               c >= 0x20 && c < 0x7f ? c : '?');
        s->buf.len = 0;
        bk_buf_putc(&s->buf, c);
        s->depth = 1;
        s->what = UNDECIDED;
        s->key_at = 1;
        s->value_at = 0;
        return 0;
}

/* The tracker's members are packages, which are objects; OSV has but one object among its own. */
static int end_of_member(struct reg_splitter *s, struct bk_error *err)
{
        const char *key = s->buf.data + s->key_at, *value = s->buf.data + s->value_at;
        size_t length = s->key_length, value_length = s->buf.len - s->value_at;
        char *name;
        int status;

        if (s->value_at == 0)
                return 0;
        while (length > 0 && (blank(*key) || *key == '"')) {
                key++;
                length--;
        }
        while (length > 0 && (blank(key[length - 1]) || key[length - 1] == '"'))
                length--;
        while (value_length > 0 && blank(*value)) {
                value++;
                value_length--;
        }
        if (s->what == UNDECIDED) {
                if (value_length == 0 || *value != '{')
                        s->what = ADVISORY;
                else if (length != strlen("database_specific") || strncmp(key, "database_specific", length) != 0)
                        s->what = TRACKER;
        }
        if (s->what != TRACKER)
                return 0;
        name = bk_strndup(key, length);
        const struct reg_piece piece = { .format = REG_DEBIAN_TRACKER, .key = name, .text = value, .length = value_length };

        status = s->take(s->arg, &piece, err);
        free(name);
        s->buf.len = 1;                 /* what was taken is let go */
        return status;
}

static int end_of_object(struct reg_splitter *s, struct bk_error *err)
{
        const struct reg_piece piece = { .format = REG_OSV, .text = s->buf.data, .length = s->buf.len };

        return s->what == TRACKER ? 0 : s->take(s->arg, &piece, err);
}

/* A character that matters to the structure, inside of an object. */
static int inside(struct reg_splitter *s, char c, struct bk_error *err)
{
        if (c == '"')
                s->in_string = true;
        if (s->depth == 1 && (c == ',' || c == '}') && end_of_member(s, err) < 0)
                return -1;
        bk_buf_putc(&s->buf, c);
        if (s->depth == 1 && c == ':') {
                s->key_length = s->buf.len - 1 - s->key_at;
                s->value_at = s->buf.len;
        } else if (s->depth == 1 && c == ',') {
                s->key_at = s->buf.len;
                s->value_at = 0;
        }
        if (c == '{' || c == '[')
                s->depth++;
        if ((c == '}' || c == ']') && --s->depth == 0)
                return end_of_object(s, err);
        return 0;
}

int reg_split(struct reg_splitter *s, const char *bytes, size_t length, struct bk_error *err)
{
        for (size_t i = 0; i < length; i++) {
                size_t run = i;

                while (run < length && s->depth > 0 &&
                       (s->in_string ? bytes[run] != '"' && bytes[run] != '\\' && !s->escaped : strchr("\"{}[]:,", bytes[run]) == NULL))
                        run++;
                bk_buf_add(&s->buf, bytes + i, run - i);
                if (s->buf.len > PIECE_MOST)
                        return bk_fail(err, BK_INVALID, "one object of this file has more than %u MiB", PIECE_MOST >> 20);
                i = run;
                if (i == length)
                        break;
                if (s->depth == 0) {
                        if (outside(s, bytes[i], err) < 0)
                                return -1;
                } else if (s->in_string) {
                        bk_buf_putc(&s->buf, bytes[i]);
                        s->in_string = s->escaped || bytes[i] != '"';
                        s->escaped = !s->escaped && bytes[i] == '\\';
                } else if (inside(s, bytes[i], err) < 0) {
                        return -1;
                }
        }
        return 0;
}

int reg_split_end(struct reg_splitter *s, struct bk_error *err)
{
        if (s->depth > 0 || s->in_array)
                return bk_fail(err, BK_INVALID, "the file ends in the middle of %s; it was cut off", s->depth > 0 ? "an object" : "a list");
        return 0;
}
