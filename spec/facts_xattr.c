/* Extended attributes of a guest's files: of many files at once, as who may read one asks for those of every folder above it. Where
 * getfattr is missing, GNU ls tells of the two that checks ask for. */
#include "spec/facts_priv.h"

#include <string.h>

enum { NODES_MOST = 500 };

static bool is_name(const char *name)
{
        return *name != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

struct nodes { struct fact_node *v[NODES_MOST]; size_t n, bytes; };

static void add(struct nodes *nodes, struct fact_node *node, const char *name)
{
        if (nodes->n == NODES_MOST || nodes->bytes + strlen(node->path) * 4 > FACTS_LINE_MOST / 2 || fact_attribute_find(node, name) != NULL)
                return;
        for (size_t i = 0; i < nodes->n && i < 1; i++)
                if (nodes->v[i] == node)
                        return;
        nodes->bytes += strlen(node->path) * 4;         /* at most, quoted */
        nodes->v[nodes->n++] = node;
}

/* The node itself, then folders, then the rest, as far as there is room. */
static void choose(const struct spec_facts *facts, struct fact_node *node, const char *name, struct nodes *ret)
{
        add(ret, node, name);
        for (int folders = 1; folders >= 0; folders--)
                for (size_t i = 0; i < facts->n_nodes; i++) {
                        struct fact_node *other = facts->node[i];

                        if (other->state == FACT_THERE && S_ISDIR(other->st.st_mode) == folders && (folders || S_ISREG(other->st.st_mode)))
                                add(ret, other, name);
                }
}

static char *line_for(const struct nodes *nodes, const char *name)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf line = { 0 };
        const char *letter = bk_streq(name, "security.selinux") ? "Z" : bk_streq(name, "system.posix_acl_access") ? "l" : NULL;

        bk_buf_puts(&line, "set --");
        for (size_t i = 0; i < nodes->n; i++) {
                bk_buf_putc(&line, ' ');
                facts_quote(&line, nodes->v[i]->path);
        }
        bk_buf_printf(&line, "; if command -v getfattr >/dev/null 2>&1; then getfattr --absolute-names -d -e hex -m '^%s$' \"$@\"; ", name);
        if (letter != NULL)             /* one line a file, in the order given */
                bk_buf_printf(&line, "else case $(ls --version 2>&1) in *coreutils*) echo GNU; ls -dUb%s \"$@\";; "
                              "*) echo getfattr >&2; exit 127;; esac; fi", letter);
        else
                bk_buf_puts(&line, "else echo getfattr >&2; exit 127; fi");
        return bk_buf_finish(&line);
}

static struct fact_node *among(const struct nodes *nodes, const char *path)
{
        for (size_t i = 0; i < nodes->n; i++)
                if (bk_streq(nodes->v[i]->path, path))
                        return nodes->v[i];
        return NULL;
}

/* getfattr writes some signs of a name as a backslash and three octal digits. */
static void unescape(char *text)
{
        char *to = text;

        for (const char *at = text; *at != '\0'; at++)
                if (*at == '\\' && strspn(at + 1, "01234567") >= 3) {
                        *to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
                        at += 3;
                } else {
                        *to++ = *at;
                }
        *to = '\0';
}

/* "0x..." */
static size_t unhex(const char *text, char *ret)
{
        size_t n = 0;

        if (strncmp(text, "0x", 2) == 0)
                for (text += 2; strspn(text, "0123456789abcdefABCDEF") >= 2; text += 2) {
                        const char digits[] = { text[0], text[1], '\0' };

                        ret[n++] = (char)strtoul(digits, NULL, 16);
                }
        return n;
}

static void take_getfattr(const struct nodes *nodes, const char *name, const char *text)
{
        struct fact_node *node = NULL;

        for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
                autofree char *line = bk_strndup(at, strcspn(at, "\n"));
                const size_t length = strlen(name);

                if (strncmp(line, "# file: ", 8) == 0) {
                        unescape(line + 8);
                        node = among(nodes, line + 8);
                } else if (node != NULL && strncmp(line, name, length) == 0 && (line[length] == '=' || line[length] == '\0')) {
                        autofree char *value = bk_alloc(strlen(line) + 1);

                        fact_attribute_put(node, name, value, line[length] == '=' ? unhex(line + length + 1, value) : 0);
                }
        }
}

/* "drwxr-xr-x+ ..." or "system_u:object_r:etc_t:s0 /etc", one line a file. False when they are not as many. */
static bool take_ls(const struct nodes *nodes, const char *name, const char *text)
{
        const bool label = bk_streq(name, "security.selinux");
        size_t lines = 0, i = 0;

        for (const char *at = text; *at != '\0'; at++)
                lines += *at == '\n';
        if (lines != nodes->n)
                return false;
        for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1, i++) {
                const size_t length = strcspn(at + strspn(at, " "), " \n");
                const char *word = at + strspn(at, " ");

                if (label && !(length == 1 && *word == '?'))
                        fact_attribute_put(nodes->v[i], name, word, length);
                else if (!label && length > 0 && word[length - 1] == '+')
                        fact_attribute_put(nodes->v[i], name, "", 0);
        }
        return true;
}

static int ask(struct spec_facts *facts, struct fact_node *node, const char *name, struct bk_error *err)
{
        struct nodes nodes = { 0 };
        const struct spec_output *output = NULL;
        autofree char *line = NULL;
        const char *at;

        choose(facts, node, name, &nodes);
        line = line_for(&nodes, name);
        if (spec_facts_line(facts, line, &output, err) < 0)
                return -1;
        if (output->status == 127)
                return bk_fail(err, BK_INFRA, "the guest lacks a tool: getfattr");
        at = strstr(output->err, node->path);
        if (strncmp(output->out, "GNU\n", 4) == 0) {
                if (!take_ls(&nodes, name, output->out + 4))
                        return bk_fail(err, BK_INFRA, "the guest's ls does not tell '%s' of '%s'", name, node->path);
        } else {
                take_getfattr(&nodes, name, output->out);
                if (at != NULL && fact_attribute_find(node, name) == NULL && output->status != 0)
                        return bk_fail(err, BK_INFRA, "the guest does not tell '%s': %.*s", name, (int)strcspn(at, "\n"), at);
        }
        for (size_t i = 0; i < nodes.n; i++)            /* those that were not named have none */
                fact_attribute_put(nodes.v[i], name, NULL, 0);
        return 0;
}

int spec_facts_xattr(struct spec_facts *facts, const char *path, const char *name, char **ret, size_t *ret_len, struct bk_error *err)
{
        const struct fact_attribute *found;
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, true, &node, err);

        if (there <= 0)
                return there;
        if (!is_name(name))
                return bk_fail(err, BK_USAGE, "'%s' is no name of an extended attribute", name);
        if (fact_attribute_find(node, name) == NULL && ask(facts, node, name, err) < 0)
                return -1;
        found = fact_attribute_find(node, name);
        if (found == NULL || found->value == NULL)
                return 0;
        *ret = bk_alloc(found->len + 1);
        memcpy(*ret, found->value, found->len);
        *ret_len = found->len;
        return 1;
}
