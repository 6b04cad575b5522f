/* Legacy JSON becomes the model, or a complaint that points at the culprit. */
#include "tests/unit/folder.h"

#include "bakery/template/template.h"
#include "lib/fs.h"
#include "lib/publish.h"

static void free_tmpl(struct tmpl **tmpl)
{
        tmpl_free(*tmpl);
}
#define autotmpl BK_CLEANUP(free_tmpl) struct tmpl *

static int load(const char *json, const struct tmpl_options *options, struct tmpl **ret, struct bk_error *err)
{
        return tmpl_load_bytes("t.json", NULL, json, strlen(json), options, ret, err);
}

#define B "\"builders\": [{\"type\": \"qemu\"}, {\"type\": \"null\", \"name\": \"second\"}]"

static const struct { const char *why, *json, *at, *text; } broken[] = {
        { "not JSON", "builders", "t.json:1:1", "found the word 'builders'" },
        { "not an object", "[]", "t.json:1:1", "a template must be an object, found an array" },
        { "no builders", "{}", "t.json:1:1", "no builders" },
        { "empty builders", "{\"builders\": []}", "t.json:1:1", "no builders" },
        { "unknown root", "{" B ",\n \"provisionners\": []}", "t.json:2:2", "did you mean \"provisioners\"?" },
        { "unknown root, nothing near", "{" B ",\n \"zzz\": []}", "t.json:2:2", "comments start with '_'" },
        { "comment that is no string", "{" B ",\n \"_c\": 5}", "t.json:2:8", "must be a string, found a number" },
        { "duplicate key in a builder", "{\"builders\": [{\"type\": \"a\",\n\"type\": \"b\"}]}", "t.json:2:1", "duplicate key" },
        { "future Packer", "{" B ",\n \"min_packer_version\": \"99.1\"}", "t.json:2:24", "wants Packer 99.1" },
        { "later patch", "{" B ",\n \"min_packer_version\": \"1.16.1\"}", "t.json:2:24", "wants Packer 1.16.1" },
        { "no version", "{" B ",\n \"min_packer_version\": \"new\"}", "t.json:2:24", "is no version" },
        { "version as a number", "{" B ",\n \"min_packer_version\": 1.2}", "t.json:2:24", "as a string, found a number" },
        { "description as an array", "{" B ",\n \"description\": []}", "t.json:2:17", "expected a string" },
        { "builders as an object", "{\"builders\": {}}", "t.json:1:14", "must be an array, found an object" },
        { "builder as a string", "{\"builders\": [\"qemu\"]}", "t.json:1:15", "a builder must be an object, found a string" },
        { "builder without type", "{\"builders\": [{\"name\": \"x\"}]}", "t.json:1:15", "a builder has no \"type\"" },
        { "builder with an empty type", "{\"builders\": [{\"type\": \"\"}]}", "t.json:1:15", "no \"type\"" },
        { "type as a number", "{\"builders\": [{\"type\": 5}]}", "t.json:1:24", "type must be a string, found a number" },
        { "type with NUL", "{\"builders\": [{\"type\": \"a\\u0000\"}]}", "t.json:1:24", "\\u0000" },
        { "two builders of one type", "{\"builders\": [{\"type\": \"qemu\"},\n{\"type\": \"qemu\"}]}", "t.json:2:1",
          "the builder on line 1 is called \"qemu\" as well" },
        { "equal names", "{\"builders\": [{\"type\": \"a\", \"name\": \"x\"},\n{\"type\": \"b\", \"name\": \"x\"}]}", "t.json:2:23",
          "called \"x\" as well" },
        { "equal rendered names", "{\"builders\": [{\"type\": \"a\", \"name\": \"{{upper `x`}}\"},\n{\"type\": \"b\", \"name\": \"X\"}]}",
          "t.json:2:23", "called \"X\" as well" },
        { "broken name", "{\"builders\": [{\"type\": \"a\", \"name\": \"{{usr}}\"}]}", "t.json:1:37", "did you mean 'user'?" },
        { "build_name in a name", "{\"builders\": [{\"type\": \"a\", \"name\": \"{{build_name}}\"}]}", "t.json:1:37",
          "build_name is not known here" },
        { "provisioner without type", "{" B ",\n\"provisioners\": [{}]}", "t.json:2:18", "a provisioner has no \"type\"" },
        { "provisioner as a string", "{" B ",\n\"provisioners\": [\"shell\"]}", "t.json:2:18", "must be an object" },
        { "only an unknown builder", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"only\": [\"qemu\", \"sekond\"]}]}", "t.json:2:49",
          "there is no builder \"sekond\"; did you mean \"second\"?" },
        { "except an unknown builder", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"except\": [\"zzzz\"]}]}", "t.json:2:43",
          "there is no builder \"zzzz\"" },
        { "only and except", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"only\": [\"qemu\"],\n\"except\": [\"second\"]}]}", "t.json:3:1",
          "exclude each other" },
        { "only as a number", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"only\": 5}]}", "t.json:2:40", "array of builder names" },
        { "override of an unknown builder", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"override\": {\n\"qemo\": {}}}]}", "t.json:3:1",
          "did you mean \"qemu\"?" },
        { "override by a string", "{" B ",\n\"provisioners\": [{\"type\": \"a\", \"override\": {\"qemu\": \"x\"}}]}", "t.json:2:53",
          "must be an object" },
        { "cleanup without type", "{" B ",\n\"error-cleanup-provisioner\": {}}", "t.json:2:30", "has no \"type\"" },
        { "nested pipelines", "{" B ",\n\"post-processors\": [[\"a\", [\"b\"]]]}", "t.json:2:27", "cannot hold another one" },
        { "post-processor as a number", "{" B ",\n\"post-processors\": [5]}", "t.json:2:21", "must be an object, found a number" },
        { "post-processors as an object", "{" B ",\n\"post-processors\": {}}", "t.json:2:20", "must be an array" },
        { "post-processor with a lone only", "{" B ",\n\"post-processors\": [{\"type\": \"a\", \"only\": \"qemu\"}]}", "t.json:2:43",
          "array of builder names, found a string" },
        { "variables as an array", "{" B ",\n\"variables\": []}", "t.json:2:14", "an object of names and defaults" },
        { "variable as an array", "{" B ",\n\"variables\": {\"a\": []}}", "t.json:2:20", "variable \"a\": expected a string, found an array" },
        { "variable with NUL", "{" B ",\n\"variables\": {\"a\": \"x\\u0000\"}}", "t.json:2:20", "\\u0000" },
        { "one required variable", "{" B ",\n\"variables\": {\"a\": null}}", "t.json:2:15",
          "required variable without a value: \"a\" (line 2); give it with -var or -var-file" },
        { "several required variables", "{" B ",\n\"variables\": {\"x\": \"\",\n\"a\": null,\n\"b\": null}}", "t.json:3:1",
          "\"a\" (line 3), \"b\" (line 4); give them" },
        { "broken variable", "{" B ",\n\"variables\": {\"a\": \"{{env}}\"}}", "t.json:2:20", "variable \"a\": in '{{env}}': env wants 1" },
        { "undeclared in a variable", "{" B ",\n\"variables\": {\"abc\": \"\", \"b\": \"{{user `abd`}}\"}}", "t.json:2:31",
          "there is no variable \"abd\"; did you mean \"abc\"?" },
        { "a variable of itself", "{" B ",\n\"variables\": {\"a\": \"{{user `a`}}\"}}", "t.json:2:15", "in a circle: \"a\" needs \"a\"" },
        { "a circle", "{" B ",\n\"variables\": {\"x\": \"\",\n\"a\": \"{{user `b`}}\",\"b\": \"{{user `c`}}\",\"c\": \"{{user `a`}}\"}}",
          "t.json:3:1", "\"a\" needs \"b\", \"b\" needs \"c\", \"c\" needs \"a\"" },
        { "a secret store", "{" B ",\n\"variables\": {\"a\": \"{{consul_key `k`}}\"}}", "t.json:2:20", "consul_key is not supported" },
        { "build_name in a variable", "{" B ",\n\"variables\": {\"a\": \"{{build_name}}\"}}", "t.json:2:20", "not known here" },
        { "sensitive as a string", "{" B ",\n\"sensitive-variables\": \"a\"}", "t.json:2:24", "an array of names" },
        { "sensitive numbers", "{" B ",\n\"sensitive-variables\": [1]}", "t.json:2:25", "the name of a variable" },
};

