/* Is the guest's sshd there yet?
 *
 * A user mode network accepts a connection at once, and only then asks the guest: one that does not listen
 * resets it, one without a network swallows it, and its retries come ever more rarely. So a fresh attempt starts every
 * 200 ms, while older ones wait on: an emulated guest may need 20 s from accepting to its banner. When there is no room
 * for another, the one that the others stand in best for goes, so that the ages left form a geometric row.
 *
 * Each of them costs an emulated guest whose sshd is just up a second, for it starts a process for all, and QEMU goes on to present those that
 * we gave up. So where somebody can tell whether the guest itself has accepted one (struct vm_ssh_config), there are two, of which the
 * younger is replaced by a fresh one, until one is; that one is waited for.
 *
 * And where there is a port on which nobody listens in the guest, that one is asked first: its kernel refuses it as soon as it has a network,
 * which costs nothing, and only then is it sshd's turn. A guest that drops such packets is asked for sshd at once after 10, 30 and 70 s. */
#include "vm/ssh_priv.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum {
        PENDING_MOST = 8,               /* fewer than sshd allows before a login: MaxStartups is 10 */
        GAP_MS = 200, GAP_MOST_MS = 1000,
        OLD_MS = 60000,
        /* Where it can be told whether the guest accepts: */
        TRIES = 2, FRESH_MS = 250,
        PATIENT_MS = 3000, PATIENT_MOST_MS = 12000,     /* of the older; a guest under load may need that to answer. QEMU repeats itself after 6 s */
        REFUSED_MS = 100,                               /* its network is up: nearly there */
        ACCEPTED_MS = 5000,                             /* it may have been somebody else's that the guest accepted */
        ASK_MS = 50,
        /* Whether it has a network: */
        PROBES = 8, PROBE_MS = 200,
        SILENT_MS = 10000,              /* no answer: perhaps there will never be one */
        LOST_MS = 1000,                 /* neither accepted nor refused: the network may be gone again (an initramfs had one) */
};

struct attempt {
        int fd;
        int64_t since;
        bool connected;
};

struct readiness {
        struct attempt pending[PENDING_MOST];   /* the oldest first */
        size_t n;
        int64_t last_start, asked, patience;
        bool told, accepted;            /* can it be told; has it */
        int probes[PROBES];             /* the oldest first */
        size_t n_probes;
        int64_t last_probe, answered;
        int64_t silence;                /* how long sshd is not asked yet, when nothing answers */
        bool probing, network;          /* can it be asked for; it is there */
        struct vm_ssh_story *story;
};

static void readiness_done(struct readiness *r)
{
        for (size_t i = 0; i < r->n; i++)
                (void)close(r->pending[i].fd);
        for (size_t i = 0; i < r->n_probes; i++)
                (void)close(r->probes[i]);
        r->n = r->n_probes = 0;
}

static void forget(struct readiness *r, size_t i)
{
        r->n--;
        memmove(&r->pending[i], &r->pending[i + 1], (r->n - i) * sizeof r->pending[0]);
}

static void give_up(struct readiness *r, size_t i, const char *why)
{
        (void)snprintf(r->story->last, sizeof r->story->last, "%s", why);
        (void)close(r->pending[i].fd);
        forget(r, i);
}

static void ask_guest(struct readiness *r, const struct vm_ssh_config *config, int64_t now)
{
        if (!r->told || now - r->asked < ASK_MS)
                return;
        r->asked = now;
        if (r->n == 0)
                r->accepted = false;
        else if (config->accepted(config->arg, &r->accepted) < 0)
                r->told = r->accepted = false;
}

static size_t room(const struct readiness *r)
{
        return r->told && !r->accepted ? TRIES : PENDING_MOST;
}

static void make_room_for_try(struct readiness *r, int64_t now)
{
        const size_t victim = now - r->pending[0].since > r->patience ? 0 : r->n - 1;

        if (victim == 0 && r->patience < PATIENT_MOST_MS)
                r->patience *= 2;
        (void)close(r->pending[victim].fd);
        forget(r, victim);
}

