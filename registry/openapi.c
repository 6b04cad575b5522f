/* The OpenAPI document: the rows of routes, written out, with what openapi.json beside this file says of bodies: schemas by their names,
 * which of them a route takes and answers, and what parameters mean. */
#include <string.h>

#include "registry/api.h"
#include "registry/registry_priv.h"

static void set(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

__asm__(".pushsection .rodata\n"
        ".global reg_openapi_json\n"
        "reg_openapi_json: .incbin \"registry/openapi.json\"\n.byte 0\n"
        ".popsection\n");
extern const char reg_openapi_json[];

static json_t *reference(const char *schema)
{
        return schema == NULL ? json_object() : json_pack("{s:s+}", "$ref", "#/components/schemas/", schema);
}

static const struct { enum reg_role role; const char *name; } roles[] = {
        { REG_NOBODY, "nobody" }, { REG_READ, "read" }, { REG_BAKE, "bake" }, { REG_PROMOTE, "promote" }, { REG_ADMIN, "admin" },
};

/* --- parameters ------------------------------------------------------------------------------ */

static json_t *parameter(const char *name, const char *where, bool needed, const char *description)
{
        json_t *row = json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", where, "required", needed, "schema", "type", "string");

        if (description != NULL)
                set(row, "description", json_string(description));
        return row;
}

static void add_path_parameters(json_t *list, const char *pattern)
{
        for (const char *open = strchr(pattern, '{'); open != NULL; open = strchr(open + 1, '{')) {
                autofree char *name = bk_strndup(open + 1, strcspn(open + 1, "}"));

                (void)json_array_append_new(list, parameter(name, "path", true, bk_streq(name, "image") ?
                        "a digest, its first 8 or more digits, a name, or name:channel" : NULL));
        }
}

/* "version<": it is compared, too. */
static void add_compared(json_t *list, char *word)
{
        word[strlen(word) - 1] = '\0';
        (void)json_array_append_new(list, parameter(word, "query", false, "a value; <, <=, >, >= or != stand in place of = or behind it"));
}

static void add_query_parameters(json_t *list, const char *names, const json_t *described)
{
        autofree char *copy = bk_strdup(names);
        char *save = NULL;

        for (char *name = strtok_r(copy, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
                if (bk_streq(name, "*"))
                        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:{s:s, s:{s:s}}}", "name", "conditions", "in",
                                "query", "description", "attribute=value and the rest of the language of queries", "style", "form", "explode", 1,
                                "schema", "type", "object", "additionalProperties", "type", "string"));
                else if (name[strlen(name) - 1] == '<')
                        add_compared(list, name);
                else
                        (void)json_array_append_new(list, parameter(name, "query", false,
                                                                      json_string_value(json_object_get(described, name))));
}

static void add_waiting(json_t *list)
{
        (void)json_array_append_new(list, parameter("index", "query", false, "with wait: the index that is known already (X-Bakery-Index)"));
        (void)json_array_append_new(list, parameter("wait", "query", false, "answer when the index has changed, or after this time: 60s"));
        (void)json_array_append_new(list, parameter("If-None-Match", "header", false, "an ETag; 304 when it still holds"));
}

/* --- answers --------------------------------------------------------------------------------- */

static void add_answer(json_t *answers, const char *status, const char *description, const char *type, const char *schema)
{
        json_t *answer = json_pack("{s:s}", "description", description);

        if (type != NULL)
                set(answer, "content", json_pack("{s:{s:o}}", type, "schema", reference(schema)));
        set(answers, status, answer);
}

static json_t *answers_of(const struct reg_route *route, const char *schema)
{
        const bool reads = bk_streq(route->method, "GET");
        json_t *answers = json_object();
        const char *type = route->type != NULL ? route->type : "application/json";

        add_answer(answers, "200", "done, or this is it", type, schema);
        if (!reads) {
                add_answer(answers, "201", "it was made", type, schema);
                add_answer(answers, "413", "the body is too large", "application/json", "error");
        } else {
                add_answer(answers, "304", "what you have still holds", NULL, NULL);
        }
        set(answers, "default", json_pack("{s:s}", "$ref", "#/components/responses/error"));
        return answers;
}

