/* The talk with the agent in a guest (bakery/agent/agent.h). The guest is hostile: whatever comes, it costs bounded memory and time. */
#include "bakery/bake/spec_boot_priv.h"

#include <poll.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum {
        TICK_MS = 200, CLOSED_TICKS = 10, CHUNK = 65536,
        UART_PIECE = 512, UART_PAUSE_MS = 4,    /* a UART has no way to say that its guest cannot keep up */
        LEAST_BYTES_MS = 256, UART_BYTES_MS = 16,       /* slower than that, on a busy host with an emulated guest, is not going on */
};

enum word { WORD_NONE, WORD_HELLO, WORD_DONE };

void boot_talk_done(struct boot_talk *talk)
{
        bk_buf_done(&talk->in[0]);
        bk_buf_done(&talk->in[1]);
}

static void drop(struct bk_buf *buf, size_t length)
{
        if (length == 0)
                return;
        memmove(buf->data, buf->data + length, buf->len - length);
        buf->len -= length;
        buf->data[buf->len] = '\0';
}

/* --- lines ------------------------------------------------------------------------------ */

/* Is a message's first line at `at`? *ret_words: behind its token. */
enum look { LOOK_NO, LOOK_MORE, LOOK_YES };

static enum look look_at(const char *at, size_t left, const char *prefix, const char **ret_words, const char **ret_end)
{
        const size_t length = strlen(prefix), most = left < AGENT_HEADER_MOST ? left : AGENT_HEADER_MOST;

        if (memcmp(at, prefix, length < left ? length : left) != 0)
                return LOOK_NO;
        *ret_end = memchr(at, '\n', most);
        *ret_words = at + length;
        if (*ret_end != NULL)
                return *ret_end >= *ret_words ? LOOK_YES : LOOK_NO;
        return left < AGENT_HEADER_MOST ? LOOK_MORE : LOOK_NO;
}

/* Takes the first message's line off; what was before it is noise. ret: the words behind its token. WORD_NONE: there is no whole one yet. */
static enum word take_line(struct bk_buf *in, const char *token, char ret[AGENT_HEADER_MOST])
{
        static const char common[] = "bakery-";
        autofree char *hello = bk_format(AGENT_HELLO " %s ", token), *done = bk_format(AGENT_DONE " %s ", token);
        const char *at = in->data, *const bytes_end = at + in->len;

        while (in->len > 0 && (at = memmem(at, (size_t)(bytes_end - at), common, strlen(common))) != NULL) {
                const size_t left = (size_t)(bytes_end - at);
                const char *words = NULL, *end = NULL;
                enum word word = WORD_HELLO;
                enum look look = look_at(at, left, hello, &words, &end);

                if (look == LOOK_NO) {
                        word = WORD_DONE;
                        look = look_at(at, left, done, &words, &end);
                }
                if (look == LOOK_YES) {
                        (void)snprintf(ret, AGENT_HEADER_MOST, "%.*s", (int)(end - words), words);
                        drop(in, (size_t)(end + 1 - in->data));
                        return word;
                }
                if (look == LOOK_MORE) {
                        drop(in, (size_t)(at - in->data));
                        return WORD_NONE;
                }
                at += strlen(common);
        }
        drop(in, in->len > strlen(common) ? in->len - strlen(common) : 0);      /* a message may begin in what is kept */
        return WORD_NONE;
}

/* --- waiting ---------------------------------------------------------------------------- */

/* How long so many bytes may take. */
static int64_t patience(const struct boot_talk *talk, size_t length)
{
        return talk->grace_ms + (int64_t)length / (talk->at == 1 ? UART_BYTES_MS : LEAST_BYTES_MS);
}

/* Why is known a moment later. */
static int closed(struct boot_talk *talk, struct bk_error *err)
{
        for (int i = 0; i < CLOSED_TICKS; i++) {
                if (talk->alive(talk->arg, err) < 0)
                        return -1;
                (void)poll(NULL, 0, TICK_MS);
        }
        return bk_fail(err, BK_INFRA, "the guest's port is closed");
}

