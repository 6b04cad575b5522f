/* HCL: what is read, and where exactly a complaint points. */
#include "tests/unit/test.h"

#include "lib/buf.h"
#include "lib/hcl.h"

static int parse(const char *text, const struct bk_hcl_schema *schema, struct bk_hcl_body **ret, struct bk_error *err)
{
        return bk_hcl_parse("f", text, strlen(text), schema, ret, err);
}

/* --- values -------------------------------------------------------------------- */
static const struct { const char *why, *hcl; enum bk_doc_kind kind; const char *text; size_t length; } values[] = {
        { "null", "v = null", BK_DOC_NULL, NULL, 0 },
        { "true", "v = true", BK_DOC_BOOL, NULL, 0 },
        { "a number as written", "v = 12.50e+3", BK_DOC_NUMBER, "12.50e+3", 8 },
        { "a negative number", "v=-5", BK_DOC_NUMBER, "-5", 2 },
        { "the empty string", "v = \"\"", BK_DOC_STRING, "", 0 },
        { "escapes", "v = \"\\n\\r\\t\\\"\\\\\"", BK_DOC_STRING, "\n\r\t\"\\", 5 },
        { "unicode escapes", "v = \"\\u00e4\\U0001F600\"", BK_DOC_STRING, "\xc3\xa4\xf0\x9f\x98\x80", 6 },
        { "NUL by an escape", "v = \"a\\u0000b\"", BK_DOC_STRING, "a\0b", 3 },
        { "markers that are meant", "v = \"$${a} %%{b} $ % $$ {\"", BK_DOC_STRING, "${a} %{b} $ % $$ {", 18 },
        { "comment characters in a string", "v = \"# // /*\"", BK_DOC_STRING, "# // /*", 7 },
        { "a heredoc", "v = <<EOT\n one\n\n  two \"x\" \\n\nEOT\n", BK_DOC_STRING, " one\n\n  two \"x\" \\n\n", 19 },
        { "an empty heredoc", "v = <<EOT\nEOT", BK_DOC_STRING, "", 0 },
        { "a heredoc that is closed indented", "v = <<EOT\n a\n   EOT\n", BK_DOC_STRING, " a\n", 3 },
        { "a heredoc without its indentation", "v = <<-EOT\n    a\n      b\n   \n    c\n  EOT\n", BK_DOC_STRING, "a\n  b\n   \nc\n", 12 },
        { "a heredoc of blank lines", "v = <<-EOT\n  \n\n  EOT\n", BK_DOC_STRING, "  \n\n", 4 },
        { "markers in a heredoc", "v = <<EOT\n$${a}\nEOT\n", BK_DOC_STRING, "${a}\n", 5 },
        { "a marker's name in a line", "v = <<EOT\nEOT x\nEOT", BK_DOC_STRING, "EOT x\n", 6 },
        { "a heredoc with carriage returns", "v = <<-E\r\n  a\r\n  E\r\n", BK_DOC_STRING, "a\r\n", 3 },
        { "comments around", "# x\n// y\n/* z\n*/ v /* a */ = /* b */ \"c\" # d\n", BK_DOC_STRING, "c", 1 },
        { "an empty list", "v = []", BK_DOC_ARRAY, NULL, 0 },
        { "an empty object", "v = {\n}", BK_DOC_OBJECT, NULL, 0 },
};

static void values_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                autohcl *body = NULL;
                struct bk_error err = { 0 };
                const struct bk_doc *value;

                print_message("# %s\n", values[i].why);
                assert_ok(parse(values[i].hcl, NULL, &body, &err), err);
                value = bk_doc_get(body->arguments, "v");
                assert_non_null(value);
                assert_int_equal(value->kind, values[i].kind);
                assert_int_equal(value->text_len, values[i].length);
                if (values[i].text != NULL)
                        assert_memory_equal(value->text, values[i].text, values[i].length);
        }
}

