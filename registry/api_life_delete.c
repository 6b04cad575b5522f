/* The route that deletes an image with the layers that only it needs. */
#include "registry/api_life.h"

#include "registry/prune.h"

/* Others' changes wait meanwhile, so who records layers for longer is not waited for. */
enum { WAIT_MS = 2000 };

/* How many bytes came free. What is left is noted as doomed, and goes with the next collection: the image is deleted all the same, which
 * an error would deny. */
static uint64_t remove_blobs(struct reg_call *call, const struct reg_layers *layers)
{
        struct reg_collected collected = { 0 };
        autostrv struct bk_strv digests = { 0 };

        for (size_t i = 0; i < layers->n; i++)
                bk_strv_add(&digests, layers->v[i].digest);
        (void)!reg_collect_these(call->reg, call->request->store, &digests, WAIT_MS, &collected, NULL);
        return collected.bytes;
}

/* Rows first: a blob without a row goes with the next collection, a row without a blob would be a lie. */
int reg_life_delete(struct reg_call *call, struct bk_error *err)
{
        struct reg_change change = { .who = call->request->who, .privileged = true };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *why = NULL, *expect = NULL;

        if (call->request->store == NULL)
                return bk_fail(err, BK_INVALID, "there are no layers here to delete an image's of");
        if (reg_call_text(call, "why", &why, err) < 0 || reg_call_text(call, "expect", &expect, err) < 0 || reg_life_image(call, &image, err) < 0)
                return -1;
        change.why = why;
        change.expect = expect;
        if (reg_remove(call->reg, image.id, &change, &layers, err) < 0)
                return -1;
        call->json = json_pack("{s:s, s:s, s:I}", "id", image.id, "name", image.name, "freed", (json_int_t)remove_blobs(call, &layers));
        return reg_life_changed(call, err);
}
