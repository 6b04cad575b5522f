/* Switches of QEMU: each is a row, which says what becomes of it here. */
#include "vm/qemuargs_priv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

/* Machine types of QEMU 7.2, Debian 12's. Newer ones, and those of other distributions, become "pc" and "q35". */
enum { NEWEST_MAJOR = 7, NEWEST_MINOR = 2 };

/* --- parts of an argument ------------------------------------------------- */

struct bk_strv qemuargs_split(const char *value)
{
        struct bk_strv parts = { 0 };
        const char *from = value, *p = value;

        for (;; p++) {
                if (p[0] == ',' && p[1] == ',') {
                        p++;
                        continue;
                }
                if (*p != ',' && *p != '\0')
                        continue;
                if (p > from)
                        bk_strv_take(&parts, bk_strndup(from, (size_t)(p - from)));
                if (*p == '\0')
                        return parts;
                from = p + 1;
        }
}

char *qemuargs_join(const struct bk_strv *parts)
{
        struct bk_buf text = { 0 };

        for (size_t i = 0; i < parts->n; i++)
                bk_buf_printf(&text, "%s%s", i > 0 ? "," : "", parts->v[i]);
        return bk_buf_finish(&text);
}

static bool is_key(const char *part, const char *key)
{
        return strncmp(part, key, strlen(key)) == 0 && part[strlen(key)] == '=';
}

const char *qemuargs_get(const struct bk_strv *parts, const char *key)
{
        for (size_t i = parts->n; i-- > 0; )
                if (is_key(parts->v[i], key))
                        return parts->v[i] + strlen(key) + 1;
        return NULL;
}

const char *qemuargs_head(const struct bk_strv *parts, const char *key)
{
        const char *const named = qemuargs_get(parts, key);

        return named != NULL ? named : parts->n > 0 && strchr(parts->v[0], '=') == NULL ? parts->v[0] : NULL;
}

void qemuargs_set(struct bk_strv *parts, const char *key, const char *value)
{
        size_t kept = 0;
        bool set = false;

        for (size_t i = 0; i < parts->n; i++) {
                char *part = parts->v[i];

                if (is_key(part, key)) {
                        free(part);
                        part = value != NULL && !set ? bk_format("%s=%s", key, value) : NULL;
                        set = true;
                }
                if (part != NULL)
                        parts->v[kept++] = part;
        }
        if (parts->n > 0)
                parts->v[kept] = NULL;
        parts->n = kept;
        if (!set && value != NULL)
                bk_strv_addf(parts, "%s=%s", key, value);
}

const char *qemuargs_own(struct qemuargs_work *work, char *text)
{
        bk_strv_take(&work->ret->owned, text);
        return text;
}

void qemuargs_add(struct qemuargs_work *work, const char *name, const char *value)
{
        bk_strv_add(&work->ret->args, name);
        if (value != NULL)
                bk_strv_add(&work->ret->args, value);
}

/* --- paths ---------------------------------------------------------------- */

char *qemuargs_absolute(const char *path, bool comma)
{
        const size_t protocol = strcspn(path, ":/");
        autofree char *here = NULL;
        struct bk_buf text = { 0 };

        if (path[0] == '/' || path[0] == '\0' || path[protocol] == ':')
                return bk_strdup(path);
        here = getcwd(NULL, 0);
        for (const char *c = here != NULL ? here : "."; *c != '\0'; c++) {
                bk_buf_putc(&text, *c);
                if (*c == ',' && comma)
                        bk_buf_putc(&text, *c);
        }
        bk_buf_printf(&text, "/%s", path);
        return bk_buf_finish(&text);
}

/* Keys whose values are files; key NULL: the whole value is. */
static const struct { const char *name, *key; } paths[] = {
        { "-kernel", NULL },    { "-initrd", NULL },    { "-hda", NULL },       { "-hdb", NULL },       { "-hdc", NULL },
        { "-hdd", NULL },       { "-cdrom", NULL },     { "-fda", NULL },       { "-fdb", NULL },       { "-pflash", NULL },
        { "-D", NULL },         { "-drive", "file" },   { "-fw_cfg", "file" },  { "-smbios", "file" },  { "-acpitable", "file" },
        { "-chardev", "path" }, { "-chardev", "logfile" }, { "-tpmdev", "path" }, { "-fsdev", "path" }, { "-virtfs", "path" },
        { "-object", "file" },  { "-object", "filename" }, { "-object", "mem-path" }, { "-netdev", "tftp" }, { "-netdev", "smb" },
        { "-blockdev", "filename" }, { "-blockdev", "file.filename" },
};

