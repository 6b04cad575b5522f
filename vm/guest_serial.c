/* The serial console: always read, so that a guest that floods it is slowed down by its own UART and by nothing else;
 * the last of it is kept for whoever looks. */
#include "vm/guest_priv.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

/* With the lock held. */
static void keep(struct vm_guest *guest, const char *bytes, size_t length)
{
        if (guest->serial_fd >= 0 && guest->serial_total < VM_SERIAL_LOGGED)
                (void)!bk_write_all(guest->serial_fd, bytes, length, NULL);
        guest->serial_total += length;
        if (length > VM_SERIAL_KEPT) {
                bytes += length - VM_SERIAL_KEPT;
                length = VM_SERIAL_KEPT;
        }
        if (guest->serial_len + length > VM_SERIAL_KEPT) {
                const size_t drop = guest->serial_len + length - VM_SERIAL_KEPT;

                memmove(guest->serial, guest->serial + drop, guest->serial_len - drop);
                guest->serial_len -= drop;
        }
        memcpy(guest->serial + guest->serial_len, bytes, length);
        guest->serial_len += length;
}

/* One read from either kind of console: bytes, 0 at the end, -1 when there is nothing now. */
static int receive(struct vm_guest *guest, char *chunk, size_t room)
{
        ssize_t got;

        if (guest->console != NULL) {
                got = virStreamRecv(guest->console, chunk, room);
                return got == -2 ? -1 : got < 0 ? 0 : (int)got;
        }
        got = read(guest->pty, chunk, room);
        /* EIO is a terminal whose other end is closed. */
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : got < 0 ? 0 : (int)got;
}

/* From libvirt's thread; false when the console is closed. */
static bool take(struct vm_guest *guest)
{
        char chunk[16384];

        /* A few chunks a turn: other events want their turn too. */
        for (int turn = 0; turn < 16; turn++) {
                const int got = receive(guest, chunk, sizeof chunk);

                if (got <= 0)
                        return got < 0;
                (void)pthread_mutex_lock(&guest->lock);
                keep(guest, chunk, (size_t)got);
                (void)pthread_cond_broadcast(&guest->changed);
                (void)pthread_mutex_unlock(&guest->lock);
                if (guest->config.on_serial != NULL)
                        guest->config.on_serial(guest->config.arg, chunk, (size_t)got);
        }
        return true;
}

static void on_pty(int watch, int fd, int events, void *arg)
{
        (void)fd;
        (void)events;
        if (!take(arg))
                (void)virEventUpdateHandle(watch, 0);
}

static void on_stream(virStreamPtr stream, int events, void *arg)
{
        (void)events;
        if (!take(arg))
                (void)virStreamEventUpdateCallback(stream, 0);
}

static void on_pty_gone(void *arg)
{
        struct vm_guest *guest = arg;

        (void)pthread_mutex_lock(&guest->lock);
        guest->pty_gone = true;
        (void)pthread_cond_broadcast(&guest->changed);
        (void)pthread_mutex_unlock(&guest->lock);
}

/* libvirt's thread may just be in the callback. */
static void remove_watch(struct vm_guest *guest)
{
        if (guest->watch < 0 || virEventRemoveHandle(guest->watch) < 0)
                return;
        (void)pthread_mutex_lock(&guest->lock);
        while (!guest->pty_gone)
                (void)pthread_cond_wait(&guest->changed, &guest->lock);
        (void)pthread_mutex_unlock(&guest->lock);
}

/* The terminal of the first device that an expression finds. */
static int open_terminal(struct vm_guest *guest, const char *expression, const char *what, int *ret, struct bk_error *err)
{
        autofree char *path = vm_guest_xpath(guest, expression, "path");
        autoclose int fd = path ? open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
        struct termios raw;

        if (fd < 0 || tcgetattr(fd, &raw) < 0)
                return bk_fail_errno(err, "cannot open the guest's %s '%s'", what, path ? path : "");
        cfmakeraw(&raw);
        (void)tcsetattr(fd, TCSANOW, &raw);
        *ret = bk_take_fd(fd);
        return 0;
}

/* The driver in this process: its own console stream and the end of its domain take two locks in either order, so the
 * terminal is opened without it. */
