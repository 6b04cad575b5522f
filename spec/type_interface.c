/* Types `interface`, `bond` and `bridge`: one line reads all of /sys/class/net and one asks for all addresses; without a running
 * system, what the image configures. */
#include "spec/netconf.h"

#include <string.h>
#include <sys/socket.h>

/* "/sys/class/net/eth0/mtu:1500". Every interface has an mtu; the speed of some cannot be read, which is no failure. */
#define LINKS \
        "cd /sys/class/net && { grep -s '' */mtu */operstate */speed */flags */bonding/slaves /dev/null; " \
        "for d in */brif; do [ -d \"$d\" ] && echo \"$d:\"; done; for d in */brif/*; do [ -e \"$d\" ] && echo \"$d:\"; done; :; }"
#define ADDRESSES "ip -o addr show"

enum { UP = 1 };        /* IFF_UP */

void spec_interface_want(const struct spec_resource *r)
{
        spec_want_guest_line(r, LINKS);
        spec_want_guest_line(r, ADDRESSES);
}

void spec_link_want(const struct spec_resource *r)
{
        spec_want_guest_line(r, LINKS);
}

static bool has_guest(struct spec_resource *r)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        return spec_image_guest(r->image, &guest, &none) == 0;
}

static int links(struct spec_resource *r, struct spec_view *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;

        if (spec_image_guest_line(r->image, LINKS, &output, err) < 0)
                return -1;
        if (output->status != 0 || output->out_len == 0)
                return bk_fail(err, BK_INFRA, "the guest's /sys/class/net cannot be read: %.200s", output->err ? output->err : "");
        *ret = spec_view_of_output(output);
        return 0;
}

/* What /sys/class/net/NAME/FILE says; false when it says nothing. */
static bool attribute(struct spec_view all, const char *name, const char *file, struct spec_view *ret)
{
        autofree char *start = bk_format("%s/%s:", name, file);
        struct spec_view line;

        while (spec_view_line(&all, &line))
                if (spec_view_starts(line, start)) {
                        *ret = (struct spec_view){ line.s + strlen(start), line.n - strlen(start) };
                        return true;
                }
        return false;
}

/* --- as configured --------------------------------------------------------- */

static int configured(struct spec_resource *r, struct spec_net *net, struct spec_nic **ret, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        if (spec_net_read(&r->image->files, net, err) < 0)
                return -1;
        *ret = spec_net_find(net, r->name);
        if (*ret == NULL)
                return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "the image does not configure '%s'", r->name) : -1;
        return 0;
}

/* What is not in its configuration may still come about: by DHCP, or by the kernel's choice. */
static int open_question(struct spec_resource *r, const char *what, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "the image's configuration does not tell %s of '%s'", what, r->name) : -1;
}

static void note_from(struct spec_resource *r, const struct spec_nic *nic)
{
        spec_note(r, "'%s' configures it", nic->from);
        spec_configured(r);
}

enum link_kind { ANY, BOND, BRIDGE };

static int exists_as_configured(struct spec_resource *r, enum link_kind kind, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct spec_nic *nic = NULL;

        if (configured(r, &net, &nic, err) < 0)
                return -1;
        *ret = kind == ANY || (kind == BOND ? nic->bond : nic->bridge);
        note_from(r, nic);
        return 0;
}

/* --- what there is --------------------------------------------------------- */

static int exists(struct spec_resource *r, enum link_kind kind, bool *ret, struct bk_error *err)
{
        static const char *const files[] = { "mtu", "bonding/slaves", "brif" };
        struct spec_view all = { 0 }, value;

        if (!has_guest(r))
                return exists_as_configured(r, kind, ret, err);
        if (links(r, &all, err) < 0)
                return -1;
        *ret = attribute(all, r->name, files[r->image->options->compat ? ANY : kind], &value);
        if (!*ret)
                spec_note(r, !attribute(all, r->name, files[ANY], &value) ? "there is no such interface" : "it is not one");
        return 0;
}

static int interface_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        return exists(r, ANY, ret, err);
}

static int bond_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        return exists(r, BOND, ret, err);
}

static int bridge_exists(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        (void)args;
        return exists(r, BRIDGE, ret, err);
}

static int up_as_configured(struct spec_resource *r, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct spec_nic *nic = NULL;

        if (configured(r, &net, &nic, err) < 0)
                return -1;
        *ret = nic->up;
        note_from(r, nic);
        return 0;
}

