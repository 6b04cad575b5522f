/* Lists that the registry's API answers in pages, and texts from inside of images on a terminal. */
#pragma once
#include "bakery/cmd/cmd.h"

/* Asks for page after page; target has a query. take sees every page; it returns false when it has seen enough. */
int cmd_pages(const struct cmd_args *args, const char *target, bool (*take)(void *arg, json_t *page), void *arg, struct bk_error *err) BK_MUST_CHECK;
/* The string of a member without what a terminal would act upon, "-" for none. The caller's. */
char *cmd_shown(const json_t *object, const char *key);
void cmd_print_line(const json_t *json);        /* one line */
