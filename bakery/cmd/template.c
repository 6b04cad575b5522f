/* validate and inspect. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/cmd.h"
#include "bakery/cmd/template_flags.h"
#include "lib/cleanup.h"

static const struct cmd_flag validate_flags[] = {
        CMD_TEMPLATE_FLAGS,
        { "only", "NAMES", true, "look at these builds only (comma separated)" },
        { "except", "NAMES", true, "leave out these builds or post-processors" },
        { "syntax-only", NULL, false, "look at the syntax only, not at what the blocks say" },
        { "no-warn-undeclared-var", NULL, false, "do not warn of variables that are given and not declared" },
        { "evaluate-datasources", NULL, false, "as Packer has it; nothing here" },
        { "machine-readable", NULL, false, "Packer's machine-readable lines" },
        { "json", NULL, false, "JSON" },
};

static const struct cmd_flag inspect_flags[] = {
        CMD_TEMPLATE_FLAGS,
        { "machine-readable", NULL, false, "Packer's machine-readable lines" },
        { "json", NULL, false, "JSON" },
};

static void free_tmpl(struct tmpl **tmpl)
{
        if (*tmpl != NULL)
                tmpl_free(*tmpl);
}

static int run_validate(const struct cmd_args *args)
{
        int code = 0;

        for (size_t i = 0; i < args->operands.n; i++) {
                struct bake_options options = { .validate = true, .variables.allow_missing = cmd_switch(args, "syntax-only") };
                BK_CLEANUP(free_tmpl) struct tmpl *tmpl = NULL;
                autostrv struct bk_strv warnings = { 0 };
                struct bk_error err = { 0 };
                int result;

                cmd_template_options(args, &options.variables);
                if (cmd_switch(args, "no-warn-undeclared-var"))
                        options.variables.undeclared = TMPL_WARN_NEVER;
                cmd_split_commas(args, "only", &options.only);
                cmd_split_commas(args, "except", &options.except);
                if (cmd_switch(args, "syntax-only"))
                        result = tmpl_load(args->operands.v[i], &options.variables, &tmpl, &err);
                else
                        result = bake_validate(args->operands.v[i], &options, &warnings, &err);
                bk_strv_done(&options.variables.vars);
                bk_strv_done(&options.variables.var_files);
                bk_strv_done(&options.only);
                bk_strv_done(&options.except);
                for (size_t k = 0; k < warnings.n; k++)
                        (void)fprintf(stderr, "%s\n", warnings.v[k]);
                if (cmd_switch(args, "json")) {
                        json_t *line = json_pack("{s:s, s:b, s:s, s:s}", "template", args->operands.v[i], "valid", result == 0,
                                                 "at", err.at, "error", err.text);
                        autofree char *text = json_dumps(line, JSON_COMPACT);

                        printf("%s\n", text);
                        json_decref(line);
                }
                if (result < 0)
                        code = cmd_fail(&err);
                else if (!cmd_switch(args, "json"))
                        printf("%s: the configuration is valid.\n", args->operands.v[i]);
        }
        return code;
}

static void inspect_text(const struct tmpl *tmpl)
{
        if (tmpl->description != NULL)
                printf("Description:\n\n%s\n\n", tmpl->description);
        printf("Variables:\n\n");
        if (tmpl->n_variables == 0)
                printf("  <No variables>\n");
        for (size_t i = 0; i < tmpl->n_variables; i++) {
                const struct tmpl_variable *v = &tmpl->variables[i];

                printf("  %s%s%s%s\n", v->name, v->fallback ? " = " : "", v->fallback ? (v->sensitive ? "<sensitive>" : v->fallback) : "",
                       v->fallback ? "" : " (required)");
        }
        printf("\nBuilders:\n\n");
        for (size_t i = 0; i < tmpl->n_builders; i++) {
                if (bk_streq(tmpl->builders[i].name, tmpl->builders[i].type))
                        printf("  %s\n", tmpl->builders[i].name);
                else
                        printf("  %s (%s)\n", tmpl->builders[i].name, tmpl->builders[i].type);
        }
        printf("\nProvisioners:\n\n");
        if (tmpl->n_provisioners == 0)
                printf("  <No provisioners>\n");
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                printf("  %s\n", tmpl->provisioners[i].type);
        printf("\nPost-processors:\n\n");
        if (tmpl->n_pipelines == 0)
                printf("  <No post-processors>\n");
        for (size_t p = 0; p < tmpl->n_pipelines; p++)
                for (size_t i = 0; i < tmpl->pipelines[p].n; i++)
                        printf("  %s%s\n", i ? "-> " : "", tmpl->pipelines[p].v[i].type);
}

static void inspect_machine(const struct tmpl *tmpl)
{
        const long long now = (long long)time(NULL);

        for (size_t i = 0; i < tmpl->n_variables; i++)
                printf("%lld,,template-variable,%s,%s,%d\n", now, tmpl->variables[i].name,
                       tmpl->variables[i].fallback && !tmpl->variables[i].sensitive ? tmpl->variables[i].fallback : "",
                       tmpl->variables[i].fallback == NULL);
        for (size_t i = 0; i < tmpl->n_builders; i++)
                printf("%lld,,template-builder,%s,%s\n", now, tmpl->builders[i].name, tmpl->builders[i].type);
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                printf("%lld,,template-provisioner,%s\n", now, tmpl->provisioners[i].type);
}

static void inspect_json(const struct tmpl *tmpl)
{
        json_t *variables = json_array(), *builders = json_array(), *provisioners = json_array(), *posts = json_array(), *all;
        autofree char *text = NULL;

        for (size_t i = 0; i < tmpl->n_variables; i++)
                (void)json_array_append_new(variables, json_pack("{s:s, s:s?, s:b, s:b}", "name", tmpl->variables[i].name, "default",
                                            tmpl->variables[i].sensitive ? NULL : tmpl->variables[i].fallback, "required",
                                            tmpl->variables[i].fallback == NULL, "sensitive", tmpl->variables[i].sensitive));
        for (size_t i = 0; i < tmpl->n_builders; i++)
                (void)json_array_append_new(builders, json_pack("{s:s, s:s}", "name", tmpl->builders[i].name, "type", tmpl->builders[i].type));
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                (void)json_array_append_new(provisioners, json_pack("{s:s}", "type", tmpl->provisioners[i].type));
        for (size_t p = 0; p < tmpl->n_pipelines; p++) {
                json_t *stages = json_array();

                for (size_t i = 0; i < tmpl->pipelines[p].n; i++)
                        (void)json_array_append_new(stages, json_string(tmpl->pipelines[p].v[i].type));
                (void)json_array_append_new(posts, stages);
        }
        all = json_pack("{s:s?, s:o, s:o, s:o, s:o}", "description", tmpl->description, "variables", variables, "builders", builders,
                        "provisioners", provisioners, "post_processors", posts);
        text = json_dumps(all, JSON_INDENT(2));
        printf("%s\n", text);
        json_decref(all);
}

static int run_inspect(const struct cmd_args *args)
{
        struct tmpl_options options = { .allow_missing = true };
        BK_CLEANUP(free_tmpl) struct tmpl *tmpl = NULL;
        struct bk_error err = { 0 };
        int result;

        cmd_template_options(args, &options);
        result = tmpl_load(args->operands.v[0], &options, &tmpl, &err);
        bk_strv_done(&options.vars);
        bk_strv_done(&options.var_files);
        if (result < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                inspect_json(tmpl);
        else if (cmd_switch(args, "machine-readable"))
                inspect_machine(tmpl);
        else
                inspect_text(tmpl);
        return 0;
}

/* Packer fetches plugins here. A template that cannot be read is told all the same, for scripts stop at that. */
static int run_init(const struct cmd_args *args)
{
        struct tmpl_options options = { .allow_missing = true, .undeclared = TMPL_WARN_NEVER };
        BK_CLEANUP(free_tmpl) struct tmpl *tmpl = NULL;
        struct bk_error err = { 0 };

        if (tmpl_load(args->operands.v[0], &options, &tmpl, &err) < 0)
                return cmd_fail(&err);
        printf("%s: there is nothing to fetch; what bakery has is built in.\n", args->operands.v[0]);
        return 0;
}

const struct cmd cmd_validate = {
        "validate", "TEMPLATE...", 1, -1, "check templates without baking",
        "Decodes every block as a bake would, and names the file, line and column of the first mistake.", CMD_FLAGS(validate_flags), run_validate,
};

const struct cmd cmd_inspect = {
        "inspect", "TEMPLATE", 1, 1, "show what a template holds", "", CMD_FLAGS(inspect_flags), run_inspect,
};

static const struct cmd_flag init_flags[] = {
        { "upgrade", NULL, false, "as Packer has it; nothing here" },
};

const struct cmd cmd_init = {
        "init", "TEMPLATE", 1, 1, "say that nothing is to be fetched",
        "For scripts that call `packer init` before they bake.", CMD_FLAGS(init_flags), run_init,
};