/* lo, and others that know of no carrier, are "unknown" for ever: then what was asked of them counts. */
static int interface_up(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct spec_view all = { 0 }, state, flags;
        uint64_t bits = 0;

        (void)args;
        if (!has_guest(r))
                return up_as_configured(r, ret, err);
        if (links(r, &all, err) < 0)
                return -1;
        *ret = false;
        if (!attribute(all, r->name, "operstate", &state)) {
                spec_note(r, "there is no such interface");
                return 0;
        }
        if (attribute(all, r->name, "flags", &flags) && spec_view_starts(flags, "0x"))
                (void)spec_view_unsigned((struct spec_view){ flags.s + 2, flags.n - 2 }, 16, &bits);
        *ret = spec_view_is(state, "up") || (!r->image->options->compat && spec_view_is(state, "unknown") && (bits & UP) != 0);
        spec_note(r, "its state is %.*s", (int)(state.n < 100 ? state.n : 100), state.s);
        return 0;
}

static int number_of(struct spec_resource *r, const char *file, struct spec_value *ret, struct bk_error *err)
{
        struct spec_view all = { 0 }, value;
        uint64_t n;

        if (links(r, &all, err) < 0)
                return -1;
        if (attribute(all, r->name, file, &value) && spec_view_unsigned(value, 10, &n) && n <= INT32_MAX)
                spec_value_int(ret, (int64_t)n);        /* a speed of -1 is not known: nil */
        return 0;
}

static int interface_speed(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return number_of(r, "speed", ret, err);
}

static int interface_mtu(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct spec_nic *nic = NULL;

        if (has_guest(r))
                return number_of(r, "mtu", ret, err);
        if (configured(r, &net, &nic, err) < 0)
                return -1;
        if (nic->mtu == 0 || nic->mtu > INT32_MAX)
                return open_question(r, "the mtu", err);
        spec_value_int(ret, (int64_t)nic->mtu);
        spec_configured(r);
        return 0;
}

/* --- addresses ------------------------------------------------------------- */

/* "2: eth0    inet 10.0.2.15/24 brd ... scope global eth0": the addresses of a family, as texts with their prefix. A label "eth0:1"
 * is of an alias, which has its own name. */
