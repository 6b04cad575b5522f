/* The registry: which images exist, what is in them, what they were made from.
 *
 * Truth is SQL. The registry knows blobs by digest only; the store keeps them.
 * A row never names a blob that is not published already: callers publish
 * blobs first. Every function that fails leaves the registry as it was.
 * An empty answer to a query is BK_NOT_FOUND, a storage error never looks like one. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"

struct reg;

/* Opens home/registry.db, creating it and bringing its schema up to date. */
int reg_open(const char *home, struct reg **ret, struct bk_error *err) BK_MUST_CHECK;
void reg_close(struct reg *reg);

/* States in the order of life. Only forward, or explicitly back with a reason. */
enum reg_state { REG_BAKED, REG_TESTED, REG_PROMOTED, REG_DEPRECATED, REG_REVOKED, REG_TRASHED };
const char *reg_state_name(enum reg_state state);
int reg_state_parse(const char *name, enum reg_state *ret, struct bk_error *err) BK_MUST_CHECK;

struct reg_pair { char *key, *value; };

struct reg_image {
        int64_t sequence;               /* order of publication; "newest" means highest */
        char *id;                       /* digest of the manifest */
        char *name;                     /* [a-z0-9][a-z0-9._/-]* */
        char *type;                     /* "foundation", "base", "application", or the user's own word */
        enum reg_state state;
        bool hidden;                    /* offered to nobody; found by its digest */
        char *layer;                    /* digest of its top layer */
        char *ancestor;                 /* id of the image it was baked on; NULL for a foundation */
        char *input_hash;               /* digest of all that went into the bake */
        uint64_t size;                  /* bytes that its own layer takes in the store */
        uint64_t virtual_size;          /* bytes of the disk */
        int64_t created_at;             /* unix seconds */
        char *created_by, *created_on;  /* user, host */
        struct reg_pair *attributes;    /* release=bookworm, architecture=amd64, ...; sorted by key */
        size_t n_attributes;
};
void reg_image_done(struct reg_image *image);
const char *reg_image_attribute(const struct reg_image *image, const char *key);        /* NULL when absent */

struct reg_images { struct reg_image *v; size_t n; };
void reg_images_done(struct reg_images *images);

struct reg_package { char *name, *version, *architecture, *source, *source_version, *ecosystem; /* "deb" */ };

struct reg_layer {
        char *digest;
        char *backing;                  /* digest of the layer below; NULL at the bottom */
        uint64_t size, virtual_size;    /* bytes */
        unsigned depth;                 /* 0 at the bottom */
};
struct reg_layers { struct reg_layer *v; size_t n; };
void reg_layers_done(struct reg_layers *layers);

struct reg_check { char *suite, *name, *verdict, *message; int64_t duration_us; };

/* All that is recorded of one bake. Borrowed; sequence and created_at of the
 * image are given by the registry. provenance is an object: template, template_digest,
 * inputs, who, when, where, ci (variables such as BUILD_URL, JOB_NAME, GIT_COMMIT). */
struct reg_publication {
        const struct reg_image *image;
        const struct reg_layer *layer;
        const char *manifest;           /* the bytes whose digest is image->id */
        const struct reg_package *packages;
        size_t n_packages;
        const char *os;                 /* whose packages these are, by its os-release: "debian:12"; NULL: as the attributes say */
        const struct reg_check *checks;
        size_t n_checks;
        json_t *provenance;
        bool allow_revoked;             /* the ancestor may be revoked; the image is then revoked as it is */
        bool unique_version;            /* no other living image of its name has its version and architecture; from now on neither */
        const char *const *signatures;  /* of the manifest, .minisig files */
        size_t n_signatures;
        const char *attestation;        /* reg_statement() of it in a signed envelope; NULL: none */
        const char *who;                /* publishes it here, for the log; NULL: who baked it */
};

/* One transaction. Publishing what is there already (the same id) is BK_CONFLICT;
 * an ancestor that is not there, or is revoked or trashed, is an error that says so. */
int reg_publish(struct reg *reg, const struct reg_publication *publication, struct bk_error *err) BK_MUST_CHECK;

