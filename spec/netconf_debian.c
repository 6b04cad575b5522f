/* /etc/network/interfaces (ifupdown) and netplan's YAML. */
#include "spec/netconf.h"

#include <string.h>

/* --- ifupdown -------------------------------------------------------------- */

/* One line of an `iface` stanza. */
static void stanza_option(struct spec_nic *nic, struct spec_view key, struct spec_view value, struct spec_view *ret_mask)
{
        uint64_t n;

        if (spec_view_is(key, "address"))
                spec_net_address(nic, value, spec_view_of(""));
        else if (spec_view_is(key, "netmask"))
                *ret_mask = value;
        else if (spec_view_is(key, "gateway"))
                spec_net_gateway(nic, value);
        else if (spec_view_is(key, "mtu") && spec_view_unsigned(value, 10, &n))
                nic->mtu = n;
        else if (spec_view_is(key, "bridge_ports") || spec_view_is(key, "bridge-ports")) {
                nic->bridge = true;
                if (!spec_view_is(value, "none"))
                        spec_net_words(&nic->members, value);
        } else if (spec_view_is(key, "bond-slaves") || spec_view_is(key, "bond_slaves") || spec_view_is(key, "slaves")) {
                nic->bond = true;
                if (!spec_view_is(value, "none"))
                        spec_net_words(&nic->members, value);
        } else if (spec_view_starts(key, "bond-") || spec_view_starts(key, "bond_")) {
                nic->bond = true;
        }
}

/* The mask may follow the address: the last one gets it. */
static void apply_mask(struct spec_nic *nic, struct spec_view *mask)
{
        struct spec_view address;

        if (nic != NULL && mask->n > 0 && nic->addresses.n > 0 && strchr(nic->addresses.v[nic->addresses.n - 1], '/') == NULL) {
                autofree char *last = nic->addresses.v[--nic->addresses.n];

                nic->addresses.v[nic->addresses.n] = NULL;
                address = spec_view_of(last);
                spec_net_address(nic, address, *mask);
        }
        *mask = spec_view_of("");
}

/* "bond-master bond0" among eth1's lines makes it a member there. */
static void member_of(struct spec_net *net, const char *path, struct spec_view name, struct spec_view key, struct spec_view value)
{
        struct spec_nic *master = NULL;

        if (!spec_view_is(key, "bond-master") && !spec_view_is(key, "bond_master"))
                return;
        master = spec_net_nic(net, value, path);
        master->bond = true;
        spec_net_words(&master->members, name);
}

static void auto_words(struct spec_net *net, const char *path, struct spec_view words)
{
        struct spec_view word;

        while (spec_view_word(&words, &word))
                spec_net_nic(net, word, path)->up = true;
}

void spec_net_ifupdown(struct spec_net *net, const char *path, const char *text)
{
        struct spec_view rest = spec_view_of(text), line, word, name = spec_view_of(""), mask = spec_view_of("");

        while (spec_view_line(&rest, &line)) {
                if (!spec_view_word(&line, &word) || *word.s == '#')
                        continue;
                if (spec_view_is(word, "auto") || spec_view_is(word, "allow-hotplug") || spec_view_is(word, "allow-auto")) {
                        auto_words(net, path, line);
                } else if (spec_view_is(word, "iface")) {
                        struct spec_view family, method;

                        if (name.n > 0)
                                apply_mask(spec_net_nic(net, name, path), &mask);
                        if (spec_view_word(&line, &name) && spec_view_word(&line, &family) && spec_view_word(&line, &method))
                                spec_net_nic(net, name, path)->dynamic |= spec_view_is(method, "dhcp") || spec_view_is(method, "auto");
                } else if (spec_view_is(word, "mapping") || spec_view_starts(word, "source") || spec_view_starts(word, "allow-") ||
                           spec_view_starts(word, "no-")) {
                        continue;
                } else if (name.n > 0) {
                        const struct spec_view value = spec_view_trim(line);

                        member_of(net, path, name, word, value);
                        stanza_option(spec_net_nic(net, name, path), word, value, &mask);
                }
        }
        if (name.n > 0)
                apply_mask(spec_net_nic(net, name, path), &mask);
}

/* --- netplan --------------------------------------------------------------- */

/* Not all of YAML: maps and lists by indentation, "[a, b]", comments and quotes, as people write these files. What else there is,
 * anchors for one, is not understood, and is then not found. */
enum { DEPTH = 16 };

struct netplan {
        struct spec_net *net;
        const char *path;
        struct { size_t indent; struct spec_view key; } at[DEPTH];
        size_t depth;
        struct spec_view to;            /* of the route that is being read */
};

