/* Types `default_gateway` and `routing_table`: the kernel's main table, or else what the image configures. */
#include "spec/netconf.h"

#include <string.h>
#include <sys/socket.h>

#define TABLE \
        "command -v grep >/dev/null || exit 127; grep -s '' /proc/net/route /proc/net/ipv6_route; [ -r /proc/net/route ]"
enum { ROUTE_UP = 1, ROUTE_REJECT = 0x200, ROUTE_GATEWAY = 2, ROUTE_CACHE = 0x01000000, ROUTE_LOCAL = 0x80000000u };

struct route {
        struct spec_address to, via;    /* `to` with its prefix; via.family 0: none */
        char interface[32];
        uint64_t metric;
};

void spec_route_want(const struct spec_resource *r)
{
        spec_want_guest_line(r, TABLE);
}

/* As in /proc/net/tcp: a number of the guest's byte order, taken for little endian. */
static bool parse_v4(struct spec_view hex, struct spec_address *ret)
{
        uint64_t word;

        *ret = (struct spec_address){ .family = AF_INET, .prefix = -1 };
        if (hex.n != 8 || !spec_view_unsigned(hex, 16, &word))
                return false;
        for (int b = 0; b < 4; b++)
                ret->bytes[b] = (unsigned char)(word >> (8 * b));
        return true;
}

static bool parse_v6(struct spec_view hex, struct spec_address *ret)
{
        uint64_t byte;

        *ret = (struct spec_address){ .family = AF_INET6, .prefix = -1 };
        for (size_t i = 0; hex.n == 32 && i < 16; i++) {
                if (!spec_view_unsigned((struct spec_view){ hex.s + i * 2, 2 }, 16, &byte))
                        return false;
                ret->bytes[i] = (unsigned char)byte;
        }
        return hex.n == 32;
}

static void name_interface(struct route *route, struct spec_view name)
{
        const size_t n = name.n < sizeof route->interface ? name.n : sizeof route->interface - 1;

        memcpy(route->interface, name.s, n);
        route->interface[n] = '\0';
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT */
static bool route_v4(const struct spec_view w[11], struct route *ret)
{
        struct spec_address mask;
        uint64_t flags;

        if (!parse_v4(w[1], &ret->to) || !parse_v4(w[2], &ret->via) || !spec_view_unsigned(w[3], 16, &flags) ||
            !spec_view_unsigned(w[6], 10, &ret->metric) || !parse_v4(w[7], &mask) || !(flags & ROUTE_UP) || (flags & ROUTE_REJECT))
                return false;
        ret->to.prefix = 0;
        for (int i = 0; i < 4; i++)
                ret->to.prefix += __builtin_popcount(mask.bytes[i]);
        if (!(flags & ROUTE_GATEWAY))
                ret->via = (struct spec_address){ 0 };
        name_interface(ret, w[0]);
        return true;
}

/* destination, prefix, source, prefix, next hop, metric, references, use, flags, interface; all hexadecimal */
static bool route_v6(const struct spec_view w[11], struct route *ret)
{
        uint64_t prefix, flags;

        if (!parse_v6(w[0], &ret->to) || !spec_view_unsigned(w[1], 16, &prefix) || prefix > 128 || !parse_v6(w[4], &ret->via) ||
            !spec_view_unsigned(w[5], 16, &ret->metric) || !spec_view_unsigned(w[8], 16, &flags) || !(flags & ROUTE_UP) ||
            (flags & (ROUTE_REJECT | ROUTE_CACHE | ROUTE_LOCAL)))
                return false;
        ret->to.prefix = (int)prefix;
        if (!(flags & ROUTE_GATEWAY))
                ret->via = (struct spec_address){ 0 };
        name_interface(ret, w[9]);
        return true;
}

/* "/proc/net/route:eth0 00000000 ..." */
static bool parse_route(struct spec_view line, struct route *ret)
{
        struct spec_view path, w[11];
        size_t n = 0;

        *ret = (struct route){ 0 };
        if (!spec_view_until(&line, ':', &path))
                return false;
        while (n < 11 && spec_view_word(&line, &w[n]))
                n++;
        return spec_view_is(path, "/proc/net/route") ? n == 11 && route_v4(w, ret)
                                                     : spec_view_is(path, "/proc/net/ipv6_route") && n == 10 && route_v6(w, ret);
}

static int table(struct spec_resource *r, struct spec_view *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;

        if (spec_image_guest_line(r->image, TABLE, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "the guest's /proc/net/route cannot be read");
        *ret = spec_view_of_output(output);
        return 0;
}

static bool has_guest(struct spec_resource *r)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        return spec_image_guest(r->image, &guest, &none) == 0;
}

static int ask_for_guest(struct spec_resource *r, const char *why, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "%s", why) : -1;
}

/* --- the gateway ----------------------------------------------------------- */

static bool default_route(struct spec_view rest, struct route *ret)
{
        struct spec_view line;
        struct route route;
        bool found = false;

        while (spec_view_line(&rest, &line)) {
                if (!parse_route(line, &route) || route.to.family != AF_INET || route.to.prefix != 0 || (found && route.metric >= ret->metric))
                        continue;
                *ret = route;
                found = true;
        }
        return found;
}

static int gateway_as_configured(struct spec_resource *r, bool interface, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };

        if (spec_net_read(&r->image->files, &net, err) < 0)
                return -1;
        for (size_t i = 0; i < net.n; i++) {
                if (net.v[i].gateway == NULL)
                        continue;
                spec_value_text(ret, interface ? net.v[i].name : net.v[i].gateway);
                spec_configured(r);
                return 0;
        }
        return ask_for_guest(r, "the image configures no gateway", err);
}

