/* HCL's values: literals. Whatever would have to be computed is refused here, one function for each kind, in words that say what to write. */
#include "lib/hcl_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

static const char computed[] = "is not understood here; write the value itself";

/* --- between values ----------------------------------------------------------- */
static int skip_block_comment(struct bk_reader *in)
{
        const struct bk_place start = bk_reader_here(in);

        bk_reader_advance(in, 1);
        bk_reader_advance(in, 1);
        while (in->end - in->p >= 2 && !(in->p[0] == '*' && in->p[1] == '/'))
                bk_reader_advance(in, bk_utf8_length(in->p, in->end));
        if (in->end - in->p < 2)
                return bk_reader_fail(in, start, "the comment that begins here has no '*/'");
        bk_reader_advance(in, 1);
        bk_reader_advance(in, 1);
        return 0;
}

static bool starts(const struct bk_reader *in, const char *text)
{
        const size_t length = strlen(text);

        return (size_t)(in->end - in->p) >= length && memcmp(in->p, text, length) == 0;
}

int bk_hcl_skip(struct bk_reader *in, bool lines)
{
        for (;;) {
                if (starts(in, "/*")) {
                        if (skip_block_comment(in) < 0)
                                return -1;
                } else if (bk_reader_at(in, '#') || starts(in, "//")) {
                        while (in->p < in->end && *in->p != '\n')
                                bk_reader_advance(in, bk_utf8_length(in->p, in->end));
                } else if (bk_reader_at(in, ' ') || bk_reader_at(in, '\t') || bk_reader_at(in, '\r') || (lines && bk_reader_at(in, '\n'))) {
                        bk_reader_advance(in, 1);
                } else {
                        return 0;
                }
        }
}

bool bk_hcl_at_line_end(const struct bk_reader *in)
{
        return in->p >= in->end || *in->p == '\n';
}

static bool is_name(char c, bool first)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && ((c >= '0' && c <= '9') || c == '-'));
}

bool bk_hcl_at_name(const struct bk_reader *in)
{
        return in->p < in->end && is_name(*in->p, true);
}

char *bk_hcl_read_name(struct bk_reader *in)
{
        const char *const first = in->p;

        while (in->p < in->end && is_name(*in->p, in->p == first))
                bk_reader_advance(in, 1);
        return bk_strndup(first, (size_t)(in->p - first));
}

int (bk_hcl_fail_behind)(const struct bk_reader *in, const char *expected)
{
        if (in->p < in->end && strchr("+-*/%<>=!&|?.[(", *in->p) != NULL)
                return bk_reader_fail(in, bk_reader_here(in), "expected %s, found '%c'; what an operator computes %s", expected, *in->p,
                                      computed);
        if (bk_hcl_at_line_end(in) && in->p < in->end)
                return bk_reader_fail(in, bk_reader_here(in), "expected %s, but the line ends", expected);
        return bk_reader_fail_expected(in, expected);
}

/* --- strings ---------------------------------------------------------------------- */
/* "$${" and "%%{" are what they say without the first character. */
static int read_marker(struct bk_reader *in, struct bk_buf *buf)
{
        if (starts(in, "$${") || starts(in, "%%{")) {
                bk_buf_add(buf, in->p + 1, 2);
                for (int i = 0; i < 3; i++)
                        bk_reader_advance(in, 1);
                return 1;
        }
        if (starts(in, "${") || starts(in, "%{"))
                return bk_reader_fail(in, bk_reader_here(in), "'%.2s' begins something to be computed, which %s, or '%c%.2s' for the characters",
                                      in->p, computed, *in->p, in->p);
        return 0;
}

