/* What monitoring wants to know, in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Each family is a row: a SELECT whose columns are its labels, by their names, and last the value. Moments are told, not ages: an age
 * would be another one at every look. Lists are bounded, as every label set is a time series for ever. */
#include "registry/api.h"
#include "registry/registry_priv.h"

#include <string.h>

enum { SERIES_MOST = 2000 };

struct family { const char *name, *type, *help, *sql; };
static const struct family families[] = {
        { "bakery_images", "gauge", "Images, by type and state.",
          "SELECT type, state, count(*) AS value FROM image GROUP BY type, state ORDER BY type, state" },
        { "bakery_image_newest_timestamp_seconds", "gauge", "When the newest image was published.",
          "SELECT created_at AS value FROM image ORDER BY sequence DESC LIMIT 1" },
        { "bakery_layers", "gauge", "Layers that have a row.", "SELECT count(*) AS value FROM layer" },
        { "bakery_layer_bytes", "gauge", "Bytes of all layers in the store.", "SELECT coalesce(sum(size), 0) AS value FROM layer" },
        { "bakery_checks", "gauge", "Checks of the 1000 images published last, by verdict.",
          "SELECT verdict, count(*) AS value FROM verdict WHERE image > (SELECT max(sequence) FROM image) - 1000 GROUP BY verdict ORDER BY verdict" },
        { "bakery_channel_image_timestamp_seconds", "gauge", "When the image that a channel points at was baked.",
          "SELECT c.name AS image, c.channel, i.created_at AS value FROM channel c JOIN image i ON i.sequence = c.head ORDER BY c.name, c.channel" },
        { "bakery_channel_assigned_timestamp_seconds", "gauge", "When a channel was pointed at its image.",
          "SELECT c.name AS image, c.channel, max(l.at) AS value FROM channel c JOIN channel_log l ON l.name = c.name AND l.channel = c.channel "
          "GROUP BY c.name, c.channel ORDER BY c.name, c.channel" },
        { "bakery_bakes", "gauge", "Bakes that are remembered, by how they ended.",
          "SELECT status, count(*) AS value FROM bake GROUP BY status ORDER BY status" },
        { "bakery_bake_timestamp_seconds", "gauge", "When a bake last ended so.",
          "SELECT status, max(ended_at) AS value FROM bake WHERE ended_at IS NOT NULL GROUP BY status ORDER BY status" },
        { "bakery_launches", "gauge", "Instances that run from an image, as far as is known.",
          "SELECT source, count(*) AS value FROM launch WHERE ended_at IS NULL GROUP BY source ORDER BY source" },
        { "bakery_usage_source_ok_timestamp_seconds", "gauge", "When a source last told who uses images.",
          "SELECT name AS source, ok_at AS value FROM usage_source WHERE ok_at IS NOT NULL ORDER BY name" },
        { "bakery_usage_source_failed", "gauge", "1: the source could not be asked the last time.",
          "SELECT name AS source, CASE WHEN error IS NULL THEN 0 ELSE 1 END AS value FROM usage_source ORDER BY name" },
        { "bakery_hook_pending_events", "gauge", "Events that a webhook was not told of yet, wanted by it or not.",
          "SELECT h.name AS hook, (SELECT coalesce(max(id), 0) FROM event) - h.cursor AS value FROM hook h ORDER BY h.name" },
        { "bakery_hook_failures", "gauge", "Deliveries to a webhook that failed in a row.",
          "SELECT name AS hook, failures AS value FROM hook ORDER BY name" },
        { "bakery_events_total", "counter", "Changes of the registry.", "SELECT coalesce(max(id), 0) AS value FROM event" },
};

