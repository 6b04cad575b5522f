/* image push and image pull: images, with those they stand on, from one registry and store to another. Only layers that are missing
 * there are moved, and what arrives is what its digest says. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/api.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fetch.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "registry/publication.h"

/* With pauses of half a second, one, two, ...: a server may still wait for the connection that broke. */
enum { TRIES = 7, FIRST_PAUSE_MS = 500 };

static const struct cmd_flag push_flags[] = {
        { "to", "URL", false, "the registry that is to have it, instead of BAKERY_REGISTRY" },
        { "json", NULL, false, "JSON Lines, one for each layer and image" },
};
static const struct cmd_flag pull_flags[] = {
        { "from", "URL", false, "the registry that has it, instead of BAKERY_REGISTRY" },
        { "json", NULL, false, "JSON Lines, one for each layer and image" },
};

struct move {
        const struct cmd_args *args;
        struct cmd_state state;         /* of this host */
        struct bk_http_peer peer;
};

static void move_done(struct move *move)
{
        cmd_state_done(&move->state);
}

static int open_move(const struct cmd_args *args, const char *flag, struct move *ret, struct bk_error *err)
{
        const char *url = cmd_value(args, flag);

        ret->args = args;
        (void)cmd_peer(args, &ret->peer);
        if (url != NULL)
                ret->peer.url = url;
        if (ret->peer.url == NULL)
                return bk_fail(err, BK_USAGE, "-%s says which registry: https://HOST:PORT, or unix:SOCKET", flag);
        return cmd_open(args, &ret->state, err);
}

static void tell(const struct move *move, const char *what, const char *kind, const char *digest, const char *name, uint64_t size)
{
        if (cmd_switch(move->args, "json")) {
                json_t *line = json_pack("{s:s, s:s, s:s?, s:I}", kind, digest, "action", what, "name", name, "size", (json_int_t)size);
                autofree char *text = json_dumps(line, JSON_COMPACT);

                printf("%s\n", text);
                json_decref(line);
        } else {
                printf("%s %s %s%s%s\n", kind, digest, what, name != NULL ? " " : "", name != NULL ? name : "");
        }
        (void)fflush(stdout);
}

/* --- the other side --------------------------------------------------------------------------- */

/* Any status but those of `fine` is the error that it tells. Returns the status, or -1. */
static long ask(const struct move *move, const struct bk_http *how, const char *format, const char *word, struct bk_http_answer *ret,
                struct bk_error *err)
{
        autofree char *below = cmd_target(format, word), *target = bk_format("/api/v1%s", below);
        struct bk_http request = *how;

        request.peer = &move->peer;
        request.target = target;
        if (bk_http(&request, ret, err) < 0)
                return -1;
        if (ret->status >= 400)
                return cmd_api_error(ret, err);
        return ret->status;
}

/* 1: it is there, 0: it is not. */
static int there(const struct move *move, const char *method, const char *format, const char *word, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        const struct bk_http how = { .method = method };
        struct bk_error why = { 0 };

        if (ask(move, &how, format, word, &answer, &why) >= 0)
                return 1;
        if (answer.status == 404)
                return 0;
        *err = why;
        return -1;
}

static json_t *get_json(const struct move *move, const char *format, const char *word, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        const struct bk_http how = { .method = "GET" };
        json_t *json;

        if (ask(move, &how, format, word, &answer, err) < 0)
                return NULL;
        json = json_loadb(answer.text, answer.length, JSON_ALLOW_NUL, NULL);
        if (json == NULL)
                (void)bk_fail(err, BK_INFRA, "'%s' does not answer in JSON; is the address one of `bakery serve`?", move->peer.url);
        return json;
}

/* --- push --------------------------------------------------------------------------------------- */

/* How much of a layer the other side has of an earlier attempt; a server that does not tell has none. */
static uint64_t received(const struct move *move, const char *digest)
{
        json_t *json = get_json(move, "/layers/%s/upload", digest, &(struct bk_error){ 0 });
        const json_int_t n = json_integer_value(json_object_get(json, "received"));

        json_decref(json);
        return n < 0 ? 0 : (uint64_t)n;
}

/* From there to the end. That the last byte is sent again where all are there makes a request of it. */
static int send_rest(const struct move *move, const char *digest, int fd, uint64_t size, uint64_t from, struct bk_error *err)
{
        const uint64_t start = from < size ? from : size - 1;
        autofree char *range = bk_format("Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, start, size - 1, size);
        const char *const headers[] = { range, NULL };
        const struct bk_http how = { .method = "PUT", .type = "application/octet-stream", .headers = headers, .fd = fd, .fd_start = start,
                                     .fd_size = size - start };
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };

        return ask(move, &how, "/layers/%s", digest, &answer, err) < 0 ? -1 : 0;
}

