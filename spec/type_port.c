/* Type `port`: who listens, from the kernel's own tables, so that no netstat or ss is needed. */
#include "spec/live.h"

#include <string.h>
#include <sys/socket.h>

/* State 0A is a listening TCP socket, 07 an unconnected UDP one: only these lines come, however many connections there are.
 * A table that is not there (no IPv6) is not missed, but /proc is. */
#define TABLES \
        "command -v grep >/dev/null || exit 127; grep -s ' 0[7A] ' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; [ -r /proc/net/tcp ]"

static const char *const protocols[] = { "tcp", "tcp6", "udp", "udp6" };
enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

struct listener { const char *protocol; struct spec_address address; uint64_t port; };

void spec_port_want(const struct spec_resource *r)
{
        spec_want_guest_line(r, TABLES);
}

/* "0100007F": the kernel prints each 32 bits as a number of its own byte order, which is taken for little endian. */
static bool parse_bytes(struct spec_view hex, struct spec_address *ret)
{
        *ret = (struct spec_address){ .family = hex.n == 32 ? AF_INET6 : AF_INET, .prefix = -1 };
        if (hex.n != 8 && hex.n != 32)
                return false;
        for (size_t i = 0; i < hex.n / 8; i++) {
                uint64_t word;

                if (!spec_view_unsigned((struct spec_view){ hex.s + i * 8, 8 }, 16, &word))
                        return false;
                for (size_t b = 0; b < 4; b++)
                        ret->bytes[i * 4 + b] = (unsigned char)(word >> (8 * b));
        }
        return true;
}

/* "/proc/net/tcp:   0: 0100007F:170C 00000000:0000 0A ..." */
static bool parse_line(struct spec_view line, struct listener *ret)
{
        struct spec_view path, slot, local, remote, state, hex;

        *ret = (struct listener){ 0 };
        if (!spec_view_until(&line, ':', &path) || !spec_view_word(&line, &slot) || !spec_view_word(&line, &local) ||
            !spec_view_word(&line, &remote) || !spec_view_word(&line, &state))
                return false;
        for (int i = 0; i < PROTOCOLS; i++)
                if (spec_view_starts(path, "/proc/net/") && spec_view_is((struct spec_view){ path.s + 10, path.n - 10 }, protocols[i]))
                        ret->protocol = protocols[i];
        if (ret->protocol == NULL || !spec_view_is(state, ret->protocol[0] == 't' ? "0A" : "07"))
                return false;
        return spec_view_until(&local, ':', &hex) && parse_bytes(hex, &ret->address) && spec_view_unsigned(local, 16, &ret->port);
}

static bool any_address(const struct spec_address *address)
{
        static const unsigned char zero[16];

        return memcmp(address->bytes, zero, sizeof zero) == 0;
}

static bool known_protocol(const char *name)
{
        for (int i = 0; i < PROTOCOLS; i++)
                if (bk_streq(protocols[i], name))
                        return true;
        return false;
}

/* Of a socket of ::, does it leave IPv4 alone? The kernel's tables do not say; ss does, and where it is missing, what sockets do
 * that were not told otherwise. */
static bool only_v6(struct spec_resource *r, const struct listener *l)
{
        static const char DETAILS[] = "ss -H -t -u -l -n -e";
        const struct spec_output *output = NULL;
        const struct spec_files *guest = NULL;
        autofree char *text = NULL;
        struct bk_error err = { 0 };
        struct spec_view rest, line;

        if (spec_image_guest_line(r->image, DETAILS, &output, &err) == 0 && output->status == 0) {
                rest = spec_view_of_output(output);
                while (spec_view_line(&rest, &line)) {
                        autofree char *one = spec_view_dup(line), *any = bk_format(" *:%u ", (unsigned)l->port);

                        if (strncmp(one, l->protocol, 3) == 0 && strstr(one, any) != NULL)
                                return false;
                }
                return true;
        }
        if (spec_image_guest(r->image, &guest, &err) < 0 || spec_text_of(guest, "/proc/sys/net/ipv6/bindv6only", &text, &err) <= 0)
                return false;
        return text[0] == '1';
}

struct wish { uint64_t port; const char *protocol; bool on; struct spec_address address; };

/* A socket is what it is bound to: one of 0.0.0.0 is not "on 127.0.0.1", as serverspec has it. But one of :: takes IPv4 too. */
static bool fits(struct spec_resource *r, const struct wish *wish, const struct listener *l)
{
        const bool v6 = l->address.family == AF_INET6;
        bool as_v4;

        if (l->port != wish->port || (wish->protocol != NULL && strncmp(wish->protocol, l->protocol, 3) != 0))
                return false;
        if ((wish->protocol == NULL || bk_streq(wish->protocol, l->protocol)) && (!wish->on || spec_address_fits(&wish->address, &l->address)))
                return true;
        as_v4 = (wish->protocol == NULL || wish->protocol[3] == '\0') &&
                (!wish->on || (wish->address.family == AF_INET && any_address(&wish->address)));
        return as_v4 && v6 && any_address(&l->address) && !r->image->options->compat && !only_v6(r, l);
}

static void note_listener(struct bk_buf *seen, const struct listener *l)
{
        autofree char *address = spec_address_text(&l->address);

        if (seen->len < 500)
                bk_buf_printf(seen, "%s%s on %s", seen->len > 0 ? ", " : "", l->protocol, address);
}

static int search(struct spec_resource *r, const struct wish *wish, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf seen = { 0 };
        const struct spec_output *output = NULL;
        struct spec_view rest, line;
        struct listener l;

        if (spec_image_guest_line(r->image, TABLES, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "the guest's /proc/net cannot be read");
        *ret = false;
        rest = spec_view_of_output(output);
        while (spec_view_line(&rest, &line)) {
                if (!parse_line(line, &l) || l.port != wish->port)
                        continue;
                note_listener(&seen, &l);
                *ret = *ret || fits(r, wish, &l);
        }
        if (seen.len > 0)
                spec_note(r, "it listens with %s", seen.data);
        else
                spec_note(r, "nothing listens there");
        return 0;
}

static int port_listening(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *protocol = spec_args_named(args, "with"), *on = spec_args_named(args, "on");
        autofree char *lower = bk_strdup(protocol);
        struct wish wish = { .on = on != NULL };

        for (char *c = lower; c != NULL && *c != '\0'; c++)
                *c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
        wish.protocol = lower;
        if (lower != NULL && !known_protocol(lower))
                return bk_fail(err, BK_USAGE, "be_listening does not know the protocol '%s': tcp, tcp6, udp and udp6 are known", protocol);
        if (on != NULL && (!spec_address_parse(spec_view_of(on), &wish.address) || wish.address.prefix >= 0))
                return bk_fail(err, BK_USAGE, "'%s' is no IP address", on);
        if (!spec_view_unsigned(spec_view_of(r->name), 10, &wish.port) || wish.port < 1 || wish.port > 65535)
                return bk_fail(err, BK_USAGE, "'%s' is no port: 1 to 65535", r->name);
        return search(r, &wish, ret, err);
}

const struct spec_predicate spec_port_predicates[] = { { "listening?", "with on", port_listening }, { NULL } };
