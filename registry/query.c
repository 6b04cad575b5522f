/* A parsed query becomes one SELECT.
 *
 * Images are walked newest first, so that a limit ends the walk early. When an
 * attribute must have a value, the walk goes along the index of that
 * attribute, of the rarest one when there are several; SQLite, without
 * statistics, would take any of them. Several values, prefixes and bounds are walked along only
 * when they have few images, as those must be sorted.
 *
 * Patterns are tested here, on what the walk finds, which may be every image there is. As SQLite's writers wait for those who read, and
 * whoever wants to read then waits for the writer, such a walk lets others in now and then, and goes on behind the image it came to. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"
#include "registry/rank.h"

#define COUNT_MOST 1000                 /* more need not be told apart */
#define SORTED_MOST 20000               /* more are not sorted: all images are walked in their order */
#define NAMED_MOST 5                    /* of several images under _one */

int reg_turn_ms = 50;

/* One more than the limit is looked for, which says that something follows; but not behind the newest: it may be far. */
static int64_t sought(const struct reg_filter *filter)
{
        return filter->limit < 0 ? INT64_MAX : filter->limit + (filter->first ? 0 : 1);
}

/* --- which walk ---------------------------------------------------------------- */
/* How many images meet a condition of an attribute, counted no further than most. */
static int count_of(struct reg *reg, const struct reg_filter *filter, const struct reg_condition *condition, int64_t most, int64_t *ret,
                    struct bk_error *err)
{
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };
        autostmt *stmt = NULL;

        reg_select_text(&select, "SELECT count(*) FROM (SELECT 1 FROM attribute WHERE key = ", condition->attribute);
        bk_buf_puts(&select.sql, " AND ");
        reg_select_values(reg, &select, condition);
        if (filter->name != NULL && condition->test == REG_ANY_OF)
                reg_select_text(&select, " AND name = ", filter->name);
        reg_select_number(&select, " LIMIT ", most);
        bk_buf_puts(&select.sql, ") few");
        if (reg_select_run(reg, &select, &stmt, err) < 0 || reg_sql_step(reg, stmt, err) < 0)
                return -1;
        *ret = reg_column_int(stmt, 0);
        return 0;
}

static bool walks_in_order(const struct reg_condition *condition)
{
        return condition->test == REG_ANY_OF && condition->n == 1 && !condition->prefixes;
}

static bool walkable(const struct reg_condition *condition)
{
        return condition->key == NULL && !condition->exclude && condition->test != REG_MATCHES && condition->test != REG_PRESENT;
}

/* How many images a walk without a condition has before it, roughly. */
static int count_all(struct reg *reg, const struct reg_filter *filter, int64_t *ret, struct bk_error *err)
{
        *ret = 0;
        return (filter->name == NULL ? reg_sql_int(reg, ret, err, "SELECT max(sequence) FROM image", "") :
                reg_sql_int(reg, ret, err, "SELECT count(*) FROM (SELECT 1 FROM image WHERE name = ? LIMIT 5000) few", "t",
                            filter->name)) < 0 ? -1 : 0;
}

/* All of n images must be found before they are sorted; a walk in order over all ends after those that are sought, which are one
 * in all / n. */
static bool worth_sorting(const struct reg_filter *filter, int64_t n, int64_t all)
{
        const int64_t most = sought(filter) < all ? sought(filter) : all;

        return n < all && n < SORTED_MOST && n * n < most * all;
}

/* The condition to walk along; NULL when none will do. */
static int rarest(struct reg *reg, const struct reg_filter *filter, const struct reg_condition **ret, struct bk_error *err)
{
        int64_t least = INT64_MAX, all = -1;

        *ret = NULL;
        for (int round = 0; round < 2; round++)
                for (size_t i = 0; i < filter->n; i++) {
                        const struct reg_condition *condition = &filter->v[i];
                        const bool in_order = walks_in_order(condition);
                        int64_t count = 0;

                        /* First those that need no sorting: where one of them is rare, nothing else is counted. */
                        if (!walkable(condition) || in_order != (round == 0) || (round == 1 && least < COUNT_MOST))
                                continue;
                        if ((!in_order && all < 0 && count_all(reg, filter, &all, err) < 0) ||
                            count_of(reg, filter, condition, in_order ? COUNT_MOST : SORTED_MOST, &count, err) < 0)
                                return -1;
                        if (in_order ? count < least : count < least && worth_sorting(filter, count, all)) {
                                least = count;
                                *ret = condition;
                        }
                }
        return 0;
}

