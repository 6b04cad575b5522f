/* What a provisioner may do: the capabilities that dpkg and rpm need, and no
 * system call that reaches the build host's kernel as a whole.
 *
 * NO_NEW_PRIVS stays off: su and sudo in the image must work. So the filter is
 * installed while CAP_SYS_ADMIN is still there. */
#include "layers/chroot_priv.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not DAC_READ_SEARCH: it opens files by handle, past every mount. */
static const unsigned kept[] = {
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SETFCAP,
        CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE,
};

/* Durable writes are worth nothing until the seal, which syncs once. */
static const int ignored[] = {
        SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync), SCMP_SYS(syncfs), SCMP_SYS(sync_file_range),
        SCMP_SYS(sync_file_range2), SCMP_SYS(msync),
};

static const int refused[] = {
        SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
        SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(init_module), SCMP_SYS(finit_module),
        SCMP_SYS(delete_module), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(open_by_handle_at), SCMP_SYS(userfaultfd),
        SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(acct),
        SCMP_SYS(setns), SCMP_SYS(io_uring_setup), SCMP_SYS(syslog),
};

static int add_architectures(scmp_filter_ctx filter)
{
#ifdef __x86_64__
        static const uint32_t also[] = { SCMP_ARCH_X86, SCMP_ARCH_X32 };

        for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
                const int result = seccomp_arch_add(filter, also[i]);

                if (result < 0 && result != -EEXIST)
                        return result;
        }
#else
        (void)filter;
#endif
        return 0;
}

static int add_ignored(scmp_filter_ctx filter)
{
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
                const int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), ignored[i], 0);

                if (result < 0 && result != -EDOM)      /* a call that this architecture does not have */
                        return result;
        }
        return 0;
}

static int add_refused(scmp_filter_ctx filter)
{
        int result;

        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
                if (result < 0 && result != -EDOM)
                        return result;
        }
        /* A user namespace would hand every capability back. clone3's flags lie in memory, out of a
         * filter's sight; ENOSYS makes the C library fall back to clone. */
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
        if (result == 0)
                result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
        if (result == 0)
                result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        return result;
}

static int install(int (*rules)(scmp_filter_ctx), int (*more)(scmp_filter_ctx))
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int result = filter == NULL ? -ENOMEM : 0;

        if (result == 0)
                result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
        if (result == 0)
                result = add_architectures(filter);
        if (result == 0)
                result = rules(filter);
        if (result == 0 && more != NULL)
                result = more(filter);
        if (result == 0)
                result = seccomp_load(filter);
        seccomp_release(filter);
        if (result == 0)
                return 0;
        errno = -result;
        return -1;
}

int chroot_suppress_sync(void)
{
        return install(add_ignored, NULL);
}

static bool is_kept(unsigned capability)
{
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                if (kept[i] == capability)
                        return true;
        return false;
}

static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 } };

        for (unsigned c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                if (!is_kept(c) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
                        return -1;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
                data[kept[i] / 32].permitted |= 1u << (kept[i] % 32);
                data[kept[i] / 32].effective |= 1u << (kept[i] % 32);
        }
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        return (int)syscall(SYS_capset, &header, data);
}

int chroot_limit(void)
{
        return install(add_ignored, add_refused) < 0 ? -1 : drop_capabilities();
}