static void lists_and_objects_nest(void **state)
{
        static const char text[] = "v = [1, # one\n  \"two\", [\n], {\n a = 1, b : 2\n \"c d\" = <<E\nx\nE\n f = {}\n },\n]";
        autohcl *body = NULL;
        struct bk_error err = { 0 };
        const struct bk_doc *v, *object;

        (void)state;
        assert_ok(parse(text, NULL, &body, &err), err);
        v = bk_doc_get(body->arguments, "v");
        assert_int_equal(v->n, 4);
        assert_string_equal(v->items[1]->text, "two");
        assert_int_equal(v->items[1]->line, 2);
        assert_int_equal(v->items[1]->column, 3);
        object = v->items[3];
        assert_int_equal(object->n, 4);
        assert_string_equal(bk_doc_get(object, "b")->text, "2");
        assert_string_equal(bk_doc_get(object, "c d")->text, "x\n");
        assert_int_equal(bk_doc_get(object, "c d")->key_line, 5);
        assert_int_equal(bk_doc_get(object, "f")->kind, BK_DOC_OBJECT);
}

static void blocks_have_labels_bodies_and_places(void **state)
{
        static const char text[] = "a = 1\n"
                                   "retire \"old\" two { # why\n"
                                   "  x = \"\xc3\xa4\"  y = 2\n"
                                   "  when { a = 1  b = 2 }  z = 3\n"
                                   "  when {}\n"
                                   "}\n"
                                   "keep {}";
        autohcl *body = NULL;
        struct bk_error err = { 0 };
        const struct bk_hcl_block *block;

        (void)state;
        assert_ok(parse(text, NULL, &body, &err), err);
        assert_int_equal(body->arguments->n, 1);
        assert_int_equal(body->n_blocks, 2);
        block = body->blocks[0];
        assert_string_equal(block->type, "retire");
        assert_int_equal(block->line, 2);
        assert_int_equal(block->column, 1);
        assert_int_equal(block->labels->n, 2);
        assert_string_equal(block->labels->items[0]->text, "old");
        assert_int_equal(block->labels->items[0]->column, 8);
        assert_string_equal(block->labels->items[1]->text, "two");
        assert_int_equal(block->body.arguments->n, 3);
        assert_int_equal(bk_doc_get(block->body.arguments, "y")->key_column, 12);       /* code points */
        assert_int_equal(bk_doc_get(block->body.arguments, "z")->line, 4);
        assert_int_equal(block->body.n_blocks, 2);
        assert_int_equal(block->body.blocks[0]->body.arguments->n, 2);
        assert_int_equal(block->body.blocks[1]->line, 5);
        assert_string_equal(body->blocks[1]->type, "keep");
}

