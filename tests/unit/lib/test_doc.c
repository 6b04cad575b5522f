/* JSON with positions: what is accepted, and where exactly a complaint points. */
#include "tests/unit/test.h"

#include "lib/buf.h"
#include "lib/doc.h"

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}
#define autodoc BK_CLEANUP(free_doc) struct bk_doc *

static const struct { const char *why, *json, *at, *text; } broken[] = {
        { "empty", "", "f:1:1", "the document is empty" },
        { "only blanks", " \n\t", "f:1:1", "empty" },
        { "byte order mark", "\xef\xbb\xbf{}", "f:1:1", "byte order mark; save it as UTF-8 without BOM" },
        { "UTF-16", "\xff\xfe{\0", "f:1:1", "UTF-16" },
        { "text after the end", "{} x", "f:1:4", "after the end of the document, found 'x'" },
        { "two documents", "{}\n{}", "f:2:1", "after the end of the document" },
        { "comma after the last member", "{\"a\": 1,\n}", "f:1:8", "a comma before '}'; remove it" },
        { "comma after the last item", "[1, 2 , ]", "f:1:7", "a comma before ']'" },
        { "two commas", "[1,,2]", "f:1:4", "expected a value or ']', found ','" },
        { "missing comma in an object", "{\n \"name\": 1\n \"b\": 2}", "f:3:2",
          "expected ',' or '}' after the value of \"name\", found '\"'" },
        { "missing comma in an array", "[1 2]", "f:1:4", "expected ',' or ']' after item 1 of the array" },
        { "missing colon", "{\"a\" 1}", "f:1:6", "expected ':' after the key \"a\", found '1'" },
        { "missing value", "{\"a\":}", "f:1:6", "expected a value for \"a\", found '}'" },
        { "bare key", "{a: 1}", "f:1:2", "expected a key in double quotes or '}'" },
        { "bare second key", "{\"a\": 1, b: 1}", "f:1:10", "expected a key in double quotes, found 'b'" },
        { "number as key", "{1: 1}", "f:1:2", "a key in double quotes" },
        { "single quotes", "{\"a\": 'b'}", "f:1:7", "JSON strings stand in double quotes" },
        { "line comment", "{ // no\n}", "f:1:3", "JSON has no comments" },
        { "hash comment", "{\"a\": 1} # x", "f:1:10", "JSON has no comments" },
        { "wrong close", "{\"a\": [1}", "f:1:9", "expected ',' or ']' after item 1" },
        { "open object", "{\n\"a\": 1\n", "f:3:1", "inside the object that starts on line 1" },
        { "open array", "\n[1", "f:2:3", "inside the array that starts on line 2" },
        { "open after a comma", "[1,", "f:1:4", "but the document ends" },
        { "only a brace", "{", "f:1:2", "but the document ends" },
        { "open string", "{\"a\": \"b", "f:1:7", "the string that starts here is not closed" },
        { "ends in an escape", "[\"b\\", "f:1:2", "not closed" },
        { "line break in a string", "[\"ab\nc\"]", "f:1:5", "starts in column 2 is not closed on its line" },
        { "tab in a string", "[\"a\tb\"]", "f:1:4", "written '\\t'" },
        { "control character in a string", "[\"\x01\"]", "f:1:3", "control character 0x01" },
        { "unknown escape", "[\"C:\\dir\"]", "f:1:5", "unknown escape '\\d'; a backslash is written '\\\\'" },
        { "escaped quote mark of a shell", "[\"\\'\"]", "f:1:3", "unknown escape '\\''" },
        { "short unicode escape", "[\"\\u12\"]", "f:1:3", "four hexadecimal digits" },
        { "bad unicode escape", "[\"\\u12g4\"]", "f:1:3", "four hexadecimal digits" },
        { "lone high surrogate", "[\"\\ud83d\"]", "f:1:3", "the other half must follow" },
        { "high surrogate and a letter", "[\"\\ud83d\\u0041\"]", "f:1:3", "is not a surrogate pair" },
        { "lone low surrogate", "[\"x\\udc00\"]", "f:1:4", "without a first" },
        { "stray continuation byte", "[\"\x80\"]", "f:1:3", "byte 0x80 is not UTF-8" },
        { "Latin-1", "[\"caf\xe9\"]", "f:1:6", "byte 0xe9 is not UTF-8" },
        { "overlong", "[\"\xc0\xaf\"]", "f:1:3", "not UTF-8" },
        { "surrogate as UTF-8", "[\"\xed\xa0\x80\"]", "f:1:3", "not UTF-8" },
        { "above U+10FFFF", "[\"\xf4\x90\x80\x80\"]", "f:1:3", "not UTF-8" },
        { "cut short at the end", "[\"\xe2\x82", "f:1:3", "not UTF-8" },
        { "not UTF-8 outside strings", "[\xff]", "f:1:2", "not UTF-8 (0xff)" },
        { "no-break space", "{\xc2\xa0}", "f:1:2", "found '\xc2\xa0'" },
        { "columns are code points", "[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\" x]", "f:1:8", "found 'x'" },
        { "leading zero", "{\"mode\": 0755}", "f:1:10", "may not start with 0" },
        { "minus alone", "[-]", "f:1:2", "expected a digit after '-'" },
        { "plus", "[+1]", "f:1:2", "found '+'" },
        { "point first", "[.5]", "f:1:2", "found '.'" },
        { "point last", "[1.]", "f:1:2", "digit after '.'" },
        { "exponent without digits", "[1e+]", "f:1:2", "exponent" },
        { "hexadecimal", "[0x1f]", "f:1:2", "hexadecimal" },
        { "Python's True", "[True]", "f:1:2", "found the word 'True'; did you mean 'true'?" },
        { "typo", "{\"a\": fasle}", "f:1:7", "did you mean 'false'?" },
        { "bare word", "{\"a\": yes}", "f:1:7", "strings stand in double quotes" },
        { "NaN", "[NaN]", "f:1:2", "found the word 'NaN'" },
        { "duplicate key", "{\"a\": 1,\n \"b\": 2,\n \"a\": 3}", "f:3:2", "duplicate key \"a\"; the first one is on line 1" },
        { "duplicate key far down", "{\"x\": [{\"y\": {\n\"k\": 1,\n\"k\": 1}}]}", "f:3:1", "the first one is on line 2" },
        { "duplicate by escape", "{\"a\": 1,\n\"\\u0061\": 2}", "f:2:1", "duplicate key \"a\"" },
        { "three equal keys", "{\"a\":1,\n\"a\":2,\n\"a\":3}", "f:2:1", "the first one is on line 1" },
        { "the first of two duplicates", "{\"z\":1,\"a\":1,\n\"z\":2,\n\"a\":2}", "f:2:1", "duplicate key \"z\"" },
        { "NUL in a key", "{\"a\\u0000b\": 1}", "f:1:2", "may not hold \\u0000" },
        { "CRLF counts one line", "{\r\n\"a\": ?}", "f:2:6", "found '?'" },
        { "control character outside", "[\x02]", "f:1:2", "control character (0x02)" },
};

