/* A QEMU of its own for tests of typing: keys by QMP, as libvirt sends them, and the screen from memory or a picture. */
#pragma once
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "boot/type.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

struct guest {
        char folder[64];
        pid_t pid, load[2];
        int qmp;
        bool drawn, quiet;
        struct boot_fonts fonts;
        struct boot_grid grid;
        struct boot_screen last;
};

static inline pid_t guest_spawn(const char *const argv[])
{
        const pid_t pid = fork();

        if (pid == 0) {
                const int null = open("/dev/null", O_RDWR);

                (void)dup2(null, 0);
                (void)dup2(null, 1);
                (void)dup2(null, 2);
                (void)execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        return pid;
}

static inline int guest_run(const char *const argv[])
{
        int status = -1;
        const pid_t pid = guest_spawn(argv);

        return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static inline void guest_end(pid_t *pid)
{
        if (*pid > 0) {
                (void)kill(*pid, SIGKILL);
                (void)waitpid(*pid, NULL, 0);
        }
        *pid = 0;
}

/* A QMP command, until its answer; events are passed over. */
static inline int guest_ask(const struct guest *g, const char *json, struct bk_error *err)
{
        char line[4096];
        size_t n = 0;

        if (json != NULL && send(g->qmp, json, strlen(json), MSG_NOSIGNAL) < 0)
                return bk_fail(err, BK_INFRA, "QEMU is gone");
        for (;;) {
                char c;

                if (recv(g->qmp, &c, 1, 0) != 1)
                        return bk_fail(err, BK_INFRA, "QEMU is gone");
                if (n + 1 < sizeof line)
                        line[n++] = c;
                if (c != '\n')
                        continue;
                line[n] = '\0';
                n = 0;
                if (strstr(line, "\"error\"") != NULL)
                        return bk_fail(err, BK_FAILED, "%s: %s", json, line);
                if (strstr(line, json == NULL ? "\"QMP\"" : "\"return\"") != NULL)
                        return 0;
        }
}

static inline int guest_send(void *arg, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err)
{
        struct bk_error *e = err;
        char json[1024];
        size_t at = (size_t)snprintf(json, sizeof json, "{\"execute\":\"send-key\",\"arguments\":{\"hold-time\":%d,\"keys\":[",
                                     hold_ms > 0 ? (int)hold_ms : 1);

        for (unsigned i = 0; i < n; i++) {
                /* Codes that Linux took from the PC keyboard are QEMU's as well; others get their second page. */
                const unsigned number = codes[i] == KEY_DOWN ? 0xd0 : codes[i] == KEY_UP ? 0xc8 : codes[i] == KEY_END ? 0xcf :
                                        codes[i] == KEY_HOME ? 0xc7 : codes[i] == KEY_LEFT ? 0xcb : codes[i] == KEY_RIGHT ? 0xcd : codes[i];

                at += (size_t)snprintf(json + at, sizeof json - at, "%s{\"type\":\"number\",\"data\":%u}", i > 0 ? "," : "", number);
        }
        (void)snprintf(json + at, sizeof json - at, "]}}\n");
        return guest_ask(arg, json, e);
}

static inline int guest_look(void *arg, struct boot_screen *ret, struct bk_error *err)
{
        struct guest *g = arg;
        autofree char *path = bk_format("%s/screen", g->folder), *bytes = NULL;
        autofree char *json = g->drawn ? bk_format("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"%s\"}}\n", path)
                                       : bk_format("{\"execute\":\"pmemsave\",\"arguments\":{\"val\":753664,\"size\":4000,"
                                                   "\"filename\":\"%s\"}}\n", path);
        BK_CLEANUP(boot_picture_done) struct boot_picture picture = { 0 };
        size_t length = 0;

        if (guest_ask(g, json, err) < 0)
                return -1;
        if (g->drawn) {
                if (boot_picture_load(path, &picture, err) < 0)
                        return -1;
                boot_screen_from_picture(&picture, &g->fonts, &g->grid, ret);
                ret->drawn = true;
        } else if (bk_read_file(path, 32768, &bytes, &length, err) < 0 || boot_screen_from_text(bytes, length, 80, 25, 0, ret, err) < 0) {
                return -1;
        }
        return 0;
}

static inline int64_t guest_now(void *arg)
{
        (void)arg;
        return bk_now_ms();
}

static inline int guest_pause(void *arg, int64_t ms, struct bk_error *err)
{
        const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        (void)arg;
        (void)err;
        (void)nanosleep(&t, NULL);
        return 0;
}

static inline bool guest_serial(void *arg, const char *text, uint64_t *from)
{
        (void)arg;
        (void)text;
        (void)from;
        return false;
}

static inline bool guest_port(void *arg, unsigned port)
{
        (void)arg;
        (void)port;
        return false;
}

static inline void guest_say(void *arg, const char *text)
{
        if (!((struct guest *)arg)->quiet)
                (void)printf("# said: %s\n", text);
}

static inline struct boot_target guest_target(struct guest *g)
{
        return (struct boot_target){ .arg = g, .send = guest_send, .look = guest_look, .serial = guest_serial, .port = guest_port,
                                     .pause = guest_pause, .now = guest_now, .say = guest_say };
}

static inline void guest_stop(struct guest *g)
{
        const char *const argv[] = { "rm", "-rf", g->folder, NULL };

        guest_end(&g->pid);
        guest_end(&g->load[0]);
        guest_end(&g->load[1]);
        if (g->qmp > 0)
                (void)close(g->qmp);
        g->qmp = 0;
        boot_screen_done(&g->last);
        boot_fonts_done(&g->fonts);
        if (g->folder[0] != '\0')
                (void)guest_run(argv);
        g->folder[0] = '\0';
}

static inline int guest_folder(struct guest *g)
{
        (void)snprintf(g->folder, sizeof g->folder, "/tmp/bakery-guest.XXXXXX");
        return mkdtemp(g->folder) != NULL ? 0 : -1;
}

/* busy: two processes beside it that do nothing but work. extra: of QEMU's command line, to a NULL. */
static inline int guest_start(struct guest *g, const char *const extra[], bool busy, struct bk_error *err)
{
        static const char *const loop[] = { "sh", "-c", "while :; do :; done", NULL };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *argv[40] = { "qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-vga", "std", "-nodefaults", "-m", "512", "-qmp" };
        autofree char *qmp = bk_format("unix:%s/qmp,server=on,wait=off", g->folder);
        size_t n = 10;

        while (argv[n] != NULL)
                n++;
        argv[n++] = qmp;
        for (size_t i = 0; extra[i] != NULL && n < 38; i++)
                argv[n++] = extra[i];
        g->pid = guest_spawn(argv);
        for (unsigned i = 0; busy && i < 2; i++)
                g->load[i] = guest_spawn(loop);
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/qmp", g->folder);
        for (const int64_t until = bk_now_ms() + 10000; bk_now_ms() < until;) {
                g->qmp = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (connect(g->qmp, (const struct sockaddr *)&address, sizeof address) == 0)
                        return guest_ask(g, NULL, err) < 0 || guest_ask(g, "{\"execute\":\"qmp_capabilities\"}\n", err) < 0 ? -1 : 0;
                (void)close(g->qmp);
                g->qmp = 0;
                (void)guest_pause(g, 50, err);
        }
        return bk_fail(err, BK_INFRA, "QEMU did not start");
}

static inline int guest_type(struct guest *g, const char *text, const struct boot_typing *typing, struct boot_typed *typed, struct bk_error *err)
{
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        const struct boot_target target = guest_target(g);

        return boot_parse(text, &command, err) < 0 ? -1 : boot_type(&command, typing, &target, typed, err);
}
