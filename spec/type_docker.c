/* Types `docker_image` and `docker_container`: what `docker inspect` says, or what the daemon's own files hold. Ruby's side makes the
 * text a hash. */
#include "spec/live.h"

#include <string.h>

#include <jansson.h>

enum { TEXT_MOST = 8 << 20, CONTAINERS_MOST = 10000 };

#define HOME "/var/lib/docker"

static void json_done(json_t **json)
{
        json_decref(*json);
}
#define autojson BK_CLEANUP(json_done)

/* --- the daemon's files ---------------------------------------------------- */

/* 1 with *ret (the caller's), 0 when there is no such file. */
static int load(struct spec_resource *r, const char *path, json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length;
        json_error_t why;
        const int there = spec_files_read(&r->image->files, path, TEXT_MOST, &text, &length, err);

        if (there <= 0)
                return there;
        *ret = json_loadb(text, length, 0, &why);
        return *ret != NULL ? 1 : bk_fail(err, BK_INFRA, "'%s' of the image, line %d: %s", path, why.line, why.text);
}

static int needs_daemon(struct spec_resource *r, const char *why, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "%s", why) : -1;
}

/* Elsewhere than in the usual folder, it is not looked for. */
static int usual_home(struct spec_resource *r, struct bk_error *err)
{
        autojson json_t *config = NULL;

        if (load(r, "/etc/docker/daemon.json", &config, err) < 0)
                return -1;
        if (json_object_get(config, "data-root") != NULL || json_object_get(config, "graph") != NULL)
                return needs_daemon(r, "docker's files are not in " HOME, err);
        return 0;
}

/* "abcdef", of at least 4 digits, is the beginning of an id. */
static bool begins_id(const char *id, const char *name)
{
        return strlen(name) >= 4 && strspn(name, "0123456789abcdef") == strlen(name) && strncmp(id, name, strlen(name)) == 0;
}

static void copy(json_t *to, const char *name, const json_t *from, const char *key)
{
        json_t *value = json_object_get(from, key);

        if (value != NULL)
                (void)json_object_set(to, name, value);
}

/* {"/data": {"Source": "/srv", "Destination": "/data", "RW": true}} is, in an inspection, a list. */
static json_t *mounts_of(const json_t *container)
{
        json_t *points = json_object_get(container, "MountPoints"), *ret = json_array(), *point = NULL;
        const char *key = NULL;

        json_object_foreach(points, key, point)
                (void)json_array_append(ret, point);
        return ret;
}

/* State is left out: it is of the moment when the image was made. */
static json_t *inspection_of_container(const json_t *container, const json_t *host)
{
        static const char *const same[] = { "Created", "Path", "Args", "Config", "Image", "Name", "Driver", "RestartCount", "LogPath" };
        json_t *ret = json_object();

        copy(ret, "Id", container, "ID");
        for (size_t i = 0; i < sizeof same / sizeof *same; i++)
                copy(ret, same[i], container, same[i]);
        (void)json_object_set_new(ret, "Mounts", mounts_of(container));
        if (host != NULL)
                (void)json_object_set(ret, "HostConfig", (json_t *)host);
        return ret;
}

static int container_of_files(struct spec_resource *r, json_t **ret, struct bk_error *err)
{
        autostrv struct bk_strv ids = { 0 };

        if (usual_home(r, err) < 0 || spec_files_list(&r->image->files, HOME "/containers", &ids, err) < 0)
                return -1;
        for (size_t i = 0; i < ids.n && i < CONTAINERS_MOST; i++) {
                autofree char *path = bk_format(HOME "/containers/%s/config.v2.json", ids.v[i]);
                autofree char *host_path = bk_format(HOME "/containers/%s/hostconfig.json", ids.v[i]);
                autojson json_t *container = NULL, *host = NULL;
                const char *name = NULL;
                const int there = load(r, path, &container, err);

                if (there < 0)
                        return -1;
                name = json_string_value(json_object_get(container, "Name"));
                if (there == 0 || !((name != NULL && bk_streq(name + (*name == '/'), r->name)) || begins_id(ids.v[i], r->name)))
                        continue;
                if (load(r, host_path, &host, err) < 0)
                        return -1;
                *ret = inspection_of_container(container, host);
                return 1;
        }
        return 0;
}

