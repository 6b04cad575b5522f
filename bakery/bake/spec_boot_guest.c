/* The process that holds the guest: starts it when something is asked first, and hands lines to the agent in it. libvirt brings threads,
 * so nothing is mounted or forked here. */
#include "bakery/bake/spec_boot_priv.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/utf8.h"
#include "vm/domain.h"
#include "vm/guest.h"

enum {
        START_MS = 120000, SETTLE_MS = 60000, GRACE_MS = 10000,         /* where guests are not emulated */
        LAST_LINES = 5, LAST_BYTES = 480,       /* of the console, in an error */
};

struct holder {
        const struct spec_boot_job *job;
        struct vm_guest *guest;
        struct boot_talk talk;
        uint64_t panic_seen;            /* how far the console was searched */
        int scale;                      /* of time-outs */
        bool up;
        struct bk_error gone;           /* the first reason why nothing can be asked any more */
};

int spec_boot_read(int fd, void *into, size_t length)
{
        char *at = into;

        while (length > 0) {
                const ssize_t got = read(fd, at, length);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return -1;
                at += got;
                length -= (size_t)got;
        }
        return 0;
}

/* --- starting ------------------------------------------------------------------------------ */

static int firmware(const struct spec_boot_config *config, struct vm_domain *domain, struct bk_error *err)
{
        if (config->firmware == NULL || bk_streq(config->firmware, "bios"))
                return 0;
        domain->secure_boot = bk_streq(config->firmware, "efi-secure");
        if (!domain->secure_boot && !bk_streq(config->firmware, "efi") && config->firmware[0] != '/')
                return bk_fail(err, BK_INVALID, "firmware is bios, efi, efi-secure, or a file, not '%s'", config->firmware);
        domain->code = config->firmware[0] == '/' ? config->firmware : NULL;
        domain->vars = config->firmware_vars;
        if (domain->secure_boot)
                domain->machine = "q35";        /* which alone protects the variables */
        return vm_host_efi(domain, err);
}

static int describe(const struct spec_boot_job *job, char **ret, struct bk_error *err)
{
        const struct spec_boot_config *config = job->config;
        autofree char *disk = bk_format(VM_HOST_ROOT "/store/drafts/%s.qcow2", job->id);
        struct vm_domain domain = {
                .name = job->id, .kvm = job->kvm.usable, .machine = config->machine ? config->machine : "q35",
                .memory = config->memory ? config->memory : 1ULL << 30, .sockets = config->cpus ? config->cpus : 1, .network = true,
                .net_device = "virtio-net", .port = config->uart ? "org.bakery.unused" : AGENT_PORT, .n_disks = 1,
                .disks = { { .path = disk, .format = "qcow2", .bus = config->bus ? config->bus : "virtio", .cache = "unsafe" } },
        };

        return firmware(config, &domain, err) < 0 ? -1 : vm_domain_xml(&domain, ret, err);
}

static int alive(void *arg, struct bk_error *err)
{
        struct holder *holder = arg;

        if (vm_guest_alive(holder->guest, err) < 0)
                return -1;
        if (vm_guest_serial_find(holder->guest, "Kernel panic - not syncing", &holder->panic_seen))
                return bk_fail(err, BK_FAILED, "the guest's kernel panicked");
        return 0;
}

static int power_on(struct holder *holder, struct bk_error *err)
{
        const struct spec_boot_job *job = holder->job;
        const struct layer_store *store = job->config->store;
        autofree char *folder = bk_format("%s/store", store->home), *draft = layer_draft_path(store, job->id), *xml = NULL;
        const struct vm_host host = { .home = store->home, .store = folder };
        struct vm_guest_config config = { 0 };

        if (vm_host_enter(&host, err) < 0 || vm_host_give(draft, err) < 0 || describe(job, &xml, err) < 0)
                return -1;
        config.xml = xml;
        if (vm_guest_start(&config, &holder->guest, err) < 0 ||
            vm_guest_port(holder->guest, VM_PORT_VIRTIO, &holder->talk.fds[0], err) < 0 ||
            vm_guest_port(holder->guest, VM_PORT_UART, &holder->talk.fds[1], err) < 0)
                return -1;
        return 0;
}

/* Checks must not race with the boot. A system that goes on starting is checked all the same: what waits for ever
 * is for the checks to find. */
static int settle(struct holder *holder, struct bk_error *err)
{
        static const char line[] = "if [ -d /run/systemd/system ]; then systemctl is-system-running --wait; fi";
        BK_CLEANUP(spec_output_done) struct spec_output ignored = { 0 };
        struct bk_error late = { 0 };

        if (boot_talk_run(&holder->talk, line, NULL, 0, SETTLE_MS * holder->scale, &ignored, &late) == 0 || late.kind == BK_TIMEOUT)
                return 0;
        *err = late;
        return -1;
}

