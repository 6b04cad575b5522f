/* A running guest, through libvirt.
 *
 * By default libvirt's QEMU driver runs inside this process (qemu:///embed), so
 * no daemon is needed; vm_host_enter() prepares for it. The driver starts QEMU as a daemon of
 * its own, and has no autodestroy: the caller lives in a pid namespace, whose end is the guest's end.
 *
 * libvirt brings threads: a process with a guest must not unshare or open sandboxes. All functions here may
 * be called from one thread only, but for those that say otherwise. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/lease.h"

#define VM_HOST_ROOT "/run/bakery"      /* short: sockets below it have a limit of 107 bytes */
#define VM_HOST_GUEST VM_HOST_ROOT "/guest"      /* what one guest has beside its disk: media, UEFI variables */

struct vm_host {
        const char *home;       /* state folder; home/cache/libvirt keeps what the driver learnt about QEMU */
        const char *store;      /* folder that becomes visible as VM_HOST_ROOT/store, where libvirt's unprivileged QEMU user gets at it
                                 * whatever the folders above permit; NULL: none */
        unsigned vnc_port_min, vnc_port_max;    /* where displays may listen; 0: 5900 to 65535 */
};
/* For a process in mount and pid namespaces of its own: covers VM_HOST_ROOT by a tmpfs and configures the embedded driver
 * there. */
int vm_host_enter(const struct vm_host *host, struct bk_error *err) BK_MUST_CHECK;
/* Gives a file, or a folder and the files in it, to the user that QEMU runs as. */
int vm_host_give(const char *path, struct bk_error *err) BK_MUST_CHECK;
struct vm_domain;
/* After vm_host_enter(): makes this process' guest an EFI machine. Its code is Debian's OVMF where domain->code is NULL; its variables are
 * a copy, on the tmpfs and QEMU's own, of the file that domain->vars names, or of OVMF's: with Microsoft's keys
 * for secure_boot. domain->vars becomes the copy's name, which stays. */
int vm_host_efi(struct vm_domain *domain, struct bk_error *err) BK_MUST_CHECK;

struct vm_guest;

struct vm_guest_config {
        const char *uri;        /* NULL: qemu:///embed */
        const char *xml;        /* vm_domain_xml() */
        const char *serial_log; /* all that the serial console prints goes here too, up to 16 MiB; NULL: nowhere */
        /* Called from another thread with what the serial console printed. NULL: not told. */
        void (*on_serial)(void *arg, const char *bytes, size_t length);
        void *arg;
        const struct bk_lease *lease;   /* where a guest of another's driver is noted before there is one; NULL: nowhere */
        const char *uuid;               /* that xml gives it; needed for the note */
};

/* Starts it paused, attaches to its console and events, lets it run: nothing that it prints is missed. */
int vm_guest_start(const struct vm_guest_config *config, struct vm_guest **ret, struct bk_error *err) BK_MUST_CHECK;
/* Ends it if it still runs. NULL is fine. */
void vm_guest_end(struct vm_guest *guest);
/* A guest of a libvirt of others whose bake is dead, as its lease notes it: does it run? act: end it. For whoever is single-threaded. */
int vm_guest_end_other(const char *uri, const char *uuid, bool act, bool *ret_runs, struct bk_error *err) BK_MUST_CHECK;

/* -1 with the reason when it is gone, has crashed, or resets in a loop. A power off is a failure unless expected. Any thread. */
int vm_guest_alive(struct vm_guest *guest, struct bk_error *err) BK_MUST_CHECK;
void vm_guest_expect_off(struct vm_guest *guest);
/* Waits; fails as soon as vm_guest_alive() would. */
int vm_guest_pause(struct vm_guest *guest, int64_t ms, struct bk_error *err) BK_MUST_CHECK;
unsigned vm_guest_resets(struct vm_guest *guest);
/* Somebody has logged in: the resets until now led somewhere, and are no loop. */
void vm_guest_is_up(struct vm_guest *guest);

/* Linux key codes, pressed together; hold_ms 0: briefly. */
int vm_guest_keys(struct vm_guest *guest, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err) BK_MUST_CHECK;
/* A picture file's bytes (PPM or PNG); the caller's. */
int vm_guest_screenshot(struct vm_guest *guest, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
/* Guest memory at a physical address. */
int vm_guest_peek(struct vm_guest *guest, uint64_t address, size_t length, void *into, struct bk_error *err) BK_MUST_CHECK;

/* Does what the serial console printed since *from (bytes from the start) hold text? Then *from is moved behind it. Any thread. */
bool vm_guest_serial_find(struct vm_guest *guest, const char *text, uint64_t *from);
/* The last of what it printed (at most 256 KiB), the caller's, NUL-terminated. Any thread. */
char *vm_guest_serial_tail(struct vm_guest *guest, size_t *ret_len);
int vm_guest_serial_write(struct vm_guest *guest, const char *bytes, size_t length, struct bk_error *err) BK_MUST_CHECK;

/* The two ends of vm_domain.port on this side: raw terminals that do not block, the caller's. Guests may use either. */
enum vm_port { VM_PORT_VIRTIO, VM_PORT_UART };
int vm_guest_port(struct vm_guest *guest, enum vm_port which, int *ret, struct bk_error *err) BK_MUST_CHECK;

/* Makes a port of a user mode network's guest reachable on 127.0.0.1, on the first free port of min..max tried from a random start
 * (both 0: any). BK_CONFLICT when all are taken. Asked twice for the same port it gives the same answer. */
int vm_guest_forward(struct vm_guest *guest, unsigned port, unsigned min, unsigned max, unsigned *ret, struct bk_error *err) BK_MUST_CHECK;
/* Has the guest accepted a connection that came in at this port of the host, and is it still open? -1: QEMU does not tell. */
int vm_guest_accepted(struct vm_guest *guest, unsigned host, bool *ret) BK_MUST_CHECK;
/* Does the guest itself accept connections on this port? (Its network accepts them for it at any time.) */
bool vm_guest_listens(struct vm_guest *guest, unsigned port);

/* The address and port (5900 + n) of its VNC display, "127.0.0.1:5901"; the caller's. NULL: none. */
char *vm_guest_vnc(struct vm_guest *guest);
/* Presses the power button (ACPI). */
int vm_guest_press_power(struct vm_guest *guest, struct bk_error *err) BK_MUST_CHECK;
/* Waits until it is off. BK_TIMEOUT when it is not; a crash is a failure too. */
int vm_guest_wait_off(struct vm_guest *guest, int64_t timeout_ms, struct bk_error *err) BK_MUST_CHECK;
/* What QEMU itself had to say, the last 32 KiB; the caller's. NULL where there is no way to know (other hosts). */
char *vm_guest_log(struct vm_guest *guest);
