/* Blocks become structs by rows: weak where Packer is, exact in complaints. */
#include "tests/unit/folder.h"

#include "bakery/template/template.h"
#include "lib/fs.h"
#include "lib/publish.h"

static void free_tmpl(struct tmpl **tmpl)
{
        tmpl_free(*tmpl);
}
#define autotmpl BK_CLEANUP(free_tmpl) struct tmpl *

struct block {
        char *text, *raw, *file;
        bool flag, on;
        int64_t count, wait, any;
        uint64_t size;
        struct bk_strv list, files;
        struct tmpl_map map;
};

static const struct tmpl_key keys[] = {
        { "type",    TMPL_IGNORED },
        { "name",    TMPL_IGNORED },
        { "only",    TMPL_IGNORED },
        { "override", TMPL_IGNORED },
        { "text",    TMPL_STRING,   offsetof(struct block, text), 0, "{{build_name}}-x" },
        { "raw",     TMPL_RAW,      offsetof(struct block, raw), 0, "{{ .Path }}" },
        { "file",    TMPL_STRING,   offsetof(struct block, file), TMPL_PATHS },
        { "flag",    TMPL_BOOL,     offsetof(struct block, flag) },
        { "on",      TMPL_BOOL,     offsetof(struct block, on), 0, "true" },
        { "count",   TMPL_INT,      offsetof(struct block, count), 0, "2", 1, 64 },
        { "any",     TMPL_INT,      offsetof(struct block, any) },
        { "wait",    TMPL_DURATION, offsetof(struct block, wait), 0, "10s" },
        { "size",    TMPL_SIZE,     offsetof(struct block, size), 0, "40G", 1 << 20 },
        { "list",    TMPL_LIST,     offsetof(struct block, list) },
        { "files",   TMPL_LIST,     offsetof(struct block, files), TMPL_PATHS },
        { "map",     TMPL_MAP,      offsetof(struct block, map) },
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static void block_done(struct block *block)
{
        tmpl_undecode(keys, N_KEYS, block);
}
#define autoblock BK_CLEANUP(block_done) struct block

#define HEAD "{\"builders\": [{\"type\": \"qemu\"}], \"variables\": {\"n\": \"3\", \"e\": \"\", \"l\": \"a,b\", \"s\": \"s3cret\"},\n" \
             "\"sensitive-variables\": [\"s\"],\n\"provisioners\": [{\"type\": \"shell\",\n"

/* The block's members stand on line 4, from column 1. */
static int decode(const char *members, const char *dir, struct tmpl **ret, struct block *into, struct bk_error *err)
{
        autofree char *json = bk_format(HEAD "%s}]}", members);
        struct tmpl_scope scope = { .build_name = "qemu", .build_type = "qemu" };
        struct bk_error inner = { 0 };

        assert_ok(tmpl_load_bytes("t.json", dir, json, strlen(json), NULL, ret, &inner), inner);
        scope.tmpl = *ret;
        return tmpl_decode(&scope, (*ret)->provisioners[0].doc, (*ret)->provisioners[0].override, keys, N_KEYS, into, err);
}

/* Every member of a block as one line of text. */
static char *show(const struct block *b)
{
        autofree char *head = bk_format("%s|%s|%d%d|%lld|%lld|%lld|%llu", b->text, b->raw, b->flag, b->on, (long long)b->count,
                                        (long long)b->any, (long long)b->wait, (unsigned long long)b->size);
        char *text = bk_take(head);

        for (size_t i = 0; i < b->list.n; i++) {
                autofree char *before = text;

                text = bk_format("%s|%s", before, b->list.v[i]);
        }
        for (size_t i = 0; i < b->map.keys.n; i++) {
                autofree char *before = text;

                text = bk_format("%s|%s=%s", before, b->map.keys.v[i], b->map.values.v[i]);
        }
        return text;
}

#define TAIL "|{{ .Path }}|01|2|0|10000|42949672960"

static const struct { const char *members, *shown; } good[] = {
        { "\"name\": 1", "qemu-x" TAIL },
        { "\"text\": \"{{user `n`}}\"", "3" TAIL },
        { "\"text\": 1.50", "1.5" TAIL },
        { "\"text\": true", "1" TAIL },
        { "\"text\": null", "qemu-x" TAIL },
        { "\"text\": \"\"", "qemu-x" TAIL },
        { "\"text\": \"{{user `e`}}\", \"raw\": \"\", \"file\": \"\"", "qemu-x" TAIL },
        { "\"raw\": \"{{ .Vars }}{{\"", "qemu-x|{{ .Vars }}{{|01|2|0|10000|42949672960" },
        { "\"flag\": true, \"on\": false", "qemu-x|{{ .Path }}|10|2|0|10000|42949672960" },
        { "\"flag\": \"true\", \"on\": \"0\"", "qemu-x|{{ .Path }}|10|2|0|10000|42949672960" },
        { "\"flag\": 1, \"on\": 0", "qemu-x|{{ .Path }}|10|2|0|10000|42949672960" },
        { "\"flag\": \"T\", \"on\": \"\"", "qemu-x|{{ .Path }}|11|2|0|10000|42949672960" },
        { "\"count\": 5, \"any\": -7", "qemu-x|{{ .Path }}|01|5|-7|10000|42949672960" },
        { "\"count\": \"{{user `n`}}\", \"any\": \"0x10\"", "qemu-x|{{ .Path }}|01|3|16|10000|42949672960" },
        { "\"count\": \"{{user `e`}}\", \"any\": 2.0", "qemu-x|{{ .Path }}|01|2|2|10000|42949672960" },
        { "\"count\": 0, \"size\": \"0\", \"any\": 0", "qemu-x" TAIL },
        { "\"count\": \"0\", \"size\": \"0G\", \"wait\": 0", "qemu-x|{{ .Path }}|01|2|0|0|42949672960" },
        { "\"count\": 64, \"any\": 1e3", "qemu-x|{{ .Path }}|01|64|1000|10000|42949672960" },
        { "\"any\": -9223372036854775808", "qemu-x|{{ .Path }}|01|2|-9223372036854775808|10000|42949672960" },
        { "\"wait\": \"1m30s\"", "qemu-x|{{ .Path }}|01|2|0|90000|42949672960" },
        { "\"wait\": \"-1s\"", "qemu-x|{{ .Path }}|01|2|0|-1000|42949672960" },
        { "\"wait\": \"1h0.5m10ms\"", "qemu-x|{{ .Path }}|01|2|0|3630010|42949672960" },
        { "\"wait\": \"0.5ms500us\"", "qemu-x|{{ .Path }}|01|2|0|1|42949672960" },
        { "\"wait\": 90", "qemu-x|{{ .Path }}|01|2|0|90000|42949672960" },
        { "\"wait\": \"1.5\"", "qemu-x|{{ .Path }}|01|2|0|1500|42949672960" },
        { "\"wait\": \"0\"", "qemu-x|{{ .Path }}|01|2|0|0|42949672960" },
        { "\"size\": 1", "qemu-x|{{ .Path }}|01|2|0|10000|1048576" },
        { "\"size\": \"512MiB\"", "qemu-x|{{ .Path }}|01|2|0|10000|536870912" },
        { "\"size\": \"1.5g\"", "qemu-x|{{ .Path }}|01|2|0|10000|1610612736" },
        { "\"size\": \"40960M\"", "qemu-x|{{ .Path }}|01|2|0|10000|42949672960" },
        { "\"size\": \"1048576B\"", "qemu-x|{{ .Path }}|01|2|0|10000|1048576" },
        { "\"size\": \"2T\"", "qemu-x|{{ .Path }}|01|2|0|10000|2199023255552" },
        { "\"list\": [\"a\", 5, true, \"{{user `n`}}\", \"b,c\"]", "qemu-x" TAIL "|a|5|1|3|b,c" },
        { "\"list\": \"one\"", "qemu-x" TAIL "|one" },
        { "\"list\": \"{{user `l`}}\"", "qemu-x" TAIL "|a|b" },
        { "\"list\": \"a,,b,\"", "qemu-x" TAIL "|a||b|" },
        { "\"list\": \"\"", "qemu-x" TAIL },
        { "\"list\": 5", "qemu-x" TAIL "|5" },
        { "\"list\": []", "qemu-x" TAIL },
        { "\"map\": {\"a\": \"{{user `n`}}\", \"b\": 5}", "qemu-x" TAIL "|a=3|b=5" },
        { "\"map\": [{\"a\": \"1\"}, {\"b\": \"2\", \"a\": \"3\"}]", "qemu-x" TAIL "|a=3|b=2" },
        { "\"map\": []", "qemu-x" TAIL },
        { "\"text\": \"a\", \"override\": {\"qemu\": {\"text\": \"b\", \"list\": [\"x\"]}}", "b" TAIL "|x" },
        { "\"text\": \"a\", \"override\": {\"qemu\": {\"text\": null}}", "a" TAIL },
};

static void values_are_decoded(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                autotmpl tmpl = NULL;
                autoblock block = { 0 };
                autofree char *shown = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", good[i].members);
                assert_ok(decode(good[i].members, NULL, &tmpl, &block, &err), err);
                shown = show(&block);
                assert_string_equal(shown, good[i].shown);
        }
}

