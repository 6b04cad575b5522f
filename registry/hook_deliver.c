/* Sending events to hooks. How far a hook has come is no change that others are told of: an event of it would have to be sent, too.
 *
 * Of several servers one sends: who finds something to send claims the hook, for as long as one event may take, and again with each. Who
 * loses the claim - it was away too long, and another one sends - stops before the next event. */
#include "registry/hook.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/http.h"
#include "registry/life_priv.h"

enum { EVENTS_EACH = 100, TIMEOUT_MS = 10000, PAUSE_S = 5, PAUSE_MOST_S = 3600, DOUBLINGS = 10, SECRET_ROOM = 4096, ANSWER_MOST = 64 << 10 };

int reg_hook_claim_s = 60, reg_hook_turn_ms = TIMEOUT_MS;

struct target { int64_t id, cursor, failures; char *name, *url, *actions; bool has_secret; };
struct targets { struct target *v; size_t n; };

static void targets_done(struct targets *targets)
{
        for (size_t i = 0; i < targets->n; i++) {
                free(targets->v[i].name);
                free(targets->v[i].url);
                free(targets->v[i].actions);
        }
        free(targets->v);
}

static void sooner(struct reg_delivery *delivery, int64_t at)
{
        if (delivery->next_at == 0 || at < delivery->next_at)
                delivery->next_at = at;
}

static int read_targets(struct reg *reg, int64_t now, struct targets *ret, struct reg_delivery *delivery, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT id, cursor, failures, name, url, actions, signed, coalesce(retry_at, 0) FROM hook ORDER BY id", &stmt,
                            err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const int64_t retry_at = reg_column_int(stmt, 7);

                delivery->hooks++;
                if (retry_at > now) {
                        sooner(delivery, retry_at);
                        continue;
                }
                ret->v = bk_grow(ret->v, ret->n + 1, sizeof *ret->v);
                ret->v[ret->n++] = (struct target){ .id = reg_column_int(stmt, 0), .cursor = reg_column_int(stmt, 1),
                        .failures = reg_column_int(stmt, 2), .name = reg_column(stmt, 3), .url = reg_column(stmt, 4), .actions = reg_column(stmt, 5),
                        .has_secret = reg_column_int(stmt, 6) != 0 };
        }
        return status;
}

/* --- one event ----------------------------------------------------------------------- */
static int read_secret(const char *home, const struct target *target, char **ret, struct bk_error *err)
{
        autofree char *path = bk_format("%s/hooks/%s.secret", home, target->name);

        if (!target->has_secret)
                return 0;
        return bk_read_file(path, SECRET_ROOM, ret, NULL, err) < 0 ? bk_wrap(err, "the secret of the hook") : 0;
}

int reg_hook_post(const char *url, const char *secret, const char *event, const char *delivery, const json_t *body, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        const char *path = strchr(strstr(url, "://") + 3, '/');
        autofree char *host = path == NULL ? bk_strdup(url) : bk_strndup(url, (size_t)(path - url));
        autofree char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
        autofree char *named = bk_format("X-Bakery-Event: %s", event), *hash = secret == NULL ? NULL : reg_hook_signature(secret, text, strlen(text));
        autofree char *number = delivery == NULL ? NULL : bk_format("X-Bakery-Delivery: %s", delivery);
        autofree char *signature = hash == NULL ? NULL : bk_format("X-Bakery-Signature: %s", hash);
        const char *headers[4] = { named };
        size_t n = 1;
        const struct bk_http_peer peer = { .url = host };
        const struct bk_http request = { .peer = &peer, .method = "POST", .target = path == NULL ? "/" : path, .headers = headers,
                                         .type = "application/json", .body = text, .length = strlen(text), .timeout_ms = TIMEOUT_MS,
                                         .most = ANSWER_MOST };

        if (number != NULL)
                headers[n++] = number;
        if (signature != NULL)
                headers[n++] = signature;
        if (bk_http(&request, &answer, err) < 0)
                return -1;
        return answer.status / 100 == 2 ? 0 : bk_fail(err, BK_INFRA, "answered %ld", answer.status);
}

static int post(const struct target *target, const json_t *event, const char *secret, struct bk_error *err)
{
        autofree char *number = bk_format("%lld", (long long)json_integer_value(json_object_get(event, "id")));

        return reg_hook_post(target->url, secret, json_string_value(json_object_get(event, "action")), number, event, err);
}

/* --- how far each has come ------------------------------------------------------------ */
/* 1: it is ours, and *target says how far it has come; 0: another one sends, or it is to be left alone for a while. */
static int claim(struct reg *reg, struct target *target, const char *me, int64_t now, bool force, struct reg_delivery *delivery,
                 struct bk_error *err)
{
        static const char sql[] = "UPDATE hook SET claimed_by = ?, claimed_until = ? WHERE id = ? AND (claimed_by IS NULL OR claimed_until <= ?) "
                                  "AND (retry_at IS NULL OR retry_at <= ?) RETURNING cursor, failures";
        autostmt *stmt = NULL;
        autotxn txn = { 0 };
        int status;

