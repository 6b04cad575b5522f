/* Users, groups, services and ports of a golden image. */
#include "spec/add_priv.h"

#include <string.h>

enum { TEXT_MOST = 16 << 20, DYNAMIC_PORTS = 32768 /* and above: given to whoever asks, ip_local_port_range */ };

/* --- users and groups -------------------------------------------------------------------------- */

/* Those of every system, whatever its family; Debian's own are read from base-passwd's masters. */
static const char *const base_users[] = { "root", "bin", "daemon", "adm", "lp", "sync", "shutdown", "halt", "mail", "operator", "games", "ftp",
                                          "nobody", NULL };
static const char *const base_groups[] = { "root", "bin", "daemon", "sys", "adm", "tty", "disk", "lp", "mem", "kmem", "wheel", "cdrom", "mail",
                                           "man", "dialout", "floppy", "games", "tape", "video", "ftp", "lock", "audio", "users", "nobody", "nogroup",
                                           NULL };

/* The names that lines of "name:..." begin with, sorted. */
static int names_of(const struct spec_image *image, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length;
        const int there = spec_files_read(&image->files, path, TEXT_MOST, &text, &length, err);

        if (there <= 0)
                return there;
        for (const char *line = text; *line != '\0';) {
                const size_t all = strcspn(line, "\n"), name = strcspn(line, ":\n");

                if (name > 0 && name < all && *line != '#' && *line != '+' && *line != '-')
                        bk_strv_take(ret, bk_strndup(line, name));
                line += all + (line[all] == '\n');
        }
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof *ret->v, spec_add_order);
        return 0;
}

/* In a sorted list. */
static bool listed(const struct bk_strv *names, const char *name)
{
        return names->n > 0 && bsearch(&name, names->v, names->n, sizeof *names->v, spec_add_order) != NULL;
}

static bool among(const char *name, const char *const *names)
{
        for (; *names != NULL; names++)
                if (bk_streq(*names, name))
                        return true;
        return false;
}

/* A check of one field, when it can be told. */
static int add_field(struct spec_adder *a, enum spec_database database, const char *name, unsigned field, const char *matcher, bool number,
                     struct bk_error *err)
{
        autofree char *value = NULL;

        if (spec_account_field(&a->image, database, 0, name, field, &value, err) < 0)
                return -1;
        if (value == NULL || *value == '\0')
                return 0;
        bk_buf_printf(&a->out, "  it { should %s ", matcher);
        if (number && strspn(value, "0123456789") == strlen(value) && strlen(value) < 11 && (*value != '0' || value[1] == '\0'))
                bk_buf_puts(&a->out, value);
        else
                spec_add_quoted(&a->out, value);
        bk_buf_puts(&a->out, " }\n");
        return 0;
}

static int add_user(struct spec_adder *a, const char *name, struct bk_error *err)
{
        autostrv struct bk_strv groups = { 0 };

        bk_buf_puts(&a->out, "\ndescribe user(");
        spec_add_quoted(&a->out, name);
        bk_buf_puts(&a->out, ") do\n  it { should exist }\n");
        if (add_field(a, SPEC_PASSWD, name, 2, "have_uid", true, err) < 0 || spec_account_groups(&a->image, name, &groups, err) < 0)
                return -1;
        for (size_t i = 0; i < groups.n; i++) {
                bk_buf_printf(&a->out, "  it { should belong_to_%sgroup ", i == 0 ? "primary_" : "");
                spec_add_quoted(&a->out, groups.v[i]);
                bk_buf_puts(&a->out, " }\n");
        }
        if (add_field(a, SPEC_PASSWD, name, 5, "have_home_directory", false, err) < 0 ||
            add_field(a, SPEC_PASSWD, name, 6, "have_login_shell", false, err) < 0)
                return -1;
        bk_buf_puts(&a->out, "end\n");
        return 0;
}

static int add_group(struct spec_adder *a, const char *name, struct bk_error *err)
{
        bk_buf_puts(&a->out, "\ndescribe group(");
        spec_add_quoted(&a->out, name);
        bk_buf_puts(&a->out, ") do\n  it { should exist }\n");
        if (add_field(a, SPEC_GROUP, name, 2, "have_gid", true, err) < 0)
                return -1;
        bk_buf_puts(&a->out, "end\n");
        return 0;
}

static int add_database(struct spec_adder *a, const char *path, const char *master, const char *const *base,
                        int (*add)(struct spec_adder *a, const char *name, struct bk_error *err), struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 }, known = { 0 };

        if (names_of(&a->image, path, &names, err) < 0 || names_of(&a->image, master, &known, err) < 0)
                return -1;
        for (size_t i = 0; i < names.n; i++) {
                if ((i > 0 && bk_streq(names.v[i], names.v[i - 1])) || listed(&known, names.v[i]) || among(names.v[i], base))
                        continue;
                if (add(a, names.v[i], err) < 0)
                        return bk_wrap(err, "'%s' of '%s'", names.v[i], path);
        }
        return 0;
}

int spec_add_accounts(struct spec_adder *a, struct bk_error *err)
{
        if (add_database(a, "/etc/passwd", "/usr/share/base-passwd/passwd.master", base_users, add_user, err) < 0)
                return -1;
        return add_database(a, "/etc/group", "/usr/share/base-passwd/group.master", base_groups, add_group, err);
}

