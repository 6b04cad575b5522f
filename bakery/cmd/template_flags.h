/* The options of every command that reads a template. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "bakery/cmd/cmd.h"
#include "bakery/template/template.h"
#include "lib/cleanup.h"

#define CMD_TEMPLATE_FLAGS \
        { "var", "NAME=VALUE", true, "set a variable of the template" }, \
        { "var-file", "FILE", true, "set variables from a JSON file" }

static inline void cmd_template_options(const struct cmd_args *args, struct tmpl_options *ret)
{
        cmd_values(args, "var", &ret->vars);
        cmd_values(args, "var-file", &ret->var_files);
}

static inline void cmd_split_commas(const struct cmd_args *args, const char *flag, struct bk_strv *ret)
{
        autostrv struct bk_strv given = { 0 };

        cmd_values(args, flag, &given);
        for (size_t i = 0; i < given.n; i++) {
                autofree char *copy = bk_strdup(given.v[i]);
                char *save = NULL;

                for (char *word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save))
                        bk_strv_add(ret, word);
        }
}
