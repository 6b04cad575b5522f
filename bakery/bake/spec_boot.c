/* The caller's side of a throw-away boot: the overlay, its lease, and the processes.
 *
 * Below the caller is a process in pid and mount namespaces of its own, whose end is the end of everything in them. It
 * mounts the overlay to put the agent in, and reaps what libvirt leaves; a child of it holds the guest (spec_boot_guest.c). */
#include "bakery/bake/spec_boot_priv.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "layers/disk.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/run.h"

enum { PREPARE_MS = 120000, ANSWER_MS = 3600000 /* the guest's process has limits of its own; this one is for when it hangs */ };

struct spec_boot {
        struct spec_boot_config config;
        struct spec_boot_job job;
        struct bk_lease lease;
        char *id, *token;
        pid_t pid;                      /* of the isolated process, or 0 */
        int fd;                         /* to it, or -1 */
        bool asked, up;                 /* something; the guest has been up */
        struct bk_error why;            /* of the first failure to come up */
        struct bk_error broken;         /* the talk with the process ended */
};

/* --- in the isolated process ------------------------------------------------------------------ */

static int prepare(const struct spec_boot_job *job, struct bk_error *err)
{
        const struct layer_store *store = job->config->store;
        autofree char *draft = layer_draft_path(store, job->id), *folder = bk_format("%s/work", store->run);
        const struct disk_open how = { .path = draft, .format = "qcow2", .work = folder, .lease = job->lease };
        struct disk *disk = NULL;

        if (bk_mkdir_p(folder, err) < 0 || disk_open(&how, &disk, err) < 0)
                return -1;
        if (spec_boot_inject(disk_root_fd(disk), job->token, err) < 0) {
                disk_abandon(disk);
                return -1;
        }
        return disk_close(disk, err);
}

static int tell(int fd, const struct bk_error *err)
{
        const struct spec_boot_answer answer = { .kind = (int32_t)err->kind, .out_len = strlen(err->text) };

        return bk_write_all(fd, &answer, sizeof answer, NULL) < 0 ? -1 : bk_write_all(fd, err->text, answer.out_len, NULL);
}

/* Until something is asked, or nobody is there who could. */
static bool await_first(int fd)
{
        struct pollfd event = { .fd = fd, .events = POLLIN };
        char peeked;

        while (poll(&event, 1, -1) < 0 && errno == EINTR)
                ;
        return recv(fd, &peeked, 1, MSG_PEEK) == 1;
}

_Noreturn static void isolated(const struct spec_boot_job *job)
{
        struct bk_error err = { 0 };
        pid_t pid;

        (void)prctl(PR_SET_NAME, "bakery-boot");
        (void)signal(SIGPIPE, SIG_IGN);
        (void)setsid();         /* Ctrl-C is for the caller, which ends us */
        (void)umask(022);
        if (bk_lease_note_self(job->lease, &err) < 0 || bk_own_mounts(&err) < 0 || prepare(job, &err) < 0) {
                (void)!tell(job->fd, &err);
                _exit(1);
        }
        if (tell(job->fd, &err) < 0 || !await_first(job->fd))
                _exit(0);
        pid = fork();
        if (pid == 0)
                spec_boot_guest(job);
        _exit(pid < 0 ? 1 : bk_reap_until(pid));
}

/* --- the caller ---------------------------------------------------------------------------------- */

static int read_in_time(const struct spec_boot *boot, void *into, size_t length, int64_t deadline, struct bk_error *err)
{
        char *at = into;

        while (length > 0) {
                struct pollfd event = { .fd = boot->fd, .events = POLLIN };
                const int64_t left = deadline - bk_now_ms();
                ssize_t got;

                if (left <= 0)
                        return bk_fail(err, BK_INFRA, "the process that holds the guest does not answer");
                if (poll(&event, 1, left > 60000 ? 60000 : (int)left) <= 0)
                        continue;
                got = read(boot->fd, at, length);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return bk_fail(err, BK_INFRA, "the process that holds the guest ended");
                at += got;
                length -= (size_t)got;
        }
        return 0;
}

static int read_answer(const struct spec_boot *boot, int64_t deadline, struct spec_boot_answer *ret_head, struct spec_output *ret,
                       struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct spec_boot_answer head = { 0 };

        if (read_in_time(boot, &head, sizeof head, deadline, err) < 0)
                return -1;
        if (head.out_len > AGENT_OUTPUT_MOST || head.err_len > AGENT_OUTPUT_MOST)
                return bk_fail(err, BK_INTERNAL, "the process that holds the guest broke its protocol");
        output = (struct spec_output){ .out = bk_alloc(head.out_len + 1), .err = bk_alloc(head.err_len + 1), .out_len = head.out_len,
                                       .err_len = head.err_len, .status = head.status };
        if (read_in_time(boot, output.out, head.out_len, deadline, err) < 0 || read_in_time(boot, output.err, head.err_len, deadline, err) < 0)
                return -1;
        *ret_head = head;
        *ret = output;
        output = (struct spec_output){ 0 };
        return 0;
}

static int overlay(struct spec_boot *boot, struct bk_error *err)
{
        const struct layer_store *store = boot->config.store;
        autofree char *leases = bk_format("%s/leases", store->run);

        if (bk_lease_take(leases, &boot->lease, err) < 0 || bk_lease_note(&boot->lease, "draft", boot->id, err) < 0)
                return -1;
        return boot->config.layer ? layer_draft_overlay(store, boot->id, boot->config.layer, err)
                                  : layer_draft_above(store, boot->id, boot->config.draft, err);
}

