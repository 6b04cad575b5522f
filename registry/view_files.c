/* The files of two images, compared for a server: what was found is kept in cache/diffs, as neither image can change, and may be removed
 * at any time. Comparing mounts both images, which is for a process of its own (struct reg_request's files). */
#include "registry/view.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "registry/registry_priv.h"

/* What is told is held whole, several times over, with a connection to the database: for a difference between two kinds of system that is too
 * much. */
enum { KEPT_MOST = 64, FILE_MOST = 16 << 20 };

static char *folder_of(const struct layer_store *store)
{
        return bk_format("%s/diffs", store->cache);
}

static char *path_of(const struct layer_store *store, const char *from, const char *to)
{
        return bk_format("%s/diffs/%s-%s", store->cache, from + strlen("sha256:"), to + strlen("sha256:"));
}

int reg_files_get(const struct layer_store *store, const char *from, const char *to, json_t **ret, struct bk_error *err)
{
        autofree char *path = path_of(store, from, to), *text = NULL;
        struct stat st;
        size_t length = 0;
        json_t *json;

        if (stat(path, &st) < 0)
                return 0;
        if (st.st_size > FILE_MOST)
                return bk_fail(err, BK_INVALID, "more files differ than a server tells of: %lld MiB of them; `bakery image diff -files` tells of "
                               "them on a host that has the layers", (long long)st.st_size >> 20);
        if (bk_read_file(path, FILE_MOST, &text, &length, err) < 0)
                return -1;
        json = json_loadb(text, length, 0, NULL);
        if (json == NULL)
                return bk_fail(err, BK_CORRUPT, "'%s' is damaged; remove it", path);
        *ret = json;
        return 1;
}

/* All go when there are too many: who asks again waits again. */
static int make_room(const char *folder, struct bk_error *err)
{
        autodir DIR *dir = opendir(folder);
        size_t n = 0;

        while (dir != NULL && readdir(dir) != NULL)
                n++;
        return n > KEPT_MOST + 2 ? bk_remove_tree(folder, err) : 0;
}

int reg_files_make(const struct layer_store *store, const struct reg_image *from, const struct reg_image *to, reg_files_fn *compare,
                   struct bk_error *err)
{
        const struct reg_request request = { .store = store };
        autofree char *folder = folder_of(store), *path = path_of(store, from->id, to->id), *text = NULL;
        json_t *json = NULL;

        if (bk_exists(path))
                return 0;
        if (make_room(folder, err) < 0 || bk_mkdir_p(folder, err) < 0 || compare(&request, from, to, &json, err) < 0)
                return -1;
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        return bk_publish_bytes(path, text, strlen(text), 0600, err);
}