/* --- images ---------------------------------------------------------------- */

/* {"Repositories": {"nginx": {"nginx:latest": "sha256:..."}}}: the id of a reference, and all of its names. Borrowed. */
static const char *image_id(const json_t *repositories, const char *reference, json_t *ret_tags)
{
        json_t *all = json_object_get(repositories, "Repositories"), *tags = NULL, *id = NULL;
        const char *repository = NULL, *tag = NULL, *found = NULL;
        const char *slash = strrchr(reference, '/');
        const bool tagged = strchr(slash ? slash : reference, ':') != NULL;
        autofree char *whole = tagged ? bk_strdup(reference) : bk_format("%s:latest", reference);
        const char *digits = strncmp(reference, "sha256:", 7) == 0 ? reference + 7 : reference;

        json_object_foreach(all, repository, tags)
                json_object_foreach(tags, tag, id) {
                        const char *text = json_string_value(id);

                        if (text != NULL && strncmp(text, "sha256:", 7) == 0 && (bk_streq(tag, whole) || begins_id(text + 7, digits)))
                                found = text;
                }
        json_object_foreach(all, repository, tags)
                json_object_foreach(tags, tag, id)
                        if (found != NULL && bk_streq(json_string_value(id), found) && strchr(tag, '@') == NULL)
                                (void)json_array_append_new(ret_tags, json_string(tag));
        return found;
}

static json_t *inspection_of_image(const char *id, json_t *tags, const json_t *content)
{
        static const char *const names[][2] = { { "Architecture", "architecture" }, { "Os", "os" }, { "Created", "created" },
                                                { "Config", "config" }, { "Author", "author" }, { "DockerVersion", "docker_version" } };
        json_t *ret = json_object(), *root = json_object();

        (void)json_object_set_new(ret, "Id", json_string(id));
        (void)json_object_set(ret, "RepoTags", tags);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                copy(ret, names[i][0], content, names[i][1]);
        copy(root, "Type", json_object_get(content, "rootfs"), "type");
        copy(root, "Layers", json_object_get(content, "rootfs"), "diff_ids");
        (void)json_object_set_new(ret, "RootFS", root);
        return ret;
}

static int image_of_driver(struct spec_resource *r, const char *driver, bool *ret_known, json_t **ret, struct bk_error *err)
{
        autofree char *path = bk_format(HOME "/image/%s/repositories.json", driver), *content_path = NULL;
        autojson json_t *repositories = NULL, *content = NULL, *tags = json_array();
        const char *id = NULL;
        const int there = load(r, path, &repositories, err);

        if (there <= 0)
                return there;
        *ret_known = true;
        id = image_id(repositories, r->name, tags);
        if (id == NULL || strchr(id, '/') != NULL)
                return 0;
        content_path = bk_format(HOME "/image/%s/imagedb/content/sha256/%s", driver, id + strlen("sha256:"));
        if (load(r, content_path, &content, err) < 0)
                return -1;
        *ret = inspection_of_image(id, tags, content);
        return 1;
}

static int image_of_files(struct spec_resource *r, json_t **ret, struct bk_error *err)
{
        autostrv struct bk_strv drivers = { 0 };
        bool known = false;
        int there = 0;

        if (usual_home(r, err) < 0 || spec_files_list(&r->image->files, HOME "/image", &drivers, err) < 0)
                return -1;
        for (size_t i = 0; there == 0 && i < drivers.n; i++)
                there = image_of_driver(r, drivers.v[i], &known, ret, err);
        /* containerd may keep them, whose files are not read here */
        if (there == 0 && !known && spec_files_there(&r->image->files, HOME))
                return needs_daemon(r, "docker keeps no list of images in " HOME, err);
        return there;
}

/* --- the daemon ------------------------------------------------------------ */

static bool is_image(const struct spec_resource *r)
{
        return bk_streq(r->type->name, "docker_image");
}

static char *inspect_line(const struct spec_resource *r)
{
        autofree char *name = spec_quote(r->name);

        return bk_format("docker %s inspect %s", is_image(r) ? "image" : "container", name);
}

void spec_docker_want(const struct spec_resource *r)
{
        autofree char *line = inspect_line(r);

        spec_want_guest_line(r, line);
}

