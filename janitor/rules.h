/* The janitor's rules, as they are written (docs/janitor.md): read, checked, and understood; not yet asked of any image.
 *
 * A file is HCL, or the same as JSON. Every word of it has a place, so that whatever is said later - by lint, by `explain` - can name
 * file:line:column. */
#pragma once
#include "lib/mem.h"
#include "registry/facts.h"
#include "registry/prune.h"

enum janitor_kind { JANITOR_PROTECT, JANITOR_KEEP, JANITOR_RETIRE };    /* in the order in which they are asked */
const char *janitor_kind_name(enum janitor_kind kind);

struct janitor_place { const char *file; unsigned line, column; };      /* file is the rules' own */

/* Predicates are rows (predicates.c of the parser's side): a name, what their operand is, what facts they need. What they mean is evaluate.c's. */
enum janitor_test {
        JANITOR_MATCH,                  /* match = "environment!=prod&version<2": a query's conditions */
        JANITOR_STATE,                  /* state = "baked" or ["deprecated", "revoked"]: exactly these */
        JANITOR_AGE,                    /* age = "30d": created so long ago, or longer */
        JANITOR_IN_STATE_FOR,           /* in_state_for = "7d" */
        JANITOR_NOT_LAUNCHED_FOR,       /* "45d": no launch told of since; never launched: counted from its creation */
        JANITOR_NOT_REFERENCED_FOR,     /* neither launched, nor heading a channel, nor used as an ancestor */
        JANITOR_NOT_HEADED_FOR,         /* no channel's head since */
        JANITOR_NOT_USED_AS_ANCESTOR_FOR,
        JANITOR_IN_USE, JANITOR_HEAD,   /* = true, false */
        JANITOR_DESCENDANTS,            /* living_descendants = false; living: not revoked, not in the trash; at any depth */
        JANITOR_NEWEST,                 /* newest = 3, by = ["name", "release"]: among the newest 3, by group, of those in the rule's scope */
        JANITOR_SUPERSEDED_FOR,         /* "90d": a newer image of its kind was tested so long ago */
        JANITOR_SUPERSEDED,             /* = true, false */
        JANITOR_NEWEST_TESTED,          /* = true: the newest tested image of its kind */
        JANITOR_FAILED, JANITOR_UNTESTED, JANITOR_REVOKED, JANITOR_HIDDEN,       /* = true, false */
        JANITOR_VULNERABLE,             /* vulnerable = "high", or a block: severity, age = "14d", fixable = true, fixed_successor = true */
        JANITOR_SIZE,                   /* size = ">1GiB", "<=500M" */
        JANITOR_HOLD,                   /* hold = true: its attribute legal_hold is a date to come, or "forever"; unreadable: unknown */
        JANITOR_OPTED_OUT,              /* = true */
        JANITOR_OWNER,                  /* owner = "ada" or a list: its attribute owner, else created_by */
        JANITOR_TAGGED,                 /* tagged = "keep" : the attribute is there; untagged by not {} */
        JANITOR_ANCESTOR_GONE,          /* ancestor_revoked = true: it stands on an image that is revoked or in the trash */
        JANITOR_TTL,                    /* ttl = "expired": its attribute ttl ("10d", a date, "never") has run out; unreadable: unknown */
        JANITOR_LAUNCHED_WITHIN,        /* launched_within = "30d": in use now, or a launch was told of since. What never was launched: no */
        JANITOR_HEADED_WITHIN,          /* headed_within = "30d": heads a channel now, or did since. What never did: no, however new it is */
        JANITOR_TESTS
};

enum janitor_bound { JANITOR_AT_LEAST, JANITOR_MORE, JANITOR_AT_MOST, JANITOR_LESS, JANITOR_EXACTLY };

