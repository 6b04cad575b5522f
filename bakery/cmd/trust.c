/* key create; image sign, verify, provenance; index: who made an image, how, and what is current.
 *
 * Signing needs the manifest's bytes and a key, both of which are here: the registry may be anywhere and never sees the key. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bakery/cmd/life.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/minisign.h"
#include "lib/publish.h"
#include "registry/life.h"

#define REFERENCES "An IMAGE is a digest, its first 8 or more digits, a name, name:channel, or a query; the newest where several match."

static const struct cmd_flag json_flags[] = { CMD_JSON_FLAG };
static const struct cmd_flag sign_flags[] = {
        { "key", "FILE", false, "secret key (default: sign.key in the state folder)" },
        CMD_REASON_FLAG, CMD_JSON_FLAG,
};
static const struct cmd_flag verify_flags[] = {
        { "key", "FILE", false, "public key, or its line of base64 (default: sign.pub in the state folder)" },
        { "save", "FILE", false, "write the manifest to FILE and its signature to FILE.minisig, for `minisign -V`" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag provenance_flags[] = {
        { "format", "NAME", false, "slsa: a DSSE envelope with an in-toto statement; statement: what is in it; without: as bakery records it" },
};
static const struct cmd_flag index_flags[] = {
        { "sign", NULL, false, "make and sign a new one" },
        { "expires", "TIME", false, "with -sign: until when it counts, 30d from now (default) or 2006-01-02" },
        { "verify", NULL, false, "verify the newest one: its signature, its age, and that it is no older one than was seen before" },
        { "signature", NULL, false, "print the newest one's signature, a .minisig file" },
        { "key", "FILE", false, "secret key to sign with (default: sign.key in the state folder), or public key to verify with (sign.pub)" },
        CMD_JSON_FLAG,
};

/* -key of this command line, or the key of the state folder; not BAKERY_KEY, which says who a client is. */
static char *key_path(const struct cmd_args *args, const char *name)
{
        autofree char *home = cmd_home(args);

        return cmd_given(args, "key") != NULL ? bk_strdup(cmd_given(args, "key")) : bk_format("%s/%s", home, name);
}

static int read_secret(const struct cmd_args *args, struct bk_secret_key *ret, struct bk_error *err)
{
        autofree char *path = key_path(args, "sign.key");

        if (bk_secret_key_read(path, ret, err) < 0)
                return err->kind == BK_NOT_FOUND ? bk_fail(err, BK_NOT_FOUND, "there is no secret key '%s'; `bakery key create` makes one",
                                                           path) : -1;
        return 0;
}

static int read_public(const struct cmd_args *args, struct bk_public_key *ret, struct bk_error *err)
{
        autofree char *path = key_path(args, "sign.pub");

        return bk_public_key_read(path, ret, err);
}

/* --- keys ---------------------------------------------------------------------- */
static int write_keys(const char *secret_path, const char *public_path, char **ret_id, struct bk_error *err)
{
        struct bk_secret_key secret = { 0 };
        struct bk_public_key public;
        autofree char *public_text = NULL;
        char *text;
        int status;

        if (bk_exists(secret_path))
                return bk_fail(err, BK_CONFLICT, "there is a key '%s' already; what was signed with it needs it", secret_path);
        if (bk_secret_key_new(&secret, err) < 0)
                return -1;
        public = bk_public_key_of(&secret);
        public_text = bk_public_key_text(&public);
        text = bk_secret_key_text(&secret);
        status = bk_publish_bytes(secret_path, text, strlen(text), 0600, err);
        OPENSSL_cleanse(text, strlen(text));
        free(text);
        bk_secret_key_done(&secret);
        if (status < 0 || bk_publish_bytes(public_path, public_text, strlen(public_text), 0644, err) < 0)
                return -1;
        *ret_id = bk_key_id(public.id);
        return 0;
}

