/* Takes the answer of a guest's shell (facts_script.c) into the tree. Everything in it is the guest's word: each number, kind and
 * length is looked at, what does not fit is an error, and memory is bounded. */
#include "spec/facts_priv.h"

#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

struct parser {
        struct spec_facts *facts;
        const struct facts_batch *batch;
        const char *at, *end;           /* what is left */
        char kind;                      /* the record at hand */
        const char *text;
        size_t len;
        char before;                    /* the kind of the one before */
        char *subject;                  /* path, or number, that the next records are about */
        struct bk_strv absent;          /* since the last W */
        bool whole;
};

static void parser_done(struct parser *p)
{
        free(p->subject);
        bk_strv_done(&p->absent);
}

static int garbled(struct bk_error *err, const char *what)
{
        return bk_fail(err, BK_FAILED, "the guest's answer is garbled: %s", what);
}

/* Memory is counted before it is taken. */
static int afford(struct spec_facts *facts, size_t bytes, struct bk_error *err)
{
        if (bytes > FACTS_BYTES_MOST || facts->bytes > FACTS_BYTES_MOST - bytes)
                return bk_fail(err, BK_FAILED, "what was asked of the guest takes more than %d MiB", FACTS_BYTES_MOST >> 20);
        facts->bytes += bytes;
        return 0;
}

/* The next record; false at the end. */
static bool next(struct parser *p)
{
        const char *found;

        if (p->at == NULL || p->at >= p->end)
                return false;
        p->before = p->kind;
        p->kind = *p->at++;
        p->text = p->at;
        found = memmem(p->at, (size_t)(p->end - p->at), p->batch->boundary, FACTS_TOKEN);
        p->len = (size_t)((found != NULL ? found : p->end) - p->at);
        p->at = found != NULL ? found + FACTS_TOKEN : NULL;
        return true;
}

static bool is_path(const char *text, size_t length)
{
        return length > 0 && length < PATH_MAX * 2 && *text == '/' && memchr(text, '\0', length) == NULL;
}

static struct fact_node *node_at(struct parser *p, const char *path, struct bk_error *err)
{
        struct fact_node *node = fact_node_get(p->facts, path);

        if (node == NULL)
                bk_fail(err, BK_FAILED, "more than %d files were asked of the guest", FACTS_NODES_MOST);
        return node;
}

/* --- stat ------------------------------------------------------------------ */

static bool number(const char **at, int base, int64_t *ret)
{
        char *end;

        *at += strspn(*at, " ");
        errno = 0;
        *ret = strtoll(*at, &end, base);
        if (end == *at || errno != 0 || (*end != ' ' && *end != '\0' && *end != ','))
                return false;
        *at = end;
        return true;
}

static bool known_kind(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG: case S_IFDIR: case S_IFLNK: case S_IFIFO: case S_IFSOCK: case S_IFBLK: case S_IFCHR:
                return (mode & ~(mode_t)(S_IFMT | 07777)) == 0;
        default:
                return false;
        }
}

/* "81a4 1234 0 0 1 ...", as bk_stat's format has them. */
static bool read_stat(const char *text, struct stat *ret)
{
        static const unsigned char bases[] = { 16, 10, 10, 10, 10, 10, 10, 16, 16, 10, 10, 10, 10, 10 };
        int64_t n[sizeof bases];

        for (size_t i = 0; i < sizeof bases; i++)
                if (!number(&text, bases[i], &n[i]) || (i < 11 && n[i] < 0))
                        return false;
        if (n[0] > 0xffff || !known_kind((mode_t)n[0]) || n[2] > UINT_MAX || n[3] > UINT_MAX || n[7] > UINT_MAX || n[8] > UINT_MAX)
                return false;
        *ret = (struct stat){
                .st_mode = (mode_t)n[0], .st_size = n[1], .st_uid = (uid_t)n[2], .st_gid = (gid_t)n[3], .st_nlink = (nlink_t)n[4],
                .st_ino = (ino_t)n[5], .st_dev = (dev_t)n[6], .st_rdev = makedev((unsigned)n[7], (unsigned)n[8]), .st_blocks = n[9],
                .st_blksize = n[10], .st_atim.tv_sec = n[11], .st_mtim.tv_sec = n[12], .st_ctim.tv_sec = n[13],
        };
        return true;
}

/* "drwxr-sr-t" */
static bool read_mode(const char *text, mode_t *ret)
{
        static const char kinds[] = "-dlpsbc";
        static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFBLK, S_IFCHR };
        static const mode_t special[] = { S_ISUID, S_ISGID, S_ISVTX };
        const char *kind = *text != '\0' ? strchr(kinds, *text) : NULL;
        mode_t mode;

        if (kind == NULL || strlen(text) < 10)
                return false;
        mode = types[kind - kinds];
        for (int i = 0; i < 9; i++) {
                const char c = text[1 + i];
                const mode_t bit = 0400u >> i;

                if (c == "rwx"[i % 3])
                        mode |= bit;
                else if (i % 3 == 2 && (c == 's' || c == 't'))
                        mode |= bit | special[i / 3];
                else if (i % 3 == 2 && (c == 'S' || c == 'T'))
                        mode |= special[i / 3];
                else if (c != '-')
                        return false;
        }
        *ret = mode;
        return true;
}