static void broken_templates_are_refused_at_the_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                autotmpl tmpl = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].why);
                assert_fails_with(load(broken[i].json, NULL, &tmpl, &err), err, BK_INVALID);
                assert_null(tmpl);
                assert_string_equal(err.at, broken[i].at);
                if (strstr(err.text, broken[i].text) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, broken[i].text);
        }
}

static void a_template_becomes_the_model(void **state)
{
        static const char json[] =
                "{\"_comment\": \"x\", \"comments\": [{\"a\": \"b\"}], \"push\": {}, \"min_packer_version\": \"1.16.0-dev\","
                "\"description\": \"d\", \"variables\": null,"
                "\"builders\": [{\"type\": \"qemu\", \"name\": \"{{upper `deb`}}\"}, {\"type\": \"qemu\"}],"
                "\"provisioners\": [{\"type\": \"shell\", \"only\": \"qemu\", \"override\": {\"qemu\": {\"inline\": [\"x\"]}}},"
                "  {\"type\": \"file\", \"except\": [\"{{upper `deb`}}\"]}, {\"type\": \"sleep\"}],"
                "\"error-cleanup-provisioner\": {\"type\": \"shell-local\"},"
                "\"post-processors\": [\"compress\", {\"type\": \"manifest\", \"name\": \"m\", \"only\": [\"DEB\"]},"
                "  [\"checksum\", {\"type\": \"vagrant\"}], []]}";
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(load(json, NULL, &tmpl, &err), err);
        assert_string_equal(tmpl->description, "d");
        assert_memory_equal(tmpl->digest, "sha256:", 7);
        assert_true(tmpl->dir[0] == '/');
        assert_int_equal(tmpl->n_builders, 2);
        assert_string_equal(tmpl->builders[0].name, "DEB");
        assert_string_equal(tmpl->builders[1].name, "qemu");
        assert_int_equal(tmpl->n_provisioners, 3);
        assert_non_null(bk_doc_get(tmpl->provisioners[0].override, "qemu"));
        assert_false(tmpl_step_applies(&tmpl->provisioners[0], "DEB"));
        assert_true(tmpl_step_applies(&tmpl->provisioners[0], "qemu"));
        assert_false(tmpl_step_applies(&tmpl->provisioners[1], "DEB"));
        assert_true(tmpl_step_applies(&tmpl->provisioners[1], "qemu"));
        assert_true(tmpl_step_applies(&tmpl->provisioners[2], "qemu"));
        assert_string_equal(tmpl->cleanup->type, "shell-local");
        assert_int_equal(tmpl->n_pipelines, 4);
        assert_string_equal(tmpl->pipelines[0].v[0].name, "compress");
        assert_string_equal(tmpl->pipelines[1].v[0].name, "m");
        assert_false(tmpl_step_applies(&tmpl->pipelines[1].v[0], "qemu"));
        assert_int_equal(tmpl->pipelines[2].n, 2);
        assert_string_equal(tmpl->pipelines[2].v[1].type, "vagrant");
        assert_int_equal(tmpl->pipelines[3].n, 0);
        assert_int_equal(tmpl->warnings.n, 0);
}

