/* SSH against a real sshd: getting in, and commands. */
#include "tests/unit/vm/sshd.h"

#define SFTP "Subsystem sftp internal-sftp"

static void a_key_of_ours_gets_in(void **state)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, SFTP);
        const struct vm_ssh_config c = sshd_login(&s);

        assert_memory_equal(s.keys.secret, "-----BEGIN OPENSSH PRIVATE KEY-----", 35);
        assert_memory_equal(s.keys.public_line, "ssh-ed25519 AAAA", 16);
        assert_non_null(strstr(s.keys.public_line, " bakery test"));
        assert_null(strchr(s.keys.public_line, '\n'));
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        assert_true(vm_ssh_connected(ssh));
        assert_memory_equal(vm_ssh_banner(ssh), "SSH-2.0-OpenSSH", 15);
        assert_int_equal(status_of(ssh, "test $(id -un) = " USER), 0);
}

static void a_key_file_gets_in(void **state)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, SFTP);
        autofree char *path = bk_format("%s/id", s.dir);
        struct vm_ssh_config c = sshd_login(&s);
        const char *const rsa[] = { "ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", path, NULL };
        const char *const add[] = { "sh", "-c", "echo >>$1/authorized; cat $1/id.pub >>$1/authorized", "sh", s.dir, NULL };

        assert_ok(bk_run(rsa, 60000, NULL, &err), err);
        assert_ok(bk_run(add, 20000, NULL, &err), err);
        c.key = NULL;
        c.key_file = path;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
}

static void an_encrypted_key_is_invalid_and_nothing_asks(void **state)
{
        autosshd struct sshd s = { 0 };
        struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, SFTP);
        autofree char *path = bk_format("%s/id", s.dir);
        struct vm_ssh_config c = sshd_login(&s);
        const char *const argv[] = { "ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "passphrase", "-f", path, NULL };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
        c.key = NULL;
        c.key_file = path;
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, path));
}

static void a_password_gets_in(void **state)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, SFTP);
        struct vm_ssh_config c = sshd_login(&s);

        c.key = NULL;
        c.password = PASSWORD;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
}

static void a_wrong_password_is_denied_at_once(void **state)
{
        autosshd struct sshd s = { 0 };
        struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };
        const int64_t before = bk_now_ms();

        (void)state;
        sshd_start(&s, SFTP);
        struct vm_ssh_config c = sshd_login(&s);

        c.key = NULL;
        c.password = "Sesame-4711";
        c.attempts = 1;
        c.timeout_ms = 300000;
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_DENIED);
        print_message("# %s\n", err.text);
        assert_null(ssh);
        assert_true(bk_now_ms() - before < 100000);
        assert_non_null(strstr(err.text, "'" USER "'"));
        assert_non_null(strstr(err.text, "tried password"));
        assert_non_null(strstr(err.text, "offers publickey, password"));
        assert_null(strstr(err.text, "4711"));
        c.attempts = 0;
        c.timeout_ms = 1500;
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_TIMEOUT);
        print_message("# %s\n", err.text);
        assert_non_null(strstr(err.text, "tried password"));
        c.password = NULL;
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "neither key, agent nor password"));
}

static void an_agent_gets_in(void **state)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        need("ssh-agent");
        sshd_start(&s, SFTP);
        autofree char *socket_path = bk_format("%s/agent", s.dir), *key = bk_format("%s/id", s.dir);
        const char *const add[] = { "sh", "-c", "until ssh-add \"$1\"; do [ $? = 2 ] || exit 1; done 2>&1", "sh", key, NULL };
        struct vm_ssh_config c = sshd_login(&s);
        pid_t agent;

        c.key = NULL;
        c.agent = true;
        c.attempts = 1;
        assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "SSH_AUTH_SOCK"));
        sshd_file(&s, "id", s.keys.secret, 0600);
        agent = bk_fork();
        if (agent == 0) {
                /* It is set-group-id, and would outlive us: such a program's parent death signal is cleared. */
                (void)execlp("unshare", "unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "ssh-agent -D -a \"$1\" >/dev/null; exit 0", "sh",
                             socket_path, (char *)NULL);
                _exit(127);
        }
        assert_int_equal(setenv("SSH_AUTH_SOCK", socket_path, 1), 0);
        assert_ok(bk_run(add, 30000, NULL, &err), err);
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        sshd_end(&agent);
        assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
}

/* --- a guest that is not ready ---------------------------------------------- */

/* A port that misbehaves before it is sshd's; alive() is its clock. */
struct moody {
        struct sshd *s;
        enum { REFUSES, SWALLOWS, RESETS, LIES, CHATTERS } mood;
        int calls;                      /* of alive(), until it is sshd's */
        int listener, held[64], n;
        int64_t ready;
};

