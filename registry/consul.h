/* Registering with Consul, by its agent's HTTP API (https://developer.hashicorp.com/consul/api-docs/agent/service). */
#pragma once
#include "lib/error.h"

struct reg_consul {
        const char *agent;              /* "http://127.0.0.1:8500" */
        const char *token;              /* of Consul's; NULL */
        const char *name;               /* of the service; NULL: "bakery" */
        const char *url;                /* where the service is, as others reach it: "https://host:port" */
};
/* With a check that the agent makes: GET url/healthz every 10 s; a service that fails it for a day is forgotten. */
int reg_consul_register(const struct reg_consul *consul, struct bk_error *err) BK_MUST_CHECK;
int reg_consul_deregister(const struct reg_consul *consul, struct bk_error *err) BK_MUST_CHECK;