/* --- variables ------------------------------------------------------------- */
static const char *value(const struct tmpl *tmpl, const char *name)
{
        for (size_t i = 0; i < tmpl->n_variables; i++)
                if (bk_streq(tmpl->variables[i].name, name))
                        return tmpl->variables[i].value ? tmpl->variables[i].value : "(none)";
        return "(undeclared)";
}

static void variables_have_values(void **state)
{
        static const struct { const char *default_, *value; } cases[] = {
                { "\"text\"", "text" },                         { "5", "5" },
                { "1.50", "1.5" },                              { "1e3", "1000" },
                { "-0", "0" },                                  { "0.1", "0.1" },
                { "12345678901234567890", "12345678901234567890" },
                { "true", "1" },                                { "false", "0" },
                { "\"{{env `BAKERY_TEST_ENV`}}\"", "from env" },
                { "\"{{env `BAKERY_TEST_NO_ENV`}}\"", "" },
                { "\"{{user `later`}}-x\"", "end-x" },
                { "\"{{ .Vars }} sudo {{.Path}}\"", "{{ .Vars }} sudo {{.Path}}" },
                { "\"{{user `later`}} {{ .Path | upper }}\"", "end {{ .Path | upper }}" },
                { "\"{{`{{user`}} `later`}}\"", "{{user `later`}}" },
        };

        (void)state;
        assert_int_equal(setenv("BAKERY_TEST_ENV", "from env", 1), 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *json = bk_format("{" B ", \"variables\": {\"v\": %s, \"later\": \"{{user `z`}}\", \"z\": \"end\"}}",
                                                cases[i].default_);
                autotmpl tmpl = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].default_);
                assert_ok(load(json, NULL, &tmpl, &err), err);
                assert_string_equal(value(tmpl, "v"), cases[i].value);
        }
}

static void write_file(const char *name, const char *text)
{
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(name, text, strlen(text), 0644, &err), err);
}

