/* The ready suites of images/specs on roots made for the purpose: systems that the system tests have no image of, and each thing that
 * must be found. */
#include "tests/unit/spec/fixture.h"

#include "lib/run.h"
#include "spec/files.h"

/* A line of a suite, in a sandbox that is none: the image's folder takes the place of "/". */
static int sandbox(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        const struct fixture *f = arg;
        static const struct { const char *start, *instead; } lines[] = {
                { "ls /boot", "cd \"$0\" && ls boot" },
                { "cat /boot/loader/entries/*.conf", "cd \"$0\" && cat boot/loader/entries/*.conf" },
                { "for d in /var/lib/dhcp ", "cd \"$0\" && find var -type f -name '*lease*' -size +0" },
                { "d=$(mktemp -d) && mkdir -p /run/sshd", "cat \"$0\"/sshd-T" },
                { "d=$(mktemp -d) && $(command -v dnf", "cat \"$0\"/dnf; cat \"$0\"/dnf-error >&2; exit $(cat \"$0\"/dnf-status)" },
        };

        (void)input;
        (void)input_len;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                const char *const argv[] = { "/bin/sh", "-c", lines[i].instead, f->root, NULL };
                const struct bk_run run_it = { .argv = argv, .timeout_ms = timeout_ms };
                struct bk_run_result result = { 0 };

                if (strncmp(line, lines[i].start, strlen(lines[i].start)) != 0)
                        continue;
                if (bk_run_with(&run_it, &result, err) < 0)
                        return -1;
                *ret = (struct spec_output){ .out = result.out, .err = result.err, .out_len = result.out_len, .err_len = strlen(result.err),
                                             .status = result.status };
                return 0;
        }
        return bk_fail(err, BK_INTERNAL, "what is '%s'?", line);
}

static void suite(struct fixture *f, const char *name)
{
        autofree char *path = bk_format("images/specs/%s_spec.rb", name);
        const char *const files[] = { path };
        struct bk_error err = { 0 };

        f->target.sandbox = (struct spec_place){ sandbox, f };
        spec_report_done(&f->report);
        assert_ok(spec_run(files, 1, &f->target, &f->options, &f->report, &err), err);
}

static void expect_counts(const struct fixture *f, const char *what, size_t failed, size_t unanswered, size_t skipped)
{
        print_message("# %s: %zu examples\n", what, f->report.n);
        if (f->report.n == 0 || f->report.count[SPEC_FAIL] != failed || f->report.count[SPEC_ERROR] != 0 ||
            f->report.count[SPEC_UNANSWERED] != unanswered || f->report.count[SPEC_SKIP] != skipped) {
                show(&f->report);
                fail_msg("%s: %zu failed, %zu errors, %zu unanswered, %zu skipped", what, f->report.count[SPEC_FAIL], f->report.count[SPEC_ERROR],
                         f->report.count[SPEC_UNANSWERED], f->report.count[SPEC_SKIP]);
        }
}

static void folder(const struct fixture *f, const char *path)
{
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p_in_root(f->target.root_fd, path, 0755, &err), err);
}

#define FSTAB "UUID=0a1b / xfs defaults 0 0\nUUID=77-77 /boot/efi vfat umask=0077 0 2\ntmpfs /tmp tmpfs size=1G\n# /dev/sda9 /old ext4\n"

/* A Rocky Linux that would boot. */
static void put_rocky(const struct fixture *f)
{
        put(f, "/etc/os-release", "ID=\"rocky\"\nVERSION_ID=\"9.4\"\n");
        put(f, "/boot/vmlinuz-5.14.0-1.el9", "x");
        put(f, "/boot/initramfs-5.14.0-1.el9.img", "x");
        put(f, "/boot/vmlinuz-0-rescue-11", "x");
        put(f, "/boot/initramfs-0-rescue-11.img", "x");
        put(f, "/boot/grub2/grub.cfg", "search --no-floppy --fs-uuid --set=root 0a1b\nblscfg\n");
        put(f, "/boot/loader/entries/a.conf", "title Rocky\nlinux /boot/vmlinuz-5.14.0-1.el9\noptions root=UUID=0a1b ro\n");
        put(f, "/etc/fstab", FSTAB);
        folder(f, "/boot/efi");
        put(f, "/usr/lib/systemd/systemd", "x");
        put_mode(f, "/usr/lib/systemd/systemd", 0755);
        put_link(f, "/usr/sbin", "/usr/lib/systemd");
        put_link(f, "/usr/lib/systemd/init", "systemd");
        put_link(f, "/sbin", "usr/sbin");
}

