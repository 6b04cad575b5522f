/* Waiting for a change. One thread looks at the registry's index for all who wait: as soon as one of our own requests has changed
 * something, and every 200 ms for what other processes do. While nobody waits it sleeps. */
#include "registry/serve_priv.h"

#include <time.h>

#include "lib/fs.h"

enum { LOOK_MS = 200 };

static struct timespec after(int ms)
{
        struct timespec at;

        (void)clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += ms / 1000;
        at.tv_nsec += (long)(ms % 1000) * 1000000;
        if (at.tv_nsec >= 1000000000) {
                at.tv_sec++;
                at.tv_nsec -= 1000000000;
        }
        return at;
}

/* The lock is not held while the database is asked. A failure is for the requests to tell: here it means that nothing is known to have
 * changed. */
static void look(struct serve_wait *wait)
{
        struct bk_error err = { 0 };
        int64_t index = 0;
        int status = 0;

        wait->poke = false;
        (void)pthread_mutex_unlock(&wait->lock);
        if (wait->reg == NULL)
                status = reg_open(wait->home, &wait->reg, &err);
        if (status == 0)
                status = reg_event_index(wait->reg, &index, &err);
        if (status < 0)
                reg_close(bk_take(wait->reg));
        (void)pthread_mutex_lock(&wait->lock);
        if (status == 0 && index != wait->index) {
                wait->index = index;
                (void)pthread_cond_broadcast(&wait->changed);
        }
}

static void *watch(void *arg)
{
        struct serve_wait *wait = arg;

        (void)pthread_mutex_lock(&wait->lock);
        while (!wait->stop) {
                const struct timespec until = after(LOOK_MS);

                if (wait->waiters == 0)
                        (void)pthread_cond_wait(&wait->wanted, &wait->lock);
                else if (!wait->poke)
                        (void)pthread_cond_timedwait(&wait->wanted, &wait->lock, &until);
                if (!wait->stop && wait->waiters > 0)
                        look(wait);
        }
        (void)pthread_mutex_unlock(&wait->lock);
        return NULL;
}

int serve_wait_start(struct serve_wait *wait, const char *home, unsigned most, struct bk_error *err)
{
        pthread_condattr_t monotonic;

        (void)pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void)pthread_mutex_init(&wait->lock, NULL);
        (void)pthread_cond_init(&wait->changed, &monotonic);
        (void)pthread_cond_init(&wait->wanted, &monotonic);
        (void)pthread_condattr_destroy(&monotonic);
        wait->most = most;
        wait->home = home;
        if (reg_open(home, &wait->reg, err) < 0 || reg_event_index(wait->reg, &wait->index, err) < 0)
                return -1;
        if (pthread_create(&wait->thread, NULL, watch, wait) != 0)
                return bk_fail(err, BK_INFRA, "cannot start a thread");
        wait->running = true;
        return 0;
}

void serve_wait_stop(struct serve_wait *wait)
{
        if (!wait->running)
                return;
        (void)pthread_mutex_lock(&wait->lock);
        wait->stop = true;
        (void)pthread_cond_broadcast(&wait->changed);
        (void)pthread_cond_broadcast(&wait->wanted);
        (void)pthread_mutex_unlock(&wait->lock);
        (void)pthread_join(wait->thread, NULL);
        wait->running = false;
}

void serve_wait_done(struct serve_wait *wait)
{
        reg_close(wait->reg);
        wait->reg = NULL;
}

void serve_wait_poke(struct serve_wait *wait)
{
        (void)pthread_mutex_lock(&wait->lock);
        wait->poke = true;
        (void)pthread_cond_signal(&wait->wanted);
        (void)pthread_mutex_unlock(&wait->lock);
}

bool serve_wait_enter(struct serve_wait *wait)
{
        bool entered;

        (void)pthread_mutex_lock(&wait->lock);
        entered = wait->waiters < wait->most;
        if (entered)
                atomic_fetch_add(&reg_traffic.waiting, 1);
        if (entered && wait->waiters++ == 0) {
                wait->poke = true;              /* what it knows may be old */
                (void)pthread_cond_signal(&wait->wanted);
        }
        (void)pthread_mutex_unlock(&wait->lock);
        return entered;
}

void serve_wait_leave(struct serve_wait *wait)
{
        (void)pthread_mutex_lock(&wait->lock);
        wait->waiters--;
        atomic_fetch_sub(&reg_traffic.waiting, 1);
        (void)pthread_mutex_unlock(&wait->lock);
}

bool serve_wait_for(struct serve_wait *wait, int64_t index, int ms)
{
        const struct timespec until = after(ms);
        bool changed, late = false;

        (void)pthread_mutex_lock(&wait->lock);
        /* What was known when nobody waited may be older than `index`, never newer than what is. */
        while (!wait->stop && !late && wait->index <= index)
                late = pthread_cond_timedwait(&wait->changed, &wait->lock, &until) != 0;
        changed = wait->index > index;
        (void)pthread_mutex_unlock(&wait->lock);
        return changed && !wait->stop;
}
