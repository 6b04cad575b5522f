/* Finding the row that answers. */
#include "registry/api.h"

#include <string.h>

#include "registry/life.h"
#include "registry/page_priv.h"
#include "registry/registry_priv.h"

static const struct { enum bk_kind kind; int status; } statuses[] = {
        { BK_USAGE, 400 }, { BK_INVALID, 400 }, { BK_DENIED, 403 }, { BK_NOT_FOUND, 404 }, { BK_CONFLICT, 409 }, { BK_GONE, 410 },
        { BK_TESTS, 409 }, { BK_FAILED, 500 }, { BK_CORRUPT, 500 }, { BK_TIMEOUT, 504 }, { BK_LOCKED, 503 }, { BK_NO_SPACE, 507 },
        { BK_INFRA, 503 }, { BK_INTERRUPTED, 503 },
};

int reg_status_of(enum bk_kind kind)
{
        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
                if (statuses[i].kind == kind)
                        return statuses[i].status;
        return 500;
}

const struct reg_routes *const *reg_routes_all(void)
{
        /* Vagrant's are last: "/{user}/{box}" fits much that is somebody else's. */
        static const struct reg_routes *const all[] = { &reg_routes_images, &reg_routes_life, &reg_routes_prune, &reg_routes_janitor,
                                                        &reg_routes_packages, &reg_routes_use, &reg_routes_serve, &reg_routes_metrics,
                                                        &reg_routes_hooks, &reg_routes_bakes, &reg_routes_streams, &reg_routes_pages,
                                                        &reg_routes_vagrant, NULL };

        return all;
}

void reg_answer_done(struct reg_answer *answer)
{
        free(answer->text);
        free(answer->file);
        bk_strv_done(&answer->make);
        bk_strv_done(&answer->headers);
        *answer = (struct reg_answer){ 0 };
}

static void answer_json(struct reg_answer *answer, json_t *json)
{
        answer->type = "application/json";
        answer->text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        if (answer->text == NULL)
                answer->text = bk_strdup("null");
        answer->length = strlen(answer->text);
        json_decref(json);
}

void reg_answer_error(struct reg_answer *answer, const struct bk_error *err)
{
        reg_answer_done(answer);
        answer->status = reg_status_of(err->kind);
        answer_json(answer, json_pack("{s:{s:s,s:o}}", "error", "kind", bk_kind_name(err->kind), "message", reg_json_text(err->text)));
}

int reg_body_json(const struct reg_call *call, json_t **ret, struct bk_error *err)
{
        const struct reg_request *request = call->request;
        json_error_t why;
        json_t *json;

        if (request->body == NULL || request->length == 0)
                return bk_fail(err, BK_INVALID, "%s '%.200s' takes a JSON document", request->method, request->path);
        json = json_loadb(request->body, request->length, JSON_REJECT_DUPLICATES, &why);
        if (json == NULL)
                return bk_fail(err, BK_INVALID, "the body is not JSON: line %d, column %d: %s", why.line, why.column, why.text);
        *ret = json;
        return 0;
}

/* --- paths ------------------------------------------------------------------- */
struct target { struct bk_strv parts; char *arguments, *projection; bool root; };

static void target_done(struct target *target)
{
        bk_strv_done(&target->parts);
        free(target->arguments);
        free(target->projection);
}

/* "/images/x;a=b:(id)" -> "images", "x"; ";a=b"; "id". An image's name has slashes, which are sent as %2F. What cannot be read is taken as it was
 * sent, so that there is a row to say in which form that is told. */
