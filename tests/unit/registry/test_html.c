/* Text of others' in pages: it is shown, and does nothing. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "registry/html.h"

static char *finish(struct reg_html *html)
{
        return bk_buf_finish(&html->buf);
}

static void text_is_escaped(void **state)
{
        static const struct { const char *why, *text, *wanted; } cases[] = {
                { "nothing", "", "" },
                { "plain", "a b", "a b" },
                { "a tag", "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;" },
                { "an end of an attribute", "\" onload=\"x", "&quot; onload=&quot;x" },
                { "another", "' x='", "&#39; x=&#39;" },
                { "an entity", "&lt;", "&amp;lt;" },
                { "a comment", "<!--", "&lt;!--" },
                { "lines and tabs stay", "a\n\tb", "a\n\tb" },
                { "controls", "a\001b\033[31mc\177", "a[U+0001]b[U+001B][31mc[U+007F]" },
                { "C1, which some take for orders", "\xc2\x9b" "31m", "[U+009B]31m" },
                { "text that turns its direction", "a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\x8f", "a[U+202E]b[U+2066]c[U+200F]" },
                { "other scripts stay", "\xd7\xa9\xd7\x9c \xe6\x97\xa5 \xf0\x9f\x8d\x9e", "\xd7\xa9\xd7\x9c \xe6\x97\xa5 \xf0\x9f\x8d\x9e" },
                { "what is not UTF-8", "a\xff" "b\xc3", "a\xef\xbf\xbd" "b\xef\xbf\xbd" },
                { "overlong", "\xc0\xbc" "b", "\xef\xbf\xbd\xef\xbf\xbd" "b" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autohtml html = { 0 };
                autofree char *wanted = bk_format("<p title=\"%s\">%s</p>", cases[i].wanted, cases[i].wanted), *got = NULL;

                print_message("# %s\n", cases[i].why);
                reg_html(&html, "<p title=\"%s\">%s</p>", cases[i].text, cases[i].text);
                got = finish(&html);
                assert_string_equal(got, wanted);
        }
}

static void formats_take_numbers_too(void **state)
{
        autohtml html = { 0 };
        autofree char *got = NULL;

        (void)state;
        reg_html(&html, "%d %lld %zu 100%% %s", -1, 1LL << 40, (size_t)7, json_string_value(NULL));
        got = finish(&html);
        assert_string_equal(got, "-1 1099511627776 7 100% ");
}

static void values_look_as_people_read_them(void **state)
{
        static const struct { const char *json; void (*put)(struct reg_html *, const json_t *); const char *wanted; } cases[] = {
                { "null", reg_html_text, "<span class=\"none\">\xe2\x80\x93</span>" },
                { "\"\"", reg_html_text, "<span class=\"none\">\xe2\x80\x93</span>" },
                { "\"<b>\"", reg_html_text, "&lt;b&gt;" },
                { "12", reg_html_text, "12" },
                { "{\"a\":\"<\"}", reg_html_text, "{&quot;a&quot;:&quot;&lt;&quot;}" },
                { "512", reg_html_size, "<span class=\"n\" title=\"512 bytes\">512\xc2\xa0" "B</span>" },
                { "1610612736", reg_html_size, "<span class=\"n\" title=\"1610612736 bytes\">1.5\xc2\xa0GiB</span>" },
                { "\"x\"", reg_html_size, "x" },
                { "\"out-of-date\"", reg_html_word, "<span class=\"word out-of-date\">out-of-date</span>" },
                { "\"x\\\" y\"", reg_html_word, "x&quot; y" },
                { "\"1970-01-01T00:00:00Z\"", reg_html_time, "<time datetime=\"1970-01-01T00:00:00Z\" title=\"1970-01-01T00:00:00Z\">1970-01-01 "
                "00:00:00 "
                  "<span class=\"age\">3 h ago</span></time>" },
                { "\"1970-01-03T03:00:00Z\"", reg_html_time, "<time datetime=\"1970-01-03T03:00:00Z\" title=\"1970-01-03T03:00:00Z\">1970-01-03 "
                "03:00:00 "
                  "<span class=\"age\">in 2 days</span></time>" },
                { "\"when<\"", reg_html_time, "when&lt;" },
                { "\"sha256:0123456789abcdef\"", reg_html_image,
                  "<a class=\"id\" href=\"/images/sha256:0123456789abcdef\" title=\"sha256:0123456789abcdef\">0123456789ab</a>" },
                { "\"../x?y#z\\\"\"", reg_html_image, "<a class=\"id\" href=\"/images/..%2Fx%3Fy%23z%22\" "
                "title=\"../x?y#z&quot;\">../x?y#z&quot;</a>" },
                { "{\"a<\":[1,\"b\"],\"c\":{}}", reg_html_any,
                "<dl><div><dt>a&lt;</dt><dd><ul><li>1</li><li>b</li></ul></dd></div><div><dt>c</dt><dd>"
                  "<span class=\"none\">\xe2\x80\x93</span></dd></div></dl>" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
                autohtml html = { .now = 3 * 3600 };
                autofree char *got = NULL;

                print_message("# %s\n", cases[i].json);
                assert_non_null(json);
                cases[i].put(&html, json);
                got = finish(&html);
                assert_string_equal(got, cases[i].wanted);
                json_decref(json);
        }
}

static void what_is_very_deep_is_cut_short(void **state)
{
        struct bk_buf text = { 0 };
        autofree char *got = NULL, *all = NULL;
        autohtml html = { 0 };
        json_t *json;

        (void)state;
        for (int i = 0; i < 100; i++)
                bk_buf_puts(&text, "[[");
        for (int i = 0; i < 100; i++)
                bk_buf_puts(&text, "]]");
        all = bk_buf_finish(&text);
        json = json_loads(all, 0, NULL);
        reg_html_any(&html, json);
        got = finish(&html);
        assert_true(strlen(got) < 1000);
        json_decref(json);
}

static void a_table_says_what_its_cells_are(void **state)
{
        static const struct reg_column columns[] = { { "Name", "name", reg_html_text }, { "<Value>", "value", reg_html_text }, { 0 } };
        json_t *rows = json_pack("[{s:s}, {s:s}]", "name", "x", "name", "beyond");
        autofree char *got = NULL;
        autohtml html = { 0 };

        (void)state;
        reg_html_table(&html, "A & b", columns, rows, 1);
        json_decref(rows);
        got = finish(&html);
        assert_string_equal(got, "<table role=\"table\"><caption>A &amp; b</caption><thead role=\"rowgroup\"><tr role=\"row\">"
                            "<th scope=\"col\" role=\"columnheader\">Name</th><th scope=\"col\" role=\"columnheader\">&lt;Value&gt;</th></tr></thead>"
                            "<tbody role=\"rowgroup\">\n<tr role=\"row\"><th scope=\"row\" role=\"rowheader\" data-name=\"Name\">x</th>"
                            "<td role=\"cell\" data-name=\"&lt;Value&gt;\"><span class=\"none\">\xe2\x80\x93</span></td></tr>\n</tbody></table>\n");
}

static void a_log_is_what_a_terminal_shows(void **state)
{
        static const struct { const char *why, *log; size_t length; const char *wanted; } cases[] = {
                { "nothing", "", 0, "" },
                { "lines", "a\r\nb\tc\n", 0, "a\nb\tc\n" },
                { "colours", "\033[1;31mred\033[0m\033[K\n", 0, "red\n" },
                { "a title and a link", "\033]0;title\a\033]8;;http://x\033\\y\033]8;;\033\\\n", 0, "y\n" },
                { "a string without an end", "\033]0;tit\nnext", 0, "\nnext" },
                { "other sequences", "\033(Ba\033=b\033Mc\033", 0, "abc" },
                { "one that is cut off", "a\033[1;", 0, "a" },
                { "a line that is written over", "10%\r50%\r100%\ndone\n", 0, "100%\ndone\n" },
                { "a return at the end says nothing yet", "10%\r", 0, "10%" },
                { "steps back", "ab\b\bc\xc3\xa4\b.\n", 0, "c.\n" },
                { "no further back than the line", "a\n\b\bb", 0, "a\nb" },
                { "bells and bytes", "a\ab\001\xff" "c", 0, "ab[U+0001]\xef\xbf\xbd" "c" },
                { "a NUL", "a\0b", 3, "a[U+0000]b" },
                { "markup is the page's to escape", "<b>&", 0, "<b>&" },
                { "turned text", "\xe2\x80\xae" "x", 0, "[U+202E]x" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };

                print_message("# %s\n", cases[i].why);
                bk_buf_puts(&text, "kept\n");
                reg_terminal_text(cases[i].log, cases[i].length > 0 ? cases[i].length : strlen(cases[i].log), &text);
                assert_int_equal(strncmp(text.data, "kept\n", 5), 0);
                assert_string_equal(text.data + 5, cases[i].wanted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_is_escaped),
                cmocka_unit_test(formats_take_numbers_too),
                cmocka_unit_test(values_look_as_people_read_them),
                cmocka_unit_test(what_is_very_deep_is_cut_short),
                cmocka_unit_test(a_table_says_what_its_cells_are),
                cmocka_unit_test(a_log_is_what_a_terminal_shows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
