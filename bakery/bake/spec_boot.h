/* A place where checks run: a throw-away boot of an image.
 *
 * An overlay on the image - never the image - gets a small program that runs lines for us over a serial port, and is booted: neither
 * the network nor an SSH server is needed in it. When the process that started it dies, by whatever signal, the guest goes; the
 * overlay is in a lease.
 * The caller must be single-threaded; libvirt lives in a process below it. */
#pragma once
#include "layers/layer.h"
#include "spec/spec.h"

/* Borrowed until spec_boot_end(). */
struct spec_boot_config {
        const struct layer_store *store;
        const char *layer;              /* digest of a published layer, verified; NULL: draft */
        const char *draft;              /* one that nobody writes to until spec_boot_end() */
        uint64_t memory;                /* bytes; 0: 1 GiB */
        unsigned cpus;                  /* 0: 1 */
        const char *machine, *bus;      /* NULL: q35, virtio */
        const char *firmware;           /* bios, efi, efi-secure, or a file of UEFI code; NULL: bios */
        const char *firmware_vars;      /* UEFI variables, copied; NULL: Debian's */
        int timeout_ms;                 /* until it answers; 0: 2 minutes. Five times as long where guests are emulated */
        bool uart;                      /* over the second UART, also where there is virtio */
        void (*say)(void *arg, const char *text);       /* what is being done; NULL: nobody is told */
        void *arg;
};

struct spec_boot;

/* Makes the overlay ready; the guest itself is started by the first spec_boot_run(). To be called before the caller mounts the
 * same image: two mounts of one file system at a time are too many for some, and processes below the caller hold its mounts. */
int spec_boot_start(const struct spec_boot_config *config, struct spec_boot **ret, struct bk_error *err) BK_MUST_CHECK;

/* The run of a struct spec_place, whose arg is a struct spec_boot; the first one waits until the system is up. The time-out counts from then,
 * and ends the line's process group in the guest. A guest that did not come up, or is gone, is BK_INFRA, with what its console said last. */
int spec_boot_run(void *boot, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err);

/* -1 when the guest was asked for and never came up, and why: BK_TESTS when the image does not boot. */
int spec_boot_verdict(const struct spec_boot *boot, struct bk_error *err) BK_MUST_CHECK;

/* Ends the guest and removes the overlay. NULL is fine. */
void spec_boot_end(struct spec_boot *boot);
