/* What the files of vm/ssh*.c share.
 *
 * libssh is used without ever blocking: every call that answers SSH_AGAIN is repeated after vm_ssh_turn(), the one
 * place that waits. So alive(), keep-alives, deadlines and a bastion's traffic are served wherever we wait. */
#pragma once
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include "vm/ssh.h"

enum { VM_SSH_TURN_MS = 100, VM_SSH_CHUNK = 32768 };

struct vm_ssh_tunnel;
struct vm_sftp;

struct vm_ssh {
        const struct vm_ssh_config *config;
        ssh_session session;            /* NULL: none */
        ssh_event event;                /* the bastion's, where there is one: all sessions are served together */
        struct ssh_counter_struct traffic;
        uint64_t heard_bytes;
        int64_t heard, served, kept, asked;     /* bk_now_ms() of the last byte from there, turn, keep-alive, alive() */
        bool silent;                    /* for longer than read_write_timeout_ms */
        char *banner;
        bool ready;                     /* logged in */
        struct vm_ssh *bastion;
        struct vm_ssh_config bastion_config;
        struct vm_ssh_tunnel *tunnel;
        struct vm_sftp *sftp;           /* opened at first use */
        bool no_sftp;                   /* the server has none */
};

/* Serves the session until something happened, for at most 100 ms and not past the deadline. Fails only by alive(): a lost
 * connection shows in vm_ssh_up(). */
int vm_ssh_turn(struct vm_ssh *ssh, int64_t deadline, struct bk_error *err) BK_MUST_CHECK;
/* The same; also fails with BK_TIMEOUT or BK_INFRA when it makes no sense to go on. */
int vm_ssh_patience(struct vm_ssh *ssh, int64_t deadline, const char *what, struct bk_error *err) BK_MUST_CHECK;
bool vm_ssh_up(const struct vm_ssh *ssh);       /* the transport is; perhaps not logged in */
int vm_ssh_ask_alive(struct vm_ssh *ssh, struct bk_error *err) BK_MUST_CHECK;
const char *vm_ssh_why(const struct vm_ssh *ssh);       /* libssh's last error */

/* What happened last while waiting for a server, for people. */
struct vm_ssh_story {
        char last[256];
        unsigned attempts, refused;
        char refusal[512];
};

/* A connected, non-blocking socket on which a server has said "SSH-"; nothing was read from it. */
int vm_ssh_await_banner(struct vm_ssh *ssh, int64_t deadline, struct vm_ssh_story *story, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
/* The same through a bastion that is logged in. */
int vm_ssh_tunnel_open(struct vm_ssh *ssh, int64_t deadline, struct vm_ssh_story *story, int *ret_fd, struct bk_error *err) BK_MUST_CHECK;
void vm_ssh_tunnel_pump(struct vm_ssh *ssh);    /* moves what can be moved; never waits */
void vm_ssh_tunnel_close(struct vm_ssh *ssh);

enum vm_ssh_login { VM_SSH_IN, VM_SSH_REFUSED, VM_SSH_LOST };
/* err tells why a login was refused or the connection lost, too. -1: no sense in trying again. */
int vm_ssh_login(struct vm_ssh *ssh, int64_t deadline, enum vm_ssh_login *ret, struct bk_error *err) BK_MUST_CHECK;

/* A command with its streams. source and sink are called from within libssh, and must not use the session. */
struct vm_ssh_command {
        const char *command;
        bool pty;
        int64_t deadline;
        ssize_t (*source)(void *arg, void *bytes, size_t room);         /* 0: end, -1: errno; NULL: no input */
        int (*sink)(void *arg, int stream, const char *bytes, size_t length, struct bk_error *err);
        void *arg;
};
int vm_ssh_command(struct vm_ssh *ssh, const struct vm_ssh_command *command, int *ret_status, struct bk_error *err) BK_MUST_CHECK;

/* How files get there; one table of functions for SFTP, one for `cat`. Every path is the guest's. */
struct vm_ssh_files {
        int (*put)(struct vm_ssh *ssh, int fd, const char *path, mode_t mode, struct bk_error *err);
        int (*get)(struct vm_ssh *ssh, const char *path, int fd, uint64_t most, struct bk_error *err);
        int (*make_folder)(struct vm_ssh *ssh, const char *path, mode_t mode, struct bk_error *err);    /* existing is fine */
        /* Names (vm_ssh_is_name()), each with its kind before it: 'd' or 'f'. Links count as what they point to. */
        int (*list)(struct vm_ssh *ssh, const char *path, struct bk_strv *ret, struct bk_error *err);
        int (*look)(struct vm_ssh *ssh, const char *path, mode_t *ret, struct bk_error *err);   /* type and permissions */
        int (*unlink)(struct vm_ssh *ssh, const char *path, struct bk_error *err);              /* missing is fine */
};
extern const struct vm_ssh_files vm_ssh_files_sftp, vm_ssh_files_cat;
/* What the guest says is a name becomes a file's here: false for "..", "/etc/x" and the like, which would lead out of the folder. */
bool vm_ssh_is_name(const char *name);
/* Opens SFTP unless it is. Where there is none, succeeds with no_sftp set. */
int vm_sftp_open(struct vm_ssh *ssh, struct bk_error *err) BK_MUST_CHECK;
void vm_sftp_close(struct vm_ssh *ssh);
