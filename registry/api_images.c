/* Routes of images and queries. */
#include "registry/api.h"
#include "registry/registry_priv.h"

static int show(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (reg_resolve(call->reg, call->part[0], &image, err) < 0)
                return -1;
        return reg_image_json(call->reg, image.id, false, &call->json, err);
}

static const struct reg_route rows[] = {
        { "GET", "/images/{image}", REG_READ, "everything that is recorded of one image", NULL, show },
};
const struct reg_routes reg_routes_images = { rows, sizeof rows / sizeof *rows };
