/* SFTP version 3, the part that files need: its channel and packets.
 *
 * libssh's own calls wait for each block to be confirmed, and cannot be interrupted by alive(); here many requests are
 * under way at once, and waiting is vm_ssh_turn(). After any error with answers outstanding the channel is given
 * up, and the next call opens another. */
#include "vm/ssh_sftp_priv.h"

#include <endian.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum {
        VERSION = 3,
        PACKET_MOST = 1 << 20,
        ANSWER_MS = 120000,
};

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t length, int is_stderr, void *arg)
{
        struct vm_sftp *sftp = arg;

        (void)session, (void)channel;
        if (!is_stderr)
                bk_buf_add(&sftp->in, data, length);
        return (int)length;
}

static void on_close(ssh_session session, ssh_channel channel, void *arg)
{
        struct vm_sftp *sftp = arg;

        (void)session, (void)channel;
        sftp->closed = true;
}

void vm_sftp_close(struct vm_ssh *ssh)
{
        struct vm_sftp *sftp = ssh->sftp;

        if (sftp == NULL)
                return;
        if (sftp->channel != NULL) {
                (void)ssh_remove_channel_callbacks(sftp->channel, &sftp->callbacks);
                ssh_channel_free(sftp->channel);
        }
        bk_buf_done(&sftp->in);
        free(sftp);
        ssh->sftp = NULL;
}

/* --- packets -------------------------------------------------------------- */

void vm_sftp_put32(struct bk_buf *buf, uint32_t value)
{
        const uint32_t big = htobe32(value);

        bk_buf_add(buf, &big, sizeof big);
}

void vm_sftp_put64(struct bk_buf *buf, uint64_t value)
{
        const uint64_t big = htobe64(value);

        bk_buf_add(buf, &big, sizeof big);
}

void vm_sftp_put_bytes(struct bk_buf *buf, const void *bytes, size_t length)
{
        vm_sftp_put32(buf, (uint32_t)length);
        bk_buf_add(buf, bytes, length);
}

uint32_t vm_sftp_get32(struct vm_sftp_answer *a)
{
        uint32_t big;

        if (a->end - a->at < (ptrdiff_t)sizeof big) {
                a->bad = true;
                return 0;
        }
        memcpy(&big, a->at, sizeof big);
        a->at += sizeof big;
        return be32toh(big);
}

const char *vm_sftp_get_bytes(struct vm_sftp_answer *a, size_t *ret_length)
{
        const uint32_t length = vm_sftp_get32(a);
        const unsigned char *start = a->at;

        *ret_length = 0;
        if (a->bad || length > (size_t)(a->end - a->at)) {
                a->bad = true;
                return "";
        }
        a->at += length;
        *ret_length = length;
        return (const char *)start;
}

static bool usable(const struct vm_ssh *ssh)
{
        return vm_ssh_up(ssh) && !ssh->sftp->closed && !ssh_channel_is_eof(ssh->sftp->channel);
}

static int lost(const struct vm_ssh *ssh, struct bk_error *err)
{
        return bk_fail(err, BK_INFRA, "SFTP ended: %s", vm_ssh_up(ssh) ? "the server closed its channel" : vm_ssh_why(ssh));
}

/* Sends a request made by vm_sftp_request(). */
int vm_sftp_send(struct vm_ssh *ssh, struct bk_buf *request, struct bk_error *err)
{
        const uint32_t length = htobe32((uint32_t)(request->len - 4));
        const int64_t deadline = bk_now_ms() + ANSWER_MS;

        memcpy(request->data, &length, sizeof length);
        for (size_t at = 0; at < request->len;) {
                const int put = ssh_channel_window_size(ssh->sftp->channel) == 0 ? 0 :
                                ssh_channel_write(ssh->sftp->channel, request->data + at, (uint32_t)(request->len - at));

                if (put < 0 || !usable(ssh))
                        return lost(ssh, err);
                at += (size_t)put;
                if (put == 0 && vm_ssh_patience(ssh, deadline, "sending by SFTP", err) < 0)
                        return -1;
        }
        return 0;
}

uint32_t vm_sftp_request(struct vm_ssh *ssh, struct bk_buf *buf, uint8_t type)
{
        const uint32_t id = ssh->sftp->next_id++;

        buf->len = 0;
        vm_sftp_put32(buf, 0);
        bk_buf_putc(buf, (char)type);
        vm_sftp_put32(buf, id);
        return id;
}

/* A complete packet that has come. */
static bool take_packet(struct vm_sftp *sftp, struct vm_sftp_answer *ret, bool *ret_bad)
{
        struct vm_sftp_answer a;
        uint32_t length;

        if (sftp->in_at == sftp->in.len)
                sftp->in_at = sftp->in.len = 0;
        if (sftp->in_at > PACKET_MOST) {
                sftp->in.len -= sftp->in_at;
                memmove(sftp->in.data, sftp->in.data + sftp->in_at, sftp->in.len);
                sftp->in_at = 0;
        }
        if (sftp->in.len - sftp->in_at < 4)
                return false;
        a = (struct vm_sftp_answer){ .at = (unsigned char *)sftp->in.data + sftp->in_at, .end = (unsigned char *)sftp->in.data + sftp->in.len };
        length = vm_sftp_get32(&a);
        if (length < 5 || length > PACKET_MOST) {
                *ret_bad = true;
                return false;
        }
        if (length > (size_t)(a.end - a.at))
                return false;
        a.end = a.at + length;
        sftp->in_at += 4 + (size_t)length;
        a.type = *a.at++;
        a.id = vm_sftp_get32(&a);
        *ret = a;
        return true;
}