static const struct { const char *why, *path, *text; size_t failed; } unbootable[] = {
        { "a kernel without initrd", "/boot/vmlinuz-6.0", "x", 1 },
        { "an empty boot loader's configuration", "/boot/grub2/grub.cfg", "", 2 },
        { "an entry with a device's name", "/boot/loader/entries/b.conf", "linux /x\noptions root=/dev/vda3\n", 1 },
        { "a root by device's name", "/etc/fstab", "/dev/sda3 / xfs defaults 0 0\n", 1 },
        { "no root", "/etc/fstab", "UUID=77-77 /boot/efi vfat defaults 0 0\n", 1 },
        { "a mount point that is not there", "/etc/fstab", FSTAB "LABEL=data /data xfs defaults 0 0\n", 1 },
        { "swap, LVM, a bind mount and NFS", "/etc/fstab",
          "/dev/mapper/rl-root / xfs\n/dev/vg/swap none swap\n/boot /boot none bind\nhost:/x /boot/efi nfs\n", 0 },
};

static void what_does_not_boot_is_found(void **state)
{
        struct fixture *f = *state;

        put_rocky(f);
        suite(f, "bootable");
        expect_counts(f, "Rocky Linux", 0, 0, 0);
        for (size_t i = 0; i < sizeof unbootable / sizeof *unbootable; i++) {
                struct bk_error err = { 0 };
                autofree char *before = NULL;
                size_t length;

                if (spec_files_there(&(struct spec_files){ .root_fd = f->target.root_fd }, unbootable[i].path))
                        assert_ok(bk_read_in_root(f->target.root_fd, unbootable[i].path, 65536, &before, &length, &err), err);
                put(f, unbootable[i].path, unbootable[i].text);
                suite(f, "bootable");
                expect_counts(f, unbootable[i].why, unbootable[i].failed, 0, 0);
                if (before != NULL)
                        put(f, unbootable[i].path, before);
                else
                        assert_ok(bk_unlink_in_root(f->target.root_fd, unbootable[i].path, &err), err);
        }
        f->target.sandbox = (struct spec_place){ NULL, NULL };
}

static const struct { const char *why, *path, *text; } secrets[] = {
        { "a host key", "/etc/ssh/ssh_host_rsa_key", "x" },
        { "a machine's identity", "/etc/machine-id", "0123456789abcdef0123456789abcdef\n" },
        { "a password", "/etc/shadow", "root:*:1::\nzoe:$y$j9T$x:1::\n" },
        { "an account without password", "/etc/shadow", "root:*:1::\nzoe::1::\n" },
        { "a password among the users", "/etc/passwd", "root:x:0:0::/root:/bin/sh\nzoe:abc:1:1::/home/zoe:/bin/sh\n" },
        { "a history", "/home/zoe/.bash_history", "" },
        { "a private key", "/root/.ssh/id_ed25519", "x" },
        { "an authorized key", "/root/.ssh/authorized_keys", "# none\nssh-ed25519 AAAA a@b\n" },
        { "a lease", "/var/lib/dhcp/dhclient.eth0.leases", "lease" },
        { "cloud-init's state", "/var/lib/cloud/instances/x/y", "x" },
        { "an installer's answers", "/root/anaconda-ks.cfg", "rootpw x" },
};

static void what_a_builder_left_is_found(void **state)
{
        static const struct { const char *path, *text; } clean[] = {
                { "/etc/passwd", "root:x:0:0::/root:/bin/sh\nzoe:x:1:1::/home/zoe:/bin/sh\nwww:x:2:2::/var/www:/bin/sh\n" },
                { "/etc/shadow", "root:*:1::\nzoe:!:1::\nwww:!*:1::\n" }, { "/etc/gshadow", "root:*::\nzoe:!::\nops:::zoe\n" },
                { "/etc/machine-id", "" }, { "/root/.ssh/authorized_keys", "# none\n\n" }, { "/var/lib/dhcp/dhclient.leases", "" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof clean / sizeof *clean; i++)
                put(f, clean[i].path, clean[i].text);
        folder(f, "/home/zoe");
        suite(f, "no_secrets");
        expect_counts(f, "an image without secrets", 0, 0, 0);
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
                struct bk_error err = { 0 };

                put(f, secrets[i].path, secrets[i].text);
                suite(f, "no_secrets");
                expect_counts(f, secrets[i].why, 1, 0, 0);
                assert_ok(bk_unlink_in_root(f->target.root_fd, secrets[i].path, &err), err);
                for (size_t k = 0; k < sizeof clean / sizeof *clean; k++)
                        put(f, clean[k].path, clean[k].text);
                if (strncmp(secrets[i].path, "/var/lib/cloud", 14) == 0) {
                        autofree char *path = in_root(f, "/var/lib/cloud");

                        assert_ok(bk_remove_tree(path, &err), err);
                }
        }
}

