/* Types `mysql_config`, `php_config`, `php_extension`, whose programs must be asked for what they make of their files,
 * and `hadoop_config`, whose files say all. */
#include "spec/spec_priv.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "lib/lazy.h"

/* Runs it for its output; a program that is missing or complains has not answered. */
static int ask(struct spec_resource *r, const char *line, const char *program, bool must_succeed, struct spec_output *ret, struct bk_error *err)
{
        if (spec_image_run(r->image, line, ret, err) < 0)
                return bk_wrap(err, "%s", program);
        if (ret->status == 127)
                return bk_fail(err, BK_INFRA, "the image has no %s", program);
        if (must_succeed && ret->status != 0)
                return bk_fail(err, BK_INFRA, "%s exited with %d: %.200s", program, ret->status, ret->err ? ret->err : "");
        return 0;
}

/* A number where the text is one. */
static void value_of(struct spec_view text, struct spec_value *ret)
{
        long long number;

        if (text.n > 0 && *text.s != '-' && spec_view_number(text, &number)) {
                spec_value_int(ret, number);
                return;
        }
        *ret = (struct spec_value){ .kind = SPEC_STRING, .s = spec_view_dup(text), .len = text.n };
}

/* --- mysql_config ---------------------------------------------------------- */

/* mysqld writes max-connections where people write max_connections. */
static bool same_option(struct spec_view word, const char *name)
{
        if (word.n != strlen(name))
                return false;
        for (size_t i = 0; i < word.n; i++)
                if ((word.s[i] == '_' ? '-' : word.s[i]) != (name[i] == '_' ? '-' : name[i]))
                        return false;
        return true;
}

static int mysql_value(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct spec_view rest, line, word;

        if (ask(r, "mysqld --verbose --help", "mysqld", false, &output, err) < 0)
                return -1;
        if (output.out_len == 0)
                return bk_fail(err, BK_INFRA, "mysqld exited with %d: %.200s", output.status, output.err ? output.err : "");
        rest = (struct spec_view){ output.out, output.out_len };
        while (spec_view_line(&rest, &line))
                if (line.n > 0 && *line.s != ' ' && spec_view_word(&line, &word) && same_option(word, r->name)) {
                        value_of(spec_view_trim(line), ret);
                        return 0;
                }
        spec_note(r, "mysqld knows no such setting");
        return 0;
}

const struct spec_property spec_mysql_config_properties[] = { { "value", mysql_value }, { NULL } };

/* --- php_config, php_extension --------------------------------------------- */

