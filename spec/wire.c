/* Records from the child that runs Ruby to its parent. The child may be hostile
 * or dying, so every length is checked before it is believed. */
#include "spec/spec_priv.h"

#include <string.h>

#include "lib/fs.h"

enum { STRING_MOST = 1 << 20 };

int spec_wire_send(int fd, enum spec_record record, const struct spec_result *result)
{
        const char *const strings[] = { result->file, result->group, result->name, result->message };
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        struct spec_message head = {
                .record = (uint8_t)record, .verdict = (uint8_t)result->verdict, .line = result->line,
                .duration_us = result->duration_us, .size = sizeof head,
        };
        struct bk_error err = { 0 };

        for (int i = 0; i < 4; i++) {
                const size_t length = strings[i] ? strnlen(strings[i], STRING_MOST - 1) : 0;

                head.lengths[i] = (uint32_t)length + 1;
                head.size += (uint32_t)length + 1;
        }
        bk_buf_add(&buf, &head, sizeof head);
        for (int i = 0; i < 4; i++) {
                bk_buf_add(&buf, strings[i] ? strings[i] : "", head.lengths[i] - 1);
                bk_buf_putc(&buf, '\0');
        }
        return bk_write_all(fd, buf.data, buf.len, &err);
}

int64_t spec_wire_take(const char *bytes, size_t length, enum spec_record *ret_record, struct spec_result *ret)
{
        char **const strings[] = { &ret->file, &ret->group, &ret->name, &ret->message };
        struct spec_message head;
        size_t at = sizeof head;

        if (length < sizeof head)
                return 0;
        memcpy(&head, bytes, sizeof head);
        if (head.record < SPEC_RECORD_START || head.record > SPEC_RECORD_END || head.verdict > SPEC_SKIP ||
            head.size < sizeof head || head.size > sizeof head + 4 * STRING_MOST)
                return -1;
        if (length < head.size)
                return 0;
        for (int i = 0; i < 4; i++) {
                if (head.lengths[i] == 0 || head.lengths[i] > head.size - at || bytes[at + head.lengths[i] - 1] != '\0')
                        return -1;
                *strings[i] = (char *)bytes + at;
                at += head.lengths[i];
        }
        if (at != head.size)
                return -1;
        *ret_record = head.record;
        ret->verdict = head.verdict;
        ret->line = head.line;
        ret->duration_us = head.duration_us;
        return head.size;
}