static void put_head(struct bk_buf *out, const char *name, const char *type, const char *help)
{
        bk_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct bk_buf *out, const char *name, const char *value)
{
        autofree char *clean = reg_text_clean(value);

        bk_buf_printf(out, "%s=\"", name);
        for (const char *p = clean != NULL ? clean : value; *p != '\0'; p++)
                if (*p == '\n')
                        bk_buf_puts(out, "\\n");
                else if (*p == '"' || *p == '\\')
                        bk_buf_printf(out, "\\%c", *p);
                else
                        bk_buf_putc(out, *p);
        bk_buf_putc(out, '"');
}

static void put_sample(struct bk_buf *out, const char *name, struct reg_stmt *stmt)
{
        const int n = reg_columns(stmt) - 1;

        if (reg_column_null(stmt, n))
                return;
        bk_buf_puts(out, name);
        for (int i = 0; i < n; i++) {
                const char *label = reg_column_name(stmt, i);
                const char *value = strcmp(label, "state") == 0 ? reg_state_name((enum reg_state)reg_column_int(stmt, i)) : reg_column_peek(stmt, i);

                bk_buf_putc(out, i == 0 ? '{' : ',');
                put_label(out, label, value == NULL ? "" : value);
        }
        bk_buf_printf(out, "%s %lld\n", n > 0 ? "}" : "", (long long)reg_column_int(stmt, n));
}

static int put_family(struct reg *reg, const struct family *family, struct bk_buf *out, struct bk_error *err)
{
        autostmt *stmt = NULL;
        size_t n = 0;
        int status;

        if (reg_sql_prepare(reg, family->sql, &stmt, err) < 0)
                return -1;
        put_head(out, family->name, family->type, family->help);
        while ((status = reg_sql_step(reg, stmt, err)) > 0 && n++ < SERIES_MOST)
                put_sample(out, family->name, stmt);
        return status < 0 ? -1 : 0;
}

/* --- the server itself ------------------------------------------------------------ */
static void put_number(struct bk_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
        put_head(out, name, type, help);
        bk_buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void put_traffic(struct bk_buf *out)
{
        static const char *const codes[] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };

        put_head(out, "bakery_build_info", "gauge", "The version that answers.");
        bk_buf_printf(out, "bakery_build_info{version=\"%s\"} 1\n", BAKERY_VERSION);
        put_head(out, "bakery_http_answers_total", "counter", "Answers of this server, by the first digit of their status.");
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                bk_buf_printf(out, "bakery_http_answers_total{code=\"%s\"} %llu\n", codes[i], (unsigned long long)reg_traffic.answers[i]);
        put_number(out, "bakery_http_sent_bytes_total", "counter", "Bytes of bodies that were sent.", reg_traffic.bytes_out);
        put_number(out, "bakery_http_received_bytes_total", "counter", "Bytes of bodies that were received.", reg_traffic.bytes_in);
        put_number(out, "bakery_http_cached_answers_total", "counter", "Answers that were remembered.", reg_traffic.cached);
        put_number(out, "bakery_http_limited_total", "counter", "Requests refused for their number, and connections ended for being slow.",
                   reg_traffic.limited);
        put_number(out, "bakery_http_connections", "gauge", "Connections now.", reg_traffic.connections);
        put_number(out, "bakery_http_waiting", "gauge", "Requests that wait for a change.", reg_traffic.waiting);
}

static int metrics(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        autotxn txn = { 0 };

        if (reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        for (size_t i = 0; i < sizeof families / sizeof *families; i++)
                if (put_family(call->reg, &families[i], &out, err) < 0)
                        return bk_wrap(err, "%s", families[i].name);
        put_traffic(&out);
        call->answer->fleeting = true;
        call->answer->length = out.len;
        call->answer->text = bk_buf_finish(&out);
        return 0;
}

static const struct reg_route rows[] = {
        { "GET", "//metrics", REG_READ, "numbers for Prometheus", NULL, metrics, "text/plain; version=0.0.4; charset=utf-8", true },
};
const struct reg_routes reg_routes_metrics = { rows, sizeof rows / sizeof *rows };
