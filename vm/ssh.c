/* SSH sessions: connecting, being served, ending. vm/ssh_ready.c waits for a server,
 * vm/ssh_auth.c logs in; here is the loop that tries until the time is up. */
#include "vm/ssh_priv.h"

#include <libssh/server.h>      /* ssh_send_keepalive() */
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"

enum {
        TIMEOUT_MS = 300000,            /* where none is given */
        HANDSHAKE_MS = 60000,           /* a guest that restarts under a handshake leaves it hanging; an emulated one needs seconds */
        PAUSE_MS = 1000, PAUSE_MOST_MS = 4000,  /* between refused logins: servers punish haste (sshd's PerSourcePenalties) */
};

bool vm_ssh_up(const struct vm_ssh *ssh)
{
        return ssh->session != NULL && !ssh->silent && ssh_is_connected(ssh->session);
}

bool vm_ssh_connected(const struct vm_ssh *ssh)
{
        return ssh->ready && vm_ssh_up(ssh);
}

const char *vm_ssh_banner(const struct vm_ssh *ssh)
{
        return ssh->banner ? ssh->banner : "";
}

const char *vm_ssh_why(const struct vm_ssh *ssh)
{
        const char *why = ssh->silent ? "nothing came from there for too long" : ssh->session != NULL ? ssh_get_error(ssh->session) : "";

        return *why ? why : "the connection was closed";
}

int vm_ssh_ask_alive(struct vm_ssh *ssh, struct bk_error *err)
{
        const int64_t now = bk_now_ms();

        if (ssh->config->alive == NULL || now - ssh->asked < VM_SSH_TURN_MS)
                return 0;
        ssh->asked = now;
        return ssh->config->alive(ssh->config->arg, err);
}

static void mind_silence(struct vm_ssh *ssh)
{
        const int64_t now = bk_now_ms();

        /* While nobody used the session, nobody listened either. */
        if (ssh->traffic.in_bytes != ssh->heard_bytes || now - ssh->served > 10 * VM_SSH_TURN_MS) {
                ssh->heard_bytes = ssh->traffic.in_bytes;
                ssh->heard = now;
        }
        ssh->served = now;
        if (ssh->config->read_write_timeout_ms > 0 && now - ssh->heard > ssh->config->read_write_timeout_ms)
                ssh->silent = true;
        if (!vm_ssh_connected(ssh) || ssh->config->keep_alive_ms <= 0 || now - ssh->kept < ssh->config->keep_alive_ms)
                return;
        ssh->kept = now;
        /* Not blocking, a call either collects the answer to the last one or sends; so two send exactly one, and none while one is unanswered. */
        (void)ssh_send_keepalive(ssh->session);
        (void)ssh_send_keepalive(ssh->session);
}

int vm_ssh_turn(struct vm_ssh *ssh, int64_t deadline, struct bk_error *err)
{
        const int64_t left = deadline - bk_now_ms();
        const int wait = left < 0 ? 0 : left < VM_SSH_TURN_MS ? (int)left : VM_SSH_TURN_MS;

        if (vm_ssh_ask_alive(ssh, err) < 0)
                return -1;
        vm_ssh_tunnel_pump(ssh);
        /* An event without a living session returns at once. */
        if (ssh_event_dopoll(ssh->event, wait) == SSH_ERROR && vm_ssh_up(ssh))
                (void)poll(NULL, 0, wait < 10 ? wait : 10);
        vm_ssh_tunnel_pump(ssh);
        for (struct vm_ssh *each = ssh; each != NULL; each = each->bastion)
                mind_silence(each);
        return 0;
}

int vm_ssh_patience(struct vm_ssh *ssh, int64_t deadline, const char *what, struct bk_error *err)
{
        if (!vm_ssh_up(ssh))
                return bk_fail(err, BK_INFRA, "%s: the SSH connection to %s:%u ended: %s", what, ssh->config->host, ssh->config->port,
                               vm_ssh_why(ssh));
        if (bk_now_ms() >= deadline)
                return bk_fail(err, BK_TIMEOUT, "%s took too long", what);
        return vm_ssh_turn(ssh, deadline, err);
}

