/* Commands there. Output is read until the command ends, and a little longer while it flows: a daemon that
 * it leaves behind keeps the channel open, and must not hold us up. */
#include "vm/ssh_priv.h"

#include <signal.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum {
        LINE_MOST = 8192, CAPTURE_MOST = 16 << 20, TAIL = 400,
        START_MS = 120000,              /* for a server to open a channel; an emulated one may be busy */
        LEFT_OPEN_MS = 3000,            /* without output after the command's end: something else holds the channel */
        UNKNOWN = -1,
};

struct running {
        const struct vm_ssh_command *command;
        ssh_channel channel;
        struct ssh_channel_callbacks_struct callbacks;
        int status;                     /* or UNKNOWN */
        bool ended;                     /* the channel */
        int64_t last;                   /* bk_now_ms() of the last event */
        struct bk_error failure;        /* of a sink or source */
        bool failed;
        char input[VM_SSH_CHUNK];
        size_t input_at, input_len;
        bool input_done;
};

static void running_done(struct running *r)
{
        if (r->channel != NULL) {
                (void)ssh_remove_channel_callbacks(r->channel, &r->callbacks);
                ssh_channel_free(r->channel);
        }
}

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t length, int is_stderr, void *arg)
{
        struct running *r = arg;

        (void)session, (void)channel;
        r->last = bk_now_ms();
        if (!r->failed && r->command->sink(r->command->arg, is_stderr ? 2 : 1, data, length, &r->failure) < 0)
                r->failed = true;
        return (int)length;
}

static void on_status(ssh_session session, ssh_channel channel, int status, void *arg)
{
        struct running *r = arg;

        (void)session, (void)channel;
        r->last = bk_now_ms();
        r->status = status;
}

/* RFC 4254 has the names without "SIG"; one of its own or a server's making counts as 128. */
static void on_signal(ssh_session session, ssh_channel channel, const char *name, int core, const char *message, const char *lang, void *arg)
{
        struct running *r = arg;

        (void)session, (void)channel, (void)core, (void)message, (void)lang;
        r->last = bk_now_ms();
        r->status = 128;
        for (int sig = 1; sig < NSIG; sig++)
                if (bk_streq(sigabbrev_np(sig), name))
                        r->status = 128 + sig;
}

static void on_close(ssh_session session, ssh_channel channel, void *arg)
{
        struct running *r = arg;

        (void)session, (void)channel;
        r->ended = true;
}

static int start(struct vm_ssh *ssh, struct running *r, struct bk_error *err)
{
        const int64_t own = bk_now_ms() + START_MS, deadline = own < r->command->deadline ? own : r->command->deadline;
        int rc;

        r->channel = ssh_channel_new(ssh->session);
        if (r->channel == NULL)
                return bk_fail(err, BK_INFRA, "no SSH channel: %s", vm_ssh_why(ssh));
        r->callbacks = (struct ssh_channel_callbacks_struct){
                .userdata = r, .channel_data_function = on_data, .channel_close_function = on_close,
                .channel_exit_status_function = on_status, .channel_exit_signal_function = on_signal,
        };
        ssh_callbacks_init(&r->callbacks);
        (void)ssh_set_channel_callbacks(r->channel, &r->callbacks);
        while ((rc = ssh_channel_open_session(r->channel)) == SSH_AGAIN)
                if (vm_ssh_patience(ssh, deadline, "opening an SSH channel", err) < 0)
                        return -1;
        if (rc == SSH_OK && r->command->pty)
                while ((rc = ssh_channel_request_pty_size(r->channel, "xterm", 80, 40)) == SSH_AGAIN)
                        if (vm_ssh_patience(ssh, deadline, "asking for a terminal", err) < 0)
                                return -1;
        if (rc == SSH_OK)
                while ((rc = ssh_channel_request_exec(r->channel, r->command->command)) == SSH_AGAIN)
                        if (vm_ssh_patience(ssh, deadline, "starting a command", err) < 0)
                                return -1;
        if (rc != SSH_OK)
                return bk_fail(err, BK_INFRA, "cannot start a command over SSH: %s", vm_ssh_why(ssh));
        return 0;
}

/* What the window takes now. The end of input is EOF, and on a terminal its character. */
static void feed(struct running *r)
{
        while (!r->input_done && !r->failed && ssh_channel_window_size(r->channel) > 0) {
                int put;

                if (r->input_at == r->input_len) {
                        const ssize_t got = r->command->source ? r->command->source(r->command->arg, r->input, sizeof r->input) : 0;

                        if (got < 0) {
                                bk_fail_errno(&r->failure, "cannot read what is to be sent");
                                r->failed = true;
                                return;
                        }
                        r->input_at = 0;
                        r->input_len = (size_t)got;
                        if (got == 0) {
                                if (r->command->pty && r->command->source != NULL)
                                        (void)ssh_channel_write(r->channel, "\004", 1);
                                else
                                        (void)ssh_channel_send_eof(r->channel);
                                r->input_done = true;
                                return;
                        }
                }
                put = ssh_channel_write(r->channel, r->input + r->input_at, (uint32_t)(r->input_len - r->input_at));
                if (put < 0) {          /* it does not want any more; why, its status tells */
                        r->input_done = true;
                        return;
                }
                if (put == 0)
                        return;
                r->input_at += (size_t)put;
                r->last = bk_now_ms();
        }
}

static bool over(const struct vm_ssh *ssh, const struct running *r)
{
        if (r->ended || r->failed || !vm_ssh_up(ssh) || ssh_channel_is_closed(r->channel))
                return true;
        return r->status != UNKNOWN && (ssh_channel_is_eof(r->channel) || bk_now_ms() - r->last > LEFT_OPEN_MS);
}

