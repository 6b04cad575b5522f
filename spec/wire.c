/* Records from the child that runs Ruby to its parent, and the parent's answers. The child may be hostile
 * or dying, so every length is checked before it is believed. */
#include "spec/spec_priv.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/fs.h"

enum { STRING_MOST = 1 << 20, STRINGS = 6, OUTPUT_MOST = 64 << 20 };

/* Of this process, where it tells anything. */
static struct spec_pending *own;

void spec_wire_begin(struct spec_pending *pending)
{
        own = pending;
}

/* The order matters: who looks meanwhile must not take old bytes for new ones. */
int spec_wire_flush(int fd)
{
        const uint32_t length = own != NULL ? own->len : 0;
        struct bk_error err = { 0 };

        if (length == 0)
                return 0;
        if (bk_write_all(fd, own->bytes, length, &err) < 0)
                return -1;
        own->len = 0;
        own->before += length;
        return 0;
}

size_t spec_wire_peek(struct spec_pending *pending, uint64_t taken, char *ret)
{
        const uint64_t before = pending->before;
        const uint32_t length = pending->len;
        const uint64_t skip = taken - before;

        if (length > sizeof pending->bytes || taken < before || skip >= length)
                return 0;
        memcpy(ret, pending->bytes + skip, length - skip);
        atomic_thread_fence(memory_order_seq_cst);
        return pending->before == before ? length - skip : 0;
}

static void fill(char *to, const struct spec_message *head, const char *const strings[STRINGS])
{
        memcpy(to, head, sizeof *head);
        to += sizeof *head;
        for (int i = 0; i < STRINGS; i++) {
                memcpy(to, strings[i] ? strings[i] : "", head->lengths[i] - 1);
                to[head->lengths[i] - 1] = '\0';
                to += head->lengths[i];
        }
}

static int send_large(int fd, const struct spec_message *head, const char *const strings[STRINGS])
{
        autofree char *bytes = bk_alloc(head->size);
        struct bk_error err = { 0 };

        fill(bytes, head, strings);
        if (bk_write_all(fd, bytes, head->size, &err) < 0)
                return -1;
        if (own != NULL)
                own->before += head->size;
        return 0;
}

int spec_wire_send(int fd, enum spec_record record, const struct spec_result *result)
{
        const char *const strings[] = { result->file, result->group, result->name, result->message, result->control, result->title };
        struct spec_message head = {
                .record = (uint8_t)record, .verdict = (uint8_t)result->verdict, .line = result->line,
                .where = (uint8_t)result->where, .configured = result->configured, .attempts = result->attempts, .impact = result->impact,
                .duration_us = result->duration_us, .size = sizeof head,
        };

        for (int i = 0; i < STRINGS; i++) {
                const size_t length = strings[i] ? strnlen(strings[i], STRING_MOST - 1) : 0;

                head.lengths[i] = (uint32_t)length + 1;
                head.size += (uint32_t)length + 1;
        }
        if (own != NULL && head.size > sizeof own->bytes - own->len && spec_wire_flush(fd) < 0)
                return -1;
        if (own == NULL || head.size > sizeof own->bytes)
                return send_large(fd, &head, strings);
        fill(own->bytes + own->len, &head, strings);
        own->len += head.size;
        return 0;
}

int64_t spec_wire_take(const char *bytes, size_t length, enum spec_record *ret_record, struct spec_result *ret)
{
        char **const strings[] = { &ret->file, &ret->group, &ret->name, &ret->message, &ret->control, &ret->title };
        struct spec_message head;
        size_t at = sizeof head;

        if (length < sizeof head)
                return 0;
        memcpy(&head, bytes, sizeof head);
        if (head.record < SPEC_RECORD_START || head.record > SPEC_RECORD_ASK || head.verdict > SPEC_SKIP || head.where > SPEC_IN_GUEST ||
            head.size < sizeof head || head.size > sizeof head + STRINGS * STRING_MOST)
                return -1;
        if (length < head.size)
                return 0;
        for (int i = 0; i < STRINGS; i++) {
                if (head.lengths[i] == 0 || head.lengths[i] > head.size - at || bytes[at + head.lengths[i] - 1] != '\0')
                        return -1;
                *strings[i] = (char *)bytes + at;
                at += head.lengths[i];
        }
        if (at != head.size)
                return -1;
        *ret_record = head.record;
        ret->verdict = head.verdict;
        ret->where = head.where;
        ret->configured = head.configured;
        ret->attempts = head.attempts;
        ret->impact = head.impact;
        ret->line = head.line;
        ret->duration_us = head.duration_us;
        return head.size;
}

