/* What may be recorded. Everything is looked at before the transaction begins:
 * a bake that took an hour is told all that is wrong in words, not by a
 * constraint of the database. */
#include "registry/registry_priv.h"

#include <string.h>

#include "lib/digest.h"

#define NAME_MOST 200
#define KEY_MOST 200

int reg_name_check(const char *what, const char *name, struct bk_error *err)
{
        static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._/-";

        if (name == NULL || *name == '\0')
                return bk_fail(err, BK_INVALID, "%s is empty; it must match [a-z0-9][a-z0-9._/-]*", what);
        if (strchr(first, *name) == NULL || name[strspn(name, rest)] != '\0')
                return bk_fail(err, BK_INVALID, "%s '%.200s' must match [a-z0-9][a-z0-9._/-]*", what, name);
        if (strlen(name) > NAME_MOST)
                return bk_fail(err, BK_INVALID, "%s '%.60s...' is longer than %d characters", what, name, NAME_MOST);
        return 0;
}

bool reg_text_valid(const char *text)
{
        json_t *json;

        for (const char *p = text; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return false;
        json = json_string(text);               /* jansson's check of UTF-8 is RFC 3629's */
        json_decref(json);
        return json != NULL;
}

static int check_text(const char *what, const char *text, bool wanted, struct bk_error *err)
{
        if (text == NULL || *text == '\0')
                return wanted ? bk_fail(err, BK_INVALID, "the %s of the image is missing", what) : 0;
        if (!reg_text_valid(text))
                return bk_fail(err, BK_INVALID, "the %s of the image is not one line of UTF-8", what);
        return 0;
}

static int check_digest(const char *what, const char *digest, struct bk_error *err)
{
        if (!bk_digest_valid(digest))
                return bk_fail(err, BK_INVALID, "%s '%.100s' is not sha256: and 64 lower-case hex digits", what,
                               digest == NULL ? "" : digest);
        return 0;
}

int reg_attribute_check(const char *key, const char *value, struct bk_error *err)
{
        if (key == NULL || *key == '\0' || *key == '_' || strlen(key) > KEY_MOST || !reg_text_valid(key))
                return bk_fail(err, BK_INVALID, "attribute '%.100s' must be 1 to %d characters of one line, "
                               "not starting with '_'", key == NULL || !reg_text_valid(key) ? "" : key, KEY_MOST);
        if (reg_key_reserved(key))
                return bk_fail(err, BK_INVALID, "attribute '%s' would hide the image's own %s; name it otherwise", key, key);
        if (value == NULL || !reg_text_valid(value))
                return bk_fail(err, BK_INVALID, "the value of attribute '%s' is not one line of UTF-8", key);
        return 0;
}

static int check_attributes(const struct reg_image *image, struct bk_error *err)
{
        for (size_t i = 0; i < image->n_attributes; i++) {
                const struct reg_pair *pair = &image->attributes[i];

                if (reg_attribute_check(pair->key, pair->value, err) < 0)
                        return -1;
                for (size_t j = 0; j < i; j++)
                        if (strcmp(pair->key, image->attributes[j].key) == 0)
                                return bk_fail(err, BK_INVALID, "attribute '%s' is given twice", pair->key);
        }
        return 0;
}

static int check_layer(const struct reg_image *image, const struct reg_layer *layer, struct bk_error *err)
{
        if (check_digest("layer", image->layer, err) < 0)
                return -1;
        if (layer == NULL)
                return 0;
        if (!bk_streq(image->layer, layer->digest))
                return bk_fail(err, BK_INVALID, "the image's layer is '%s', and the layer to record is '%.100s'", image->layer,
                               layer->digest == NULL ? "" : layer->digest);
        if (layer->backing != NULL && check_digest("backing layer", layer->backing, err) < 0)
                return -1;
        if ((layer->backing == NULL) != (layer->depth == 0))
                return bk_fail(err, BK_INVALID, "layer '%s' has depth %u and %s layer below it", layer->digest, layer->depth,
                               layer->backing == NULL ? "no" : "a");
        if (layer->size > INT64_MAX || layer->virtual_size > INT64_MAX)
                return bk_fail(err, BK_INVALID, "layer '%s' is larger than 8 EiB", layer->digest);
        return 0;
}

static int check_lists(const struct reg_publication *p, struct bk_error *err)
{
        for (size_t i = 0; i < p->n_packages; i++) {
                const struct reg_package *package = &p->packages[i];

                if (package->name == NULL || *package->name == '\0' || package->version == NULL || package->ecosystem == NULL)
                        return bk_fail(err, BK_INVALID, "package %zu ('%.100s') lacks its name, version or ecosystem", i,
                                       package->name == NULL ? "" : package->name);
        }
        for (size_t i = 0; i < p->n_checks; i++) {
                const struct reg_check *check = &p->checks[i];

                if (check->suite == NULL || check->name == NULL || check->verdict == NULL)
                        return bk_fail(err, BK_INVALID, "check %zu ('%.100s') lacks its suite, name or verdict", i,
                                       check->name == NULL ? "" : check->name);
        }
        return 0;
}

int reg_publication_check(const struct reg_publication *p, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        autofree char *digest = NULL;

        if (reg_name_check("image name", image->name, err) < 0 || check_digest("image id", image->id, err) < 0 ||
            check_text("type", image->type, true, err) < 0 || check_text("input hash", image->input_hash, false, err) < 0 ||
            check_text("user", image->created_by, false, err) < 0 || check_text("host", image->created_on, false, err) < 0 ||
            check_attributes(image, err) < 0 || check_layer(image, p->layer, err) < 0 || check_lists(p, err) < 0)
                return -1;
        if (image->ancestor != NULL && check_digest("ancestor", image->ancestor, err) < 0)
                return -1;
        if ((unsigned)image->state > REG_PROMOTED)
                return bk_fail(err, BK_INVALID, "a new image is baked, tested or promoted, not '%s'",
                               reg_state_name(image->state));
        if (image->size > INT64_MAX || image->virtual_size > INT64_MAX)
                return bk_fail(err, BK_INVALID, "image '%s' is larger than 8 EiB", image->id);
        if (p->unique_version && reg_image_attribute(image, "version") == NULL)
                return bk_fail(err, BK_INVALID, "image '%s' is to be the only one of its version, and has no attribute 'version'", image->name);
        if (p->provenance != NULL && !json_is_object(p->provenance))
                return bk_fail(err, BK_INVALID, "the provenance is not a JSON object");
        if (p->manifest == NULL)
                return bk_fail(err, BK_INVALID, "the manifest is missing");
        digest = bk_digest_bytes(p->manifest, strlen(p->manifest));
        if (!bk_streq(digest, image->id))
                return bk_fail(err, BK_INVALID, "the image is called '%s', and its manifest has '%s'", image->id, digest);
        return 0;
}
