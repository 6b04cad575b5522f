/* Checksums as templates and checksum files spell them.
 *
 * The forms are Packer's (its iso_checksum is read by go-getter), and what coreutils, BSD's tools and OpenSSL write. Where go-getter
 * takes the first line that fits, we take the strongest sum, and refuse to choose between two files of one name.
 * The signature of a signed file is not verified. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "boot/iso_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { FILE_MOST = 16 << 20, NAMES_SHOWN = 5 };

static const char KNOWN_FORMS[] = "known are HEX (its length tells the type), md5:HEX, sha1:HEX, sha224:HEX, sha256:HEX, sha384:HEX, "
                                  "sha512:HEX, file:PATH_OR_URL of a checksum file, and none";

static const struct { const char *name; size_t digits; } kinds[BOOT_SUM_KINDS] = {
        [BOOT_SUM_NONE]   = { "none",   0 },
        [BOOT_SUM_MD5]    = { "md5",    32 },
        [BOOT_SUM_SHA1]   = { "sha1",   40 },
        [BOOT_SUM_SHA224] = { "sha224", 56 },
        [BOOT_SUM_SHA256] = { "sha256", 64 },
        [BOOT_SUM_SHA384] = { "sha384", 96 },
        [BOOT_SUM_SHA512] = { "sha512", 128 },
};

const char *boot_sum_name(enum boot_sum_kind kind)
{
        return kinds[kind].name;
}

/* --- one sum ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static size_t hex_span(const char *text, size_t length)
{
        size_t n = 0;

        while (n < length && isxdigit((unsigned char)text[n]))
                n++;
        return n;
}

/* "SHA256", "sha-256", and OpenSSL's "SHA2-256"; NONE when unknown. */
static enum boot_sum_kind kind_of_word(const char *word, size_t length)
{
        char folded[16];
        size_t n = 0;

        for (size_t i = 0; i < length; i++) {
                if (word[i] == '-')
                        continue;
                if (n == sizeof folded - 1)
                        return BOOT_SUM_NONE;
                folded[n++] = (char)tolower((unsigned char)word[i]);
        }
        folded[n] = '\0';
        if (n == 7 && strncmp(folded, "sha2", 4) == 0)
                memmove(folded + 3, folded + 4, n - 3);
        for (enum boot_sum_kind kind = BOOT_SUM_MD5; kind < BOOT_SUM_KINDS; kind++)
                if (strcmp(kinds[kind].name, folded) == 0)
                        return kind;
        return BOOT_SUM_NONE;
}

/* wanted NONE: the length tells. */
static bool sum_of_hex(const char *hex, size_t length, enum boot_sum_kind wanted, struct boot_sum *ret)
{
        if (hex_span(hex, length) != length)
                return false;
        for (enum boot_sum_kind kind = BOOT_SUM_MD5; kind < BOOT_SUM_KINDS; kind++) {
                if (kinds[kind].digits != length || (wanted != BOOT_SUM_NONE && wanted != kind))
                        continue;
                *ret = (struct boot_sum){ .kind = kind };
                for (size_t i = 0; i < length; i++)
                        ret->hex[i] = (char)tolower((unsigned char)hex[i]);
                return true;
        }
        return false;
}

static void trim(const char **text, size_t *length)
{
        while (*length > 0 && isspace((unsigned char)(*text)[0])) {
                (*text)++;
                (*length)--;
        }
        while (*length > 0 && isspace((unsigned char)(*text)[*length - 1]))
                (*length)--;
}

bool boot_sum_plain(const char *text, size_t length, struct boot_sum *ret)
{
        const char *colon, *hex;
        size_t rest;
        enum boot_sum_kind kind;

        trim(&text, &length);
        colon = memchr(text, ':', length);
        if (colon == NULL)
                return sum_of_hex(text, length, BOOT_SUM_NONE, ret);
        kind = kind_of_word(text, (size_t)(colon - text));
        hex = colon + 1;
        rest = length - (size_t)(hex - text);
        trim(&hex, &rest);
        return kind != BOOT_SUM_NONE && sum_of_hex(hex, rest, kind, ret);
}

/* --- a line of a checksum file ------------------------------------------------------- */

struct entry {
        struct boot_sum sum;
        char *name;             /* owned; NULL: a sum alone on its line */
};

static void entry_done(struct entry *entry)
{
        free(entry->name);
        *entry = (struct entry){ 0 };
}

/* coreutils escapes newline, return and backslash, and says so by a backslash before the line. */
static char *name_of(const char *text, size_t length, bool escaped)
{
        char *name = bk_strndup(text, length), *to = name;

        for (const char *p = name; escaped && *p != '\0'; p++) {
                const char next = p[1];

                if (*p == '\\' && (next == 'n' || next == 'r' || next == '\\')) {
                        *to++ = next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
                        p++;
                } else {
                        *to++ = *p;
                }
        }
        if (escaped)
                *to = '\0';
        return name;
}

