/* Advisories, from files to structs; no SQL here.
 *
 * Files come from outside and may be large: one is cut into pieces as it is read, and no more than a piece is ever in memory. */
#pragma once
#include <jansson.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/version.h"

/* --- advisory_unpack.c: files as they are published ------------------------------ */
struct reg_unpacker {
        int (*take)(void *arg, const char *bytes, size_t length, struct bk_error *err);
        int (*end)(void *arg, struct bk_error *err);            /* of one file of JSON; the next may begin */
        void *arg;
};
/* JSON, or a zip or a tar of *.json, each compressed by gzip or not; fd need not seek, and is read to its end. BK_CORRUPT where it is
 * damaged or cut off: what was taken before stays taken. */
int reg_unpack(int fd, const struct reg_unpacker *to, struct bk_error *err) BK_MUST_CHECK;

/* --- advisory_split.c: a file into pieces ----------------------------------------- */
enum reg_advisory_format { REG_OSV, REG_DEBIAN_TRACKER };
struct reg_piece {
        enum reg_advisory_format format;
        const char *key;                /* REG_DEBIAN_TRACKER: the source package, as JSON has it between the quotes */
        const char *text;               /* JSON: an advisory, or all of that package */
        size_t length;
};
/* The file is one OSV object, an array of them, any number of both one behind the other, or the Debian security tracker's object; a
 * byte order mark in front of it is passed over. */
struct reg_splitter {
        int (*take)(void *arg, const struct reg_piece *piece, struct bk_error *err);
        void *arg;
        /* private */
        struct bk_buf buf;
        unsigned depth;
        size_t key_at, key_length, value_at;
        int what;
        unsigned mark;
        bool in_string, escaped, in_array;
};
int reg_split(struct reg_splitter *splitter, const char *bytes, size_t length, struct bk_error *err) BK_MUST_CHECK;
int reg_split_end(struct reg_splitter *splitter, struct bk_error *err) BK_MUST_CHECK;  /* BK_INVALID in the middle of a value */
void reg_splitter_done(struct reg_splitter *splitter);

/* --- one advisory ------------------------------------------------------------------- */
enum reg_severity { REG_UNRATED, REG_NEGLIGIBLE, REG_LOW, REG_MEDIUM, REG_HIGH, REG_CRITICAL };
const char *reg_severity_name(enum reg_severity severity);
/* "HIGH", "moderate", "important"; what is none of the known words is REG_UNRATED. */
enum reg_severity reg_severity_of(const char *word);
/* CVSS 2.0, 3.0 and 3.1 base scores, in tenths; -1 for what is no such vector. */
int reg_cvss_score(const char *vector);
enum reg_severity reg_cvss_severity(int score);

struct reg_affected {
        enum bk_ecosystem ecosystem;
        char *os;                       /* "debian:12"; "" for languages' packages */
        char *name;                     /* of the source package */
        char *ranges;                   /* see advisory_range.c */
        enum reg_severity severity;
};
struct reg_advisory {
        const char *feed;               /* "osv", "debian" */
        char *name, *part, *summary;
        char *vector;                   /* NULL: none */
        char *digest;                   /* of what was read */
        enum reg_severity severity;
        int score;                      /* -1: none */
        int64_t published, modified, withdrawn;         /* 0: not said, not so */
        struct bk_strv aliases;
        struct reg_affected *affected;
        size_t n_affected;
        size_t n_other;                 /* of ecosystems that images are not looked through for */
};
void reg_advisory_done(struct reg_advisory *advisory);
struct reg_affected *reg_advisory_add(struct reg_advisory *advisory);
/* The advisories of a document of OSV's: itself, a list, or what its API answers, {"vulns": [...]}. A list, the caller's. */
json_t *reg_osv_list(json_t *json);
int reg_osv_parse(const json_t *json, struct reg_advisory *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_debian_parse(const char *package, const char *name, const json_t *json, struct reg_advisory *ret, struct bk_error *err) BK_MUST_CHECK;
bool reg_advisory_name_valid(const char *name);

/* --- advisory_range.c: which versions -------------------------------------------------- */
struct reg_range_event { char kind; unsigned range; size_t place; const char *version; };
struct reg_ranges { enum bk_ecosystem ecosystem; char *text; struct reg_range_event *v; size_t n; };
void reg_ranges_parse(enum bk_ecosystem ecosystem, const char *text, struct reg_ranges *ret);
/* fixed: the version that ends it, borrowed; NULL where none does. */
bool reg_ranges_have(const struct reg_ranges *ranges, const char *version, const char **ret_fixed);
void reg_ranges_done(struct reg_ranges *ranges);