/* "l1700000000 123 -rw-r--r-- 1 0 0 1234 Jan  1 00:00 /x": what stands in where stat is missing. */
static bool read_listing(const char *text, struct stat *ret)
{
        int64_t mtime, inode, links, uid, gid, size = 0, minor_number = 0;
        bool device;

        *ret = (struct stat){ 0 };
        if (!number(&text, 10, &mtime) || !number(&text, 10, &inode))
                return false;
        text += strspn(text, " ");
        if (!read_mode(text, &ret->st_mode))
                return false;
        text += strcspn(text, " ");
        device = S_ISBLK(ret->st_mode) || S_ISCHR(ret->st_mode);
        if (!number(&text, 10, &links) || !number(&text, 10, &uid) || !number(&text, 10, &gid) || !number(&text, 10, &size))
                return false;
        text += *text == ',';
        if ((device && !number(&text, 10, &minor_number)) || links < 0 || uid < 0 || uid > UINT_MAX || gid < 0 || gid > UINT_MAX || size < 0 ||
            inode < 0 || minor_number < 0 || minor_number > UINT_MAX || (device && size > UINT_MAX))
                return false;
        ret->st_ino = (ino_t)inode;
        ret->st_nlink = (nlink_t)links;
        ret->st_uid = (uid_t)uid;
        ret->st_gid = (gid_t)gid;
        ret->st_mtim.tv_sec = mtime;
        if (device)
                ret->st_rdev = makedev((unsigned)size, (unsigned)minor_number);
        else
                ret->st_size = size;
        return true;
}

static int take_stat(struct parser *p, const char *path, const struct stat *st, struct bk_error *err)
{
        struct fact_node *node = node_at(p, path, err);

        if (node == NULL)
                return -1;
        node->state = FACT_THERE;
        node->st = *st;
        return 0;
}

/* Numbers, a blank, the path, the separator and a newline; a listing has a separator before its path as well. */
static int take_stats(struct parser *p, struct bk_error *err)
{
        const char *at = p->text, *const end = p->text + p->len;

        while (at < end) {
                const char *stop = memmem(at, (size_t)(end - at), p->batch->separator, FACTS_TOKEN);
                autofree char *head = NULL, *path = NULL;
                const bool listing = *at == 'l';
                const char *name;
                struct stat st;

                if (stop == NULL || memchr(at, '\0', (size_t)(stop - at)) != NULL)
                        return garbled(err, "a line of stat does not end");
                head = bk_strndup(at, (size_t)(stop - at));
                at = stop + FACTS_TOKEN;
                if (listing) {
                        stop = memmem(at, (size_t)(end - at), p->batch->separator, FACTS_TOKEN);
                        if (stop == NULL || !is_path(at, (size_t)(stop - at)))
                                return garbled(err, "a listing has no name");
                        path = bk_strndup(at, (size_t)(stop - at));
                        at = stop + FACTS_TOKEN;
                } else {
                        name = strchr(head, '/');
                        if (name == NULL || name == head || !is_path(name, strlen(name)))
                                return garbled(err, "a line of stat has no name");
                        path = bk_strdup(name);
                        head[name - head] = '\0';
                }
                if (!(listing ? read_listing(head + 1, &st) : read_stat(head, &st)))
                        return garbled(err, "numbers of stat");
                if (take_stat(p, path, &st, err) < 0)
                        return -1;
                at += at < end && *at == '\n';
        }
        return 0;
}

/* --- what is not there ------------------------------------------------------- */

static bool says_absent(const char *line, size_t length)
{
        static const char *const ends[] = { "No such file or directory", "Not a directory", "Too many levels of symbolic links",
                                            "File name too long" };

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                const size_t n = strlen(ends[i]);

                if (length >= n && memcmp(line + length - n, ends[i], n) == 0)
                        return true;
        }
        return false;
}

