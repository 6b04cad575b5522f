/* Type `host`: /etc/hosts is read, everything else is asked in the guest, as it is that one's view that counts.
 *
 * No line is wanted beforehand: where there is no DNS each waits for its own time-out, and one batch would wait for all of them. */
#include "spec/live.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { NOT_FOUND = 2, SECONDS_MOST = 50 };      /* getent(1); a command may take 60 s by default */

/* The first address of /etc/hosts that has the name, of a family (0: of either). 1, 0 or -1. */
static int in_hosts(struct spec_resource *r, int family, char **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view rest, line, first, word;
        struct spec_address address;

        if (spec_text_of(&r->image->files, "/etc/hosts", &text, err) < 0)
                return -1;
        rest = spec_view_of(text);
        while (spec_view_line(&rest, &line)) {
                struct spec_view before;

                if (spec_view_until(&line, '#', &before))
                        line = before;
                if (!spec_view_word(&line, &first) || !spec_address_parse(first, &address) || (family != 0 && address.family != family))
                        continue;
                while (spec_view_word(&line, &word)) {
                        if (word.n != strlen(r->name) || strncasecmp(word.s, r->name, word.n) != 0)
                                continue;
                        *ret = spec_view_dup(first);
                        return 1;
                }
        }
        return 0;
}

/* Runs a line in the guest; without one, err tells. */
static int ask(struct spec_resource *r, const char *format, const struct spec_output **ret, struct bk_error *err)
{
        autofree char *name = spec_quote(r->name);
        struct bk_buf built = { 0 };
        autofree char *line = NULL;

        for (; *format != '\0'; format++)
                if (*format == '@')
                        bk_buf_puts(&built, name);
                else
                        bk_buf_putc(&built, *format);
        line = bk_buf_finish(&built);
        return spec_image_guest_line(r->image, line, ret, err);
}

static int failed(const struct spec_output *output, const char *what, struct bk_error *err)
{
        const struct spec_view out = spec_view_trim(spec_view_of(output->err && *output->err ? output->err : output->out));

        return bk_fail(err, BK_INFRA, "%s in the guest ended with %d: %.*s", what, output->status, (int)(out.n < 200 ? out.n : 200), out.s);
}

static bool usable_name(const struct spec_resource *r)
{
        return r->name[0] != '\0' && r->name[0] != '-';
}

static bool has_guest(struct spec_resource *r)
{
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };

        return spec_image_guest(r->image, &guest, &none) == 0;
}

static int resolvable_by_hosts(struct spec_resource *r, bool *ret, struct bk_error *err)
{
        autofree char *address = NULL;
        const int there = in_hosts(r, 0, &address, err);

        *ret = there > 0;
        if (there > 0)
                spec_note(r, "/etc/hosts gives it %s", address);
        else
                spec_note(r, "/etc/hosts does not name it");
        return there < 0 ? -1 : 0;
}

static int host_resolvable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *by = spec_args_named(args, "by") ? spec_args_named(args, "by") : spec_args_text(args, 0);
        const struct spec_output *output = NULL;

        if (!usable_name(r))
                return bk_fail(err, BK_USAGE, "'%s' is no name of a host", r->name);
        if (by != NULL && !bk_streq(by, "dns") && !bk_streq(by, "hosts"))
                return bk_fail(err, BK_USAGE, "be_resolvable knows .by('dns') and .by('hosts'), not '%s'", by);
        if (bk_streq(by, "hosts"))
                return resolvable_by_hosts(r, ret, err);
        if (by == NULL && !has_guest(r)) {
                if (resolvable_by_hosts(r, ret, err) < 0)
                        return -1;
                spec_configured(r);
                if (*ret)
                        return 0;
        }
        /* glibc's getent takes a service; musl's does not, and ends with another status than "not found" */
        if (ask(r, by == NULL ? "getent hosts @" : "getent -s dns hosts @; s=$?; case $s in 0|2) exit $s;; esac; nslookup @", &output, err) < 0)
                return -1;
        *ret = output->status == 0;
        if (output->status != 0 && output->status != NOT_FOUND && (by == NULL || output->status != 1))
                return failed(output, "the search for the name", err);
        if (!*ret)
                spec_note(r, "the name is not found");
        return 0;
}

/* --- reachable ------------------------------------------------------------- */

