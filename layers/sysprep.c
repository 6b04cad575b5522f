/* Sysprep: what one machine has and its copies must not share.
 *
 * Patterns are expanded inside the image: each folder is opened with
 * RESOLVE_IN_ROOT, and removal never follows a link. */
#include "layers/seal.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum action { REMOVE, EMPTY /* truncate files, also in folders below */ };

static const struct {
        struct sysprep_row row;
        enum action action;
        const char *patterns[9];
} operations[] = {
        { { "machine-id", "empty /etc/machine-id, so that first boot makes one" }, EMPTY, { "etc/machine-id" } },
        { { "dbus-machine-id", "D-Bus' copy of the machine id" }, REMOVE, { "var/lib/dbus/machine-id" } },
        { { "ssh-hostkeys", "host keys of the SSH server" }, REMOVE, { "etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_*_key.pub" } },
        { { "journal", "systemd's journal" }, REMOVE, { "var/log/journal/*" } },
        { { "rotated-logs", "logs that were rotated away" }, REMOVE,
          { "var/log/*.gz", "var/log/*.[0-9]", "var/log/*.old", "var/log/*/*.gz", "var/log/*/*.[0-9]" } },
        { { "logs", "empty every file below /var/log" }, EMPTY, { "var/log/*" } },
        { { "leases", "DHCP leases" }, REMOVE,
          { "var/lib/dhcp/*", "var/lib/dhclient/*", "var/lib/dhcpcd/*", "var/lib/NetworkManager/*lease*",
            "var/lib/systemd/network/*" } },
        { { "random-seed", "saved randomness" }, REMOVE,
          { "var/lib/systemd/random-seed", "var/lib/urandom/random-seed", "var/lib/random-seed" } },
        { { "history", "shell histories" }, REMOVE,
          { "root/.*_history", "root/.lesshst", "root/.viminfo", "home/*/.*_history", "home/*/.lesshst", "home/*/.viminfo" } },
        { { "net-rules", "network names bound to hardware addresses" }, REMOVE,
          { "etc/udev/rules.d/70-persistent-net.rules" } },
        { { "apt-lists", "APT's lists and caches" }, REMOVE,
          { "var/lib/apt/lists/*", "var/cache/apt/*.bin", "var/cache/apt/archives/*.deb" } },
        { { "cloud-init", "state of an earlier boot under cloud-init" }, REMOVE, { "var/lib/cloud/*" } },
        { { "crash", "crash dumps" }, REMOVE, { "var/crash/*", "var/lib/systemd/coredump/*" } },
        { { "tmp", "temporary files" }, REMOVE, { "tmp/*", "tmp/.[!.]*", "var/tmp/*", "var/tmp/.[!.]*" } },
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

const struct sysprep_row *sysprep_rows(size_t *n)
{
        static struct sysprep_row rows[OPERATIONS];

        for (size_t i = 0; i < OPERATIONS; i++)
                rows[i] = operations[i].row;
        *n = OPERATIONS;
        return rows;
}

static int list_matching(int root_fd, const char *folder, const char *pattern, struct bk_strv *ret)
{
        autodir DIR *dir = NULL;
        const int fd = bk_open_in_root(root_fd, *folder ? folder : "/", O_RDONLY | O_DIRECTORY, 0);

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
        dir = fdopendir(fd);
        if (dir == NULL) {
                (void)close(fd);
                return -1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                if (bk_streq(entry->d_name, ".") || bk_streq(entry->d_name, ".."))
                        continue;
                if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0)
                        bk_strv_addf(ret, "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        }
        return 0;
}

/* "home/<star>/.x" -> every path in the image that matches, component by component. */
static int expand(int root_fd, const char *pattern, struct bk_strv *ret)
{
        autostrv struct bk_strv level = { 0 };
        autofree char *copy = bk_strdup(pattern);
        char *save = NULL;

        bk_strv_add(&level, "");
        for (char *part = strtok_r(copy, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
                autostrv struct bk_strv next = { 0 };

                for (size_t i = 0; i < level.n; i++)
                        if (list_matching(root_fd, level.v[i], part, &next) < 0)
                                return -1;
                bk_strv_done(&level);
                level = next;
                next = (struct bk_strv){ 0 };
        }
        *ret = level;
        level = (struct bk_strv){ 0 };
        return 0;
}

static int empty_at(int dir_fd, const char *name)
{
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -1;
        if (S_ISREG(st.st_mode)) {
                autoclose int fd = st.st_size == 0 ? -1 : openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

                return st.st_size == 0 ? 0 : fd < 0 ? -1 : ftruncate(fd, 0);
        }
        if (S_ISDIR(st.st_mode)) {
                autodir DIR *dir = NULL;
                const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (fd < 0 || (dir = fdopendir(fd)) == NULL)
                        return -1;
                for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                        if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, "..") && empty_at(fd, entry->d_name) < 0)
                                return -1;
        }
        return 0;
}

static int act(int root_fd, const char *path, enum action action)
{
        const char *slash = strrchr(path, '/');
        autofree char *folder = slash ? bk_strndup(path, (size_t)(slash - path)) : bk_strdup("/");
        autoclose int parent = bk_open_in_root(root_fd, folder, O_RDONLY | O_DIRECTORY, 0);
        const char *name = slash ? slash + 1 : path;

        if (parent < 0)
                return -1;
        return action == REMOVE ? bk_remove_at(parent, name) : empty_at(parent, name);
}

int sysprep_run(int root_fd, const struct bk_strv *skip, struct bk_error *err)
{
        for (size_t o = 0; o < OPERATIONS; o++) {
                if (skip != NULL && bk_strv_has(skip, operations[o].row.name))
                        continue;
                for (size_t p = 0; operations[o].patterns[p] != NULL; p++) {
                        autostrv struct bk_strv paths = { 0 };

                        if (expand(root_fd, operations[o].patterns[p], &paths) < 0)
                                return bk_fail_errno(err, "sysprep '%s': cannot list '/%s'", operations[o].row.name,
                                                     operations[o].patterns[p]);
                        for (size_t i = 0; i < paths.n; i++)
                                if (act(root_fd, paths.v[i], operations[o].action) < 0)
                                        return bk_fail_errno(err, "sysprep '%s': '/%s'", operations[o].row.name, paths.v[i]);
                }
        }
        return 0;
}

static void add_patterns(struct bk_buf *script, const struct bk_strv *skip, enum action action)
{
        for (size_t o = 0; o < OPERATIONS; o++) {
                if (operations[o].action != action || (skip != NULL && bk_strv_has(skip, operations[o].row.name)))
                        continue;
                for (size_t p = 0; operations[o].patterns[p] != NULL; p++)
                        bk_buf_printf(script, " %s", operations[o].patterns[p]);
        }
}

/* Patterns hold nothing that a shell reads otherwise than fnmatch() does; what matches nothing stays as it is and is
 * not there. One rm and one find, for the start of a program is dear in an emulated guest; where one rm cannot take as many names,
 * each gets its own. */
char *sysprep_script(const struct bk_strv *skip)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf script = { 0 }, removed = { 0 }, emptied = { 0 };

        add_patterns(&removed, skip, REMOVE);
        add_patterns(&emptied, skip, EMPTY);
        bk_buf_puts(&script, "cd / || exit 1\n");
        if (removed.len > 0)
                bk_buf_printf(&script, "rm -rf --%s 2>/dev/null || for f in%s; do rm -rf -- \"$f\"; done\n", removed.data, removed.data);
        if (emptied.len > 0)
                bk_buf_printf(&script, "set --\nfor f in%s; do [ ! -e \"$f\" ] || set -- \"$@\" \"$f\"; done\n"
                              "[ $# -eq 0 ] || find \"$@\" -xdev -type f -size +0 -exec truncate -s 0 {} +\n", emptied.data);
        bk_buf_puts(&script, "sync\n");
        return bk_buf_finish(&script);
}