int vm_sftp_take(struct vm_ssh *ssh, struct vm_sftp_answer *ret, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + ANSWER_MS;
        bool bad = false;

        while (!take_packet(ssh->sftp, ret, &bad)) {
                if (bad)
                        return bk_fail(err, BK_INFRA, "what the server says is not SFTP");
                if (!usable(ssh))
                        return lost(ssh, err);
                if (vm_ssh_patience(ssh, deadline, "waiting for an answer by SFTP", err) < 0)
                        return -1;
        }
        return 0;
}

bool vm_sftp_is_status(struct vm_sftp_answer answer, uint32_t code)
{
        return answer.type == FXP_STATUS && vm_sftp_get32(&answer) == code && !answer.bad;
}

int vm_sftp_refuse(struct vm_sftp_answer answer, struct bk_error *err)
{
        const uint32_t code = vm_sftp_get32(&answer);
        size_t length = 0;
        const char *text = vm_sftp_get_bytes(&answer, &length);

        if (answer.type != FXP_STATUS)
                return bk_fail(err, BK_INFRA, "an answer of SFTP makes no sense (type %u)", answer.type);
        return bk_fail(err, code == FX_NO_SUCH_FILE ? BK_NOT_FOUND : code == FX_PERMISSION_DENIED ? BK_DENIED : BK_FAILED, "%.*s",
                       (int)(length == 0 ? 6 : length < 200 ? length : 200), length == 0 ? "Failed" : text);
}

int vm_sftp_ask(struct vm_ssh *ssh, struct bk_buf *request, uint8_t wanted, struct vm_sftp_answer *ret, struct bk_error *err)
{
        *ret = (struct vm_sftp_answer){ 0 };
        if (vm_sftp_send(ssh, request, err) < 0 || vm_sftp_take(ssh, ret, err) < 0) {
                vm_sftp_close(ssh);
                return -1;
        }
        if (wanted == FXP_STATUS ? vm_sftp_is_status(*ret, FX_OK) : ret->type == wanted)
                return 0;
        return vm_sftp_refuse(*ret, err);
}

/* --- opening -------------------------------------------------------------- */

static int greet(struct vm_ssh *ssh, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf hello = { 0 };
        struct vm_sftp_answer version;

        vm_sftp_put32(&hello, 0);
        bk_buf_putc(&hello, FXP_INIT);
        vm_sftp_put32(&hello, VERSION);         /* where others have their id */
        if (vm_sftp_send(ssh, &hello, err) < 0 || vm_sftp_take(ssh, &version, err) < 0)
                return -1;
        if (version.type != FXP_VERSION || version.id < VERSION)
                return bk_fail(err, BK_INFRA, "the server does not speak SFTP %d", VERSION);
        return 0;
}

int vm_sftp_open(struct vm_ssh *ssh, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + ANSWER_MS;
        struct bk_error why = { 0 };
        struct vm_sftp *sftp;
        int rc;

        if (!vm_ssh_connected(ssh))
                return bk_fail(err, BK_INFRA, "there is no SSH connection to %s:%u any more", ssh->config->host, ssh->config->port);
        if (ssh->sftp != NULL && !usable(ssh))
                vm_sftp_close(ssh);
        if (ssh->sftp != NULL || ssh->no_sftp)
                return 0;
        sftp = ssh->sftp = bk_alloc(sizeof *sftp);
        sftp->channel = ssh_channel_new(ssh->session);
        if (sftp->channel == NULL)
                return bk_fail(err, BK_INFRA, "no SSH channel: %s", vm_ssh_why(ssh));
        sftp->callbacks = (struct ssh_channel_callbacks_struct){
                .userdata = sftp, .channel_data_function = on_data, .channel_close_function = on_close,
        };
        ssh_callbacks_init(&sftp->callbacks);
        (void)ssh_set_channel_callbacks(sftp->channel, &sftp->callbacks);
        while ((rc = ssh_channel_open_session(sftp->channel)) == SSH_AGAIN)
                if (vm_ssh_patience(ssh, deadline, "opening an SSH channel", err) < 0)
                        goto failed;
        if (rc != SSH_OK) {
                bk_fail(err, BK_INFRA, "no SSH channel: %s", vm_ssh_why(ssh));
                goto failed;
        }
        while ((rc = ssh_channel_request_subsystem(sftp->channel, "sftp")) == SSH_AGAIN)
                if (vm_ssh_patience(ssh, deadline, "asking for SFTP", err) < 0)
                        goto failed;
        if (rc == SSH_OK && greet(ssh, &why) == 0)
                return 0;
        /* It was refused, or what should serve it is not installed there. */
        if (vm_ssh_up(ssh) && (rc != SSH_OK || why.kind == BK_INFRA)) {
                ssh->no_sftp = true;
                vm_sftp_close(ssh);
                return 0;
        }
        if (rc != SSH_OK)
                lost(ssh, &why);
        if (err != NULL)
                *err = why;
failed:
        vm_sftp_close(ssh);
        return -1;
}