/* sql: of a text, and perhaps of its rank, too. */
static int exists(struct reg *reg, const char *sql, bool ranked, const struct reg_condition *condition, struct bk_error *err)
{
        int64_t found = 0;

        for (size_t i = 0; i < condition->n; i++) {
                autofree char *rank = ranked ? reg_rank(condition->v[i].text) : NULL;
                const int status = reg_sql_int(reg, &found, err, sql, ranked ? "tt" : "t", condition->v[i].text, rank);

                if (status != 0)
                        return status;
        }
        return 0;
}

/* Few registries have both images of that name and images with that attribute; asked first, either is walked along an index. Not of the past:
 * what nobody has now, somebody may have had. */
static int settle_application(struct reg *reg, struct reg_condition *condition, struct bk_error *err)
{
        const int named = exists(reg, "SELECT 1 FROM image WHERE name = ? LIMIT 1", false, condition, err);
        const int carried = named < 0 ? -1 :
                exists(reg, "SELECT 1 FROM attribute WHERE key = 'application' AND value = ? AND rank = ? LIMIT 1", true, condition, err);

        if (carried < 0)
                return -1;
        if (carried == 0)
                condition->key = reg_key_find("name");
        else if (named == 0)
                condition->key = NULL;
        return 0;
}

static int settle(struct reg *reg, struct reg_filter *filter, struct bk_error *err)
{
        const bool past = filter->at.given || filter->alive.given;

        for (size_t i = 0; i < filter->n; i++) {
                struct reg_condition *condition = &filter->v[i];

                if (condition->test != REG_ANY_OF || condition->prefixes || condition->key == NULL)
                        continue;
                if (condition->key->kind == REG_KEY_APPLICATION && !past && settle_application(reg, condition, err) < 0)
                        return -1;
                if (filter->name == NULL && condition->key != NULL && bk_streq(condition->key->name, "name") && condition->n == 1 &&
                    !condition->exclude)
                        filter->name = bk_strdup(condition->v[0].text);
        }
        return 0;
}

/* --- order and cursors ------------------------------------------------------------ */
static bool by_number(const struct reg_order *order)
{
        return order->key != NULL && order->key->kind != REG_KEY_TEXT && order->key->kind != REG_KEY_APPLICATION;
}

static void add_order(struct reg_select *select, const struct reg_order *order)
{
        if (order->key == NULL) {
                reg_select_text(select, "coalesce((SELECT rank FROM attribute WHERE image = i.sequence AND key = ", order->attribute);
                bk_buf_puts(&select->sql, "), '')");
        } else if (by_number(order)) {
                bk_buf_puts(&select->sql, order->key->column == NULL ? "i.state" : order->key->column);
        } else {
                bk_buf_printf(&select->sql, "coalesce(%s, '')", order->key->column);
        }
}

/* What an image has in an order's place, as a cursor holds it: digits, or a text in hex. */
static void add_place(struct bk_buf *cursor, const struct reg_order *order, const struct reg_image *image)
{
        autofree char *rank = NULL;
        const char *text;

        if (by_number(order)) {
                bk_buf_printf(cursor, "%lld.", (long long)(order->key->kind == REG_KEY_STATE ? (int64_t)image->state :
                                                           reg_key_number(order->key, image)));
                return;
        }
        text = order->key != NULL ? reg_key_text(order->key, image) : reg_image_attribute(image, order->attribute);
        if (order->key == NULL && text != NULL)
                text = rank = reg_rank(text);
        for (; text != NULL && *text != '\0'; text++)
                bk_buf_printf(cursor, "%02x", (unsigned)(unsigned char)*text);
        bk_buf_putc(cursor, '.');
}