/* stat was asked for it too: what it could not look at is not absent. */
static int judge_absent(struct parser *p, struct bk_error *err)
{
        enum { MESSAGES_MOST = 1000, MESSAGE_MOST = 8192 };
        const char *at = p->text, *const end = p->text + p->len;

        for (size_t i = 0; i < p->absent.n; i++) {
                struct fact_node *node = node_at(p, p->absent.v[i], err);

                if (node == NULL)
                        return -1;
                if (node->state != FACT_THERE)
                        node->state = FACT_ABSENT;
        }
        for (int seen = 0; at < end && seen < MESSAGES_MOST;) {
                const char *newline = memchr(at, '\n', (size_t)(end - at));
                const size_t length = (size_t)((newline != NULL ? newline : end) - at);
                autofree char *line = length > MESSAGE_MOST || says_absent(at, length) ? NULL : bk_strndup(at, length);
                const char *colon = line != NULL ? strrchr(line, ':') : NULL;

                for (size_t i = 0; line != NULL && i < p->absent.n; i++) {
                        struct fact_node *node = fact_node_find(p->facts, p->absent.v[i]);
                        const char *found = strstr(line, p->absent.v[i]);

                        if (node == NULL || node->state != FACT_ABSENT || found == NULL || found[strlen(p->absent.v[i])] == '/')
                                continue;
                        node->state = FACT_DENIED;
                        free(node->why);
                        node->why = bk_strndup(colon != NULL ? colon + 1 + strspn(colon + 1, " ") : line, 200);
                }
                seen += line != NULL;
                at += length + 1;
        }
        bk_strv_done(&p->absent);
        return 0;
}

/* --- contents, names, links ---------------------------------------------------- */

static int take_link(struct parser *p, struct bk_error *err)
{
        struct fact_node *node = node_at(p, p->subject, err);

        if (node == NULL)
                return -1;
        if (p->len == 0 || p->len >= PATH_MAX || memchr(p->text, '\0', p->len) != NULL)
                return garbled(err, "a link's target");
        free(node->link);
        node->link = bk_strndup(p->text, p->len);
        return afford(p->facts, p->len, err);
}

static int take_content(struct parser *p, struct bk_error *err)
{
        struct fact_node *node = node_at(p, p->subject, err);

        if (node == NULL)
                return -1;
        fact_node_drop_content(p->facts, node);
        node->content = PART_UNASKED;
        if (afford(p->facts, p->len, err) < 0)
                return -1;
        node->data = bk_alloc(p->len + 1);
        memcpy(node->data, p->text, p->len);
        node->len = p->len;
        return 0;
}

/* The status of what read it, and its limit. */
static int end_content(struct parser *p, struct bk_error *err)
{
        struct fact_node *node = node_at(p, p->subject, err);
        autofree char *text = bk_strndup(p->text, p->len);
        const char *at = text;
        int64_t status, limit;

        if (node == NULL || node->data == NULL)
                return node == NULL ? -1 : garbled(err, "a content that ends and did not begin");
        if (!number(&at, 10, &status) || !number(&at, 10, &limit) || *at != '\0')
                return garbled(err, "how a content ended");
        node->content = status != 0 ? PART_DENIED : (int64_t)node->len > limit ? PART_LARGE : PART_HELD;
        if (node->content != PART_HELD)
                fact_node_drop_content(p->facts, node);
        return 0;
}

static int take_names(struct parser *p, struct bk_error *err)
{
        struct fact_node *node = node_at(p, p->subject, err);
        size_t n = 0;

        if (node == NULL)
                return -1;
        if (p->len > 0 && p->text[p->len - 1] != '\0')
                return garbled(err, "a name that does not end");
        if (afford(p->facts, p->len + p->len / 2, err) < 0)
                return -1;
        bk_strv_done(&node->list);
        for (const char *at = p->text; at < p->text + p->len; at += strlen(at) + 1) {
                if (*at == '\0' || strchr(at, '/') != NULL || strlen(at) > NAME_MAX * 4 || ++n > FACTS_NAMES_MOST + 2)
                        return garbled(err, "the names in a folder");
                if (!bk_streq(at, ".") && !bk_streq(at, ".."))
                        bk_strv_add(&node->list, at);
        }
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int end_names(struct parser *p, struct bk_error *err)
{
        struct fact_node *node = node_at(p, p->subject, err);

        if (node == NULL)
                return -1;
        if (p->len != 1 || (*p->text != '0' && *p->text != '1'))
                return garbled(err, "the end of a folder");
        node->names = *p->text == '0' ? PART_HELD : PART_LARGE;
        if (node->names == PART_LARGE)
                bk_strv_done(&node->list);
        if (node->list.n > 1)
                qsort(node->list.v, node->list.n, sizeof *node->list.v, by_name);
        return 0;
}

static int take_refusal(struct parser *p, struct bk_error *err)
{
        static const struct { const char *word; enum fact_part part; } words[] = {
                { "denied", PART_DENIED }, { "large", PART_LARGE }, { "later", PART_LATER },
        };
        struct fact_node *node = node_at(p, p->subject, err);

        if (node == NULL)
                return -1;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                if (p->len != strlen(words[i].word) || memcmp(p->text, words[i].word, p->len) != 0)
                        continue;
                if (node->content != PART_HELD)
                        node->content = words[i].part;
                if (node->names != PART_HELD)
                        node->names = words[i].part;
                return 0;
        }
        return garbled(err, "why a content does not come");
}