static void broken_documents_are_refused_at_the_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                autodoc doc = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].why);
                assert_fails_with(bk_doc_parse("f", broken[i].json, strlen(broken[i].json), &doc, &err), err, BK_INVALID);
                assert_string_equal(err.at, broken[i].at);
                if (strstr(err.text, broken[i].text) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, broken[i].text);
                assert_null(doc);
        }
}

static const struct { const char *why, *json; enum bk_doc_kind kind; const char *text; size_t text_len; } good[] = {
        { "null", "null", BK_DOC_NULL, NULL, 0 },
        { "a number as written", " -12.50e+3 ", BK_DOC_NUMBER, "-12.50e+3", 9 },
        { "zero", "0", BK_DOC_NUMBER, "0", 1 },
        { "minus zero", "-0", BK_DOC_NUMBER, "-0", 2 },
        { "a huge number", "123456789012345678901234567890", BK_DOC_NUMBER, "123456789012345678901234567890", 30 },
        { "escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", BK_DOC_STRING, "\"\\/\b\f\n\r\t", 8 },
        { "unicode escapes", "\"\\u00e4\\u20AC\"", BK_DOC_STRING, "\xc3\xa4\xe2\x82\xac", 5 },
        { "a surrogate pair", "\"\\ud83d\\ude00\"", BK_DOC_STRING, "\xf0\x9f\x98\x80", 4 },
        { "NUL in a string", "\"a\\u0000b\"", BK_DOC_STRING, "a\0b", 3 },
        { "DEL is allowed", "\"\x7f\"", BK_DOC_STRING, "\x7f", 1 },
        { "the empty string", "\"\"", BK_DOC_STRING, "", 0 },
        { "an empty object", "{ }", BK_DOC_OBJECT, NULL, 0 },
        { "an empty array", "[\n]", BK_DOC_ARRAY, NULL, 0 },
        { "keys that differ by case", "{\"a\": 1, \"A\": 2}", BK_DOC_OBJECT, NULL, 0 },
        { "equal keys of two objects", "[{\"a\": 1}, {\"a\": 1}]", BK_DOC_ARRAY, NULL, 0 },
};

static void good_documents_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                autodoc doc = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", good[i].why);
                assert_ok(bk_doc_parse("f", good[i].json, strlen(good[i].json), &doc, &err), err);
                assert_int_equal(doc->kind, good[i].kind);
                assert_int_equal(doc->text_len, good[i].text_len);
                if (good[i].text != NULL)
                        assert_memory_equal(doc->text, good[i].text, good[i].text_len + 1);
        }
}

