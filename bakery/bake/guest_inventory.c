/* What is installed in a guest, as its own files say.
 *
 * Readers of package databases look into some three hundred places, most of which no guest has, and every look costs an emulated guest
 * 20 ms. So one command tells first what there is near the top of where packages are kept, and only that is asked for. The shell itself answers it:
 * the start of a program costs such a guest more than all that it would look at. */
#include <stdlib.h>
#include <string.h>

#include "bakery/bake/guest_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum { INVENTORY_MOST = 64 << 20, COMMAND_MS = 60000 };

static const char inventory_file[] = GUEST_WORK "/inventory.json";      /* from the stage to the worker */

/* --- what is known before ------------------------------------------------------ */

/* Folders of which all is known, so many levels down. */
static const struct { const char *path; int depth; } tops[] = {
        { "/usr/lib", 2 }, { "/usr/lib64", 2 }, { "/usr/local", 3 }, { "/usr/share", 1 }, { "/var/lib", 2 }, { "/lib/apk", 2 },
};

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has(const struct bk_strv *names, const char *path)
{
        return names->n > 0 && bsearch(&path, names->v, names->n, sizeof *names->v, compare) != NULL;
}

char *bake_names_command(const char *root)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf command = { 0 };

        bk_buf_puts(&command, "for d in");
        for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
                bk_buf_printf(&command, " %s%s", root, tops[i].path);
        bk_buf_puts(&command, "; do [ ! -d $d ] || echo $d; done; printf '%s\\n'");
        for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
                for (int depth = 1; depth <= tops[i].depth; depth++) {
                        bk_buf_printf(&command, " %s%s", root, tops[i].path);
                        for (int level = 0; level < depth; level++)
                                bk_buf_puts(&command, "/*");
                }
        return bk_buf_finish(&command);
}

/* How many levels below a top the path is, and how deep that top is known; false: below none. */
static bool level_of(const char *path, int *ret_level, int *ret_depth)
{
        for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
                const size_t length = strlen(tops[i].path);

                if (strncmp(path, tops[i].path, length) != 0 || (path[length] != '\0' && path[length] != '/'))
                        continue;
                *ret_level = 0;
                *ret_depth = tops[i].depth;
                for (const char *p = path + length; *p != '\0'; p++)
                        *ret_level += *p == '/';
                return true;
        }
        return false;
}

void bake_names_set(struct bk_strv *names, const char *listing)
{
        for (const char *line = listing, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
                if (end - line < 2 || strncmp(end - 2, "/*", 2) != 0)   /* a pattern that nothing met */
                        bk_strv_take(names, bk_strndup(line, (size_t)(end - line)));
        if (names->n > 0)
                qsort(names->v, names->n, sizeof *names->v, compare);
}

bool bake_names_lack(const struct bk_strv *names, const char *path)
{
        autofree char *known = bk_strdup(path);
        int level = 0, depth = 0;

        if (names->n == 0 || !level_of(path, &level, &depth))
                return false;
        for (; level > depth; level--)
                *strrchr(known, '/') = '\0';
        /* Of what is hidden nothing was told. */
        return strstr(known, "/.") == NULL && !has(names, known);
}

bool bake_names_list(const struct bk_strv *names, const char *folder, struct bk_strv *ret)
{
        const size_t length = strlen(folder);
        int level = 0, depth = 0;

        if (names->n == 0 || !level_of(folder, &level, &depth) || level >= depth)
                return false;
        for (size_t i = 0; i < names->n; i++)
                if (strncmp(names->v[i], folder, length) == 0 && names->v[i][length] == '/' && strchr(names->v[i] + length + 1, '/') == NULL)
                        bk_strv_add(ret, names->v[i] + length + 1);
        return true;
}

/* --- asking ----------------------------------------------------------------------- */

struct asked { struct bake_stage *stage; struct bk_strv names; };

/* Where a shell does not understand that nothing is known before, and everything is asked for. */
static int ask_names(struct asked *asked, struct bk_error *err)
{
        autofree char *command = bake_names_command("");
        const struct vm_ssh_run run = { .command = command, .timeout_ms = COMMAND_MS };
        BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };
        struct bk_error why = { 0 };

        if (vm_ssh_run(asked->stage->ssh, &run, &result, &why) == 0) {
                if (result.status == 0 && result.out != NULL)
                        bake_names_set(&asked->names, result.out);
                return 0;
        }
        if (vm_ssh_connected(asked->stage->ssh))
                return 0;
        *err = why;
        return -1;
}

/* What a guest will not show is not there for whoever asks; a guest that is gone is an error. */
static int answer(const struct asked *asked, int result, const struct bk_error *why, struct bk_error *err)
{
        if (result == 0)
                return 1;
        if (vm_ssh_connected(asked->stage->ssh))
                return 0;
        *err = *why;
        return -1;
}

static int guest_read(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        const struct asked *asked = arg;
        struct bk_error why = { 0 };

        if (bake_names_lack(&asked->names, path))
                return 0;
        return answer(asked, vm_ssh_read(asked->stage->ssh, path, most, ret, ret_len, &why), &why, err);
}

static int guest_list(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        const struct asked *asked = arg;
        struct bk_error why = { 0 };

        if (bake_names_lack(&asked->names, path))
                return 0;
        if (bake_names_list(&asked->names, path, ret))
                return 1;
        return answer(asked, vm_ssh_list(asked->stage->ssh, path, ret, &why), &why, err);
}

static void asked_done(struct asked *asked)
{
        bk_strv_done(&asked->names);
}

int bake_guest_inventory_fetch(struct bake_stage *stage, struct bk_error *err)
{
        BK_CLEANUP(asked_done) struct asked asked = { .stage = stage };
        const struct bk_tree tree = { .read = guest_read, .list = guest_list, .arg = &asked };
        BK_CLEANUP(inventory_done) struct inventory inventory = { 0 };
        autofree char *text = NULL;
        json_t *json;

        if (ask_names(&asked, err) < 0 || inventory_read(&tree, &inventory, err) < 0)
                return -1;
        json = bake_inventory_json(&inventory);
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        return bk_publish_bytes(inventory_file, text, strlen(text), 0600, err);
}

int bake_guest_inventory(json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        json_error_t why;

        *ret = json_object();
        if (!bk_exists(inventory_file))         /* nobody logged in */
                return 0;
        json_decref(bk_take(*ret));
        if (bk_read_file(inventory_file, INVENTORY_MOST, &text, NULL, err) < 0)
                return -1;
        *ret = json_loads(text, 0, &why);
        return *ret != NULL ? 0 : bk_fail(err, BK_INTERNAL, "the inventory of the guest is not JSON: %s", why.text);
}