static char *cursor_of(const struct reg_filter *filter, const struct reg_image *image)
{
        struct bk_buf cursor = { 0 };

        for (size_t i = 0; i < filter->n_order; i++)
                add_place(&cursor, &filter->order[i], image);
        bk_buf_printf(&cursor, "%lld", (long long)image->sequence);
        return bk_buf_finish(&cursor);
}

static int add_part(struct reg_select *select, const struct reg_order *order, const char *part, struct bk_error *err)
{
        const size_t digits = strspn(*part == '-' ? part + 1 : part, "0123456789") + (*part == '-');
        autofree char *percents = NULL;
        struct bk_buf text = { 0 };
        char *decoded = NULL;

        if (order == NULL || by_number(order)) {
                if (*part == '\0' || part[digits] != '\0' || digits > 19)
                        return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is");
                reg_select_number(select, "", strtoll(part, NULL, 10));
                return 0;
        }
        for (const char *p = part; *p != '\0' && p[1] != '\0'; p += 2)
                bk_buf_printf(&text, "%%%.2s", p);
        percents = bk_buf_finish(&text);
        if (strlen(part) % 2 != 0 || reg_decode(percents, strlen(percents), &decoded, err) < 0)
                return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is");
        bk_strv_take(&select->own, decoded);
        reg_select_text(select, "", decoded);
        return 0;
}

/* Behind the cursor in order i and those after it: further along, or level and further along in what follows. */
static int add_after(struct reg_select *select, const struct reg_filter *filter, struct bk_error *err)
{
        for (size_t i = 0; i < filter->n_order; i++) {
                const struct reg_order *order = &filter->order[i];

                bk_buf_puts(&select->sql, " AND (");
                add_order(select, order);
                bk_buf_puts(&select->sql, order->descending ? " < " : " > ");
                if (add_part(select, order, filter->after.v[i], err) < 0)
                        return -1;
                bk_buf_puts(&select->sql, " OR (");
                add_order(select, order);
                bk_buf_puts(&select->sql, " = ");
                if (add_part(select, order, filter->after.v[i], err) < 0)
                        return -1;
        }
        bk_buf_puts(&select->sql, " AND i.sequence < ");
        if (add_part(select, NULL, filter->after.v[filter->n_order], err) < 0)
                return -1;
        for (size_t i = 0; i < filter->n_order; i++)
                bk_buf_puts(&select->sql, "))");
        return 0;
}

/* --- the statement ---------------------------------------------------------------- */
static void add_source(const struct reg *reg, struct reg_select *select, const struct reg_filter *filter, const struct reg_condition *along)
{
        bk_buf_puts(&select->sql, "SELECT " REG_IMAGE_COLUMNS);
        if (along != NULL) {
                /* CROSS JOIN fixes the order of the loops. */
                bk_buf_puts(&select->sql, "FROM attribute a CROSS JOIN image i ");
                reg_select_text(select, "WHERE i.sequence = a.image AND a.key = ", along->attribute);
                bk_buf_puts(&select->sql, " AND ");
                reg_select_values(reg, select, along);
                if (filter->name != NULL)
                        reg_select_text(select, along->test == REG_ANY_OF ? " AND a.name = " : " AND i.name = ", filter->name);
        } else if (filter->name != NULL) {
                reg_select_text(select, "FROM image i WHERE i.name = ", filter->name);
        } else {
                bk_buf_puts(&select->sql, "FROM image i WHERE 1 = 1");
        }
}

static void add_states(struct reg_select *select, unsigned states)
{
        if (states == REG_STATES_ALL)
                return;
        bk_buf_puts(&select->sql, " AND i.state IN (-1");
        for (int state = 0; state <= REG_TRASHED; state++)
                if (states & REG_STATE_BIT(state))
                        bk_buf_printf(&select->sql, ", %d", state);
        bk_buf_putc(&select->sql, ')');
}

/* A publication is in the log of states. A channel's history names images by their ids, and its end is an event's, whose detail is
 * {"image":"sha256:..."}. */
static const char lost_its_channel[] =
        "i.id IN (SELECT substr(e.detail, 11, 71) FROM (SELECT DISTINCT name || ':' || channel AS subject FROM channel_log) c "
        "CROSS JOIN event e WHERE e.subject = c.subject AND e.action = 'channel.deleted' AND at";

