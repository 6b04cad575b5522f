/* A view, or a part of it, as the answer to a request. */
#include "registry/api.h"
#include "registry/registry_priv.h"
#include "registry/view.h"

#include <string.h>

int reg_view_answer(struct reg_call *call, const struct reg_image *image, enum reg_view_part part, struct bk_error *err)
{
        const struct layer_store *store = call->request->store;
        BK_CLEANUP(reg_view_done) struct reg_view view = { 0 };
        struct reg_answer *answer = call->answer;
        int status;

        if (store == NULL)
                return bk_fail(err, BK_INVALID, "there is no store at hand that the image's layer could be in");
        if (image->state >= REG_REVOKED)
                return bk_fail(err, BK_GONE, "image '%s' is %s; nobody is to start it any more", image->id, reg_state_name(image->state));
        status = reg_view_get(store, image->id, &view, err);
        if (status < 0)
                return -1;
        if (status == 0) {
                answer->status = 503;
                bk_strv_add(&answer->make, image->id);
                call->json = json_pack("{s:{s:s, s:s}}", "error", "kind", "infrastructure", "message",
                                       "this is not made yet; `bakery view make` makes it, and so does a server that is asked for it");
                return 0;
        }
        answer->file = reg_view_path(store, image->id, part == REG_VIEW_META_PART ? REG_VIEW_META : REG_VIEW_BOX);
        if (part == REG_VIEW_DISK_PART) {
                answer->file_start = view.disk_start;
                answer->file_size = view.disk_size;
        }
        answer->type = part == REG_VIEW_META_PART ? "application/x-xz" : "application/octet-stream";
        bk_strv_addf(&answer->headers, "Content-Disposition: attachment; filename=\"%.12s.%s\"", image->id + strlen("sha256:"),
                     part == REG_VIEW_BOX_PART ? "box" : part == REG_VIEW_DISK_PART ? "qcow2" : "tar.xz");
        return 0;
}
