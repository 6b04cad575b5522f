/* Rules from text. */
#pragma once
#include "tests/unit/test.h"

#include "janitor/rules.h"

#define autorules BK_CLEANUP(janitor_rules_done) struct janitor_rules

static inline int parse_rules(const char *text, struct janitor_rules *ret, struct bk_error *err)
{
        return janitor_rules_parse("r", text, strlen(text), ret, err);
}
