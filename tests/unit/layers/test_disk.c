/* A disk that is closed leaves no mount behind, or says so. */
#include "tests/unit/folder.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "layers/disk.h"
#include "lib/run.h"

static int make_disk(const char *path, struct bk_error *err)
{
        const char *const argv[] = { "mkfs.ext4", "-q", "-F", path, "16M", NULL };

        return bk_run(argv, 60000, NULL, err);
}

/* The root goes elsewhere and comes back without the work folder's own file system below it. */
static int take_away_work(const struct disk *disk, const char *work, const char *aside)
{
        if (mkdir(aside, 0700) < 0 || mount(disk_root(disk), aside, NULL, MS_BIND, NULL) < 0 || umount2(work, MNT_DETACH) < 0 ||
            mkdir(disk_root(disk), 0700) < 0 || mount(aside, disk_root(disk), NULL, MS_BIND, NULL) < 0)
                return -1;
        return umount2(aside, 0);
}

/* In a process with mounts of its own; 0 when all is as it should be. */
static int try_it(const char *folder, bool take_away)
{
        autofree char *path = bk_format("%s/disk", folder), *work = bk_format("%s/work", folder), *aside = bk_format("%s/aside", folder);
        const struct disk_open how = { .path = path, .format = "raw", .work = work };
        struct disk *disk = NULL;
        struct bk_error err = { 0 };

        if (bk_own_mounts(&err) < 0 || make_disk(path, &err) < 0 || bk_mkdir_p(work, &err) < 0 || disk_open(&how, &disk, &err) < 0) {
                print_message("# %s\n", err.text);
                return 2;
        }
        if (take_away && take_away_work(disk, work, aside) < 0)
                return 3;
        const int result = disk_close(disk, &err);

        print_message("# %s\n", err.text);
        return result == 0 ? take_away || err.kind != BK_NONE : !take_away || strstr(err.text, work) == NULL;
}

static void what_stays_mounted_is_told(void **state)
{
        const struct folder *place = *state;

        need("root");
        need("mkfs.ext4");
        for (int take_away = 0; take_away < 2; take_away++) {
                pid_t pid;

                (void)fflush(NULL);
                pid = bk_fork_isolated();
                if (pid == 0)
                        _exit(try_it(place->path, take_away));
                assert_true(pid > 0);
                assert_int_equal(bk_wait(pid, 120000), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_stays_mounted_is_told, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
