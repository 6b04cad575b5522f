/* SSH to a guest, through libssh: one session, many channels.
 *
 * Host keys are not checked unless known_hosts is given: a guest of ours has made its own a moment ago, and is reached
 * on loopback. Nothing of the user's ~/.ssh is read unless asked for. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "lib/mem.h"

struct vm_ssh_config {
        const char *host;               /* "127.0.0.1" */
        unsigned port;
        const char *user;
        const char *password;           /* NULL: not tried; also for keyboard-interactive */
        const char *key_file;           /* private key; NULL */
        const char *key;                /* private key, text of a file; NULL */
        const char *certificate_file;   /* of key_file; NULL */
        bool agent;                     /* SSH_AUTH_SOCK */
        const char *known_hosts;        /* a file as OpenSSH has it, in which the server's key must stand (or in /etc/ssh/ssh_known_hosts); NULL */
        const char *ciphers, *key_exchanges;    /* comma separated; NULL: libssh's */
        bool pty;                       /* commands get a terminal, which echoes input; input ends with ^D, so with a newline before */
        int timeout_ms;                 /* until the first login worked; 0: five minutes */
        int attempts;                   /* refused logins before giving up; 0: until the time is up */
        int keep_alive_ms;              /* 0: none */
        int read_write_timeout_ms;      /* a session silent for this long, while waiting for it, is dead; 0: never. See keep_alive_ms */
        const struct vm_ssh_config *bastion;    /* go through there; NULL */
        /* Asked often while waiting, also in the middle of a command: -1 with a reason ends it at once (the guest died). NULL: never. */
        int (*alive)(void *arg, struct bk_error *err);
        /* Asked often until there is a banner: has the guest itself accepted a connection at that port (vm_guest_accepted())? With it the guest
         * gets one connection, else several. -1, or NULL: there is no telling. */
        int (*accepted)(void *arg, bool *ret);
        /* A port of 127.0.0.1 that QEMU forwards to one of the guest on which nobody listens; 0: none. It tells whether the guest has a network
         * yet; sshd is not asked before. */
        unsigned silent_port;
        void *arg;
};

struct vm_ssh;

/* Waits until the guest's sshd answers and lets us in. A user mode network accepts connections for a guest that
 * does not listen yet, so only the server's banner counts; attempts overlap, so that one swallowed by a booting guest costs nothing:
 * the first answer is within 0.3 s of sshd's, and 1 s when a guest has swallowed everything for long (fresh connections cost
 * an emulated one more than they bring). A refused login is tried again after 1, 2, 4, 4, ... s. Errors: BK_DENIED (says who,
 * which methods were tried and which the server offers; or that its key is not the known one), BK_TIMEOUT (says what happened last:
 * nothing listened, no banner, a login refused N times), BK_INVALID (a key or ciphers that cannot do), or alive()'s. Through a bastion
 * attempts do not overlap, and losing it is BK_INFRA. config and what it points to must outlive the session. */
int vm_ssh_connect(const struct vm_ssh_config *config, struct vm_ssh **ret, struct bk_error *err) BK_MUST_CHECK;
void vm_ssh_close(struct vm_ssh *ssh);          /* NULL is fine */
/* Drops the session and connects anew, waiting as vm_ssh_connect() does: after a reboot. */
int vm_ssh_reconnect(struct vm_ssh *ssh, struct bk_error *err) BK_MUST_CHECK;
bool vm_ssh_connected(const struct vm_ssh *ssh);
const char *vm_ssh_banner(const struct vm_ssh *ssh);    /* of the server; borrowed */

enum { VM_SSH_DISCONNECTED = 2300218 }; /* Packer's status for a connection that ended under a command */

struct vm_ssh_run {
        const char *command;            /* for the user's login shell there */
        int timeout_ms;                 /* 0: none */
        const char *input; size_t input_len;    /* NULL: none */
        /* As in struct bk_run: line by line, stream 1 or 2; NULL: captured. Must not use the session. */
        void (*on_line)(void *arg, int stream, const char *line);
        void *arg;
        size_t capture_most;            /* 0: 16 MiB */
};
struct vm_ssh_result { int status; char *out, *err; size_t out_len, err_len; };   /* status: exit code, 128 + signal, or VM_SSH_DISCONNECTED */
void vm_ssh_result_done(struct vm_ssh_result *result);
/* Fails only when the command could not be started, took too long (BK_TIMEOUT; it is sent KILL, and the channel is
 * closed), printed more than capture_most, or the guest died. What a command leaves behind with its output open is waited for 3 s. */
int vm_ssh_run(struct vm_ssh *ssh, const struct vm_ssh_run *run, struct vm_ssh_result *ret, struct bk_error *err) BK_MUST_CHECK;

/* Files by SFTP, or through `cat` where the server has no SFTP. Parents are not made. The file has
 * `mode` afterwards, and before that is its owner's alone. A relative path is the user's home's. */
int vm_ssh_write(struct vm_ssh *ssh, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err) BK_MUST_CHECK;
int vm_ssh_read(struct vm_ssh *ssh, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
/* The names in a folder, without "." and "..". */
int vm_ssh_list(struct vm_ssh *ssh, const char *path, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
/* Streams a file of any size; a folder with all that is in it (links as what they point to). `from` with a trailing '/' means its content. Packer's
 * rules for names: a file uploaded to "dir/" goes into dir, as does a folder's own name without the slash. The last folder of
 * `to` is made when a folder is sent; modes go along, fully to the guest, without set-id bits and less the umask from it. Each file
 * appears whole here. Sockets and broken links there are left out; here they are errors. */
int vm_ssh_upload(struct vm_ssh *ssh, const char *from, const char *to, struct bk_error *err) BK_MUST_CHECK;
int vm_ssh_download(struct vm_ssh *ssh, const char *from, const char *to, struct bk_error *err) BK_MUST_CHECK;
/* A missing file is fine. */
int vm_ssh_unlink(struct vm_ssh *ssh, const char *path, struct bk_error *err) BK_MUST_CHECK;

/* A new ed25519 key pair: the private key as an OpenSSH file's text, the public one as a line for authorized_keys, without newline. */
struct vm_ssh_keypair { char *secret, *public_line; };
void vm_ssh_keypair_done(struct vm_ssh_keypair *pair);         /* wipes */
int vm_ssh_keypair_new(const char *comment, struct vm_ssh_keypair *ret, struct bk_error *err) BK_MUST_CHECK;