static const struct { const char *members, *at, *text; } broken[] = {
        { "\"lsit\": []", "t.json:4:1", "unknown key \"lsit\" in provisioner \"shell\"; did you mean \"list\"?" },
        { "\"zzzzzz\": 1", "t.json:4:1", "unknown key \"zzzzzz\" in provisioner \"shell\"" },
        { "\"override\": {\"qemu\":\n{\"fla\": 1}}", "t.json:5:2", "did you mean \"flag\"?" },
        { "\"text\": []", "t.json:4:9", "\"text\" must be a string, found an array" },
        { "\"text\": {}", "t.json:4:9", "\"text\" must be a string, found an object" },
        { "\"text\": \"{{usr}}\"", "t.json:4:9", "\"text\": in '{{usr}}': unknown function" },
        { "\"text\": \"a\\u0000b\"", "t.json:4:9", "may not hold \\u0000" },
        { "\"flag\": \"yes\"", "t.json:4:9", "\"flag\" must be true or false, found \"yes\"" },
        { "\"flag\": []", "t.json:4:9", "must be true or false, found an array" },
        { "\"count\": \"five\"", "t.json:4:10", "\"count\" must be a whole number, found \"five\"" },
        { "\"count\": \"{{user `s`}}\"", "t.json:4:10", "found \"<sensitive>\"" },
        { "\"count\": 2.5", "t.json:4:10", "a whole number, found \"2.5\"" },
        { "\"count\": true", "t.json:4:10", "a whole number, found a boolean" },
        { "\"count\": -1", "t.json:4:10", "\"count\" must be from 1 to 64, found -1" },
        { "\"count\": 65", "t.json:4:10", "from 1 to 64, found 65" },
        { "\"any\": 9223372036854775808", "t.json:4:8", "at most 64 bits" },
        { "\"any\": \"1 \"", "t.json:4:8", "a whole number" },
        { "\"wait\": \"10 s\"", "t.json:4:9", "a duration such as" },
        { "\"wait\": \"1M\"", "t.json:4:9", "a duration" },
        { "\"wait\": \"s\"", "t.json:4:9", "a duration" },
        { "\"wait\": \"1s30\"", "t.json:4:9", "a duration" },
        { "\"wait\": \"--1s\"", "t.json:4:9", "a duration" },
        { "\"wait\": \"9999999999h\"", "t.json:4:9", "a duration" },
        { "\"wait\": \".s\"", "t.json:4:9", "a duration" },
        { "\"size\": \"10X\"", "t.json:4:9", "a size such as" },
        { "\"size\": \"-5\"", "t.json:4:9", "a size such as" },
        { "\"size\": \"99999999999T\"", "t.json:4:9", "a size such as" },
        { "\"size\": \"1.2.3G\"", "t.json:4:9", "a size such as" },
        { "\"size\": \"1K\"", "t.json:4:9", "must be at least 1048576 bytes, found 1024 bytes" },
        { "\"list\": [\"a\",\n[\"b\"]]", "t.json:5:1", "\"list\" must be made of strings, found an array" },
        { "\"list\": [\"a\", null]", "t.json:4:15", "found null" },
        { "\"list\": {}", "t.json:4:9", "must be an array of strings, found an object" },
        { "\"list\": [\"{{\"]", "t.json:4:10", "\"list\": in '{{'" },
        { "\"map\": \"x\"", "t.json:4:8", "\"map\" must be an object of strings, found a string" },
        { "\"map\": {\"a\": []}", "t.json:4:14", "made of strings" },
        { "\"map\": [[]]", "t.json:4:9", "an object of strings" },
        { "\"file\": \"/no/such/file\"", "t.json:4:9", "\"file\": there is no '/no/such/file'" },
        { "\"files\": [\"/\", \"no-such-file\"]", "t.json:4:16", "there is no 'no-such-file', neither in '" },
};

