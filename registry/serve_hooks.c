/* The thread that tells hooks. It waits for events as others do; who does not listen, or listens slowly, delays other hooks and
 * the server's end by ten seconds or so, and requests not at all. */
#include "registry/serve_priv.h"

#include <time.h>

#include "registry/hook.h"

enum { IDLE_MS = 2000, ONE_MS = 1000 };

static bool pause_for(struct serve_hooks *hooks, int ms)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += ms / 1000;
        (void)pthread_mutex_lock(&hooks->lock);
        if (!hooks->stop)
                (void)pthread_cond_timedwait(&hooks->ended, &hooks->lock, &until);
        const bool stop = hooks->stop;

        (void)pthread_mutex_unlock(&hooks->lock);
        return !stop;
}

/* With hooks, until something changes or one is to be tried again; without, it is looked every two seconds whether there is one. */
static bool rest(struct reg_serve *serve, const struct reg_delivery *delivery, int64_t index)
{
        const int64_t left = delivery->next_at == 0 ? 60 : delivery->next_at - time(NULL);

        if (delivery->hooks == 0 || !serve_wait_enter(&serve->wait))
                return pause_for(&serve->hooks, IDLE_MS);
        (void)serve_wait_for(&serve->wait, index, (int)(left < 1 ? ONE_MS : left > 60 ? 60000 : left * 1000));
        serve_wait_leave(&serve->wait);
        return !atomic_load(&serve->stopping);
}

static void *deliver(void *arg)
{
        struct reg_serve *serve = arg;
        struct reg *reg = NULL;
        bool more = true;

        while (more) {
                struct reg_delivery delivery = { 0 };
                struct bk_error err = { 0 };
                int64_t index = 0;

                if ((reg == NULL && reg_open(serve->config.home, &reg, &err) < 0) || reg_event_index(reg, &index, &err) < 0 ||
                    reg_hooks_deliver(reg, serve->config.home, false, &serve->stopping, &delivery, &err) < 0) {
                        if (serve->config.log != NULL)
                                serve->config.log(serve->config.arg, err.text);
                        reg_close(bk_take(reg));
                        more = pause_for(&serve->hooks, IDLE_MS);
                } else if (delivery.more) {
                        more = !atomic_load(&serve->stopping);
                } else {
                        more = rest(serve, &delivery, index);
                }
        }
        reg_close(reg);
        return NULL;
}

int serve_hooks_start(struct reg_serve *serve, struct bk_error *err)
{
        (void)pthread_mutex_init(&serve->hooks.lock, NULL);
        (void)pthread_cond_init(&serve->hooks.ended, NULL);
        if (pthread_create(&serve->hooks.thread, NULL, deliver, serve) != 0)
                return bk_fail(err, BK_INFRA, "cannot start a thread");
        serve->hooks.running = true;
        return 0;
}

void serve_hooks_stop(struct serve_hooks *hooks)
{
        if (!hooks->running)
                return;
        (void)pthread_mutex_lock(&hooks->lock);
        hooks->stop = true;
        (void)pthread_cond_signal(&hooks->ended);
        (void)pthread_mutex_unlock(&hooks->lock);
        (void)pthread_join(hooks->thread, NULL);
        hooks->running = false;
}