/* --- what is refused ------------------------------------------------------------- */
static const struct { const char *why, *hcl, *at, *text; } broken[] = {
        { "byte order mark", "\xef\xbb\xbf" "a = 1", "f:1:1", "byte order mark" },
        { "not UTF-8 in a comment", "a = 1 # caf\xe9\n", "f:1:12", "byte 0xe9 is not UTF-8" },
        { "control character", "a = \"\x01\"", "f:1:6", "control character 0x01; in a string it is written \\u0001" },
        { "lone carriage return", "a = 1\rb = 2", "f:1:6", "control character 0x0d" },
        { "two definitions on a line of the file", "a = 1 b = 2", "f:1:7", "expected a line break, found 'b'" },
        { "comma between arguments", "x {\n a = 1, b = 2\n}", "f:2:7", "no commas stand between the arguments" },
        { "colon", "a: 1", "f:1:2", "expected '= VALUE' or '{' after 'a', found ':', which only objects have" },
        { "a name alone", "abc\n", "f:1:4", "expected '= VALUE' or '{' after 'abc', but the line ends" },
        { "a brace on the next line", "abc \"d\"\n{\n}", "f:1:8", "expected '{' after the labels of 'abc', but the line ends" },
        { "comparison", "a == 1", "f:1:4", "found '='; what an operator computes is not understood here" },
        { "operator", "a = 1 + 2", "f:1:7", "what an operator computes is not understood here; write the value itself" },
        { "condition", "a = true ? 1 : 2", "f:1:10", "operator" },
        { "brackets", "a = (1)", "f:1:5", "expected a value for 'a', found '('" },
        { "index", "a = \"x\"[0]", "f:1:8", "operator" },
        { "negation", "a = !true", "f:1:5", "operator" },
        { "reference", "a = var.region", "f:1:5", "what 'var.' refers to is not understood here" },
        { "function", "a = file(\"x\")", "f:1:5", "what the function file() computes is not understood here" },
        { "for in a list", "a = [for x in y : x]", "f:1:6", "what 'for' computes" },
        { "for in an object", "a = {for k, v in y : k => v}", "f:1:6", "what 'for' computes" },
        { "interpolation", "a = \"x ${var.y}\"", "f:1:8", "'${' begins something to be computed, which is not understood here; "
          "write the value itself, or '$${'" },
        { "directive", "a = <<E\n x %{ if y }\nE\n", "f:2:4", "'%{' begins something to be computed" },
        { "interpolation in a label", "a \"${x}\" {}", "f:1:4", "'${'" },
        { "a bare word", "a = trash", "f:1:5", "expected a value for 'a', found the word 'trash'; strings stand in double quotes" },
        { "a typo", "a = flase", "f:1:5", "did you mean 'false'?" },
        { "an age without quotes", "a = 30d", "f:1:5", "write \"30d\" in double quotes" },
        { "a single quote", "a = 'x'", "f:1:5", "strings stand in double quotes" },
        { "a value on the next line", "a =\n 1", "f:1:4", "expected a value for 'a', but the line ends" },
        { "no value at the end", "a =", "f:1:4", "expected a value for 'a', but the document ends" },
        { "a quoted name", "\"a\" = 1", "f:1:1", "stands without quotes" },
        { "a name of digits", "1a = 1", "f:1:1", "expected the name of an argument or of a block, found '1'" },
        { "a name that is not ASCII", "\xc3\xa4 = 1", "f:1:1", "found '\xc3\xa4'" },
        { "open string", "a = \"x\nb = 1", "f:1:5", "not closed on its line" },
        { "open string at the end", "a = \"x\\", "f:1:5", "not closed on its line" },
        { "unknown escape", "a = \"C:\\dir\"", "f:1:8", "unknown escape" },
        { "short escape", "a = \"\\u12\"", "f:1:6", "\\u needs four hexadecimal digits" },
        { "short long escape", "a = \"\\U0001F60\"", "f:1:6", "\\U needs eight hexadecimal digits" },
        { "surrogate", "a = \"\\ud83d\\ude00\"", "f:1:6", "there is no character U+D83D" },
        { "above U+10FFFF", "a = \"\\U00110000\"", "f:1:6", "there is no character U+110000" },
        { "leading zero", "a = 0755", "f:1:5", "may not start with 0" },
        { "open comment", "a = 1\n /* x", "f:2:2", "has no '*/'" },
        { "open block", "a {\n b = 1\n", "f:1:3", "the block that begins here is not closed" },
        { "open inner block", "a {\n b {\n}\n", "f:1:3", "the block that begins here is not closed" },
        { "a brace too many", "a {\n}\n}", "f:3:1", "this '}' closes nothing" },
        { "open list", "a = [1,\n", "f:2:1", "expected a value or ']', but the document ends" },
        { "open object", "a = {\n", "f:2:1", "expected a key or '}', but the document ends" },
        { "two members on a line", "a = { b = 1 c = 2 }", "f:1:13", "expected ',', a line break or '}' after a member of the object, found 'c'" },
        { "two items on a line", "a = [1 2]", "f:1:8", "expected ',' or ']' after an item of the list, found '2'" },
        { "two commas", "a = [1,,2]", "f:1:8", "expected a value or ']', found ','" },
        { "a computed key", "a = { (b) = 1 }", "f:1:7", "expected a key or '}', found '('" },
        { "a heredoc without its end", "a = <<EOT\nx\n EOT y\n", "f:1:5", "no line with 'EOT' alone" },
        { "a heredoc on one line", "a = <<EOT x\nEOT", "f:1:11", "on the line after its marker" },
        { "a heredoc without a marker", "a = <<\nx", "f:1:7", "expected the marker of a heredoc" },
        { "duplicate argument", "x {\n a = 1\n b = 2\n a = 3\n}", "f:4:2", "duplicate argument \"a\"; the first one is on line 2" },
        { "duplicate key", "a = {\n b = 1\n \"b\" = 1\n}", "f:3:2", "duplicate key \"b\"; the first one is on line 2" },
        { "the second of a block's faults is behind the first", "x { a = y }", "f:1:9", "found the word 'y'" },
};

