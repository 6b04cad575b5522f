/* Vagrant's catalogue of boxes, and the boxes themselves.
 *
 * The format: https://developer.hashicorp.com/vagrant/docs/boxes/format#box-metadata. A client asks HEAD first and takes the URL for a
 * catalogue when its type is application/json. `vagrant box add USER/BOX` with VAGRANT_SERVER_URL asks /api/v2/vagrant/USER/BOX, older
 * clients /USER/BOX. An image without a slash in its name is a box of the user "bakery". */
#include "registry/api_images.h"

#include <string.h>
#include <strings.h>

#include "lib/fs.h"
#include "registry/life_priv.h"
#include "registry/view.h"

#define OURS "bakery"
enum { VERSIONS_MOST = 200, PART_MOST = 60 };

/* --- versions ---------------------------------------------------------------------- */
static size_t word(const char *text, const char *more)
{
        size_t n = 0;

        while ((text[n] >= '0' && text[n] <= '9') || (text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
               (text[n] != '\0' && strchr(more, text[n]) != NULL))
                n++;
        return n;
}

/* RubyGems' Gem::Version::VERSION_PATTERN: [0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)? */
static bool gem_version(const char *text)
{
        size_t n = strspn(text, "0123456789");
        const char *more = "";

        if (n == 0 || strlen(text) > PART_MOST)
                return false;
        for (text += n; *text != '\0'; text += n + 1) {
                if (*text == '-' && *more == '\0')
                        more = "-";
                else if (*text != '.')
                        return false;
                n = word(text + 1, more);
                if (n == 0)
                        return false;
        }
        return true;
}

/* The attribute "version" where Vagrant can read it; else the day and the sequence, which only grow. */
static char *version_of(const struct reg_image *image)
{
        const char *given = reg_image_attribute(image, "version");
        autofree char *at = bk_iso_time(image->created_at);

        if (given != NULL && gem_version(given))
                return bk_strdup(given);
        return bk_format("%.4s%.2s%.2s.%lld", at, at + 5, at + 8, (long long)image->sequence);
}

/* --- the catalogue ------------------------------------------------------------------ */
/* As Vagrant calls what it runs on (its Util::Platform.architecture). */
static const char *architecture_of(const struct reg_image *image)
{
        static const struct { const char *given, *vagrant; } names[] = {
                { "x86_64", "amd64" }, { "x86-64", "amd64" }, { "x64", "amd64" }, { "aarch64", "arm64" }, { "i686", "i386" }, { "i586", "i386" },
                { "x86", "i386" }, { "armhf", "arm" }, { "armv7l", "arm" }, { "ppc64el", "ppc64le" },
        };
        const char *given = reg_image_attribute(image, "architecture");

        for (size_t i = 0; given != NULL && i < sizeof names / sizeof *names; i++)
                if (strcasecmp(names[i].given, given) == 0)
                        return names[i].vagrant;
        return given == NULL ? "unknown" : given;
}

static json_t *provider_of(const struct reg_call *call, const struct reg_image *image, struct bk_error *err)
{
        BK_CLEANUP(reg_view_done) struct reg_view view = { 0 };
        autofree char *url = bk_format("%s/api/v1/images/%s/box", call->request->base, image->id);
        const int made = call->request->store == NULL ? 0 : reg_view_get(call->request->store, image->id, &view, err);
        json_t *provider;

        if (made < 0)
                return NULL;
        provider = json_pack("{s:s, s:s, s:o, s:b}", "name", "libvirt", "url", url, "architecture",
                             reg_json_text(architecture_of(image)), "default_architecture", 0);
        if (made > 0) {
                (void)json_object_set_new(provider, "checksum_type", json_string("sha256"));
                (void)json_object_set_new(provider, "checksum", json_string(view.box_sha256));
        }
        return provider;
}

static json_t *version_row(json_t *versions, const char *version)
{
        json_t *row;
        size_t i;

        json_array_foreach(versions, i, row)
                if (bk_streq(json_string_value(json_object_get(row, "version")), version))
                        return row;
        row = json_pack("{s:s, s:s, s:[]}", "version", version, "status", "active", "providers");
        (void)json_array_append_new(versions, row);
        return row;
}

/* Newest first: of two with the same version and architecture the newer is the one. */
static int add_image(const struct reg_call *call, json_t *versions, const struct reg_image *image, struct bk_error *err)
{
        autofree char *version = version_of(image);
        json_t *provider = provider_of(call, image, err), *row, *other;
        size_t i;

        if (provider == NULL)
                return -1;
        row = json_object_get(version_row(versions, version), "providers");
        json_array_foreach(row, i, other)
                if (json_equal(json_object_get(other, "architecture"), json_object_get(provider, "architecture"))) {
                        json_decref(provider);
                        return 0;
                }
        (void)json_array_append_new(row, provider);
        return 0;
}

/* Exactly one of a version is for clients that do not say what they run on: amd64 where there is one. */
static void choose_defaults(json_t *versions)
{
        json_t *version, *provider;
        size_t i, j;

        json_array_foreach(versions, i, version) {
                json_t *providers = json_object_get(version, "providers"), *chosen = json_array_get(providers, 0);

                json_array_foreach(providers, j, provider)
                        if (bk_streq(json_string_value(json_object_get(provider, "architecture")), "amd64"))
                                chosen = provider;
                (void)json_object_set_new(chosen, "default_architecture", json_true());
        }
}

static int find_images(const struct reg_call *call, struct reg_images *ret, struct bk_error *err)
{
        const char *user = call->part[0], *box = call->part[1];
        autofree char *name = strcmp(user, OURS) == 0 ? bk_strdup(box) : bk_format("%s/%s", user, box);
        autofree char *query = reg_call_query(call);
        autofree char *limit = strstr(query, "_limit") != NULL ? bk_strdup("") :
                               bk_format("%c_limit=%d", *query != '\0' ? '&' : '?', VERSIONS_MOST);
        autofree char *full = bk_format("%s%s%s", name, query, limit);

        return reg_name_check("box", name, err) < 0 || reg_query(call->reg, full, ret, err) < 0 ? -1 : 0;
}

static int catalogue(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autojson *versions = json_array();
        autofree char *name = bk_format("%s/%s", call->part[0], call->part[1]), *about = NULL;

        call->answer->fleeting = true;
        if (find_images(call, &images, err) < 0)
                return -1;
        if (call->request->base == NULL)
                return bk_fail(err, BK_INVALID, "the catalogue holds whole addresses; ask a server for it, by its name");
        for (size_t i = 0; i < images.n; i++)
                if (add_image(call, versions, &images.v[i], err) < 0)
                        return -1;
        choose_defaults(versions);
        about = bk_format("%s image '%s', baked by bakery", images.v[0].type, images.v[0].name);
        call->json = json_pack("{s:s, s:o, s:o, s:O}", "name", name, "description", reg_json_text(about), "short_description", reg_json_text(about),
                               "versions", versions);
        return 0;
}

/* --- files --------------------------------------------------------------------------- */
static int file(struct reg_call *call, enum reg_view_part part, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        return reg_resolve(call->reg, call->part[0], &image, err) < 0 ? -1 : reg_view_answer(call, &image, part, err);
}

static int box(struct reg_call *call, struct bk_error *err)
{
        return file(call, REG_VIEW_BOX_PART, err);
}

static int disk(struct reg_call *call, struct bk_error *err)
{
        return file(call, REG_VIEW_DISK_PART, err);
}

static const struct reg_route rows[] = {
        { "GET", "/images/{image}/box", REG_READ, "the image as a box of Vagrant's, for libvirt", NULL, box, "application/octet-stream" },
        { "GET", "/images/{image}/disk", REG_READ, "the image's whole disk, as compressed qcow2", NULL, disk, "application/octet-stream" },
        { "GET", "//api/v2/vagrant/{user}/{box}", REG_READ, "Vagrant's catalogue of an image", "*", catalogue, .wide = true },
        { "GET", "//{user}/{box}", REG_READ, "the same, where older clients look", "*", catalogue, .wide = true },
};
const struct reg_routes reg_routes_vagrant = { rows, sizeof rows / sizeof *rows };
