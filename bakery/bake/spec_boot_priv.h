/* What the files spec_boot*.c share: the caller's side (spec_boot.c), what is put into the overlay (spec_boot_agent.c), the process
 * that holds the guest (spec_boot_guest.c), and its talk with the agent in it (spec_boot_talk.c). */
#pragma once
#include "bakery/agent/agent.h"
#include "bakery/bake/spec_boot.h"
#include "lib/buf.h"
#include "lib/lease.h"
#include "vm/vm.h"

enum { SPEC_BOOT_EMULATED = 5 };        /* how many times longer things may take then */

/* In the processes below the caller. */
struct spec_boot_job {
        const struct spec_boot_config *config;
        const char *id;                 /* of the overlay, a draft */
        const char *token;
        const struct bk_lease *lease;   /* that the overlay is noted in */
        struct vm_kvm kvm;
        int fd;                         /* to the caller */
};

/* What goes over that socket; both ends are one binary. Bytes follow: the line and the input; stdout and stderr, or an error's text. */
struct spec_boot_ask { uint32_t line_len, input_len; int32_t timeout_ms; };
struct spec_boot_answer { int32_t kind, status; uint64_t out_len, err_len; bool up; };

/* spec_boot_agent.c: into a mounted root, which is not trusted. */
int spec_boot_inject(int root_fd, const char *token, struct bk_error *err) BK_MUST_CHECK;

/* spec_boot_guest.c: never returns; the process ends. */
_Noreturn void spec_boot_guest(const struct spec_boot_job *job);
int spec_boot_read(int fd, void *into, size_t length);          /* all of it, or -1 */

/* --- the talk with an agent ------------------------------------------------------------- */
struct boot_talk {
        const char *token;
        int fds[2];                     /* where it may be: virtio, UART; -1: not there. Borrowed; they do not block */
        int at;                         /* index of the one where it said hello, or -1 */
        struct bk_buf in[2];
        char instance[40];
        unsigned long id;               /* of the last request */
        int64_t grace_ms;               /* what an answer may take beyond the line's own time-out */
        int (*alive)(void *arg, struct bk_error *err);  /* called a few times a second while waiting */
        void *arg;
};
void boot_talk_done(struct boot_talk *talk);
/* Until it says hello. BK_TIMEOUT. */
int boot_talk_hello(struct boot_talk *talk, int64_t timeout_ms, struct bk_error *err) BK_MUST_CHECK;
/* BK_TIMEOUT: the line was ended. BK_FAILED: it printed too much. BK_INFRA: the agent did not answer, or not as it should. */
int boot_talk_run(struct boot_talk *talk, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err) BK_MUST_CHECK;
