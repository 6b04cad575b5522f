/* Asking the registry, wherever it is: in this process, or on another host by BAKERY_REGISTRY. */
#pragma once
#include "bakery/cmd/cmd.h"
#include "lib/http.h"

/* Below /api/v1: "/images/NAME?key=value", encoded. body is stolen, NULL: none. *ret is the caller's: what was answered, parsed; a text
 * that is not JSON comes as a string. An error there is the same error here: commands behave alike with and without a server. */
int cmd_api(const struct cmd_args *args, const char *method, const char *target, json_t *body, json_t **ret,
            struct bk_error *err) BK_MUST_CHECK;
/* The same, as it was answered: a picture, or JSON to be passed on. *ret has a NUL behind it; ret_length may be NULL. */
int cmd_api_text(const struct cmd_args *args, const char *method, const char *target, json_t *body, char **ret, size_t *ret_length,
                 struct bk_error *err) BK_MUST_CHECK;
/* "/images/%s" with what a user wrote escaped; the caller's. */
char *cmd_target(const char *format, const char *text) __attribute__((format_arg(1)));
/* Who asks: the user of this process; the caller's. */
char *cmd_user(void);

/* The registry that BAKERY_REGISTRY or -registry names. False: the one in the state folder. What it holds is borrowed from args and
 * from the environment. */
bool cmd_peer(const struct cmd_args *args, struct bk_http_peer *ret);
/* The error that a server's answer of that status tells; returns -1. */
int cmd_api_error(const struct bk_http_answer *answer, struct bk_error *err);
