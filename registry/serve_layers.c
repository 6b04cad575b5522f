/* Layers come and go as files: hashed while they arrive, published when they are what they were called, sent by ranges.
 *
 * A draft is in a lease of its own. Who kills the server leaves a draft that nobody's living lease names, and the next start removes. */
#include "registry/serve_priv.h"

#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"

char *serve_layer_digest(const char *path)
{
        static const char prefix[] = "/layers/";
        char *digest = NULL;

        if (strncmp(path, prefix, strlen(prefix)) != 0 || reg_decode(path + strlen(prefix), strlen(path) - strlen(prefix), &digest, NULL) < 0)
                return NULL;
        if (bk_digest_valid(digest))
                return digest;
        free(digest);
        return NULL;
}

/* --- going ------------------------------------------------------------------------------- */

enum MHD_Result serve_layer(struct serve_request *request, const char *digest)
{
        autofree char *path = layer_path(&request->serve->store, digest), *etag = bk_format("\"%s\"", digest);
        autostrv struct bk_strv headers = { 0 };
        struct bk_error err = { 0 };
        int here;

        if (request->who.role < REG_READ) {
                (void)bk_fail(&err, BK_DENIED, "layers need a token that may read");
                return serve_fail(request, &err);
        }
        /* Who may send layers asks whether this one must be sent. */
        here = request->who.role >= REG_BAKE ? layer_claim(&request->serve->store, digest, &err) : bk_exists(path);
        if (here == 0)
                (void)bk_fail(&err, BK_NOT_FOUND, "layer '%s' is not here", digest);
        if (here <= 0)
                return serve_fail(request, &err);
        bk_strv_add(&headers, "Cache-Control: private, max-age=31536000, immutable");
        return serve_file(request, &(struct serve_content){ .path = path, .type = "application/octet-stream", .etag = etag, .headers = &headers });
}

/* --- coming ------------------------------------------------------------------------------ */

static enum MHD_Result say(struct serve_request *request, int status, const struct layer_info *info)
{
        json_t *json = json_pack("{s:s, s:I, s:I, s:i, s:s?}", "digest", info->digest, "size", (json_int_t)info->size, "virtual_size",
                                 (json_int_t)info->virtual_size, "depth", (int)info->depth, "backing", info->backing);
        char *text = json_dumps(json, JSON_COMPACT);
        const size_t length = text == NULL ? 0 : strlen(text);
        struct MHD_Response *response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);

        json_decref(json);
        serve_response_header(response, "Content-Type", "application/json");
        return serve_queue(request, status, response, length);
}

enum MHD_Result serve_upload_known(struct serve_request *request, const char *digest)
{
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        struct bk_error err = { 0 };
        const int here = layer_claim(&request->serve->store, digest, &err);

        if (here == 0)
                (void)bk_fail(&err, BK_CONFLICT, "layer '%s' was here, and has just been removed; send it again", digest);
        return here <= 0 || layer_info_get(&request->serve->store, digest, &info, &err) < 0 ? serve_fail(request, &err) : say(request, 200, &info);
}

int serve_upload_start(struct serve_request *request, const char *digest, struct bk_error *err)
{
        const struct layer_store *store = &request->serve->store;
        autofree char *leases = bk_format("%s/leases", store->run), *word = bk_random_name(), *path = NULL;
        struct serve_upload *upload = bk_alloc(sizeof *upload);

        request->upload = upload;
        upload->lease.fd = upload->fd = -1;
        upload->hash = bk_hash_new();
        upload->digest = bk_strdup(digest);
        upload->draft = bk_format("upload-%s", word);
        path = layer_draft_path(store, upload->draft);
        if (bk_lease_take(leases, &upload->lease, err) < 0 || bk_lease_note(&upload->lease, "draft", upload->draft, err) < 0)
                return -1;
        upload->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return upload->fd < 0 ? bk_fail_errno(err, "cannot create '%s'", path) : 0;
}

int serve_upload_add(struct serve_upload *upload, const char *bytes, size_t length, struct bk_error *err)
{
        if (bk_write_all(upload->fd, bytes, length, err) < 0)
                return bk_wrap(err, "layer %s", upload->digest);
        bk_hash_add(upload->hash, bytes, length);
        upload->got += length;
        return 0;
}

static int finish(struct serve_request *request, struct layer_info *ret, struct bk_error *err)
{
        struct serve_upload *upload = request->upload;
        autofree char *digest = bk_hash_finish(bk_take(upload->hash));

        if (!bk_streq(digest, upload->digest))
                return bk_fail(err, BK_INVALID, "the %llu bytes that came are %s, not %s", (unsigned long long)upload->got, digest, upload->digest);
        return layer_receive(&request->serve->store, upload->draft, digest, ret, err);
}

enum MHD_Result serve_upload_finish(struct serve_request *request)
{
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        struct bk_error err = { 0 };
        int status;

        /* A step that may take long: everything is written to the disk. */
        serve_conn_deadline(&request->serve->limits, request->conn, 0);
        status = finish(request, &info, &err);
        serve_upload_done(request->serve, bk_take(request->upload));
        return status < 0 ? serve_fail(request, &err) : say(request, 201, &info);
}

void serve_upload_done(struct reg_serve *serve, struct serve_upload *upload)
{
        if (upload == NULL)
                return;
        if (upload->fd >= 0)
                (void)close(upload->fd);
        if (upload->hash != NULL)
                bk_hash_free(upload->hash);
        /* A draft that cannot be removed stays in its lease. */
        if (upload->draft != NULL && upload->lease.fd >= 0 && layer_draft_remove(&serve->store, upload->draft, NULL) == 0)
                bk_lease_done(&upload->lease);
        free(upload->draft);
        free(upload->digest);
        free(upload);
}
