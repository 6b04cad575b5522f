/* What the files that make up facts.h share: a tree of what is known, the script that asks, and the parser of its answer. */
#pragma once
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "spec/facts.h"

enum { FACTS_SMALL = 256 << 10,         /* bytes of a content that comes unasked */
       FACTS_WHOLE = 32 << 20,          /* of a package database's */
       FACTS_BATCH = 24 << 20,          /* of all contents of one batch */
       FACTS_BYTES_MOST = 256 << 20,    /* of everything that is remembered */
       FACTS_NODES_MOST = 100000,
       FACTS_NAMES_SMALL = 4096, FACTS_NAMES_MOST = 65536,      /* in a folder */
       FACTS_SCRIPT_MOST = 512 << 10,   /* bytes of what is asked at once */
       FACTS_GROUP = 40,                /* paths of one stat: their nodes fit its arguments, and "$@" grows cheaply */
       FACTS_LINE_MOST = 96 << 10,      /* an argument of sh, whose most is 128 KiB */
       FACTS_ROUNDS = 8, FACTS_LINKS_MOST = 40, FACTS_TOKEN = 32 };

enum fact_state { FACT_UNKNOWN, FACT_THERE, FACT_ABSENT, FACT_DENIED };

/* Of a file's content and a folder's names. LATER: the batch was full. */
enum fact_part { PART_UNASKED, PART_HELD, PART_LARGE, PART_LATER, PART_DENIED };

struct fact_attribute {
        struct fact_attribute *next;
        char *name, *value;             /* value NULL: it has none of that name */
        size_t len;
};

/* One path without links above it. */
struct fact_node {
        char *path;
        enum fact_state state;
        struct stat st;
        char *why;                      /* DENIED: what the guest said */
        char *link;                     /* of a symlink */
        enum fact_part content, names;
        char *data;
        size_t len;
        struct bk_strv list;
        struct fact_attribute *attributes;
};

struct fact_want {
        char *path, *asked;             /* asked: what was asked last on the way there */
        size_t limit;                   /* bytes of its content that may come */
        unsigned tries;
        bool pending, used;             /* used: somebody needed it */
};

struct fact_line {
        char *line;
        bool pending, answered, used;
        struct spec_output output;
};

struct spec_facts {
        struct spec_facts_source source;
        void *nodes, *wants, *lines;    /* tsearch(3) trees by their first member; pointers into them stay valid */
        struct fact_want **want;        /* in the order of their coming */
        struct fact_line **line;
        struct fact_node **node;
        size_t n_wants, n_lines, n_nodes, bytes;
        struct fact_node *alone;        /* whose large content is held; the next one takes its place */
        bool apart;                     /* a batch failed as a whole: from here on everything is asked alone */
};

/* facts_tree.c */
struct fact_node *fact_node_find(const struct spec_facts *facts, const char *path);
/* A new one where there is none. NULL when there are too many. */
struct fact_node *fact_node_get(struct spec_facts *facts, const char *path);
void fact_node_drop_content(struct spec_facts *facts, struct fact_node *node);
void fact_tree_clear(struct spec_facts *facts);
const struct fact_attribute *fact_attribute_find(const struct fact_node *node, const char *name);
void fact_attribute_put(struct fact_node *node, const char *name, const char *value, size_t length);
/* Where a path leads: 1 and *ret, 0 when nowhere, -1 when nobody can tell; FACT_NEED when *ret_need (the caller's) has to be asked
 * first. */
enum { FACT_NEED = 2 };
int fact_resolve(const struct spec_facts *facts, const char *path, bool follow, struct fact_node **ret, char **ret_need,
                 struct bk_error *err);

/* facts_script.c */
struct facts_batch {
        struct bk_buf script;
        char boundary[FACTS_TOKEN + 1];         /* before every record; no program's argument ever */
        char separator[FACTS_TOKEN + 1];        /* of the names that stat prints */
        struct fact_line **lines;               /* borrowed, in the order asked */
        size_t n_lines;
};
void facts_batch_done(struct facts_batch *batch);
int facts_batch_begin(struct facts_batch *batch, struct bk_error *err) BK_MUST_CHECK;
/* Paths of one limit. */
void facts_batch_paths(struct facts_batch *batch, size_t limit, char *const paths[], size_t n);
void facts_batch_line(struct facts_batch *batch, struct fact_line *line);
void facts_batch_end(struct facts_batch *batch);
void facts_quote(struct bk_buf *buf, const char *text);

/* facts_parse.c: takes what the script printed into the tree. */
int facts_parse(struct spec_facts *facts, const struct facts_batch *batch, const char *bytes, size_t length,
                struct bk_error *err) BK_MUST_CHECK;

/* facts_ask.c */
void facts_want_again(struct fact_want *want);
/* Asks for the path's content or names as well, up to limit bytes. */
int facts_demand(struct spec_facts *facts, const char *path, size_t limit, struct bk_error *err) BK_MUST_CHECK;
/* fact_resolve(), with what it needs asked. */
int facts_look(struct spec_facts *facts, const char *path, bool follow, struct fact_node **ret, struct bk_error *err) BK_MUST_CHECK;
