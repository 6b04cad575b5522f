/* Files by SFTP: blocks go out, or are asked for, 64 at a time. */
#include "vm/ssh_sftp_priv.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

enum { UNDER_WAY = 64 };                /* blocks; with 32 KiB each what sshd's window takes */

/* The permissions with the type, or 0 when the server does not tell. */
static mode_t get_attributes(struct vm_sftp_answer *a)
{
        const uint32_t flags = vm_sftp_get32(a);
        mode_t mode = 0;

        if (flags & ATTR_SIZE)
                (void)vm_sftp_get32(a), (void)vm_sftp_get32(a);
        if (flags & ATTR_UIDGID)
                (void)vm_sftp_get32(a), (void)vm_sftp_get32(a);
        if (flags & ATTR_PERMISSIONS)
                mode = vm_sftp_get32(a);
        if (flags & ATTR_ACMODTIME)
                (void)vm_sftp_get32(a), (void)vm_sftp_get32(a);
        if (flags & (uint32_t)ATTR_EXTENDED) {
                for (uint32_t n = vm_sftp_get32(a); n > 0 && !a->bad; n--) {
                        size_t length;

                        (void)vm_sftp_get_bytes(a, &length);
                        (void)vm_sftp_get_bytes(a, &length);
                }
        }
        return mode;
}

struct handle { char bytes[256]; size_t length; };

static int take_handle(struct vm_sftp_answer *a, struct handle *ret, struct bk_error *err)
{
        size_t length;
        const char *bytes = vm_sftp_get_bytes(a, &length);

        if (a->bad || length > sizeof ret->bytes)
                return bk_fail(err, BK_INFRA, "a handle of SFTP makes no sense");
        memcpy(ret->bytes, bytes, length);
        ret->length = length;
        return 0;
}

static int open_file(struct vm_ssh *ssh, const char *path, uint32_t how, mode_t mode, struct handle *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_OPEN);
        vm_sftp_put_bytes(&request, path, strlen(path));
        vm_sftp_put32(&request, how);
        vm_sftp_put32(&request, how & FXF_CREAT ? ATTR_PERMISSIONS : 0);
        if (how & FXF_CREAT)
                vm_sftp_put32(&request, mode);
        return vm_sftp_ask(ssh, &request, FXP_HANDLE, &a, err) < 0 ? -1 : take_handle(&a, ret, err);
}

static int close_handle(struct vm_ssh *ssh, const struct handle *handle, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_CLOSE);
        vm_sftp_put_bytes(&request, handle->bytes, handle->length);
        return vm_sftp_ask(ssh, &request, FXP_STATUS, &a, err);
}

static int set_mode(struct vm_ssh *ssh, const struct handle *handle, mode_t mode, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_FSETSTAT);
        vm_sftp_put_bytes(&request, handle->bytes, handle->length);
        vm_sftp_put32(&request, ATTR_PERMISSIONS);
        vm_sftp_put32(&request, mode & 07777);
        return vm_sftp_ask(ssh, &request, FXP_STATUS, &a, err);
}

static int take_confirmation(struct vm_ssh *ssh, struct bk_error *err)
{
        struct vm_sftp_answer a;

        if (vm_sftp_take(ssh, &a, err) < 0)
                return -1;
        return vm_sftp_is_status(a, FX_OK) ? 0 : vm_sftp_refuse(a, err);
}

static int send_blocks(struct vm_ssh *ssh, int fd, const struct handle *handle, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        char block[VM_SSH_CHUNK];
        uint64_t offset = 0;
        unsigned under_way = 0;

        for (bool more = true; more || under_way > 0;) {
                if (!more || under_way == UNDER_WAY) {
                        if (take_confirmation(ssh, err) < 0)
                                return -1;
                        under_way--;
                        continue;
                }
                const ssize_t got = read(fd, block, sizeof block);

                if (got < 0)
                        return bk_fail_errno(err, "cannot read what is to be sent");
                if (got == 0) {
                        more = false;
                        continue;
                }
                (void)vm_sftp_request(ssh, &request, FXP_WRITE);
                vm_sftp_put_bytes(&request, handle->bytes, handle->length);
                vm_sftp_put64(&request, offset);
                vm_sftp_put_bytes(&request, block, (size_t)got);
                if (vm_sftp_send(ssh, &request, err) < 0)
                        return -1;
                offset += (uint64_t)got;
                under_way++;
        }
        return 0;
}