/* The newest stays: it is the one that a guest just come up answers first. */
static void make_room(struct readiness *r, int64_t now)
{
        size_t victim = 0;
        double closest = 1e9;

        if (room(r) == TRIES) {
                make_room_for_try(r, now);
                return;
        }
        if (now - r->pending[0].since > OLD_MS) {
                (void)close(r->pending[0].fd);
                forget(r, 0);
        }
        if (r->n < PENDING_MOST)
                return;
        for (size_t i = 1; i + 1 < r->n; i++) {
                const double older = (double)(now - r->pending[i - 1].since), younger = (double)(now - r->pending[i + 1].since);

                if (older / (younger + 1) < closest) {
                        closest = older / (younger + 1);
                        victim = i;
                }
        }
        (void)close(r->pending[victim].fd);
        forget(r, victim);
}

/* Every fresh connection costs an emulated guest the start of a process, so in a long silence they come more slowly. */
static int64_t gap(const struct readiness *r, int64_t now)
{
        const int64_t wanted = r->n > 0 ? (now - r->pending[0].since) / 20 : 0;

        if (r->probing && !r->network)
                return r->silence;
        if (r->told)
                return r->n == 0 ? REFUSED_MS : r->accepted ? ACCEPTED_MS : FRESH_MS;
        return wanted < GAP_MS ? GAP_MS : wanted > GAP_MOST_MS ? GAP_MOST_MS : wanted;
}

static int resolve(const struct vm_ssh_config *config, struct vm_ssh_story *story, struct addrinfo **ret)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        autofree char *port = bk_format("%u", config->port);
        const int rc = getaddrinfo(config->host, port, &hints, ret);

        if (rc == 0)
                return 0;
        (void)snprintf(story->last, sizeof story->last, "'%s' has no address: %s", config->host, gai_strerror(rc));
        return -1;
}

/* --- is there a network ----------------------------------------------------------------------- */

static void drop_probe(struct readiness *r, size_t i)
{
        (void)close(r->probes[i]);
        r->n_probes--;
        memmove(&r->probes[i], &r->probes[i + 1], (r->n_probes - i) * sizeof r->probes[0]);
}

static void probe(struct readiness *r, const struct vm_ssh_config *config, int64_t now)
{
        const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                             .sin_port = htons((uint16_t)config->silent_port) };
        int fd;

        r->last_probe = now;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        /* QEMU, on this host, accepts at once. */
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
                (void)close(fd);
                return;
        }
        if (r->n_probes == PROBES)
                drop_probe(r, 0);
        r->probes[r->n_probes++] = fd;
}

/* QEMU ends a connection that the guest has refused. */
static void look_at_probes(struct readiness *r)
{
        char byte;

        for (size_t i = r->n_probes; i-- > 0;)
                if (recv(r->probes[i], &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR)) {
                        r->network = true;
                        r->answered = bk_now_ms();
                }
        while (r->network && r->n_probes > 0)
                drop_probe(r, 0);
}

static void ask_for_network(struct readiness *r, const struct vm_ssh_config *config, int64_t now)
{
        if (!r->probing)
                return;
        if (r->network && r->n > 0 && !r->accepted && now - r->answered > LOST_MS)
                r->network = false;
        if (!r->network && now - r->last_probe >= PROBE_MS)
                probe(r, config, now);
}

/* --- is there an sshd ------------------------------------------------------------------------- */

/* Names with several addresses take turns. */
static void start_attempt(struct readiness *r, const struct vm_ssh_config *config, int64_t now)
{
        struct addrinfo *all = NULL, *one;
        const int yes = 1, four = 4;
        int fd;

        r->last_start = now;
        r->story->attempts++;
        if (resolve(config, r->story, &all) < 0)
                return;
        one = all;
        for (unsigned i = r->story->attempts; i > 1; i--)
                one = one->ai_next ? one->ai_next : all;
        fd = socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0) {
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
                /* So that poll() does not wake us for the first half of "SSH-". */
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &four, sizeof four);
        }
        if (fd >= 0 && (connect(fd, one->ai_addr, one->ai_addrlen) == 0 || errno == EINPROGRESS)) {
                r->pending[r->n++] = (struct attempt){ .fd = fd, .since = now };
        } else {
                (void)snprintf(r->story->last, sizeof r->story->last, "cannot connect: %s", strerror(errno));
                if (fd >= 0)
                        (void)close(fd);
        }
        freeaddrinfo(all);
}