static int run_key(const struct cmd_args *args)
{
        autofree char *home = cmd_home(args), *id = NULL;
        autofree char *secret = args->operands.n > 0 ? bk_strdup(args->operands.v[0]) : bk_format("%s/sign.key", home);
        const char *dot = strrchr(secret, '.');
        const size_t stem = dot != NULL && bk_streq(dot, ".key") ? (size_t)(dot - secret) : strlen(secret);
        autofree char *public = bk_format("%.*s.pub", (int)stem, secret);
        struct bk_error err = { 0 };

        if ((args->operands.n == 0 && bk_mkdir_p(home, &err) < 0) || write_keys(secret, public, &id, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_pack("{s:s, s:s, s:s}", "id", id, "secret", secret, "public", public));
        else
                printf("key %s\nsecret  %s\npublic  %s\n", id, secret, public);
        return 0;
}

/* --- signing --------------------------------------------------------------------- */
static int post(const struct cmd_args *args, const char *id, const char *what, const char *key, const char *text, struct bk_error *err)
{
        autofree char *path = cmd_target("/images/%s", id), *target = bk_format("%s/%s", path, what);
        json_t *body = cmd_change(args), *answer = NULL;

        (void)json_object_set_new(body, key, json_string(text));
        if (cmd_api(args, "POST", target, body, &answer, err) < 0)
                return -1;
        json_decref(answer);
        return 0;
}

/* The registry may be lying; what is signed is what its digest says. */
static int get_manifest(const struct cmd_args *args, json_t **ret, struct bk_error *err)
{
        const char *wanted = args->operands.v[0];
        const char *digits = strncmp(wanted, "sha256:", 7) == 0 ? wanted + 7 : wanted;
        autofree char *target = cmd_target("/images/%s/signatures", wanted), *digest = NULL;
        json_t *answer = NULL;
        const char *id, *manifest;

        if (cmd_api(args, "GET", target, NULL, &answer, err) < 0)
                return -1;
        id = cmd_field(answer, "id");
        manifest = cmd_field(answer, "manifest");
        digest = bk_digest_bytes(manifest, strlen(manifest));
        if (!bk_streq(digest, id))
                (void)bk_fail(err, BK_CORRUPT, "the registry calls the image '%s', and its manifest has the digest '%s'", id, digest);
        else if (strlen(digits) == 64 && strspn(digits, "0123456789abcdef") == 64 && strcmp(id + 7, digits) != 0)
                (void)bk_fail(err, BK_CORRUPT, "the registry answers '%s' when it is asked for '%s'", id, wanted);
        else
                *ret = bk_take(answer);
        if (answer == NULL)
                return 0;
        json_decref(answer);
        return -1;
}

static int sign_image(const struct cmd_args *args, const struct bk_secret_key *secret, const json_t *image, struct bk_error *err)
{
        const char *id = cmd_field(image, "id");
        autofree char *signature = NULL, *statement = NULL, *envelope = NULL, *path = cmd_target("/images/%s/provenance?format=statement", id);

        if (reg_sign_manifest(secret, cmd_field(image, "name"), cmd_field(image, "manifest"), &signature, err) < 0 ||
            post(args, id, "signatures", "signature", signature, err) < 0 || cmd_api_text(args, "GET", path, NULL, &statement, NULL, err) < 0 ||
            reg_sign_statement(secret, statement, &envelope, err) < 0)
                return -1;
        return post(args, id, "attestations", "envelope", envelope, err);
}

static int run_sign(const struct cmd_args *args)
{
        BK_CLEANUP(bk_secret_key_done) struct bk_secret_key secret = { 0 };
        autofree char *key_id = NULL;
        json_t *image = NULL;
        struct bk_error err = { 0 };
        int code = 0;

        if (read_secret(args, &secret, &err) < 0 || get_manifest(args, &image, &err) < 0)
                return cmd_fail(&err);
        key_id = bk_key_id(secret.id);
        if (sign_image(args, &secret, image, &err) < 0)
                code = cmd_fail(&err);
        else if (cmd_switch(args, "json"))
                cmd_print_json(json_pack("{s:s, s:s}", "id", cmd_field(image, "id"), "key_id", key_id));
        else
                printf("signed %s (%s) with key %s\n", cmd_field(image, "id"), cmd_field(image, "name"), key_id);
        json_decref(image);
        return code;
}

/* --- verifying --------------------------------------------------------------------- */
struct verdict { char *key_id, *comment; bool layers, provenance; };

static void verdict_done(struct verdict *verdict)
{
        free(verdict->key_id);
        free(verdict->comment);
}

static int verify_signature(const struct bk_public_key *key, const json_t *image, struct verdict *verdict, struct bk_error *err)
{
        const char *manifest = cmd_field(image, "manifest");
        const json_t *row;
        size_t i;

        json_array_foreach(json_object_get(image, "items"), i, row)
                if (bk_streq(cmd_field(row, "key_id"), verdict->key_id))
                        return bk_minisign_verify(key, manifest, strlen(manifest), cmd_field(row, "text"), &verdict->comment, err);
        return bk_fail(err, BK_CORRUPT, "image '%s' is not signed by key %s; it has %zu other signatures", cmd_field(image, "id"), verdict->key_id,
                       json_array_size(json_object_get(image, "items")));
}

/* What the manifest says, not what the registry does, is what was signed. Layers name the ones below them by digest, in bytes that their
 * own digest covers. */
static int verify_layers(const struct cmd_args *args, const json_t *image, struct verdict *verdict, struct bk_error *err)
{
        json_t *manifest = json_loads(cmd_field(image, "manifest"), 0, NULL);
        autofree char *layer = bk_strdup(json_string_value(json_object_get(manifest, "layer")));
        autostate struct cmd_state state = { 0 };
        autofree char *path = NULL;
        struct bk_http_peer peer;

        json_decref(manifest);
        if (!bk_digest_valid(layer))
                return bk_fail(err, BK_CORRUPT, "the manifest of '%s' names no layer", cmd_field(image, "id"));
        if (cmd_open(args, &state, err) < 0)
                return -1;
        path = layer_path(&state.store, layer);
        if (cmd_peer(args, &peer) && !bk_exists(path))
                return 0;               /* it is on the other host */
        if (layer_verify(&state.store, layer, true, err) < 0)
                return -1;
        verdict->layers = true;
        return 0;
}

static bool is_of(const char *statement, const char *id)
{
        json_t *parsed = json_loads(statement, 0, NULL);
        const json_t *subject;
        bool found = false;
        size_t i;

        json_array_foreach(json_object_get(parsed, "subject"), i, subject)
                found |= bk_streq(cmd_field(json_object_get(subject, "digest"), "sha256"), id + 7);
        json_decref(parsed);
        return found;
}

static int verify_envelope(const struct bk_public_key *key, const json_t *image, const json_t *envelope, struct verdict *verdict,
                           struct bk_error *err)
{
        const char *payload = cmd_field(envelope, "payload");
        autofree unsigned char *statement = NULL;
        autofree char *encoding = NULL;
        const json_t *row;
        size_t i, length = 0;

        if (bk_base64_read(payload, strlen(payload), &statement, &length, err) < 0)
                return -1;
        encoding = reg_statement_encoding((const char *)statement);
        json_array_foreach(json_object_get(envelope, "signatures"), i, row)
                if (bk_streq(cmd_field(row, "keyid"), verdict->key_id)) {
                        verdict->provenance = true;
                        if (!is_of((const char *)statement, cmd_field(image, "id")))
                                return bk_fail(err, BK_CORRUPT, "the statement is of another image");
                        return bk_ed25519_verify(key, encoding, strlen(encoding), cmd_field(row, "sig"), err);
                }
        return 0;
}

static int verify_provenance(const struct cmd_args *args, const struct bk_public_key *key, const json_t *image, struct verdict *verdict,
                             struct bk_error *err)
{
        autofree char *target = cmd_target("/images/%s/provenance?format=slsa", cmd_field(image, "id"));
        json_t *envelope = NULL;
        int status;

        if (cmd_api(args, "GET", target, NULL, &envelope, err) < 0)
                return -1;
        status = verify_envelope(key, image, envelope, verdict, err);
        json_decref(envelope);
        return status < 0 ? bk_wrap(err, "the provenance") : 0;
}

static int save(const char *path, const struct verdict *verdict, const json_t *image, struct bk_error *err)
{
        autofree char *minisig = bk_format("%s.minisig", path);
        const char *manifest = cmd_field(image, "manifest");
        const json_t *row;
        size_t i;

        json_array_foreach(json_object_get(image, "items"), i, row)
                if (bk_streq(cmd_field(row, "key_id"), verdict->key_id) &&
                    bk_publish_bytes(minisig, cmd_field(row, "text"), strlen(cmd_field(row, "text")), 0644, err) < 0)
                        return -1;
        return bk_publish_bytes(path, manifest, strlen(manifest), 0644, err);
}

static void tell(const struct cmd_args *args, const json_t *image, const struct verdict *verdict)
{
        if (cmd_switch(args, "json")) {
                cmd_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "id", cmd_field(image, "id"), "name", cmd_field(image, "name"),
                                         "state", cmd_field(image, "state"), "key_id", verdict->key_id, "comment", verdict->comment, "layers",
                                         verdict->layers, "provenance", verdict->provenance));
                return;
        }
        printf("signature   good, by key %s: %s\nmanifest    %s\n", verdict->key_id, verdict->comment, cmd_field(image, "id"));
        printf("layers      %s\n", verdict->layers ? "every one is what was sealed" : "not on this host, not read");
        printf("provenance  %s\n", verdict->provenance ? "signed by the same key" : "not signed by this key");
        printf("state       %s\n", cmd_field(image, "state"));
}