/* "HEX  name", "HEX *name" (binary), "HEX ?name" (shasum's portable mode). */
static bool gnu_line(const char *line, size_t length, bool escaped, struct entry *ret)
{
        const size_t digits = hex_span(line, length);
        size_t at = digits;
        struct boot_sum sum;

        while (at < length && is_blank(line[at]))
                at++;
        if (at == digits || at == length || !sum_of_hex(line, digits, BOOT_SUM_NONE, &sum))
                return false;
        if (at == digits + 1 && at + 1 < length && (line[at] == '*' || line[at] == '?'))
                at++;
        *ret = (struct entry){ .sum = sum, .name = name_of(line + at, length - at, escaped) };
        return true;
}

/* "SHA256 (name) = HEX", and OpenSSL's "SHA256(name)= HEX". */
static bool bsd_line(const char *line, size_t length, bool escaped, struct entry *ret)
{
        const char *open = memchr(line, '(', length), *close = memrchr(line, ')', length), *hex;
        size_t word, rest;
        enum boot_sum_kind kind;
        struct boot_sum sum;

        if (open == NULL || close == NULL || close <= open + 1)
                return false;
        word = (size_t)(open - line);
        while (word > 0 && is_blank(line[word - 1]))
                word--;
        kind = kind_of_word(line, word);
        hex = close + 1;
        rest = length - (size_t)(hex - line);
        trim(&hex, &rest);
        if (kind == BOOT_SUM_NONE || rest == 0 || *hex != '=')
                return false;
        hex++;
        rest--;
        trim(&hex, &rest);
        if (!sum_of_hex(hex, rest, kind, &sum))
                return false;
        *ret = (struct entry){ .sum = sum, .name = name_of(open + 1, (size_t)(close - open - 1), escaped) };
        return true;
}

/* False: the line says nothing of a sum. */
static bool entry_of_line(const char *line, size_t length, struct entry *ret)
{
        bool escaped = false;
        struct boot_sum sum;

        trim(&line, &length);
        if (length == 0 || *line == '#' || *line == ';')
                return false;
        if (*line == '\\') {
                escaped = true;
                line++;
                length--;
        }
        if (gnu_line(line, length, escaped, ret) || bsd_line(line, length, escaped, ret))
                return true;
        if (!boot_sum_plain(line, length, &sum))
                return false;
        *ret = (struct entry){ .sum = sum };
        return true;
}

/* The lines of a text that count: what PGP puts around them (RFC 4880, 7) is left out. */
struct lines {
        const char *next;
        bool headers, signature;
};