static int cut(const char *path, struct target *ret, struct bk_error *err)
{
        const char *end = path + strcspn(path, ";");
        const char *projection = strstr(path, ":(");
        int status = 0;

        if (projection != NULL && projection < end)
                end = projection;
        ret->arguments = bk_strndup(end, projection != NULL ? (size_t)(projection - end) : strlen(end));
        if (projection != NULL) {
                const size_t length = strlen(projection);

                if (projection[length - 1] != ')')
                        status = bk_fail(err, BK_INVALID, "the projection ':(' has no ')' at its end");
                else
                        status = reg_decode(projection + 2, length - 3, &ret->projection, err);
        }
        if (path < end && *path != '/')
                return bk_fail(err, BK_INVALID, "a path begins with '/'");
        ret->root = path[0] == '/' && path[1] == '/';
        path += ret->root;
        while (*path == '/' && path + 1 < end) {        /* a slash at the end says nothing */
                const char *next = path + 1 + strcspn(path + 1, "/");
                char *part = NULL;

                path++;
                if (next > end)
                        next = end;
                if (reg_decode(path, (size_t)(next - path), &part, status < 0 ? NULL : err) < 0) {
                        part = bk_strndup(path, (size_t)(next - path));
                        status = -1;
                }
                bk_strv_take(&ret->parts, part);
                path = next;
        }
        return status;
}

static bool fits(const char *pattern, const struct target *target, const char **ret)
{
        const bool root = pattern[0] == '/' && pattern[1] == '/';
        size_t i = 0, n = 0;

        if (root != target->root)
                return false;
        for (pattern += root; pattern[0] == '/' && pattern[1] != '\0';) {
                const char *next = pattern + 1 + strcspn(pattern + 1, "/");
                const size_t length = (size_t)(next - ++pattern);

                if (i == target->parts.n)
                        return false;
                /* What has no name is nothing: "/images//" is no image, and not the list either. */
                if (*pattern == '{' && *target->parts.v[i] == '\0')
                        return false;
                if (*pattern == '{')
                        ret[n++] = target->parts.v[i];
                else if (strlen(target->parts.v[i]) != length || strncmp(pattern, target->parts.v[i], length) != 0)
                        return false;
                i++;
                pattern = next;
        }
        return i == target->parts.n;
}

static const struct reg_route *find(const struct reg_request *request, const struct target *target, const char **parts,
                                    struct bk_buf *other_methods)
{
        for (const struct reg_routes *const *all = reg_routes_all(); *all != NULL; all++)
                for (size_t i = 0; i < (*all)->n; i++) {
                        const struct reg_route *route = &(*all)->v[i];

                        if (!fits(route->pattern, target, parts))
                                continue;
                        if (bk_streq(route->method, request->method))
                                return route;
                        bk_buf_printf(other_methods, "%s%s", other_methods->len > 0 ? ", " : "Allow: ", route->method);
                }
        return NULL;
}

/* The row for a request, which may ask for it; NULL with an error. A method that is not for this path is 405, and what is for it is told.
 * *ret_page: people look at the answer. */
static const struct reg_route *route_of(const struct reg_request *request, struct target *target, const char **parts, struct reg_answer *ret,
                                        bool *ret_page, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf others = { 0 };
        const int status = cut(request->path, target, err);
        const struct reg_route *route = find(request, target, parts, &others);

        *ret_page = route != NULL && bk_streq(route->type, REG_HTML);
        if (status < 0)
                return NULL;
        if (route != NULL && request->role >= route->role)
                return route;
        if (route != NULL) {
                (void)bk_fail(err, BK_DENIED, "%s '%.200s' needs a token with a higher role%s%s", request->method, request->path,
                              request->role_why == NULL ? "" : ": ", request->role_why == NULL ? "" : request->role_why);
        } else if (others.len > 0) {
                ret->status = 405;
                bk_strv_add(&ret->headers, others.data);
                (void)bk_fail(err, BK_INVALID, "'%.200s' is not for %.20s", request->path, request->method);
        } else {
                (void)bk_fail(err, BK_NOT_FOUND, "there is no '%.200s' to %.20s", request->path, request->method);
        }
        return NULL;
}

