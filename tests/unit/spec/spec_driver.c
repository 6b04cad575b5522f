/* Runs spec files of a folder on an empty root, and prints a line an example: verdict, group, name, and, with -v, the message.
 * tests/system/28-ruby-like.t compares them with what rspec says.
 *
 *     spec_driver [-v] [-t TAG] [-T] [-r ROOT] [-R RETRY-MS] FILE... */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/run.h"
#include "spec/spec.h"

static int run_line(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        FILE *stream = popen(line, "r");

        (void)arg, (void)input, (void)input_len, (void)timeout_ms;
        if (stream == NULL)
                return bk_fail_errno(err, "cannot start a shell");
        ret->out = bk_alloc(1 << 20);
        ret->out_len = fread(ret->out, 1, (1 << 20) - 1, stream);
        ret->err = bk_strdup("");
        ret->status = pclose(stream) >> 8;
        return 0;
}

static void print_result(void *arg, const struct spec_result *result)
{
        const bool *verbose = arg;
        json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i}", "verdict", spec_verdict_name(result->verdict), "group", result->group,
                                 "name", result->name, "line", (int)result->line, "message", *verbose ? result->message : "",
                                 "attempts", (int)result->attempts);
        char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);

        puts(text != NULL ? text : "{}");
        free(text);
        json_decref(line);
}

int main(int argc, char **argv)
{
        const char *root = NULL;
        bool verbose = false;
        BK_CLEANUP(bk_strv_done) struct bk_strv tags = { 0 };
        struct spec_options options = { .timeout_ms = 60000, .on_result = print_result, .arg = &verbose };
        struct spec_target target = { .identity = "driver", .sandbox = { .run = run_line } };
        BK_CLEANUP(spec_report_done) struct spec_report report = { 0 };
        struct bk_error err = { 0 };

        for (int option; (option = getopt(argc, argv, "vTt:r:R:")) != -1;) {
                switch (option) {
                case 'v': verbose = true; break;
                case 'T': options.trust = true; break;
                case 't': bk_strv_add(&tags, optarg); break;
                case 'r': root = optarg; break;
                case 'R': options.retry_ms = atoi(optarg); break;
                default: return 2;
                }
        }
        options.tags = tags.n > 0 ? &tags : NULL;
        target.root_fd = open(root != NULL ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (target.root_fd < 0)
                return 2;
        if (spec_run((const char *const *)argv + optind, (size_t)(argc - optind), &target, &options, &report, &err) < 0) {
                (void)fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        return 0;
}