int vm_ssh_command(struct vm_ssh *ssh, const struct vm_ssh_command *command, int *ret_status, struct bk_error *err)
{
        BK_CLEANUP(running_done) struct running r = { .command = command, .status = UNKNOWN, .last = bk_now_ms() };

        if (!vm_ssh_connected(ssh))
                return bk_fail(err, BK_INFRA, "there is no SSH connection to %s:%u any more", ssh->config->host, ssh->config->port);
        if (start(ssh, &r, err) < 0)
                return -1;
        while (feed(&r), !over(ssh, &r)) {
                if (bk_now_ms() >= command->deadline) {
                        /* sshd passes it on; another server may leave the command running. */
                        (void)ssh_channel_request_send_signal(r.channel, "KILL");
                        return bk_fail(err, BK_TIMEOUT, "the command did not end in time");
                }
                if (vm_ssh_turn(ssh, command->deadline, err) < 0)
                        return -1;
        }
        if (r.failed) {
                if (err != NULL)
                        *err = r.failure;
                return -1;
        }
        *ret_status = r.status == UNKNOWN ? VM_SSH_DISCONNECTED : r.status;
        return 0;
}

/* --- with output captured, or in lines ------------------------------------ */

struct talk {
        const struct vm_ssh_run *run;
        size_t sent;
        struct bk_buf buf[2];
        bool too_much;
};

static void talk_done(struct talk *talk)
{
        bk_buf_done(&talk->buf[0]);
        bk_buf_done(&talk->buf[1]);
}

static ssize_t input_of(void *arg, void *bytes, size_t room)
{
        struct talk *talk = arg;
        const size_t left = talk->run->input_len - talk->sent, n = left < room ? left : room;

        if (n > 0)
                memcpy(bytes, talk->run->input + talk->sent, n);
        talk->sent += n;
        return (ssize_t)n;
}

/* Whole lines go out at once; `last` also flushes what has no newline. */
static void hand_on(const struct vm_ssh_run *run, int stream, struct bk_buf *buf, bool last)
{
        char *start = buf->data, *end = buf->data + buf->len;

        if (buf->len == 0)
                return;
        while (start < end) {
                const size_t left = (size_t)(end - start), most = left < LINE_MOST ? left : LINE_MOST;
                char *newline = memchr(start, '\n', most);

                if (newline != NULL) {
                        *newline = '\0';
                        if (newline > start && newline[-1] == '\r')
                                newline[-1] = '\0';
                        run->on_line(run->arg, stream, start);
                        start = newline + 1;
                } else if (last || left >= LINE_MOST) {
                        char piece[LINE_MOST + 1];

                        memcpy(piece, start, most);
                        piece[most] = '\0';
                        run->on_line(run->arg, stream, piece);
                        start += most;
                } else {
                        break;
                }
        }
        buf->len = (size_t)(end - start);
        memmove(buf->data, start, buf->len + 1);
}

static int take(void *arg, int stream, const char *bytes, size_t length, struct bk_error *err)
{
        struct talk *talk = arg;
        struct bk_buf *buf = &talk->buf[stream - 1];
        const size_t most = talk->run->capture_most ? talk->run->capture_most : CAPTURE_MOST;

        (void)err;
        if (talk->run->on_line == NULL && buf->len + length > most) {
                talk->too_much = true;
                return 0;
        }
        bk_buf_add(buf, bytes, length);
        if (talk->run->on_line != NULL)
                hand_on(talk->run, stream, buf, false);
        return 0;
}

static void add_tail(struct bk_error *err, const struct bk_buf *buf)
{
        size_t length = buf->len;

        while (length > 0 && (buf->data[length - 1] == '\n' || buf->data[length - 1] == '\r'))
                length--;
        if (length > 0) {
                const size_t n = length < TAIL ? length : TAIL;

                bk_wrap(err, "last output '%.*s'", (int)n, buf->data + length - n);
        }
}

int vm_ssh_run(struct vm_ssh *ssh, const struct vm_ssh_run *run, struct vm_ssh_result *ret, struct bk_error *err)
{
        BK_CLEANUP(talk_done) struct talk talk = { .run = run };
        const struct vm_ssh_command command = {
                .command = run->command, .pty = ssh->config->pty, .source = run->input ? input_of : NULL, .sink = take, .arg = &talk,
                .deadline = run->timeout_ms > 0 ? bk_now_ms() + run->timeout_ms : INT64_MAX,
        };
        int status = 0;
        const int result = vm_ssh_command(ssh, &command, &status, err);

        for (int i = 0; run->on_line != NULL && i < 2; i++)
                hand_on(run, i + 1, &talk.buf[i], true);
        if (result < 0) {
                if (err != NULL && err->kind == BK_TIMEOUT)
                        add_tail(err, talk.buf[1].len > 0 ? &talk.buf[1] : &talk.buf[0]);
                return -1;
        }
        if (talk.too_much)
                return bk_fail(err, BK_FAILED, "the command printed more than can be kept");
        *ret = (struct vm_ssh_result){ .status = status, .out_len = talk.buf[0].len, .err_len = talk.buf[1].len };
        ret->out = bk_buf_finish(&talk.buf[0]);
        ret->err = bk_buf_finish(&talk.buf[1]);
        return 0;
}

void vm_ssh_result_done(struct vm_ssh_result *result)
{
        free(result->out);
        free(result->err);
        *result = (struct vm_ssh_result){ 0 };
}