static void wrong_values_are_refused_at_the_place(void **state)
{
        static const struct block nothing;

        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                autotmpl tmpl = NULL;
                struct block block = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].members);
                assert_fails_with(decode(broken[i].members, NULL, &tmpl, &block, &err), err, BK_INVALID);
                assert_string_equal(err.at, broken[i].at);
                if (strstr(err.text, broken[i].text) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, broken[i].text);
                /* What owns memory is gone. */
                assert_true(block.text == nothing.text && block.raw == nothing.raw && block.list.v == NULL && block.map.keys.v == NULL);
        }
}

static void sizes_are_read_on_their_own(void **state)
{
        static const char *const wrong[] = { "", "abc", "1X", "G", "-1", "1G 2", "99999999999T" };
        struct bk_error err = { 0 };
        uint64_t bytes = 0;

        (void)state;
        assert_ok(tmpl_size("1.5g", &bytes, &err), err);
        assert_int_equal(bytes, 3ULL << 29);
        assert_ok(tmpl_size("7", &bytes, &err), err);
        assert_int_equal(bytes, 7 << 20);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                assert_fails_with(tmpl_size(wrong[i], &bytes, &err), err, BK_INVALID);
        assert_int_equal(bytes, 7 << 20);
}

static void what_is_required_must_be_there(void **state)
{
        static const struct tmpl_key required[] = {
                { "type",  TMPL_IGNORED },
                { "count", TMPL_INT, 0, TMPL_REQUIRED, .min = 1, .help = "how many" },
        };
        static const struct { const char *members, *at, *text; } cases[] = {
                { "\"type\": \"x\"", "t.json:1:15", "builder \"x\" needs \"count\": how many" },
                { "\"type\": \"x\", \"count\": null", "t.json:1:15", "needs \"count\"" },
                { "\"type\": \"x\", \"count\": \"\"", "t.json:1:38", "\"count\" is empty, but needed: how many" },
                { "\"type\": \"x\", \"count\": 0", "t.json:1:38", "\"count\" must be at least 1, found 0" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *json = bk_format("{\"builders\": [{%s}]}", cases[i].members);
                autotmpl tmpl = NULL;
                struct tmpl_scope scope = { 0 };
                struct bk_error err = { 0 };
                int64_t count = 0;

                assert_ok(tmpl_load_bytes("t.json", NULL, json, strlen(json), NULL, &tmpl, &err), err);
                scope.tmpl = tmpl;
                assert_fails_with(tmpl_decode(&scope, tmpl->builders[0].doc, NULL, required, 2, &count, &err), err, BK_INVALID);
                assert_string_equal(err.at, cases[i].at);
                assert_non_null(strstr(err.text, cases[i].text));
        }
}

static void a_name_alone_is_an_empty_block(void **state)
{
        static const char json[] = "{\"builders\": [{\"type\": \"qemu\"}], \"post-processors\": [\"compress\"]}";
        autotmpl tmpl = NULL;
        autoblock block = { 0 };
        struct tmpl_scope scope = { .build_name = "qemu" };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(tmpl_load_bytes("t.json", NULL, json, strlen(json), NULL, &tmpl, &err), err);
        scope.tmpl = tmpl;
        assert_ok(tmpl_decode(&scope, tmpl->pipelines[0].v[0].doc, NULL, keys, N_KEYS, &block, &err), err);
        assert_int_equal(block.count, 2);
}

/* The working directory comes first, then the template's folder; a symlink keeps its name. */
static void files_are_found(void **state)
{
        autofree char *top = folder_new();
        autofree char *here = bk_format("%s/here", top), *there = bk_format("%s/there", top), *old = getcwd(NULL, 0);
        autofree char *here_a = bk_format("%s/a", here), *there_a = bk_format("%s/a", there);
        autofree char *there_b = bk_format("%s/b", there), *members = NULL;
        autotmpl tmpl = NULL;
        autoblock block = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(bk_mkdir_p(here, &err), err);
        assert_ok(bk_mkdir_p(there, &err), err);
        assert_ok(bk_publish_bytes(here_a, "", 0, 0644, &err), err);
        assert_ok(bk_publish_bytes(there_a, "", 0, 0644, &err), err);
        assert_int_equal(symlink("a", there_b), 0);
        assert_int_equal(chdir(here), 0);
        members = bk_format("\"file\": \"a\", \"files\": [\"b\", \"%s\", \"\"]", there_a);
        assert_ok(decode(members, there, &tmpl, &block, &err), err);
        assert_string_equal(block.file, here_a);
        assert_int_equal(block.files.n, 3);
        assert_string_equal(block.files.v[0], there_b);
        assert_string_equal(block.files.v[1], there_a);
        assert_int_equal(chdir(old), 0);
        assert_ok(bk_remove_tree(top, &err), err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_decoded),
                cmocka_unit_test(wrong_values_are_refused_at_the_place),
                cmocka_unit_test(sizes_are_read_on_their_own),
                cmocka_unit_test(what_is_required_must_be_there),
                cmocka_unit_test(a_name_alone_is_an_empty_block),
                cmocka_unit_test(files_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
