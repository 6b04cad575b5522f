/* SFTP packets, for vm/ssh_sftp.c, which carries them, and vm/ssh_sftp_file.c, which knows what they mean.
 * Numbers are those of draft-ietf-secsh-filexfer-02. */
#pragma once
#include "lib/buf.h"
#include "vm/ssh_priv.h"

enum vm_sftp_number {
        FXP_INIT = 1, FXP_VERSION = 2, FXP_OPEN = 3, FXP_CLOSE = 4, FXP_READ = 5, FXP_WRITE = 6, FXP_FSETSTAT = 10, FXP_OPENDIR = 11,
        FXP_READDIR = 12, FXP_REMOVE = 13, FXP_MKDIR = 14, FXP_STAT = 17, FXP_STATUS = 101, FXP_HANDLE = 102, FXP_DATA = 103,
        FXP_NAME = 104, FXP_ATTRS = 105,
        FXF_READ = 1, FXF_WRITE = 2, FXF_CREAT = 8, FXF_TRUNC = 16,
        ATTR_SIZE = 1, ATTR_UIDGID = 2, ATTR_PERMISSIONS = 4, ATTR_ACMODTIME = 8, ATTR_EXTENDED = INT32_MIN,
        FX_OK = 0, FX_EOF = 1, FX_NO_SUCH_FILE = 2, FX_PERMISSION_DENIED = 3,
};

struct vm_sftp {
        ssh_channel channel;
        struct ssh_channel_callbacks_struct callbacks;
        struct bk_buf in;
        size_t in_at;
        uint32_t next_id;
        bool closed;
};

struct vm_sftp_answer {
        uint8_t type;
        uint32_t id;
        const unsigned char *at, *end;  /* of the body; until the next answer is taken */
        bool bad;                       /* shorter than it claims */
};


uint32_t vm_sftp_get32(struct vm_sftp_answer *answer);
const char *vm_sftp_get_bytes(struct vm_sftp_answer *answer, size_t *ret_length);       /* not terminated */
bool vm_sftp_is_status(struct vm_sftp_answer answer, uint32_t code);

/* Empties buf and begins a request in it; returns its number. */
uint32_t vm_sftp_request(struct vm_ssh *ssh, struct bk_buf *buf, uint8_t type);
void vm_sftp_put32(struct bk_buf *buf, uint32_t value);
void vm_sftp_put64(struct bk_buf *buf, uint64_t value);
void vm_sftp_put_bytes(struct bk_buf *buf, const void *bytes, size_t length);
int vm_sftp_send(struct vm_ssh *ssh, struct bk_buf *request, struct bk_error *err) BK_MUST_CHECK;
int vm_sftp_take(struct vm_ssh *ssh, struct vm_sftp_answer *ret, struct bk_error *err) BK_MUST_CHECK;
/* One request, its one answer. A status other than OK is a failure, told in *ret too; without any answer its type is 0
 * and SFTP is closed. */
int vm_sftp_ask(struct vm_ssh *ssh, struct bk_buf *request, uint8_t wanted, struct vm_sftp_answer *ret, struct bk_error *err) BK_MUST_CHECK;
/* An answer's status as a failure. */
int vm_sftp_refuse(struct vm_sftp_answer answer, struct bk_error *err);
