/* Packer's qemuargs on a guest of libvirt.
 *
 * Packer's meaning: every switch that is given replaces all of its own arguments of
 * that switch; one "-device" throws away every device it would have made, one
 * "-drive" every drive. What libvirt's description can say is put there (-m,
 * -smp, -cpu, -machine, -vga, -boot, -bios ...), so that addresses and names stay libvirt's; what is
 * pointless here (-display, -vnc, -name, -daemonize, ...) is left out and told once;
 * the rest goes to QEMU as it stands. */
#pragma once
#include "vm/domain.h"

struct vm_qemuarg { const char *name, *value; };        /* "-m", "1024M"; value NULL: a switch alone */

struct vm_qemuargs {
        struct bk_strv args;            /* for vm_domain.args */
        struct bk_strv notes;           /* sentences: what was left out, and why */
        struct bk_strv owned;           /* strings that the domain borrows from here on */
};
void vm_qemuargs_done(struct vm_qemuargs *args);

/* Values are rendered already. ssh_host_port: what {{ .SSHHostPort }} was rendered to (0: unknown); a hostfwd in a user's -netdev
 * or -net that names no address ("hostfwd=tcp::2222-:22") is bound to 127.0.0.1. Changes domain. */
int vm_qemuargs_apply(const struct vm_qemuarg *v, size_t n, struct vm_domain *domain, struct vm_qemuargs *ret,
                      struct bk_error *err) BK_MUST_CHECK;
