/* The serial console: always read, so that a guest that floods it is slowed down by its own UART and by nothing else;
 * the last of it is kept for whoever looks. */
#include "vm/guest_priv.h"

#include <fcntl.h>
#include <string.h>

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

/* From libvirt's thread. */
static void on_console(virStreamPtr stream, int events, void *arg)
{
        struct vm_guest *guest = arg;
        char chunk[16384];
        int got = 0;

        /* A few chunks a turn: other events want their turn too. */
        for (int turn = 0; turn < 16 && (events & VIR_STREAM_EVENT_READABLE) != 0; turn++) {
                got = virStreamRecv(stream, chunk, sizeof chunk);
                if (got <= 0)
                        break;
                (void)pthread_mutex_lock(&guest->lock);
                keep(guest, chunk, (size_t)got);
                (void)pthread_cond_broadcast(&guest->changed);
                (void)pthread_mutex_unlock(&guest->lock);
                if (guest->config.on_serial != NULL)
                        guest->config.on_serial(guest->config.arg, chunk, (size_t)got);
        }
        if ((events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)) != 0 || got == 0 || got == -1)
                (void)virStreamEventUpdateCallback(stream, 0);
}

int vm_serial_open(struct vm_guest *guest, struct bk_error *err)
{
        guest->serial = bk_alloc(VM_SERIAL_KEPT);
        if (guest->config.serial_log != NULL) {
                guest->serial_fd = open(guest->config.serial_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                if (guest->serial_fd < 0)
                        return bk_fail_errno(err, "cannot write '%s'", guest->config.serial_log);
        }
        guest->console = virStreamNew(guest->connection, VIR_STREAM_NONBLOCK);
        if (guest->console == NULL || virDomainOpenConsole(guest->domain, NULL, guest->console, 0) < 0 ||
            virStreamEventAddCallback(guest->console, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP,
                                      on_console, guest, NULL) < 0)
                return vm_fail(err, BK_INFRA, "cannot open the guest's serial console");
        return 0;
}

void vm_serial_close(struct vm_guest *guest)
{
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

int vm_guest_serial_write(struct vm_guest *guest, const char *bytes, size_t length, struct bk_error *err)
{
        while (length > 0) {
                const int sent = virStreamSend(guest->console, bytes, length);

                if (sent == -2) {       /* its input is full */
                        if (vm_guest_pause(guest, 10, err) < 0)
                                return -1;
                        continue;
                }
                if (sent < 0)
                        return vm_fail(err, BK_FAILED, "cannot write to the guest's serial console");
                bytes += sent;
                length -= (size_t)sent;
        }
        return 0;
}