/* Created for its owner alone, so that nobody reads a secret before it has its mode. */
static int sftp_put(struct vm_ssh *ssh, int fd, const char *path, mode_t mode, struct bk_error *err)
{
        struct handle handle;

        if (open_file(ssh, path, FXF_WRITE | FXF_CREAT | FXF_TRUNC, 0600, &handle, err) < 0)
                return -1;
        if (send_blocks(ssh, fd, &handle, err) < 0) {
                vm_sftp_close(ssh);
                return -1;
        }
        if (set_mode(ssh, &handle, mode, err) < 0) {
                vm_sftp_close(ssh);
                return bk_wrap(err, "mode %o", mode & 07777);
        }
        return close_handle(ssh, &handle, err);
}

struct block { uint32_t id; uint64_t offset; uint32_t length; };        /* length 0: a free row */
struct reading {
        struct block blocks[UNDER_WAY];
        unsigned under_way, allowed;    /* grows with every whole block, so that a small file costs few questions */
        uint64_t next;
        bool end;
};

static int ask_block(struct vm_ssh *ssh, const struct handle *handle, struct bk_buf *request, struct block *block, struct bk_error *err)
{
        block->id = vm_sftp_request(ssh, request, FXP_READ);
        vm_sftp_put_bytes(request, handle->bytes, handle->length);
        vm_sftp_put64(request, block->offset);
        vm_sftp_put32(request, block->length);
        return vm_sftp_send(ssh, request, err);
}

static int take_block(struct vm_ssh *ssh, const struct handle *handle, struct bk_buf *request, struct reading *r, int fd, uint64_t most,
                      struct bk_error *err)
{
        struct block *block = NULL;
        struct vm_sftp_answer a;
        size_t length;
        const char *bytes;

        if (vm_sftp_take(ssh, &a, err) < 0)
                return -1;
        for (unsigned i = 0; i < UNDER_WAY; i++)
                if (r->blocks[i].length > 0 && r->blocks[i].id == a.id)
                        block = &r->blocks[i];
        if (block == NULL)
                return bk_fail(err, BK_INFRA, "SFTP answered what was not asked");
        if (a.type == FXP_STATUS) {
                if (!vm_sftp_is_status(a, FX_EOF))
                        return vm_sftp_refuse(a, err);
                r->end = true;
                block->length = 0;
                r->under_way--;
                return 0;
        }
        bytes = vm_sftp_get_bytes(&a, &length);
        if (a.type != FXP_DATA || a.bad || length == 0 || length > block->length)
                return bk_fail(err, BK_INFRA, "a block by SFTP makes no sense");
        if (block->offset + length > most)
                return bk_fail(err, BK_INVALID, "larger than the %llu bytes allowed here", (unsigned long long)most);
        for (size_t done = 0; done < length;) {
                const ssize_t put = pwrite(fd, bytes + done, length - done, (off_t)(block->offset + done));

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return bk_fail_errno(err, "cannot write what came");
                done += (size_t)put;
        }
        block->offset += length;
        block->length -= (uint32_t)length;
        if (block->length > 0)          /* short, not the end: the rest may follow */
                return ask_block(ssh, handle, request, block, err);
        r->under_way--;
        if (r->allowed < UNDER_WAY)
                r->allowed++;
        return 0;
}

static int read_blocks(struct vm_ssh *ssh, const struct handle *handle, int fd, uint64_t most, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct reading r = { .allowed = 2 };

        while (!r.end || r.under_way > 0) {
                if (!r.end && r.under_way < r.allowed) {
                        struct block *block = r.blocks;

                        while (block->length > 0)
                                block++;
                        *block = (struct block){ .offset = r.next, .length = VM_SSH_CHUNK };
                        r.next += VM_SSH_CHUNK;
                        r.under_way++;
                        if (ask_block(ssh, handle, &request, block, err) < 0)
                                return -1;
                } else if (take_block(ssh, handle, &request, &r, fd, most, err) < 0) {
                        return -1;
                }
        }
        return 0;
}

static int sftp_get(struct vm_ssh *ssh, const char *path, int fd, uint64_t most, struct bk_error *err)
{
        struct handle handle;

        if (open_file(ssh, path, FXF_READ, 0, &handle, err) < 0)
                return -1;
        if (read_blocks(ssh, &handle, fd, most, err) < 0) {
                vm_sftp_close(ssh);
                return -1;
        }
        return close_handle(ssh, &handle, err);
}

static int sftp_look(struct vm_ssh *ssh, const char *path, mode_t *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_STAT);
        vm_sftp_put_bytes(&request, path, strlen(path));
        if (vm_sftp_ask(ssh, &request, FXP_ATTRS, &a, err) < 0)
                return -1;
        *ret = get_attributes(&a);
        return a.bad ? bk_fail(err, BK_INFRA, "attributes by SFTP make no sense") : 0;
}