static int moody_alive(void *arg, struct bk_error *err)
{
        const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
        struct moody *m = arg;
        int fd;

        (void)err;
        while (m->listener >= 0 && m->n < 64 && (fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                if (m->mood == SWALLOWS) {
                        m->held[m->n++] = fd;
                        continue;
                }
                if (m->mood == RESETS)
                        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
                if (m->mood == LIES)
                        assert_int_equal(send(fd, "SSH-2.0-late\r\n", 14, MSG_NOSIGNAL), 14);
                if (m->mood == CHATTERS)
                        assert_int_equal(send(fd, "220 hello\r\n", 11, MSG_NOSIGNAL), 11);
                (void)close(fd);
        }
        if (--m->calls == 0) {
                if (m->listener >= 0)
                        (void)close(bk_take_fd(m->listener));
                m->s->pid = sshd_spawn(m->s, -1);
                m->ready = bk_now_ms();
        }
        return 0;
}

static void a_server_with_another_key_gets_no_password(void **state)
{
        static const char *const wrong = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        autosshd struct sshd s = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, SFTP);
        autofree char *known = bk_format("%s/known", s.dir), *public = bk_format("%s/host_key.pub", s.dir), *key = NULL;
        struct vm_ssh_config c = sshd_login(&s);

        assert_ok(bk_read_file(public, 4096, &key, NULL, &err), err);
        autofree char *right = bk_format("[127.0.0.1]:%u %s", s.port, key), *other = bk_format("[127.0.0.1]:%u %s\n", s.port, wrong);
        const struct { const char *text, *why; } rows[] = {
                { right, NULL }, { "", "is not known: no line of" }, { other, "is not the one in" }, { NULL, "is not known: no line of" },
        };

        c.known_hosts = known;
        c.key = NULL;
        c.password = PASSWORD;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autossh struct vm_ssh *ssh = NULL;

                if (rows[i].text == NULL)
                        assert_int_equal(unlink(known), 0);
                else
                        sshd_file(&s, "known", rows[i].text, 0600);
                if (rows[i].why == NULL) {
                        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
                        continue;
                }
                assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_DENIED);
                print_message("# %s\n", err.text);
                assert_non_null(strstr(err.text, rows[i].why));
                assert_non_null(strstr(err.text, "ssh-ed25519 SHA256:"));
        }
        autofree char *log = NULL;

        assert_ok(bk_read_file(s.log, 1 << 20, &log, NULL, &err), err);
        assert_null(strstr(log, "Failed"));
}

static int never(void *arg, bool *ret)
{
        (void)arg;
        *ret = false;
        return 0;
}

static int no_telling(void *arg, bool *ret)
{
        (void)arg;
        (void)ret;
        return -1;
}

static void a_guest_that_comes_up_is_noticed_soon(void **state)
{
        static const char *const moods[] = { "nothing listens", "swallowed", "reset", "a banner, then nothing", "something else" };

        (void)state;
        for (int row = 0; row < 2 * (CHATTERS + 1); row++) {
                const int mood = row / 2;
                autosshd struct sshd s = { 0 };
                autossh struct vm_ssh *ssh = NULL;
                struct moody m = { .s = &s, .mood = mood, .calls = 20, .listener = -1 };
                struct bk_error err = { 0 };

                sshd_prepare(&s, SFTP);
                struct vm_ssh_config c = sshd_login(&s);

                c.alive = moody_alive;
                c.accepted = row % 2 ? never : NULL;
                c.arg = &m;
                if (mood != REFUSES)
                        m.listener = listen_somewhere(&s.port);
                assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
                print_message("# %s%s: in %lld ms after sshd was started\n", moods[mood], row % 2 ? ", and it is told" : "",
                              (long long)(bk_now_ms() - m.ready));
                assert_true(m.calls <= 0);
                for (int i = 0; i < m.n; i++)
                        (void)close(m.held[i]);
        }
}