static void values_and_keys_know_their_places(void **state)
{
        static const char json[] = "{\n  \"n\": [true,\n\t{\"\xc3\xa4\": \"x\"}],\n  \"m\":\n 7 }";
        const struct bk_doc *list, *inner;
        autodoc doc = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(bk_doc_parse("dir/f.json", json, strlen(json), &doc, &err), err);
        assert_string_equal(doc->file, "dir/f.json");
        assert_int_equal(doc->n, 2);
        list = bk_doc_get(doc, "n");
        assert_int_equal(list->key_line, 2);
        assert_int_equal(list->key_column, 3);
        assert_int_equal(list->line, 2);
        assert_int_equal(list->column, 8);
        assert_true(list->items[0]->truth);
        inner = list->items[1]->items[0];
        assert_int_equal(inner->line, 3);
        assert_int_equal(inner->key_column, 3);
        assert_int_equal(inner->column, 8);
        assert_int_equal(bk_doc_get(doc, "m")->line, 5);
        assert_null(bk_doc_get(doc, "M"));
        assert_null(bk_doc_get(list, "n"));

        assert_int_equal(bk_doc_fail(&err, inner, "wrong %d", 1), -1);
        assert_string_equal(err.at, "dir/f.json:3:8");
        assert_int_equal(bk_doc_fail_key(&err, inner, "wrong"), -1);
        assert_string_equal(err.at, "dir/f.json:3:3");
        assert_int_equal(bk_doc_fail_key(&err, list->items[0], "no key: the value"), -1);
        assert_string_equal(err.at, "dir/f.json:2:9");
}

static void depth_is_limited(void **state)
{
        static const struct { int depth; int result; } cases[] = { { 200, 0 }, { 201, -1 }, { 100000, -1 } };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
                autodoc doc = NULL;
                struct bk_error err = { 0 };

                for (int k = 0; k < cases[i].depth; k++)
                        bk_buf_putc(&text, '[');
                for (int k = 0; k < cases[i].depth; k++)
                        bk_buf_putc(&text, ']');
                assert_int_equal(bk_doc_parse("f", text.data, text.len, &doc, &err), cases[i].result);
                if (cases[i].result < 0)
                        assert_string_equal(err.at, "f:1:201");
        }
}

/* A reader that compares each key with each other one would need minutes. */
static void many_keys_are_read_in_no_time(void **state)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        autodoc doc = NULL;
        struct bk_error err = { 0 };

        (void)state;
        bk_buf_putc(&text, '{');
        for (int i = 0; i < 200000; i++)
                bk_buf_printf(&text, "\"key%d\":%d,", i, i);
        bk_buf_puts(&text, "\"key7\":0}");
        assert_fails_with(bk_doc_parse("f", text.data, text.len, &doc, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "duplicate key \"key7\""));
}

static void a_document_cut_anywhere_is_refused(void **state)
{
        static const char json[] = "{\"a\": [1.5e3, \"\\u00e4\\ud83d\\ude00\", null, {\"b\": true}], \"c\": {}}";

        (void)state;
        for (size_t length = 0; length < sizeof json - 1; length++) {
                autofree char *copy = bk_strndup(json, length);
                autodoc doc = NULL;
                struct bk_error err = { 0 };

                assert_fails_with(bk_doc_parse("f", copy, length, &doc, &err), err, BK_INVALID);
                assert_true(err.at[0] != '\0');
        }
}

static void a_file_that_is_not_there_is_said(void **state)
{
        autodoc doc = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(bk_doc_parse_file("/no/such/file.json", &doc, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "/no/such/file.json"));
}

static void typos_find_their_word(void **state)
{
        static const char *const known[] = { "inline", "script", "scripts", "env", "environment_vars", "only", "user" };
        static const struct { const char *word, *nearest; } cases[] = {
                { "inlin", "inline" },        { "inlien", "inline" },       { "Inline", "inline" },
                { "scirpt", "script" },       { "scriptss", "scripts" },    { "environment-vars", "environment_vars" },
                { "enviroment_vars", "environment_vars" },                  { "usr", "user" },
                { "ony", "only" },            { "zzzzzz", NULL },           { "x", NULL },
                { "", NULL },                 { "xy", NULL },               { "evn", "env" },
                { "a_very_long_word_that_is_longer_than_any_key_that_anybody_would_type_", NULL },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const char *found = bk_nearest(cases[i].word, known, sizeof known / sizeof *known);

                print_message("# %s\n", cases[i].word);
                assert_string_equal(found ? found : "(none)", cases[i].nearest ? cases[i].nearest : "(none)");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_documents_are_read),
                cmocka_unit_test(broken_documents_are_refused_at_the_place),
                cmocka_unit_test(values_and_keys_know_their_places),
                cmocka_unit_test(depth_is_limited),
                cmocka_unit_test(many_keys_are_read_in_no_time),
                cmocka_unit_test(a_document_cut_anywhere_is_refused),
                cmocka_unit_test(a_file_that_is_not_there_is_said),
                cmocka_unit_test(typos_find_their_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
