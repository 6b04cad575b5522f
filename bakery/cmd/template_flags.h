/* The options of every command that reads a template. */
#pragma once
#include "bakery/cmd/cmd.h"
#include "bakery/template/template.h"

#define CMD_TEMPLATE_FLAGS \
        { "var", "NAME=VALUE", true, "set a variable of the template" }, \
        { "var-file", "FILE", true, "set variables from a JSON file" }

static inline void cmd_template_options(const struct cmd_args *args, struct tmpl_options *ret)
{
        cmd_values(args, "var", &ret->vars);
        cmd_values(args, "var-file", &ret->var_files);
}