static int ask_daemon(struct spec_resource *r, json_t **ret, struct bk_error *err)
{
        autofree char *line = inspect_line(r);
        const struct spec_output *output = NULL;
        autojson json_t *all = NULL;
        json_error_t why;

        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        if (output->status != 0) {
                if (output->err != NULL && (strstr(output->err, "No such") != NULL || strstr(output->err, "no such") != NULL) &&
                    strstr(output->err, "docker.sock") == NULL)
                        return 0;
                return bk_fail(err, BK_INFRA, "`%s` failed in the guest: %.300s", line, output->err ? output->err : "");
        }
        all = json_loadb(output->out ? output->out : "", output->out_len, 0, &why);
        if (!json_is_object(json_array_get(all, 0)))
                return bk_fail(err, BK_INFRA, "`%s` printed no inspection", line);
        *ret = json_incref(json_array_get(all, 0));
        return 1;
}

/* 1 with the inspection (the caller's), 0 when there is no such thing. */
static int inspect(struct spec_resource *r, json_t **ret, struct bk_error *err)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };
        int there;

        if (r->name[0] == '\0' || r->name[0] == '-')
                return bk_fail(err, BK_USAGE, "'%s' is no name of a %s", r->name, is_image(r) ? "docker image" : "container");
        if (spec_image_guest(r->image, &guest, &none) == 0) {
                there = ask_daemon(r, ret, err);
        } else {
                there = is_image(r) ? image_of_files(r, ret, err) : container_of_files(r, ret, err);
                if (there >= 0)
                        spec_configured(r);
        }
        if (there == 0)
                spec_note(r, "docker has no such %s", is_image(r) ? "image" : "container");
        return there;
}

static int docker_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autojson json_t *found = NULL;
        const int there = inspect(r, &found, err);

        (void)args;
        *ret = there > 0;
        return there < 0 ? -1 : 0;
}

static int docker_inspection(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        autojson json_t *found = NULL;
        char *text = NULL;
        const int there = inspect(r, &found, err);

        if (there <= 0)
                return there;
        text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
        spec_value_text(ret, text);
        free(text);
        return 0;
}

static int container_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autojson json_t *found = NULL;
        const struct spec_files *guest = NULL;
        const json_t *state;
        int there;

        (void)args;
        if (spec_image_guest(r->image, &guest, err) < 0)
                return -1;
        there = inspect(r, &found, err);
        *ret = false;
        if (there <= 0)
                return there;
        state = json_object_get(found, "State");
        *ret = json_is_true(json_object_get(state, "Running")) && !json_is_true(json_object_get(state, "Restarting"));
        if (!*ret)
                spec_note(r, "its state is %.100s", json_string_value(json_object_get(state, "Status")) ?: "not running");
        return 0;
}

static bool text_is(const json_t *object, const char *key, const char *wanted)
{
        return bk_streq(json_string_value(json_object_get(object, key)), wanted);
}

static int container_has_volume(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *inside = spec_args_text(args, 0), *outside = spec_args_text(args, 1);
        autojson json_t *found = NULL;
        json_t *mounts, *mount;
        size_t i;
        int there;

        if (inside == NULL || outside == NULL)
                return bk_fail(err, BK_USAGE, "have_volume needs the path in the container and the path on its host");
        there = inspect(r, &found, err);
        *ret = false;
        if (there <= 0)
                return there;
        mounts = json_object_get(found, "Mounts");
        spec_note(r, "nothing is mounted at '%s'", inside);
        json_array_foreach(mounts, i, mount) {
                if (!text_is(mount, "Destination", inside))
                        continue;
                *ret |= text_is(mount, "Source", outside);
                spec_note(r, "'%s' is '%.300s'", inside, json_string_value(json_object_get(mount, "Source")) ?: "");
        }
        if (mounts == NULL)             /* before 1.8 */
                *ret = text_is(json_object_get(found, "Volumes"), inside, outside);
        return 0;
}

const struct spec_property spec_docker_properties[] = { { "__inspection", docker_inspection }, { NULL } };
const struct spec_predicate spec_docker_image_predicates[] = { { "exist?", NULL, docker_exists }, { NULL } };
const struct spec_predicate spec_docker_container_predicates[] = {
        { "exist?", NULL, docker_exists }, { "running?", NULL, container_running }, { "has_volume?", NULL, container_has_volume }, { NULL },
};
