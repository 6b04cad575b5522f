/* What is known of a guest's files: nodes by their path, and the way along links between them. Trees are red-black ones, so that
 * no choice of names makes them slow. */
#include "spec/facts_priv.h"

#include <limits.h>
#include <search.h>
#include <string.h>

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct fact_node *)a)->path, ((const struct fact_node *)b)->path);
}

struct fact_node *fact_node_find(const struct spec_facts *facts, const char *path)
{
        const struct fact_node key = { .path = (char *)path };
        struct fact_node *const *found = tfind(&key, &facts->nodes, by_path);

        return found != NULL ? *found : NULL;
}

struct fact_node *fact_node_get(struct spec_facts *facts, const char *path)
{
        struct fact_node *node = fact_node_find(facts, path);

        if (node != NULL)
                return node;
        if (facts->n_nodes >= FACTS_NODES_MOST)
                return NULL;
        node = bk_alloc(sizeof *node);
        node->path = bk_strdup(path);
        if (tsearch(node, &facts->nodes, by_path) == NULL)
                abort();                /* out of memory */
        if ((facts->n_nodes & (facts->n_nodes - 1)) == 0)
                facts->node = bk_grow(facts->node, facts->n_nodes ? facts->n_nodes * 2 : 1, sizeof *facts->node);
        facts->node[facts->n_nodes++] = node;
        facts->bytes += sizeof *node + strlen(path);
        return node;
}

void fact_node_drop_content(struct spec_facts *facts, struct fact_node *node)
{
        facts->bytes -= node->data != NULL ? node->len : 0;
        free(node->data);
        node->data = NULL;
        node->len = 0;
}

static void node_free(void *arg)
{
        struct fact_node *node = arg;

        while (node->attributes != NULL) {
                struct fact_attribute *next = node->attributes->next;

                free(node->attributes->name);
                free(node->attributes->value);
                free(node->attributes);
                node->attributes = next;
        }
        bk_strv_done(&node->list);
        free(node->path);
        free(node->why);
        free(node->link);
        free(node->data);
        free(node);
}

void fact_tree_clear(struct spec_facts *facts)
{
        tdestroy(facts->nodes, node_free);
        free(facts->node);
        facts->nodes = NULL;
        facts->node = NULL;
        facts->n_nodes = 0;
        facts->bytes = 0;
        facts->alone = NULL;
}

const struct fact_attribute *fact_attribute_find(const struct fact_node *node, const char *name)
{
        const struct fact_attribute *a = node->attributes;

        while (a != NULL && !bk_streq(a->name, name))
                a = a->next;
        return a;
}

void fact_attribute_put(struct fact_node *node, const char *name, const char *value, size_t length)
{
        struct fact_attribute *a;

        if (fact_attribute_find(node, name) != NULL)
                return;
        a = bk_alloc(sizeof *a);
        a->name = bk_strdup(name);
        if (value != NULL) {
                a->value = bk_alloc(length + 1);
                memcpy(a->value, value, length);
                a->len = length;
        }
        a->next = node->attributes;
        node->attributes = a;
}

/* These lead to whoever looks: what the link said to another process means nothing here. */
static bool is_self(const char *path)
{
        return bk_streq(path, "/proc/self") || bk_streq(path, "/proc/thread-self");
}

static int denied(const struct fact_node *node, struct bk_error *err)
{
        return bk_fail(err, BK_DENIED, "cannot look at '%s' in the guest: %.300s", node->path, node->why != NULL ? node->why : "not allowed");
}

/* The way so far, and the text that is still to be gone. */
struct walk { char *at, *rest; unsigned links; };

static void walk_done(struct walk *w)
{
        free(w->at);
        free(w->rest);
}

/* Takes the next component off; NULL at the end. */
static char *next_component(struct walk *w)
{
        const char *start = w->rest + strspn(w->rest, "/");
        const size_t length = strcspn(start, "/");
        char *name = length > 0 ? bk_strndup(start, length) : NULL, *rest = bk_strdup(start + length);

        free(w->rest);
        w->rest = rest;
        return name;
}

static void go_up(struct walk *w)
{
        char *slash = strrchr(w->at, '/');

        if (slash != NULL)
                *slash = '\0';
}

static int follow_link(struct walk *w, const struct fact_node *node)
{
        char *rest;

        if (node->link == NULL || ++w->links > FACTS_LINKS_MOST || strlen(node->link) + strlen(w->rest) >= PATH_MAX)
                return 0;
        rest = bk_format("%s%s", node->link, w->rest);
        free(w->rest);
        w->rest = rest;
        if (node->link[0] == '/')
                w->at[0] = '\0';
        return 1;
}

/* One component: 1 to go on, 0 when the way ends, -1, FACT_NEED. */
static int step(const struct spec_facts *facts, struct walk *w, const char *name, bool follow, char **ret_need, struct bk_error *err)
{
        autofree char *path = bk_format("%s/%s", w->at, name);
        const struct fact_node *node = fact_node_find(facts, path);
        const bool last = w->rest[0] == '\0', link = node != NULL && S_ISLNK(node->st.st_mode) && !is_self(path) && (!last || follow);

        if (node == NULL || node->state == FACT_UNKNOWN || (link && node->state == FACT_THERE && node->link == NULL)) {
                *ret_need = bk_format("%s%s", path, w->rest);
                return FACT_NEED;
        }
        if (node->state == FACT_DENIED)
                return denied(node, err);
        if (node->state == FACT_ABSENT)
                return 0;
        if (link)
                return follow_link(w, node);
        if (!last && !S_ISDIR(node->st.st_mode) && !is_self(path))
                return 0;
        free(w->at);
        w->at = bk_take(path);
        return 1;
}

int fact_resolve(const struct spec_facts *facts, const char *path, bool follow, struct fact_node **ret, char **ret_need,
                 struct bk_error *err)
{
        BK_CLEANUP(walk_done) struct walk w = { .at = bk_strdup(""), .rest = bk_strdup(path) };
        const char *end;
        char *name;

        if (*path == '\0' || strlen(path) >= PATH_MAX)
                return 0;
        while ((name = next_component(&w)) != NULL) {
                autofree char *owned = name;
                int went = 1;

                if (bk_streq(name, ".."))
                        go_up(&w);
                else if (!bk_streq(name, "."))
                        went = step(facts, &w, name, follow, ret_need, err);
                if (went != 1)
                        return went;
        }
        end = *w.at != '\0' ? w.at : "/";
        *ret = fact_node_find(facts, end);
        if (*ret == NULL || (*ret)->state == FACT_UNKNOWN) {
                *ret_need = bk_strdup(end);
                return FACT_NEED;
        }
        if ((*ret)->state == FACT_DENIED)
                return denied(*ret, err);
        return (*ret)->state == FACT_THERE;
}
