/* What the two halves of qemuargs share: the switches (qemuargs.c), and the
 * devices, drives and networks, which depend on each other (qemuargs_devices.c). */
#pragma once
#include "vm/qemuargs.h"

/* An argument's parts, "a,b=c,d=e" with ",," for a comma in a value: { "a", "b=c", "d=e" }. */
struct bk_strv qemuargs_split(const char *value);
char *qemuargs_join(const struct bk_strv *parts);                               /* the caller's */
const char *qemuargs_get(const struct bk_strv *parts, const char *key);         /* the last one's value, borrowed; NULL: not there */
const char *qemuargs_head(const struct bk_strv *parts, const char *key);        /* the first part, or what "key=" says; NULL: neither */
void qemuargs_set(struct bk_strv *parts, const char *key, const char *value);   /* in place, or at the end; NULL: taken out */

struct qemuargs_work {
        struct vm_domain *domain;
        struct vm_qemuargs *ret;
        unsigned host_port, guest_port;
        struct bk_strv devices, drives, netdevs;        /* the user's, as they stand but for paths and hostfwd */
        struct bk_strv nics, backends;                  /* of -net */
        size_t user_cds;                                /* the last CDs of domain, which -cdrom named */
        unsigned n_nets;                                /* networks made so far from -net and -nic */
        bool vga, tpmdev, flash;                        /* given */
        char *boot;                                     /* the value of -boot; NULL: not given */
};

const char *qemuargs_own(struct qemuargs_work *work, char *text);               /* kept as long as the domain's */
void qemuargs_add(struct qemuargs_work *work, const char *name, const char *value);
/* "x.iso" -> "/where/we/are/x.iso"; commas of the folder's name doubled when comma. URLs and other protocols stay. The caller's. */
char *qemuargs_absolute(const char *path, bool comma);

/* "-net nic,..." and "-net user,..." or "-nic user,..." as -netdev and -device: QEMU makes cards of the older switches first, in slots
 * that libvirt has given to others. */
void qemuargs_net(struct qemuargs_work *work, const char *value);
void qemuargs_nic(struct qemuargs_work *work, const char *value);
char *qemuargs_local_forwards(const char *netdev);                              /* the caller's */
/* When all switches were seen. */
void qemuargs_resolve(struct qemuargs_work *work);