/* --- questions ------------------------------------------------------------------ */

struct answer {
        int32_t result, status;         /* result: 0, or the kind of the error whose text is `out` */
        uint64_t out_len, err_len;
};

static int take(int fd, void *ret, size_t length, struct bk_error *err)
{
        for (size_t at = 0; at < length;) {
                const ssize_t got = read(fd, (char *)ret + at, length - at);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return bk_fail(err, BK_INFRA, "the process that runs commands is gone");
                at += (size_t)got;
        }
        return 0;
}

void spec_output_done(struct spec_output *output)
{
        free(output->out);
        free(output->err);
        *output = (struct spec_output){ 0 };
}

int spec_wire_ask(int fd, enum spec_where where, const char *line, const char *input, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        const struct spec_result question = {
                .where = where, .name = (char *)line, .message = (char *)(input != NULL ? input : ""), .line = (unsigned)timeout_ms,
                .attempts = input != NULL,
        };
        struct answer head;

        if (strlen(line) >= STRING_MOST || (input != NULL && strlen(input) >= STRING_MOST))
                return bk_fail(err, BK_USAGE, "the command is longer than 1 MiB");
        if (spec_wire_send(fd, SPEC_RECORD_ASK, &question) < 0 || spec_wire_flush(fd) < 0 || take(fd, &head, sizeof head, err) < 0)
                return bk_fail(err, BK_INFRA, "the process that runs commands is gone");
        output = (struct spec_output){ .status = head.status, .out_len = head.out_len, .err_len = head.err_len };
        output.out = bk_alloc(head.out_len + 1);
        output.err = bk_alloc(head.err_len + 1);
        if (take(fd, output.out, head.out_len, err) < 0 || take(fd, output.err, head.err_len, err) < 0)
                return -1;
        if (head.result != 0)
                return bk_fail(err, (enum bk_kind)head.result, "%s", output.out);
        *ret = output;
        output = (struct spec_output){ 0 };
        return 0;
}

/* The child may be gone, or stopped reading: a socket with a deadline, and no signal. */
static int give(int fd, const void *bytes, size_t length)
{
        for (size_t at = 0; at < length;) {
                const ssize_t sent = send(fd, (const char *)bytes + at, length - at, MSG_NOSIGNAL);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent <= 0)
                        return -1;
                at += (size_t)sent;
        }
        return 0;
}

int spec_wire_answer(int fd, const struct spec_target *target, const struct spec_result *asked, int64_t deadline_ms)
{
        const struct spec_place *place = asked->where == SPEC_IN_GUEST ? &target->guest : &target->sandbox;
        const int64_t left = deadline_ms - bk_now_ms();
        const int timeout_ms = (int64_t)asked->line < left ? (int)asked->line : left > 0 ? (int)left : 1;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct bk_error err = { 0 };
        struct answer head = { 0 };

        if (place->run == NULL)
                bk_fail(&err, BK_INFRA, "commands cannot be run here");
        else if (place->run(place->arg, asked->name, asked->attempts ? asked->message : NULL, asked->attempts ? strlen(asked->message) : 0,
                            timeout_ms, &output, &err) == 0 && (output.out_len > OUTPUT_MOST || output.err_len > OUTPUT_MOST))
                bk_fail(&err, BK_FAILED, "it printed more than %d MiB", OUTPUT_MOST >> 20);
        if (err.kind != BK_NONE) {
                spec_output_done(&output);
                output.out = bk_strdup(err.text);
                output.out_len = strlen(err.text);
        }
        head = (struct answer){ .result = (int32_t)err.kind, .status = output.status, .out_len = output.out_len, .err_len = output.err_len };
        if (give(fd, &head, sizeof head) < 0 || give(fd, output.out, output.out_len) < 0 || give(fd, output.err, output.err_len) < 0)
                return -1;
        return 0;
}