/* The value with its files made absolute; the caller's. */
static char *place(const char *name, const char *value)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = { 0 };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                if (bk_streq(paths[i].name, name) && paths[i].key == NULL)
                        return qemuargs_absolute(value, false);
        if (value[0] == '{')            /* JSON */
                return bk_strdup(value);
        parts = qemuargs_split(value);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                const char *const path = bk_streq(paths[i].name, name) ? qemuargs_get(&parts, paths[i].key) : NULL;
                autofree char *absolute = path != NULL ? qemuargs_absolute(path, true) : NULL;

                if (absolute != NULL)
                        qemuargs_set(&parts, paths[i].key, absolute);
        }
        return qemuargs_join(&parts);
}

/* --- what becomes of a switch --------------------------------------------- */

static int pass(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        autofree char *placed = value[0] != '\0' ? place(name, value) : NULL;

        (void)err;
        qemuargs_add(work, name, placed);
        return 0;
}

/* A file that QEMU also looks for in a folder of its own. */
static int pass_firmware(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        autofree char *absolute = qemuargs_absolute(value, false);

        (void)err;
        qemuargs_add(work, name, bk_exists(absolute) ? absolute : value);
        return 0;
}

/* A number of bytes, "1024" being MiB, as QEMU reads it. */
static int size(const char *text, uint64_t *ret, struct bk_error *err)
{
        static const char suffixes[] = "bkmgt";
        char *end = NULL;
        unsigned long long number;
        const char *suffix;
        int shift = 20;

        errno = 0;
        number = strtoull(text, &end, 10);
        if (end == text || text[0] == '-')
                return bk_fail(err, BK_INVALID, "'%s' is not a size; write 1024, 1024M or 1G", text);
        if (*end != '\0') {
                suffix = strchr(suffixes, tolower((unsigned char)*end));
                if (suffix == NULL || end[1] != '\0')
                        return bk_fail(err, BK_INVALID, "'%s' is not a size; write 1024, 1024M or 1G", text);
                shift = 10 * (int)(suffix - suffixes);
        }
        if (errno != 0 || number == 0 || number > UINT64_MAX >> (shift + 1))
                return bk_fail(err, BK_INVALID, "'%s' is no size for a memory", text);
        *ret = number << shift;
        return 0;
}

static int memory(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(value);
        const char *const text = qemuargs_head(&parts, "size");

        if (size(text != NULL ? text : value, &work->domain->memory, err) < 0)
                return bk_wrap(err, "qemuargs %s", name);
        if (parts.n > 1)
                bk_strv_addf(&work->ret->notes, "-m %s: only the size is used; a build plugs no memory", value);
        return 0;
}

/* 0: not given. */
static int count(const char *key, const char *text, unsigned *ret, struct bk_error *err)
{
        char *end = NULL;
        unsigned long number;

        *ret = 0;
        if (text == NULL)
                return 0;
        number = strtoul(text, &end, 10);
        if (end == text || *end != '\0' || number == 0 || number > 1024)
                return bk_fail(err, BK_INVALID, "qemuargs -smp: %s is '%s', which is no number of processors", key, text);
        *ret = (unsigned)number;
        return 0;
}

/* As QEMU since 6.2: what is not given is 1, but cores are filled up before sockets. */
static int processors(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(value);
        unsigned cpus, sockets, cores, threads, all;

        (void)name;
        if (count("cpus", qemuargs_head(&parts, "cpus"), &cpus, err) < 0 ||
            count("sockets", qemuargs_get(&parts, "sockets"), &sockets, err) < 0 ||
            count("cores", qemuargs_get(&parts, "cores"), &cores, err) < 0 ||
            count("threads", qemuargs_get(&parts, "threads"), &threads, err) < 0)
                return -1;
        threads = threads > 0 ? threads : 1;
        if (cpus == 0)
                cpus = (sockets > 0 ? sockets : 1) * (cores > 0 ? cores : 1) * threads;
        if (cores == 0)
                cores = cpus / ((sockets > 0 ? sockets : 1) * threads);
        all = cores * threads;
        sockets = all > 0 ? cpus / all : 0;
        if (sockets * all != cpus || cpus == 0) {
                bk_strv_addf(&work->ret->notes, "-smp %s: the guest gets %u processors of one core each; the numbers given do not multiply to that",
                             value, cpus);
                sockets = cpus;
                cores = threads = 1;
        }
        work->domain->sockets = sockets;
        work->domain->cores = cores;
        work->domain->threads = threads;
        return 0;
}

