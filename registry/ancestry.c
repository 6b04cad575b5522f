/* What became of an image: its descendants, and whether its ancestors are still the ones to stand on.
 *
 * Two images are of one kind when they have the same name and agree in the attributes below: each has what the other has, and lacks what
 * the other lacks. Other attributes (a kernel's version,
 * a build's number) are what differs between the builds of one kind. */
#include "registry/registry_priv.h"

#include <ctype.h>
#include <string.h>

const char *const reg_identifying[] = {
        "os", "distribution", "release", "architecture", "variant", "edition", "flavour", "flavor", "environment", "firmware",
        "virtualization", "virtualization_type", "instance_type", "root_device_type", "language", "locale", "region",
        NULL,
};

const char *reg_freshness_name(enum reg_freshness freshness)
{
        static const char *const names[] = { [REG_UP_TO_DATE] = "up-to-date", [REG_UNDETERMINED] = "undetermined",
                                             [REG_OUT_OF_DATE] = "out-of-date" };

        return names[freshness];
}

static void add_escaped(struct bk_buf *query, const char *text)
{
        for (; *text != '\0'; text++)
                if (isalnum((unsigned char)*text))
                        bk_buf_putc(query, *text);
                else
                        bk_buf_printf(query, "%%%02X", (unsigned)(unsigned char)*text);
}

/* The newest tested image of the same kind; an empty *ret when there is none. */
static int newest_of_kind(struct reg *reg, const struct reg_image *image, struct reg_images *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        bk_buf_printf(&query, "%s?_latest&state=tested", image->name);
        for (size_t i = 0; reg_identifying[i] != NULL; i++) {
                const char *value = reg_image_attribute(image, reg_identifying[i]);

                bk_buf_printf(&query, value == NULL ? "&!%s" : "&%s=", reg_identifying[i]);
                if (value != NULL)
                        add_escaped(&query, value);
        }
        if (reg_filter_parse(query.data, &filter, err) < 0)
                return -1;
        return reg_filter_run(reg, &filter, ret, NULL, err);
}

static int freshness_of(struct reg *reg, const struct reg_image *image, enum reg_freshness *ret, char **ret_newest, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images newest = { 0 };

        if (newest_of_kind(reg, image, &newest, err) < 0)
                return -1;
        *ret_newest = NULL;
        if (newest.n > 0 && newest.v[0].sequence > image->sequence) {
                *ret = REG_OUT_OF_DATE;
                *ret_newest = bk_strdup(newest.v[0].id);
        } else if (image->state > REG_PROMOTED || image->hidden) {
                *ret = REG_OUT_OF_DATE;         /* withdrawn: nobody is to stand on it */
        } else {
                *ret = newest.n > 0 ? REG_UP_TO_DATE : REG_UNDETERMINED;
        }
        return 0;
}

int reg_lineage_freshness(struct reg *reg, const struct reg_images *line, enum reg_freshness *ret, char **ret_newest, struct bk_error *err)
{
        enum reg_freshness worst = REG_UP_TO_DATE;

        for (size_t i = 0; i < line->n; i++)
                ret_newest[i] = NULL;
        for (size_t i = 0; i + 1 < line->n; i++) {
                if (freshness_of(reg, &line->v[i], &ret[i], &ret_newest[i], err) < 0) {
                        for (size_t k = 0; k < i; k++)
                                free(bk_take(ret_newest[k]));
                        return -1;
                }
                worst = ret[i] > worst ? ret[i] : worst;
        }
        if (line->n > 0)
                ret[line->n - 1] = worst;
        return 0;
}

void reg_nodes_done(struct reg_nodes *nodes)
{
        for (size_t i = 0; i < nodes->n; i++) {
                free(nodes->v[i].id);
                free(nodes->v[i].name);
                free(nodes->v[i].type);
        }
        free(nodes->v);
        *nodes = (struct reg_nodes){ 0 };
}

int reg_descendants(struct reg *reg, const char *id, const struct reg_descent *how, struct reg_nodes *ret, struct bk_error *err)
{
        /* An ancestor has the lower sequence (a CHECK of the table), so the walk ends. */
        static const char sql[] =
                "WITH RECURSIVE line (sequence, depth) AS ("
                " SELECT sequence, 1 FROM image WHERE ancestor = ?"
                " UNION ALL SELECT c.sequence, line.depth + 1 FROM line JOIN image c ON c.ancestor = line.sequence WHERE line.depth < ?)"
                "SELECT i.sequence, i.ancestor, line.depth, i.state, i.id, i.name, i.type, i.size, i.created_at "
                "FROM line CROSS JOIN image i WHERE i.sequence = line.sequence AND i.sequence > ? ORDER BY i.sequence LIMIT ?";
        BK_CLEANUP(reg_nodes_done) struct reg_nodes nodes = { 0 };
        autostmt *stmt = NULL;
        int64_t sequence = 0;
        int status;

        if (reg_image_find(reg, id, &sequence, NULL, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "iiii", sequence, how->depth == 0 ? INT64_MAX : (int64_t)how->depth, how->after,
                         how->limit < 0 ? INT64_MAX : how->limit) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if ((nodes.n & (nodes.n + 1)) == 0)
                        nodes.v = bk_grow(nodes.v, 2 * (nodes.n + 1), sizeof *nodes.v);
                nodes.v[nodes.n++] = (struct reg_node){
                        .sequence = reg_column_int(stmt, 0), .ancestor = reg_column_int(stmt, 1), .depth = (unsigned)reg_column_int(stmt, 2),
                        .state = (enum reg_state)reg_column_int(stmt, 3), .id = reg_column(stmt, 4), .name = reg_column(stmt, 5),
                        .type = reg_column(stmt, 6), .size = (uint64_t)reg_column_int(stmt, 7), .created_at = reg_column_int(stmt, 8),
                };
        }
        if (status < 0)
                return -1;
        *ret = nodes;
        nodes = (struct reg_nodes){ 0 };
        return 0;
}
