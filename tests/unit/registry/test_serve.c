/* The parts of the server that need no connection: limits, remembered answers, waiting, what is read out of a request. */
#include "tests/unit/registry/fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "registry/serve_priv.h"

/* --- limits ---------------------------------------------------------------------------------- */

static struct sockaddr_storage address(const char *text)
{
        struct sockaddr_storage at = { 0 };
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&at;
        struct sockaddr_in *four = (struct sockaddr_in *)(void *)&at;

        if (strchr(text, ':') != NULL) {
                six->sin6_family = AF_INET6;
                assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        } else {
                four->sin_family = AF_INET;
                assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
        }
        return at;
}

static bool asks(struct serve_limits *limits, const char *from, unsigned rate, int64_t now)
{
        const struct sockaddr_storage at = address(from);

        return serve_rate_allows(limits, (const struct sockaddr *)&at, rate, now);
}

static void an_address_may_ask_so_often(void **state)
{
        struct serve_limits *limits = bk_alloc(sizeof *limits);

        (void)state;
        (void)pthread_mutex_init(&limits->lock, NULL);
        for (int i = 0; i < 20; i++)
                assert_true(asks(limits, "192.0.2.1", 10, 1000));
        assert_false(asks(limits, "192.0.2.1", 10, 1000));
        assert_false(asks(limits, "::ffff:192.0.2.1", 10, 1000));       /* the same host */
        assert_true(asks(limits, "192.0.2.2", 10, 1000));
        assert_true(asks(limits, "192.0.2.1", 10, 1100));               /* a tenth of a second is one more */
        assert_false(asks(limits, "192.0.2.1", 10, 1100));
        for (int i = 0; i < 20; i++)
                assert_true(asks(limits, "192.0.2.1", 10, 1000000));    /* and no more than the burst is saved */
        assert_false(asks(limits, "192.0.2.1", 10, 1000000));
        assert_true(asks(limits, "192.0.2.1", 0, 1000000));             /* 0: any */
        free(limits);
}

static void a_network_of_ipv6_is_one_address(void **state)
{
        struct serve_limits *limits = bk_alloc(sizeof *limits);

        (void)state;
        (void)pthread_mutex_init(&limits->lock, NULL);
        assert_true(asks(limits, "2001:db8::1", 1, 1000));
        assert_true(asks(limits, "2001:db8::2", 1, 1000));
        assert_false(asks(limits, "2001:db8::ffff:3", 1, 1000));
        assert_true(asks(limits, "2001:db8:0:1::1", 1, 1000));
        free(limits);
}

static void a_flood_of_addresses_keeps_its_room(void **state)
{
        struct serve_limits *limits = bk_alloc(sizeof *limits);

        (void)state;
        (void)pthread_mutex_init(&limits->lock, NULL);
        for (unsigned i = 0; i < 100000; i++) {
                struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i) };

                assert_true(serve_rate_allows(limits, (struct sockaddr *)&at, 1, 1000 + i));
        }
        free(limits);
}

static void who_is_late_is_cut_off(void **state)
{
        struct serve_limits *limits = bk_alloc(sizeof *limits);
        int late[2], soon[2], never[2];
        struct serve_conn *a, *b, *c;
        char byte;

        (void)state;
        (void)pthread_mutex_init(&limits->lock, NULL);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, late) | socketpair(AF_UNIX, SOCK_STREAM, 0, soon) |
                         socketpair(AF_UNIX, SOCK_STREAM, 0, never), 0);
        a = serve_conn_open(limits, late[0], 1000);
        b = serve_conn_open(limits, soon[0], 2000);
        c = serve_conn_open(limits, never[0], 0);
        assert_int_equal(serve_conn_reap(limits, 999), 0);
        assert_int_equal(serve_conn_reap(limits, 1000), 1);
        assert_int_equal(serve_conn_reap(limits, 1001), 0);             /* once */
        assert_int_equal(recv(late[1], &byte, 1, MSG_DONTWAIT), 0);
        assert_int_equal(recv(soon[1], &byte, 1, MSG_DONTWAIT), -1);
        serve_conn_deadline(limits, b, 0);
        assert_int_equal(serve_conn_reap(limits, 1 << 20), 0);
        serve_conn_close(limits, b);
        serve_conn_close(limits, a);
        serve_conn_close(limits, c);
        assert_null(limits->conns);
        for (int i = 0; i < 2; i++)
                (void)close(late[i]), (void)close(soon[i]), (void)close(never[i]);
        free(limits);
}

/* --- remembered answers ------------------------------------------------------------------------ */

static struct serve_text *answer(const char *text, size_t length, int64_t index)
{
        struct reg_answer a = { .status = 200, .type = "text/plain", .text = bk_alloc(length + 1), .length = length, .index = index };

        (void)strcpy(a.text, text);
        return serve_text_new(&a);
}

static void keep(struct serve_cache *cache, const char *key, size_t length, int64_t index, int64_t now)
{
        struct serve_text *text = answer(key, length, index);

        serve_cache_put(cache, key, text, now);
        serve_text_drop(text);
}