static int cpu(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        const bool host = bk_streq(value, "host") || strncmp(value, "host,", 5) == 0;

        (void)name;
        (void)err;
        if (host && !work->domain->kvm) {
                bk_strv_addf(&work->ret->notes, "-cpu %s: without KVM there is no host's processor; the guest gets the most that QEMU can do", value);
                work->domain->cpu = NULL;
                return 0;
        }
        work->domain->cpu = qemuargs_own(work, bk_strdup(value));
        return 0;
}

static bool has_version(const char *version)
{
        unsigned major = 0, minor = 0;
        int used = 0;

        if (sscanf(version, "%2u.%2u%n", &major, &minor, &used) != 2 || (version[used] != '\0' && version[used] != '.'))
                return false;
        return major < NEWEST_MAJOR || (major == NEWEST_MAJOR && minor <= NEWEST_MINOR);
}

static void machine_type(struct qemuargs_work *work, const char *type)
{
        static const struct { const char *prefix, *plain; } rows[] = { { "pc-i440fx-", "pc" }, { "pc-q35-", "q35" } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                if (strncmp(type, rows[i].prefix, strlen(rows[i].prefix)) != 0 || has_version(type + strlen(rows[i].prefix)))
                        continue;
                bk_strv_addf(&work->ret->notes, "machine '%s' is not one of this QEMU; '%s' is used", type, rows[i].plain);
                type = rows[i].plain;
        }
        work->domain->machine = qemuargs_own(work, bk_strdup(type));
}

/* Without a type QEMU takes its own default, which is pc. usb is libvirt's affair, and whether KVM is used is measured. */
static int machine(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(value);
        const char *const type = qemuargs_head(&parts, "type");
        autofree char *rest = NULL;

        (void)name;
        (void)err;
        if (type == NULL && strncmp(work->domain->machine, "pc", 2) != 0)
                bk_strv_addf(&work->ret->notes, "-machine %s names no type: the guest is a pc, which is QEMU's default, not a %s", value,
                             work->domain->machine);
        if (type != NULL)
                machine_type(work, type);
        else if (strncmp(work->domain->machine, "pc", 2) != 0 || strncmp(work->domain->machine, "pc-q35", 6) == 0)
                work->domain->machine = "pc";
        if (qemuargs_get(&parts, "accel") != NULL)
                bk_strv_addf(&work->ret->notes, "-machine accel=%s is left out: whether KVM is used follows from a measurement of this host",
                             qemuargs_get(&parts, "accel"));
        if (type != NULL && strchr(parts.v[0], '=') == NULL) {
                char *const named = bk_format("type=%s", type);

                free(parts.v[0]);
                parts.v[0] = named;
        }
        qemuargs_set(&parts, "type", NULL);
        qemuargs_set(&parts, "accel", NULL);
        qemuargs_set(&parts, "usb", NULL);
        rest = qemuargs_join(&parts);
        if (rest[0] != '\0')
                qemuargs_add(work, "-machine", rest);
        return 0;
}

static int vga(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)err;
        work->vga = true;
        work->domain->video = qemuargs_own(work, bk_strdup(value));
        return 0;
}

/* Devices have boot orders of their own here, before which QEMU's letters do not count. */
static int boot(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(value);
        const char *const order = qemuargs_head(&parts, "order");

        (void)name;
        (void)err;
        if (order != NULL)
                work->domain->cd_first = order[strcspn(order, "cd")] == 'd';
        if (order != NULL && strchr(order, 'n') != NULL)
                bk_strv_addf(&work->ret->notes, "-boot %s: guests are not booted from the network", value);
        free(work->boot);
        work->boot = bk_strdup(value);
        return 0;
}

static int cdrom(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        struct vm_domain *const domain = work->domain;

        if (domain->n_cds == sizeof domain->cds / sizeof *domain->cds)
                return bk_fail(err, BK_INVALID, "qemuargs %s: a machine has %zu CDs already", name, domain->n_cds);
        domain->cds[domain->n_cds++].path = qemuargs_own(work, place(name, value));
        work->user_cds++;
        return 0;
}