static void broken_files_are_refused_at_the_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                autohcl *body = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].why);
                assert_fails_with(parse(broken[i].hcl, NULL, &body, &err), err, BK_INVALID);
                assert_string_equal(err.at, broken[i].at);
                if (strstr(err.text, broken[i].text) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, broken[i].text);
                assert_null(body);
        }
}

static void depth_is_limited(void **state)
{
        static const char *const openings[] = { "a { ", "a = [", "a = {a=" };

        (void)state;
        for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
                BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
                autohcl *body = NULL;
                struct bk_error err = { 0 };

                bk_buf_puts(&text, openings[i]);
                for (int k = 0; k < 100000; k++)
                        bk_buf_puts(&text, i == 1 ? "[" : i == 2 ? "{a=" : openings[i]);
                assert_fails_with(parse(text.data, NULL, &body, &err), err, BK_INVALID);
                assert_non_null(strstr(err.text, "nested deeper than 200 levels"));
        }
}

/* --- schemas, and JSON ---------------------------------------------------------------- */
static const char *const none[] = { NULL };
static const char *const rule_words[] = { "scope", "action", "hole", NULL };
static const struct bk_hcl_schema hole_schema = { "'hole'", none, NULL };
static const struct bk_hcl_type rule_types[2];
static const struct bk_hcl_schema when_schema = { "'when'", rule_words, rule_types };
static const struct bk_hcl_type rule_types[2] = { { "when", 0, true, &when_schema }, { NULL } };
static const struct bk_hcl_type both_types[] = { { "when", 0, true, &when_schema }, { "hole", 0, false, &hole_schema }, { NULL } };
static const struct bk_hcl_schema rule_schema = { "a rule", rule_words, both_types };
static const struct bk_hcl_type file_types[] = { { "rule", 1, false, &rule_schema }, { "pair", 2, false, &hole_schema }, { NULL } };
static const struct bk_hcl_schema file_schema = { "the file", none, file_types };

static const struct { const char *why, *text, *at, *says; } refused[] = {
        { "an unknown argument", "rule \"a\" {\n acton = 1\n}", "f:2:2", "a rule has no 'acton'; did you mean 'action'?" },
        { "an unknown block", "rul \"a\" {}", "f:1:1", "the file has no 'rul'; did you mean 'rule'?" },
        { "nothing near", "rule \"a\" {\n zzzzzzzz = 1\n}", "f:2:2", "a rule has no 'zzzzzzzz'; it may have scope, action, hole and when" },
        { "a block as an argument", "rule \"a\" {\n when = 1\n}", "f:2:2", "'when' is a block: write 'when { ... }', without '='" },
        { "an argument as a block", "rule \"a\" {\n scope {}\n}", "f:2:2", "'scope' is an argument: write 'scope = VALUE'" },
        { "no label", "rule {}", "f:1:1", "'rule' needs a name" },
        { "a label too many", "rule \"a\" \"b\" {}", "f:1:10", "found \"b\" besides" },
        { "twice", "rule \"a\" {\n when {}\n when {}\n}", "f:3:2", "a rule has one block 'when' at most; the first one is on line 2" },
        { "deep down", "rule \"a\" {\n when {\n  when {\n   x = 1\n  }\n }\n}", "f:4:4", "'when' has no 'x'" },
        { "JSON: an unknown argument", "{\"rule\": {\"a\": {\n \"acton\": 1}}}", "f:2:2", "did you mean 'action'?" },
        { "JSON: an unknown block", "{\n\"rul\": {\"a\": {}}}", "f:2:1", "did you mean 'rule'?" },
        { "JSON: no object", "{\"rule\": {\"a\": 1}}", "f:1:16", "expected an object, the body of 'rule', found a number" },
        { "JSON: no label", "{\"rule\": 1}", "f:1:10", "expected an object" },
        { "JSON: arrays in arrays", "{\"rule\": [[{}]]}", "f:1:11", "found an array" },
        { "JSON: duplicate", "{\"rule\": {\"a\": {}, \"a\": {}}}", "f:1:20", "duplicate key \"a\"" },
        { "JSON: computed", "{\"rule\": {\"a\": {\"scope\": [\"${x}\"]}}}", "f:1:27", "'${' begins something" },
        { "JSON: twice", "{\"rule\": {\"a\": {\"when\": [{}, {}]}}}", "f:1:17", "one block 'when' at most" },
        { "JSON: broken", "{\"rule\"}", "f:1:8", "expected ':'" },
};

