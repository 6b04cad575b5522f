/* Downloaded packages, kept across bakes. A bake gets hard links in a folder of
 * its own, so that several may run at once and none sees half a file; APT
 * checks the digest of each file that it finds there before it uses it. */
#include "layers/foundation.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

static bool is_package(const char *name)
{
        const size_t length = strlen(name);

        return length > 4 && bk_streq(name + length - 4, ".deb");
}

/* Links every package of one folder into another; what is there already stays. */
static int link_all(const char *from, const char *to, bool prune, struct bk_error *err)
{
        autodir DIR *dir = opendir(from);

        if (dir == NULL)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot list '%s'", from);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *a = bk_format("%s/%s", from, entry->d_name);
                autofree char *b = bk_format("%s/%s", to, entry->d_name);
                struct stat st;

                /* Only a plain file of one bake's own: the sandbox had this folder. */
                if (!is_package(entry->d_name) || (prune && (lstat(a, &st) < 0 || !S_ISREG(st.st_mode))))
                        continue;
                if (link(a, b) < 0 && errno != EEXIST)
                        return bk_fail_errno(err, "cannot link '%s'", b);
        }
        return 0;
}

int debs_borrow(const char *cache, const char *folder, struct bk_error *err)
{
        autofree char *partial = bk_format("%s/partial", folder);

        if (bk_mkdir_p(cache, err) < 0 || bk_mkdir_p(partial, err) < 0)
                return -1;
        return link_all(cache, folder, false, err);
}

int debs_return(const char *cache, const char *folder, struct bk_error *err)
{
        if (link_all(folder, cache, true, err) < 0)
                return bk_wrap(err, "package cache");
        return bk_remove_tree(folder, err);
}
