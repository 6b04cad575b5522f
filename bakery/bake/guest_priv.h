/* Baking in a guest: what the files guest*.c share.
 *
 * The worker prepares (medium, disk, seed media) and seals; between them a child of it, the
 * stage, holds the guest. libvirt and the HTTP server bring threads, and those may not be where disks are
 * mounted and sandboxes forked. The worker is pid 1 of its namespace and reaps what libvirt leaves. */
#pragma once
#include "bakery/bake/bake_priv.h"
#include "boot/eye.h"
#include "boot/http.h"
#include "boot/type.h"
#include "vm/domain.h"
#include "vm/guest.h"
#include "vm/qemuargs.h"
#include "vm/ssh.h"
#include "vm/vm.h"

/* Seed media, more disks, what the guest is watched with: on the worker's own tmpfs, or, for a driver elsewhere, which has no
 * part in the worker's mounts, the folder bake_guest_folder() of the host. */
#define GUEST_WORK VM_HOST_GUEST

/* What the worker prepared for the stage. Paths as QEMU sees them; owned. */
struct bake_media {
        char *disk, *iso, *cd, *floppy;
        struct bk_strv more_disks;
        struct vm_ssh_keypair pair;     /* made for this bake; secret NULL: none */
        bool pair_injected;             /* its public key is in the disk already, and was ... */
        bool keys_file_made;            /* ... the first of its file */
};

struct bake_stage {
        struct bake_work *work;
        const struct bake_guest *config;
        struct bake_media *media;
        struct boot_http *http;
        struct vm_guest *guest;
        struct boot_eye *eye;
        struct vm_ssh *ssh;
        struct vm_ssh_config login, bastion;
        struct boot_typed typed;
        char *xml, *uuid;
        char *name, *host, *http_ip, *http_port, *ssh_port;
        struct tmpl_datum data[8];
        size_t n_data;
        int64_t scale;                  /* of time-outs, percent */
        uint64_t panic_seen;            /* how far the console was searched */
        bool may_be_leaving;            /* a script that may reboot the guest has just ended */
};

/* guest_check.c */
int bake_guest_check(struct bake *bake, struct bk_error *err) BK_MUST_CHECK;
/* Every step of the boot command, rendered; says the place of what is wrong. */
struct bake_typing_step { char *text, *about; };
struct bake_typing_steps { struct bake_typing_step *v; size_t n; };
void bake_typing_steps_done(struct bake_typing_steps *steps);
int bake_boot_steps(const struct bake *bake, const struct tmpl_datum *data, size_t n_data, struct bake_typing_steps *ret,
                    struct bk_error *err) BK_MUST_CHECK;
void bake_guest_inputs(const struct bake_config *config, const struct tmpl *tmpl, struct bk_strv *ret);
/* Keys of the template that mean nothing here, "a, b, c"; NULL: none. The caller's. */
char *bake_guest_ignored(const struct bake *bake);

/* guest_files.c: what is written beside the layer, when the image is published */
int bake_guest_files(struct bake_post *post, struct bk_strv *ret_files, struct bk_error *err) BK_MUST_CHECK;
/* Pure: the machine for VMware, its disk beside it. The caller's. */
char *bake_vmx_text(const struct bake_guest *config, const char *name, const char *disk);
int bake_guest_vmx(struct bake_post *post, struct bk_strv *ret_files, struct bk_error *err) BK_MUST_CHECK;

/* guest_media.c: where a path, pattern or URL of the template leads, added to ret; the medium's sum in one word, the caller's (NULL: none
 * is given). */
void bake_guest_place(const struct tmpl *tmpl, const char *url, struct bk_strv *ret);
char *bake_guest_checksum(const struct tmpl *tmpl, const struct bake_guest *config);
/* In the worker */
int bake_guest_prepare(struct bake_work *work, struct bake_media *media, struct bk_error *err) BK_MUST_CHECK;
/* What GUEST_WORK is on the host; NULL: of this process alone. The caller's. */
char *bake_guest_folder(const struct bake *bake);

/* guest_key.c, in the worker: a key pair for this bake where one is needed, or cheaper than the password that is given; and
 * its public key put into the draft on an image of the registry. Without a key media->pair is empty. */
int bake_guest_key_make(struct bake_work *work, struct bake_media *media, struct bk_error *err) BK_MUST_CHECK;
int bake_guest_key_put(struct bake_work *work, struct bake_media *media, struct bk_error *err) BK_MUST_CHECK;
/* Whether the root's own shadow says so. False also where there is no telling. */
bool bake_guest_password_right(int root, const char *user, const char *password);

/* Lines for sh in the guest, as the user who logged in: authorized_keys without our line. A file that was made for it goes, and its folder
 * when nothing else is in it. */
void bake_guest_key_removal(const struct bake_media *media, struct bk_buf *script);

/* guest.c: zeroed where emulation is asked for */
int bake_guest_kvm(const struct bake_work *work, struct vm_kvm *ret, struct bk_error *err) BK_MUST_CHECK;

/* guest_machine.c: the domain's XML. ssh_port: the host's, for qemuargs. */
int bake_guest_xml(struct bake_stage *stage, const struct vm_kvm *kvm, bool *ret_own_network, struct bk_error *err) BK_MUST_CHECK;

/* guest_login.c */
int bake_guest_login(struct bake_stage *stage, bool forwarded, struct bk_error *err) BK_MUST_CHECK;
int bake_guest_farewell(struct bake_stage *stage, struct bk_error *err) BK_MUST_CHECK;
extern const struct bake_place bake_place_ssh;

/* guest_inventory.c: reads it in the guest, for bake_guest_inventory(). */
int bake_guest_inventory_fetch(struct bake_stage *stage, struct bk_error *err) BK_MUST_CHECK;
/* Pure: the shell's command that tells what is near the top, below root; the paths that it told, sorted; of one, whether it is known not
 * to be there; and what is known to be in a folder, where all of that is (false: ask). */
char *bake_names_command(const char *root);
void bake_names_set(struct bk_strv *names, const char *listing);
bool bake_names_lack(const struct bk_strv *names, const char *path);
bool bake_names_list(const struct bk_strv *names, const char *folder, struct bk_strv *ret);

/* guest_evidence.c: what is left of a guest, for people. Returns the folder, the caller's. */
char *bake_guest_evidence(struct bake_stage *stage);