        if (reg_txn_write(reg, &txn, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tiiii", me, now + reg_hook_claim_s, target->id, now, force ? INT64_MAX : now) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0) {
                /* It will have moved, or failed, by then; or who has it is dead. */
                sooner(delivery, now + reg_hook_claim_s);
                return 0;
        }
        target->cursor = reg_column_int(stmt, 0);
        target->failures = reg_column_int(stmt, 1);
        reg_sql_reset(stmt);
        return reg_txn_commit(&txn, err) < 0 ? -1 : 1;
}

/* last: the claim is given back. 0: it was another one's. */
static int moved(struct reg *reg, const struct target *target, const char *me, int64_t cursor, bool last, struct bk_error *err)
{
        static const char sql[] = "UPDATE hook SET cursor = ?, failures = 0, retry_at = NULL, error = NULL, claimed_until = ?, "
                                  "claimed_by = ? WHERE id = ? AND claimed_by = ? RETURNING id";
        autostmt *stmt = NULL;
        autotxn txn = { 0 };
        int status;

        if (reg_txn_write(reg, &txn, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "iitit", cursor, (int64_t)time(NULL) + reg_hook_claim_s, last ? NULL : me, target->id, me) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        reg_sql_reset(stmt);
        return reg_txn_commit(&txn, err) < 0 ? -1 : status;
}

static int failed(struct reg *reg, const struct target *target, const char *me, int64_t cursor, const struct bk_error *why,
                  struct reg_delivery *delivery, struct bk_error *err)
{
        static const char sql[] = "UPDATE hook SET cursor = ?, failures = failures + 1, retry_at = ?, error = ?, claimed_by = NULL "
                                  "WHERE id = ? AND claimed_by = ?";
        const int64_t pause = PAUSE_S * ((int64_t)1 << (target->failures < DOUBLINGS ? target->failures : DOUBLINGS));
        const int64_t at = time(NULL) + (pause < PAUSE_MOST_S ? pause : PAUSE_MOST_S);
        autofree char *text = reg_text_clean(why->text);
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 ||
            reg_sql_run(reg, err, sql, "iitit", cursor, at, text != NULL ? text : why->text, target->id, me) < 0)
                return -1;
        delivery->failed++;
        sooner(delivery, at);
        return reg_txn_commit(&txn, err);
}

static bool wants(const struct target *target, const json_t *event)
{
        const char *action = json_string_value(json_object_get(event, "action"));

        if (bk_streq(action, "hook.tested"))
                return bk_streq(json_string_value(json_object_get(event, "subject")), target->name);
        return reg_hook_wants(target->actions, action);
}

static bool is_set(const atomic_bool *stop)
{
        return stop != NULL && atomic_load(stop);
}

/* No transaction is open while the other side is waited for. One that takes all, and slowly, is one among others: the rest has to wait. */
static int deliver(struct reg *reg, const char *home, const struct target *target, const char *me, const atomic_bool *stop,
                   struct reg_delivery *delivery, struct bk_error *err)
{
        const int64_t end = bk_now_ms() + reg_hook_turn_ms;
        autofree char *secret = NULL;
        struct bk_error why = { 0 };
        autojson *events = NULL;
        const json_t *event;
        int64_t cursor = target->cursor;
        size_t i;

        if (reg_events_json(reg, target->cursor, EVENTS_EACH, &events, err) < 0)
                return -1;
        if (read_secret(home, target, &secret, &why) < 0)
                return failed(reg, target, me, cursor, &why, delivery, err);
        json_array_foreach(json_object_get(events, "items"), i, event) {
                const bool wanted = wants(target, event);
                int status = 1;

                if (is_set(stop) || (i > 0 && bk_now_ms() >= end)) {
                        delivery->more = true;
                        return moved(reg, target, me, cursor, true, err);
                }
                if (wanted && post(target, event, secret, &why) < 0)
                        return failed(reg, target, me, cursor, &why, delivery, err);
                cursor = json_integer_value(json_object_get(event, "id"));
                delivery->sent += wanted;
                /* At once, so that as little as may be is sent twice by who comes after a crash. */
                if (wanted && (status = moved(reg, target, me, cursor, false, err)) <= 0)
                        return status;
        }
        delivery->more = delivery->more || !json_is_null(json_object_get(events, "next"));
        return moved(reg, target, me, cursor, true, err);
}

/* Nothing is written while there is nothing to send. */
static int deliver_alone(struct reg *reg, const char *home, struct target *target, int64_t index, bool force, const atomic_bool *stop,
                         struct reg_delivery *delivery, struct bk_error *err)
{
        autofree char *me = bk_random_name();
        int status;

        if (target->cursor >= index)
                return 0;
        status = claim(reg, target, me, time(NULL), force, delivery, err);
        return status <= 0 ? status : deliver(reg, home, target, me, stop, delivery, err);
}

int reg_hooks_deliver(struct reg *reg, const char *home, bool force, const atomic_bool *stop, struct reg_delivery *ret, struct bk_error *err)
{
        BK_CLEANUP(targets_done) struct targets targets = { 0 };
        struct reg_delivery delivery = { 0 };
        int64_t index = 0;

        if (read_targets(reg, force ? INT64_MAX : time(NULL), &targets, &delivery, err) < 0 || reg_event_index(reg, &index, err) < 0)
                return -1;
        for (size_t i = 0; i < targets.n && !is_set(stop); i++)
                if (deliver_alone(reg, home, &targets.v[i], index, force, stop, &delivery, err) < 0)
                        return bk_wrap(err, "hook '%s'", targets.v[i].name);
        *ret = delivery;
        return 0;
}
