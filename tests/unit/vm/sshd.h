/* A real sshd for tests, with a user and a password of its own: it runs in its own mount and pid namespaces, with other
 * files over /etc/passwd and /etc/shadow, and everything of it ends with it. */
#pragma once
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "vm/ssh.h"

#define USER "baker"
#define PASSWORD "pass word's"
enum { UID = 54321 };

struct sshd {
        char dir[64];
        char *home, *config, *log;
        unsigned port;
        pid_t pid;
        struct vm_ssh_keypair keys;     /* of which the server knows the public one */
};

static inline void sshd_file(const struct sshd *s, const char *name, const char *text, mode_t mode)
{
        autofree char *path = bk_format("%s/%s", s->dir, name);
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, text, strlen(text), mode, &err), err);
}

/* A listening socket on a free port. */
static inline int listen_somewhere(unsigned *ret_port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)*ret_port) };
        socklen_t length = sizeof address;
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static inline void sshd_accounts(const struct sshd *s)
{
        const char *const hash_argv[] = { "perl", "-e", "print crypt($ARGV[0], '$6$bakery$')", PASSWORD, NULL };
        autofree char *hash = NULL, *passwd = NULL, *all_passwd = NULL, *all_shadow = NULL;
        struct bk_error err = { 0 };

        assert_ok(bk_run(hash_argv, 20000, &hash, &err), err);
        assert_ok(bk_read_file("/etc/passwd", 1 << 20, &passwd, NULL, &err), err);
        all_passwd = bk_format("%s" USER ":x:%d:%d::%s:/bin/sh\n", passwd, UID, UID, s->home);
        all_shadow = bk_format(USER ":%s:19000:0:99999:7:::\n", hash);
        sshd_file(s, "passwd", all_passwd, 0644);
        sshd_file(s, "shadow", all_shadow, 0600);
}

/* Everything but the server; extra: more lines of its configuration. */
static inline void sshd_prepare(struct sshd *s, const char *extra)
{
        struct bk_error err = { 0 };

        need("root");
        need("/usr/sbin/sshd");
        need("ssh-keygen");
        need("perl");
        *s = (struct sshd){ .dir = "/tmp/bakery-test-XXXXXX" };
        assert_non_null(mkdtemp(s->dir));
        s->home = bk_format("%s/home", s->dir);
        s->config = bk_format("%s/config", s->dir);
        s->log = bk_format("%s/log", s->dir);
        autofree char *host_key = bk_format("%s/host_key", s->dir);
        const char *const key_argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key, NULL };

        assert_ok(bk_run(key_argv, 20000, NULL, &err), err);
        assert_ok(bk_mkdir_p(s->home, &err), err);
        assert_int_equal(chmod(s->dir, 0755), 0);
        assert_int_equal(chown(s->home, UID, UID), 0);
        assert_ok(vm_ssh_keypair_new("bakery test", &s->keys, &err), err);
        sshd_file(s, "authorized", s->keys.public_line, 0644);
        sshd_accounts(s);
        (void)close(listen_somewhere(&s->port));
        autofree char *config = bk_format("Port %u\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s/authorized\nUsePAM no\n"
                                          "StrictModes no\nPidFile none\nUseDNS no\n%s\n", s->port, host_key, s->dir, extra);

        sshd_file(s, "config", config, 0644);
}

static inline _Noreturn void sshd_child(const struct sshd *s, int connection)
{
        autofree char *passwd = bk_format("%s/passwd", s->dir), *shadow = bk_format("%s/shadow", s->dir);
        const int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        pid_t inner;

        if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(passwd, "/etc/passwd", NULL, MS_BIND, NULL) < 0 || mount(shadow, "/etc/shadow", NULL, MS_BIND, NULL) < 0 ||
            mount("run", "/run", "tmpfs", 0, "mode=0755") < 0 || mkdir("/run/sshd", 0755) < 0)
                _exit(111);
        inner = fork();
        if (inner == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)dup2(log, 2);
                if (connection >= 0 && (dup2(connection, 0) < 0 || dup2(connection, 1) < 0 || fcntl(0, F_SETFL, 0) < 0))
                        _exit(113);
                (void)execl("/usr/sbin/sshd", "/usr/sbin/sshd", connection >= 0 ? "-ie" : "-De", "-f", s->config, (char *)NULL);
                _exit(112);
        }
        (void)waitpid(inner, NULL, 0);
        _exit(0);
}

/* On its port; or, with connection >= 0, for this one alone. */
static inline pid_t sshd_spawn(const struct sshd *s, int connection)
{
        const pid_t pid = bk_fork();

        if (pid == 0)
                sshd_child(s, connection);
        assert_true(pid > 0);
        return pid;
}

static inline void sshd_end(pid_t *pid)
{
        if (*pid <= 0)
                return;
        (void)kill(*pid, SIGKILL);
        (void)waitpid(*pid, NULL, 0);
        *pid = 0;
}

static inline void sshd_start(struct sshd *s, const char *extra)
{
        sshd_prepare(s, extra);
        s->pid = sshd_spawn(s, -1);
}

static inline void sshd_done(struct sshd *s)
{
        struct bk_error err = { 0 };

        sshd_end(&s->pid);
        vm_ssh_keypair_done(&s->keys);
        if (s->dir[0] != '\0')
                (void)!bk_remove_tree(s->dir, &err);
        free(s->home);
        free(s->config);
        free(s->log);
}

static inline struct vm_ssh_config sshd_login(const struct sshd *s)
{
        return (struct vm_ssh_config){ .host = "127.0.0.1", .port = s->port, .user = USER, .key = s->keys.secret, .timeout_ms = 30000,
                                       .attempts = 3 };
}

static inline void ssh_done(struct vm_ssh **ssh)
{
        vm_ssh_close(*ssh);
}
#define autossh BK_CLEANUP(ssh_done)
#define autosshd BK_CLEANUP(sshd_done)
#define autoresult BK_CLEANUP(vm_ssh_result_done)

/* A command that must run, and its status. */
static inline int status_of(struct vm_ssh *ssh, const char *command)
{
        const struct vm_ssh_run run = { .command = command, .timeout_ms = 30000 };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };

        assert_ok(vm_ssh_run(ssh, &run, &result, &err), err);
        return result.status;
}