static void drop_session(struct vm_ssh *ssh)
{
        vm_sftp_close(ssh);
        ssh->no_sftp = ssh->ready = ssh->silent = false;
        if (ssh->session != NULL) {
                if (ssh->event != NULL)
                        (void)ssh_event_remove_session(ssh->event, ssh->session);
                /* Not ssh_disconnect(), which would leave a socket that it was given open for ever; ssh_free() closes it. */
                ssh_free(ssh->session);
                ssh->session = NULL;
        }
        vm_ssh_tunnel_close(ssh);
}

static int option(ssh_session session, enum ssh_options_e key, const void *value, const char *name, struct bk_error *err)
{
        if (value == NULL || ssh_options_set(session, key, value) == SSH_OK)
                return 0;
        return bk_fail(err, BK_INVALID, "SSH does not know the %s: %s", name, ssh_get_error(session));
}

/* Owns fd, also on failure. */
static int new_session(struct vm_ssh *ssh, int fd, struct bk_error *err)
{
        const struct vm_ssh_config *c = ssh->config;
        const bool no = false;
        const unsigned port = c->port;

        ssh->session = ssh_new();
        ssh->traffic = (struct ssh_counter_struct){ 0 };
        ssh->heard_bytes = 0;
        ssh->heard = ssh->kept = ssh->served = bk_now_ms();
        if (ssh->session == NULL ||
            option(ssh->session, SSH_OPTIONS_PROCESS_CONFIG, &no, "option", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_HOST, c->host, "host", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_PORT, &port, "port", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_USER, c->user, "user", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_KNOWNHOSTS, c->known_hosts ? c->known_hosts : "/dev/null", "file", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, c->known_hosts ? "/etc/ssh/ssh_known_hosts" : "/dev/null", "file", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_CIPHERS_C_S, c->ciphers, "ciphers", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_CIPHERS_S_C, c->ciphers, "ciphers", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_KEY_EXCHANGE, c->key_exchanges, "key exchanges", err) < 0 ||
            option(ssh->session, SSH_OPTIONS_FD, &fd, "socket", err) < 0) {
                (void)close(fd);
                return -1;
        }
        ssh_set_blocking(ssh->session, 0);
        ssh_set_counters(ssh->session, &ssh->traffic, NULL);
        return 0;
}

static char *fingerprint(ssh_session session)
{
        ssh_key key = NULL;
        unsigned char *hash = NULL;
        char *text = NULL, *ret = NULL;
        size_t length = 0;

        if (ssh_get_server_publickey(session, &key) == SSH_OK &&
            ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) == SSH_OK)
                text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
        ret = bk_format("%s %s", key ? ssh_key_type_to_char(ssh_key_type(key)) : "key", text ? text : "unknown");
        ssh_string_free_char(text);
        ssh_clean_pubkey_hash(&hash);
        ssh_key_free(key);
        return ret;
}

/* No secret goes to a server that is not the one meant. */
static int check_host_key(struct vm_ssh *ssh, struct bk_error *err)
{
        const struct vm_ssh_config *c = ssh->config;
        autofree char *print = NULL;

        if (c->known_hosts == NULL)
                return 0;
        print = fingerprint(ssh->session);
        switch (ssh_session_is_known_server(ssh->session)) {
        case SSH_KNOWN_HOSTS_OK:
                return 0;
        case SSH_KNOWN_HOSTS_UNKNOWN:
        case SSH_KNOWN_HOSTS_NOT_FOUND:
                return bk_fail(err, BK_DENIED, "its key (%s) is not known: no line of '%s' names the host", print, c->known_hosts);
        case SSH_KNOWN_HOSTS_CHANGED:
        case SSH_KNOWN_HOSTS_OTHER:
                return bk_fail(err, BK_DENIED, "its key (%s) is not the one in '%s': this may be another host", print, c->known_hosts);
        default:
                return bk_fail(err, BK_DENIED, "its key (%s) cannot be compared with '%s': %s", print, c->known_hosts, ssh_get_error(ssh->session));
        }
}