static int come_up(struct holder *holder, struct bk_error *err)
{
        const int timeout_ms = holder->job->config->timeout_ms > 0 ? holder->job->config->timeout_ms : START_MS;

        if (power_on(holder, err) < 0 || boot_talk_hello(&holder->talk, (int64_t)timeout_ms * holder->scale, err) < 0 ||
            settle(holder, err) < 0)
                return -1;
        holder->up = true;
        return 0;
}

/* --- what went wrong -------------------------------------------------------------------------- */

/* The last lines that the console printed, often the guest's own reason: "a | b | c". NULL: none. */
static char *last_words(struct holder *holder)
{
        size_t length = 0, lines = 0;
        autofree char *tail = holder->guest ? vm_guest_serial_tail(holder->guest, &length) : NULL, *clean = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        const char *from;

        while (length > 0 && (unsigned char)tail[length - 1] <= ' ')
                length--;
        if (length == 0)
                return NULL;
        tail[length] = '\0';
        for (from = tail + length; from > tail && length - (size_t)(from - tail) < LAST_BYTES; from--)
                if (from[-1] == '\n' && ++lines == LAST_LINES)
                        break;
        clean = bk_utf8_clean(from);
        for (const char *p = clean; *p != '\0'; p++) {
                if (p[0] == '\033' && p[1] == '[')      /* a colour */
                        p += 2 + strspn(p + 2, "0123456789;?");
                else if (*p == '\n')
                        bk_buf_puts(&out, " | ");
                else if ((unsigned char)*p >= ' ' && *p != 0x7f)
                        bk_buf_putc(&out, *p);
                if (*p == '\0')
                        break;
        }
        return bk_buf_finish(&out);
}

static void explain(struct holder *holder, struct bk_error *err)
{
        autofree char *words = last_words(holder);
        const size_t length = strlen(err->text);

        if (words != NULL)
                (void)snprintf(err->text + length, sizeof err->text - length, "; its console said last: %s", words);
}

/* Is the guest itself past answering, and not only this line? */
static void judge(struct holder *holder, struct bk_error *err)
{
        struct bk_error end = { 0 };

        if (err->kind == BK_TIMEOUT || err->kind == BK_FAILED) {
                if (alive(holder, &end) == 0)
                        return;
                *err = end;
        }
        explain(holder, err);
        err->kind = BK_INFRA;
        if (alive(holder, &end) < 0)
                holder->gone = *err;
}

/* --- serving ------------------------------------------------------------------------------------ */

static int run_line(struct holder *holder, const char *line, const char *input, const struct spec_boot_ask *ask, struct spec_output *ret,
                    struct bk_error *err)
{
        if (holder->gone.kind == BK_NONE && !holder->up && come_up(holder, err) < 0) {
                explain(holder, err);
                holder->gone = *err;
                vm_guest_end(bk_take(holder->guest));
                return -1;
        }
        if (holder->gone.kind != BK_NONE) {
                *err = holder->gone;
                return -1;
        }
        if (boot_talk_run(&holder->talk, line, input, ask->input_len, ask->timeout_ms, ret, err) == 0)
                return 0;
        judge(holder, err);
        return -1;
}

static bool serve_one(struct holder *holder)
{
        const int fd = holder->job->fd;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        autofree char *line = NULL, *input = NULL;
        struct spec_boot_ask ask;
        struct spec_boot_answer answer = { 0 };
        struct bk_error err = { 0 };

        if (spec_boot_read(fd, &ask, sizeof ask) < 0)
                return false;
        line = bk_alloc((size_t)ask.line_len + 1);
        input = bk_alloc((size_t)ask.input_len + 1);
        if (spec_boot_read(fd, line, ask.line_len) < 0 || spec_boot_read(fd, input, ask.input_len) < 0)
                return false;
        if (run_line(holder, line, input, &ask, &output, &err) < 0) {
                spec_output_done(&output);
                output = (struct spec_output){ .out = bk_strdup(err.text), .out_len = strlen(err.text) };
        }
        answer = (struct spec_boot_answer){ .kind = (int32_t)err.kind, .status = output.status, .out_len = output.out_len,
                                            .err_len = output.err_len, .up = holder->up };
        return bk_write_all(fd, &answer, sizeof answer, NULL) == 0 && bk_write_all(fd, output.out, output.out_len, NULL) == 0 &&
               bk_write_all(fd, output.err, output.err_len, NULL) == 0;
}

_Noreturn void spec_boot_guest(const struct spec_boot_job *job)
{
        const int scale = job->kvm.usable ? 1 : SPEC_BOOT_EMULATED;
        struct holder holder = {
                .job = job, .scale = scale,
                .talk = { .token = job->token, .fds = { -1, -1 }, .at = -1, .grace_ms = GRACE_MS * scale, .alive = alive },
        };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NAME, "bakery-guest");
        (void)signal(SIGPIPE, SIG_IGN);
        holder.talk.arg = &holder;
        while (serve_one(&holder))
                ;
        _exit(0);       /* whoever waits for this process ends, and the guest with it */
}