static void printable(char *text)
{
        text[strcspn(text, "\r\n")] = '\0';
        for (; *text != '\0'; text++)
                if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
                        *text = '.';
}

/* Looks at one that poll() named. Returns true when it has a banner; otherwise the attempt may be gone. */
static bool look(struct readiness *r, size_t i)
{
        struct attempt *a = &r->pending[i];
        char text[64] = { 0 }, why[160];
        int failure = 0;
        socklen_t length = sizeof failure;
        ssize_t got;

        if (!a->connected) {
                (void)getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &failure, &length);
                if (failure != 0) {
                        (void)snprintf(why, sizeof why, "nothing listens: %s", strerror(failure));
                        give_up(r, i, why);
                        return false;
                }
                a->connected = true;
        }
        got = recv(a->fd, text, sizeof text - 1, MSG_PEEK | MSG_DONTWAIT);
        if (got >= 4 && strncmp(text, "SSH-", 4) == 0)
                return true;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (got < 0) {
                (void)snprintf(why, sizeof why, "accepted, but no banner: %s", strerror(errno));
        } else if (got == 0) {
                (void)snprintf(why, sizeof why, "accepted, but closed before a banner");
        } else {
                printable(text);
                (void)snprintf(why, sizeof why, "no SSH banner there, but '%s'", text);
        }
        give_up(r, i, why);
        return false;
}

/* Waits for at most one turn. Returns the index of a winner, or -1. */
static int watch(struct readiness *r, int64_t until)
{
        struct pollfd events[PENDING_MOST + PROBES];
        const int64_t left = until - bk_now_ms();
        const size_t n = r->n;

        for (size_t i = 0; i < n; i++)
                events[i] = (struct pollfd){ .fd = r->pending[i].fd, .events = r->pending[i].connected ? POLLIN : POLLOUT };
        for (size_t i = 0; i < r->n_probes; i++)
                events[n + i] = (struct pollfd){ .fd = r->probes[i], .events = POLLIN };
        if (poll(events, n + r->n_probes, left < 0 ? 0 : left < VM_SSH_TURN_MS ? (int)left : VM_SSH_TURN_MS) <= 0)
                return -1;
        look_at_probes(r);
        for (size_t i = n; i-- > 0;)
                if (events[i].revents != 0 && look(r, i))
                        return (int)i;
        return -1;
}

int vm_ssh_await_banner(struct vm_ssh *ssh, int64_t deadline, struct vm_ssh_story *story, int *ret_fd, struct bk_error *err)
{
        BK_CLEANUP(readiness_done) struct readiness r = {
                .story = story, .told = ssh->config->accepted != NULL, .patience = PATIENT_MS, .probing = ssh->config->silent_port != 0,
                .silence = SILENT_MS,
        };
        const int one = 1;

        r.last_start = r.probing ? bk_now_ms() : 0;

        for (;;) {
                const int64_t now = bk_now_ms();
                int winner;

                if (now >= deadline) {
                        /* One that is only young yet says less than how others ended. */
                        if (r.n > 0 && r.pending[0].connected && (story->last[0] == '\0' || now - r.pending[0].since > 1000))
                                (void)snprintf(story->last, sizeof story->last, "connections are accepted, but no SSH banner comes");
                        else if (r.n > 0 && story->last[0] == '\0')
                                (void)snprintf(story->last, sizeof story->last, "connections are not answered");
                        return bk_fail(err, BK_TIMEOUT, "%s", story->last);
                }
                if (vm_ssh_ask_alive(ssh, err) < 0)
                        return -1;
                ask_guest(&r, ssh->config, now);
                ask_for_network(&r, ssh->config, now);
                if (now - r.last_start >= gap(&r, now)) {
                        if (r.probing && !r.network)
                                r.silence *= 2;
                        while (r.n >= room(&r))
                                make_room(&r, now);
                        start_attempt(&r, ssh->config, now);
                }
                const int64_t next = r.last_start + gap(&r, now);

                winner = watch(&r, next < deadline ? next : deadline);
                if (winner < 0)
                        continue;
                *ret_fd = r.pending[winner].fd;
                forget(&r, (size_t)winner);
                (void)setsockopt(*ret_fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
                return 0;
        }
}