/* A `when`: a tree. ALL, ANY and NOT have items; TEST has an operand, as its test wants it. */
enum janitor_node { JANITOR_ALL, JANITOR_ANY, JANITOR_NOT, JANITOR_TEST_NODE };
struct janitor_term {
        enum janitor_node node;
        struct janitor_place place;
        char *text;                             /* as a person would write it: "age = \"30d\"" */
        struct janitor_term *items;             /* owned */
        size_t n;
        enum janitor_test test;
        int64_t number;                         /* seconds, bytes, a count; 0 and 1 for false and true */
        enum janitor_bound bound;               /* of size */
        unsigned states;                        /* of JANITOR_STATE: bit 1 << enum reg_state */
        struct bk_strv words;                   /* owners, a tag, the keys of `by`, the query of `match` */
        struct reg_match *match;
        struct { int severity; int64_t age; int fixable, fixed_successor; } hole;       /* severity 1-5, at least; -1: does not matter */
};

/* Told before it happens: who, and by what. */
struct janitor_notify { enum { JANITOR_MAIL, JANITOR_WEBHOOK, JANITOR_COMMAND } how; char *to; };      /* "owner" or an address; a URL; a program */

/* Times in which nothing but business days count. */
struct janitor_grace { int64_t seconds; unsigned business_days; };      /* one of the two, or neither */

struct janitor_rule {
        enum janitor_kind kind;
        char *name, *why;                       /* why: what it is for, in a person's words; NULL */
        struct janitor_place place;
        struct reg_match *scope;                /* NULL: all images */
        char *scope_text;
        struct janitor_term when;               /* an empty ALL holds always */
        /* KEEP */
        unsigned newest;                        /* so many of each group; 0: all that `when` finds */
        struct bk_strv by;                      /* "name", "type", "kind" or attributes */
        uint64_t newest_bytes;                  /* the newest of each group as long as they take no more than that; 0: any */
        /* RETIRE */
        enum reg_prune action;
        struct janitor_grace grace;
        int64_t restore;                        /* seconds in the trash */
        struct janitor_notify *notify;
        size_t n_notify;
        int64_t most;                           /* at most so many in one run; -1: no limit of its own */
        unsigned least;                         /* so many of each group (by) stay whatever `when` says; 0 */
};

struct janitor_caps { int64_t count, bytes; double percent; };          /* of one run; -1: none. percent: of all images that are not in the trash */

struct janitor_settings {                       /* the block janitor {} */
        struct janitor_caps caps;               /* defaults: 100 images, 25 percent, no bytes */
        int64_t usage_fresh;                    /* seconds that a source may be old; 3600 */
        double usage_shrink;                    /* percent by which a source may shrink from one answer to the next; 50 */
        struct bk_strv usage_sources;           /* that must be there; patterns; empty: all that ever told */
        int64_t restore;                        /* 7 days */
        unsigned business_days;                 /* bit 0 Monday ... bit 6 Sunday; Monday to Friday */
        struct bk_strv holidays;                /* "2026-12-25" */
        char *mail_from, *mail_domain, *base;   /* of messages; base: the URL under which people reach `bakery serve`; NULL */
};

struct janitor_rules {
        char *file, *digest;                    /* of the text */
        struct janitor_rule *v;                 /* in the order of the file */
        size_t n;
        struct janitor_settings settings;
};
/* BK_INVALID with the place and, for a word that is nearly known, the known one. */
int janitor_rules_load(const char *path, struct janitor_rules *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_rules_parse(const char *file, const char *text, size_t length, struct janitor_rules *ret, struct bk_error *err) BK_MUST_CHECK;
void janitor_rules_done(struct janitor_rules *rules);
const char *janitor_test_name(enum janitor_test test);
/* What facts and attributes these rules look at. */
void janitor_rules_ask(const struct janitor_rules *rules, unsigned *ret_want, struct bk_strv *ret_keys);

/* calendar.c: when a grace that begins at `from` (UTC) ends. Business days begin with the next midnight after `from`. */
int64_t janitor_grace_end(const struct janitor_settings *settings, const struct janitor_grace *grace, int64_t from);

/* lint.c, without a registry: rules that can never match, that another rule makes superfluous, that contradict; {"rule", "place", "problem"} each. */
int janitor_lint(const struct janitor_rules *rules, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