static struct spec_view unquoted(struct spec_view value)
{
        value = spec_view_trim(value);
        if (value.n >= 2 && (*value.s == '"' || *value.s == '\'') && value.s[value.n - 1] == *value.s)
                return (struct spec_view){ value.s + 1, value.n - 2 };
        return value;
}

/* " # ..." and a line of "#..." */
static struct spec_view uncommented(struct spec_view line)
{
        for (size_t i = 0; i < line.n; i++)
                if (line.s[i] == '#' && (i == 0 || line.s[i - 1] == ' '))
                        return (struct spec_view){ line.s, i };
        return line;
}

static void netplan_item(struct spec_nic *nic, struct spec_view key, struct spec_view value)
{
        value = unquoted(value);
        if (spec_view_is(key, "addresses"))
                spec_net_address(nic, value, spec_view_of(""));
        else if (spec_view_is(key, "interfaces"))
                spec_net_words(&nic->members, value);
}

static void netplan_items(struct spec_nic *nic, struct spec_view key, struct spec_view value)
{
        struct spec_view item;

        value = (struct spec_view){ value.s + 1, value.n - 2 };
        while (spec_view_until(&value, ',', &item))
                netplan_item(nic, key, item);
        netplan_item(nic, key, value);
}

/* A key below network: KIND: NAME: */
static void netplan_key(struct netplan *n, struct spec_nic *nic, struct spec_view key, struct spec_view value)
{
        uint64_t number;

        if (value.n >= 2 && *value.s == '[' && value.s[value.n - 1] == ']')
                netplan_items(nic, key, value);
        else if (spec_view_is(key, "dhcp4") || spec_view_is(key, "dhcp6"))
                nic->dynamic |= spec_net_true(value);
        else if (spec_view_is(key, "gateway4"))
                spec_net_gateway(nic, unquoted(value));
        else if (spec_view_is(key, "mtu") && spec_view_unsigned(value, 10, &number))
                nic->mtu = number;
        else if (spec_view_is(key, "to"))
                n->to = unquoted(value);
        else if (spec_view_is(key, "via"))
                spec_net_route(nic, n->to, unquoted(value));
}

static struct spec_nic *netplan_nic(struct netplan *n)
{
        const struct spec_view kind = n->at[1].key;
        struct spec_nic *nic = NULL;

        if (n->depth < 3 || !spec_view_is(n->at[0].key, "network") || spec_view_is(kind, "renderer") || spec_view_is(kind, "version"))
                return NULL;
        nic = spec_net_nic(n->net, unquoted(n->at[2].key), n->path);
        nic->up = true;
        nic->bond |= spec_view_is(kind, "bonds");
        nic->bridge |= spec_view_is(kind, "bridges");
        return nic;
}

static void netplan_line(struct netplan *n, struct spec_view line)
{
        struct spec_view text = spec_view_trim(uncommented(line)), key, value;
        size_t indent = 0;
        struct spec_nic *nic = NULL;

        while (indent < line.n && line.s[indent] == ' ')
                indent++;
        if (text.n == 0 || spec_view_is(text, "---"))
                return;
        while (n->depth > 0 && n->at[n->depth - 1].indent >= indent && !(*text.s == '-' && n->at[n->depth - 1].indent == indent))
                n->depth--;
        while (*text.s == '-' && text.n > 1 && text.s[1] == ' ') {
                const struct spec_view inner = spec_view_trim((struct spec_view){ text.s + 1, text.n - 1 });

                indent += text.n - inner.n;
                text = inner;
                nic = netplan_nic(n);
                if (nic != NULL && n->depth == 4)
                        netplan_item(nic, n->at[n->depth - 1].key, text);
        }
        value = text;
        /* a quoted item, or an IPv6 address, has colons but no ": " */
        if (text.n == 0 || !spec_view_until(&value, ':', &key) || (value.n > 0 && *value.s != ' ') || n->depth == DEPTH)
                return;
        value = spec_view_trim(value);
        n->at[n->depth].indent = indent;
        n->at[n->depth++].key = unquoted(key);
        nic = netplan_nic(n);
        /* deeper down, only routes: nameservers have addresses too */
        if (nic != NULL && value.n > 0 && (n->depth == 4 || (n->depth == 5 && spec_view_is(n->at[3].key, "routes"))))
                netplan_key(n, nic, unquoted(key), value);
}

void spec_net_netplan(struct spec_net *net, const char *path, const char *text)
{
        struct netplan n = { .net = net, .path = path, .to = spec_view_of("") };
        struct spec_view rest = spec_view_of(text), line;

        while (spec_view_line(&rest, &line))
                netplan_line(&n, line);
}
