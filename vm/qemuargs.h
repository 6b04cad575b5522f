/* Packer's qemuargs on a guest of libvirt.
 *
 * Packer's meaning: every switch that is given replaces all of its own arguments of
 * that switch; one "-device" throws away every device it would have made, one
 * "-drive" every drive, firmware in flash included. What libvirt's description can say is put there (-m,
 * -smp, -cpu, -machine, -vga, -boot, -cdrom, -fda, -serial file: ...), so that addresses and names stay libvirt's; what is
 * pointless here (-display, -vnc, -name, -daemonize, ...) is left out and told once;
 * the rest goes to QEMU as it stands. Two devices of Packer's are kept where a template
 * cannot have meant to lose them: the disks' controller, and a network card that no -device replaces.
 *
 * Files that are named relative to the working folder are made absolute: QEMU runs in another. */
#pragma once
#include "vm/domain.h"

struct vm_qemuarg { const char *name, *value; };        /* "-m", "1024M"; value NULL or empty: a switch alone */

struct vm_qemuargs {
        struct bk_strv args;            /* what goes to QEMU; vm_domain.args is this list's */
        struct bk_strv notes;           /* sentences: what was left out or changed, and why */
        struct bk_strv owned;           /* strings that the domain borrows from here on */
};
void vm_qemuargs_done(struct vm_qemuargs *args);

/* Values are rendered already; further elements of an entry were joined to the value without a blank, as Packer does.
 *
 * host_port: what {{ .SSHHostPort }} was rendered to (0: unknown), guest_port: the communicator's own, 22 or 5985. They are for the
 * network "user.0" of Packer, which is made, with a forward of that port on 127.0.0.1, when a -device of the user asks for it. After
 * that domain->without_network is set, and there is no "hostnet0"; else the network is libvirt's, and forwarding the caller's.
 * A hostfwd in a user's -netdev, -net or -nic that names no address ("hostfwd=tcp::2222-:22") is bound to 127.0.0.1.
 *
 * Changes domain, which from here on borrows from *ret; domain->args that were there come first. On failure neither is changed. */
int vm_qemuargs_apply(const struct vm_qemuarg *v, size_t n, unsigned host_port, unsigned guest_port, struct vm_domain *domain,
                      struct vm_qemuargs *ret, struct bk_error *err) BK_MUST_CHECK;
