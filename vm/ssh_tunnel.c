/* Through a bastion: a direct-tcpip channel of its session, whose other end libssh sees as a socket.
 * Both sessions are served by one event, and this pump between turns moves bytes: no thread, no process. */
#include "vm/ssh_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { RETRY_MS = 250 };

struct vm_ssh_tunnel {
        ssh_channel channel;            /* the bastion's */
        struct ssh_channel_callbacks_struct callbacks;
        int fd;                         /* our end */
        struct bk_buf inward;           /* come through the bastion, not yet taken */
        char outward[VM_SSH_CHUNK];
        size_t outward_at, outward_len;
        bool shut;
};

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t length, int is_stderr, void *arg)
{
        struct vm_ssh_tunnel *tunnel = arg;

        (void)session, (void)channel;
        if (!is_stderr)
                bk_buf_add(&tunnel->inward, data, length);
        return (int)length;
}

static void move_inward(struct vm_ssh_tunnel *t)
{
        ssize_t put;

        if (t->inward.len == 0)
                return;
        put = send(t->fd, t->inward.data, t->inward.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
                t->inward.len -= (size_t)put;
                memmove(t->inward.data, t->inward.data + put, t->inward.len);
        }
}

/* Returns false when there is nothing more to move now. */
static bool move_outward(struct vm_ssh_tunnel *t)
{
        if (t->outward_at == t->outward_len) {
                const ssize_t got = recv(t->fd, t->outward, sizeof t->outward, MSG_DONTWAIT);

                t->outward_at = t->outward_len = 0;
                if (got <= 0)
                        return false;
                t->outward_len = (size_t)got;
        }
        const int put = ssh_channel_window_size(t->channel) == 0 ? 0 :
                        ssh_channel_write(t->channel, t->outward + t->outward_at, (uint32_t)(t->outward_len - t->outward_at));

        if (put <= 0)
                return false;
        t->outward_at += (size_t)put;
        return true;
}

void vm_ssh_tunnel_pump(struct vm_ssh *ssh)
{
        struct vm_ssh_tunnel *t = ssh->tunnel;

        if (t == NULL)
                return;
        if (ssh->bastion != NULL)
                vm_ssh_tunnel_pump(ssh->bastion);
        while (!t->shut && move_outward(t))
                ;
        move_inward(t);
        if (!t->shut && t->inward.len == 0 && (!vm_ssh_up(ssh->bastion) || ssh_channel_is_eof(t->channel) || ssh_channel_is_closed(t->channel))) {
                (void)shutdown(t->fd, SHUT_RDWR);
                t->shut = true;
        }
        if (ssh->bastion != NULL)
                vm_ssh_tunnel_pump(ssh->bastion);
}

void vm_ssh_tunnel_close(struct vm_ssh *ssh)
{
        struct vm_ssh_tunnel *t = ssh->tunnel;

        if (t == NULL)
                return;
        if (t->channel != NULL) {
                (void)ssh_remove_channel_callbacks(t->channel, &t->callbacks);
                ssh_channel_free(t->channel);
        }
        if (t->fd >= 0)
                (void)close(t->fd);
        bk_buf_done(&t->inward);
        free(t);
        ssh->tunnel = NULL;
}

/* *ret_refused: the bastion works, but could not reach the guest. */
static int dig(struct vm_ssh *ssh, int64_t deadline, bool *ret_refused, struct bk_error *err)
{
        struct vm_ssh *bastion = ssh->bastion;
        struct vm_ssh_tunnel *t = ssh->tunnel = bk_alloc(sizeof *t);
        int rc;

        t->fd = -1;
        t->channel = ssh_channel_new(bastion->session);
        if (t->channel == NULL)
                return bk_fail(err, BK_INFRA, "no channel: %s", vm_ssh_why(bastion));
        t->callbacks.userdata = t;
        t->callbacks.channel_data_function = on_data;
        ssh_callbacks_init(&t->callbacks);
        (void)ssh_set_channel_callbacks(t->channel, &t->callbacks);
        while ((rc = ssh_channel_open_forward(t->channel, ssh->config->host, (int)ssh->config->port, "127.0.0.1", 22)) == SSH_AGAIN) {
                if (vm_ssh_patience(bastion, deadline, "opening a way through the bastion", err) < 0)
                        return -1;
                if (vm_ssh_ask_alive(ssh, err) < 0)
                        return -1;
        }
        if (rc != SSH_OK) {
                *ret_refused = vm_ssh_connected(bastion);
                return bk_fail(err, BK_INFRA, "the bastion cannot reach %s:%u: %s", ssh->config->host, ssh->config->port, vm_ssh_why(bastion));
        }
        return 0;
}

static int await_banner(struct vm_ssh *ssh, int64_t deadline, bool *ret_refused, struct bk_error *err)
{
        const struct vm_ssh_tunnel *t = ssh->tunnel;

        while (t->inward.len < 4) {
                if (ssh_channel_is_eof(t->channel) || ssh_channel_is_closed(t->channel)) {
                        *ret_refused = true;
                        return bk_fail(err, BK_INFRA, "connected through the bastion, but closed before a banner");
                }
                if (vm_ssh_patience(ssh->bastion, deadline, "waiting for a banner through the bastion", err) < 0)
                        return -1;
                if (vm_ssh_ask_alive(ssh, err) < 0)
                        return -1;
        }
        if (strncmp(t->inward.data, "SSH-", 4) == 0)
                return 0;
        *ret_refused = true;
        return bk_fail(err, BK_INFRA, "no SSH banner there");
}

int vm_ssh_tunnel_open(struct vm_ssh *ssh, int64_t deadline, struct vm_ssh_story *story, int *ret_fd, struct bk_error *err)
{
        int ends[2];

        for (;;) {
                struct bk_error why = { 0 };
                bool refused = false;
                int64_t next;

                story->attempts++;
                if (dig(ssh, deadline, &refused, &why) == 0 && await_banner(ssh, deadline, &refused, &why) == 0)
                        break;
                vm_ssh_tunnel_close(ssh);
                (void)snprintf(story->last, sizeof story->last, "%.*s", (int)sizeof story->last - 1, why.text);
                if (!refused) {
                        *err = why;
                        return -1;
                }
                for (next = bk_now_ms() + RETRY_MS; bk_now_ms() < next;) {
                        if (vm_ssh_patience(ssh->bastion, deadline, "waiting for a guest behind the bastion", err) < 0 ||
                            vm_ssh_ask_alive(ssh, err) < 0)
                                return -1;
                }
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
                return bk_fail_errno(err, "no socket for the way through the bastion");
        ssh->tunnel->fd = ends[0];
        *ret_fd = ends[1];
        return 0;
}
