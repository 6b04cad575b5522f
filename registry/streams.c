/* simplestreams, as LXD and Incus read it: an index, one list of products, and the files of those images whose views are made.
 *
 * The format is Launchpad's lp:simplestreams; what clients do with it is LXD's and Incus' shared/simplestreams. A version's key begins
 * with its day; a split image is metadata and a disk, and what a client will call it is the digest of both, one behind the other. Every list has
 * digests, so only what is made is listed; what is not, is made when there is time. */
#include "registry/api.h"

#include <string.h>

#include "lib/fs.h"
#include "registry/life_priv.h"
#include "registry/view.h"

enum { ASKED_AT_ONCE = 64 };

/* Both families, which differ in the name of what they look for. */
static const char *const families[] = { "lxd.tar.xz", "incus.tar.xz" };

static json_t *item_of(const char *ftype, const char *hex, const char *sha256, uint64_t size)
{
        autofree char *path = bk_format("streams/v1/images/%s/%s", hex, ftype);

        return json_pack("{s:s, s:s, s:s, s:I}", "ftype", ftype, "path", path, "sha256", sha256, "size", (json_int_t)size);
}

static json_t *items_of(const struct reg_image *image, const struct reg_view *view)
{
        const char *hex = image->id + strlen("sha256:");
        json_t *items = json_object();

        for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
                json_t *item = item_of(families[i], hex, view->meta_sha256, view->meta_size);

                (void)json_object_set_new(item, "combined_disk-kvm-img_sha256", json_string(view->combined_sha256));
                (void)json_object_set_new(items, families[i], item);
        }
        (void)json_object_set_new(items, "disk-kvm.img", item_of("disk-kvm.img", hex, view->disk_sha256, view->disk_size));
        return items;
}

static char *alias_of(const struct reg_offer *offer)
{
        return offer->channel == NULL ? bk_strdup(offer->image.name) : bk_format("%s/%s", offer->image.name, offer->channel);
}

/* Clients know an image by the digest of its files and want it once: what is offered as several things has several names. Aliases are
 * parted by commas, which no name has. */
static bool add_alias(const json_t *products, const struct reg_offer *offer)
{
        json_t *product = json_object_get(products, offer->image.id);
        autofree char *alias = alias_of(offer), *both = NULL;

        if (product == NULL)
                return false;
        both = bk_format("%s,%s", json_string_value(json_object_get(product, "aliases")), alias);
        (void)json_object_set_new(product, "aliases", json_string(both));
        return true;
}

static json_t *product_of(const struct reg_offer *offer, const struct reg_view *view)
{
        const struct reg_image *image = &offer->image;
        const char *given = reg_image_attribute(image, "architecture"), *release = reg_image_attribute(image, "release");
        autofree char *alias = alias_of(offer), *at = bk_iso_time(image->created_at);
        autofree char *version = bk_format("%.4s%.2s%.2s_%lld", at, at + 5, at + 8, (long long)image->sequence);

        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:{s:s}, s:{s:{s:o}}}", "aliases", alias,
                         "arch", reg_json_text(given == NULL ? "amd64" : given), "os", reg_json_text(image->name),
                         "release", reg_json_text(release == NULL ? image->type : release),
                         "release_title", reg_json_text(release == NULL ? image->type : release),
                         "variant", offer->channel == NULL ? "default" : offer->channel, "requirements", "secureboot", "false",
                         "versions", version, "items", items_of(image, view));
}

/* By the ids of images while aliases are found; then "bakery:nginx:amd64", "bakery:nginx:production:amd64". */
static json_t *named(json_t *products, const struct reg_offers *offers)
{
        json_t *ret = json_object();

        for (size_t i = 0; i < offers->n; i++) {
                const struct reg_offer *offer = &offers->v[i];
                json_t *product = json_object_get(products, offer->image.id);
                const char *channel = offer->channel == NULL ? "" : offer->channel;
                autofree char *key = bk_format("bakery:%s:%s%s%s", offer->image.name, channel, *channel == '\0' ? "" : ":",
                                               json_string_value(json_object_get(product, "arch")));

                if (product == NULL)
                        continue;
                (void)json_object_set(ret, key, product);
                (void)json_object_del(products, offer->image.id);
        }
        json_decref(products);
        return ret;
}

static int products_of(struct reg_call *call, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_offers_done) struct reg_offers offers = { 0 };
        autojson *products = json_object();

        call->answer->fleeting = true;
        if (call->request->store == NULL)
                return bk_fail(err, BK_INVALID, "there is no store at hand that disks could come from");
        if (reg_view_offers(call->reg, &offers, err) < 0)
                return -1;
        for (size_t i = 0; i < offers.n; i++) {
                BK_CLEANUP(reg_view_done) struct reg_view view = { 0 };
                const char *id = offers.v[i].image.id;
                int made;

                if (add_alias(products, &offers.v[i]))
                        continue;
                made = reg_view_get(call->request->store, id, &view, err);
                if (made < 0)
                        return -1;
                if (made > 0)
                        (void)json_object_set_new(products, id, product_of(&offers.v[i], &view));
                else if (call->answer->make.n < ASKED_AT_ONCE)
                        bk_strv_add(&call->answer->make, id);
        }
        *ret = named(bk_take(products), &offers);
        return 0;
}

static int streams_index(struct reg_call *call, struct bk_error *err)
{
        autojson *products = NULL;
        json_t *names, *value;
        const char *key;

        if (products_of(call, &products, err) < 0)
                return -1;
        names = json_array();
        json_object_foreach(products, key, value)
                (void)json_array_append_new(names, json_string(key));
        call->json = json_pack("{s:s, s:{s:{s:s, s:s, s:s, s:o}}}", "format", "index:1.0", "index", "images", "datatype", "image-downloads",
                               "format", "products:1.0", "path", "streams/v1/images.json", "products", names);
        return 0;
}

static int streams_images(struct reg_call *call, struct bk_error *err)
{
        autojson *products = NULL;

        if (products_of(call, &products, err) < 0)
                return -1;
        call->json = json_pack("{s:s, s:s, s:s, s:O}", "format", "products:1.0", "content_id", "images", "datatype", "image-downloads",
                               "products", products);
        return 0;
}

static int streams_file(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *id = bk_format("sha256:%s", call->part[0]);
        bool meta = false;

        for (size_t i = 0; i < sizeof families / sizeof *families; i++)
                meta = meta || strcmp(call->part[1], families[i]) == 0;
        if (!meta && strcmp(call->part[1], "disk-kvm.img") != 0)
                return bk_fail(err, BK_NOT_FOUND, "an image has no '%.100s' here", call->part[1]);
        if (reg_image_by_id(call->reg, id, &image, err) < 0)
                return -1;
        return reg_view_answer(call, &image, meta ? REG_VIEW_META_PART : REG_VIEW_DISK_PART, err);
}

static const struct reg_route rows[] = {
        { "GET", "//streams/v1/index.json", REG_READ, "the index of simplestreams", NULL, streams_index, .wide = true },
        { "GET", "//streams/v1/images.json", REG_READ, "images for LXD and Incus, as simplestreams", NULL, streams_images, .wide = true },
        { "GET", "//streams/v1/images/{digest}/{file}", REG_READ, "a file of such an image", NULL, streams_file, "application/octet-stream" },
};
const struct reg_routes reg_routes_streams = { rows, sizeof rows / sizeof *rows };