static int run_verify(const struct cmd_args *args)
{
        BK_CLEANUP(verdict_done) struct verdict verdict = { 0 };
        const char *path = cmd_given(args, "save");
        struct bk_public_key key;
        struct bk_error err = { 0 };
        json_t *image = NULL;
        int code = 0;

        if (read_public(args, &key, &err) < 0 || get_manifest(args, &image, &err) < 0)
                return cmd_fail(&err);
        verdict.key_id = bk_key_id(key.id);
        if ((path != NULL && save(path, &verdict, image, &err) < 0) || verify_signature(&key, image, &verdict, &err) < 0 ||
            verify_layers(args, image, &verdict, &err) < 0 || verify_provenance(args, &key, image, &verdict, &err) < 0)
                code = cmd_fail(&err);
        else
                tell(args, image, &verdict);
        json_decref(image);
        return code;
}

static int run_provenance(const struct cmd_args *args)
{
        const char *format = cmd_given(args, "format");
        autofree char *path = cmd_target("/images/%s/provenance", args->operands.v[0]), *word = format == NULL ? NULL : bk_http_escape(format);
        autofree char *target = word == NULL ? bk_strdup(path) : bk_format("%s?format=%s", path, word), *text = NULL;
        struct bk_error err = { 0 };

        if (cmd_api_text(args, "GET", target, NULL, &text, NULL, &err) < 0)
                return cmd_fail(&err);
        printf("%s\n", text);
        return 0;
}

