/* Files through a shell, for servers without SFTP: cat, mkdir, chmod, rm and test are everywhere. Commands are
 * given to `sh -c`, whatever the user's login shell is. */
#include "vm/ssh_priv.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { SHORT_MS = 120000, TAIL = 300, LIST_MOST = 16 << 20 };

static void quote(struct bk_buf *buf, const char *text)
{
        bk_buf_putc(buf, '\'');
        for (; *text != '\0'; text++) {
                if (*text == '\'')
                        bk_buf_puts(buf, "'\\''");
                else
                        bk_buf_putc(buf, *text);
        }
        bk_buf_putc(buf, '\'');
}

/* sh -c SCRIPT, with the path as $1: a path that starts with '-' stays one, as every use is after "./" or "--". */
static char *shell(const char *script, const char *path)
{
        struct bk_buf buf = { 0 };

        bk_buf_puts(&buf, "exec sh -c ");
        quote(&buf, script);
        bk_buf_puts(&buf, " sh ");
        quote(&buf, path);
        return bk_buf_finish(&buf);
}

struct pipe {
        int from, to;                   /* or -1 */
        uint64_t left;                  /* that may still come */
        struct bk_buf *out;
        struct bk_buf complaint;
};

static void pipe_done(struct pipe *pipe)
{
        bk_buf_done(&pipe->complaint);
}

static ssize_t pipe_source(void *arg, void *bytes, size_t room)
{
        const struct pipe *pipe = arg;

        return read(pipe->from, bytes, room);
}

static int pipe_sink(void *arg, int stream, const char *bytes, size_t length, struct bk_error *err)
{
        struct pipe *pipe = arg;

        if (stream == 2) {
                if (pipe->complaint.len < TAIL)
                        bk_buf_add(&pipe->complaint, bytes, length);
                return 0;
        }
        if (length > pipe->left)
                return bk_fail(err, BK_INVALID, "larger than allowed here");
        pipe->left -= length;
        if (pipe->out != NULL)
                bk_buf_add(pipe->out, bytes, length);
        return pipe->to >= 0 ? bk_write_all(pipe->to, bytes, length, err) : 0;
}

/* Messages differ between systems; these two do not. */
static enum bk_kind kind_of(const char *complaint)
{
        if (strstr(complaint, "No such file") != NULL || strstr(complaint, "nonexistent directory") != NULL)
                return BK_NOT_FOUND;
        return strstr(complaint, "ermission denied") != NULL ? BK_DENIED : BK_FAILED;
}

static int run(struct vm_ssh *ssh, const char *script, const char *path, int64_t deadline, struct pipe *pipe, struct bk_error *err)
{
        autofree char *line = shell(script, path);
        const struct vm_ssh_command command = {
                .command = line, .deadline = deadline, .source = pipe->from >= 0 ? pipe_source : NULL, .sink = pipe_sink, .arg = pipe,
        };
        int status = 0;

        if (vm_ssh_command(ssh, &command, &status, err) < 0)
                return -1;
        if (status == VM_SSH_DISCONNECTED)
                return bk_fail(err, BK_INFRA, "the SSH connection ended");
        if (status != 0) {
                const char *said = pipe->complaint.data ? pipe->complaint.data : "";

                return bk_fail(err, kind_of(said), "exited with %d: %.*s", status, (int)strcspn(said, "\n"), said);
        }
        return 0;
}

static int run_short(struct vm_ssh *ssh, const char *script, const char *path, struct bk_buf *out, struct bk_error *err)
{
        BK_CLEANUP(pipe_done) struct pipe pipe = { .from = -1, .to = -1, .left = LIST_MOST, .out = out };

        return run(ssh, script, path, bk_now_ms() + SHORT_MS, &pipe, err);
}

static int cat_put(struct vm_ssh *ssh, int fd, const char *path, mode_t mode, struct bk_error *err)
{
        BK_CLEANUP(pipe_done) struct pipe pipe = { .from = fd, .to = -1 };
        autofree char *script = bk_format("umask 077; cat > \"$1\" && chmod %o -- \"$1\"", mode & 07777);

        return run(ssh, script, path, INT64_MAX, &pipe, err);
}

static int cat_get(struct vm_ssh *ssh, const char *path, int fd, uint64_t most, struct bk_error *err)
{
        BK_CLEANUP(pipe_done) struct pipe pipe = { .from = -1, .to = fd, .left = most };

        return run(ssh, "cat < \"$1\"", path, INT64_MAX, &pipe, err);
}

static int cat_make_folder(struct vm_ssh *ssh, const char *path, mode_t mode, struct bk_error *err)
{
        autofree char *script = bk_format("[ -d \"$1\" ] || { mkdir -- \"$1\" && chmod %o -- \"$1\"; }", mode & 07777);

        return run_short(ssh, script, path, NULL, err);
}

static int cat_list(struct vm_ssh *ssh, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };

        if (run_short(ssh, "cd -- \"$1\" && for f in * .[!.]* ..?*; do "
                      "if [ -d \"./$f\" ]; then printf 'd%s\\0' \"$f\"; elif [ -f \"./$f\" ]; then printf 'f%s\\0' \"$f\"; fi; done",
                      path, &out, err) < 0)
                return -1;
        for (const char *name = out.data; name != NULL && name < out.data + out.len; name += strlen(name) + 1) {
                if ((*name != 'd' && *name != 'f') || !vm_ssh_is_name(name + 1))
                        return bk_fail(err, BK_INVALID, "'%s' there has a name that no file can have here", path);
                bk_strv_add(ret, name);
        }
        return 0;
}

static int cat_look(struct vm_ssh *ssh, const char *path, mode_t *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };

        if (run_short(ssh, "if [ -d \"$1\" ]; then echo d; elif [ -x \"$1\" ]; then echo x; elif [ -e \"$1\" ]; then echo f; else "
                      "echo 'No such file' >&2; exit 1; fi", path, &out, err) < 0)
                return -1;
        *ret = out.data == NULL || *out.data == 'f' ? S_IFREG | 0644 : *out.data == 'd' ? S_IFDIR | 0755 : S_IFREG | 0755;
        return 0;
}

static int cat_unlink(struct vm_ssh *ssh, const char *path, struct bk_error *err)
{
        return run_short(ssh, "rm -f -- \"$1\"", path, NULL, err);
}

const struct vm_ssh_files vm_ssh_files_cat = {
        .put = cat_put, .get = cat_get, .make_folder = cat_make_folder, .list = cat_list, .look = cat_look, .unlink = cat_unlink,
};
