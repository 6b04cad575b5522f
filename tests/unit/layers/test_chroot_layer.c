/* The sandbox and the layer: what of ours the image sees and the layer never keeps, and folders of the host bound into it. */
#include "tests/unit/layers/sandbox.h"

/* --- files of ours that the image sees ------------------------------------------------------- */

static const struct resolver {
        const char *why, *link, *text;  /* text: what the link leads to in the layer, or the file itself */
        bool works;
} resolvers[] = {
        { "none",                          NULL,                                    NULL,  true },
        { "a file",                        NULL,                                    "own", true },
        { "an empty file",                 NULL,                                    "",    true },
        { "a link to a file of the layer", "/etc/real",                             "own", true },
        { "a relative link to one",        "../etc/real",                           "own", true },
        { "a link into /run",              "/run/systemd/resolve/stub-resolv.conf", NULL,  true },
        { "a relative link into /run",     "../run/resolvconf/resolv.conf",         NULL,  true },
        { "a link to nowhere",             "/nowhere/resolv.conf",                  NULL,  false },
        { "nowhere that ends in run",      "/mnt/overrun/resolv.conf",              NULL,  false },
        { "by /run to the layer",          "/run/../mnt/a/resolv.conf",             NULL,  false },
        { "by /run to the layer, deeper",  "../run/a/../../mnt/resolv.conf",        NULL,  false },
        { "a link to itself",              "resolv.conf",                           NULL,  false },
        { "a link out of the layer",       "../../../../../../../etc/resolv.conf",  NULL,  false },
};

static void make_resolver(const struct place *place, const struct resolver *resolver)
{
        autofree char *path = bk_format("%s/etc/resolv.conf", place->root);

        (void)unlink(path);
        if (resolver->link != NULL)
                assert_int_equal(symlink(resolver->link, path), 0);
        if (resolver->text != NULL)
                put(place, resolver->link ? "/etc/real" : "/etc/resolv.conf", resolver->text, 0640);
}

static void resolv_conf_is_ours_inside_and_its_own_afterwards(void **state)
{
        struct place *place = *state;

        for (size_t i = 0; i < 2 * sizeof resolvers / sizeof *resolvers; i++) {
                const struct resolver *resolver = &resolvers[i / 2];
                const bool network = i % 2 != 0;
                autofree char *before = NULL, *after = NULL;

                print_message("# %s, with%s network\n", resolver->why, network ? "" : "out");
                make_resolver(place, resolver);
                before = snapshot(place);
                open_with(place, (struct chroot_config){ .network = network });
                assert_prints(place, "cat /etc/resolv.conf 2>/dev/null || echo none",
                              !resolver->works ? "none\n" : network ? "nameserver 10.0.2.3\n" : "");
                do_shell(place, "echo more >> /etc/resolv.conf || true");  /* what is written there is not the layer's */
                close_sandbox(place);
                after = snapshot(place);
                assert_string_equal(before, after);
        }
}

static void no_service_starts_while_an_image_is_baked(void **state)
{
        struct place *place = *state;
        static const char *const own[] = { NULL, "#!/bin/sh\nexit 0\n" };

        for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
                autofree char *before = NULL, *after = NULL;

                print_message("# %s\n", own[i] ? "the image has its own policy" : "the image has no policy");
                if (own[i] != NULL)
                        put(place, "/usr/sbin/policy-rc.d", own[i], 0755);
                before = snapshot(place);
                open_plain(place);
                assert_prints(place, "/usr/sbin/policy-rc.d nginx start || echo $?", "101\n");
                close_sandbox(place);
                after = snapshot(place);
                assert_string_equal(before, after);
        }
}

static void what_a_provisioner_puts_in_our_place_stays(void **state)
{
        struct place *place = *state;
        autofree char *policy = bk_format("%s/usr/sbin/policy-rc.d", place->root), *resolv = bk_format("%s/etc/resolv.conf", place->root);
        autofree char *text = NULL;
        char target[100] = "";

        open_plain(place);
        do_shell(place, "rm /usr/sbin/policy-rc.d /etc/resolv.conf; echo own > /usr/sbin/policy-rc.d; ln -s /run/own /etc/resolv.conf");
        close_sandbox(place);
        assert_int_equal(bk_read_file(policy, 100, &text, NULL, NULL), 0);
        assert_string_equal(text, "own\n");
        assert_true(readlink(resolv, target, sizeof target - 1) > 0);
        assert_string_equal(target, "/run/own");
}