static int open_pty(struct vm_guest *guest, struct bk_error *err)
{
        if (open_terminal(guest, "/domain/devices/serial[@type='pty'][target/@port='0']/source", "serial console", &guest->pty, err) < 0)
                return -1;
        guest->watch = virEventAddHandle(guest->pty, VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP | VIR_EVENT_HANDLE_ERROR, on_pty,
                                         guest, on_pty_gone);
        return guest->watch < 0 ? vm_fail(err, BK_INFRA, "cannot watch the guest's serial console") : 0;
}

int vm_guest_port(struct vm_guest *guest, enum vm_port which, int *ret, struct bk_error *err)
{
        static const char *const expressions[] = {
                [VM_PORT_VIRTIO] = "/domain/devices/channel[@type='pty']/source",
                [VM_PORT_UART] = "/domain/devices/serial[@type='pty'][target/@port='1']/source",
        };

        if (guest->config.uri != NULL)
                return bk_fail(err, BK_INVALID, "a port can be opened only where the guest is run here");
        return open_terminal(guest, expressions[which], "port", ret, err);
}

int vm_serial_open(struct vm_guest *guest, struct bk_error *err)
{
        guest->serial = bk_alloc(VM_SERIAL_KEPT);
        if (guest->config.serial_log != NULL) {
                guest->serial_fd = open(guest->config.serial_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                if (guest->serial_fd < 0)
                        return bk_fail_errno(err, "cannot write '%s'", guest->config.serial_log);
        }
        if (guest->config.uri == NULL)
                return open_pty(guest, err);
        guest->console = virStreamNew(guest->connection, VIR_STREAM_NONBLOCK);
        if (guest->console == NULL || virDomainOpenConsole(guest->domain, NULL, guest->console, 0) < 0 ||
            virStreamEventAddCallback(guest->console, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP,
                                      on_stream, guest, NULL) < 0)
                return vm_fail(err, BK_INFRA, "cannot open the guest's serial console");
        return 0;
}

void vm_serial_close(struct vm_guest *guest)
{
        remove_watch(guest);
        if (guest->pty >= 0)
                (void)close(guest->pty);
        if (guest->console != NULL) {
                (void)virStreamEventRemoveCallback(guest->console);
                (void)virStreamAbort(guest->console);
                (void)virStreamFree(guest->console);
        }
        if (guest->serial_fd >= 0)
                (void)close(guest->serial_fd);
}

bool vm_guest_serial_find(struct vm_guest *guest, const char *text, uint64_t *from)
{
        const char *found = NULL;
        uint64_t first;
        size_t skip;

        (void)pthread_mutex_lock(&guest->lock);
        first = guest->serial_total - guest->serial_len;
        skip = *from > first ? (size_t)(*from - first) : 0;
        if (skip < guest->serial_len)
                found = memmem(guest->serial + skip, guest->serial_len - skip, text, strlen(text));
        if (found != NULL)
                *from = first + (uint64_t)(found - guest->serial) + strlen(text);
        (void)pthread_mutex_unlock(&guest->lock);
        return found != NULL;
}

char *vm_guest_serial_tail(struct vm_guest *guest, size_t *ret_len)
{
        char *copy;

        (void)pthread_mutex_lock(&guest->lock);
        copy = bk_alloc(guest->serial_len + 1);
        memcpy(copy, guest->serial, guest->serial_len);
        *ret_len = guest->serial_len;
        (void)pthread_mutex_unlock(&guest->lock);
        return copy;
}

/* Bytes taken, 0 when its input is full, -1 when it is closed. */
static int send_some(struct vm_guest *guest, const char *bytes, size_t length)
{
        ssize_t sent;

        if (guest->console != NULL) {
                sent = virStreamSend(guest->console, bytes, length);
                return sent == -2 ? 0 : (int)sent;
        }
        sent = write(guest->pty, bytes, length);
        return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : (int)sent;
}

int vm_guest_serial_write(struct vm_guest *guest, const char *bytes, size_t length, struct bk_error *err)
{
        while (length > 0) {
                const int sent = send_some(guest, bytes, length > 4096 ? 4096 : length);

                if (sent < 0)
                        return bk_fail(err, BK_FAILED, "cannot write to the guest's serial console");
                if (sent == 0 && vm_guest_pause(guest, 10, err) < 0)
                        return -1;
                bytes += sent;
                length -= (size_t)sent;
        }
        return 0;
}
