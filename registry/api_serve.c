/* Routes of the registry as a whole: its health, its description, publications; and those that only the HTTP server answers. */
#include "registry/api.h"

#include <string.h>

#include "lib/digest.h"
#include "registry/publication.h"
#include "registry/registry_priv.h"

static int health(struct reg_call *call, struct bk_error *err)
{
        int64_t count = 0;

        /* The event log alone could be read where the images' pages cannot. */
        if (reg_sql_int(call->reg, &count, err, "SELECT max(sequence) FROM image", "") < 0)
                return -1;
        call->json = json_pack("{s:s, s:I}", "status", "ok", "index", (json_int_t)call->answer->index);
        return 0;
}

static int openapi(struct reg_call *call, struct bk_error *err)
{
        (void)err;
        call->json = reg_openapi();
        return 0;
}

static int publication(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        return reg_resolve(call->reg, call->part[0], &image, err) < 0 ? -1 : reg_publication_json(call->reg, image.id, &call->json, err);
}

static int publish(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *id = NULL;
        json_t *document = NULL;
        int status;

        if (call->request->store == NULL)
                return bk_fail(err, BK_INVALID, "there is no store at hand that the image's layer could be in");
        if (reg_body_json(call, &document, err) < 0)
                return -1;
        status = reg_publication_put(call->reg, call->request->store, document, call->request->who, &id, err);
        json_decref(document);
        if (status < 0 || reg_image_by_id(call->reg, id, &image, err) < 0 || reg_event_index(call->reg, &call->answer->index, err) < 0)
                return -1;
        call->answer->status = 201;
        call->json = reg_image_summary(&image);
        return 0;
}

static int upload(struct reg_call *call, struct bk_error *err)
{
        if (call->request->store == NULL || !bk_digest_valid(call->part[0]))
                return bk_fail(err, BK_INVALID, "'%.100s' is no layer's digest, or there is no store at hand", call->part[0]);
        call->answer->fleeting = true;
        call->json = json_pack("{s:I}", "received", (json_int_t)layer_half_size(call->request->store, call->part[0]));
        return 0;
}

static const struct reg_route rows[] = {
        { "GET", "//healthz", REG_NOBODY, "is the registry well", NULL, health, NULL },
        { "GET", "/openapi.json", REG_NOBODY, "this document", NULL, openapi, NULL },
        { "POST", "/images", REG_BAKE, "publish an image whose layer was sent before", NULL, publish, NULL },
        { "GET", "/images/{image}/publication", REG_READ, "all that another registry needs to publish the image too", NULL, publication, NULL },
        { "GET", "/layers/{digest}", REG_READ, "a layer's file, or a range of it", NULL, NULL, "application/octet-stream" },
        { "PUT", "/layers/{digest}", REG_BAKE, "send a layer's file, which must have that digest; with Content-Range, to go on later", NULL,
          NULL, NULL },
        { "GET", "/layers/{digest}/upload", REG_BAKE, "how much of a layer has come, of an upload that broke off: {received}", NULL, upload,
          NULL },
        { "GET", "/events/stream", REG_READ, "events as they come, as server-sent events", "since", NULL, "text/event-stream" },
};
const struct reg_routes reg_routes_serve = { rows, sizeof rows / sizeof *rows };
