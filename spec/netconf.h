/* What an image configures of its network: ifupdown, netplan, systemd-networkd, ifcfg files and NetworkManager's. Of all that are
 * there, since which of them acts is decided at boot. */
#pragma once
#include "spec/live.h"

struct spec_nic {
        char *name;
        char *from;                     /* the file that named it first */
        bool up;                        /* is brought up at boot */
        bool dynamic;                   /* addresses may come from DHCP or router advertisements */
        bool bond, bridge;
        uint64_t mtu;                   /* 0: not told */
        char *gateway;                  /* IPv4; NULL: none */
        struct bk_strv addresses;       /* "10.0.0.2/24" */
        struct bk_strv members;
        struct bk_strv routes;          /* "10.0.0.0/8 192.0.2.1", or without the gateway */
};
struct spec_net { struct spec_nic *v; size_t n; };
void spec_net_done(struct spec_net *net);

int spec_net_read(const struct spec_files *files, struct spec_net *ret, struct bk_error *err) BK_MUST_CHECK;
struct spec_nic *spec_net_find(const struct spec_net *net, const char *name);   /* NULL when no file names it */

/* The readers, for each other: the interface of that name, added if it is new. */
struct spec_nic *spec_net_nic(struct spec_net *net, struct spec_view name, const char *from);
/* Lists of what has a single word each. */
void spec_net_words(struct bk_strv *list, struct spec_view words);
void spec_net_gateway(struct spec_nic *nic, struct spec_view gateway);
void spec_net_route(struct spec_nic *nic, struct spec_view to, struct spec_view via);   /* a default route is the gateway */
/* "true", "yes", "on", "1" */
bool spec_net_true(struct spec_view value);
/* address and "255.255.255.0" or "24" */
void spec_net_address(struct spec_nic *nic, struct spec_view address, struct spec_view mask);

void spec_net_ifupdown(struct spec_net *net, const char *path, const char *text);
void spec_net_netplan(struct spec_net *net, const char *path, const char *text);
void spec_net_networkd(struct spec_net *net, const char *path, const char *text);
void spec_net_ifcfg(struct spec_net *net, const char *path, const char *text);
void spec_net_keyfile(struct spec_net *net, const char *path, const char *text);

/* "[Section]", "Key=value": each pair. section is "" before the first. */
typedef void spec_ini_pair(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first_of_section);
void spec_ini_read(const char *text, spec_ini_pair *pair, void *arg);