static int run(struct reg *reg, const struct reg_request *request, const struct target *target, struct reg_call *call, const struct reg_route *route,
               struct bk_error *err)
{
        if (route->run == NULL)
                return bk_fail(err, BK_INVALID, "%s '%.200s' is answered by `bakery serve` only", request->method, request->path);
        call->reg = reg;
        call->request = request;
        call->arguments = target->arguments;
        call->projection = target->projection;
        call->answer->status = 200;
        call->answer->type = route->type;
        if (route->run(call, err) == 0)
                return 0;
        json_decref(bk_take(call->json));
        call->answer->status = 0;
        return -1;
}

/* What anybody may ask hands out no image: whether the registry is well, for one. */
static int see_due(struct reg *reg, const struct reg_route *route, struct bk_error *err)
{
        if (!bk_streq(route->method, "GET"))
                return reg_due_apply(reg, err);
        return route->role == REG_NOBODY ? 0 : reg_due_see(reg, err);
}

static int call(struct reg *reg, const struct reg_request *request, struct reg_answer *ret, bool *ret_page, struct bk_error *err)
{
        BK_CLEANUP(target_done) struct target target = { 0 };
        struct reg_call call = { .answer = ret };
        bool page = false;
        const struct reg_route *route = route_of(request, &target, call.part, ret, &page, err);

        *ret_page = page;
        if (route == NULL || see_due(reg, route, err) < 0 || reg_event_index(reg, &ret->index, err) < 0 ||
            run(reg, request, &target, &call, route, err) < 0)
                return -1;
        if (call.json != NULL)
                answer_json(ret, call.json);
        return 0;
}

int reg_api_within(const struct reg_call *outer, const char *path, const char *query, struct reg_answer *ret, json_t **ret_json,
                   struct bk_error *err)
{
        struct reg_request request = *outer->request;
        BK_CLEANUP(target_done) struct target target = { 0 };
        struct reg_call call = { .answer = ret };
        bool page = false;
        const struct reg_route *route;

        request.method = "GET";
        request.path = path;
        request.query = query;
        request.body = request.type = NULL;
        request.length = 0;
        *ret = (struct reg_answer){ .index = outer->answer->index };
        route = route_of(&request, &target, call.part, ret, &page, err);
        if (route == NULL || run(outer->reg, &request, &target, &call, route, err) < 0)
                return -1;
        *ret_json = call.json;
        return 0;
}

/* What an error says of itself stays: 405, and which methods there are. */
static void answer_failure(struct reg_answer *answer, const struct bk_error *err)
{
        struct bk_strv headers = answer->headers;
        const int status = answer->status;

        answer->headers = (struct bk_strv){ 0 };
        reg_answer_error(answer, err);
        if (status == 405) {
                answer->status = status;
                answer->headers = headers;
        } else {
                bk_strv_done(&headers);
        }
}

void reg_api(struct reg *reg, const struct reg_request *request, struct reg_answer *ret)
{
        struct bk_error err = { 0 };
        bool page = false;

        *ret = (struct reg_answer){ 0 };
        if (call(reg, request, ret, &page, &err) == 0)
                return;
        if (page)
                reg_page_failure(ret, &err);
        else
                answer_failure(ret, &err);
}

bool reg_api_welcomes(const struct reg_request *request, enum reg_role *ret_needs, struct reg_answer *ret)
{
        BK_CLEANUP(target_done) struct target target = { 0 };
        const char *parts[REG_ROUTE_PARTS];
        const struct reg_route *route;
        struct bk_error err = { 0 };
        bool page = false;

        *ret = (struct reg_answer){ 0 };
        route = route_of(request, &target, parts, ret, &page, &err);
        if (route == NULL) {
                answer_failure(ret, &err);
                return false;
        }
        *ret_needs = route->role;
        return true;
}

bool reg_api_wide(const char *path)
{
        const struct reg_request request = { .method = "GET", .path = path };
        BK_CLEANUP(target_done) struct target target = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf others = { 0 };
        const char *parts[REG_ROUTE_PARTS];
        struct bk_error err = { 0 };
        const struct reg_route *route = cut(path, &target, &err) < 0 ? NULL : find(&request, &target, parts, &others);

        return route != NULL && route->wide;
}