static void later_sources_win(void **state)
{
        static const char json[] = "{" B ", \"variables\": {\"a\": \"1\", \"b\": \"1\", \"c\": \"1\", \"d\": null, \"e\": \"{{user `a`}}\"},"
                                   "\"provisioners\": [{\"type\": \"{{user `extra`}}\"}]}";
        autofree char *dir = folder_new();
        autofree char *first = bk_format("%s/1.json", dir), *second = bk_format("%s/2.json", dir);
        struct tmpl_options options = { 0 };
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        write_file(first, "{\"b\": \"file 1\", \"c\": \"file 1\", \"extra\": \"x\"}");
        write_file(second, "{\"c\": \"file 2\", \"d\": 4}");
        bk_strv_add(&options.var_files, first);
        bk_strv_add(&options.var_files, second);
        bk_strv_add(&options.vars, "a=no");
        bk_strv_add(&options.vars, "a=x=y {{`z`}}");
        assert_ok(load(json, &options, &tmpl, &err), err);
        assert_string_equal(value(tmpl, "a"), "x=y z");
        assert_string_equal(value(tmpl, "b"), "file 1");
        assert_string_equal(value(tmpl, "c"), "file 2");
        assert_string_equal(value(tmpl, "d"), "4");
        assert_string_equal(value(tmpl, "e"), "x=y z");
        assert_string_equal(value(tmpl, "extra"), "x");
        assert_string_equal(tmpl->variables[0].fallback, "1");
        assert_null(tmpl->variables[3].fallback);
        assert_int_equal(tmpl->warnings.n, 0);
        bk_strv_done(&options.vars);
        bk_strv_done(&options.var_files);
        assert_ok(bk_remove_tree(dir, &err), err);
}