static int php_value(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        const char *ini = spec_args_named(&r->args, "ini");
        autofree char *quoted = ini ? spec_quote(ini) : NULL, *line = NULL;

        if (*r->name == '\0' || r->name[strspn(r->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] != '\0')
                return bk_fail(err, BK_USAGE, "'%s' is no setting of PHP", r->name);
        line = bk_format("php%s%s -r 'echo get_cfg_var( \"%s\" );'", quoted ? " -c " : "", quoted ? quoted : "", r->name);
        if (ask(r, line, "php", true, &output, err) < 0)
                return -1;
        value_of((struct spec_view){ output.out ? output.out : "", output.out_len }, ret);
        return 0;
}

static int php_loaded(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        autofree char *quoted = spec_quote(r->name), *line = bk_format("php --ri %s", quoted);

        (void)args;
        if (ask(r, line, "php", false, &output, err) < 0)
                return -1;
        *ret = output.status == 0;
        spec_note(r, *ret ? "php has it" : "php does not have it");
        return 0;
}

const struct spec_property spec_php_config_properties[] = { { "value", php_value }, { NULL } };
const struct spec_predicate spec_php_extension_predicates[] = { { "loaded?", NULL, php_loaded }, { NULL } };

/* --- hadoop_config --------------------------------------------------------- */

#define HADOOP "/etc/hadoop/conf"
enum { DEPTH_MOST = 3 };

struct search {
        const char *name;
        bool pattern;           /* compat: serverspec takes the first name that the given one is found in, as a pattern */
        char *value;
        struct bk_error err;    /* of the pattern */
};

static bool is_wanted(struct search *search, const char *name)
{
        bool found = false;

        if (!search->pattern)
                return bk_streq(name, search->name);
        return spec_grep(name, search->name, SPEC_GREP_RUBY, &found, &search->err) == 0 && found;
}

static char *node_text(const xmlNode *node)
{
        xmlBuffer *buffer = xmlBufferCreate();
        char *text;

        if (buffer == NULL)
                abort();
        (void)xmlNodeBufGetContent(buffer, node);
        text = bk_strdup((const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
        return text;
}

/* A child's text, or NULL. */
static char *child_text(const xmlNode *node, const char *name)
{
        for (const xmlNode *child = node->children; child != NULL; child = child->next)
                if (child->type == XML_ELEMENT_NODE && xmlStrcmp(child->name, (const xmlChar *)name) == 0)
                        return node_text(child);
        return NULL;
}

static int search_document(xmlNode *root, struct search *search)
{
        if (root == NULL || xmlStrcmp(root->name, (const xmlChar *)"configuration") != 0)
                return 0;
        for (xmlNode *node = root->children; node != NULL && search->value == NULL; node = node->next) {
                if (node->type != XML_ELEMENT_NODE || xmlStrcmp(node->name, (const xmlChar *)"property") != 0)
                        continue;
                autofree char *name = child_text(node, "name"), *value = child_text(node, "value");
                autofree char *bare = spec_view_dup(spec_view_trim(spec_view_of(name ? name : "")));

                if (name != NULL && is_wanted(search, bare))
                        search->value = bk_strdup(value ? value : "");
        }
        return search->value != NULL;
}

/* A file that is no XML has no properties. Nothing outside of it is loaded; one with entities of its own is refused, as they may
 * stand for gigabytes. */
static int search_file(void *arg, const char *path, struct spec_view text, struct bk_error *err)
{
        const struct spec_view bare = spec_view_trim(text);
        xmlDoc *document;
        int ret;

        if (bk_lazy_need("libxml2.so", err) < 0)
                return -1;
        document = xmlReadMemory(bare.s, (int)bare.n, "conf.xml", NULL,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_RECOVER);
        if (document == NULL)
                return 0;
        ret = document->intSubset != NULL ? bk_fail(err, BK_INFRA, "'%s' in the image has a document type of its own", path)
                                          : search_document(xmlDocGetRootElement(document), arg);
        xmlFreeDoc(document);
        return ret;
}

/* Its files, then those of the folders in it; links to folders are not followed, as `find` does not. */
static int search_folder(struct spec_resource *r, const char *folder, unsigned depth, struct search *search, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        int ret = spec_config_folder(r->image, folder, ".xml", search_file, search, err);

        if (ret != 0 || spec_files_list(&r->image->files, folder, &names, err) < 0)
                return ret != 0 ? ret : -1;
        for (size_t i = 0; i < names.n && ret == 0; i++) {
                autofree char *path = bk_format("%s/%s", folder, names.v[i]);
                struct stat st;

                ret = spec_files_stat(&r->image->files, path, false, &st, err);
                if (ret > 0)
                        ret = S_ISDIR(st.st_mode) && depth < DEPTH_MOST ? search_folder(r, path, depth + 1, search, err) : 0;
        }
        return ret;
}

static int hadoop_value(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct search search = { .name = r->name, .pattern = r->image->options->compat };
        const int found = search_folder(r, HADOOP, 0, &search, err);

        if (found >= 0 && search.err.kind != BK_NONE) {
                free(search.value);
                *err = search.err;
                return -1;
        }
        if (found < 0)
                return -1;
        if (found == 0)
                spec_note(r, "no file in " HADOOP " sets it");
        spec_value_text(ret, search.value);
        free(search.value);
        return 0;
}

void spec_hadoop_config_want(const struct spec_resource *resource)
{
        spec_want_path(resource, HADOOP);
}

const struct spec_property spec_hadoop_config_properties[] = { { "value", hadoop_value }, { NULL } };
