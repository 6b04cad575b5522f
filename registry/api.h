/* The registry as programs see it: requests with a method, a path and a body, answered in JSON.
 *
 * Nothing here knows of sockets. `bakery serve` carries requests over HTTP; commands on the same host ask directly; so both
 * get the same answers. The rows of routes are also the OpenAPI document, so that it cannot tell of others.
 *
 * A path is what follows /api/v1, as it was sent: percent-encoded, with ";key=value" arguments and ":(projection)" behind its
 * last segment. What other programs look for elsewhere ("/streams/v1/index.json") is a path with one slash more: two. */
#pragma once
#include "layers/layer.h"
#include "registry/registry.h"

/* What a token allows; each allows what those before it do. */
enum reg_role { REG_NOBODY, REG_READ, REG_BAKE, REG_PROMOTE, REG_ADMIN };

struct reg_request;
/* Compares the files of two images, where their layers are: {"added", "removed", "changed"}. */
typedef int reg_files_fn(const struct reg_request *request, const struct reg_image *from, const struct reg_image *to, json_t **ret,
                         struct bk_error *err);

/* What the janitor of this host would do now, to that many images at most. BK_NOT_FOUND: there are no rules. */
typedef int reg_plan_fn(const struct reg_request *request, struct reg *reg, size_t most, json_t **ret, struct bk_error *err);

struct reg_request {
        reg_files_fn *files;            /* NULL: a process of the server's is asked, by reg_answer.make */
        reg_plan_fn *plan;              /* NULL: not here */
        const char *method;             /* "GET" */
        const char *path;               /* "/images/sha256:..." */
        const char *query;              /* behind "?", raw; "" */
        const char *body;               /* NULL: none */
        size_t length;                  /* bytes of the body */
        const char *type;               /* of the body, as it was sent; NULL: JSON */
        const char *who;                /* a token's name, or the user on this host */
        enum reg_role role;
        const char *role_why;           /* why it is so low, for people; NULL: nothing to say */
        const char *base;               /* "https://host:port" as the client called us, for answers that hold whole URLs; NULL: unknown */
        const struct layer_store *store;        /* of the layers that images name; NULL: none at hand */
};

struct reg_answer {
        int status;                     /* HTTP's */
        const char *type;               /* of the text; static */
        char *text;                     /* the caller's, by reg_answer_done() */
        size_t length;
        char *file;                     /* instead of a text: the path of a file, which is sent by ranges */
        uint64_t file_start, file_size; /* only this part of it; a size of 0: all of it */
        struct bk_strv make;            /* ids of images whose views (view.h) it lacks. With status 503 nothing can be answered before they
                                           are made, and a server makes them and asks again; else it makes them when there is time */
        struct bk_strv headers;         /* more of them, "Name: value"; a page's policy, a file's name */
        bool fleeting;                  /* it may be another one at the same index: not to be remembered */
        int64_t index;                  /* of the registry when it was read; ETag and ?index= are made of it */
};
void reg_answer_done(struct reg_answer *answer);

/* Always answers: an error is an answer with a status of 400 or more and {"error": {"kind", "message"}}. */
void reg_api(struct reg *reg, const struct reg_request *request, struct reg_answer *ret);

/* Would it be answered, as far as its route and its role say? *ret_needs is the role that its route asks for. False: *ret is the error. For a body
 * that is still to come. */
bool reg_api_welcomes(const struct reg_request *request, enum reg_role *ret_needs, struct reg_answer *ret);
/* Is what GET of this path asks wide? */
bool reg_api_wide(const char *path);
/* An error as an answer. */
void reg_answer_error(struct reg_answer *answer, const struct bk_error *err);