#define HARD "permitrootlogin no\npasswordauthentication no\nkbdinteractiveauthentication no\npermitemptypasswords no\n" \
             "hostbasedauthentication no\nignorerhosts yes\npermituserenvironment no\nstrictmodes yes\nmaxauthtries 3\nlogingracetime 30\n" \
             "x11forwarding no\nciphers aes256-gcm@openssh.com\nmacs hmac-sha2-512\nkexalgorithms curve25519-sha256\nhostkeyalgorithms ssh-ed25519\n"

static void what_opens_ssh_is_found(void **state)
{
        static const struct { const char *why, *from, *to; } rows[] = {
                { "root by password", "permitrootlogin no", "permitrootlogin yes" },
                { "passwords", "passwordauthentication no", "passwordauthentication yes" },
                { "questions", "kbdinteractiveauthentication no", "kbdinteractiveauthentication yes" },
                { "no grace's end", "logingracetime 30", "logingracetime 0" },
                { "many tries", "maxauthtries 3", "maxauthtries 10" },
                { "a weak cipher", "ciphers aes256-gcm@openssh.com", "ciphers aes256-ctr,aes128-cbc" },
                { "a weak exchange", "kexalgorithms curve25519-sha256", "kexalgorithms x,diffie-hellman-group14-sha1" },
                { "windows", "x11forwarding no", "x11forwarding yes" },
        };
        struct fixture *f = *state;

        suite(f, "ssh_hardening");
        expect_counts(f, "no server", 0, 0, 1);
        put(f, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        put(f, "/usr/sbin/sshd", "x");
        put(f, "/etc/ssh/sshd_config", "Include x\n");
        put(f, "/sshd-T", HARD);
        suite(f, "ssh_hardening");
        expect_counts(f, "a guarded server", 0, 0, 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const char *const at = strstr(HARD, rows[i].from);
                autofree char *text = bk_format("%.*s%s%s", (int)(at - HARD), HARD, rows[i].to, at + strlen(rows[i].from));

                put(f, "/sshd-T", text);
                suite(f, "ssh_hardening");
                expect_counts(f, rows[i].why, 1, 0, 0);
        }
        put(f, "/sshd-T", HARD);
        put_mode(f, "/etc/ssh/sshd_config", 0666);
        suite(f, "ssh_hardening");
        expect_counts(f, "a file for everybody", 2, 0, 0);
}

static void what_keeps_the_time_is_found(void **state)
{
        struct fixture *f = *state;

        put(f, "/usr/share/zoneinfo/Etc/UTC", "TZif");
        put(f, "/usr/lib/systemd/system/chronyd.service", "[Unit]\n");
        folder(f, "/etc/systemd/system/multi-user.target.wants");
        put_link(f, "/etc/localtime", "../usr/share/zoneinfo/Etc/UTC");
        suite(f, "time");
        expect_counts(f, "a client that does not start", 1, 0, 0);
        put_link(f, "/etc/systemd/system/multi-user.target.wants/chronyd.service", "/usr/lib/systemd/system/chronyd.service");
        suite(f, "time");
        expect_counts(f, "chrony of Fedora", 0, 0, 0);
        put(f, "/usr/lib/systemd/system/systemd-timesyncd.service", "[Unit]\n");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/systemd-timesyncd.service", "/usr/lib/systemd/system/systemd-timesyncd.service");
        put(f, "/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n");
        suite(f, "time");
        expect_counts(f, "two clients, and a clock in local time", 2, 0, 0);
}

static void updates_that_nobody_knows_are_unanswered(void **state)
{
        struct fixture *f = *state;

        put(f, "/dnf", "");
        put(f, "/dnf-error", "");
        put(f, "/dnf-status", "0");
        put(f, "/etc/os-release", "ID=fedora\nVERSION_ID=40\n");
        suite(f, "updates");
        expect_counts(f, "nothing newer", 0, 0, 0);
        put(f, "/dnf", "\nbash.x86_64   5.2.26-4.fc40   updates\n");
        put(f, "/dnf-status", "100");
        suite(f, "updates");
        expect_counts(f, "a newer bash", 1, 0, 0);
        assert_non_null(strstr(f->report.v[0].message, "bash.x86_64"));
        put(f, "/dnf-status", "1");
        put(f, "/dnf-error", "Error: cannot reach the mirror\n");
        suite(f, "updates");
        expect_counts(f, "no network", 0, 1, 0);
        assert_non_null(strstr(f->report.v[0].message, "cannot reach the mirror"));
        put(f, "/etc/os-release", "ID=gentoo\n");
        suite(f, "updates");
        expect_counts(f, "a system that is not known", 0, 1, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(what_does_not_boot_is_found),
                spec_test(what_a_builder_left_is_found),
                spec_test(what_opens_ssh_is_found),
                spec_test(what_keeps_the_time_is_found),
                spec_test(updates_that_nobody_knows_are_unanswered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
