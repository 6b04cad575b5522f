/* The kernel's fence around user Ruby: no programs, sockets, or writing, even
 * if a hole in the interpreter gave Ruby native code. */
#include "spec/ruby_priv.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>

static const int denied[] = {
        SCMP_SYS(ptrace), SCMP_SYS(process_vm_writev), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(bpf),
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone), SCMP_SYS(clone3),
        SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(creat), SCMP_SYS(truncate),
        SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rmdir),
        SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
        SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(chmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(lchown),
        SCMP_SYS(fchownat), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(chroot),
};

static int deny(scmp_filter_ctx filter, const int *calls, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0) < 0)
                        return -1;
        return 0;
}

/* open and openat with any flag that writes or creates. */
static int deny_writing(scmp_filter_ctx filter)
{
        static const unsigned flags[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };

        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
                                     SCMP_A1(SCMP_CMP_MASKED_EQ, flags[i], flags[i])) < 0 ||
                    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, flags[i], flags[i])) < 0)
                        return -1;
        return 0;
}

int spec_fence(void)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int ret = -1;

        if (filter == NULL)
                return -1;
        if (deny(filter, denied, sizeof denied / sizeof *denied) == 0 && deny_writing(filter) == 0 && seccomp_load(filter) == 0)
                ret = 0;
        seccomp_release(filter);
        return ret;
}