static void wrong_options_are_refused(void **state)
{
        static const struct { const char *var, *text; } cases[] = {
                { "name", "NAME=VALUE" }, { "=x", "NAME=VALUE" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct tmpl_options options = { 0 };
                autotmpl tmpl = NULL;
                struct bk_error err = { 0 };

                bk_strv_add(&options.vars, cases[i].var);
                assert_fails_with(load("{" B ", \"variables\": {\"name\": \"\"}}", &options, &tmpl, &err), err, BK_USAGE);
                assert_non_null(strstr(err.text, cases[i].text));
                bk_strv_done(&options.vars);
        }
}

static void missing_values_may_be_allowed(void **state)
{
        const struct tmpl_options options = { .allow_missing = true };
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(load("{" B ", \"variables\": {\"a\": null, \"b\": \"<{{user `a`}}>\"}}", &options, &tmpl, &err), err);
        assert_string_equal(value(tmpl, "a"), "(none)");
        assert_string_equal(value(tmpl, "b"), "<>");
}

static void undeclared_variables_are_warned_of(void **state)
{
        static const char json[] = "{\n\"builders\": [{\"type\": \"q\",\n\"iso_url\": \"{{ user `iso_ulr` }}{{user `iso_ulr`}}\",\n"
                                   "\"x\": \"{{.user `n`}} {{upper (user \\\"zzz\\\")}}\"}], \"variables\": {\"iso_url\": \"\"}}";
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(load(json, NULL, &tmpl, &err), err);
        assert_int_equal(tmpl->warnings.n, 2);
        assert_string_equal(tmpl->warnings.v[0], "t.json:3:12: warning: there is no variable \"iso_ulr\", so it is empty; "
                                                 "did you mean \"iso_url\"?");
        assert_string_equal(tmpl->warnings.v[1], "t.json:4:6: warning: there is no variable \"zzz\", so it is empty");
}

static void what_is_given_undeclared_is_warned_of_and_known(void **state)
{
        static const char json[] = "{" B ",\n\"variables\": {\"password\": \"\", \"a\": \"{{user `pasword`}}!\"},\n"
                                   "\"sensitive-variables\": [\"pasward\"]}";
        struct tmpl_options options = { 0 };
        autotmpl tmpl = NULL;
        autotmpl quiet = NULL;
        struct bk_error err = { 0 };

        (void)state;
        bk_strv_add(&options.vars, "pasword=x");
        assert_ok(load(json, &options, &tmpl, &err), err);
        assert_string_equal(value(tmpl, "a"), "x!");
        assert_int_equal(tmpl->warnings.n, 2);
        assert_string_equal(tmpl->warnings.v[0], "-var: warning: the template does not declare a variable \"pasword\"; did you mean \"password\"?");
        assert_string_equal(tmpl->warnings.v[1], "t.json:3:25: warning: there is no variable \"pasward\" to be sensitive; did you mean \"pasword\"?");
        options.undeclared = TMPL_WARN_NEVER;
        assert_ok(load(json, &options, &quiet, &err), err);
        assert_int_equal(quiet->warnings.n, 1);
        bk_strv_done(&options.vars);
}

static char *chain(int length, const char *each)
{
        char *json = bk_strdup("{" B ", \"variables\": {\"v0\": \"0123456789abcdef\"");

        for (int i = 1; i < length; i++) {
                /* The order of the file is the worst one: each waits for the one after it. */
                autofree char *before = json, *text = NULL;

                text = bk_format(each, i, i - 1, i - 1);
                json = bk_format("{" B ", \"variables\": {%s, %s", text, before + strlen("{" B ", \"variables\": {"));
        }
        return json;
}

static void hostile_variables_end_soon(void **state)
{
        static const char one[] = "\"v%d\": \"{{user `v%d`}}\"", two[] = "\"v%d\": \"{{user `v%d`}}{{user `v%d`}}\"";
        static const struct { const char *why, *each; int length; const char *text; } cases[] = {
                { "a hundred passes are enough for a hundred", one, 100, NULL },
                { "but not for more", one, 103, "over more than 100 steps" },
                { "doubling", two, 40, "MiB" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *body = chain(cases[i].length, cases[i].each), *json = bk_format("%s}}", body);
                autotmpl tmpl = NULL;
                struct bk_error err = { 0 };
                const int status = load(json, NULL, &tmpl, &err);

                print_message("# %s\n", cases[i].why);
                if (cases[i].text == NULL) {
                        assert_ok(status, err);
                        continue;
                }
                assert_int_equal(status, -1);
                if (strstr(err.text, cases[i].text) == NULL || err.at[0] == '\0')
                        fail_msg("'%s' at '%s' does not say '%s'", err.text, err.at, cases[i].text);
        }
}

/* --- files and secrets ----------------------------------------------------- */
static void a_file_knows_its_folder(void **state)
{
        autofree char *dir = folder_new(), *path = bk_format("%s/t.json", dir);
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        write_file(path, "{" B ", \"variables\": {\"d\": \"{{template_dir}}\"}}");
        assert_ok(tmpl_load(path, NULL, &tmpl, &err), err);
        assert_string_equal(tmpl->path, path);
        assert_string_equal(tmpl->dir, dir);
        assert_string_equal(value(tmpl, "d"), dir);
        assert_ok(bk_remove_tree(dir, &err), err);
        tmpl_free(bk_take(tmpl));
        assert_fails_with(tmpl_load(path, NULL, &tmpl, &err), err, BK_NOT_FOUND);
}

static void secrets_are_redacted(void **state)
{
        static const char json[] = "{" B ", \"variables\": {\"a\": \"pass\", \"b\": \"password\", \"c\": \"\", \"d\": \"open\","
                                   "\"e\": \"line one\\nx\\nline three\\n\", \"f\": \"7\"},"
                                   "\"sensitive-variables\": [\"a\", \"b\", \"c\", \"e\", \"f\"]}";
        static const struct { const char *text, *redacted; } cases[] = {
                { "", "" },                             { "nothing", "nothing" },
                { "my password", "my <sensitive>" },    { "passpasswordpass", "<sensitive><sensitive><sensitive>" },
                { "passwor", "<sensitive>wor" },        { "open x", "open x" },
                { "line three!", "<sensitive>!" },      { "line one\nx\nline three\n!", "<sensitive>!" },
                { "1717", "1<sensitive>1<sensitive>" },
        };
        autotmpl tmpl = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(load(json, NULL, &tmpl, &err), err);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *redacted = tmpl_redact(tmpl, cases[i].text);

                assert_string_equal(redacted, cases[i].redacted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_template_becomes_the_model),
                cmocka_unit_test(broken_templates_are_refused_at_the_place),
                cmocka_unit_test(variables_have_values),
                cmocka_unit_test(later_sources_win),
                cmocka_unit_test(wrong_options_are_refused),
                cmocka_unit_test(missing_values_may_be_allowed),
                cmocka_unit_test(undeclared_variables_are_warned_of),
                cmocka_unit_test(what_is_given_undeclared_is_warned_of_and_known),
                cmocka_unit_test(hostile_variables_end_soon),
                cmocka_unit_test(a_file_knows_its_folder),
                cmocka_unit_test(secrets_are_redacted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