static void what_a_schema_does_not_know_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                autohcl *body = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", refused[i].why);
                assert_fails_with(parse(refused[i].text, &file_schema, &body, &err), err, BK_INVALID);
                assert_string_equal(err.at, refused[i].at);
                if (strstr(err.text, refused[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, refused[i].says);
        }
}

/* All of a body but its places. */
static void print_value(const struct bk_doc *value, struct bk_buf *into)
{
        bk_buf_printf(into, "%s:%d:%s:%d(", value->key ? value->key : "", value->kind, value->text ? value->text : "", value->truth);
        for (size_t i = 0; i < value->n; i++)
                print_value(value->items[i], into);
        bk_buf_puts(into, ")");
}

static void print_body(const struct bk_hcl_body *body, struct bk_buf *into)
{
        print_value(body->arguments, into);
        for (size_t i = 0; i < body->n_blocks; i++) {
                bk_buf_printf(into, "%s ", body->blocks[i]->type);
                print_value(body->blocks[i]->labels, into);
                bk_buf_puts(into, "{");
                print_body(&body->blocks[i]->body, into);
                bk_buf_puts(into, "}");
        }
}

static void json_is_the_same(void **state)
{
        static const char hcl[] = "rule \"a\" {\n scope = \"$${x}\"\n when {\n hole = [1, {\n k = null }]\n action = true\n }\n}\n"
                                  "rule \"b\" {\n hole {\n }\n hole {}\n}\nrule \"a\" {}\npair \"x\" \"y\" {}\npair \"x\" \"z\" {}\n";
        static const char json[] = " {\"//\": \"a comment\", \"rule\": [{\"a\": {\"scope\": \"$${x}\", \"when\": "
                                   "{\"hole\": [1, {\"k\": null}], \"action\": true}},"
                                   " \"b\": {\"hole\": [{}, {}]}}, {\"a\": {\"//\": 1}}],\n\"pair\": {\"x\": {\"y\": {}, \"z\": [{}]}}}";
        BK_CLEANUP(bk_buf_done) struct bk_buf first = { 0 }, second = { 0 };
        autohcl *one = NULL;
        autohcl *other = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse(hcl, &file_schema, &one, &err), err);
        assert_ok(parse(json, &file_schema, &other, &err), err);
        print_body(one, &first);
        print_body(other, &second);
        assert_string_equal(first.data, second.data);
        assert_int_equal(other->blocks[4]->line, 2);
        assert_int_equal(other->blocks[4]->labels->items[1]->column, 25);
}

/* A member that may be both is the block where it is an object or an array. */
static void json_tells_blocks_by_their_shape(void **state)
{
        autohcl *body = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse("{\"rule\": {\"a\": {\"hole\": \"high\"}, \"b\": {\"hole\": {}}}}", &file_schema, &body, &err), err);
        assert_int_equal(body->blocks[0]->body.arguments->n, 1);
        assert_int_equal(body->blocks[1]->body.n_blocks, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_read),
                cmocka_unit_test(lists_and_objects_nest),
                cmocka_unit_test(blocks_have_labels_bodies_and_places),
                cmocka_unit_test(broken_files_are_refused_at_the_place),
                cmocka_unit_test(depth_is_limited),
                cmocka_unit_test(what_a_schema_does_not_know_is_refused),
                cmocka_unit_test(json_is_the_same),
                cmocka_unit_test(json_tells_blocks_by_their_shape),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
