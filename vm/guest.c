/* The life of a guest: start, watch, end.
 *
 * libvirt's event loop runs in a thread of its own; callbacks only write down what
 * happened and wake whoever waits. So a guest that dies is known at once, whatever is being waited for. */
#include "vm/guest_priv.h"

#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"

/* VM_RESETS_KEPT resets within that time, and no login in between, are a loop: an installer needs one or two, firmware that changes
 * its settings one more. */
enum { RESET_LOOP_MS = 120000, POLL_MS = 500 };

/* --- libvirt --------------------------------------------------------------------- */

int(vm_fail)(struct bk_error *err, enum bk_kind kind, const char *format, ...)
{
        autofree char *what = NULL;
        va_list args;

        va_start(args, format);
        what = bk_vformat(format, args);
        va_end(args);
        return bk_fail(err, kind, "%s: %s", what, virGetLastErrorMessage());
}

static void quiet(void *arg, virErrorPtr error)
{
        (void)arg;
        (void)error;
}

_Noreturn static void *event_loop(void *arg)
{
        (void)arg;
        for (;;)
                (void)virEventRunDefaultImpl();
}

static int initialise(struct bk_error *err)
{
        static bool done;
        pthread_t thread;
        pthread_attr_t attributes;
        int failed;

        if (done)
                return 0;
        if (bk_lazy_need("libvirt.so", err) < 0)
                return -1;
        virSetErrorFunc(NULL, quiet);
        if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
                return vm_fail(err, BK_INFRA, "cannot initialise libvirt");
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        failed = pthread_create(&thread, &attributes, event_loop, NULL);
        (void)pthread_attr_destroy(&attributes);
        if (failed != 0)
                return bk_fail(err, BK_INFRA, "cannot start a thread: %s", strerror(failed));
        done = true;
        return 0;
}