static int gateway(struct spec_resource *r, bool interface, struct spec_value *ret, struct bk_error *err)
{
        struct spec_view all = { 0 };
        struct route route;
        autofree char *text = NULL;

        if (!has_guest(r))
                return gateway_as_configured(r, interface, ret, err);
        if (table(r, &all, err) < 0)
                return -1;
        if (!default_route(all, &route) || (!interface && route.via.family == 0))
                return 0;
        text = interface ? bk_strdup(route.interface) : spec_address_text(&route.via);
        spec_value_text(ret, text);
        return 0;
}

static int gateway_address(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return gateway(r, false, ret, err);
}

static int gateway_interface(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return gateway(r, true, ret, err);
}

const struct spec_property spec_default_gateway_properties[] = {
        { "ipaddress", gateway_address }, { "interface", gateway_interface }, { NULL },
};

/* --- entries --------------------------------------------------------------- */

struct entry { struct spec_address to, via; bool with_via; const char *interface; };

static int parse_entry(const struct spec_args *args, struct entry *ret, struct bk_error *err)
{
        const char *to = spec_args_named(args, "destination"), *via = spec_args_named(args, "gateway");

        *ret = (struct entry){ .with_via = via != NULL, .interface = spec_args_named(args, "interface") };
        if (to == NULL)
                return bk_fail(err, BK_USAGE, "have_entry needs a :destination, such as '10.0.0.0/8' or 'default'");
        for (size_t i = 0; i < args->n_named; i++)
                if (!bk_streq(args->named[i].name, "destination") && !bk_streq(args->named[i].name, "gateway") &&
                    !bk_streq(args->named[i].name, "interface"))
                        return bk_fail(err, BK_USAGE, "a route has no '%s': destination, gateway and interface are known", args->named[i].name);
        if (via != NULL && (!spec_address_parse(spec_view_of(via), &ret->via) || ret->via.prefix >= 0))
                return bk_fail(err, BK_USAGE, "'%s' is no address of a gateway", via);
        if (bk_streq(to, "default"))
                to = ret->with_via && ret->via.family == AF_INET6 ? "::/0" : "0.0.0.0/0";
        if (!spec_address_parse(spec_view_of(to), &ret->to))
                return bk_fail(err, BK_USAGE, "'%s' is no destination of a route", to);
        if (ret->to.prefix < 0)
                ret->to.prefix = ret->to.family == AF_INET ? 32 : 128;
        return 0;
}

static bool route_is(const struct entry *wanted, const struct route *found)
{
        return spec_address_fits(&wanted->to, &found->to) &&
               (!wanted->with_via || (found->via.family != 0 && spec_address_fits(&wanted->via, &found->via))) &&
               (wanted->interface == NULL || bk_streq(wanted->interface, found->interface));
}

static void note_route(struct spec_resource *r, const struct route *route)
{
        autofree char *via = route->via.family ? spec_address_text(&route->via) : NULL;

        spec_note(r, "that destination is reached by %s%s%s", route->interface, via ? " via " : "", via ? via : "");
}

/* "10.0.0.0/8 192.0.2.1" of an interface */
static bool configured_route(const struct spec_nic *nic, const char *text, struct route *ret)
{
        struct spec_view rest = spec_view_of(text), to, via;

        *ret = (struct route){ 0 };
        name_interface(ret, spec_view_of(nic->name));
        if (!spec_view_word(&rest, &to) ||
            !spec_address_parse(spec_view_is(to, "default") ? spec_view_of("0.0.0.0/0") : to, &ret->to))
                return false;
        return !spec_view_word(&rest, &via) || spec_address_parse(via, &ret->via);
}

static int entry_as_configured(struct spec_resource *r, const struct entry *wanted, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_net_done) struct spec_net net = { 0 };
        struct route route;

        if (spec_net_read(&r->image->files, &net, err) < 0)
                return -1;
        for (size_t i = 0; i < net.n; i++) {
                autofree char *line = net.v[i].gateway ? bk_format("default %s", net.v[i].gateway) : NULL;

                *ret = line != NULL && configured_route(&net.v[i], line, &route) && route_is(wanted, &route);
                for (size_t k = 0; !*ret && k < net.v[i].routes.n; k++)
                        *ret = configured_route(&net.v[i], net.v[i].routes.v[k], &route) && route_is(wanted, &route);
                if (!*ret)
                        continue;
                spec_note(r, "'%s' configures it", net.v[i].from);
                spec_configured(r);
                return 0;
        }
        return ask_for_guest(r, "the image configures no such route", err);
}

static int table_has_entry(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct spec_view rest, line;
        struct route route;
        struct entry wanted;

        if (parse_entry(args, &wanted, err) < 0)
                return -1;
        if (!has_guest(r))
                return entry_as_configured(r, &wanted, ret, err);
        if (table(r, &rest, err) < 0)
                return -1;
        *ret = false;
        spec_note(r, "there is no route with that destination");
        while (!*ret && spec_view_line(&rest, &line)) {
                if (!parse_route(line, &route) || !spec_address_fits(&wanted.to, &route.to))
                        continue;
                note_route(r, &route);
                *ret = route_is(&wanted, &route);
        }
        return 0;
}

const struct spec_predicate spec_routing_table_predicates[] = { { "has_entry?", NULL, table_has_entry }, { NULL } };