static bool starts_with(const char *line, size_t length, const char *start)
{
        return length >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

static bool next_line(struct lines *lines, const char **ret, size_t *ret_len)
{
        while (*lines->next != '\0') {
                const char *line = lines->next;
                size_t length = strcspn(line, "\n");

                lines->next = line + length + (line[length] == '\n');
                while (length > 0 && line[length - 1] == '\r')
                        length--;
                if (starts_with(line, length, "-----BEGIN PGP SIGNED MESSAGE")) {
                        lines->headers = true;
                } else if (starts_with(line, length, "-----BEGIN PGP SIGNATURE")) {
                        lines->signature = true;
                } else if (starts_with(line, length, "-----END PGP SIGNATURE")) {
                        lines->signature = false;
                } else if (lines->headers) {
                        lines->headers = length > 0;
                } else if (!lines->signature) {
                        const size_t dash = starts_with(line, length, "- ") ? 2 : 0;

                        *ret = line + dash;
                        *ret_len = length - dash;
                        return true;
                }
        }
        return false;
}

/* --- a name in a checksum file ------------------------------------------------------- */

/* How many path parts agree, from the last; *ret_whole: `listed` has no others. "./" counts for nothing. */
static size_t parts_alike(const char *listed, const char *name, bool *ret_whole)
{
        size_t a, b = strlen(name), alike = 0;

        while (strncmp(listed, "./", 2) == 0)
                listed += 2;
        a = strlen(listed);
        while (a > 0 && b > 0 && listed[a - 1] == name[b - 1]) {
                a--;
                b--;
                /* A part ends where both names have a slash, or end. */
                if ((a == 0 || listed[a - 1] == '/') && (b == 0 || name[b - 1] == '/') && listed[a] != '/')
                        alike++;
        }
        *ret_whole = a == 0;
        return alike;
}

struct best {
        size_t score;           /* 0: none; 1: a sum that names no file; then by parts */
        struct boot_sum sum;
        char *name;             /* owned */
        char *rival;            /* as good, with another sum; owned */
};

static void best_done(struct best *best)
{
        free(best->name);
        free(best->rival);
        *best = (struct best){ 0 };
}

static void consider(struct best *best, const struct entry *entry, const char *name)
{
        bool whole = false;
        const size_t alike = entry->name == NULL ? 0 : parts_alike(entry->name, name, &whole);
        const size_t score = entry->name == NULL ? 1 : alike == 0 ? 0 : 2 * alike + whole;

        if (score == 0 || score < best->score)
                return;
        if (score == best->score) {
                if (entry->sum.kind < best->sum.kind || strcmp(entry->sum.hex, best->sum.hex) == 0)
                        return;
                if (entry->sum.kind == best->sum.kind) {
                        if (best->rival == NULL)
                                best->rival = bk_strdup(entry->name ? entry->name : entry->sum.hex);
                        return;
                }
        }
        best_done(best);
        *best = (struct best){ .score = score, .sum = entry->sum, .name = bk_strdup(entry->name ? entry->name : entry->sum.hex) };
}

static int fail_not_listed(const struct bk_strv *names, size_t count, const char *name, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf list = { 0 };

        if (count == 0)
                return bk_fail(err, BK_INVALID, "there is no checksum in it; lines are 'HEX  name', 'SHA256 (name) = HEX' or HEX alone");
        for (size_t i = 0; i < names->n; i++)
                bk_buf_printf(&list, "%s'%.100s'", i == 0 ? "" : ", ", names->v[i]);
        return bk_fail(err, BK_NOT_FOUND, "'%.200s' is not listed in it; there %s %s%s", name, count == 1 ? "is" : "are", list.data,
                       count > names->n ? ", ..." : "");
}

int boot_sum_in_file(const char *text, const char *name, struct boot_sum *ret, struct bk_error *err)
{
        BK_CLEANUP(best_done) struct best best = { 0 };
        autostrv struct bk_strv names = { 0 };
        const char *slash = strrchr(name, '/'), *line = NULL;
        struct lines lines = { .next = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text };
        size_t length = 0, count = 0;

        while (next_line(&lines, &line, &length)) {
                BK_CLEANUP(entry_done) struct entry entry = { 0 };

                if (!entry_of_line(line, length, &entry))
                        continue;
                consider(&best, &entry, name);
                if (entry.name == NULL)
                        continue;
                if (count++ < NAMES_SHOWN)
                        bk_strv_add(&names, entry.name);
        }
        if (best.score == 0)
                return fail_not_listed(&names, count, slash ? slash + 1 : name, err);
        if (best.rival != NULL)
                return bk_fail(err, BK_INVALID, "'%.200s' is not clear: it has '%.200s' and '%.200s', with different sums",
                               slash ? slash + 1 : name, best.name, best.rival);
        *ret = best.sum;
        return 0;
}

/* --- iso_checksum -------------------------------------------------------------------- */

static int sum_of_file(const char *where, const char *iso_url, const struct bk_fetch *fetch, struct boot_sum *ret, struct bk_error *err)
{
        /* Below "file:" a path may be spelled as in a URL: "//./a", "///a", "a%20b". */
        autofree char *as_url = bk_format("file:%s", where), *here = boot_local_path(where);
        autofree char *path = here ? boot_local_path(as_url) : NULL, *text = NULL, *name = boot_path_of_url(iso_url);
        struct bk_fetch get = *fetch;

        if (*where == '\0')
                return bk_fail(err, BK_INVALID, "iso_checksum 'file:' names no file; %s", KNOWN_FORMS);
        get.url = where;
        get.most = FILE_MOST;
        if (path != NULL ? bk_read_file(path, FILE_MOST, &text, NULL, err) < 0 : bk_fetch_text(&get, &text, err) < 0)
                return bk_wrap(err, "checksum file");
        if (boot_sum_in_file(text, name, ret, err) < 0)
                return bk_wrap(err, "checksum file '%s'", path ? path : where);
        return 0;
}

int boot_sum_parse_with(const char *checksum, const char *iso_url, const struct bk_fetch *fetch, struct boot_sum *ret,
                        struct bk_error *err)
{
        const char *text = checksum == NULL ? "" : checksum;
        size_t length = strlen(text);

        trim(&text, &length);
        if (length == 0 || (length == 4 && strncasecmp(text, "none", 4) == 0)) {
                *ret = (struct boot_sum){ .kind = BOOT_SUM_NONE };
                return 0;
        }
        if (length >= 5 && strncasecmp(text, "file:", 5) == 0) {
                autofree char *where = bk_strndup(text + 5, length - 5);

                return sum_of_file(where, iso_url, fetch, ret, err);
        }
        if (boot_sum_plain(text, length, ret))
                return 0;
        return bk_fail(err, BK_INVALID, "iso_checksum '%.200s' is not a checksum (%zu characters); %s", checksum, length, KNOWN_FORMS);
}

int boot_sum_parse(const char *checksum, const char *iso_url, struct boot_sum *ret, struct bk_error *err)
{
        return boot_sum_parse_with(checksum, iso_url, &(struct bk_fetch){ 0 }, ret, err);
}
