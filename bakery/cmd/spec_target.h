/* What `bakery spec run` checks: a folder, an image, an image that is booted, or a host over SSH. */
#pragma once
#include "bakery/bake/spec_boot.h"
#include "bakery/cmd/cmd.h"
#include "layers/chroot.h"
#include "layers/disk.h"
#include "lib/lease.h"
#include "spec/spec.h"
#include "vm/ssh.h"

#define SPEC_TARGET_FLAGS \
        { "root", "DIR", false, "check the system in a folder; programs run above it, in a sandbox, and change nothing" }, \
        { "image", "IMAGE", false, "check an image: a digest, name, name:channel or query" }, \
        { "boot", NULL, false, "boot the image, on a throw-away overlay, for what only a running system answers" }, \
        { "ssh", "[USER@]HOST[:PORT]", false, "check a running host over SSH" }, \
        { "ssh-key", "FILE", false, "private key to log in with" }, \
        { "ssh-password-file", "FILE", false, "whose first line is the password; BAKERY_SSH_PASSWORD is one, too" }, \
        { "ssh-agent", NULL, false, "log in with the agent's keys; also where nothing else is given" }, \
        { "ssh-known-hosts", "FILE", false, "host keys, instead of ~/.ssh/known_hosts" }, \
        { "ssh-insecure", NULL, false, "do not check the host's key" }, \
        { "ssh-timeout", "SECONDS", false, "until the host lets us in; 30 where not given" }, \
        { "sudo", NULL, false, "look and run as root there, by sudo, which must not ask" }, \
        { "network", NULL, false, "programs in the sandbox reach the network" }, \
        { "memory", "MIB", false, "of a booted image; 1024 where not given" }, \
        { "cpus", "N", false, "of a booted image; 1 where not given" }, \
        { "firmware", "NAME", false, "of a booted image: bios (default), efi, efi-secure" }, \
        { "disk", "BUS", false, "of a booted image: virtio (default), sata, scsi, usb" }

struct spec_target_state {
        struct spec_target target;
        char *identity;
        /* a folder or an image */
        const char *root;               /* borrowed */
        int root_fd;                    /* of a folder; -1 */
        bool network;
        struct chroot *sandbox;         /* opened by the first command */
        struct cmd_state state;
        struct bk_lease lease;          /* of what is mounted */
        struct disk *disk;
        struct spec_boot *boot;
        /* a host */
        struct vm_ssh_config ssh_config;
        struct vm_ssh *ssh;             /* opened by the first question */
        char *host, *user, *known_hosts, *password;
        bool sudo, reached;             /* reached: it has let us in once */
        struct bk_error why;            /* sandbox or host cannot be reached; said again for whatever is asked */
};

/* Before anything is opened: BK_USAGE where the flags contradict each other. */
int spec_target_flags(const struct cmd_args *args, struct bk_error *err) BK_MUST_CHECK;
/* With -image the calling process gets a mount namespace of its own. *ret must stay where it is; it is to be closed in any case. */
int spec_target_open(const struct cmd_args *args, struct spec_target_state *ret, struct bk_error *err) BK_MUST_CHECK;
/* -1 when what was asked never came up - the image does not boot, the host cannot be reached -, and why. */
int spec_target_verdict(const struct spec_target_state *state, struct bk_error *err) BK_MUST_CHECK;
int spec_target_close(struct spec_target_state *state, struct bk_error *err) BK_MUST_CHECK;
/* spec_target_ssh.c: fills target->guest. */
int spec_target_ssh(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err) BK_MUST_CHECK;
void spec_target_ssh_done(struct spec_target_state *state);