static int read_escape(struct bk_reader *in, struct bk_buf *buf)
{
        static const char from[] = "\"\\nrt", to[] = "\"\\\n\r\t";
        const struct bk_place escape = bk_reader_here(in);
        const char *found;
        unsigned c = 0;
        char kind;

        bk_reader_advance(in, 1);
        kind = in->p < in->end ? *in->p : '\0';
        if (kind == '\n' || kind == '\0')
                return 0;       /* the caller says that the string is not closed */
        bk_reader_advance(in, bk_utf8_length(in->p, in->end));
        if (kind == 'u' || kind == 'U') {
                if (bk_reader_hex(in, escape, kind == 'u' ? 4 : 8, &c) < 0)
                        return -1;
                if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                        return bk_reader_fail(in, escape, "there is no character U+%04X; one above U+FFFF is written \\U and eight digits", c);
                bk_buf_put_code_point(buf, c);
                return 0;
        }
        found = strchr(from, kind);
        if (found == NULL)
                return bk_reader_fail(in, escape, "unknown escape; there are \\n, \\r, \\t, \\\", \\\\, \\u and \\U, "
                                      "and a backslash is written '\\\\'");
        bk_buf_putc(buf, to[found - from]);
        return 0;
}

int bk_hcl_read_string(struct bk_reader *in, char **ret, size_t *ret_len)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        const struct bk_place start = bk_reader_here(in);

        bk_reader_advance(in, 1);
        while (!bk_hcl_at_line_end(in) && *in->p != '"') {
                const int marker = read_marker(in, &buf);

                if (marker < 0)
                        return -1;
                if (marker > 0)
                        continue;
                if (*in->p == '\\') {
                        if (read_escape(in, &buf) < 0)
                                return -1;
                } else {
                        const size_t length = bk_utf8_length(in->p, in->end);

                        bk_buf_add(&buf, in->p, length);
                        bk_reader_advance(in, length);
                }
        }
        if (bk_hcl_at_line_end(in))
                return bk_reader_fail(in, start, "the string that begins here is not closed on its line; a line break in it is written '\\n'");
        bk_reader_advance(in, 1);
        *ret_len = buf.len;
        *ret = bk_buf_finish(&buf);
        return 0;
}

int bk_hcl_unescape_markers(struct bk_doc *string, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        struct bk_reader in = { .file = string->file, .p = string->text, .end = string->text + string->text_len, .err = err };

        while (in.p < in.end) {
                int marker;

                in.line = string->line;         /* the value's place: escapes of JSON hide where in it */
                in.column = string->column;
                marker = read_marker(&in, &buf);
                if (marker < 0)
                        return -1;
                if (marker == 0)
                        bk_buf_putc(&buf, *in.p++);
        }
        string->text_len = buf.len;
        free(string->text);
        string->text = bk_buf_finish(&buf);
        return 0;
}

/* --- heredocs ------------------------------------------------------------------------ */
static size_t blanks(const char *p, const char *end)
{
        const char *const first = p;

        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
                p++;
        return (size_t)(p - first);
}

struct heredoc {
        const char *close;              /* the line that closes it */
        size_t indent;                  /* of all lines but blank ones */
};

static bool find_close(const struct bk_reader *in, const char *marker, struct heredoc *ret)
{
        const size_t length = strlen(marker);

        ret->indent = SIZE_MAX;
        for (const char *line = in->p, *end; line < in->end; line = end + 1) {
                const char *text;

                end = memchr(line, '\n', (size_t)(in->end - line));
                if (end == NULL)
                        end = in->end;
                text = line + blanks(line, end);
                if ((size_t)(end - text) >= length && memcmp(text, marker, length) == 0 && text + length + blanks(text + length, end) == end) {
                        ret->close = line;
                        return true;
                }
                if (text < end && (size_t)(text - line) < ret->indent)
                        ret->indent = (size_t)(text - line);
                if (end == in->end)
                        break;
        }
        return false;
}

static int read_heredoc_line(struct bk_reader *in, size_t indent, struct bk_buf *buf)
{
        const char *const end = memchr(in->p, '\n', (size_t)(in->end - in->p));
        const bool blank = in->p + blanks(in->p, end) == end;

        for (size_t i = 0; i < indent && !blank; i++)
                bk_reader_advance(in, 1);
        while (in->p <= end) {
                const int marker = read_marker(in, buf);
                size_t length;

                if (marker < 0)
                        return -1;
                if (marker > 0)
                        continue;
                length = bk_utf8_length(in->p, in->end);
                bk_buf_add(buf, in->p, length);
                bk_reader_advance(in, length);
        }
        return 0;
}