static int isolate(struct spec_boot *boot, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output said = { 0 };
        struct spec_boot_answer head = { 0 };
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return bk_fail_errno(err, "cannot make a socket");
        boot->fd = ends[0];
        boot->job.fd = ends[1];
        (void)fflush(NULL);
        boot->pid = bk_fork_isolated();
        if (boot->pid == 0) {
                (void)close(ends[0]);
                isolated(&boot->job);
        }
        (void)close(ends[1]);
        if (boot->pid < 0) {
                boot->pid = 0;
                return bk_fail_errno(err, "cannot start a process for the guest");
        }
        if (read_answer(boot, bk_now_ms() + PREPARE_MS, &head, &said, err) < 0)
                return -1;
        return head.kind != BK_NONE ? bk_fail(err, (enum bk_kind)head.kind, "%s", said.out) : 0;
}

int spec_boot_start(const struct spec_boot_config *config, struct spec_boot **ret, struct bk_error *err)
{
        struct spec_boot *boot;

        if (geteuid() != 0)
                return bk_fail(err, BK_DENIED, "booting an image needs root, for namespaces of its own; run it with sudo");
        boot = bk_alloc(sizeof *boot);
        *boot = (struct spec_boot){ .config = *config, .lease = BK_LEASE_NONE, .id = bk_random_name(), .token = bk_random_name(), .fd = -1 };
        boot->job = (struct spec_boot_job){ .config = &boot->config, .id = boot->id, .token = boot->token, .lease = &boot->lease, .fd = -1 };
        if (vm_kvm_probe(config->store->home, false, &boot->job.kvm, err) < 0 || overlay(boot, err) < 0 || isolate(boot, err) < 0) {
                spec_boot_end(boot);
                return bk_wrap(err, "a throw-away boot");
        }
        *ret = boot;
        return 0;
}

static void say(struct spec_boot *boot)
{
        const struct vm_kvm *kvm = &boot->job.kvm;
        autofree char *text = kvm->usable ? bk_strdup("booting the image for its checks")
                                          : bk_format("booting the image for its checks, emulated: %s", kvm->why);

        if (!boot->asked && boot->config.say != NULL)
                boot->config.say(boot->config.arg, text);
        boot->asked = true;
}

/* That it is gone must not end us by a signal. */
static int give(int fd, const char *bytes, size_t length)
{
        while (length > 0) {
                const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0)
                        return -1;
                bytes += sent;
                length -= (size_t)sent;
        }
        return 0;
}

static int ask(struct spec_boot *boot, const struct spec_boot_ask *ask, const char *line, const char *input, struct bk_error *err)
{
        /* The other end reads all of it before it does anything, so this never waits for long. */
        if (give(boot->fd, (const char *)ask, sizeof *ask) < 0 || give(boot->fd, line, ask->line_len) < 0 ||
            give(boot->fd, input, ask->input_len) < 0)
                return bk_fail(err, BK_INFRA, "the process that holds the guest ended");
        return 0;
}

int spec_boot_run(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        struct spec_boot *boot = arg;
        const size_t line_len = strlen(line);
        const struct spec_boot_ask head = { .line_len = (uint32_t)line_len, .input_len = (uint32_t)input_len,
                                            .timeout_ms = timeout_ms > 0 ? timeout_ms : 1 };
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct spec_boot_answer answer = { 0 };

        if (boot->broken.kind != BK_NONE) {
                *err = boot->broken;
                return -1;
        }
        if (line_len > AGENT_LINE_MOST || input_len > AGENT_INPUT_MOST)
                return bk_fail(err, BK_FAILED, "a line of %zu bytes with %zu bytes of input is too much for a guest", line_len, input_len);
        say(boot);
        if (ask(boot, &head, line, input, &boot->broken) < 0 ||
            read_answer(boot, bk_now_ms() + timeout_ms + ANSWER_MS, &answer, &output, &boot->broken) < 0) {
                *err = boot->broken;
                return -1;
        }
        boot->up |= answer.up;
        if (answer.kind == BK_NONE) {
                *ret = output;
                output = (struct spec_output){ 0 };
                return 0;
        }
        (void)bk_fail(err, (enum bk_kind)answer.kind, "%s", output.out);
        if (!boot->up)
                boot->why = *err;
        return -1;
}

int spec_boot_verdict(const struct spec_boot *boot, struct bk_error *err)
{
        const struct bk_error *why = boot->why.kind != BK_NONE ? &boot->why : &boot->broken;

        if (!boot->asked || boot->up)
                return 0;
        *err = *why;
        if (err->kind == BK_TIMEOUT || err->kind == BK_FAILED)  /* no fault of this host's */
                err->kind = BK_TESTS;
        return bk_wrap(err, "the image does not boot");
}

void spec_boot_end(struct spec_boot *boot)
{
        struct bk_error ignored = { 0 };

        if (boot == NULL)
                return;
        if (boot->pid > 0) {
                (void)kill(boot->pid, SIGKILL);
                (void)bk_wait(boot->pid, 60000);
        }
        if (boot->fd >= 0)
                (void)close(boot->fd);
        /* A draft that cannot be removed now stays in the lease's care. */
        if (boot->lease.fd < 0 || layer_draft_remove(boot->config.store, boot->id, &ignored) == 0)
                bk_lease_done(&boot->lease);
        else
                bk_lease_leave(&boot->lease);
        free(boot->id);
        free(boot->token);
        free(boot);
}