/* --- lines ------------------------------------------------------------------- */

static struct fact_line *line_at(const struct parser *p)
{
        char *end;
        const unsigned long n = strtoul(p->subject, &end, 10);

        return p->subject[0] != '\0' && *end == '\0' && n < p->batch->n_lines ? p->batch->lines[n] : NULL;
}

static int take_output(struct parser *p, struct bk_error *err)
{
        struct fact_line *line = line_at(p);

        if (line == NULL)
                return garbled(err, "the number of a line");
        if (afford(p->facts, p->len, err) < 0)
                return -1;
        spec_output_done(&line->output);
        line->output.out = bk_alloc(p->len + 1);
        memcpy(line->output.out, p->text, p->len);
        line->output.out_len = p->len;
        return 0;
}

/* "messages|status" */
static int end_output(struct parser *p, struct bk_error *err)
{
        struct fact_line *line = line_at(p);
        const char *bar = memrchr(p->text, '|', p->len);
        autofree char *status = bar != NULL ? bk_strndup(bar + 1, (size_t)(p->text + p->len - bar - 1)) : NULL;
        const char *at = status;
        int64_t n;

        if (line == NULL || line->output.out == NULL || status == NULL || !number(&at, 10, &n) || *at != '\0' || n < 0 || n > 255)
                return garbled(err, "how a line ended");
        if (afford(p->facts, p->len, err) < 0)
                return -1;
        line->output.err_len = (size_t)(bar - p->text);
        line->output.err = bk_alloc(line->output.err_len + 1);
        memcpy(line->output.err, p->text, line->output.err_len);
        line->output.status = (int)n;
        line->answered = true;
        return 0;
}

/* --- records ------------------------------------------------------------------ */

static int take_subject(struct parser *p, struct bk_error *err)
{
        if (p->kind != 'Q' && !is_path(p->text, p->len))
                return garbled(err, "a path");
        free(p->subject);
        p->subject = bk_strndup(p->text, p->len);
        if (p->kind != 'A')
                return 0;
        bk_strv_add(&p->absent, p->subject);
        return p->absent.n <= FACTS_GROUP ? 0 : garbled(err, "more is absent than was asked");
}

static int finish(struct parser *p, struct bk_error *err)
{
        (void)err;
        p->whole = true;
        return 0;
}

/* What may follow what, and who takes it. */
static const struct { char kind; const char *after; int (*take)(struct parser *p, struct bk_error *err); } records[] = {
        { 'L', NULL, take_subject }, { 'T', "L", take_link },       { 'A', NULL, take_subject },   { 'Y', NULL, take_stats },
        { 'W', "Y", judge_absent },  { 'F', NULL, take_subject },   { 'M', "F", take_names },      { 'C', NULL, take_subject },
        { 'D', "C", take_content },  { 'K', NULL, take_subject },   { 'R', "K", take_refusal },    { 'Q', NULL, take_subject },
        { 'O', "Q", take_output },   { 'X', "O", end_output },      { 'Z', NULL, finish },
};

static int take_record(struct parser *p, struct bk_error *err)
{
        if (p->kind == 'E')
                return p->before == 'M' ? end_names(p, err) : p->before == 'D' ? end_content(p, err) : garbled(err, "an end without a beginning");
        for (size_t i = 0; i < sizeof records / sizeof *records; i++)
                if (records[i].kind == p->kind && (records[i].after == NULL || *records[i].after == p->before))
                        return records[i].take(p, err);
        return garbled(err, "records out of order");
}

/* Does the answer end as the script does? Otherwise nothing of it is taken. */
static bool is_whole(const struct facts_batch *batch, const char *bytes, size_t length)
{
        const char *tail = length > FACTS_TOKEN ? bytes + length - FACTS_TOKEN - 1 : NULL;

        return tail != NULL && memcmp(tail, batch->boundary, FACTS_TOKEN) == 0 && tail[FACTS_TOKEN] == 'Z';
}

int facts_parse(struct spec_facts *facts, const struct facts_batch *batch, const char *bytes, size_t length, struct bk_error *err)
{
        BK_CLEANUP(parser_done) struct parser p = { .facts = facts, .batch = batch, .end = bytes + length };

        if (!is_whole(batch, bytes, length))
                return garbled(err, "it does not end as it should");
        p.at = memmem(bytes, length, batch->boundary, FACTS_TOKEN);     /* a shell's greeting may come before */
        p.at += FACTS_TOKEN;
        while (next(&p))
                if (p.whole)
                        return garbled(err, "it goes on after its end");
                else if (take_record(&p, err) < 0)
                        return -1;
        return 0;
}