static void add_changed(struct reg_select *select, const struct reg_span *span)
{
        static const char *const logs[] = { "i.sequence IN (SELECT image FROM state_log WHERE at",
                                            "i.sequence IN (SELECT image FROM attribute_log WHERE at",
                                            "i.id IN (SELECT image FROM channel_log WHERE at", "i.id IN (SELECT previous FROM channel_log WHERE at",
                                            lost_its_channel };

        for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
                bk_buf_printf(&select->sql, "%s%s", i == 0 ? " AND (" : " OR ", logs[i]);
                reg_select_number(select, " >= ", span->from);
                reg_select_number(select, " AND at <= ", span->to);
                bk_buf_putc(&select->sql, ')');
        }
        bk_buf_putc(&select->sql, ')');
}

static int add_descends(struct reg *reg, struct reg_select *select, const char *reference, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (reg_resolve(reg, reference, &image, err) < 0)
                return bk_wrap(err, "_descends");
        reg_select_number(select, " AND i.sequence IN (WITH RECURSIVE line (sequence) AS (SELECT sequence FROM image WHERE ancestor = ",
                          image.sequence);
        bk_buf_puts(&select->sql, " UNION ALL SELECT c.sequence FROM line JOIN image c ON c.ancestor = line.sequence) "
                                  "SELECT sequence FROM line)");
        return 0;
}

static int build(struct reg *reg, const struct reg_filter *filter, const struct reg_condition *along, int64_t behind, struct reg_select *select,
                 struct bk_error *err)
{
        add_source(reg, select, filter, along);
        add_states(select, filter->states);
        if (!filter->hidden)
                bk_buf_puts(&select->sql, " AND i.hidden = 0");
        for (size_t i = 0; i < filter->n; i++)
                if (&filter->v[i] != along && reg_select_condition(reg, select, &filter->v[i], err) < 0)
                        return -1;
        if (filter->changed.given)
                add_changed(select, &filter->changed);
        if ((filter->descends != NULL && add_descends(reg, select, filter->descends, err) < 0) ||
            (filter->after.n > 0 && add_after(select, filter, err) < 0))
                return -1;
        if (behind < INT64_MAX)         /* said of the column whose index is walked along */
                reg_select_number(select, along != NULL ? " AND a.image < " : " AND i.sequence < ", behind);
        bk_buf_puts(&select->sql, " ORDER BY ");
        for (size_t i = 0; i < filter->n_order; i++) {
                add_order(select, &filter->order[i]);
                bk_buf_puts(&select->sql, filter->order[i].descending ? " DESC, " : ", ");
        }
        bk_buf_puts(&select->sql, along != NULL ? "a.image DESC" : "i.sequence DESC");
        return 0;
}

/* --- running it ------------------------------------------------------------------- */
static int meets_patterns(const struct reg_filter *filter, const struct reg_image *image, struct bk_error *err)
{
        for (size_t i = 0; i < filter->n; i++) {
                const int met = filter->v[i].test != REG_MATCHES ? 1 : reg_condition_meets(&filter->v[i], image, err);

                if (met <= 0)
                        return met;
        }
        return 1;
}

/* 1: its turn is over, and there may be more behind image *ret_last. */
static int walk(struct reg *reg, const struct reg_filter *filter, struct reg_stmt *stmt, int64_t turn, struct reg_images *images,
                int64_t *ret_last, struct bk_error *err)
{
        autostmt *attributes = NULL;
        int status, met;

        while ((int64_t)images->n < sought(filter) && (status = reg_sql_step(reg, stmt, err)) != 0) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                if (status < 0 || reg_image_row(reg, stmt, &attributes, &image, err) < 0 || (met = meets_patterns(filter, &image, err)) < 0)
                        return -1;
                *ret_last = image.sequence;
                if (met > 0)
                        reg_images_take(images, &image);
                else if (bk_now_ms() > filter->deadline)
                        return bk_fail(err, BK_TIMEOUT, "no end of images to test with a pattern after %d s; add conditions without one, or a _limit",
                                       REG_WALK_MOST_MS / 1000);
                if (bk_now_ms() >= turn)
                        return 1;
        }
        return 0;
}