static int floppy(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)err;
        work->domain->floppy = qemuargs_own(work, place(name, value));
        return 0;
}

static int serial(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)err;
        if (strncmp(value, "file:", 5) == 0 && work->domain->serial_log == NULL)
                work->domain->serial_log = qemuargs_own(work, qemuargs_absolute(value + 5, false));
        else
                bk_strv_addf(&work->ret->notes, "-serial %s is left out: the guest's serial console is bakery's; \"file:NAME\" would also write it "
                             "to a file", value);
        return 0;
}

static int no_reboot(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)value;
        (void)err;
        work->domain->no_reboot = true;
        return 0;
}

static int device(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)err;
        bk_strv_add(&work->devices, value);
        return 0;
}

static int drive(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)err;
        bk_strv_take(&work->drives, place(name, value));
        return 0;
}

static int netdev(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        autofree char *placed = place(name, value);

        (void)err;
        bk_strv_take(&work->netdevs, qemuargs_local_forwards(placed));
        return 0;
}

static int net(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)err;
        qemuargs_net(work, value);
        return 0;
}

static int nic(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        (void)name;
        (void)err;
        qemuargs_nic(work, value);
        return 0;
}

static int tpmdev(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        work->tpmdev = true;
        return pass(work, name, value, err);
}

static int flash(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        work->flash = true;
        return pass(work, name, value, err);
}