static bool has(struct serve_cache *cache, const char *key, int64_t index, int64_t now)
{
        struct serve_text *text = serve_cache_get(cache, key, index, now);
        const bool found = text != NULL;

        if (found)
                assert_string_equal(text->answer.text, key);
        serve_text_drop(text);
        return found;
}

static void an_answer_holds_for_its_index_and_a_second(void **state)
{
        struct serve_cache cache = { 0 };

        (void)state;
        serve_cache_start(&cache, 1 << 20);
        assert_false(has(&cache, "a", 7, 0));
        keep(&cache, "a", 10, 7, 1000);
        assert_true(has(&cache, "a", 7, 1000));
        assert_true(has(&cache, "a", 7, 1999));
        assert_false(has(&cache, "b", 7, 1000));
        assert_false(has(&cache, "a", 7, 2000));
        keep(&cache, "a", 10, 7, 3000);
        assert_false(has(&cache, "a", 8, 3000));
        assert_false(has(&cache, "a", 7, 3000));                /* what is old is forgotten */
        assert_int_equal(cache.bytes, 0);
        serve_cache_stop(&cache);
}

static void answers_take_no_more_room_than_they_may(void **state)
{
        struct serve_cache cache = { 0 };
        struct serve_text *held;

        (void)state;
        serve_cache_start(&cache, 64 << 10);
        keep(&cache, "large", 32 << 10, 1, 0);
        assert_false(has(&cache, "large", 1, 0));               /* one is not to push out all others */
        keep(&cache, "first", 100, 1, 0);
        held = serve_cache_get(&cache, "first", 1, 0);
        for (int i = 0; i < 1000; i++) {
                autofree char *key = bk_format("%d", i);

                keep(&cache, key, 1000, 1, 0);
                keep(&cache, key, 1000, 1, 0);
                assert_true(cache.bytes <= 64 << 10);
                if (i < 50)
                        assert_true(has(&cache, "0", 1, 0));    /* used just now: not the one to go */
        }
        assert_false(has(&cache, "first", 1, 0));
        assert_string_equal(held->answer.text, "first");        /* who still sends it may */
        serve_text_drop(held);
        assert_true(has(&cache, "999", 1, 0));
        serve_cache_stop(&cache);
}

static void an_etag_is_of_the_index_and_of_the_text(void **state)
{
        struct serve_text *a = answer("a", 1, 1), *same = answer("a", 1, 1), *b = answer("b", 1, 1), *later = answer("a", 1, 2);

        (void)state;
        assert_string_equal(a->etag, same->etag);
        assert_string_not_equal(a->etag, b->etag);
        assert_string_not_equal(a->etag, later->etag);
        serve_text_drop(a), serve_text_drop(same), serve_text_drop(b), serve_text_drop(later);
}

/* --- waiting ------------------------------------------------------------------------------------- */

static void say(struct reg *reg)
{
        const struct reg_event event = { .who = "ada", .action = "test.said", .subject = "x" };
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        assert_ok(reg_txn_write(reg, &txn, &err), err);
        assert_ok(reg_event_put(reg, &event, &err), err);
        assert_ok(reg_txn_commit(&txn, &err), err);
}

static void *say_later(void *arg)
{
        say(((struct fixture *)arg)->reg);
        return NULL;
}

static void a_change_of_another_connection_wakes(void **state)
{
        struct fixture *f = *state;
        struct serve_wait wait = { 0 };
        struct bk_error err = { 0 };
        pthread_t other;

        assert_ok(serve_wait_start(&wait, f->home, 1, &err), err);
        assert_true(serve_wait_enter(&wait));
        assert_false(serve_wait_enter(&wait));                  /* no more than may */
        assert_int_equal(atomic_load(&reg_traffic.waiting), 1);
        assert_false(serve_wait_for(&wait, 0, 1));
        assert_int_equal(pthread_create(&other, NULL, say_later, f), 0);
        assert_true(serve_wait_for(&wait, 0, 60000));
        assert_int_equal(pthread_join(other, NULL), 0);
        serve_wait_leave(&wait);
        assert_true(serve_wait_enter(&wait));
        serve_wait_leave(&wait);
        assert_int_equal(atomic_load(&reg_traffic.waiting), 0);
        serve_wait_stop(&wait);
        assert_false(serve_wait_for(&wait, 1, 60000));          /* the end wakes, too */
        serve_wait_done(&wait);
}

/* --- requests -------------------------------------------------------------------------------------- */