/* Where the connection breaks it goes on from what has come; as long as something comes each time, as often as it breaks. */
static int send_layer(const struct move *move, const char *digest, int fd, uint64_t size, struct bk_error *err)
{
        uint64_t from = received(move, digest);
        int in_vain = 0;

        while (send_rest(move, digest, fd, size, from, err) < 0) {
                uint64_t now;

                if ((err->kind != BK_INFRA && err->kind != BK_TIMEOUT && err->kind != BK_LOCKED) || in_vain == TRIES)
                        return bk_wrap(err, "sending layer %s", digest);
                if (in_vain > 0)
                        bk_sleep_ms((int64_t)FIRST_PAUSE_MS << (in_vain - 1));
                now = received(move, digest);
                in_vain = now > from ? 0 : in_vain + 1;
                from = now;
                /* Another one may have sent it meanwhile. */
                if (there(move, "HEAD", "/layers/%s", digest, &(struct bk_error){ 0 }) > 0)
                        return 0;
        }
        return 0;
}

static int push_layer(const struct move *move, const char *digest, struct bk_error *err)
{
        autofree char *path = layer_path(&move->state.store, digest);
        autoclose int fd = -1;
        struct stat st;
        const int has = there(move, "HEAD", "/layers/%s", digest, err);

        if (has != 0) {
                if (has > 0)
                        tell(move, "is there already", "layer", digest, NULL, 0);
                return has < 0 ? -1 : 0;
        }
        if (layer_verify(&move->state.store, digest, false, err) < 0)
                return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot read layer '%s'", path);
        if (send_layer(move, digest, fd, (uint64_t)st.st_size, err) < 0)
                return -1;
        tell(move, "sent", "layer", digest, NULL, (uint64_t)st.st_size);
        return 0;
}

static int push_image(const struct move *move, const struct reg_image *image, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        struct bk_http how = { .method = "POST", .type = "application/json" };
        int has = there(move, "GET", "/images/%s", image->id, err);
        autofree char *text = NULL;
        json_t *document = NULL;

        if (has != 0) {
                if (has > 0)
                        tell(move, "is there already", "image", image->id, image->name, 0);
                return has < 0 ? -1 : 0;
        }
        if (push_layer(move, image->layer, err) < 0 || reg_publication_json(move->state.reg, image->id, &document, err) < 0)
                return -1;
        text = json_dumps(document, JSON_COMPACT);
        json_decref(document);
        if (text == NULL)
                return bk_fail(err, BK_INVALID, "what is recorded of image '%s' cannot be written as JSON", image->id);
        how.body = text;
        how.length = strlen(text);
        if (ask(move, &how, "/images%s", "", &answer, err) < 0) {
                /* Somebody else sent the same image meanwhile. */
                if (answer.status != 409 || there(move, "GET", "/images/%s", image->id, &(struct bk_error){ 0 }) != 1)
                        return bk_wrap(err, "image %s", image->id);
        }
        tell(move, "published", "image", image->id, image->name, image->size);
        return 0;
}

static int push_all(struct move *move, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images line = { 0 };

        if (reg_resolve(move->state.reg, move->args->operands.v[0], &move->state.image, err) < 0 ||
            reg_lineage(move->state.reg, move->state.image.id, &line, err) < 0)
                return -1;
        for (size_t i = 0; i < line.n; i++)
                if (push_image(move, &line.v[i], err) < 0)
                        return -1;
        return 0;
}

static int run_push(const struct cmd_args *args)
{
        BK_CLEANUP(move_done) struct move move = { 0 };
        struct bk_error err = { 0 };

        return open_move(args, "to", &move, &err) < 0 || push_all(&move, &err) < 0 ? cmd_fail(&err) : 0;
}

/* --- pull --------------------------------------------------------------------------------------- */

static int fetch_layer(const struct move *move, const char *digest, const char *draft, struct bk_error *err)
{
        const bool local = strncmp(move->peer.url, "unix:", 5) == 0;
        const size_t length = strlen(move->peer.url);
        autofree char *escaped = bk_http_escape(digest), *path = layer_draft_path(&move->state.store, draft), *got = NULL;
        autofree char *url = bk_format("%.*s/api/v1/layers/%s", local ? 16 : (int)(length - (move->peer.url[length - 1] == '/')),
                                       local ? "http://localhost" : move->peer.url, escaped);
        const struct bk_fetch fetch = {
                .url = url, .token = move->peer.token, .ca = move->peer.ca, .cert = move->peer.cert, .key = move->peer.key,
                .socket = local ? move->peer.url + 5 : NULL,
        };
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };

        if (bk_fetch_file(&fetch, path, err) < 0 || bk_digest_file(path, &got, err) < 0)
                return -1;
        if (!bk_streq(got, digest))
                return bk_fail(err, BK_CORRUPT, "what '%s' sent has the digest %s", url, got);
        if (layer_receive(&move->state.store, draft, digest, &info, err) < 0)
                return -1;
        tell(move, "fetched", "layer", digest, NULL, info.size);
        return 0;
}

