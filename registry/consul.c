/* A service's id holds its address, so that several on one agent do not take each other's place. */
#include "registry/consul.h"

#include <jansson.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/http.h"

enum { TIMEOUT_MS = 10000 };

/* "https://[::1]:8443" -> "::1", 8443 */
static int split_url(const char *url, char **ret_host, int *ret_port, struct bk_error *err)
{
        const char *host = strstr(url, "://"), *colon = strrchr(url, ':');
        char *end = NULL;
        long port;

        if (host == NULL || colon <= host)
                return bk_fail(err, BK_USAGE, "Consul is told of an address such as https://host:8443, not '%s'", url);
        host += 3;
        port = strtol(colon + 1, &end, 10);
        if (port <= 0 || port > 65535 || (*end != '\0' && *end != '/'))
                return bk_fail(err, BK_USAGE, "Consul is told of an address such as https://host:8443, not '%s'", url);
        *ret_host = *host == '[' ? bk_strndup(host + 1, (size_t)(colon - host) - 2) : bk_strndup(host, (size_t)(colon - host));
        *ret_port = (int)port;
        return 0;
}

static const char *name_of(const struct reg_consul *consul)
{
        return consul->name == NULL ? "bakery" : consul->name;
}

static int put(const struct reg_consul *consul, const char *target, const char *body, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        autofree char *token = consul->token == NULL ? NULL : bk_format("X-Consul-Token: %s", consul->token);
        const char *const headers[] = { token, NULL };
        const struct bk_http_peer peer = { .url = consul->agent };
        const struct bk_http request = { .peer = &peer, .method = "PUT", .target = target, .headers = headers, .type = "application/json",
                                         .body = body, .length = strlen(body), .timeout_ms = TIMEOUT_MS, .most = 1 << 20 };

        if (bk_http(&request, &answer, err) < 0)
                return bk_wrap(err, "Consul");
        return answer.status / 100 == 2 ? 0 : bk_fail(err, answer.status == 403 ? BK_DENIED : BK_INFRA, "Consul at '%s' answered %ld: %.200s",
                                                      consul->agent, answer.status, answer.text);
}

int reg_consul_register(const struct reg_consul *consul, struct bk_error *err)
{
        autofree char *host = NULL, *id = NULL, *health = bk_format("%s/healthz", consul->url), *body = NULL;
        int port = 0;
        json_t *service;

        if (split_url(consul->url, &host, &port, err) < 0)
                return -1;
        id = bk_format("%s-%s-%d", name_of(consul), host, port);
        service = json_pack("{s:s, s:s, s:s, s:i, s:{s:s}, s:{s:s, s:s, s:s, s:s, s:s}}", "ID", id, "Name", name_of(consul), "Address", host, "Port",
                            port, "Meta", "version", BAKERY_VERSION, "Check", "Name", "healthz", "HTTP", health, "Interval", "10s", "Timeout", "5s",
                            "DeregisterCriticalServiceAfter", "24h");
        body = json_dumps(service, JSON_COMPACT);
        json_decref(service);
        if (body == NULL)
                return bk_fail(err, BK_INVALID, "the address '%s' is no text", consul->url);
        return put(consul, "/v1/agent/service/register", body, err);
}

int reg_consul_deregister(const struct reg_consul *consul, struct bk_error *err)
{
        autofree char *host = NULL, *id = NULL, *shown = NULL, *target = NULL;
        int port = 0;

        if (split_url(consul->url, &host, &port, err) < 0)
                return -1;
        id = bk_format("%s-%s-%d", name_of(consul), host, port);
        shown = bk_http_escape(id);
        target = bk_format("/v1/agent/service/deregister/%s", shown);
        return put(consul, target, "", err);
}
