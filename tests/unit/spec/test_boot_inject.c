/* What is put into a throw-away copy, so that its init starts the agent: into roots that are not trusted. */
#include "tests/unit/spec/fixture.h"

#include "bakery/bake/spec_boot_priv.h"

#define UNIT "/etc/systemd/system/bakery-checks.service"
#define WANTS "/etc/systemd/system/multi-user.target.wants"

static char *text_of(const struct fixture *f, const char *path)
{
        struct bk_error err = { 0 };
        char *text = NULL;

        assert_ok(bk_read_in_root(f->target.root_fd, path, 64 << 20, &text, NULL, &err), err);
        return text;
}

static mode_t mode_of(const struct fixture *f, const char *path)
{
        autofree char *at = in_root(f, path);
        struct stat st;

        assert_int_equal(lstat(at, &st), 0);
        return st.st_mode;
}

static void the_agent_is_there(const struct fixture *f)
{
        autofree char *program = NULL;
        struct bk_error err = { 0 };
        size_t length = 0;

        assert_ok(bk_read_in_root(f->target.root_fd, "/etc/bakery-checks", 64 << 20, &program, &length, &err), err);
        assert_true(length > 10000);
        assert_memory_equal(program, "\177ELF", 4);
        assert_int_equal(mode_of(f, "/etc/bakery-checks"), S_IFREG | 0755);
}

static void systemd_gets_a_unit(void **state)
{
        const struct fixture *f = *state;
        struct bk_error err = { 0 };
        autofree char *unit = NULL, *link = in_root(f, WANTS "/bakery-checks.service");
        char target[64] = "";

        put(f, "/usr/lib/systemd/systemd", "");
        for (int again = 0; again < 2; again++)         /* an image may have been made of such a copy */
                assert_ok(spec_boot_inject(f->target.root_fd, "t0ken", &err), err);
        the_agent_is_there(f);
        unit = text_of(f, UNIT);
        assert_non_null(strstr(unit, "\nExecStart=/etc/bakery-checks t0ken\n"));
        assert_int_equal(readlink(link, target, sizeof target - 1), strlen("../bakery-checks.service"));
        assert_string_equal(target, "../bakery-checks.service");
}

static const struct { const char *why, *before, *after; } inittabs[] = {
        { "sysvinit", "id:2:initdefault:\nl2:2:wait:/etc/init.d/rc 2\n",
          "id:2:initdefault:\nl2:2:wait:/etc/init.d/rc 2\nbkry:2345:respawn:/etc/bakery-checks t0ken\n" },
        { "busybox", "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default", "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n"
          "::respawn:/etc/bakery-checks t0ken\n" },
        { "an empty one", "", "::respawn:/etc/bakery-checks t0ken\n" },
};

static void other_inits_get_an_entry(void **state)
{
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof inittabs / sizeof *inittabs; i++) {
                struct bk_error err = { 0 };
                autofree char *text = NULL;

                print_message("# %s\n", inittabs[i].why);
                put(f, "/etc/inittab", inittabs[i].before);
                assert_ok(spec_boot_inject(f->target.root_fd, "t0ken", &err), err);
                text = text_of(f, "/etc/inittab");
                assert_string_equal(text, inittabs[i].after);
                the_agent_is_there(f);
        }
}

static void without_an_init_it_is_refused(void **state)
{
        const struct fixture *f = *state;
        struct bk_error err = { 0 };

        put(f, "/sbin/init", "");
        assert_fails_with(spec_boot_inject(f->target.root_fd, "t0ken", &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "inittab"));
}

/* Everything that is written is a link out of the image. */
static void links_do_not_lead_out(void **state)
{
        const struct fixture *f = *state;
        struct bk_error err = { 0 };
        autofree char *outside = bk_format("%s/outside", f->home), *folder = bk_format("%s/folder", f->home), *text = NULL;
        autofree char *inside = in_root(f, folder);
        autodir DIR *dir = NULL;

        assert_int_equal(mkdir(folder, 0755), 0);
        assert_ok(bk_mkdir_p(inside, &err), err);       /* where such a link leads inside */
        {
                autoclose int fd = open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

                assert_ok(bk_write_all(fd, "host", 4, &err), err);
        }
        put(f, "/usr/lib/systemd/systemd", "");
        put(f, "/etc/systemd/system/x", "");
        put_link(f, "/etc/bakery-checks", outside);
        put_link(f, UNIT, outside);
        put_link(f, WANTS, folder);
        assert_ok(spec_boot_inject(f->target.root_fd, "t0ken", &err), err);
        the_agent_is_there(f);
        assert_int_equal(mode_of(f, UNIT), S_IFREG | 0644);
        assert_ok(bk_read_file(outside, 100, &text, NULL, &err), err);
        assert_string_equal(text, "host");
        dir = opendir(folder);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                assert_int_equal(entry->d_name[0], '.');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(systemd_gets_a_unit),
                spec_test(other_inits_get_an_entry),
                spec_test(without_an_init_it_is_refused),
                spec_test(links_do_not_lead_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