static int shake_hands(struct vm_ssh *ssh, int64_t deadline, enum vm_ssh_login *ret, struct bk_error *err)
{
        int rc = ssh_connect(ssh->session);
        const int64_t own = bk_now_ms() + HANDSHAKE_MS;
        const int64_t until = own < deadline ? own : deadline;

        *ret = VM_SSH_LOST;
        /* Only now there is a socket that an event could serve. */
        if (rc != SSH_ERROR && ssh_event_add_session(ssh->event, ssh->session) != SSH_OK)
                return bk_fail(err, BK_INTERNAL, "cannot watch an SSH session");
        for (; rc == SSH_AGAIN; rc = ssh_connect(ssh->session)) {
                if (bk_now_ms() >= until) {
                        bk_fail(err, BK_TIMEOUT, "the key exchange did not end in time");
                        return 0;
                }
                if (vm_ssh_turn(ssh, until, err) < 0)
                        return -1;
                if (!vm_ssh_up(ssh))
                        break;
        }
        if (rc != SSH_OK) {
                const char *why = vm_ssh_why(ssh);

                /* Two that have no algorithm in common will have none in a minute. */
                const bool never = strstr(why, "no match for method") != NULL;

                bk_fail(err, never ? BK_INVALID : BK_INFRA, "the key exchange failed: %s", why);
                return never ? -1 : 0;
        }
        free(ssh->banner);
        ssh->banner = bk_strdup(ssh_get_serverbanner(ssh->session));
        if (check_host_key(ssh, err) < 0)
                return -1;
        return vm_ssh_login(ssh, until, ret, err);
}

static int pause_for(struct vm_ssh *ssh, int64_t ms, int64_t deadline, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + ms < deadline ? bk_now_ms() + ms : deadline;

        for (int64_t left; (left = until - bk_now_ms()) > 0;) {
                if (ssh->bastion != NULL) {
                        if (vm_ssh_turn(ssh, until, err) < 0)
                                return -1;
                        if (!vm_ssh_connected(ssh->bastion))
                                return 0;
                        continue;
                }
                if (vm_ssh_ask_alive(ssh, err) < 0)
                        return -1;
                (void)poll(NULL, 0, left < VM_SSH_TURN_MS ? (int)left : VM_SSH_TURN_MS);
        }
        return 0;
}

static int time_is_up(const struct vm_ssh *ssh, const struct vm_ssh_story *story, int timeout_ms, struct bk_error *err)
{
        const struct vm_ssh_config *c = ssh->config;

        if (story->refused > 0)
                return bk_fail(err, BK_TIMEOUT, "no login at %s:%u within %d.%d s: refused %u times; %s", c->host, c->port, timeout_ms / 1000,
                               timeout_ms % 1000 / 100, story->refused, story->refusal);
        return bk_fail(err, BK_TIMEOUT, "no SSH for user '%s' at %s:%u within %d.%d s, after %u connections: %s", c->user, c->host, c->port,
                       timeout_ms / 1000, timeout_ms % 1000 / 100, story->attempts, story->last[0] ? story->last : "nothing answered");
}