static void what_happened_last_is_told(void **state)
{
        static const struct { int mood; const char *says; } rows[] = {
                { REFUSES, "nothing listens" }, { SWALLOWS, "no SSH banner comes" }, { RESETS, "no banner" }, { LIES, "key exchange" },
                { CHATTERS, "220 hello" },
        };
        struct sshd nobody = { 0 };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct moody m = { .s = &nobody, .mood = rows[i].mood, .calls = 1000000, .listener = -1 };
                struct vm_ssh_config c = { .host = "127.0.0.1", .user = USER, .password = PASSWORD, .timeout_ms = 1500,
                                           .alive = moody_alive, .arg = &m };
                struct vm_ssh *ssh = NULL;
                struct bk_error err = { 0 };
                const int before = dup(0);

                m.listener = listen_somewhere(&c.port);
                if (rows[i].mood == REFUSES)
                        (void)close(bk_take_fd(m.listener));
                assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_TIMEOUT);
                print_message("# %s\n", err.text);
                assert_non_null(strstr(err.text, rows[i].says));
                for (int k = 0; k < m.n; k++)
                        (void)close(m.held[k]);
                if (m.listener >= 0)
                        (void)close(m.listener);
                const int after = dup(0);       /* the lowest that is free: none was left open */

                assert_int_equal(after, before + 1);
                (void)close(before);
                (void)close(after);
        }
}

/* Each connection is answered only 2.5 s after it was accepted, as an emulated guest's sshd would. */
struct slow { struct sshd *s; int listener, fds[64]; int64_t since[64]; pid_t pids[64]; int n; };

static int slow_alive(void *arg, struct bk_error *err)
{
        struct slow *m = arg;
        int fd;

        (void)err;
        while (m->n < 64 && (fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                m->fds[m->n] = fd;
                m->since[m->n++] = bk_now_ms();
        }
        for (int i = 0; i < m->n; i++)
                if (m->pids[i] == 0 && bk_now_ms() - m->since[i] > 2500) {
                        m->pids[i] = sshd_spawn(m->s, m->fds[i]);
                        (void)close(m->fds[i]);
                }
        return 0;
}

static void connect_slowly(int (*accepted)(void *arg, bool *ret), int connections_most)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct slow m = { .s = &s };
        struct bk_error err = { 0 };
        const int64_t before = bk_now_ms();

        sshd_prepare(&s, SFTP);
        struct vm_ssh_config c = sshd_login(&s);

        m.listener = listen_somewhere(&s.port);
        c.port = s.port;
        c.alive = slow_alive;
        c.accepted = accepted;
        c.arg = &m;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        print_message("# in after %lld ms, of which 2500 are sshd's; %d connections\n", (long long)(bk_now_ms() - before), m.n);
        assert_int_equal(status_of(ssh, "exit 5"), 5);
        assert_true(m.n <= connections_most);
        for (int i = 0; i < m.n; i++) {
                if (m.pids[i] == 0)
                        (void)close(m.fds[i]);
                sshd_end(&m.pids[i]);
        }
        (void)close(m.listener);
}

static void old_attempts_wait_for_a_slow_banner(void **state)
{
        (void)state;
        connect_slowly(NULL, 64);
}

/* The guest has accepted it when it is half a second old. */
static int slow_accepted(void *arg, bool *ret)
{
        const struct slow *m = arg;

        *ret = m->n > 0 && bk_now_ms() - m->since[0] > 500;
        return 0;
}

static void a_guest_that_accepted_one_gets_no_more(void **state)
{
        (void)state;
        connect_slowly(slow_accepted, 3);
}

/* The table that QEMU gives may not be there, or the network another one's. */
static void without_telling_old_attempts_wait_too(void **state)
{
        (void)state;
        connect_slowly(no_telling, 64);
}

/* A guest whose network comes up after a while, as a port tells on which it has nobody; or does not tell. */
struct shy { struct sshd *s; int listener, silent, held[64], n_held, swallowed[64], early, n; bool tells; int64_t up; pid_t pids[64]; };