/* --- the index ------------------------------------------------------------------------ */
static int sign_index(const struct cmd_args *args)
{
        BK_CLEANUP(bk_secret_key_done) struct bk_secret_key secret = { 0 };
        const char *until = cmd_given(args, "expires");
        autofree char *expires = NULL, *target = NULL, *text = NULL, *signature = NULL, *comment = NULL, *now = bk_iso_time(time(NULL));
        json_t *body, *answer = NULL;
        struct bk_error err = { 0 };

        if (read_secret(args, &secret, &err) < 0 || cmd_moment(until == NULL ? "30d" : until, &expires, &err) < 0)
                return cmd_fail(&err);
        target = cmd_target("/index/draft?expires=%s", expires);
        comment = bk_format("index of images, %s", now);
        if (cmd_api_text(args, "GET", target, NULL, &text, NULL, &err) < 0 ||
            bk_minisign(&secret, text, strlen(text), comment, &signature, &err) < 0)
                return cmd_fail(&err);
        body = cmd_change(args);
        (void)json_object_set_new(body, "text", json_string(text));
        (void)json_object_set_new(body, "signature", json_string(signature));
        if (cmd_api(args, "POST", "/index", body, &answer, &err) < 0)
                return cmd_fail(&err);
        json_decref(answer);
        printf("signed an index that expires %s\n", expires);
        return 0;
}

/* What was seen of this key's indexes before; a first one is believed. */
static int check_seen(const char *path, const char *key_id, json_int_t number, const char *digest, struct bk_error *err)
{
        autofree char *text = NULL, *written = NULL;
        json_t *seen = NULL, *before;
        struct bk_error miss = { 0 };
        int status = 0;

        if (bk_read_file(path, 1 << 20, &text, NULL, &miss) < 0 && miss.kind != BK_NOT_FOUND) {
                *err = miss;
                return -1;
        }
        seen = text == NULL ? json_object() : json_loads(text, 0, NULL);
        if (!json_is_object(seen)) {
                json_decref(seen);
                return bk_fail(err, BK_CORRUPT, "'%s' is damaged; without it an older index could be passed off as the newest. Remove it to start "
                               "anew", path);
        }
        before = json_object_get(seen, key_id);
        if (number < json_integer_value(json_object_get(before, "number")))
                status = bk_fail(err, BK_CORRUPT, "the index has number %lld, and %lld was seen before: somebody offers an older one",
                                 (long long)number, (long long)json_integer_value(json_object_get(before, "number")));
        else if (number == json_integer_value(json_object_get(before, "number")) && !bk_streq(digest, cmd_field(before, "digest")))
                status = bk_fail(err, BK_CORRUPT, "index %lld is not the one of that number that was seen before", (long long)number);
        (void)json_object_set_new(seen, key_id, json_pack("{s:I, s:s}", "number", number, "digest", digest));
        written = json_dumps(seen, JSON_INDENT(2) | JSON_SORT_KEYS);
        json_decref(seen);
        return status < 0 ? -1 : bk_publish_bytes(path, written, strlen(written), 0644, err);
}