static void missing_mount_points_are_made_and_stay(void **state)
{
        struct place *place = *state;
        static const char *const folders[] = { "proc", "sys", "dev", "run", "tmp" };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                autofree char *path = bk_format("%s/%s", place->root, folders[i]);

                assert_int_equal(rmdir(path), 0);
        }
        open_plain(place);
        assert_prints(place, "echo x > /tmp/x; cat /proc/1/comm", "bakery-init\n");
        close_sandbox(place);
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                autofree char *path = bk_format("%s/%s", place->root, folders[i]);
                struct stat st;

                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 07777, i == 4 ? 01777 : i < 2 ? 0555 : 0755);
                assert_int_equal(rmdir(path), 0);
        }
}

/* --- binds ------------------------------------------------------------------------------------ */

/* A folder of the host with a file, a device, and another file system mounted in it, which tear_down() unmounts. */
static void make_source(struct place *place)
{
        autofree char *device = NULL, *below = NULL;

        need("root");
        place->source = bk_format("%s-source", place->root);
        place->mounted = bk_format("%s/below", place->source);
        device = bk_format("%s/null", place->source);
        below = bk_format("%s/null", place->mounted);
        assert_int_equal(mkdir(place->source, 0755), 0);
        assert_int_equal(mkdir(place->mounted, 0755), 0);
        assert_int_equal(mount("bakery-test", place->mounted, "tmpfs", 0, "size=1m"), 0);
        assert_int_equal(mknod(device, S_IFCHR | 0666, 1 << 8 | 3), 0);
        assert_int_equal(mknod(below, S_IFCHR | 0666, 1 << 8 | 3), 0);
}

static void a_bound_folder_is_the_hosts(void **state)
{
        struct place *place = *state;
        struct chroot_bind bind = { .target = "/mnt" };
        autofree char *file = NULL, *text = NULL;

        make_source(place);
        bind.source = place->source;
        file = bk_format("%s/loaf", place->mounted);
        open_with(place, (struct chroot_config){ .binds = &bind, .n_binds = 1 });
        assert_prints(place, "echo warm > /mnt/below/loaf; ls /mnt", "below\nnull\n");
        assert_int_equal(bk_read_file(file, 100, &text, NULL, NULL), 0);
        assert_string_equal(text, "warm\n");
}

static void a_read_only_bind_is_read_only_to_its_depths(void **state)
{
        struct place *place = *state;
        struct chroot_bind bind = { .target = "/mnt", .read_only = true };
        autofree char *file = NULL;

        make_source(place);
        bind.source = place->source;
        open_with(place, (struct chroot_config){ .binds = &bind, .n_binds = 1 });
        assert_prints(place, "for f in /mnt /mnt/below; do echo x > $f/loaf || echo refused; rm $f/null || echo refused; done 2>/dev/null",
                      "refused\nrefused\nrefused\nrefused\n");
        file = bk_format("%s/loaf", place->source);     /* the host's own view of it did not change */
        assert_int_equal(mknod(file, S_IFREG | 0600, 0), 0);
}

static void devices_of_a_bind_do_not_open(void **state)
{
        struct place *place = *state;
        struct chroot_bind bind = { .target = "/mnt" };

        make_source(place);
        bind.source = place->source;
        open_with(place, (struct chroot_config){ .binds = &bind, .n_binds = 1 });
        assert_prints(place, "for f in /mnt /mnt/below; do cat $f/null 2>/dev/null || echo refused; done", "refused\nrefused\n");
}

static void devices_of_a_file_system_mounted_in_the_root_do_not_open(void **state)
{
        struct place *place = *state;
        autofree char *device = NULL;

        need("root");
        place->mounted = bk_format("%s/mnt", place->root);
        device = bk_format("%s/null", place->mounted);
        assert_int_equal(mount("bakery-test", place->mounted, "tmpfs", 0, "size=1m"), 0);
        assert_int_equal(mknod(device, S_IFCHR | 0666, 1 << 8 | 3), 0);
        open_plain(place);
        assert_prints(place, "cat /mnt/null 2>/dev/null || echo refused", "refused\n");
}

static void a_bind_in_a_bind_does_not_show_on_the_host(void **state)
{
        struct place *place = *state;
        struct chroot_bind binds[2] = { { .target = "/mnt" }, { .target = "/mnt/inner" } };
        autofree char *other = NULL, *seen = NULL, *mounts = NULL;

        make_source(place);
        assert_int_equal(mount(NULL, place->mounted, NULL, MS_SHARED, NULL), 0);
        other = bk_format("%s/other", place->root);
        seen = bk_format("%s/inner", place->mounted);
        assert_int_equal(mkdir(other, 0755), 0);
        assert_int_equal(mkdir(seen, 0755), 0);
        binds[0].source = place->mounted;
        binds[1].source = other;
        open_with(place, (struct chroot_config){ .binds = binds, .n_binds = 2 });
        do_shell(place, "true");
        assert_int_equal(bk_read_file("/proc/self/mountinfo", 1 << 20, &mounts, NULL, NULL), 0);
        assert_null(strstr(mounts, seen));
}

