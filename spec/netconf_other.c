/* systemd-networkd, the ifcfg files of Red Hat and SUSE, and NetworkManager's keyfiles. */
#include "spec/netconf.h"

#include <string.h>

/* --- systemd-networkd ------------------------------------------------------ */

struct networkd {
        struct spec_net *net;
        const char *path;
        struct spec_view name;          /* of the interface; empty until told */
        struct spec_view to;            /* of the route that is being read */
};

static void networkd_members(struct networkd *n, struct spec_view key, struct spec_view master)
{
        struct spec_nic *nic = spec_net_nic(n->net, master, n->path);

        nic->bond |= spec_view_is(key, "Bond");
        nic->bridge |= spec_view_is(key, "Bridge");
        spec_net_words(&nic->members, n->name);
}

static void networkd_network(struct networkd *n, struct spec_nic *nic, struct spec_view key, struct spec_view value)
{
        if (spec_view_is(key, "Address"))
                spec_net_address(nic, value, spec_view_of(""));
        else if (spec_view_is(key, "Gateway"))
                spec_net_gateway(nic, value);
        else if (spec_view_is(key, "DHCP"))
                nic->dynamic |= spec_net_true(value);
        else if (spec_view_is(key, "Bond") || spec_view_is(key, "Bridge"))
                networkd_members(n, key, value);
}

static void networkd_pair(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first)
{
        struct networkd *n = arg;
        struct spec_nic *nic = NULL;
        uint64_t mtu;

        if ((spec_view_is(section, "Match") || spec_view_is(section, "NetDev")) && spec_view_is(key, "Name")) {
                n->name = value;
                spec_net_nic(n->net, value, n->path)->up = true;
                return;
        }
        if (n->name.n == 0)
                return;
        nic = spec_net_nic(n->net, n->name, n->path);
        if (spec_view_is(section, "Route") && first)
                n->to = spec_view_of("default");
        if (spec_view_is(key, "Kind")) {
                nic->bond |= spec_view_is(value, "bond");
                nic->bridge |= spec_view_is(value, "bridge");
        } else if (spec_view_is(key, "MTUBytes") && spec_view_unsigned(value, 10, &mtu)) {
                nic->mtu = mtu;
        } else if (spec_view_is(section, "Route") && spec_view_is(key, "Destination")) {
                n->to = value;
        } else if (spec_view_is(section, "Route") && spec_view_is(key, "Gateway")) {
                spec_net_route(nic, n->to, value);
        } else if (spec_view_is(section, "Network") || spec_view_is(section, "Address")) {
                networkd_network(n, spec_net_nic(n->net, n->name, n->path), key, value);
        }
}

void spec_net_networkd(struct spec_net *net, const char *path, const char *text)
{
        struct networkd n = { .net = net, .path = path, .name = spec_view_of(""), .to = spec_view_of("default") };

        spec_ini_read(text, networkd_pair, &n);
}

/* --- ifcfg ----------------------------------------------------------------- */

static struct spec_view unquoted(struct spec_view value)
{
        if (value.n >= 2 && (*value.s == '"' || *value.s == '\'') && value.s[value.n - 1] == *value.s)
                return (struct spec_view){ value.s + 1, value.n - 2 };
        return value;
}

struct ifcfg {
        struct spec_net *net;
        const char *path;
        struct spec_view name, mask, addresses[16];
        size_t n;
};

static void ifcfg_name(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first)
{
        struct ifcfg *f = arg;

        (void)section, (void)first;
        if (spec_view_is(key, "DEVICE"))
                f->name = unquoted(value);
}

static void ifcfg_pair(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first)
{
        struct ifcfg *f = arg;
        struct spec_nic *nic = spec_net_nic(f->net, f->name, f->path), *master = NULL;
        uint64_t mtu;

        (void)section, (void)first;
        value = unquoted(value);
        if ((spec_view_starts(key, "IPADDR") || spec_view_is(key, "IPV6ADDR")) && f->n < sizeof f->addresses / sizeof *f->addresses)
                f->addresses[f->n++] = value;
        else if (spec_view_starts(key, "NETMASK") || spec_view_starts(key, "PREFIX"))
                f->mask = value;
        else if (spec_view_is(key, "GATEWAY"))
                spec_net_gateway(nic, value);
        else if (spec_view_is(key, "ONBOOT"))
                nic->up = spec_net_true(value);
        else if (spec_view_is(key, "STARTMODE"))
                nic->up = spec_view_is(value, "auto") || spec_view_is(value, "hotplug");
        else if (spec_view_is(key, "BOOTPROTO"))
                nic->dynamic |= spec_view_starts(value, "dhcp") || spec_view_is(value, "bootp");
        else if (spec_view_is(key, "MTU") && spec_view_unsigned(value, 10, &mtu))
                nic->mtu = mtu;
        else if (spec_view_is(key, "TYPE")) {
                nic->bridge |= spec_view_is(value, "Bridge");
                nic->bond |= spec_view_is(value, "Bond");
        } else if (spec_view_is(key, "BONDING_OPTS"))
                nic->bond = true;
        else if ((spec_view_is(key, "MASTER") || spec_view_is(key, "BRIDGE")) && value.n > 0) {
                master = spec_net_nic(f->net, value, f->path);
                master->bond |= spec_view_is(key, "MASTER");
                master->bridge |= spec_view_is(key, "BRIDGE");
                spec_net_words(&master->members, f->name);
        }
}

