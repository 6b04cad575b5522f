/* The process that makes views for a server: asked by the digest of an image, it answers with an error, which is BK_NONE when all is well.
 * Both are single messages, so that nothing has to be put together. Asked by two digests it compares the files of those images. */
#include "registry/view.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/run.h"
#include "registry/registry_priv.h"

enum { COMPARE_MS = 30 * 60 * 1000 };

struct reg_maker {
        pid_t pid;
        int fd;
        pthread_mutex_t lock;           /* one is made at a time */
};

enum { TWO_IDS = 2 * BK_DIGEST_LEN + 1 };

/* --- inside ------------------------------------------------------------------------- */
struct inside { const char *home; int fd; uint64_t most; reg_files_fn *compare; };

static int compare_two(const struct inside *inside, const char *from_id, const char *to_id, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image from = { 0 }, to = { 0 };
        struct layer_store store = { 0 };
        struct reg *reg = NULL;
        int status;

        if (layer_store_open(inside->home, &store, err) < 0)
                return -1;
        status = reg_open(inside->home, &reg, err);
        if (status == 0 && (reg_image_by_id(reg, from_id, &from, err) < 0 || reg_image_by_id(reg, to_id, &to, err) < 0))
                status = -1;
        reg_close(reg);
        if (status == 0)
                status = reg_files_make(&store, &from, &to, inside->compare, err);
        layer_store_done(&store);
        return status;
}

/* Mounts are a child's, in a namespace of its own, which ends with it. */
static int compare_apart(const struct inside *inside, const char *from, const char *to, struct bk_error *err)
{
        struct bk_error *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pid;
        int status;

        if (shared == MAP_FAILED)
                return bk_fail_errno(err, "cannot map memory");
        pid = bk_fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(compare_two(inside, from, to, shared) < 0);
        }
        status = pid < 0 ? bk_fail_errno(err, "cannot start the process that compares files") : bk_wait(pid, COMPARE_MS);
        if (pid > 0 && status != 0) {
                *err = *shared;
                if (shared->kind == BK_NONE)
                        (void)bk_fail(err, BK_INFRA, "comparing the files of '%s' and '%s' took too long, or was killed", from, to);
        }
        (void)munmap(shared, sizeof *shared);
        return status != 0 ? -1 : 0;
}

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

static int make(const struct inside *inside, char *what, size_t length, struct bk_error *err)
{
        char *to = length == TWO_IDS ? what + BK_DIGEST_LEN + 1 : NULL;

        what[BK_DIGEST_LEN] = '\0';
        if (!bk_digest_valid(what) || (to != NULL && !bk_digest_valid(to)))
                return bk_fail(err, BK_INTERNAL, "an image is asked for by what is no digest");
        return to == NULL ? make_one(inside->home, what, inside->most, err) : compare_apart(inside, what, to, err);
}

static void __attribute__((noreturn)) serve_requests(const struct inside *inside)
{
        char what[TWO_IDS + 1] = "";
        ssize_t length;

        (void)prctl(PR_SET_NAME, "bakery views");
        /* A terminal's Ctrl-C is for the server, which lets requests end. */
        (void)setpgid(0, 0);
        while ((length = recv(inside->fd, what, TWO_IDS, 0)) == BK_DIGEST_LEN || length == TWO_IDS) {
                struct bk_error answer = { 0 };

                what[length] = '\0';
                if (make(inside, what, (size_t)length, &answer) == 0)
                        answer.kind = BK_NONE;
                if (send(inside->fd, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
                        break;
        }
        _exit(0);
}

/* --- outside ------------------------------------------------------------------------ */
int reg_maker_start(const char *home, uint64_t most, reg_files_fn *compare, struct reg_maker **ret, struct bk_error *err)
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
                serve_requests(&(struct inside){ home, fds[1], most, compare });
        }
        (void)close(fds[1]);
        maker = bk_alloc(sizeof *maker);
        maker->pid = pid;
        maker->fd = fds[0];
        (void)pthread_mutex_init(&maker->lock, NULL);
        *ret = maker;
        return 0;
}

int reg_maker_make(struct reg_maker *maker, const char *what, struct bk_error *err)
{
        struct bk_error answer = { 0 };
        const size_t length = strlen(what);
        bool answered;

        if (length != BK_DIGEST_LEN && length != TWO_IDS)
                return bk_fail(err, BK_INTERNAL, "an image is asked for by what is no digest");
        (void)pthread_mutex_lock(&maker->lock);
        answered = send(maker->fd, what, length, MSG_NOSIGNAL) == (ssize_t)length &&
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