static void a_parameter_is_taken_out_of_a_query(void **state)
{
        static const struct { const char *query, *name, *value, *rest; } rows[] = {
                { "", "wait", NULL, "" },
                { "wait=60s", "wait", "60s", "" },
                { "a=b&wait=60s", "wait", "60s", "a=b" },
                { "wait=60s&a=b", "wait", "60s", "a=b" },
                { "a=b&wait=&c=d", "wait", "", "a=b&c=d" },
                { "await=1&wait=2", "wait", "2", "await=1" },
                { "waits=1", "wait", NULL, "waits=1" },
                { "wait", "wait", NULL, "wait" },
                { "wait=%36%30s", "wait", "60s", "" },
                { "wait=%00", "wait", "", "" },
                { "wait=%zz", "wait", "", "" },
                { "&&wait=1&&", "wait", "1", "&&&" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *query = bk_strdup(rows[i].query), *value = serve_query_take(query, rows[i].name);

                print_message("# %s\n", rows[i].query);
                if (rows[i].value == NULL)
                        assert_null(value);
                else
                        assert_string_equal(value, rows[i].value);
                assert_string_equal(query, rows[i].rest);
        }
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void only_a_digest_names_a_layer(void **state)
{
        static const struct { const char *path; bool layer; } rows[] = {
                { "/layers/sha256:" HEX, true },
                { "/layers/sha256%3A" HEX, true },
                { "/layers/", false },
                { "/layers/" HEX, false },
                { "/layers/sha256:" HEX "/", false },
                { "/layers/sha256:" HEX "%00", false },
                { "/layers/sha256:../../registry.db", false },
                { "/layers/%2e%2e%2fregistry.db", false },
                { "/layers/sha256:%2e%2e%2f%2e%2e%2fetc%2fpasswd", false },
                { "/layer/sha256:" HEX, false },
                { "//layers/sha256:" HEX, false },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *digest = serve_layer_digest(rows[i].path);

                print_message("# %s\n", rows[i].path);
                assert_int_equal(digest != NULL, rows[i].layer);
        }
}

static void a_range_goes_to_the_end(void **state)
{
        static const struct { const char *text; bool good; uint64_t from, total; } rows[] = {
                { NULL, true, 0, 0 }, { "bytes 0-9/10", true, 0, 10 }, { "bytes 9-9/10", true, 9, 10 }, { "bytes 0-8/10", false, 0, 0 },
                { "bytes 0-9/*", false, 0, 0 }, { "bytes */10", false, 0, 0 }, { "bytes 10-9/10", false, 0, 0 }, { "bytes -9/10", false, 0, 0 },
                { "bytes 0-0/0", false, 0, 0 }, { "bytes 0-18446744073709551615/0", false, 0, 0 }, { "bytes 0-9/10,", false, 0, 0 },
                { "bytes=0-9/10", false, 0, 0 }, { "bytes 0 -9/10", false, 0, 0 }, { "", false, 0, 0 },
                { "bytes 0-9999999999999999999/10000000000000000000", false, 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct serve_range range = { 0 };
                struct bk_error err = { 0 };

                print_message("# '%s'\n", rows[i].text != NULL ? rows[i].text : "(none)");
                assert_int_equal(serve_range_parse(rows[i].text, &range, &err), rows[i].good ? 0 : -1);
                assert_int_equal(range.from, rows[i].from);
                assert_int_equal(range.total, rows[i].total);
        }
}

static void it_listens_elsewhere_only_when_told(void **state)
{
        static const struct { const char *listen; bool insecure; enum bk_kind kind; } rows[] = {
                { "0.0.0.0:0", false, BK_USAGE }, { "[::]:0", false, BK_USAGE }, { "127.0.0.1", false, BK_USAGE },
                { "127.0.0.1:65536", false, BK_USAGE }, { "127.0.0.1:x", false, BK_USAGE }, { "example.org:80", false, BK_INVALID },
                { "127.0.0.1:0", false, BK_NONE }, { "localhost:0", false, BK_NONE }, { "0.0.0.0:0", true, BK_NONE },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autostrv struct bk_strv listen = { 0 };
                struct reg_serve_config config;
                struct reg_serve *serve = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", rows[i].listen);
                bk_strv_add(&listen, rows[i].listen);
                reg_serve_defaults(&config);
                config.home = f->home;
                config.listen = &listen;
                config.insecure = rows[i].insecure;
                if (rows[i].kind == BK_NONE) {
                        assert_ok(reg_serve_start(&config, &serve, &err), err);
                        assert_non_null(reg_serve_url(serve, 0));
                        assert_null(reg_serve_url(serve, 1));
                        reg_serve_stop(serve, 1000);
                } else {
                        assert_fails_with(reg_serve_start(&config, &serve, &err), err, rows[i].kind);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_may_ask_so_often),
                cmocka_unit_test(a_network_of_ipv6_is_one_address),
                cmocka_unit_test(a_flood_of_addresses_keeps_its_room),
                cmocka_unit_test(who_is_late_is_cut_off),
                cmocka_unit_test(an_answer_holds_for_its_index_and_a_second),
                cmocka_unit_test(answers_take_no_more_room_than_they_may),
                cmocka_unit_test(an_etag_is_of_the_index_and_of_the_text),
                registry_test(a_change_of_another_connection_wakes),
                cmocka_unit_test(a_parameter_is_taken_out_of_a_query),
                cmocka_unit_test(only_a_digest_names_a_layer),
                cmocka_unit_test(a_range_goes_to_the_end),
                registry_test(it_listens_elsewhere_only_when_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