void spec_net_ifcfg(struct spec_net *net, const char *path, const char *text)
{
        struct ifcfg f = { .net = net, .path = path, .mask = spec_view_of("") };
        struct spec_nic *nic = NULL;

        f.name = spec_view_of(strrchr(path, '/') + strlen("/ifcfg-"));
        spec_ini_read(text, ifcfg_name, &f);
        nic = spec_net_nic(net, f.name, path);
        nic->up = true;
        spec_ini_read(text, ifcfg_pair, &f);
        nic = spec_net_nic(net, f.name, path);
        for (size_t i = 0; i < f.n; i++)
                spec_net_address(nic, f.addresses[i], strchr(nic->name, ':') == NULL && memchr(f.addresses[i].s, ':', f.addresses[i].n) != NULL
                                 ? spec_view_of("") : f.mask);
}

/* --- NetworkManager -------------------------------------------------------- */

struct keyfile {
        struct spec_net *net;
        const char *path;
        struct spec_view name, type, master, master_type;
        bool up;
};

static void keyfile_head(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first)
{
        struct keyfile *k = arg;

        (void)first;
        if (!spec_view_is(section, "connection"))
                return;
        if (spec_view_is(key, "interface-name"))
                k->name = value;
        else if (spec_view_is(key, "type"))
                k->type = value;
        else if (spec_view_is(key, "master") || spec_view_is(key, "controller"))
                k->master = value;
        else if (spec_view_is(key, "slave-type") || spec_view_is(key, "port-type"))
                k->master_type = value;
        else if (spec_view_is(key, "autoconnect"))
                k->up = spec_net_true(value);
}

/* "address1=10.0.0.2/24,10.0.0.1", "route1=10.0.0.0/8,10.0.0.1,100" */
static void keyfile_pair(void *arg, struct spec_view section, struct spec_view key, struct spec_view value, bool first)
{
        struct keyfile *k = arg;
        struct spec_nic *nic = spec_net_nic(k->net, k->name, k->path);
        struct spec_view head = value, via = spec_view_of("");
        uint64_t mtu;

        (void)first;
        if (spec_view_is(key, "mtu") && spec_view_unsigned(value, 10, &mtu))
                nic->mtu = mtu;
        if (!spec_view_is(section, "ipv4") && !spec_view_is(section, "ipv6"))
                return;
        if (spec_view_is(key, "method"))
                nic->dynamic |= spec_view_is(value, "auto") || spec_view_is(value, "dhcp");
        if (spec_view_is(key, "gateway"))
                spec_net_gateway(nic, value);
        if (spec_view_until(&value, ',', &head)) {
                if (!spec_view_until(&value, ',', &via))
                        via = value;
        }
        if (spec_view_starts(key, "address") && key.n > strlen("address")) {
                spec_net_address(nic, head, spec_view_of(""));
                spec_net_gateway(nic, via);
        } else if (spec_view_starts(key, "route") && key.n > strlen("route") && key.s[strlen("route")] <= '9') {
                spec_net_route(nic, head, via);
        }
}

void spec_net_keyfile(struct spec_net *net, const char *path, const char *text)
{
        const struct spec_view none = spec_view_of("");
        struct keyfile k = { .net = net, .path = path, .name = none, .type = none, .master = none, .master_type = none, .up = true };
        struct spec_nic *nic = NULL;

        spec_ini_read(text, keyfile_head, &k);
        if (k.name.n == 0)
                return;
        nic = spec_net_nic(net, k.name, path);
        nic->up = k.up;
        nic->bond |= spec_view_is(k.type, "bond");
        nic->bridge |= spec_view_is(k.type, "bridge");
        if (k.master.n > 0) {
                nic = spec_net_nic(net, k.master, path);
                nic->bond |= spec_view_is(k.master_type, "bond");
                nic->bridge |= spec_view_is(k.master_type, "bridge");
                spec_net_words(&nic->members, k.name);
        }
        spec_ini_read(text, keyfile_pair, &k);
}
