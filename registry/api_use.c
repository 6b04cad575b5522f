/* Routes of those who use images: launches and where they are told from. */
#include "registry/api.h"

#include <string.h>

#include "registry/registry_priv.h"
#include "registry/usage.h"

static int usage(struct reg_call *call, struct bk_error *err)
{
        autofree char *image = NULL;
        bool living = false;
        BK_CLEANUP(reg_image_done) struct reg_image found = { 0 };

        if (reg_call_text(call, "image", &image, err) < 0 || reg_call_switch(call, "living", &living, err) < 0 ||
            (image != NULL && reg_resolve_used(call->reg, image, &found, err) < 0))
                return -1;
        return reg_usage_json(call->reg, found.id, living, &call->json, err);
}

static int launched(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autojson *object = NULL;
        const char *id, *source;

        if (reg_body_json(call, &object, err) < 0)
                return -1;
        id = json_string_value(json_object_get(object, "image"));
        source = json_string_value(json_object_get(object, "source"));
        if (id == NULL)
                return bk_fail(err, BK_INVALID, "the body says which \"image\" was launched");
        if (reg_resolve_used(call->reg, id, &image, err) < 0 ||
            reg_launch_seen(call->reg, source == NULL ? "report" : source, &(struct reg_launch){
                            .image = image.id, .instance = json_string_value(json_object_get(object, "instance")),
                            .name = json_string_value(json_object_get(object, "name")), .who = call->request->who,
                            .detail = json_object_get(object, "detail") }, err) < 0)
                return -1;
        call->answer->status = 201;
        return reg_usage_json(call->reg, image.id, true, &call->json, err);
}

static int ended(struct reg_call *call, struct bk_error *err)
{
        if (reg_launch_ended(call->reg, call->part[0], call->part[1], call->request->who, err) < 0)
                return -1;
        call->json = json_object();
        return 0;
}

/* What cloud-init posts is a form: instance_id, hostname, fqdn, pub_key_...; JSON is taken as well. It can hardly show a token, so who may read
 * may say so; what that is worth, the registry knows. */
static int phone_home(struct reg_call *call, struct bk_error *err)
{
        const char *text = call->request->body == NULL ? "" : call->request->body;
        const size_t length = call->request->length;
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *instance = NULL, *host = NULL;
        autojson *object = json_loadb(text, length, 0, NULL);

        if (json_is_object(object)) {
                instance = bk_strdup(json_string_value(json_object_get(object, "instance_id")));
                host = bk_strdup(json_string_value(json_object_get(object, "hostname")));
        } else if (reg_form_text(text, length, "instance_id", &instance, err) < 0 || reg_form_text(text, length, "hostname", &host, err) < 0) {
                return -1;
        }
        if (reg_resolve_used(call->reg, call->part[0], &image, err) < 0 ||
            reg_launch_seen(call->reg, "phone-home", &(struct reg_launch){ .image = image.id, .instance = instance,
                            .name = host == NULL || *host == '\0' ? NULL : host, .who = call->request->who,
                            .hearsay = call->request->role < REG_BAKE }, err) < 0)
                return -1;
        call->json = json_object();
        return 0;
}

static int reported(struct reg_call *call, struct bk_error *err)
{
        autojson *object = NULL;

        return reg_body_json(call, &object, err) < 0 ? -1 :
               reg_usage_report(call->reg, call->part[0], object, call->request->who, &call->json, err);
}

static const struct reg_route rows[] = {
        { "GET", "/launches", REG_READ, "who uses images, and how fresh that is", "image living", usage },
        { "POST", "/launches", REG_BAKE, "report that an instance runs from an image", NULL, launched },
        { "DELETE", "/launches/{source}/{instance}", REG_BAKE, "report that an instance is no more", NULL, ended },
        { "PUT", "/usage/{source}", REG_BAKE, "all that a source knows of instances, or why it could not be asked", NULL, reported },
        { "POST", "/launches/phone-home/{image}", REG_READ, "what cloud-init's phone_home posts", NULL, phone_home },
};
const struct reg_routes reg_routes_use = { rows, sizeof rows / sizeof *rows };