bool reg_filter_walks(const struct reg_filter *filter)
{
        for (size_t i = 0; i < filter->n; i++)
                if (filter->v[i].test == REG_MATCHES)
                        return true;
        return false;
}

/* behind: the cursor, or instead of it the image that a turn came to. */
static int run_turn(struct reg *reg, const struct reg_filter *filter, const struct reg_condition *along, int64_t turn, struct reg_images *images,
                    int64_t *behind, struct bk_error *err)
{
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };
        autostmt *stmt = NULL;

        if (build(reg, filter, along, *behind, &select, err) < 0)
                return -1;
        if (filter->limit >= 0 && !reg_filter_walks(filter))
                reg_select_number(&select, " LIMIT ", sought(filter));
        if (reg_select_run(reg, &select, &stmt, err) < 0)
                return -1;
        return walk(reg, filter, stmt, turn, images, behind, err);
}

/* Between two turns images may change, as they may between two pages. What is sorted by keys, or within somebody's transaction, is seen at
 * one moment. */
static int run(struct reg *reg, const struct reg_filter *filter, struct reg_txn *txn, struct reg_images *images, struct bk_error *err)
{
        const bool turns = reg_filter_walks(filter) && filter->n_order == 0 && !txn->joined;
        const struct reg_condition *along = NULL;
        int64_t behind = INT64_MAX;
        int status;

        if (rarest(reg, filter, &along, err) < 0)
                return -1;
        while ((status = run_turn(reg, filter, along, turns ? bk_now_ms() + reg_turn_ms : INT64_MAX, images, &behind, err)) > 0) {
                reg_txn_done(txn);
                if (reg_txn_read(reg, txn, err) < 0)
                        return -1;
        }
        return status;
}

int reg_filter_run(struct reg *reg, struct reg_filter *filter, struct reg_images *ret, char **ret_next, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        char *next = NULL;
        autotxn txn = { 0 };

        if (filter->deadline == 0)
                filter->deadline = bk_now_ms() + REG_WALK_MOST_MS;
        /* Its questions see one state of the registry, and lock it once. */
        if (reg_txn_read(reg, &txn, err) < 0 || settle(reg, filter, err) < 0 ||
            (filter->at.given || filter->alive.given ? reg_past_run(reg, filter, &images, err) : run(reg, filter, &txn, &images, err)) < 0)
                return -1;
        if (filter->limit >= 0 && (int64_t)images.n > filter->limit) {
                reg_image_done(&images.v[--images.n]);
                if (ret_next != NULL)
                        next = cursor_of(filter, &images.v[images.n - 1]);
        }
        if (ret_next != NULL)
                *ret_next = next;
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}

static int several(const struct reg_images *images, const struct reg_filter *filter, struct bk_error *err)
{
        autofree char *query = reg_filter_said(filter);
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };

        for (size_t i = 0; i < images->n && i < NAMED_MOST; i++)
                bk_buf_printf(&names, "%s%s %.19s", i == 0 ? "" : ", ", images->v[i].name, images->v[i].id);
        return bk_fail(err, BK_CONFLICT, "'%.200s' is to match one image, and matches %s%s; add conditions, or _latest", query, names.data,
                       images->n > NAMED_MOST ? " and more" : "");
}

int reg_filter_demand(struct reg *reg, struct reg_filter *filter, struct reg_images *ret, char **ret_next, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autofree char *next = NULL;

        if (filter->one && !filter->first)
                filter->limit = NAMED_MOST;
        if (reg_filter_run(reg, filter, &images, &next, err) < 0)
                return -1;
        if (images.n == 0)
                return reg_filter_explain(reg, filter, err);
        if (filter->one && images.n > 1)
                return several(&images, filter, err);
        if (ret_next != NULL)
                *ret_next = filter->first || filter->one ? NULL : bk_take(next);
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}

int reg_query(struct reg *reg, const char *query, struct reg_images *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0)
                return -1;
        return reg_filter_demand(reg, &filter, ret, NULL, err);
}