/* Waits a moment for bytes of those that are listened to (at, or all). */
static int listen_to(struct boot_talk *talk, struct bk_error *err)
{
        struct pollfd events[2];
        char chunk[CHUNK];

        for (int i = 0; i < 2; i++)
                events[i] = (struct pollfd){ .fd = talk->at < 0 || talk->at == i ? talk->fds[i] : -1, .events = POLLIN };
        if (poll(events, 2, TICK_MS) <= 0)
                return talk->alive(talk->arg, err);
        for (int i = 0; i < 2; i++) {
                const ssize_t got = (events[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? read(events[i].fd, chunk, sizeof chunk) : 0;

                if (got > 0)
                        bk_buf_add(&talk->in[i], chunk, (size_t)got);
                else if (events[i].revents != 0 && !(got < 0 && (errno == EAGAIN || errno == EINTR)))
                        return closed(talk, err);
        }
        return 0;
}

int boot_talk_hello(struct boot_talk *talk, int64_t timeout_ms, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + timeout_ms;
        char line[AGENT_HEADER_MOST];

        talk->at = -1;
        while (bk_now_ms() < deadline) {
                for (int i = 0; i < 2; i++) {
                        if (take_line(&talk->in[i], talk->token, line) != WORD_HELLO)
                                continue;
                        (void)snprintf(talk->instance, sizeof talk->instance, "%.39s", line);
                        talk->at = i;
                        return 0;
                }
                if (listen_to(talk, err) < 0)
                        return -1;
        }
        return bk_fail(err, BK_TIMEOUT, "the guest was not up within %lld s", (long long)(timeout_ms / 1000));
}

static int send_all(struct boot_talk *talk, const char *bytes, size_t length, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + patience(talk, length);

        while (length > 0) {
                struct pollfd event = { .fd = talk->fds[talk->at], .events = POLLOUT };
                const size_t piece = talk->at == 1 && length > UART_PIECE ? UART_PIECE : length;
                ssize_t sent = -1;

                if (bk_now_ms() >= deadline)
                        return bk_fail(err, BK_INFRA, "the guest does not take what it is asked");
                if (poll(&event, 1, TICK_MS) > 0)
                        sent = write(event.fd, bytes, piece);
                else if (talk->alive(talk->arg, err) < 0)
                        return -1;
                if (sent > 0) {
                        bytes += sent;
                        length -= (size_t)sent;
                } else if (event.revents != 0 && (errno == EPIPE || errno == ECONNRESET)) {
                        return closed(talk, err);
                } else if (event.revents != 0 && errno != EAGAIN && errno != EINTR) {
                        return bk_fail_errno(err, "cannot write to the guest's port");
                }
                if (talk->at == 1)
                        (void)poll(NULL, 0, UART_PAUSE_MS);
        }
        return 0;
}

/* --- a request ------------------------------------------------------------------------------ */

struct answer { unsigned long id, how, status, out, err; };

static bool read_answer(const char *line, struct answer *ret)
{
        char more;

        return strspn(line, "0123456789 ") == strlen(line) &&
               sscanf(line, "%lu %lu %lu %lu %lu%c", &ret->id, &ret->how, &ret->status, &ret->out, &ret->err, &more) == 5 &&
               ret->out <= AGENT_OUTPUT_MOST && ret->err <= AGENT_OUTPUT_MOST && ret->status <= 255;
}

static int await_answer(struct boot_talk *talk, int64_t deadline, struct answer *ret, struct bk_error *err)
{
        char line[AGENT_HEADER_MOST];

        for (;;) {
                const enum word word = take_line(&talk->in[talk->at], talk->token, line);

                if (word == WORD_DONE && !read_answer(line, ret))
                        return bk_fail(err, BK_INFRA, "the guest's answer makes no sense");
                /* Another id: of a line that was given up. */
                if (word == WORD_DONE && ret->id == talk->id)
                        return 0;
                if (word == WORD_HELLO && !bk_streq(line, talk->instance)) {
                        (void)snprintf(talk->instance, sizeof talk->instance, "%.39s", line);
                        return bk_fail(err, BK_INFRA, "the guest was started anew meanwhile, or ended the process that runs its checks");
                }
                if (word != WORD_NONE)
                        continue;
                if (bk_now_ms() >= deadline)
                        return bk_fail(err, BK_INFRA, "the guest does not answer any more");
                if (listen_to(talk, err) < 0)
                        return -1;
        }
}

static int await_bytes(struct boot_talk *talk, size_t length, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + patience(talk, length);

        while (talk->in[talk->at].len < length) {
                if (bk_now_ms() >= deadline)
                        return bk_fail(err, BK_INFRA, "the guest's answer did not end in time");
                if (listen_to(talk, err) < 0)
                        return -1;
        }
        return 0;
}

/* A hello that came while nobody listened is no news. */
static int forget(struct boot_talk *talk, struct bk_error *err)
{
        struct pollfd event = { .fd = talk->fds[talk->at], .events = POLLIN };
        struct bk_buf *const in = &talk->in[talk->at];
        char line[AGENT_HEADER_MOST];
        enum word word;

        in->len = 0;
        for (int i = 0; i < AGENT_OUTPUT_MOST / 4096 && poll(&event, 1, 0) > 0; i++) {
                if (listen_to(talk, err) < 0)
                        return -1;
                while ((word = take_line(in, talk->token, line)) != WORD_NONE)
                        if (word == WORD_HELLO)
                                (void)snprintf(talk->instance, sizeof talk->instance, "%.39s", line);
        }
        in->len = 0;
        return 0;
}

static char *copy(const char *bytes, size_t length)
{
        char *text = bk_alloc(length + 1);

        if (length > 0)
                memcpy(text, bytes, length);
        return text;
}

static int fetch(struct boot_talk *talk, const struct answer *answer, struct spec_output *ret, struct bk_error *err)
{
        struct bk_buf *const in = &talk->in[talk->at];

        if (await_bytes(talk, answer->out + answer->err, err) < 0)
                return -1;
        *ret = (struct spec_output){
                .out = copy(in->data, answer->out), .out_len = answer->out,
                .err = copy(answer->err > 0 ? in->data + answer->out : NULL, answer->err), .err_len = answer->err,
                .status = (int)answer->status,
        };
        bk_buf_done(in);        /* it may have been large */
        return 0;
}

int boot_talk_run(struct boot_talk *talk, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        struct answer answer = { 0 };
        autofree char *header = NULL;

        if (strlen(line) > AGENT_LINE_MOST || input_len > AGENT_INPUT_MOST)
                return bk_fail(err, BK_FAILED, "a line of %zu bytes with %zu bytes of input is too much for a guest", strlen(line), input_len);
        if (forget(talk, err) < 0)
                return -1;
        header = bk_format("%s %s %lu %d %zu %zu\n", AGENT_RUN, talk->token, ++talk->id, timeout_ms, strlen(line), input_len);
        if (send_all(talk, header, strlen(header), err) < 0 || send_all(talk, line, strlen(line), err) < 0 ||
            send_all(talk, input, input_len, err) < 0 ||
            await_answer(talk, bk_now_ms() + timeout_ms + talk->grace_ms, &answer, err) < 0)
                return -1;
        switch (answer.how) {
        case AGENT_ENDED:
                return fetch(talk, &answer, ret, err);
        case AGENT_LATE:
                return bk_fail(err, BK_TIMEOUT, "it did not end within %d.%03d s, and was ended", timeout_ms / 1000, timeout_ms % 1000);
        case AGENT_TOO_MUCH:
                return bk_fail(err, BK_FAILED, "it printed more than %d MiB", AGENT_OUTPUT_MOST >> 20);
        default:
                return bk_fail(err, BK_INFRA, "the guest could not start it");
        }
}
