/* What the parts of the domain's description share: the machine (domain.c), its
 * disks (domain_storage.c), and its other devices (domain_devices.c). */
#pragma once
#include <libxml/xmlwriter.h>

#include "vm/domain.h"

/* Text that XML cannot carry is remembered and reported once, at the end: so an element is written by a function without a result. */
struct domain_out {
        xmlTextWriter *xml;
        const struct vm_domain *domain;
        bool q35;
        const char *unsayable;          /* the first value that XML 1.0 has no way to write; NULL: none */
};

void domain_open(struct domain_out *out, const char *element);
void domain_close(struct domain_out *out);
void domain_attribute(struct domain_out *out, const char *name, const char *value);             /* NULL: not written */
void domain_number(struct domain_out *out, const char *name, uint64_t value);
void domain_leaf(struct domain_out *out, const char *element, const char *name, const char *value);     /* value NULL: <element/> */
void domain_element(struct domain_out *out, const char *element, const char *text);             /* <element>text</element> */

/* Before a byte is written: are all devices known, and do they fit this machine? */
int domain_devices_check(const struct vm_domain *domain, bool q35, struct bk_error *err) BK_MUST_CHECK;
bool domain_knows_card(const char *name);
void domain_devices(struct domain_out *out);

/* Between the devices. */
char *domain_names(const char *(*name)(size_t i), size_t n);
int domain_check_word(const char *what, const char *word, const char *const known[], size_t n, struct bk_error *err) BK_MUST_CHECK;
int domain_storage_check(const struct vm_domain *domain, bool q35, struct bk_error *err) BK_MUST_CHECK;
void domain_storage(struct domain_out *out);
void domain_storage_controllers(struct domain_out *out);
bool domain_has_virtio_scsi(const struct domain_out *out);
unsigned domain_slot_of_card(const struct domain_out *out);
void domain_pci(struct domain_out *out, unsigned slot);
/* slot 0: the chipset's own, which has its place. */
void domain_controller(struct domain_out *out, const char *type, const char *model, unsigned index, unsigned slot);
