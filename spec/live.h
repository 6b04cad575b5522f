/* What the types share that ask a running system. */
#pragma once
#include "spec/spec_priv.h"

struct spec_view spec_view_of_output(const struct spec_output *output);

/* As serverspec gives what a program printed: blanks around it taken off, a number when it is only digits. */
void spec_value_of_view(struct spec_value *ret, struct spec_view view);
/* A file of at most 4 MiB; 1, 0 when it is not there, or -1. */
int spec_text_of(const struct spec_files *files, const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* The paths of a system of drop-ins ("X.d/NAME.conf") in the order in which they are read: by name, the first folder that has a name
 * hiding it in the others. An empty file, or a link to /dev/null, hides too, and is left out by its being empty. */
int spec_dropins(const struct spec_files *files, const char *const folders[], const char *suffix, struct bk_strv *ret,
                 struct bk_error *err) BK_MUST_CHECK;

/* An address with or without "/prefix", either family. */
struct spec_address { int family; unsigned char bytes[16]; int prefix; /* -1: none given */ };
bool spec_address_parse(struct spec_view text, struct spec_address *ret);
/* Are the addresses equal, and the prefixes, where `wanted` gives one? */
bool spec_address_fits(const struct spec_address *wanted, const struct spec_address *found);
char *spec_address_text(const struct spec_address *address);    /* without the prefix; the caller's */

/* type_service.c, service_running.c: "nginx" is "nginx.service"; and the unit that an alias stands for. Both are the caller's. */
char *spec_service_unit(const char *name);
char *spec_service_alias(struct spec_resource *r);
void spec_service_want_running(const struct spec_resource *r);
int spec_service_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err) BK_MUST_CHECK;
int spec_service_monitored(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err) BK_MUST_CHECK;

/* type_process.c: how many processes have the name as a word anywhere in their user or arguments. */
int spec_process_count_words(struct spec_resource *r, const char *name, size_t *ret, struct bk_error *err) BK_MUST_CHECK;

/* The rows of types.c. */
extern const struct spec_property spec_process_properties[], spec_host_properties[], spec_interface_properties[],
        spec_default_gateway_properties[], spec_kernel_parameter_properties[], spec_zfs_properties[], spec_docker_properties[];
extern const struct spec_predicate spec_port_predicates[], spec_process_predicates[], spec_host_predicates[], spec_interface_predicates[],
        spec_bond_predicates[], spec_bridge_predicates[], spec_routing_table_predicates[], spec_kernel_module_predicates[],
        spec_iptables_predicates[], spec_ip6tables_predicates[], spec_zfs_predicates[], spec_lxc_predicates[], spec_kvm_predicates[],
        spec_docker_image_predicates[], spec_docker_container_predicates[];
void spec_service_want(const struct spec_resource *r);
void spec_port_want(const struct spec_resource *r);
void spec_process_want(const struct spec_resource *r);
void spec_interface_want(const struct spec_resource *r);
void spec_link_want(const struct spec_resource *r);
void spec_route_want(const struct spec_resource *r);
void spec_kernel_module_want(const struct spec_resource *r);
void spec_kernel_parameter_want(const struct spec_resource *r);
void spec_iptables_want(const struct spec_resource *r);
void spec_ip6tables_want(const struct spec_resource *r);
void spec_zfs_want(const struct spec_resource *r);
void spec_lxc_want(const struct spec_resource *r);
void spec_kvm_want(const struct spec_resource *r);
void spec_docker_want(const struct spec_resource *r);
/* What answers a property of any name. */
int spec_process_column(struct spec_resource *r, const char *name, struct spec_value *ret, struct bk_error *err) BK_MUST_CHECK;
int spec_cgroup_parameter(struct spec_resource *r, const char *name, struct spec_value *ret, struct bk_error *err) BK_MUST_CHECK;
