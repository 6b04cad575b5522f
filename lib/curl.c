/* See curl_priv.h. */
#include "lib/curl_priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/lazy.h"

static void start(void)
{
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                abort();
        (void)atexit(curl_global_cleanup);
}

int bk_curl_begin(struct bk_error *err)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        if (bk_lazy_need("libcurl.so", err) < 0)
                return -1;
        if (pthread_once(&once, start) != 0)
                abort();
        return 0;
}

CURL *bk_curl_new(void)
{
        CURL *easy = curl_easy_init();

        if (easy == NULL)
                abort();
        return easy;
}

void bk_curl_done(CURL **easy)
{
        curl_easy_cleanup(*easy);
}

void bk_curl_headers_done(struct curl_slist **headers)
{
        curl_slist_free_all(*headers);
}

CURLcode bk_curl_perform(CURL *easy)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct sigaction before;
        CURLcode code;

        (void)sigaction(SIGPIPE, &ignore, &before);
        code = curl_easy_perform(easy);
        (void)sigaction(SIGPIPE, &before, NULL);
        return code;
}
