/* What lib/fetch.c and lib/http.c share of libcurl: loading it, starting it once, and transfers that do not end the process. */
#pragma once
#include <curl/curl.h>

#include "lib/error.h"

/* BK_INFRA where libcurl cannot be loaded. To be called before anything of curl's. */
int bk_curl_begin(struct bk_error *err) BK_MUST_CHECK;
/* curl_easy_init() that does not fail; after bk_curl_begin(). */
CURL *bk_curl_new(void);
void bk_curl_done(CURL **easy);
void bk_curl_headers_done(struct curl_slist **headers);
/* curl_easy_perform() with SIGPIPE ignored, which CURLOPT_NOSIGNAL leaves to us. */
CURLcode bk_curl_perform(CURL *easy);
