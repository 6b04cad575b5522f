/* Inside vm/ only. */
#pragma once
#include <libvirt/libvirt.h>
#include <pthread.h>
#include "vm/guest.h"

enum { VM_SERIAL_KEPT = 256 << 10, VM_SERIAL_LOGGED = 16 << 20, VM_FORWARDS_MOST = 16, VM_RESETS_KEPT = 5 };

struct vm_forward { unsigned guest, host; };

struct vm_guest {
        struct vm_guest_config config;
        virConnectPtr connection;
        virDomainPtr domain;
        virStreamPtr console;           /* of another process' driver, or NULL */
        int pty, watch;                 /* of the driver in this process, or -1 */
        int lifecycle, reboot;          /* ids of event callbacks, or -1 */
        int process;                    /* pidfd of the QEMU of the driver in this process, or -1 */
        struct vm_forward forwards[VM_FORWARDS_MOST];
        size_t n_forwards;
        int serial_fd;                  /* of serial_log, or -1 */

        /* All below is shared with libvirt's event thread. */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool off, crashed, expect_off, pty_gone;
        bool stopping, gone;            /* the guest has shut down, QEMU is told to end; it has, whether libvirt knows or not */
        char why[256];                  /* when off or crashed */
        unsigned resets, resets_meant;          /* the latter: before it was up the last time */
        int64_t reset_at[VM_RESETS_KEPT];       /* ms, a ring */
        char *serial;                   /* the last VM_SERIAL_KEPT bytes */
        size_t serial_len;
        uint64_t serial_total;          /* bytes printed in all */
};

/* One line of QEMU's human monitor; the answer is the caller's. */
int vm_monitor(struct vm_guest *guest, const char *line, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* libvirt's last error as ours. */
int vm_fail(struct bk_error *err, enum bk_kind kind, const char *format, ...) BK_PRINTF(3, 4);
/* An attribute of the first element that an expression finds in the running domain's XML; the caller's, or NULL. */
char *vm_guest_xpath(struct vm_guest *guest, const char *expression, const char *attribute);
int vm_serial_open(struct vm_guest *guest, struct bk_error *err) BK_MUST_CHECK;
void vm_serial_close(struct vm_guest *guest);
#ifdef __clang_analyzer__
#define vm_fail(...) (-1)
#endif
