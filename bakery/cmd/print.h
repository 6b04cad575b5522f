/* What the registry says, on a terminal. Texts may come from inside of images. */
#pragma once
#include <jansson.h>
#include <stdint.h>

char *cmd_size(uint64_t bytes);                                 /* "50.0 MiB"; the caller's */
/* Any value of JSON as one line without what a terminal would act upon; "-" for null. The caller's. */
char *cmd_plain(const json_t *value);
char *cmd_member(const json_t *object, const char *key);        /* the same, of a member */
char *cmd_attributes(const json_t *attributes);                 /* "key=value key=value" */
const char *cmd_string(const json_t *object, const char *key);  /* a member as it is; "" for none. Borrowed */
