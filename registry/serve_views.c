/* Views that nobody waits for: who lists images for LXD names those that are not made, and finds them in a later list. */
#include "registry/serve_priv.h"

#include <string.h>

/* Taken from the front; the caller's. */
static char *take_first(struct bk_strv *list)
{
        char *first = list->v[0];

        memmove(list->v, list->v + 1, list->n * sizeof *list->v);
        list->n--;
        return first;
}

static void *make_wanted(void *arg)
{
        struct serve_views *views = arg;

        (void)pthread_mutex_lock(&views->lock);
        while (!views->stop) {
                struct bk_error err = { 0 };
                autofree char *id = NULL;

                if (views->ids.n == 0) {
                        (void)pthread_cond_wait(&views->wanted, &views->lock);
                        continue;
                }
                id = take_first(&views->ids);
                (void)pthread_mutex_unlock(&views->lock);
                const int status = reg_maker_make(views->maker, id, &err);

                (void)pthread_mutex_lock(&views->lock);
                if (status < 0 && views->failed.n < SERVE_VIEWS_MOST)
                        bk_strv_add(&views->failed, id);
        }
        (void)pthread_mutex_unlock(&views->lock);
        return NULL;
}

int serve_views_start(struct serve_views *views, struct reg_maker *maker, struct bk_error *err)
{
        (void)pthread_mutex_init(&views->lock, NULL);
        (void)pthread_cond_init(&views->wanted, NULL);
        views->maker = maker;
        if (maker == NULL)
                return 0;
        if (pthread_create(&views->thread, NULL, make_wanted, views) != 0)
                return bk_fail(err, BK_INFRA, "cannot start a thread");
        views->running = true;
        return 0;
}

/* What is being made just now is given up. */
void serve_views_stop(struct serve_views *views)
{
        if (views->running) {
                (void)pthread_mutex_lock(&views->lock);
                views->stop = true;
                (void)pthread_cond_signal(&views->wanted);
                (void)pthread_mutex_unlock(&views->lock);
                reg_maker_end(views->maker);
                (void)pthread_join(views->thread, NULL);
                views->running = false;
        }
        bk_strv_done(&views->ids);
        bk_strv_done(&views->failed);
}

void serve_views_want(struct serve_views *views, const struct bk_strv *ids)
{
        if (views->maker == NULL)
                return;
        (void)pthread_mutex_lock(&views->lock);
        for (size_t i = 0; i < ids->n && views->ids.n < SERVE_VIEWS_MOST; i++)
                if (!bk_strv_has(&views->ids, ids->v[i]) && !bk_strv_has(&views->failed, ids->v[i]))
                        bk_strv_add(&views->ids, ids->v[i]);
        (void)pthread_cond_signal(&views->wanted);
        (void)pthread_mutex_unlock(&views->lock);
}