/* --- services ------------------------------------------------------------------------------------ */

static int list(const struct spec_adder *a, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        return spec_files_list(&a->image.files, path, ret, err) < 0 ? -1 : 0;
}

static bool ends(const char *name, const char *end)
{
        const size_t n = strlen(name), m = strlen(end);

        return n > m && bk_streq(name + n - m, end);
}

/* Whatever a link says should start: units of systemd that were enabled, and runlevels of OpenRC. */
static int candidates(const struct spec_adder *a, struct bk_strv *ret, struct bk_error *err)
{
        static const char units[] = "/etc/systemd/system";
        static const char *const levels[] = { "/etc/runlevels/default", "/etc/runlevels/boot", "/etc/runlevels/sysinit" };
        autostrv struct bk_strv folders = { 0 };

        if (list(a, units, &folders, err) < 0)
                return -1;
        for (size_t i = 0; i < folders.n; i++) {
                autofree char *path = bk_format("%s/%s", units, folders.v[i]);
                autostrv struct bk_strv names = { 0 };

                if (!ends(folders.v[i], ".wants") && !ends(folders.v[i], ".requires"))
                        continue;
                if (list(a, path, &names, err) < 0)
                        return -1;
                for (size_t k = 0; k < names.n; k++)
                        bk_strv_take(ret, ends(names.v[k], ".service") ? bk_strndup(names.v[k], strlen(names.v[k]) - strlen(".service"))
                                                                       : bk_strdup(names.v[k]));
        }
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
                if (list(a, levels[i], ret, err) < 0)
                        return -1;
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof *ret->v, spec_add_order);
        return 0;
}

/* As the check itself will answer: a link may lead nowhere, or be taken away by another. */
static bool is_enabled(struct spec_adder *a, const char *name)
{
        BK_CLEANUP(spec_resource_done) struct spec_resource r = { .image = &a->image, .name = bk_strdup(name) };
        const struct spec_args none = { 0 };
        struct bk_error err = { 0 };
        bool ret = false;

        for (r.type = spec_types; !bk_streq(r.type->name, "service"); r.type++)
                ;
        for (const struct spec_predicate *p = r.type->predicates; p->name != NULL; p++)
                if (bk_streq(p->name, "enabled?") && p->test(&r, &none, &ret, &err) < 0)
                        return false;
        return ret;
}

int spec_add_services(struct spec_adder *a, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };

        if (candidates(a, &names, err) < 0)
                return -1;
        for (size_t i = 0; i < names.n; i++) {
                if ((i > 0 && bk_streq(names.v[i], names.v[i - 1])) || !is_enabled(a, names.v[i]))
                        continue;
                bk_buf_puts(&a->out, "\ndescribe service(");
                spec_add_quoted(&a->out, names.v[i]);
                bk_buf_puts(&a->out, ") do\n  it { should be_enabled }\nend\n");
        }
        return 0;
}

/* --- ports --------------------------------------------------------------------------------------- */

/* Of /proc/net/tcp: "   0: 00000000:0016 00000000:0000 0A ...", addresses in hexadecimal; 0A is a listener, 07 a bound UDP socket.
 * What only the machine itself reaches is left out. Returns the port, or 0. */
static unsigned port_of(const char *line, bool udp)
{
        char address[33];
        unsigned port, state;

        if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*[0-9A-F]:%*x %2x", address, &port, &state) != 3 || state != (udp ? 7U : 10U))
                return 0;
        if ((strlen(address) == 8 && strncmp(address + 6, "7F", 2) == 0) || bk_streq(address, "00000000000000000000000001000000"))
                return 0;
        return udp && port >= DYNAMIC_PORTS ? 0 : port;
}

static int number_order(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

static void add_ports_of(struct spec_adder *a, const char *text, const char *protocol)
{
        autofree int *ports = NULL;
        size_t n = 0;

        for (const char *line = text; *line != '\0';) {
                const size_t length = strcspn(line, "\n");
                autofree char *one = bk_strndup(line, length);
                const unsigned port = port_of(one, protocol[0] == 'u');

                if (port > 0 && port <= 65535) {
                        ports = bk_grow(ports, n + 1, sizeof *ports);
                        ports[n++] = (int)port;
                }
                line += length + (line[length] == '\n');
        }
        if (n > 0)
                qsort(ports, n, sizeof *ports, number_order);
        for (size_t i = 0; i < n; i++)
                if (i == 0 || ports[i] != ports[i - 1])
                        bk_buf_printf(&a->out, "\ndescribe port(%d) do\n  it { should be_listening.with('%s') }\nend\n", ports[i], protocol);
}

int spec_add_ports(struct spec_adder *a, struct bk_error *err)
{
        static const char *const protocols[] = { "tcp", "tcp6", "udp", "udp6" };
        const struct spec_place *guest = &a->image.target->guest;

        for (size_t i = 0; guest->run != NULL && i < sizeof protocols / sizeof *protocols; i++) {
                autofree char *line = bk_format("cat /proc/net/%s", protocols[i]);
                BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };

                if (guest->run(guest->arg, line, NULL, 0, a->image.options->command_timeout_ms, &output, err) < 0)
                        return bk_wrap(err, "ports of the guest");
                if (output.status == 0 && output.out != NULL)   /* a kernel without IPv6 has no tcp6 */
                        add_ports_of(a, output.out, protocols[i]);
        }
        return 0;
}