/* "<<" is here. The reader is left behind the closing marker, on its line. */
static int read_heredoc(struct bk_reader *in, struct bk_doc *into)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        const struct bk_place start = bk_reader_here(in);
        autofree char *marker = NULL;
        struct heredoc shape = { 0 };
        bool flush;

        bk_reader_advance(in, 1);
        bk_reader_advance(in, 1);
        flush = bk_reader_at(in, '-');
        if (flush)
                bk_reader_advance(in, 1);
        if (!bk_hcl_at_name(in))
                return bk_reader_fail(in, bk_reader_here(in), "expected the marker of a heredoc: <<EOT, then its lines, then a line with EOT alone");
        marker = bk_hcl_read_name(in);
        while (bk_reader_at(in, ' ') || bk_reader_at(in, '\t') || bk_reader_at(in, '\r'))
                bk_reader_advance(in, 1);
        if (!bk_reader_at(in, '\n'))
                return bk_reader_fail(in, bk_reader_here(in), "a heredoc's lines begin on the line after its marker");
        bk_reader_advance(in, 1);
        if (!find_close(in, marker, &shape))
                return bk_reader_fail(in, start, "the heredoc that begins here has no line with '%.60s' alone", marker);
        while (in->p < shape.close)
                if (read_heredoc_line(in, flush ? shape.indent : 0, &buf) < 0)
                        return -1;
        while (!bk_hcl_at_line_end(in))
                bk_reader_advance(in, 1);
        into->kind = BK_DOC_STRING;
        into->text_len = buf.len;
        into->text = bk_buf_finish(&buf);
        return 0;
}

/* --- words and numbers ------------------------------------------------------------------ */
static int read_word(struct bk_reader *in, struct bk_doc *into, const char *where)
{
        const struct bk_place start = bk_reader_here(in);
        autofree char *word = bk_hcl_read_name(in);

        if (bk_reader_at(in, '('))
                return bk_reader_fail(in, start, "what the function %.60s() computes %s", word, computed);
        if (bk_reader_at(in, '.') || bk_reader_at(in, '['))
                return bk_reader_fail(in, start, "what '%.60s%c' refers to %s", word, *in->p, computed);
        return bk_doc_set_word(in, start, word, where, into);
}

static int read_number(struct bk_reader *in, struct bk_doc *into)
{
        const struct bk_place start = bk_reader_here(in);

        if (bk_doc_read_number(in, into) < 0)
                return -1;
        if (bk_hcl_at_name(in)) {
                autofree char *rest = bk_hcl_read_name(in);

                return bk_reader_fail(in, start, "a number ends where letters begin; write \"%.40s%.40s\" in double quotes", into->text, rest);
        }
        return 0;
}

/* --- lists and objects ------------------------------------------------------------------ */
static int refuse_for(const struct bk_reader *in)
{
        if (!starts(in, "for") || in->end - in->p < 4 || (in->p[3] != ' ' && in->p[3] != '\t'))
                return 0;
        return bk_reader_fail(in, bk_reader_here(in), "what 'for' computes %s", computed);
}

static int read_list(struct bk_reader *in, struct bk_doc *into)
{
        if (bk_hcl_skip(in, true) < 0 || refuse_for(in) < 0)
                return -1;
        while (!bk_reader_at(in, ']')) {
                if (bk_hcl_read_value(in, bk_doc_add(in->file, into), "a value or ']'") < 0 || bk_hcl_skip(in, true) < 0)
                        return -1;
                if (bk_reader_at(in, ',')) {
                        bk_reader_advance(in, 1);
                        if (bk_hcl_skip(in, true) < 0)
                                return -1;
                } else if (!bk_reader_at(in, ']')) {
                        return bk_hcl_fail_behind(in, "',' or ']' after an item of the list");
                }
        }
        bk_reader_advance(in, 1);
        return 0;
}