/* The draft is in a lease: who is killed here leaves what the next command removes. */
static int pull_layer(const struct move *move, const char *digest, struct bk_error *err)
{
        autofree char *leases = bk_format("%s/leases", move->state.store.run);
        autofree char *word = bk_random_name(), *draft = bk_format("pull-%s", word);
        struct bk_lease lease = BK_LEASE_NONE;
        int status = layer_claim(&move->state.store, digest, err);

        if (status > 0)
                tell(move, "is here already", "layer", digest, NULL, 0);
        if (status != 0)
                return status < 0 ? -1 : layer_verify(&move->state.store, digest, false, err);
        if (bk_lease_take(leases, &lease, err) < 0)
                return -1;
        status = bk_lease_note(&lease, "draft", draft, err);
        if (status == 0)
                status = fetch_layer(move, digest, draft, err);
        if (layer_draft_remove(&move->state.store, draft, status == 0 ? err : NULL) < 0) {
                status = -1;
                bk_lease_leave(&lease);
        }
        bk_lease_done(&lease);
        return status < 0 ? bk_wrap(err, "layer %s", digest) : 0;
}

static int pull_image(const struct move *move, const char *id, struct bk_error *err)
{
        json_t *document = get_json(move, "/images/%s/publication", id, err);
        const json_t *image = json_object_get(document, "image");
        const char *layer = json_string_value(json_object_get(image, "layer")), *name = json_string_value(json_object_get(image, "name"));
        const char *manifest = json_string_value(json_object_get(document, "manifest"));
        autofree char *got = NULL, *digest = manifest != NULL ? bk_digest_bytes(manifest, strlen(manifest)) : NULL;
        autofree char *who = cmd_user();
        int status = -1;

        if (document == NULL)
                return -1;
        if (!bk_streq(digest, id) || !bk_digest_valid(layer))
                (void)bk_fail(err, BK_CORRUPT, "what '%s' sent as image %s is another one", move->peer.url, id);
        else if (pull_layer(move, layer, err) == 0)
                status = reg_publication_put(move->state.reg, &move->state.store, document, who, &got, err);
        if (status == 0)
                tell(move, "published", "image", id, name, 0);
        json_decref(document);
        return status;
}

/* The image and those it stands on that are not here, youngest first. */
static int collect(struct move *move, const char *reference, struct bk_strv *ret, struct bk_error *err)
{
        autofree char *next = bk_strdup(reference);

        while (next != NULL) {
                struct reg_image known = { 0 };
                json_t *record = get_json(move, "/images/%s", next, err);
                const char *id = json_string_value(json_object_get(record, "id")), *name = json_string_value(json_object_get(record, "name"));
                struct bk_error why = { 0 };

                if (record == NULL)
                        return -1;
                if (!bk_digest_valid(id) || bk_strv_has(ret, id)) {
                        json_decref(record);
                        return bk_fail(err, BK_CORRUPT, "'%s' tells no lineage of '%s'", move->peer.url, reference);
                }
                free(bk_take(next));
                if (reg_resolve(move->state.reg, id, &known, &why) == 0) {
                        tell(move, "is here already", "image", id, name, 0);
                } else if (why.kind != BK_NOT_FOUND && why.kind != BK_GONE) {
                        json_decref(record);
                        *err = why;
                        return -1;
                } else {
                        bk_strv_add(ret, id);
                        next = bk_strdup(json_string_value(json_object_get(record, "ancestor")));
                }
                reg_image_done(&known);
                json_decref(record);
        }
        return 0;
}

static int run_pull(const struct cmd_args *args)
{
        BK_CLEANUP(move_done) struct move move = { 0 };
        autostrv struct bk_strv wanted = { 0 };
        struct bk_error err = { 0 };

        if (open_move(args, "from", &move, &err) < 0 || bake_reap(&move.state.store, &err) < 0 ||
            collect(&move, args->operands.v[0], &wanted, &err) < 0)
                return cmd_fail(&err);
        for (size_t i = wanted.n; i-- > 0;)
                if (pull_image(&move, wanted.v[i], &err) < 0)
                        return cmd_fail(&err);
        return 0;
}

#define TOKEN "BAKERY_TOKEN is shown to it, and BAKERY_CA names the file of the certificates that it may have. "

const struct cmd cmd_image_push = {
        "image push", "IMAGE", 1, 1, "send an image to another registry",
        "Those that it stands on go along; layers that the other registry has already are not sent, "
        "and an upload that breaks off is continued, also by a later push within a day. "
        TOKEN "The token's role must be bake at least.", CMD_FLAGS(push_flags), run_push,
};
const struct cmd cmd_image_pull = {
        "image pull", "IMAGE", 1, 1, "fetch an image from another registry",
        "Those that it stands on come along; layers that are here already are not fetched; a download that breaks off is continued. IMAGE is "
        "what the other registry understands. "
        TOKEN, CMD_FLAGS(pull_flags), run_pull,
};