/* Devices that have no switch any more. The tablet is always there. */
static int usb_device(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err)
{
        static const struct { const char *old, *now; } rows[] = {
                { "tablet", NULL }, { "mouse", "usb-mouse" }, { "keyboard", "usb-kbd" }, { "wacom-tablet", "usb-wacom-tablet" },
                { "braille", "usb-braille" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                if (!bk_streq(rows[i].old, value))
                        continue;
                if (rows[i].now != NULL)
                        qemuargs_add(work, "-device", rows[i].now);
                return 0;
        }
        return bk_fail(err, BK_INVALID, "qemuargs %s: '%s' is not known; use \"-device\"", name, value);
}

/* --- the rows ------------------------------------------------------------- */

static const char SCREEN[] = "the guest's screen is bakery's, and nobody else needs to see it";
static const char LIBVIRT[] = "libvirt runs the guest, and has its own";
static const char ACCEL[] = "whether KVM is used follows from a measurement of this host";
static const char THERE[] = "what it asks for is as it should be";
static const char GONE[] = "this QEMU has it no more";

static const struct row {
        const char *name;
        int (*handle)(struct qemuargs_work *work, const char *name, const char *value, struct bk_error *err);   /* NULL: left out, and why */
        const char *why;
        bool alone;                     /* it has no value */
} rows[] = {
        { "-m", memory },       { "-smp", processors }, { "-cpu", cpu },        { "-machine", machine }, { "-M", machine },
        { "-vga", vga },        { "-boot", boot },      { "-cdrom", cdrom },    { "-fda", floppy },     { "-serial", serial },
        { "-no-reboot", no_reboot, NULL, true },
        { "-device", device },  { "-drive", drive },    { "-netdev", netdev },  { "-net", net },        { "-nic", nic },
        { "-tpmdev", tpmdev },  { "-pflash", flash },   { "-bios", pass_firmware },     { "-option-rom", pass_firmware },
        { "-usbdevice", usb_device },
        { "-display", NULL, SCREEN },   { "-vnc", NULL, SCREEN },       { "-spice", NULL, SCREEN },     { "-sdl", NULL, SCREEN, true },
        { "-gtk", NULL, SCREEN, true }, { "-curses", NULL, SCREEN, true },      { "-nographic", NULL, SCREEN, true },
        { "-full-screen", NULL, SCREEN, true }, { "-k", NULL, SCREEN }, { "-alt-grab", NULL, SCREEN, true },
        { "-ctrl-grab", NULL, SCREEN, true },   { "-no-quit", NULL, SCREEN, true },
        { "-name", NULL, LIBVIRT },     { "-monitor", NULL, LIBVIRT },  { "-qmp", NULL, LIBVIRT },      { "-qmp-pretty", NULL, LIBVIRT },
        { "-mon", NULL, LIBVIRT },      { "-pidfile", NULL, LIBVIRT },  { "-daemonize", NULL, LIBVIRT, true },
        { "-S", NULL, LIBVIRT, true },  { "-no-shutdown", NULL, LIBVIRT, true },        { "-runas", NULL, LIBVIRT },
        { "-chroot", NULL, LIBVIRT },   { "-sandbox", NULL, LIBVIRT },  { "-nodefaults", NULL, LIBVIRT, true },
        { "-no-user-config", NULL, LIBVIRT, true },     { "-uuid", NULL, LIBVIRT },     { "-msg", NULL, LIBVIRT },
        { "-accel", NULL, ACCEL },      { "-enable-kvm", NULL, ACCEL, true },   { "-no-kvm", NULL, ACCEL, true },
        { "-enable-hax", NULL, ACCEL, true },
        { "-usb", NULL, THERE, true },  { "-parallel", NULL, THERE },   { "-no-fd-bootchk", NULL, THERE, true },
        { "-soundhw", NULL, GONE },     { "-balloon", NULL, GONE },
};

static const struct row *row_of(const char *name)
{
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                if (bk_streq(rows[i].name, name))
                        return &rows[i];
        return NULL;
}

static int apply(struct qemuargs_work *work, const struct vm_qemuarg *arg, struct bk_error *err)
{
        const char *const name = arg->name != NULL && arg->name[0] == '-' && arg->name[1] == '-' ? arg->name + 1 : arg->name;
        const char *const value = arg->value != NULL ? arg->value : "";
        const struct row *row;

        if (name == NULL || name[0] != '-' || name[1] == '\0')
                return bk_fail(err, BK_INVALID, "qemuargs: '%s' is not a switch; an entry is [\"-m\", \"1024M\"]", name != NULL ? name : "");
        row = row_of(name);
        if (row == NULL)
                return pass(work, name, value, err);
        if (row->handle == NULL)
                return 0;               /* told by tell() */
        if (value[0] == '\0' && !row->alone)
                return bk_fail(err, BK_INVALID, "qemuargs: %s needs a value", name);
        return row->handle(work, name, value, err);
}

/* One sentence a reason, with all switches it is the reason for. */
static void tell(struct qemuargs_work *work, const struct vm_qemuarg *v, size_t n)
{
        static const char *const reasons[] = { SCREEN, LIBVIRT, ACCEL, THERE, GONE };

        for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++) {
                struct bk_buf names = { 0 };

                for (size_t i = 0; i < n; i++) {
                        const struct row *const row = row_of(v[i].name[1] == '-' ? v[i].name + 1 : v[i].name);

                        if (row != NULL && row->why == reasons[r])
                                bk_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", row->name);
                }
                if (names.len > 0)
                        bk_strv_addf(&work->ret->notes, "%s left out: %s", names.data, reasons[r]);
                bk_buf_done(&names);
        }
}

void vm_qemuargs_done(struct vm_qemuargs *args)
{
        bk_strv_done(&args->args);
        bk_strv_done(&args->notes);
        bk_strv_done(&args->owned);
}

int vm_qemuargs_apply(const struct vm_qemuarg *v, size_t n, unsigned host_port, unsigned guest_port, struct vm_domain *domain,
                      struct vm_qemuargs *ret, struct bk_error *err)
{
        struct vm_domain changed = *domain;
        struct vm_qemuargs out = { 0 };
        struct qemuargs_work work = { .domain = &changed, .ret = &out, .host_port = host_port, .guest_port = guest_port };
        int result = 0;

        for (const char *const *arg = domain->args; arg != NULL && *arg != NULL; arg++)
                bk_strv_add(&out.args, *arg);
        for (size_t i = 0; i < n && result == 0; i++)
                result = apply(&work, &v[i], err);
        if (result == 0) {
                qemuargs_resolve(&work);
                tell(&work, v, n);
                changed.args = out.args.n > 0 ? (const char *const *)out.args.v : NULL;
                *domain = changed;
                *ret = out;
        } else {
                vm_qemuargs_done(&out);
        }
        bk_strv_done(&work.devices);
        bk_strv_done(&work.drives);
        bk_strv_done(&work.netdevs);
        bk_strv_done(&work.nics);
        bk_strv_done(&work.backends);
        free(work.boot);
        return result;
}