/* One server that answers, one login. */
static int try_once(struct vm_ssh *ssh, int64_t deadline, struct vm_ssh_story *story, enum vm_ssh_login *ret, struct bk_error *err)
{
        struct bk_error why = { 0 };
        int fd = -1, result;

        drop_session(ssh);
        if (ssh->bastion != NULL && !vm_ssh_connected(ssh->bastion)) {
                vm_ssh_close(bk_take(ssh->bastion));
                ssh->event = NULL;
        }
        if (ssh->config->bastion != NULL && ssh->bastion == NULL) {
                if (vm_ssh_connect(&ssh->bastion_config, &ssh->bastion, err) < 0)
                        return bk_wrap(err, "bastion");
                ssh->event = ssh->bastion->event;
        }
        if ((ssh->bastion ? vm_ssh_tunnel_open : vm_ssh_await_banner)(ssh, deadline, story, &fd, err) < 0)
                return -1;
        if (new_session(ssh, fd, err) < 0)
                return -1;
        result = shake_hands(ssh, deadline, ret, &why);
        if (result < 0) {
                *err = why;
                return bk_wrap(err, "SSH to %s:%u", ssh->config->host, ssh->config->port);
        }
        if (*ret == VM_SSH_LOST)
                (void)snprintf(story->last, sizeof story->last, "%.*s", (int)sizeof story->last - 1, why.text);
        if (*ret == VM_SSH_REFUSED) {
                story->refused++;
                (void)snprintf(story->refusal, sizeof story->refusal, "%.*s", (int)sizeof story->refusal - 1, why.text);
        }
        return 0;
}

static int establish(struct vm_ssh *ssh, struct bk_error *err)
{
        const int timeout_ms = ssh->config->timeout_ms > 0 ? ssh->config->timeout_ms : TIMEOUT_MS;
        const int64_t deadline = bk_now_ms() + timeout_ms;
        struct vm_ssh_story story = { 0 };
        int64_t pause = PAUSE_MS;

        while (bk_now_ms() < deadline) {
                enum vm_ssh_login outcome = VM_SSH_LOST;
                struct bk_error why = { 0 };

                if (try_once(ssh, deadline, &story, &outcome, &why) < 0) {
                        if (why.kind == BK_TIMEOUT && bk_now_ms() >= deadline)
                                break;
                        *err = why;
                        return -1;
                }
                if (outcome == VM_SSH_IN) {
                        ssh->ready = true;
                        return 0;
                }
                if (ssh->config->attempts > 0 && story.refused >= (unsigned)ssh->config->attempts)
                        return bk_fail(err, BK_DENIED, "%s", story.refusal);
                if (pause_for(ssh, outcome == VM_SSH_LOST ? PAUSE_MS / 4 : pause, deadline, err) < 0)
                        return -1;
                if (outcome == VM_SSH_REFUSED)
                        pause = 2 * pause < PAUSE_MOST_MS ? 2 * pause : PAUSE_MOST_MS;
        }
        return time_is_up(ssh, &story, timeout_ms, err);
}

int vm_ssh_connect(const struct vm_ssh_config *config, struct vm_ssh **ret, struct bk_error *err)
{
        struct vm_ssh *ssh;

        if (bk_lazy_need("libssh.so", err) < 0)
                return -1;
        ssh = bk_alloc(sizeof *ssh);
        ssh->config = config;
        if (config->bastion != NULL) {
                ssh->bastion_config = *config->bastion;
                if (ssh->bastion_config.alive == NULL) {
                        ssh->bastion_config.alive = config->alive;
                        ssh->bastion_config.arg = config->arg;
                }
                if (ssh->bastion_config.timeout_ms <= 0)
                        ssh->bastion_config.timeout_ms = config->timeout_ms;
        } else {
                ssh->event = ssh_event_new();
        }
        if (establish(ssh, err) < 0) {
                vm_ssh_close(ssh);
                return -1;
        }
        *ret = ssh;
        return 0;
}

int vm_ssh_reconnect(struct vm_ssh *ssh, struct bk_error *err)
{
        if (establish(ssh, err) == 0)
                return 0;
        drop_session(ssh);
        return -1;
}

void vm_ssh_close(struct vm_ssh *ssh)
{
        if (ssh == NULL)
                return;
        drop_session(ssh);
        if (ssh->config->bastion != NULL)
                vm_ssh_close(ssh->bastion);
        else if (ssh->event != NULL)
                ssh_event_free(ssh->event);
        free(ssh->banner);
        free(ssh);
}