int vm_monitor(struct vm_guest *guest, const char *line, char **ret, struct bk_error *err)
{
        if (virDomainQemuMonitorCommand(guest->domain, line, ret, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
                return vm_fail(err, BK_INFRA, "the guest's monitor");
        return 0;
}

/* --- events, from libvirt's thread --------------------------------------------------- */

static const char *reason_of(int event, int detail)
{
        if (event == VIR_DOMAIN_EVENT_CRASHED)
                return detail == VIR_DOMAIN_EVENT_CRASHED_PANICKED ? "the guest's kernel panicked" : "the guest crashed";
        switch (detail) {
        case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:         return "the guest powered itself off";
        case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:        return "the guest was ended by somebody else";
        case VIR_DOMAIN_EVENT_STOPPED_CRASHED:          return "the guest crashed";
        case VIR_DOMAIN_EVENT_STOPPED_FAILED:           return "QEMU ended with an error";
        default:                                        return "the guest ended";
        }
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *arg)
{
        struct vm_guest *guest = arg;

        (void)connection;
        (void)domain;
        if (event != VIR_DOMAIN_EVENT_STOPPED && event != VIR_DOMAIN_EVENT_CRASHED && event != VIR_DOMAIN_EVENT_SHUTDOWN)
                return 0;
        (void)pthread_mutex_lock(&guest->lock);
        guest->stopping |= event == VIR_DOMAIN_EVENT_SHUTDOWN;
        if (!guest->crashed && event != VIR_DOMAIN_EVENT_SHUTDOWN)
                (void)snprintf(guest->why, sizeof guest->why, "%s", reason_of(event, detail));
        guest->crashed |= event == VIR_DOMAIN_EVENT_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_FAILED ||
                          detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED;
        guest->off |= event == VIR_DOMAIN_EVENT_STOPPED;
        (void)pthread_cond_broadcast(&guest->changed);
        (void)pthread_mutex_unlock(&guest->lock);
        return 0;
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *arg)
{
        struct vm_guest *guest = arg;

        (void)connection;
        (void)domain;
        (void)pthread_mutex_lock(&guest->lock);
        guest->reset_at[guest->resets++ % VM_RESETS_KEPT] = bk_now_ms();
        (void)pthread_cond_broadcast(&guest->changed);
        (void)pthread_mutex_unlock(&guest->lock);
}

/* --- starting and ending ---------------------------------------------------------------- */

/* So that its end is seen when it comes: libvirt looks for it five times a second. Without, libvirt's word is waited for. */
static int process_of(const struct vm_guest *guest)
{
        autofree char *path = bk_format(VM_HOST_ROOT "/run/qemu/%s.pid", virDomainGetName(guest->domain)), *text = NULL;

        if (guest->config.uri != NULL || bk_read_file(path, 64, &text, NULL, NULL) < 0)
                return -1;
        return (int)syscall(SYS_pidfd_open, (pid_t)strtol(text, NULL, 10), 0);
}

/* The embedded driver's guests end with their namespace. */
static int note(const struct vm_guest *guest, struct bk_error *err)
{
        autofree char *value = NULL;

        if (guest->config.uri == NULL || guest->config.lease == NULL)
                return 0;
        if (guest->config.uuid == NULL)
                return bk_fail(err, BK_INTERNAL, "a guest of another's libvirt has no UUID to be noted by");
        value = bk_format("%s %s", guest->config.uuid, guest->config.uri);
        return bk_lease_note(guest->config.lease, "domain", value, err);
}

static int start(struct vm_guest *guest, struct bk_error *err)
{
        const char *uri = guest->config.uri ? guest->config.uri : "qemu:///embed?root=" VM_HOST_ROOT;

        guest->connection = virConnectOpen(uri);
        if (guest->connection == NULL)
                return vm_fail(err, BK_INFRA, "cannot connect to libvirt at '%s'", uri);
        if (note(guest, err) < 0)
                return -1;
        guest->domain = virDomainCreateXML(guest->connection, guest->config.xml,
                                           VIR_DOMAIN_START_PAUSED | (guest->config.uri ? VIR_DOMAIN_START_AUTODESTROY : 0));
        if (guest->domain == NULL)
                return vm_fail(err, BK_FAILED, "cannot start the guest");
        guest->process = process_of(guest);
        guest->lifecycle = virConnectDomainEventRegisterAny(guest->connection, guest->domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                            VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), guest, NULL);
        guest->reboot = virConnectDomainEventRegisterAny(guest->connection, guest->domain, VIR_DOMAIN_EVENT_ID_REBOOT,
                                                         VIR_DOMAIN_EVENT_CALLBACK(on_reboot), guest, NULL);
        if (guest->lifecycle < 0 || guest->reboot < 0)
                return vm_fail(err, BK_INFRA, "cannot watch the guest");
        if (vm_serial_open(guest, err) < 0)
                return -1;
        if (virDomainResume(guest->domain) < 0)
                return vm_fail(err, BK_FAILED, "cannot let the guest run");
        return 0;
}

int vm_guest_start(const struct vm_guest_config *config, struct vm_guest **ret, struct bk_error *err)
{
        struct vm_guest *guest;
        pthread_condattr_t attributes;

        if (initialise(err) < 0)
                return -1;
        guest = bk_alloc(sizeof *guest);
        guest->config = *config;
        guest->lifecycle = guest->reboot = guest->serial_fd = guest->pty = guest->watch = guest->process = -1;
        (void)pthread_mutex_init(&guest->lock, NULL);
        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&guest->changed, &attributes);
        (void)pthread_condattr_destroy(&attributes);
        if (start(guest, err) < 0) {
                vm_guest_end(guest);
                return -1;
        }
        *ret = guest;
        return 0;
}

void vm_guest_end(struct vm_guest *guest)
{
        if (guest == NULL)
                return;
        vm_serial_close(guest);
        if (guest->lifecycle >= 0)
                (void)virConnectDomainEventDeregisterAny(guest->connection, guest->lifecycle);
        if (guest->reboot >= 0)
                (void)virConnectDomainEventDeregisterAny(guest->connection, guest->reboot);
        if (guest->domain != NULL) {
                if (!guest->gone)
                        (void)virDomainDestroy(guest->domain);
                (void)virDomainFree(guest->domain);
        }
        if (guest->connection != NULL)
                (void)virConnectClose(guest->connection);
        if (guest->process >= 0)
                (void)close(guest->process);
        (void)pthread_mutex_destroy(&guest->lock);
        (void)pthread_cond_destroy(&guest->changed);
        free(guest->serial);
        free(guest);
}

/* --- watching ------------------------------------------------------------------------------ */

