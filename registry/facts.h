/* What is known of all images at once, for whoever decides about many of them: columns, one entry for each image, in the order of
 * publication. A million images with four attributes take less than 150 MiB and about two seconds.
 *
 * All of it is of one moment. Times are Unix seconds. What nobody can know is REG_UNKNOWN, which is not the same as never (0). */
#pragma once
#include "registry/registry.h"

#define REG_UNKNOWN INT64_MIN
#define REG_NOWHERE UINT32_MAX          /* a place in the columns: none */

/* What is wanted besides sequence, state, created_at, size, ancestor, name, type and flags: the rest costs time. */
enum reg_facts_want {
        REG_FACTS_LAUNCHES = 1 << 0,            /* launched_at */
        REG_FACTS_HEADED = 1 << 1,              /* headed_at */
        REG_FACTS_STATES = 1 << 2,              /* state_at, tested_at */
        REG_FACTS_VERDICTS = 1 << 3,            /* flag FAILED */
        REG_FACTS_VULNERABLE = 1 << 4,          /* holes, flag NO_PACKAGES */
        REG_FACTS_KINDS = 1 << 5,               /* kind */
        REG_FACTS_IDS = 1 << 6,                 /* id of every image; else reg_facts_id() asks for one */
        REG_FACTS_MARKS = 1 << 7,               /* opted_out_until, purge_at */
        REG_FACTS_SHARED = 1 << 8,              /* layer_users */
        REG_FACTS_MAKERS = 1 << 9,              /* created_by */
};

enum reg_facts_flag {
        REG_FACT_HEAD = 1 << 0,         /* heads a channel now */
        REG_FACT_IN_USE = 1 << 1,       /* a launch reference is alive */
        REG_FACT_HIDDEN = 1 << 2,
        REG_FACT_FAILED = 1 << 3,       /* one of its checks failed */
        REG_FACT_NO_PACKAGES = 1 << 4,  /* nobody knows whether it is vulnerable: no packages are recorded, or its system is in no feed of
                                           advisories. It may have holes all the same: of languages' packages, say */
        REG_FACT_BAKED_ON = 1 << 5,     /* a bake on it is running, as far as is known */
};

/* Holes of one package set: of each severity (0 unrated to 5 critical, as advisories have them) when the oldest was published;
 * 0: there is none, REG_UNKNOWN: there is one of unknown age, perhaps beside others. Severity and age that a feed does not tell are those
 * that others tell of the same name; what nobody tells the age of was published no later than it was read here,
 * and is at least that old. */
struct reg_holes { int64_t any[6], fixable[6]; };

struct reg_facts {
        size_t n;
        int64_t at;                             /* when it was read */
        int64_t index;                          /* of the log */
        int64_t *sequence, *created_at, *size;  /* size: bytes that its own layer takes in the store */
        uint8_t *state, *flags;                 /* enum reg_state; enum reg_facts_flag */
        uint32_t *ancestor;                     /* place of the image it was baked on; REG_NOWHERE */
        uint32_t *name, *type;                  /* places in words */
        int64_t *launched_at;                   /* when a launch, or the end of one, was last told of; 0: never */
        int64_t *headed_at;                     /* when it last headed a channel: `at` for one that does; 0: never, or REG_UNKNOWN */
        int64_t *state_at, *tested_at;          /* since when it has its state; when it first was tested or more, 0: never; or REG_UNKNOWN:
                                                   the log does not say */
        uint32_t *holes;                        /* place in hole; REG_NOWHERE where it has none */
        uint32_t *kind;                         /* equal for images of one kind: the same name and identifying attributes (ancestry.c);
                                                   from 0, without gaps */
        int64_t *opted_out_until;               /* somebody asked for it to stay; 0: nobody did, INT64_MAX: for ever */
        int64_t *purge_at;                      /* in the trash: when it is to go for good; 0: not in the trash; or REG_UNKNOWN */
        uint32_t *created_by;                   /* place in words; REG_NOWHERE */
        uint32_t *layer_users;                  /* images that have the same top layer, itself included */
        char **id;
        struct reg_holes *hole;
        size_t n_holes;
        struct { char *key; uint32_t *value; } *attribute;      /* those that were asked for; value: place in words, REG_NOWHERE for none */
        size_t n_attributes;
        char **words;                           /* names, types and values, each once */
        size_t n_words;
        void *arena;                            /* the words' bytes; private */
};
/* keys: attributes that are wanted. only: the row of one image, 0 for all; ancestor is then REG_NOWHERE, and n is 0 where there is no such
 * image. Within the caller's transaction where there is one. A revocation that is due has no effect here before reg_due_apply(). */
struct reg_facts_ask { unsigned want; const struct bk_strv *keys; int64_t only; };
int reg_facts_read(struct reg *reg, const struct reg_facts_ask *ask, struct reg_facts *ret, struct bk_error *err) BK_MUST_CHECK;
void reg_facts_done(struct reg_facts *facts);
/* The id of the image of that row; the caller's. BK_NOT_FOUND. */
int reg_facts_id(struct reg *reg, int64_t sequence, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* How fresh the sources of usage are (usage.h). error NULL: it answered; ok_at 0: never yet. previous: the most that it knew of since somebody
 * was content with it. */
struct reg_source { char *name, *error; int64_t asked_at, ok_at, count, previous; };
struct reg_sources { struct reg_source *v; size_t n; };
int reg_sources_read(struct reg *reg, struct reg_sources *ret, struct bk_error *err) BK_MUST_CHECK;
void reg_sources_done(struct reg_sources *sources);

/* --- conditions of queries, tested on columns --------------------------------------------------------------- */
/* A query ("type=application&release=bookworm", "nginx?keep=forever", "nginx") that is asked of one image after the other; "?" in front of
 * conditions may be left out. Keys are attributes and columns, with every operator that queries have, and the answers are those of queries;
 * but without state= every state fits. Options (_latest, _limit, _hidden, ...), fields, and a query that says nothing are BK_INVALID. */
struct reg_match;
int reg_match_parse(const char *query, struct reg_match **ret, struct bk_error *err) BK_MUST_CHECK;
void reg_match_done(struct reg_match *match);
/* Adds the attributes that it looks at. */
void reg_match_keys(const struct reg_match *match, struct bk_strv *keys);
/* Before the first reg_match_meets(), and again for other facts: asks the registry once for what columns cannot tell (channels, packages,
 * digests). now: what ages ("30d") are counted from; 0: the facts' own. The facts are borrowed until then. */
int reg_match_prepare(struct reg *reg, struct reg_match *match, const struct reg_facts *facts, int64_t now, struct bk_error *err) BK_MUST_CHECK;
/* 1, 0, or -1: nobody can know, as a pattern costs too much (an attribute that is not there is no such case: `!=` holds, as in queries). */
int reg_match_meets(const struct reg_match *match, const struct reg_facts *facts, size_t i);
