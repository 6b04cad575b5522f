/* What is noted, and asking for it: everything in one batch, and again for what the answers lead to. */
#include "spec/facts_priv.h"

#include <search.h>
#include <string.h>

/* These come whole with the batch: every check of a package reads one of them. */
static const char *const databases[] = {
        "/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed", "/var/lib/rpm/rpmdb.sqlite",
        "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages.db",
};

static size_t limit_of(const char *path)
{
        for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
                if (bk_streq(path, databases[i]))
                        return FACTS_WHOLE;
        return FACTS_SMALL;
}

/* --- what is noted ------------------------------------------------------------ */

/* Wants and lines begin with their text. */
static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void *find(void *const *tree, const char *text)
{
        void *const *found = tfind(&text, tree, by_text);

        return found != NULL ? *found : NULL;
}

static void insert(void **tree, void *item)
{
        if (tsearch(item, tree, by_text) == NULL)
                abort();                /* out of memory */
}

static struct fact_want *want_get(struct spec_facts *facts, const char *path)
{
        struct fact_want *want = find(&facts->wants, path);

        if (want != NULL)
                return want;
        want = bk_alloc(sizeof *want);
        *want = (struct fact_want){ .path = bk_strdup(path), .limit = limit_of(path), .pending = true };
        insert(&facts->wants, want);
        if ((facts->n_wants & (facts->n_wants - 1)) == 0)
                facts->want = bk_grow(facts->want, facts->n_wants ? facts->n_wants * 2 : 1, sizeof *facts->want);
        facts->want[facts->n_wants++] = want;
        return want;
}

static struct fact_line *line_get(struct spec_facts *facts, const char *text)
{
        struct fact_line *line = find(&facts->lines, text);

        if (line != NULL)
                return line;
        line = bk_alloc(sizeof *line);
        *line = (struct fact_line){ .line = bk_strdup(text), .pending = true };
        insert(&facts->lines, line);
        if ((facts->n_lines & (facts->n_lines - 1)) == 0)
                facts->line = bk_grow(facts->line, facts->n_lines ? facts->n_lines * 2 : 1, sizeof *facts->line);
        facts->line[facts->n_lines++] = line;
        return line;
}

void facts_want_again(struct fact_want *want)
{
        want->pending = true;
        want->tries = 0;
        free(want->asked);
        want->asked = NULL;
}

/* Notes are many only when the spec is wrong: what comes after is asked when it is needed. */
void spec_facts_want_path(struct spec_facts *facts, const char *path)
{
        if (facts->n_wants < FACTS_NODES_MOST && *path != '\0')
                (void)want_get(facts, path);
}

void spec_facts_want_line(struct spec_facts *facts, const char *line)
{
        if (facts->n_lines < FACTS_NODES_MOST && strlen(line) < FACTS_LINE_MOST)
                (void)line_get(facts, line);
}

static void want_free(void *arg)
{
        struct fact_want *want = arg;

        free(want->path);
        free(want->asked);
        free(want);
}

static void line_free(void *arg)
{
        struct fact_line *line = arg;

        spec_output_done(&line->output);
        free(line->line);
        free(line);
}

struct spec_facts *spec_facts_new(const struct spec_facts_source *source)
{
        struct spec_facts *facts = bk_alloc(sizeof *facts);

        facts->source = *source;
        return facts;
}

void spec_facts_free(struct spec_facts *facts)
{
        if (facts == NULL)
                return;
        fact_tree_clear(facts);
        tdestroy(facts->wants, want_free);
        tdestroy(facts->lines, line_free);
        free(facts->want);
        free(facts->line);
        free(facts);
}

void spec_facts_forget(struct spec_facts *facts)
{
        fact_tree_clear(facts);
        for (size_t i = 0; i < facts->n_wants; i++) {
                facts_want_again(facts->want[i]);
                facts->want[i]->pending = !facts->want[i]->used;
        }
        for (size_t i = 0; i < facts->n_lines; i++) {
                struct fact_line *line = facts->line[i];

                spec_output_done(&line->output);
                line->answered = false;
                line->pending = !line->used;
        }
}