/* --- for the files that have routes -------------------------------------------- */
enum { REG_ROUTE_PARTS = 4 };
struct reg_call {
        struct reg *reg;
        const struct reg_request *request;
        const char *part[REG_ROUTE_PARTS];      /* what stood for {} in the pattern, decoded */
        const char *arguments;                  /* of the path, from its first ";" on, raw; "" */
        const char *projection;                 /* within ":(...)", decoded; NULL: none */
        struct reg_answer *answer;              /* status 200 and JSON unless the handler says otherwise */
        json_t *json;                           /* what the handler answers, its reference is given away */
};
struct reg_route {
        const char *method, *pattern;           /* "GET", "/images/{image}/lineage"; "//metrics": not below /api/v1 */
        enum reg_role role;                     /* needed */
        const char *summary;                    /* one line for OpenAPI */
        const char *query;                      /* names of query parameters by blanks, "*": those of queries; NULL: none */
        int (*run)(struct reg_call *call, struct bk_error *err);        /* an error becomes the answer; NULL: the HTTP server's own */
        const char *type;                       /* of the answer; NULL: application/json */
        bool wide;                              /* it may look at every image: a server answers some of these at a time, not only these */
};
#define REG_HTML "text/html; charset=utf-8"
struct reg_routes { const struct reg_route *v; size_t n; };
extern const struct reg_routes reg_routes_images, reg_routes_life, reg_routes_prune, reg_routes_janitor, reg_routes_packages, reg_routes_use,
        reg_routes_serve, reg_routes_metrics, reg_routes_hooks, reg_routes_bakes, reg_routes_streams, reg_routes_pages, reg_routes_vagrant;
const struct reg_routes *const *reg_routes_all(void);           /* NULL-terminated */
/* What another route answers to GET, within the answering of `call` and with the rights of who asked that: its JSON, the caller's, or NULL with
 * the text in *ret, whatever happened the caller's too. */
int reg_api_within(const struct reg_call *call, const char *path, const char *query, struct reg_answer *ret, json_t **ret_json,
                   struct bk_error *err) BK_MUST_CHECK;
/* The body as JSON, which must be there; *ret is the caller's. */
int reg_body_json(const struct reg_call *call, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* call.c: where a parameter stands in "a=b&c=d", raw; value NULL: it stands alone. `between` are the characters that part parameters. */
struct reg_parameter { const char *name, *value, *end; };
bool reg_parameter_find(const char *text, size_t length, const char *between, const char *name, struct reg_parameter *ret);
/* The value of a query parameter, decoded and the caller's; NULL where it is not given. */
int reg_call_text(const struct reg_call *call, const char *name, char **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_call_switch(const struct reg_call *call, const char *name, bool *ret, struct bk_error *err) BK_MUST_CHECK;      /* 0 or 1 */
/* *ret stays as it is where it is not given. */
int reg_call_number(const struct reg_call *call, const char *name, int64_t least, int64_t most, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
/* The value of a key in "a=b&c=d" as a form is sent, decoded and the caller's; NULL where it is not there. Forms write blanks as "+". */
int reg_form_text(const char *text, size_t length, const char *key, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* Takes items, and next: the cursor of what follows, NULL at the end. */
json_t *reg_call_list(const struct reg_call *call, json_t *items, json_t *next);
json_t *reg_call_next(int64_t number);                          /* the cursor of those behind that number; 0: there are none */
int reg_status_of(enum bk_kind kind);                           /* 404 for BK_NOT_FOUND, ... */
/* The OpenAPI document of all routes; the caller's. */
json_t *reg_openapi(void);

/* What the HTTP server of this process has done so far; zeroes where there is none. */
struct reg_traffic {
        _Atomic uint64_t answers[6];            /* by the first digit of their status */
        _Atomic uint64_t bytes_out, bytes_in;   /* of bodies */
        _Atomic uint64_t cached;                /* answers that were remembered */
        _Atomic uint64_t limited;               /* refused for their number, and connections ended for being slow */
        _Atomic uint64_t connections, waiting;  /* now */
};
extern struct reg_traffic reg_traffic;
