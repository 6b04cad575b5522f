/* Asking the registry in the words of its API. */
#pragma once
#include "bakery/cmd/cmd.h"

/* target: path?query below /api/v1. body is stolen and may be NULL; *ret is the caller's. */
int cmd_api(const struct cmd_args *args, const char *method, const char *target, json_t *body, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* "/images/%s" with what a user wrote escaped; the caller's. */
char *cmd_target(const char *format, const char *text) __attribute__((format_arg(1)));