/* --- one batch ------------------------------------------------------------------ */

/* A path that is asked next, on the way to one that is wanted. */
struct ask { char *path; size_t limit; };

struct asks { struct ask *v; size_t n; };

static void asks_done(struct asks *asks)
{
        for (size_t i = 0; i < asks->n; i++)
                free(asks->v[i].path);
        free(asks->v);
}

/* Large ones first, as the batch has room for them then; neighbours together, as they share their folders. */
static int order(const void *a, const void *b)
{
        const struct ask *x = a, *y = b;

        return x->limit != y->limit ? (x->limit < y->limit) - (x->limit > y->limit) : strcmp(x->path, y->path);
}

/* What has to be asked for it; NULL when all that can be known is known. */
static char *missing(const struct spec_facts *facts, const struct fact_want *want)
{
        struct fact_node *node = NULL;
        struct bk_error ignored = { 0 };
        char *need = NULL;
        const int there = fact_resolve(facts, want->path, true, &node, &need, &ignored);

        if (there == FACT_NEED)
                return need;
        if (there == 1 && ((S_ISREG(node->st.st_mode) && node->content == PART_UNASKED) ||
                           (S_ISDIR(node->st.st_mode) && node->names == PART_UNASKED)))
                return bk_strdup(node->path);
        return NULL;
}

/* More than a script holds waits for the next one. */
static void collect(struct spec_facts *facts, const struct fact_want *only, struct asks *ret)
{
        size_t length = 0;

        for (size_t i = 0; i < facts->n_wants && length < FACTS_SCRIPT_MOST; i++) {
                struct fact_want *want = facts->want[i];
                char *path;

                if (!want->pending || (only != NULL && want != only))
                        continue;
                path = missing(facts, want);
                /* The same question twice gets no better answer. */
                if (path == NULL || want->tries++ >= FACTS_ROUNDS || bk_streq(path, want->asked)) {
                        free(path);
                        want->pending = false;
                        continue;
                }
                free(want->asked);
                want->asked = bk_strdup(path);
                if ((ret->n & (ret->n - 1)) == 0)
                        ret->v = bk_grow(ret->v, ret->n ? ret->n * 2 : 1, sizeof *ret->v);
                ret->v[ret->n++] = (struct ask){ .path = path, .limit = want->limit };
                length += strlen(path) + 8;
        }
}

static void add_paths(struct facts_batch *batch, struct asks *asks)
{
        autofree char **paths = bk_alloc((asks->n + 1) * sizeof *paths);

        if (asks->n > 1)
                qsort(asks->v, asks->n, sizeof *asks->v, order);
        for (size_t i = 0; i < asks->n;) {
                const size_t limit = asks->v[i].limit;
                size_t n = 0;

                for (; i < asks->n && asks->v[i].limit == limit; i++)
                        if (n == 0 || !bk_streq(paths[n - 1], asks->v[i].path))
                                paths[n++] = asks->v[i].path;
                facts_batch_paths(batch, limit, paths, n);
        }
}

static void add_lines(struct spec_facts *facts, const struct fact_line *only, struct facts_batch *batch)
{
        for (size_t i = 0; i < facts->n_lines && batch->script.len < FACTS_SCRIPT_MOST; i++)
                if (facts->line[i]->pending && (only == NULL || facts->line[i] == only)) {
                        facts->line[i]->pending = false;
                        facts_batch_line(batch, facts->line[i]);
                }
}

static int send(struct spec_facts *facts, struct facts_batch *batch, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };

        facts_batch_end(batch);
        if (facts->source.run(facts->source.arg, "exec sh -s", batch->script.data, &output, err) < 0)
                return -1;
        if (facts_parse(facts, batch, output.out != NULL ? output.out : "", output.out_len, err) < 0) {
                const char *said = output.err != NULL ? output.err : "";
                const size_t length = strcspn(said, "\n");

                return length == 0 ? -1 : bk_wrap(err, "its shell said '%.*s', and", (int)(length < 300 ? length : 300), said);
        }
        return 0;
}

