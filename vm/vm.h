/* Guests. For now: is this host's KVM worth using?
 *
 * /dev/kvm may open and still be useless (nested, or emulated). A micro-guest
 * - SeaBIOS and one boot sector that ends the machine - is timed once, and the
 * verdict is kept for this host, kernel and QEMU under home/cache. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"

struct vm_kvm {
        bool usable;
        bool cached;            /* the verdict was remembered, not measured now */
        int64_t boot_ms;        /* what the micro-guest took; -1: it did not end in time, or KVM could not be opened */
        char why[256];          /* one sentence for people */
};

/* Fails only when the probe itself cannot be made (no QEMU: BK_NOT_FOUND). */
int vm_kvm_probe(const char *home, bool refresh, struct vm_kvm *ret, struct bk_error *err) BK_MUST_CHECK;
