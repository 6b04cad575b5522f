/* The network as an image configures it: which files there are, and what their readers put together. */
#include "spec/netconf.h"

#include <arpa/inet.h>
#include <string.h>

enum { NICS_MOST = 1024, LIST_MOST = 1024 };

static const char *const ifupdown_folders[] = { "/etc/network/interfaces.d", NULL };
static const char *const netplan_folders[] = { "/run/netplan", "/etc/netplan", "/usr/lib/netplan", "/lib/netplan", NULL };
static const char *const networkd_folders[] = { "/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network",
                                                "/usr/lib/systemd/network", "/lib/systemd/network", NULL };
static const char *const ifcfg_folders[] = { "/etc/sysconfig/network-scripts", "/etc/sysconfig/network", NULL };
static const char *const keyfile_folders[] = { "/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections",
                                               "/usr/lib/NetworkManager/system-connections", NULL };

/* Rows, so that another kind of configuration is another row. */
static const struct {
        const char *file;               /* one that is read first; NULL: none */
        const char *const *folders;
        const char *suffix, *prefix;    /* of names in the folders */
        void (*read)(struct spec_net *net, const char *path, const char *text);
} sources[] = {
        { "/etc/network/interfaces", ifupdown_folders, "", "", spec_net_ifupdown },
        { NULL, netplan_folders, ".yaml", "", spec_net_netplan },
        { NULL, networkd_folders, ".netdev", "", spec_net_networkd },
        { NULL, networkd_folders, ".network", "", spec_net_networkd },
        { NULL, ifcfg_folders, "", "ifcfg-", spec_net_ifcfg },
        { NULL, keyfile_folders, ".nmconnection", "", spec_net_keyfile },
};

void spec_net_done(struct spec_net *net)
{
        for (size_t i = 0; i < net->n; i++) {
                free(net->v[i].name);
                free(net->v[i].from);
                free(net->v[i].gateway);
                bk_strv_done(&net->v[i].addresses);
                bk_strv_done(&net->v[i].members);
                bk_strv_done(&net->v[i].routes);
        }
        free(net->v);
        *net = (struct spec_net){ 0 };
}

struct spec_nic *spec_net_find(const struct spec_net *net, const char *name)
{
        for (size_t i = 0; i < net->n; i++)
                if (bk_streq(net->v[i].name, name))
                        return &net->v[i];
        return NULL;
}

struct spec_nic *spec_net_nic(struct spec_net *net, struct spec_view name, const char *from)
{
        autofree char *text = spec_view_dup(name);
        struct spec_nic *known = spec_net_find(net, text);

        if (known != NULL)
                return known;
        if (net->n == NICS_MOST)        /* no real image has so many: the rest goes into one that nobody asks for */
                return &net->v[net->n - 1];
        net->v = bk_grow(net->v, net->n + 1, sizeof *net->v);
        net->v[net->n] = (struct spec_nic){ .name = bk_take(text), .from = bk_strdup(from) };
        return &net->v[net->n++];
}

static void add(struct bk_strv *list, struct spec_view word)
{
        if (list->n < LIST_MOST)
                bk_strv_take(list, spec_view_dup(word));
}

void spec_net_words(struct bk_strv *list, struct spec_view words)
{
        struct spec_view word;

        while (spec_view_word(&words, &word))
                add(list, word);
}

void spec_net_gateway(struct spec_nic *nic, struct spec_view gateway)
{
        struct spec_address address;

        if (!spec_address_parse(gateway, &address) || address.family != AF_INET || nic->gateway != NULL)
                return;
        nic->gateway = spec_address_text(&address);
}

void spec_net_route(struct spec_nic *nic, struct spec_view to, struct spec_view via)
{
        autofree char *a = spec_view_dup(to), *b = spec_view_dup(via), *route = bk_format("%s%s%s", a, *b ? " " : "", b);

        if (bk_streq(a, "default") || bk_streq(a, "0.0.0.0/0"))
                spec_net_gateway(nic, via);
        add(&nic->routes, spec_view_of(route));
}

bool spec_net_true(struct spec_view value)
{
        static const char *const words[] = { "true", "yes", "on", "1", "True", "Yes", "YES", "TRUE", "ipv4", "ipv6", "both" };

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (spec_view_is(value, words[i]))
                        return true;
        return false;
}

/* "255.255.255.0" is 24 bits; -1 when it is no mask */
static int mask_bits(struct spec_view mask)
{
        struct spec_address address;
        uint64_t bits;

        if (spec_view_unsigned(mask, 10, &bits))
                return bits <= 128 ? (int)bits : -1;
        if (!spec_address_parse(mask, &address) || address.family != AF_INET)
                return -1;
        bits = 0;
        for (int i = 0; i < 4; i++)
                bits += (uint64_t)__builtin_popcount(address.bytes[i]);
        return (int)bits;
}

void spec_net_address(struct spec_nic *nic, struct spec_view address, struct spec_view mask)
{
        struct spec_address parsed;
        autofree char *text = NULL, *whole = NULL;

        if (!spec_address_parse(address, &parsed))
                return;
        if (parsed.prefix < 0)
                parsed.prefix = mask_bits(mask);
        text = spec_address_text(&parsed);
        whole = parsed.prefix >= 0 ? bk_format("%s/%d", text, parsed.prefix) : bk_strdup(text);
        add(&nic->addresses, spec_view_of(whole));
}

void spec_ini_read(const char *text, spec_ini_pair *pair, void *arg)
{
        struct spec_view rest = spec_view_of(text), line, section = spec_view_of(""), key;
        bool first = true;

        while (spec_view_line(&rest, &line)) {
                line = spec_view_trim(line);
                if (line.n == 0 || *line.s == '#' || *line.s == ';')
                        continue;
                if (*line.s == '[' && line.s[line.n - 1] == ']') {
                        section = (struct spec_view){ line.s + 1, line.n - 2 };
                        first = true;
                } else if (spec_view_until(&line, '=', &key)) {
                        pair(arg, section, spec_view_trim(key), spec_view_trim(line), first);
                        first = false;
                }
        }
}

static int read_file(const struct spec_files *files, size_t source, const char *path, struct spec_net *net, struct bk_error *err)
{
        autofree char *text = NULL;
        const int there = spec_text_of(files, path, &text, err);

        if (there > 0)
                sources[source].read(net, path, text);
        return there < 0 ? -1 : 0;
}

int spec_net_read(const struct spec_files *files, struct spec_net *ret, struct bk_error *err)
{
        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
                autostrv struct bk_strv paths = { 0 };

                if (sources[i].file != NULL && read_file(files, i, sources[i].file, ret, err) < 0)
                        return -1;
                if (spec_dropins(files, sources[i].folders, sources[i].suffix, &paths, err) < 0)
                        return -1;
                for (size_t p = 0; p < paths.n; p++) {
                        const char *name = strrchr(paths.v[p], '/') + 1;

                        if (strncmp(name, sources[i].prefix, strlen(sources[i].prefix)) == 0 && read_file(files, i, paths.v[p], ret, err) < 0)
                                return -1;
                }
        }
        return 0;
}