static int check_index(const struct cmd_args *args, const struct bk_public_key *key, const char *text, json_t **ret, struct bk_error *err)
{
        autofree char *home = cmd_home(args), *path = bk_format("%s/index-seen.json", home), *digest = bk_digest_bytes(text, strlen(text));
        autofree char *key_id = bk_key_id(key->id), *now = bk_iso_time(time(NULL));
        json_t *index = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const char *expires = cmd_field(index, "expires");
        const json_int_t number = json_integer_value(json_object_get(index, "number"));
        int status = 0;

        if (number <= 0 || strlen(expires) != strlen(now))
                status = bk_fail(err, BK_CORRUPT, "what was signed is no index of bakery");
        else if (strcmp(expires, now) <= 0)     /* ISO times of one form sort as texts do */
                status = bk_fail(err, BK_CORRUPT, "the index expired %s: nobody signed a newer one, or somebody keeps it from you", expires);
        else if (bk_mkdir_p(home, err) < 0 || check_seen(path, key_id, number, digest, err) < 0)
                status = -1;
        if (status < 0)
                json_decref(index);
        else
                *ret = index;
        return status;
}

static int verify_index(const struct cmd_args *args)
{
        autofree char *text = NULL, *signature = NULL, *comment = NULL;
        struct bk_public_key key;
        struct bk_error err = { 0 };
        json_t *index = NULL;

        if (read_public(args, &key, &err) < 0 || cmd_api_text(args, "GET", "/index.json", NULL, &text, NULL, &err) < 0 ||
            cmd_api_text(args, "GET", "/index.json.minisig", NULL, &signature, NULL, &err) < 0 ||
            bk_minisign_verify(&key, text, strlen(text), signature, &comment, &err) < 0 || check_index(args, &key, text, &index, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(index));
        else
                printf("index %lld is good until %s: %zu images, %zu channels, the log at %lld:%s\n",
                       (long long)json_integer_value(json_object_get(index, "number")), cmd_field(index, "expires"),
                       json_object_size(json_object_get(index, "images")), json_object_size(json_object_get(index, "channels")),
                       (long long)json_integer_value(json_object_get(json_object_get(index, "log"), "index")),
                       cmd_field(json_object_get(index, "log"), "digest"));
        json_decref(index);
        return 0;
}

static int run_index(const struct cmd_args *args)
{
        const char *target = cmd_switch(args, "signature") ? "/index.json.minisig" : "/index.json";
        autofree char *text = NULL;
        struct bk_error err = { 0 };

        if (cmd_switch(args, "sign"))
                return sign_index(args);
        if (cmd_switch(args, "verify"))
                return verify_index(args);
        if (cmd_api_text(args, "GET", target, NULL, &text, NULL, &err) < 0)
                return cmd_fail(&err);
        (void)fputs(text, stdout);
        return 0;
}

const struct cmd cmd_key_create = {
        "key create", "[FILE]", 0, 1, "make a pair of keys to sign images with",
        "The secret key is written to FILE (default: sign.key in the state folder, with which every new image is signed), the public key beside "
        "it as .pub. They are minisign's; the secret key is not encrypted, and only its owner may read it.", CMD_FLAGS(json_flags), run_key,
};
const struct cmd cmd_image_sign = {
        "image sign", "IMAGE", 1, 1, "sign an image's manifest and its provenance", REFERENCES, CMD_FLAGS(sign_flags), run_sign,
};
const struct cmd cmd_image_verify = {
        "image verify", "IMAGE", 1, 1, "verify the signature of an image, and every byte of its layers",
        "Exits with 1 when anything is not what was signed. Layers that are on another host only are not read. " REFERENCES,
        CMD_FLAGS(verify_flags), run_verify,
};
const struct cmd cmd_image_provenance = {
        "image provenance", "IMAGE", 1, 1, "print how an image was baked", REFERENCES, CMD_FLAGS(provenance_flags), run_provenance,
};
const struct cmd cmd_index = {
        "index", "", 0, 0, "print, sign or verify the registry's index",
        "The index lists every image with its state and every channel with its head. It is numbered and expires, so that nobody can be given "
        "an older one unnoticed.", CMD_FLAGS(index_flags), run_index,
};
