/* Runs lines in a throw-away boot, and says what came back; tests/system/88-spec-boot.t drives it.
 *
 *     boot_driver [-uart] [-cpus N] [-firmware NAME] [-machine NAME] [-timeout MS] [-input FILE] HOME IMAGE LINE... */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bakery/bake/spec_boot.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/registry.h"

enum { SHOWN = 2000 };

static void say(void *arg, const char *text)
{
        (void)arg;
        (void)printf("say %s\n", text);
        (void)fflush(stdout);
}

static void show(const char *name, const char *bytes, size_t length)
{
        autofree char *digest = bk_digest_bytes(bytes, length);

        (void)printf("%s %zu %s\n", name, length, digest);
        if (length <= SHOWN && memchr(bytes, '\0', length) == NULL)
                for (const char *p = bytes, *end; *p != '\0'; p = *end ? end + 1 : end) {
                        end = strchrnul(p, '\n');
                        (void)printf("  %.*s\n", (int)(end - p), p);
                }
}

static void run(struct spec_boot *boot, const char *line, const char *input, size_t input_len, int timeout_ms)
{
        const int64_t begun = bk_now_ms();
        struct spec_output output = { 0 };
        struct bk_error err = { 0 };
        const int result = spec_boot_run(boot, line, input, input_len, timeout_ms, &output, &err);

        (void)printf("line %s\nms %" PRId64 "\n", line, bk_now_ms() - begun);
        if (result < 0) {
                (void)printf("error %s %s\n", bk_kind_name(err.kind), err.text);
        } else {
                (void)printf("status %d\n", output.status);
                show("out", output.out, output.out_len);
                show("err", output.err, output.err_len);
        }
        (void)fflush(stdout);
        spec_output_done(&output);
}

static int drive(int argc, char **argv, struct spec_boot_config *config, const char *input, size_t input_len, int timeout_ms,
                 struct bk_error *err)
{
        struct layer_store store = { 0 };
        struct reg_image image = { 0 };
        struct spec_boot *boot = NULL;
        struct reg *reg = NULL;
        const int64_t begun = bk_now_ms();
        int result;

        if (layer_store_open(argv[0], &store, err) < 0 || reg_open(argv[0], &reg, err) < 0)
                return -1;
        result = reg_resolve(reg, argv[1], &image, err);
        reg_close(reg);
        config->store = &store;
        config->layer = image.layer;
        if (result < 0 || layer_verify(&store, image.layer, false, err) < 0 || spec_boot_start(config, &boot, err) < 0)
                return -1;
        (void)printf("ready %" PRId64 "\n", bk_now_ms() - begun);
        (void)fflush(stdout);
        for (int i = 2; i < argc; i++)
                run(boot, argv[i], input, input_len, timeout_ms);
        result = spec_boot_verdict(boot, err);
        spec_boot_end(boot);
        reg_image_done(&image);
        layer_store_done(&store);
        return result;
}

int main(int argc, char **argv)
{
        struct spec_boot_config config = { .say = say };
        autofree char *input = NULL;
        struct bk_error err = { 0 };
        size_t input_len = 0;
        int at = 1, timeout_ms = 60000;

        for (; at < argc && argv[at][0] == '-'; at++) {
                if (strcmp(argv[at], "-uart") == 0)
                        config.uart = true;
                else if (strcmp(argv[at], "-cpus") == 0 && at + 1 < argc)
                        config.cpus = (unsigned)atoi(argv[++at]);
                else if (strcmp(argv[at], "-firmware") == 0 && at + 1 < argc)
                        config.firmware = argv[++at];
                else if (strcmp(argv[at], "-machine") == 0 && at + 1 < argc)
                        config.machine = argv[++at];
                else if (strcmp(argv[at], "-timeout") == 0 && at + 1 < argc)
                        timeout_ms = atoi(argv[++at]);
                else if (strcmp(argv[at], "-input") == 0 && at + 1 < argc && bk_read_file(argv[++at], 64 << 20, &input, &input_len, &err) < 0)
                        break;
        }
        if (argc - at < 3) {
                (void)fprintf(stderr, "boot_driver [-uart] [-cpus N] [-firmware NAME] [-machine NAME] [-timeout MS] [-input FILE]"
                                      " HOME IMAGE LINE...\n");
                return 2;
        }
        if (drive(argc - at, argv + at, &config, input, input_len, timeout_ms, &err) < 0) {
                (void)printf("failed %s %s\n", bk_kind_name(err.kind), err.text);
                return 1;
        }
        return 0;
}