/* A query: "name?key=value&key=value", "?key=value", "name", also with ";", and ":(id,release)" behind it; docs/registry.md has the
 * grammar. Keys are attributes and columns (registry/keys.c); values with %XX.
 * state=X: baked, tested and promoted also match what has gone further on that ladder
 * (a promoted image is a tested one); deprecated, revoked, trashed match exactly.
 * Without state=, deprecated, revoked and trashed images are left out; BK_GONE when nothing else matches.
 * _latest: the newest only. _limit=N. Newest first. An unknown _option is an error that names the known ones. */
int reg_query(struct reg *reg, const char *query, struct reg_images *ret, struct bk_error *err) BK_MUST_CHECK;

/* How many images a query asks for at most; -1: all. BK_INVALID for what is no query. */
int reg_query_limit(const char *query, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;

/* One image by what people write: a digest, its first 8 or more hex digits, "name:channel",
 * a name, or a query; the newest where several match. No match is BK_NOT_FOUND, an ambiguous prefix BK_CONFLICT, what was
 * deleted or withdrawn BK_GONE. */
int reg_resolve(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;

/* From the oldest ancestor to the image itself. */
int reg_lineage(struct reg *reg, const char *id, struct reg_images *ret, struct bk_error *err) BK_MUST_CHECK;
/* Whether what an image stands on is still the best there is: the newest tested image of the same kind, which has the same name and
 * the same identifying attributes (ancestry.c lists them). UNDETERMINED: no image of that kind is tested. */
enum reg_freshness { REG_UP_TO_DATE, REG_UNDETERMINED, REG_OUT_OF_DATE };
const char *reg_freshness_name(enum reg_freshness freshness);
/* Of each image of a lineage, oldest first: its own, where it is an ancestor of the last; of the last the worst of them.
 * ret has room for line->n; ret_newest, too, and gets the ids of what is better, the caller's, or NULL. */
int reg_lineage_freshness(struct reg *reg, const struct reg_images *line, enum reg_freshness *ret, char **ret_newest,
                          struct bk_error *err) BK_MUST_CHECK;

/* Descendants at any depth, oldest first, without what only the image itself is asked for: there may be very many. */
struct reg_node {
        int64_t sequence, ancestor;     /* ancestor: its sequence */
        unsigned depth;                 /* 1: baked on the image itself */
        enum reg_state state;
        char *id, *name, *type;
        uint64_t size;
        int64_t created_at;
};
struct reg_nodes { struct reg_node *v; size_t n; };
void reg_nodes_done(struct reg_nodes *nodes);
/* depth 0: no limit. after: a sequence, 0 from the start. limit -1: all. */
struct reg_descent { unsigned depth; int64_t after, limit; };
int reg_descendants(struct reg *reg, const char *id, const struct reg_descent *how, struct reg_nodes *ret, struct bk_error *err) BK_MUST_CHECK;

/* What changed from one image to another, or from one moment of an image to another: {"from", "to", "fields", "attributes",
 * "packages": {"added", "removed", "changed"}, "checks"}. *ret is the caller's. */
struct reg_side { const struct reg_image *image; int64_t at; /* 0: now */ };
int reg_diff(struct reg *reg, const struct reg_side *from, const struct reg_side *to, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* A picture of an image's lineage and its descendants, as SVG that stands on its own; the caller's. */
int reg_lineage_svg(struct reg *reg, const char *id, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* The newest living image (not revoked or trashed) of that name with that input hash; none is BK_NOT_FOUND. */
int reg_find_input(struct reg *reg, const char *name, const char *input_hash, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;

int reg_manifest(struct reg *reg, const char *id, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* Everything recorded of one image as JSON: attributes, states with who/when/why, packages (when wanted),
 * checks, provenance, channels. The caller's reference. */
int reg_image_json(struct reg *reg, const char *id, bool with_packages, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
json_t *reg_image_summary(const struct reg_image *image);       /* what `bakery images --json` prints a line */

/* Every layer that has a row; for fsck. */
int reg_all_layers(struct reg *reg, struct reg_layers *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_layer_get(struct reg *reg, const char *digest, struct reg_layer *ret, struct bk_error *err) BK_MUST_CHECK;
void reg_layer_done(struct reg_layer *layer);
