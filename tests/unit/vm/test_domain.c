/* A machine's description is what the golden files say and what libvirt's schema
 * allows; what cannot be described is refused.
 * BAKERY_GOLDEN=write writes the golden files anew. */
#include "tests/unit/test.h"

#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "tests/unit/vm/machines.h"

#define GOLDEN "tests/unit/vm/golden"
#define SCHEMA "/usr/share/libvirt/schemas/domain.rng"

/* "line 12:\n- want\n+ got", of the first line that differs. */
static char *difference(const char *want, const char *got)
{
        unsigned line = 1;

        while (*want != '\0' && strncmp(want, got, strcspn(want, "\n") + 1) == 0) {
                got += strcspn(want, "\n") + 1;
                want += strcspn(want, "\n") + 1;
                line++;
        }
        return bk_format("line %u:\n- %.*s\n+ %.*s", line, (int)strcspn(want, "\n"), want, (int)strcspn(got, "\n"), got);
}

static void machines_are_described_as_the_golden_files_say(void **state)
{
        unsigned wrong = 0;

        (void)state;
        for (size_t i = 0; i < N_MACHINES; i++) {
                const struct vm_domain domain = machine_domain(i);
                autofree char *path = bk_format("%s/%s.xml", GOLDEN, machines[i].name), *got = NULL, *want = NULL, *shown = NULL;
                struct bk_error err = { 0 };
                size_t length = 0;

                assert_ok(vm_domain_xml(&domain, &got, &err), err);
                if (bk_streq(getenv("BAKERY_GOLDEN"), "write"))
                        assert_ok(bk_publish_bytes(path, got, strlen(got), 0644, &err), err);
                assert_ok(bk_read_file(path, 1 << 20, &want, &length, &err), err);
                if (bk_streq(want, got))
                        continue;
                shown = difference(want, got);
                print_message("# %s, %s\n", path, shown);
                wrong++;
        }
        assert_int_equal(wrong, 0);
}

static void golden_files_fit_the_schema(void **state)
{
        (void)state;
        need("xmllint");
        if (!bk_exists(SCHEMA)) {
                print_message("# skipped: needs %s\n", SCHEMA);
                skip();
        }
        for (size_t i = 0; i < N_MACHINES; i++) {
                autofree char *path = bk_format("%s/%s.xml", GOLDEN, machines[i].name);
                const char *const argv[] = { "xmllint", "--noout", "--relaxng", SCHEMA, path, NULL };
                struct bk_error err = { 0 };

                assert_ok(bk_run(argv, 30000, NULL, &err), err);
        }
}

static const struct { const char *why, *text; struct vm_domain domain; } refused[] = {
        { "no name", "name", { .machine = "pc", .memory = MiB } },
        { "a name with a slash", "name", { .name = "a/b", .machine = "pc", .memory = MiB } },
        { "no memory", "memory", { .name = "x", .machine = "pc" } },
        { "an unknown machine", "pc-q35-7.2", { .name = "x", .machine = "virt", .memory = MiB } },
        { "EFI without variables", "variables", { .name = "x", .machine = "pc", .memory = MiB, .firmware = VM_EFI, .code = OVMF } },
        { "secure boot on pc", "q35", { .name = "x", .machine = "pc", .memory = MiB, .firmware = VM_EFI, .code = OVMF, .vars = VARS,
                                        .secure_boot = true } },
        { "secure boot with a BIOS", "EFI", { .name = "x", .machine = "q35", .memory = MiB, .secure_boot = true } },
        { "IDE on q35", "sata", { .name = "x", .machine = "q35", .memory = MiB, .n_disks = 1,
                                  .disks = { { .path = DISK, .format = "qcow2", .bus = "ide" } } } },
        { "an IDE CD on q35", "sata", { .name = "x", .machine = "pc-q35-7.2", .memory = MiB, .n_cds = 1, .cds = { { CD, "ide" } } } },
        { "an unknown bus", "virtio-scsi", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                             .disks = { { .path = DISK, .format = "qcow2", .bus = "mfm" } } } },
        { "no bus", "virtio-scsi", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                     .disks = { { .path = DISK, .format = "qcow2" } } } },
        { "a bus that libvirt lacks", "use", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                               .disks = { { .path = DISK, .format = "qcow2", .bus = "nvme" } } } },
        { "an unknown format", "qcow2", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                          .disks = { { .path = DISK, .format = "vmdk", .bus = "virtio" } } } },
        { "an unknown cache", "writeback", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                             .disks = { { .path = DISK, .format = "raw", .bus = "virtio", .cache = "wb" } } } },
        { "a read-only IDE disk", "read-only", { .name = "x", .machine = "pc", .memory = MiB, .n_disks = 1,
                                                 .disks = { { .path = DISK, .format = "raw", .bus = "ide", .read_only = true } } } },
        { "five on IDE", "room for 4", { .name = "x", .machine = "pc", .memory = MiB, .n_cds = 5,
                                         .cds = { { CD, NULL }, { CD, NULL }, { CD, NULL }, { CD, NULL }, { CD, NULL } } } },
        { "an unknown network card", "e1000", { .name = "x", .machine = "pc", .memory = MiB, .network = true, .net_device = "ne1000" } },
        { "an unknown display", "cirrus", { .name = "x", .machine = "pc", .memory = MiB, .video = "hercules" } },
        { "an unknown TPM", "tpm-tis", { .name = "x", .machine = "pc", .memory = MiB, .tpm = "tpm" } },
        { "tpm-crb of version 1.2", "tpm-tis", { .name = "x", .machine = "pc", .memory = MiB, .tpm = "tpm-crb", .tpm1 = true } },
        { "a long VNC password", "8", { .name = "x", .machine = "pc", .memory = MiB, .vnc = true, .vnc_password = "123456789" } },
        { "the host's vsock address", "vsock", { .name = "x", .machine = "pc", .memory = MiB, .vsock_cid = 2 } },
        { "a path with a control character", "UTF-8", { .name = "x", .machine = "pc", .memory = MiB, .floppy = "/a\033b" } },
        { "a path that is not UTF-8", "UTF-8", { .name = "x", .machine = "pc", .memory = MiB, .floppy = "/a\xff" } },
};

static void what_cannot_be_described_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                autofree char *xml = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", refused[i].why);
                assert_fails_with(vm_domain_xml(&refused[i].domain, &xml, &err), err, BK_INVALID);
                assert_null(xml);
                if (strstr(err.text, refused[i].text) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, refused[i].text);
        }
}

static void text_is_escaped(void **state)
{
        const struct vm_domain domain = { .name = "a<b>&\"c\"", .machine = "pc", .memory = MiB, .floppy = "/x'y&z<\n" };
        autofree char *xml = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(vm_domain_xml(&domain, &xml, &err), err);
        assert_non_null(strstr(xml, "<name>a&lt;b&gt;&amp;&quot;c&quot;</name>"));
        assert_non_null(strstr(xml, "&amp;z&lt;&#10;"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(machines_are_described_as_the_golden_files_say),
                cmocka_unit_test(golden_files_fit_the_schema),
                cmocka_unit_test(what_cannot_be_described_is_refused),
                cmocka_unit_test(text_is_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
