/* What vouches for a bake: where its parts came from, and signatures with the key of the state folder, where there is one.
 *
 * The key is read when bakery starts and when an image is published: one that cannot be read stops an hour of work before it begins. */
#include "bakery/bake/bake_priv.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/minisign.h"
#include "registry/life.h"

/* 1: there is a key. */
static int read_key(const char *home, struct bk_secret_key *ret, struct bk_error *err)
{
        autofree char *path = bk_format("%s/sign.key", home);

        if (!bk_exists(path))
                return 0;
        return bk_secret_key_read(path, ret, err) < 0 ? -1 : 1;
}

int bake_sign_ready(const char *home, struct bk_error *err)
{
        BK_CLEANUP(bk_secret_key_done) struct bk_secret_key secret = { 0 };

        if (read_key(home, &secret, err) < 0)
                return bk_wrap(err, "new images cannot be signed");
        return 0;
}

int bake_sign(const char *home, struct reg_publication *publication, char **ret_signature, char **ret_attestation, struct bk_error *err)
{
        BK_CLEANUP(bk_secret_key_done) struct bk_secret_key secret = { 0 };
        autofree char *statement = NULL, *signature = NULL;
        const int status = read_key(home, &secret, err);

        if (status <= 0)
                return status;
        statement = reg_statement(publication->image, publication->provenance);
        if (statement == NULL)
                return bk_fail(err, BK_INVALID, "the provenance of '%s' cannot be told as a statement", publication->image->name);
        if (reg_sign_manifest(&secret, publication->image->name, publication->manifest, &signature, err) < 0 ||
            reg_sign_statement(&secret, statement, ret_attestation, err) < 0)
                return -1;
        *ret_signature = bk_take(signature);
        publication->signatures = (const char *const *)ret_signature;
        publication->n_signatures = 1;
        publication->attestation = *ret_attestation;
        return 0;
}

/* Without what is behind "?" and before "@": both may be what lets one in. */
static char *clean_url(const char *url)
{
        const char *scheme = strstr(url, "://"), *host = scheme == NULL ? url : scheme + 3;
        const size_t authority = scheme == NULL ? 0 : strcspn(host, "/?#"), length = strcspn(url, scheme == NULL ? "" : "?#");
        const char *at = memrchr(host, '@', authority);

        if (at == NULL)
                return bk_strndup(url, length);
        return bk_format("%.*s%.*s", (int)(host - url), url, (int)(length - (size_t)(at + 1 - url)), at + 1);
}

json_t *bake_material(const struct tmpl *tmpl, const char *name, const char *url, const char *digest)
{
        autofree char *clean = clean_url(url), *shown = tmpl_redact(tmpl, clean);
        const char *hex = strchr(digest, ':') == NULL ? digest : strchr(digest, ':') + 1;

        return json_pack("{s:s, s:s, s:{s:s}}", "name", name, "uri", shown, "digest", "sha256", hex);
}
