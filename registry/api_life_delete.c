/* The route that deletes an image with the layers that only it needs. */
#include "registry/api_life.h"

/* Rows first: a blob without a row is litter that fsck names, a row without a blob would be a lie. */
static int remove_blobs(const struct layer_store *store, const struct reg_layers *layers, uint64_t *freed, struct bk_error *err)
{
        for (size_t i = 0; i < layers->n; i++) {
                if (layer_remove(store, layers->v[i].digest, err) < 0)
                        return bk_wrap(err, "the image is deleted, but not its layers");
                *freed += layers->v[i].size;
        }
        return 0;
}

int reg_life_delete(struct reg_call *call, struct bk_error *err)
{
        struct reg_change change = { .who = call->request->who, .privileged = true };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *why = NULL, *expect = NULL;
        autoclose int hold = -1;
        uint64_t freed = 0;

        if (call->request->store == NULL)
                return bk_fail(err, BK_INVALID, "there are no layers here to delete an image's of");
        if (reg_call_text(call, "why", &why, err) < 0 || reg_call_text(call, "expect", &expect, err) < 0 || reg_life_image(call, &image, err) < 0)
                return -1;
        change.why = why;
        change.expect = expect;
        if (layer_store_hold(call->request->store, true, &hold, err) < 0 || reg_remove(call->reg, image.id, &change, &layers, err) < 0 ||
            remove_blobs(call->request->store, &layers, &freed, err) < 0)
                return -1;
        call->json = json_pack("{s:s, s:s, s:I}", "id", image.id, "name", image.name, "freed", (json_int_t)freed);
        return reg_life_changed(call, err);
}