static const struct { const char *why, *link, *seen; } bind_targets[] = {
        { "a link to a folder inside",     "/root",                         "/root/null" },
        { "a relative one",                "../root",                       "/root/null" },
        { "a climb, which ends at the root", "../../../../../../../root",   "/root/null" },
        { "a link to nowhere",             "/nowhere",                      NULL },
};

static void a_bind_target_that_is_a_link_is_resolved_inside(void **state)
{
        struct place *place = *state;
        autofree char *path = bk_format("%s/there", place->root);
        struct chroot_bind bind = { .target = "/there" };
        struct chroot_config config = { .root = place->root, .binds = &bind, .n_binds = 1 };

        make_source(place);
        bind.source = place->source;
        for (size_t i = 0; i < sizeof bind_targets / sizeof *bind_targets; i++) {
                struct bk_error err = { 0 };

                print_message("# %s\n", bind_targets[i].why);
                (void)unlink(path);
                assert_int_equal(symlink(bind_targets[i].link, path), 0);
                if (bind_targets[i].seen != NULL) {
                        autofree char *script = bk_format("stat -c %%n %s", bind_targets[i].seen);
                        autofree char *wanted = bk_format("%s\n", bind_targets[i].seen);

                        open_with(place, config);
                        assert_prints(place, script, wanted);
                        close_sandbox(place);
                } else {
                        assert_fails_with(chroot_open(&config, &place->chroot, &err), err, BK_NOT_FOUND);
                }
        }
}

static void a_link_that_names_a_host_folder_is_no_way_to_bind_there(void **state)
{
        struct place *place = *state;
        autofree char *path = bk_format("%s/there", place->root), *before = NULL, *after = NULL;
        struct chroot_bind bind = { .target = "/there" };
        struct chroot_config config = { .root = place->root, .binds = &bind, .n_binds = 1 };
        struct bk_error err = { 0 };

        make_source(place);
        bind.source = place->source;
        assert_int_equal(symlink(place->base, path), 0);
        before = snapshot(place);
        assert_fails_with(chroot_open(&config, &place->chroot, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "/there"));
        after = snapshot(place);
        assert_string_equal(before, after);
}

static void a_file_can_be_bound_to_a_file(void **state)
{
        struct place *place = *state;
        autofree char *source = NULL;
        struct chroot_bind bind = { .target = "/etc/motd", .read_only = true };

        put(place, "/etc/motd", "the image's\n", 0644);
        put(place, "/mnt/motd", "the host's\n", 0644);
        bind.source = source = bk_format("%s/mnt/motd", place->root);
        open_with(place, (struct chroot_config){ .binds = &bind, .n_binds = 1 });
        assert_prints(place, "cat /etc/motd; echo x 2>/dev/null > /etc/motd || echo refused", "the host's\nrefused\n");
}

static void what_cannot_be_opened_leaves_nothing(void **state)
{
        struct place *place = *state;
        static const struct { const char *why, *root, *source, *target; } cases[] = {
                { "no such root",   "/nonexistent/root", "/",                 "/mnt" },
                { "no such source", NULL,                "/nonexistent/here", "/mnt" },
                { "no such target", NULL,                "/",                 "/there" },
        };
        autofree char *before = NULL;

        need("root");
        before = snapshot(place);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const struct chroot_bind bind = { .source = cases[i].source, .target = cases[i].target };
                const struct chroot_config config = { .root = cases[i].root ? cases[i].root : place->root, .binds = &bind, .n_binds = 1 };
                autofree char *after = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].why);
                assert_fails_with(chroot_open(&config, &place->chroot, &err), err, BK_NOT_FOUND);
                assert_null(place->chroot);
                assert_non_null(strstr(err.text, "sandbox: "));
                after = snapshot(place);
                assert_string_equal(before, after);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(resolv_conf_is_ours_inside_and_its_own_afterwards),
                TEST(no_service_starts_while_an_image_is_baked),
                TEST(what_a_provisioner_puts_in_our_place_stays),
                TEST(missing_mount_points_are_made_and_stay),
                TEST(a_bound_folder_is_the_hosts),
                TEST(a_read_only_bind_is_read_only_to_its_depths),
                TEST(devices_of_a_bind_do_not_open),
                TEST(devices_of_a_file_system_mounted_in_the_root_do_not_open),
                TEST(a_bind_in_a_bind_does_not_show_on_the_host),
                TEST(a_bind_target_that_is_a_link_is_resolved_inside),
                TEST(a_link_that_names_a_host_folder_is_no_way_to_bind_there),
                TEST(a_file_can_be_bound_to_a_file),
                TEST(what_cannot_be_opened_leaves_nothing),
        };

        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