static int read_key(struct bk_reader *in, struct bk_doc *member)
{
        member->key_line = in->line;
        member->key_column = in->column;
        if (bk_reader_at(in, '"')) {
                size_t length = 0;

                if (bk_hcl_read_string(in, &member->key, &length) < 0)
                        return -1;
                return strlen(member->key) == length ? 0 :
                       bk_reader_fail(in, (struct bk_place){ member->key_line, member->key_column }, "a key may not hold \\u0000");
        }
        if (!bk_hcl_at_name(in))
                return bk_reader_fail_expected(in, "a key or '}'");
        member->key = bk_hcl_read_name(in);
        return 0;
}

static int read_member(struct bk_reader *in, struct bk_doc *object)
{
        struct bk_doc *member = bk_doc_add(in->file, object);
        autofree char *where = NULL;

        if (read_key(in, member) < 0 || bk_hcl_skip(in, false) < 0)
                return -1;
        where = bk_format("'=' or ':' after the key \"%.100s\"", member->key);
        if (!bk_reader_at(in, '=') && !bk_reader_at(in, ':'))
                return bk_hcl_fail_behind(in, where);
        bk_reader_advance(in, 1);
        free(where);
        where = bk_format("a value for \"%.100s\"", member->key);
        return bk_hcl_read_value(in, member, where);
}

static int read_object(struct bk_reader *in, struct bk_doc *into)
{
        if (bk_hcl_skip(in, true) < 0 || refuse_for(in) < 0)
                return -1;
        while (!bk_reader_at(in, '}')) {
                bool parted;

                if (read_member(in, into) < 0 || bk_hcl_skip(in, false) < 0)
                        return -1;
                parted = bk_reader_at(in, ',') || bk_reader_at(in, '\n') || bk_reader_at(in, '}');
                if (!parted)
                        return bk_hcl_fail_behind(in, "',', a line break or '}' after a member of the object");
                if (bk_reader_at(in, ','))
                        bk_reader_advance(in, 1);
                if (bk_hcl_skip(in, true) < 0)
                        return -1;
        }
        bk_reader_advance(in, 1);
        return bk_doc_refuse_duplicates(into, "key", in->err);
}

static int read_items(struct bk_reader *in, struct bk_doc *into)
{
        const bool list = bk_reader_at(in, '[');
        int status;

        if (++in->depth > BK_DOC_DEPTH_MOST)
                return bk_reader_fail(in, bk_reader_here(in), "nested deeper than %d levels", BK_DOC_DEPTH_MOST);
        into->kind = list ? BK_DOC_ARRAY : BK_DOC_OBJECT;
        bk_reader_advance(in, 1);
        status = list ? read_list(in, into) : read_object(in, into);
        in->depth--;
        return status;
}

int bk_hcl_read_value(struct bk_reader *in, struct bk_doc *into, const char *where)
{
        if (bk_hcl_skip(in, false) < 0)
                return -1;
        into->line = in->line;
        into->column = in->column;
        if (bk_reader_at(in, '"')) {
                into->kind = BK_DOC_STRING;
                return bk_hcl_read_string(in, &into->text, &into->text_len);
        }
        if (starts(in, "<<"))
                return read_heredoc(in, into);
        if (bk_reader_at(in, '[') || bk_reader_at(in, '{'))
                return read_items(in, into);
        if (bk_reader_at(in, '-') || bk_reader_at_digit(in))
                return read_number(in, into);
        if (bk_hcl_at_name(in))
                return read_word(in, into, where);
        if (bk_reader_at(in, '\''))
                return bk_reader_fail(in, bk_reader_here(in), "expected %s, found a single quote; strings stand in double quotes", where);
        return bk_hcl_fail_behind(in, where);
}