static json_t *errors(void)
{
        return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description",
                         "400 wrong request, 401 no or a wrong token, 403 a token that may not, 404 not there, 405 not this method, 409 conflict, "
                         "410 it was there, 413 and 414 too large, 429 too often, 500 defect or corrupt data, 503 busy, 504 it took too long, "
                         "507 disk full", "content", "application/json", "schema", "$ref", "#/components/schemas/error");
}

/* --- the document ------------------------------------------------------------------------------ */

/* "get /images/{image}/lineage" -> "get_images_image_lineage" */
static json_t *operation_id(const char *method, const char *path)
{
        struct bk_buf id = { 0 };
        json_t *json;

        for (const char *p = method; *p != '\0'; p++)
                bk_buf_putc(&id, (char)(*p | 0x20));
        for (const char *p = path; *p != '\0'; p++)
                if (strchr("{}", *p) == NULL)
                        bk_buf_putc(&id, strchr("/.-", *p) != NULL ? '_' : *p);
        json = json_string(id.data);
        bk_buf_done(&id);
        return json;
}

static json_t *operation(const struct reg_route *route, const char *path, const json_t *described)
{
        autofree char *key = bk_format("%s %s", route->method, route->pattern);
        const json_t *bodies = json_object_get(json_object_get(described, "routes"), key);
        json_t *row = json_object(), *parameters = json_array();

        set(row, "operationId", operation_id(route->method, path));
        set(row, "summary", json_string(route->summary));
        add_path_parameters(parameters, path);
        if (route->query != NULL)
                add_query_parameters(parameters, route->query, json_object_get(described, "parameters"));
        if (bk_streq(route->method, "GET") && route->run != NULL)
                add_waiting(parameters);
        set(row, "parameters", parameters);
        if (bk_streq(route->method, "POST") || bk_streq(route->method, "PUT") || bk_streq(route->method, "PATCH"))
                set(row, "requestBody", json_pack("{s:{s:{s:o}}}", "content",
                    route->run == NULL ? "application/octet-stream" : "application/json", "schema",
                    reference(json_string_value(json_object_get(bodies, "body")))));
        set(row, "responses", answers_of(route, json_string_value(json_object_get(bodies, "answer"))));
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
                if (roles[i].role == route->role)
                        set(row, "x-role", json_string(roles[i].name));
        set(row, "security", route->role == REG_NOBODY ? json_array() : json_pack("[{s:[]}]", "token"));
        return row;
}

static void add_route(json_t *paths, const struct reg_route *route, const json_t *described)
{
        const bool root = strncmp(route->pattern, "//", 2) == 0;
        autofree char *path = root ? bk_strdup(route->pattern + 1) :
                              bk_format("/api/v1%s", bk_streq(route->pattern, "/") ? "" : route->pattern);
        json_t *item = json_object_get(paths, path);
        char method[16] = "";

        if (item == NULL) {
                item = json_object();
                set(paths, path, item);
        }
        for (size_t i = 0; route->method[i] != '\0' && i + 1 < sizeof method; i++)
                method[i] = (char)(route->method[i] | 0x20);
        set(item, method, operation(route, path, described));
}

json_t *reg_openapi(void)
{
        autojson *described = json_loads(reg_openapi_json, 0, NULL);
        json_t *paths = json_object();

        for (const struct reg_routes *const *all = reg_routes_all(); *all != NULL; all++)
                for (size_t i = 0; i < (*all)->n; i++)
                        add_route(paths, &(*all)->v[i], described);
        return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}, s:{s:o}, s:O}}",
                         "openapi", "3.0.3", "info", "title", "bakery", "version", BAKERY_VERSION, "description",
                         "The registry of images. Lists come as {items, index, next}; times are ISO 8601 in UTC.", "paths", paths,
                         "components", "securitySchemes", "token", "type", "http", "scheme", "bearer", "responses", "error", errors(),
                         "schemas", json_object_get(described, "schemas"));
}