static int addresses(struct spec_resource *r, int family, struct bk_strv *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, line, number, name, kind, address;

        if (spec_image_guest_line(r->image, ADDRESSES, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "`" ADDRESSES "` failed in the guest: %.200s", output->err ? output->err : "");
        rest = spec_view_of_output(output);
        while (spec_view_line(&rest, &line) && ret->n < 4096) {
                struct spec_view before;

                if (!spec_view_word(&line, &number) || !spec_view_word(&line, &name) || !spec_view_word(&line, &kind) ||
                    !spec_view_word(&line, &address) || !spec_view_is(kind, family == AF_INET ? "inet" : "inet6"))
                        continue;
                if (spec_view_until(&name, '@', &before))       /* "eth0@if3" */
                        name = before;
                if (spec_view_is(name, r->name))
                        bk_strv_take(ret, spec_view_dup(address));
        }
        return 0;
}

static int addresses_as_configured(struct spec_resource *r, int family, struct bk_strv *ret, bool *ret_dynamic, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct spec_nic *nic = NULL;

        if (configured(r, &net, &nic, err) < 0)
                return -1;
        for (size_t i = 0; i < nic->addresses.n; i++)
                if ((strchr(nic->addresses.v[i], ':') != NULL) == (family == AF_INET6))
                        bk_strv_add(ret, nic->addresses.v[i]);
        *ret_dynamic = nic->dynamic;
        return 0;
}

static int has_address(struct spec_resource *r, const struct spec_args *args, int family, bool *ret, struct bk_error *err)
{
        autostrv struct bk_strv found = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf seen = { 0 };
        struct spec_address wanted, address;
        const char *text = spec_args_text(args, 0);
        bool dynamic = false;

        if (text == NULL || !spec_address_parse(spec_view_of(text), &wanted) || wanted.family != family)
                return bk_fail(err, BK_USAGE, "'%s' is no address of IPv%d", text ? text : "", family == AF_INET ? 4 : 6);
        if ((has_guest(r) ? addresses(r, family, &found, err) : addresses_as_configured(r, family, &found, &dynamic, err)) < 0)
                return -1;
        *ret = false;
        for (size_t i = 0; i < found.n; i++) {
                *ret |= spec_address_parse(spec_view_of(found.v[i]), &address) && spec_address_fits(&wanted, &address);
                if (seen.len < 500)
                        bk_buf_printf(&seen, "%s%s", i > 0 ? ", " : "", found.v[i]);
        }
        if (!*ret && dynamic)
                return open_question(r, "all addresses", err);
        if (!has_guest(r))
                spec_configured(r);
        spec_note(r, "it has %s", found.n > 0 ? seen.data : "none");
        return 0;
}

static int interface_has_ipv4(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_address(r, args, AF_INET, ret, err);
}

static int interface_has_ipv6(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_address(r, args, AF_INET6, ret, err);
}

/* A line each, as serverspec has it. */
static int address_text(struct spec_resource *r, int family, struct spec_value *ret, struct bk_error *err)
{
        autostrv struct bk_strv found = { 0 };
        autofree char *text = NULL;
        struct bk_buf lines = { 0 };
        bool dynamic = false;

        if ((has_guest(r) ? addresses(r, family, &found, err) : addresses_as_configured(r, family, &found, &dynamic, err)) < 0)
                return -1;
        if (dynamic && found.n == 0)
                return open_question(r, "the address", err);
        if (!has_guest(r))
                spec_configured(r);
        for (size_t i = 0; i < found.n; i++)
                bk_buf_printf(&lines, "%s%s", i > 0 ? "\n" : "", found.v[i]);
        text = bk_buf_finish(&lines);
        spec_value_text(ret, text);
        return 0;
}

static int interface_ipv4(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return address_text(r, AF_INET, ret, err);
}

static int interface_ipv6(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return address_text(r, AF_INET6, ret, err);
}

/* --- members --------------------------------------------------------------- */

static int member_as_configured(struct spec_resource *r, enum link_kind kind, const char *wanted, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct spec_nic *nic = NULL;

        if (configured(r, &net, &nic, err) < 0)
                return -1;
        *ret = (kind == BOND ? nic->bond : nic->bridge) && bk_strv_has(&nic->members, wanted);
        note_from(r, nic);
        return 0;
}

static int has_member(struct spec_resource *r, const struct spec_args *args, enum link_kind kind, bool *ret, struct bk_error *err)
{
        const char *wanted = spec_args_text(args, 0);
        struct spec_view all = { 0 }, slaves, word;
        autofree char *port = NULL;

        if (wanted == NULL || *wanted == '\0')
                return bk_fail(err, BK_USAGE, "the name of an interface is expected");
        if (!has_guest(r))
                return member_as_configured(r, kind, wanted, ret, err);
        if (links(r, &all, err) < 0)
                return -1;
        *ret = false;
        if (kind == BRIDGE) {
                port = bk_format("brif/%s", wanted);
                *ret = attribute(all, r->name, port, &word);
        } else if (attribute(all, r->name, "bonding/slaves", &slaves)) {
                while (!*ret && spec_view_word(&slaves, &word))
                        *ret = spec_view_is(word, wanted);
        }
        if (!*ret)
                spec_note(r, attribute(all, r->name, kind == BRIDGE ? "brif" : "bonding/slaves", &word) ? "it is none of its interfaces" :
                          attribute(all, r->name, "mtu", &word) ? "it is not one" : "there is no such interface");
        return 0;
}

static int bond_has(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_member(r, args, BOND, ret, err);
}

static int bridge_has(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_member(r, args, BRIDGE, ret, err);
}

const struct spec_property spec_interface_properties[] = {
        { "speed", interface_speed }, { "mtu", interface_mtu }, { "ipv4_address", interface_ipv4 }, { "ipv6_address", interface_ipv6 },
        { NULL },
};

const struct spec_predicate spec_interface_predicates[] = {
        { "exist?", NULL, interface_exists }, { "up?", NULL, interface_up }, { "has_ipv4_address?", NULL, interface_has_ipv4 },
        { "has_ipv6_address?", NULL, interface_has_ipv6 }, { NULL },
};

const struct spec_predicate spec_bond_predicates[] = { { "exist?", NULL, bond_exists }, { "has_interface?", NULL, bond_has }, { NULL } };

const struct spec_predicate spec_bridge_predicates[] = {
        { "exist?", NULL, bridge_exists }, { "has_interface?", NULL, bridge_has }, { NULL },
};