/* With the lock held. */
static int alive(const struct vm_guest *guest, struct bk_error *err)
{
        if (guest->crashed)
                return bk_fail(err, BK_FAILED, "%s", guest->why);
        if (guest->off && !guest->expect_off)
                return bk_fail(err, BK_FAILED, "%s, too early", guest->why);
        if (guest->resets - guest->resets_meant >= VM_RESETS_KEPT &&
            bk_now_ms() - guest->reset_at[guest->resets % VM_RESETS_KEPT] < RESET_LOOP_MS)
                return bk_fail(err, BK_FAILED, "the guest resets in a loop: %u times within %d s", VM_RESETS_KEPT, RESET_LOOP_MS / 1000);
        return 0;
}

int vm_guest_alive(struct vm_guest *guest, struct bk_error *err)
{
        int result;

        (void)pthread_mutex_lock(&guest->lock);
        result = alive(guest, err);
        (void)pthread_mutex_unlock(&guest->lock);
        return result;
}

void vm_guest_expect_off(struct vm_guest *guest)
{
        (void)pthread_mutex_lock(&guest->lock);
        guest->expect_off = true;
        (void)pthread_mutex_unlock(&guest->lock);
}

void vm_guest_is_up(struct vm_guest *guest)
{
        (void)pthread_mutex_lock(&guest->lock);
        guest->resets_meant = guest->resets;
        (void)pthread_mutex_unlock(&guest->lock);
}

unsigned vm_guest_resets(struct vm_guest *guest)
{
        unsigned resets;

        (void)pthread_mutex_lock(&guest->lock);
        resets = guest->resets;
        (void)pthread_mutex_unlock(&guest->lock);
        return resets;
}

/* Until something changes, at most ms; with the lock held. */
static void wait_for_change(struct vm_guest *guest, int64_t ms)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        until.tv_nsec += ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_nsec -= 1000000000;
                until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&guest->changed, &guest->lock, &until);
}

int vm_guest_pause(struct vm_guest *guest, int64_t ms, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + ms;
        int result;

        (void)pthread_mutex_lock(&guest->lock);
        while ((result = alive(guest, err)) == 0) {
                const int64_t left = until - bk_now_ms();

                if (left <= 0)
                        break;
                wait_for_change(guest, left);
        }
        (void)pthread_mutex_unlock(&guest->lock);
        return result;
}

/* Until QEMU has ended, or ms are over; with the lock held, but for the wait. What it wrote is in its files then, whenever libvirt sees it. */
static void wait_for_end(struct vm_guest *guest, int64_t ms)
{
        struct pollfd event = { .fd = guest->process, .events = POLLIN };
        int ready;

        (void)pthread_mutex_unlock(&guest->lock);
        ready = poll(&event, 1, ms < POLL_MS ? (int)ms : POLL_MS);
        (void)pthread_mutex_lock(&guest->lock);
        guest->off |= ready > 0;
        guest->gone |= ready > 0;
}

int vm_guest_wait_off(struct vm_guest *guest, int64_t timeout_ms, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + timeout_ms;
        int result;

        (void)pthread_mutex_lock(&guest->lock);
        guest->expect_off = true;
        while ((result = alive(guest, err)) == 0 && !guest->off) {
                const int64_t left = until - bk_now_ms();

                if (left <= 0) {
                        result = bk_fail(err, BK_TIMEOUT, "the guest did not power off within %lld s", (long long)(timeout_ms / 1000));
                        break;
                }
                if (guest->stopping && guest->process >= 0)
                        wait_for_end(guest, left);
                else
                        wait_for_change(guest, left);
        }
        (void)pthread_mutex_unlock(&guest->lock);
        return result;
}

int vm_guest_press_power(struct vm_guest *guest, struct bk_error *err)
{
        if (virDomainShutdownFlags(guest->domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) < 0)
                return vm_fail(err, BK_FAILED, "cannot press the guest's power button");
        return 0;
}

char *vm_guest_log(struct vm_guest *guest)
{
        autofree char *path = bk_format(VM_HOST_ROOT "/log/qemu/%s.log", virDomainGetName(guest->domain));
        char *text = NULL;
        size_t length = 0;

        if (guest->config.uri != NULL || bk_read_file(path, 16 << 20, &text, &length, NULL) < 0)
                return NULL;
        if (length > 32 << 10)
                memmove(text, text + length - (32 << 10), (32 << 10) + 1);
        return text;
}