static int sftp_make_folder(struct vm_ssh *ssh, const char *path, mode_t mode, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct bk_error why = { 0 };
        struct vm_sftp_answer a;
        mode_t there = 0;

        (void)vm_sftp_request(ssh, &request, FXP_MKDIR);
        vm_sftp_put_bytes(&request, path, strlen(path));
        vm_sftp_put32(&request, ATTR_PERMISSIONS);
        vm_sftp_put32(&request, mode & 07777);
        if (vm_sftp_ask(ssh, &request, FXP_STATUS, &a, &why) == 0)
                return 0;
        /* SFTP 3 has no status for "exists". */
        if (ssh->sftp != NULL && sftp_look(ssh, path, &there, NULL) == 0 && S_ISDIR(there))
                return 0;
        *err = why;
        return -1;
}

/* Names of one answer. A server's names are not trusted: one with a '/' could lead anywhere here. */
static int take_names(const char *path, struct vm_sftp_answer *a, struct bk_strv *ret, struct bk_error *err)
{
        for (uint32_t n = vm_sftp_get32(a); n > 0 && !a->bad; n--) {
                size_t length, ignored;
                const char *bytes = vm_sftp_get_bytes(a, &length);
                autofree char *name = bk_strndup(bytes, length);

                (void)vm_sftp_get_bytes(a, &ignored);
                const mode_t mode = get_attributes(a);

                if (a->bad || bk_streq(name, ".") || bk_streq(name, ".."))
                        continue;
                if (strlen(name) != length || !vm_ssh_is_name(name))
                        return bk_fail(err, BK_INVALID, "'%s' there has a name that no file can have here", path);
                bk_strv_addf(ret, "%c%s", S_ISDIR(mode) ? 'd' : S_ISREG(mode) ? 'f' : '?', name);
        }
        return a->bad ? bk_fail(err, BK_INFRA, "names by SFTP make no sense") : 0;
}

/* Links count as what they point to; sockets and the like, and links to nowhere, are left out. */
static int settle_kinds(struct vm_ssh *ssh, const char *path, struct bk_strv *names, struct bk_strv *ret, struct bk_error *err)
{
        for (size_t i = 0; i < names->n; i++) {
                autofree char *whole = bk_format("%s/%s", path, names->v[i] + 1);
                struct bk_error why = { 0 };
                mode_t mode = 0;

                if (*names->v[i] != '?') {
                        bk_strv_add(ret, names->v[i]);
                        continue;
                }
                if (sftp_look(ssh, whole, &mode, &why) < 0 && ssh->sftp == NULL) {
                        *err = why;
                        return -1;
                }
                if (S_ISDIR(mode) || S_ISREG(mode))
                        bk_strv_addf(ret, "%c%s", S_ISDIR(mode) ? 'd' : 'f', names->v[i] + 1);
        }
        return 0;
}

static int sftp_list(struct vm_ssh *ssh, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        autostrv struct bk_strv names = { 0 };
        struct handle handle;
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_OPENDIR);
        vm_sftp_put_bytes(&request, path, strlen(path));
        if (vm_sftp_ask(ssh, &request, FXP_HANDLE, &a, err) < 0 || take_handle(&a, &handle, err) < 0)
                return -1;
        for (;;) {
                struct bk_error why = { 0 };

                (void)vm_sftp_request(ssh, &request, FXP_READDIR);
                vm_sftp_put_bytes(&request, handle.bytes, handle.length);
                if (vm_sftp_ask(ssh, &request, FXP_NAME, &a, &why) == 0) {
                        if (take_names(path, &a, &names, err) < 0)
                                return -1;
                        continue;
                }
                if (vm_sftp_is_status(a, FX_EOF))
                        break;
                *err = why;
                return -1;
        }
        if (close_handle(ssh, &handle, err) < 0)
                return -1;
        return settle_kinds(ssh, path, &names, ret, err);
}

static int sftp_unlink(struct vm_ssh *ssh, const char *path, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf request = { 0 };
        struct bk_error why = { 0 };
        struct vm_sftp_answer a;

        (void)vm_sftp_request(ssh, &request, FXP_REMOVE);
        vm_sftp_put_bytes(&request, path, strlen(path));
        if (vm_sftp_ask(ssh, &request, FXP_STATUS, &a, &why) == 0 || why.kind == BK_NOT_FOUND)
                return 0;
        *err = why;
        return -1;
}

const struct vm_ssh_files vm_ssh_files_sftp = {
        .put = sftp_put, .get = sftp_get, .make_folder = sftp_make_folder, .list = sftp_list, .look = sftp_look, .unlink = sftp_unlink,
};