/* Returns 1 when something was asked, 0 when nothing had to be. Only one want, or one line, where they are given. */
static int ask(struct spec_facts *facts, const struct fact_want *want, const struct fact_line *line, struct bk_error *err)
{
        BK_CLEANUP(facts_batch_done) struct facts_batch batch = { 0 };
        BK_CLEANUP(asks_done) struct asks asks = { 0 };
        const bool one = want != NULL || line != NULL;

        if (facts_batch_begin(&batch, err) < 0)
                return -1;
        if (!one || want != NULL)
                collect(facts, want, &asks);
        add_paths(&batch, &asks);
        if (!one || line != NULL)
                add_lines(facts, line, &batch);
        if (asks.n == 0 && batch.n_lines == 0)
                return 0;
        if (send(facts, &batch, err) == 0)
                return 1;
        for (size_t i = 0; i < batch.n_lines; i++)
                batch.lines[i]->pending = !batch.lines[i]->answered;
        return -1;
}

/* Ends: every want is asked FACTS_ROUNDS times at most, and a line once. */
static int ask_all(struct spec_facts *facts, const struct fact_want *want, const struct fact_line *line, struct bk_error *err)
{
        int asked;

        while ((asked = ask(facts, want, line, err)) > 0)
                ;
        return asked;
}

int spec_facts_fetch(struct spec_facts *facts, struct bk_error *err)
{
        struct bk_error inner = { 0 };

        if (facts->apart || ask_all(facts, NULL, NULL, &inner) == 0)
                return 0;
        /* Too much, too slow or garbled: one of many spoils it for all. A guest that cannot be reached spoils nothing. */
        facts->apart = inner.kind == BK_FAILED || inner.kind == BK_TIMEOUT;
        if (err != NULL)
                *err = inner;
        return -1;
}

/* Together with all else that is noted, unless that is known not to work. */
static int fetch_for(struct spec_facts *facts, struct fact_want *want, struct fact_line *line, struct bk_error *err)
{
        if (!facts->apart && (want == NULL || want->limit <= FACTS_WHOLE)) {
                struct bk_error first = { 0 };

                if (spec_facts_fetch(facts, &first) == 0)
                        return 0;
                if (!facts->apart) {
                        if (err != NULL)
                                *err = first;
                        return -1;
                }
                if (want != NULL)
                        facts_want_again(want);
                else
                        line->pending = true;
        }
        return ask_all(facts, want, line, err);
}

int facts_demand(struct spec_facts *facts, const char *path, size_t limit, struct bk_error *err)
{
        struct fact_want *want = want_get(facts, path);
        const size_t usual = limit_of(path);

        want->used = true;
        facts_want_again(want);
        want->limit = limit > usual ? limit : usual;
        if (fetch_for(facts, want, NULL, err) < 0)
                return bk_wrap(err, "'%s' in the guest", path);
        want->limit = usual;
        return 0;
}

int facts_look(struct spec_facts *facts, const char *path, bool follow, struct fact_node **ret, struct bk_error *err)
{
        autofree char *need = NULL, *again = NULL;
        struct fact_want *want = find(&facts->wants, path);
        int there = fact_resolve(facts, path, follow, ret, &need, err);

        if (want != NULL)
                want->used = true;
        if (there != FACT_NEED)
                return there;
        if (facts_demand(facts, path, 0, err) < 0)
                return -1;
        there = fact_resolve(facts, path, follow, ret, &again, err);
        return there != FACT_NEED ? there : bk_fail(err, BK_INFRA, "the guest does not say what is at '%s'", again);
}

int spec_facts_line(struct spec_facts *facts, const char *text, const struct spec_output **ret, struct bk_error *err)
{
        struct fact_line *line;

        if (strlen(text) >= FACTS_LINE_MOST)
                return bk_fail(err, BK_USAGE, "a line for the guest is longer than %d KiB", FACTS_LINE_MOST >> 10);
        line = line_get(facts, text);
        line->used = true;
        if (!line->answered) {
                line->pending = true;
                if (fetch_for(facts, NULL, line, err) < 0)
                        return -1;
        }
        if (!line->answered)
                return bk_fail(err, BK_INFRA, "the guest does not say what '%.200s' prints", text);
        *ret = &line->output;
        return 0;
}