/* A number of a hash such as with(port: 22), which comes flat. */
static int number(const struct spec_args *args, const char *name, uint64_t most, uint64_t *ret, struct bk_error *err)
{
        autofree char *inner = bk_format("with.%s", name);
        const char *text = spec_args_named(args, inner);

        if (text != NULL && (!spec_view_unsigned(spec_view_of(text), 10, ret) || *ret < 1 || *ret > most))
                return bk_fail(err, BK_USAGE, "'%s' is no %s: 1 to %llu", text, name, (unsigned long long)most);
        return 0;
}

/* nc where it is; bash can connect too, but not with UDP. */
static char *connect_line(uint64_t port, bool udp, uint64_t seconds)
{
        const unsigned long long p = (unsigned long long)port, s = (unsigned long long)seconds;

        if (port == 0)
                return bk_format("ping -w %llu -c 2 -n @", s);
        if (udp)
                return bk_format("nc -w %llu -vzu @ %llu", s, p);
        return bk_format("if command -v nc >/dev/null; then nc -w %llu -vz @ %llu; "
                         "elif command -v bash >/dev/null && command -v timeout >/dev/null; "
                         "then timeout %llu bash -c ': <\"/dev/tcp/$1/%llu\"' - @; "
                         "else echo 'neither nc nor bash is there' >&2; exit 127; fi", s, p, s, p);
}

static int host_reachable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *proto = spec_args_named(args, "with.proto");
        const struct spec_output *output = NULL;
        uint64_t port = 0, seconds = 5;
        autofree char *line = NULL;

        if (!usable_name(r))
                return bk_fail(err, BK_USAGE, "'%s' is no name of a host", r->name);
        if (proto != NULL && !bk_streq(proto, "tcp") && !bk_streq(proto, "udp"))
                return bk_fail(err, BK_USAGE, "be_reachable knows the protocols tcp and udp, not '%s'", proto);
        if (number(args, "port", 65535, &port, err) < 0 || number(args, "timeout", SECONDS_MOST, &seconds, err) < 0)
                return -1;
        line = connect_line(port, bk_streq(proto, "udp"), seconds);
        if (ask(r, line, &output, err) < 0)
                return -1;
        *ret = output->status == 0;
        /* ping has 1 for no answer and 2 for everything else, an unknown name among it; a shell 126 for what cannot be run */
        if (output->status == 126 || (output->err != NULL && strstr(output->err, "ermission denied") != NULL) ||
            (output->err != NULL && strstr(output->err, "not permitted") != NULL))
                return failed(output, "the attempt", err);
        if (!*ret)
                spec_note(r, "it does not answer");
        return 0;
}

/* --- addresses ------------------------------------------------------------- */

static int address(struct spec_resource *r, int family, const char *format, struct spec_value *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, line, word;
        autofree char *text = NULL;
        int there;

        if (!usable_name(r))
                return bk_fail(err, BK_USAGE, "'%s' is no name of a host", r->name);
        if (!has_guest(r)) {
                there = in_hosts(r, family, &text, err);
                if (there > 0) {
                        spec_value_text(ret, text);
                        spec_configured(r);
                }
                if (there != 0)
                        return there < 0 ? -1 : 0;
        }
        if (ask(r, format, &output, err) < 0)
                return -1;
        if (output->status != 0 && output->status != NOT_FOUND)
                return failed(output, "the search for the name", err);
        rest = spec_view_of_output(output);
        while (spec_view_line(&rest, &line)) {
                /* an IPv4 address in the dress of IPv6 is none of IPv6 */
                if (!spec_view_word(&line, &word) || (family == AF_INET6 && spec_view_starts(word, "::ffff:")))
                        continue;
                text = spec_view_dup(word);
                spec_value_text(ret, text);
                return 0;
        }
        return 0;
}

static int host_address(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return address(r, 0, "getent hosts @", ret, err);
}

static int host_ipv4(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return address(r, AF_INET, "getent ahostsv4 @", ret, err);
}

static int host_ipv6(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return address(r, AF_INET6, "getent ahostsv6 @", ret, err);
}

const struct spec_property spec_host_properties[] = {
        { "ipaddress", host_address }, { "ipv4_address", host_ipv4 }, { "ipv6_address", host_ipv6 }, { NULL },
};

const struct spec_predicate spec_host_predicates[] = {
        { "resolvable?", "by", host_resolvable }, { "reachable?", "with", host_reachable }, { NULL },
};
