/* The verdict on KVM is a measurement, and is remembered. */
#include "tests/unit/folder.h"

#include <sys/mount.h>

#include "lib/fs.h"
#include "lib/run.h"
#include "vm/vm.h"

static void the_verdict_is_measured_once(void **state)
{
        autofree char *home = folder_new();
        struct vm_kvm first = { 0 }, second = { 0 }, third = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        need("qemu-system-x86_64");
        assert_ok(vm_kvm_probe(home, false, &first, &err), err);
        assert_false(first.cached);
        assert_true(first.why[0] != '\0');
        assert_true(first.usable == (first.boot_ms >= 0));
        assert_ok(vm_kvm_probe(home, false, &second, &err), err);
        assert_true(second.cached || access("/dev/kvm", R_OK | W_OK) < 0);
        assert_true(second.usable == first.usable);
        assert_string_equal(second.why, first.why);
        assert_ok(vm_kvm_probe(home, true, &third, &err), err);
        assert_false(third.cached);
        assert_ok(bk_remove_tree(home, &err), err);
}

/* Where /dev/kvm opens, and there is no QEMU. */
static void nobody_has_to_want_the_reason(void **state)
{
        autofree char *home = folder_new();
        struct bk_error err = { 0 };
        pid_t pid;

        (void)state;
        need("root");
        pid = bk_fork_isolated();
        if (pid == 0) {
                struct vm_kvm kvm = { 0 };

                if (bk_own_mounts(NULL) < 0 || mount("/dev/null", "/dev/kvm", NULL, MS_BIND, NULL) < 0 || setenv("PATH", home, 1) < 0)
                        _exit(2);
                _exit(vm_kvm_probe(home, true, &kvm, NULL) != -1);
        }
        assert_int_equal(bk_wait(pid, 60000), 0);
        assert_ok(bk_remove_tree(home, &err), err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_verdict_is_measured_once),
                cmocka_unit_test(nobody_has_to_want_the_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
