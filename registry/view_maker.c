/* The process that makes views for a server: asked by the digest of an image, it answers with an error, which is BK_NONE when all is well.
 * Both are single messages, so that nothing has to be put together. */
#include "registry/view.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/run.h"
#include "registry/registry_priv.h"

struct reg_maker {
        pid_t pid;
        int fd;
        pthread_mutex_t lock;           /* one is made at a time */
};

/* --- inside ------------------------------------------------------------------------- */
static int make_one(const char *home, const char *id, uint64_t most, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct layer_store store = { 0 };
        struct reg *reg = NULL;
        size_t removed = 0;
        int status;

        if (layer_store_open(home, &store, err) < 0)
                return -1;
        status = reg_open(home, &reg, err);
        if (status == 0)
                status = reg_view_prune(reg, &store, most, &removed, err);
        if (status == 0)
                status = reg_image_by_id(reg, id, &image, err);
        reg_close(reg);
        if (status == 0)
                status = reg_view_make(&store, &image, err);
        layer_store_done(&store);
        return status;
}

static void __attribute__((noreturn)) serve_requests(const char *home, int fd, uint64_t most)
{
        char id[BK_DIGEST_LEN + 1] = "";

        (void)prctl(PR_SET_NAME, "bakery views");
        /* A terminal's Ctrl-C is for the server, which lets requests end. */
        (void)setpgid(0, 0);
        while (recv(fd, id, BK_DIGEST_LEN, 0) == BK_DIGEST_LEN) {
                struct bk_error answer = { 0 };

                if (!bk_digest_valid(id))
                        bk_fail(&answer, BK_INTERNAL, "an image is asked for by what is no digest");
                else if (make_one(home, id, most, &answer) == 0)
                        answer.kind = BK_NONE;
                if (send(fd, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
                        break;
        }
        _exit(0);
}

/* --- outside ------------------------------------------------------------------------ */
int reg_maker_start(const char *home, uint64_t most, struct reg_maker **ret, struct bk_error *err)
{
        struct reg_maker *maker;
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return bk_fail_errno(err, "cannot make a pair of sockets");
        (void)fflush(NULL);
        pid = bk_fork();
        if (pid < 0) {
                bk_fail_errno(err, "cannot start the process that makes views");
                (void)close(fds[0]);
                (void)close(fds[1]);
                return -1;
        }
        if (pid == 0) {
                (void)close(fds[0]);
                serve_requests(home, fds[1], most);
        }
        (void)close(fds[1]);
        maker = bk_alloc(sizeof *maker);
        maker->pid = pid;
        maker->fd = fds[0];
        (void)pthread_mutex_init(&maker->lock, NULL);
        *ret = maker;
        return 0;
}

int reg_maker_make(struct reg_maker *maker, const char *id, struct bk_error *err)
{
        struct bk_error answer = { 0 };
        bool answered;

        if (strlen(id) != BK_DIGEST_LEN)
                return bk_fail(err, BK_INTERNAL, "an image is asked for by what is no digest");
        (void)pthread_mutex_lock(&maker->lock);
        answered = send(maker->fd, id, BK_DIGEST_LEN, MSG_NOSIGNAL) == BK_DIGEST_LEN &&
                   recv(maker->fd, &answer, sizeof answer, 0) == sizeof answer;
        (void)pthread_mutex_unlock(&maker->lock);
        if (!answered)
                return bk_fail(err, BK_INFRA, "the process that makes boxes and disks has ended; the server ends, too, or must be started anew");
        if (answer.kind == BK_NONE)
                return 0;
        *err = answer;
        return -1;
}

void reg_maker_end(struct reg_maker *maker)
{
        (void)kill(maker->pid, SIGKILL);
        (void)shutdown(maker->fd, SHUT_RDWR);
}

void reg_maker_stop(struct reg_maker *maker)
{
        if (maker == NULL)
                return;
        reg_maker_end(maker);
        (void)bk_wait(maker->pid, 10000);
        (void)close(maker->fd);
        (void)pthread_mutex_destroy(&maker->lock);
        free(maker);
}
