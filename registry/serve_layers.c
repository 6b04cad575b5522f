/* Layers come and go as files: hashed while they arrive, published when they are what they were called, sent by ranges.
 *
 * A draft is in a lease of its own. Who kills the server leaves a draft that nobody's living lease names, and the next start removes. But
 * who says which part of the layer he sends (Content-Range) may go on later: that part is kept for a day (layers/half.c). */
#include "registry/serve_priv.h"

#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"

enum { HASHED_AT_ONCE = 1 << 20 };

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
        const bool asks = request->who.role >= REG_BAKE && bk_streq(request->method, "HEAD");
        struct bk_error err = { 0 };
        int here;

        if (request->who.role < REG_READ) {
                (void)bk_fail(&err, BK_DENIED, "layers need a token that may read");
                return serve_fail(request, &err);
        }
        /* Who may send layers asks by HEAD whether this one must be sent; who wants its bytes records nothing here. */
        here = asks ? layer_claim(&request->serve->store, digest, &err) : bk_exists(path);
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

static bool digits(const char **p, uint64_t *ret)
{
        const size_t n = strspn(*p, "0123456789");

        *ret = strtoull(*p, NULL, 10);
        *p += n;
        return n > 0 && n <= 18;
}

int serve_range_parse(const char *text, struct serve_range *ret, struct bk_error *err)
{
        struct serve_range range = { 0 };
        const char *p = text;

        if (text == NULL)
                return 0;
        if (strncmp(p, "bytes ", 6) != 0 || (p += 6, !digits(&p, &range.from)) || *p++ != '-' || !digits(&p, &range.last) || *p++ != '/' ||
            !digits(&p, &range.total) || *p != '\0' || range.from > range.last || range.last != range.total - 1)
                return bk_fail(err, BK_INVALID, "Content-Range is 'bytes FROM-LAST/TOTAL' up to the end of the layer, not '%.100s'", text);
        *ret = range;
        return 0;
}

/* The part that is there is hashed again, up to where it is continued. */
static int hash_part(struct serve_upload *upload, uint64_t length, struct bk_error *err)
{
        autofree char *bytes = bk_alloc(HASHED_AT_ONCE);

        while (upload->got < length) {
                const uint64_t left = length - upload->got;
                const ssize_t n = read(upload->fd, bytes, left < HASHED_AT_ONCE ? (size_t)left : HASHED_AT_ONCE);

                if (n <= 0)
                        return n < 0 ? bk_fail_errno(err, "what has come of layer %s cannot be read", upload->digest) :
                                       bk_fail(err, BK_CONFLICT, "of layer %s %llu bytes have come; go on from there", upload->digest,
                                               (unsigned long long)upload->got);
                bk_hash_add(upload->hash, bytes, (size_t)n);
                upload->got += (uint64_t)n;
        }
        return ftruncate(upload->fd, (off_t)length) < 0 ? bk_fail_errno(err, "layer %s", upload->digest) : 0;
}

static int go_on(struct serve_request *request, const struct serve_range *range, struct bk_error *err)
{
        struct serve_upload *upload = request->upload;

        upload->kept = true;
        upload->total = range->total;
        upload->draft = layer_half_name(upload->digest);
        serve_conn_deadline(&request->serve->limits, request->conn, 0);
        if (layer_half_open(&request->serve->store, upload->digest, &upload->fd, err) < 0 || hash_part(upload, range->from, err) < 0)
                return -1;
        /* From here on the client's time counts. */
        request->started = bk_now_ms();
        serve_conn_deadline(&request->serve->limits, request->conn, request->started + (int64_t)request->serve->config.timeout_s * 1000);
        return 0;
}

int serve_upload_start(struct serve_request *request, const char *digest, const struct serve_range *range, struct bk_error *err)
{
        const struct layer_store *store = &request->serve->store;
        autofree char *leases = bk_format("%s/leases", store->run), *word = bk_random_name(), *path = NULL;
        struct serve_upload *upload = bk_alloc(sizeof *upload);

        request->upload = upload;
        upload->lease.fd = upload->fd = -1;
        upload->hash = bk_hash_new();
        upload->digest = bk_strdup(digest);
        if (range->total > 0)
                return go_on(request, range, err);
        upload->draft = bk_format("upload-%s", word);
        path = layer_draft_path(store, upload->draft);
        if (bk_lease_take(leases, &upload->lease, err) < 0 || bk_lease_note(&upload->lease, "draft", upload->draft, err) < 0)
                return -1;
        upload->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return upload->fd < 0 ? bk_fail_errno(err, "cannot create '%s'", path) : 0;
}

int serve_upload_add(struct serve_upload *upload, const char *bytes, size_t length, struct bk_error *err)
{
        if (upload->kept && upload->got + length > upload->total)
                return bk_fail(err, BK_INVALID, "more comes of layer %s than its Content-Range says", upload->digest);
        if (bk_write_all(upload->fd, bytes, length, err) < 0) {
                upload->spoiled = true;         /* a full disk is not to stay full */
                return bk_wrap(err, "layer %s", upload->digest);
        }
        bk_hash_add(upload->hash, bytes, length);
        upload->got += length;
        return 0;
}

static int finish(struct serve_request *request, struct layer_info *ret, struct bk_error *err)
{
        struct serve_upload *upload = request->upload;
        autofree char *digest = bk_hash_finish(bk_take(upload->hash));

        if (upload->kept && upload->got < upload->total)
                return bk_fail(err, BK_INVALID, "of layer %s %llu bytes have come; go on from there", upload->digest,
                               (unsigned long long)upload->got);
        upload->spoiled = true;
        if (!bk_streq(digest, upload->digest))
                return bk_fail(err, BK_INVALID, "the %llu bytes that came are %s, not %s", (unsigned long long)upload->got, digest, upload->digest);
        const int status = layer_receive(&request->serve->store, upload->draft, digest, ret, err);

        /* What is good but comes too early need not come again. */
        upload->spoiled = status < 0 && err->kind != BK_CONFLICT;
        return status;
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
        if (upload->hash != NULL)
                bk_hash_free(upload->hash);
        /* A draft that cannot be removed stays in its lease. A part that is kept is ours as long as it is open, and has none. */
        if (upload->draft != NULL && (upload->kept ? upload->spoiled && upload->fd >= 0 : upload->lease.fd >= 0) &&
            layer_draft_remove(&serve->store, upload->draft, NULL) == 0)
                bk_lease_done(&upload->lease);
        if (upload->fd >= 0)
                (void)close(upload->fd);
        free(upload->draft);
        free(upload->digest);
        free(upload);
}