static int shy_alive(void *arg, struct bk_error *err)
{
        struct shy *m = arg;
        const bool up = bk_now_ms() >= m->up;
        int fd;

        (void)err;
        while (m->n_held < 64 && (fd = accept4(m->silent, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                m->held[m->n_held++] = fd;
        while (up && m->tells && m->n_held > 0)
                (void)close(m->held[--m->n_held]);
        while (m->n < 64 && m->early < 64 && (fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                if (!up) {
                        m->swallowed[m->early++] = fd;
                        continue;
                }
                m->pids[m->n++] = sshd_spawn(m->s, fd);
                (void)close(fd);
        }
        return 0;
}

static int connect_shyly(bool tells, int after_ms)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct shy m = { .s = &s, .tells = tells, .up = bk_now_ms() + after_ms };
        struct bk_error err = { 0 };

        sshd_prepare(&s, SFTP);
        struct vm_ssh_config c = sshd_login(&s);

        m.listener = listen_somewhere(&s.port);
        c.port = s.port;
        m.silent = listen_somewhere(&c.silent_port);
        c.alive = shy_alive;
        c.accepted = never;
        c.arg = &m;
        c.timeout_ms = 28000;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        print_message("# %d connections, and %d without a network\n", m.n, m.early);
        assert_int_equal(status_of(ssh, "exit 5"), 5);
        while (m.n_held > 0)
                (void)close(m.held[--m.n_held]);
        while (m.n > 0)
                sshd_end(&m.pids[--m.n]);
        for (int i = 0; i < m.early; i++)
                (void)close(m.swallowed[i]);
        (void)close(m.listener);
        (void)close(m.silent);
        return m.early;
}

static void a_guest_without_a_network_is_left_alone(void **state)
{
        (void)state;
        assert_int_equal(connect_shyly(true, 1500), 0);
}

/* By then it has been asked once, which it swallowed; the next time would be after 30 s. */
static void a_network_that_comes_late_is_noticed_all_the_same(void **state)
{
        (void)state;
        assert_int_equal(connect_shyly(true, 12000), 1);
}

static void a_guest_that_never_refuses_is_asked_all_the_same(void **state)
{
        (void)state;
        assert_int_equal(connect_shyly(false, 0), 0);
}

static void unknown_ciphers_are_told_at_once(void **state)
{
        autosshd struct sshd s = { 0 };
        struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, "Ciphers aes256-ctr");
        struct vm_ssh_config c = sshd_login(&s);

        c.ciphers = "rot13";
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_INVALID);
        c.ciphers = "aes128-ctr";
        c.timeout_ms = 600000;
        assert_fails_with(vm_ssh_connect(&c, &ssh, &err), err, BK_INVALID);
        print_message("# %s\n", err.text);
        c.ciphers = "aes256-ctr";
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        vm_ssh_close(ssh);
}

static void end_bastion(void *arg, int stream, const char *line)
{
        (void)stream, (void)line;
        sshd_end(arg);
}

static void through_a_bastion(void **state)
{
        autosshd struct sshd s = { 0 }, b = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        struct moody m = { .s = &s, .calls = 8, .listener = -1 };
        struct bk_error err = { 0 };
        autoresult struct vm_ssh_result result = { 0 };
        const struct vm_ssh_run run = { .command = "head -c 5000000 /dev/zero", .timeout_ms = 60000 };

        (void)state;
        sshd_prepare(&s, SFTP);
        sshd_start(&b, "");
        const struct vm_ssh_config bastion = sshd_login(&b);
        struct vm_ssh_config c = sshd_login(&s);

        c.bastion = &bastion;
        c.alive = moody_alive;
        c.arg = &m;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        print_message("# in %lld ms after sshd was started\n", (long long)(bk_now_ms() - m.ready));
        assert_ok(vm_ssh_run(ssh, &run, &result, &err), err);
        assert_int_equal(result.out_len, 5000000);
        assert_int_equal(status_of(ssh, "kill -9 $PPID; sleep 100"), VM_SSH_DISCONNECTED);
        assert_ok(vm_ssh_reconnect(ssh, &err), err);
        assert_int_equal(status_of(ssh, "exit 3"), 3);
        const struct vm_ssh_run last = { .command = "echo started; sleep 100", .timeout_ms = 60000, .on_line = end_bastion, .arg = &b.pid };

        vm_ssh_result_done(&result);
        assert_ok(vm_ssh_run(ssh, &last, &result, &err), err);
        assert_int_equal(result.status, VM_SSH_DISCONNECTED);
        assert_false(vm_ssh_connected(ssh));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_key_of_ours_gets_in),
                cmocka_unit_test(a_key_file_gets_in),
                cmocka_unit_test(an_encrypted_key_is_invalid_and_nothing_asks),
                cmocka_unit_test(a_password_gets_in),
                cmocka_unit_test(a_wrong_password_is_denied_at_once),
                cmocka_unit_test(an_agent_gets_in),
                cmocka_unit_test(a_server_with_another_key_gets_no_password),
                cmocka_unit_test(a_guest_that_comes_up_is_noticed_soon),
                cmocka_unit_test(what_happened_last_is_told),
                cmocka_unit_test(old_attempts_wait_for_a_slow_banner),
                cmocka_unit_test(a_guest_that_accepted_one_gets_no_more),
                cmocka_unit_test(without_telling_old_attempts_wait_too),
                cmocka_unit_test(a_guest_without_a_network_is_left_alone),
                cmocka_unit_test(a_network_that_comes_late_is_noticed_all_the_same),
                cmocka_unit_test(a_guest_that_never_refuses_is_asked_all_the_same),
                cmocka_unit_test(unknown_ciphers_are_told_at_once),
                cmocka_unit_test(through_a_bastion),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
