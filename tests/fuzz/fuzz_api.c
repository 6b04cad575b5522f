/* Requests, whatever they hold: a route with a word in its path, a query and a body, or a path that is none of ours. Every one is
 * answered, none with a defect, and errors are JSON with a message, or a page that says it. The registry is a real one,
         on a file system in memory. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/api.h"

enum { FRESH = 20000, ROUTES_MOST = 500 };      /* after so many requests a new registry: this one may be full of what was told */

static struct {
        char home[64];
        struct reg *reg;
        struct layer_store store;
        const struct reg_route *routes[ROUTES_MOST];
        size_t n_routes, requests;
} world;

static void end_world(void)
{
        reg_close(bk_take(world.reg));
        layer_store_done(&world.store);
        if (world.home[0] != '\0')
                (void)bk_remove_tree(world.home, NULL);
}

static void publish_one(void)
{
        static const char manifest[] = "{\"seed\": 1}";
        autofree char *id = bk_digest_bytes(manifest, strlen(manifest)), *layer = bk_digest_bytes("layer", 5);
        struct reg_pair release = { (char *)"release", (char *)"bookworm" };
        const struct reg_layer row = { .digest = layer, .size = 4096, .virtual_size = 1 << 20 };
        const struct reg_image image = { .id = id, .name = (char *)"base", .type = (char *)"base", .state = REG_TESTED, .layer = layer,
                                         .created_by = (char *)"ada", .created_on = (char *)"oven", .attributes = &release, .n_attributes = 1 };
        const struct reg_package openssl = { .name = (char *)"openssl", .version = (char *)"3.0.15-1", .ecosystem = (char *)"deb" };
        const struct reg_publication p = { .image = &image, .layer = &row, .manifest = manifest, .packages = &openssl, .n_packages = 1 };

        if (reg_publish(world.reg, &p, NULL) < 0)
                abort();
}

static void new_world(void)
{
        end_world();
        (void)snprintf(world.home, sizeof world.home, "/dev/shm/fuzz-api-XXXXXX");
        if (mkdtemp(world.home) == NULL || reg_open(world.home, &world.reg, NULL) < 0 || layer_store_open(world.home, &world.store, NULL) < 0)
                abort();
        publish_one();
        world.n_routes = 0;
        for (const struct reg_routes *const *all = reg_routes_all(); *all != NULL; all++)
                for (size_t i = 0; i < (*all)->n && world.n_routes < ROUTES_MOST; i++)
                        world.routes[world.n_routes++] = &(*all)->v[i];
}

/* The text up to the next line end. */
static char *line(const uint8_t **data, size_t *size)
{
        const uint8_t *end = memchr(*data, '\n', *size);
        const size_t length = end != NULL ? (size_t)(end - *data) : *size;
        char *text = bk_strndup((const char *)*data, length);

        *data += length + (end != NULL);
        *size -= length + (end != NULL);
        return text;
}

static char *path_of(const struct reg_route *route, const char *word)
{
        struct bk_buf path = { 0 };
        bool first = true;

        for (const char *p = route->pattern; *p != '\0'; p++) {
                if (*p != '{') {
                        bk_buf_putc(&path, *p);
                        continue;
                }
                bk_buf_puts(&path, first ? word : "base");
                first = false;
                p += strcspn(p, "}");
        }
        if (first)
                bk_buf_puts(&path, word);               /* arguments and a projection, perhaps */
        return bk_buf_finish(&path);
}

static void check(const struct reg_request *request, struct reg_answer *answer)
{
        json_t *json;

        if (answer->status < 200 || answer->status > 599 || answer->status == 500) {
                (void)fprintf(stderr, "%s %s?%s answers %d: %s\n", request->method, request->path, request->query, answer->status,
                              answer->text != NULL ? answer->text : "");
                abort();
        }
        if (bk_streq(answer->type, REG_HTML) && (answer->text == NULL || (answer->status >= 400 && strstr(answer->text, " role=\"alert\">") == NULL)))
                abort();
        if (answer->status < 400 || bk_streq(answer->type, REG_HTML))
                return;
        json = json_loadb(answer->text, answer->length, 0, NULL);
        if (json_string_length(json_object_get(json_object_get(json, "error"), "message")) == 0)
                abort();
        json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reg_answer answer = { 0 };
        size_t choice;

        if (size < 2)
                return 0;
        if (world.requests == 0)
                (void)atexit(end_world);
        if (world.requests++ % FRESH == 0)
                new_world();
        choice = (size_t)data[0];
        data++;
        size--;
        const struct reg_route *route = choice < world.n_routes ? world.routes[choice] : NULL;
        autofree char *word = line(&data, &size), *query = line(&data, &size), *path = route != NULL ? path_of(route, word) : bk_strdup(word);
        autofree char *body = bk_strndup((const char *)data, size);
        const struct reg_request request = {
                .method = route != NULL ? route->method : choice % 2 != 0 ? "GET" : "POST", .path = path, .query = query,
                .body = size > 0 ? body : NULL, .length = size > 0 ? strlen(body) : 0, .who = "fuzz", .role = REG_ADMIN,
                .base = "https://localhost", .store = &world.store,
        };

        reg_api(world.reg, &request, &answer);
        check(&request, &answer);
        reg_answer_done(&answer);
        return 0;
}
