/* What a guest's files are, answered from the tree of what is known; what is not known yet is asked first. */
#include "spec/facts_priv.h"

#include <string.h>

#include "lib/digest.h"

/* A regular file's node: 1, 0 for anything else, -1. */
static int look_at_file(struct spec_facts *facts, const char *path, struct fact_node **ret, struct bk_error *err)
{
        const int there = facts_look(facts, path, true, ret, err);

        return there > 0 ? S_ISREG((*ret)->st.st_mode) : there;
}

int spec_facts_stat(struct spec_facts *facts, const char *path, bool follow, struct stat *ret, struct bk_error *err)
{
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, follow, &node, err);

        if (there <= 0)
                return there;
        *ret = node->st;
        if (follow && S_ISLNK(ret->st_mode))            /* only /proc/self is not followed: whose it is, the reader decides */
                ret->st_mode = S_IFDIR | 0555;
        return 1;
}

static int too_large(const char *path, size_t most, struct bk_error *err)
{
        return bk_fail(err, BK_INVALID, "'%s' in the guest: larger than the %zu bytes allowed here", path, most);
}

/* The batch was full: everything that it left out comes now, as far as that is possible. */
static void retry_later(struct spec_facts *facts)
{
        for (size_t i = 0; i < facts->n_nodes; i++) {
                if (facts->node[i]->content == PART_LATER)
                        facts->node[i]->content = PART_UNASKED;
                if (facts->node[i]->names == PART_LATER)
                        facts->node[i]->names = PART_UNASKED;
        }
        for (size_t i = 0; i < facts->n_wants; i++)
                facts_want_again(facts->want[i]);
}

/* One large content is held, the last one: it makes room for the next. */
static void drop_alone(struct spec_facts *facts)
{
        if (facts->alone != NULL && facts->alone->content == PART_HELD) {
                fact_node_drop_content(facts, facts->alone);
                facts->alone->content = PART_LARGE;
        }
        facts->alone = NULL;
}

static int fetch_content(struct spec_facts *facts, struct fact_node *node, size_t most, struct bk_error *err)
{
        enum { ALONE_MOST = 63 << 20 };                 /* of an answer, 64 MiB are taken */

        if (node->content == PART_LATER)
                retry_later(facts);
        if (node->content == PART_UNASKED && facts_demand(facts, node->path, 0, err) < 0)
                return -1;
        if (node->content != PART_LARGE || most <= FACTS_SMALL || node->st.st_size > (off_t)most)
                return 0;
        drop_alone(facts);
        node->content = PART_UNASKED;
        facts->alone = node;
        return facts_demand(facts, node->path, most < ALONE_MOST ? most : ALONE_MOST, err);
}

int spec_facts_read(struct spec_facts *facts, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        struct fact_node *node = NULL;
        const int there = look_at_file(facts, path, &node, err);

        if (there <= 0)
                return there;
        if (node->content != PART_HELD && node->content != PART_DENIED && fetch_content(facts, node, most, err) < 0)
                return -1;
        switch (node->content) {
        case PART_HELD:
                break;
        case PART_LARGE:
                return too_large(path, most, err);
        case PART_DENIED:
                return bk_fail(err, BK_DENIED, "'%s' in the guest cannot be read", path);
        default:
                return bk_fail(err, BK_INFRA, "the guest does not say what is in '%s'", path);
        }
        if (node->len > most)
                return too_large(path, most, err);
        *ret = bk_alloc(node->len + 1);
        memcpy(*ret, node->data, node->len);
        if (ret_len != NULL)
                *ret_len = node->len;
        return 1;
}

int spec_facts_link(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err)
{
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, false, &node, err);

        if (there <= 0 || !S_ISLNK(node->st.st_mode))
                return there < 0 ? -1 : 0;
        if (node->link == NULL && facts_demand(facts, path, 0, err) < 0)
                return -1;
        if (node->link == NULL)
                return bk_fail(err, BK_INFRA, "the guest does not say where '%s' leads", path);
        *ret = bk_strdup(node->link);
        return 1;
}

int spec_facts_list(struct spec_facts *facts, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, true, &node, err);

        if (there <= 0 || !S_ISDIR(node->st.st_mode))
                return there < 0 ? -1 : 0;
        if (node->names == PART_UNASKED && facts_demand(facts, node->path, 0, err) < 0)
                return -1;
        if (node->names == PART_LARGE) {
                node->names = PART_UNASKED;
                if (facts_demand(facts, node->path, FACTS_WHOLE + 1, err) < 0)
                        return -1;
        }
        if (node->names == PART_LARGE)
                return bk_fail(err, BK_INVALID, "'%s' in the guest has more than %d names", path, FACTS_NAMES_MOST);
        if (node->names != PART_HELD)
                return bk_fail(err, node->names == PART_DENIED ? BK_DENIED : BK_INFRA, "cannot list '%s' in the guest", path);
        for (size_t i = 0; i < node->list.n; i++)
                bk_strv_add(ret, node->list.v[i]);
        return 1;
}

int spec_facts_real(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err)
{
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, true, &node, err);

        if (there > 0)
                *ret = bk_strdup(node->path);
        return there;
}

/* --- what programs of the guest tell ------------------------------------------- */

static int line_failed(const struct spec_output *output, const char *what, const char *path, struct bk_error *err)
{
        const char *said = output->err != NULL ? output->err : "";
        const int length = (int)(strcspn(said, "\n") < 300 ? strcspn(said, "\n") : 300);

        if (output->status == 127)
                return bk_fail(err, BK_INFRA, "the guest lacks what tells %s of '%s': %.*s", what, path, length, said);
        return bk_fail(err, BK_INFRA, "the guest does not tell %s of '%s' (status %d): %.*s", what, path, output->status, length, said);
}

/* Where the content came, it is summed here; else the guest does, without the content's crossing the wire. */
int spec_facts_digest(struct spec_facts *facts, const char *path, const char *algorithm, char **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf line = { 0 };
        const struct spec_output *output = NULL;
        struct fact_node *node = NULL;
        autofree char *length_of = NULL;
        const int there = look_at_file(facts, path, &node, err);
        size_t length;

        if (there <= 0)
                return there;
        if (bk_checksum_bytes("", 0, algorithm, &length_of, err) < 0)           /* is it known? */
                return -1;
        if (node->content == PART_UNASKED && facts_demand(facts, node->path, 0, err) < 0)
                return -1;
        if (node->content == PART_HELD)
                return bk_checksum_bytes(node->data, node->len, algorithm, ret, err) < 0 ? -1 : 1;
        if (node->content == PART_DENIED)
                return bk_fail(err, BK_DENIED, "'%s' in the guest cannot be read", path);
        bk_buf_puts(&line, "f=");
        facts_quote(&line, node->path);
        bk_buf_printf(&line, "; if command -v %ssum >/dev/null 2>&1; then %ssum <\"$f\"; else openssl dgst -%s -r <\"$f\"; fi", algorithm,
                      algorithm, algorithm);
        if (spec_facts_line(facts, line.data, &output, err) < 0)
                return -1;
        length = strlen(length_of);
        if (output->status != 0 || strspn(output->out, "0123456789abcdef") != length)
                return line_failed(output, "the checksum", path, err);
        *ret = bk_strndup(output->out, length);
        return 1;
}

/* As lsattr(1) has the letters, in e2fsprogs' lib/e2p/pf.c. */
static const struct { char letter; unsigned flag; } flag_letters[] = {
        { 's', 0x1 },         { 'u', 0x2 },        { 'S', 0x8 },        { 'D', 0x10000 },    { 'i', 0x10 },       { 'a', 0x20 },
        { 'd', 0x40 },        { 'A', 0x80 },       { 'c', 0x4 },        { 'm', 0x400 },      { 'E', 0x800 },      { 'I', 0x1000 },
        { 'j', 0x4000 },      { 't', 0x8000 },     { 'T', 0x20000 },    { 'e', 0x80000 },    { 'V', 0x100000 },   { 'C', 0x800000 },
        { 'x', 0x2000000 },   { 'N', 0x10000000 }, { 'P', 0x20000000 }, { 'F', 0x40000000 },
};

static bool read_flags(const char *text, unsigned *ret)
{
        unsigned flags = 0;

        for (; *text != '\0' && *text != ' '; text++) {
                unsigned flag = 0;

                for (size_t i = 0; i < sizeof flag_letters / sizeof *flag_letters; i++)
                        if (flag_letters[i].letter == *text)
                                flag = flag_letters[i].flag;
                if (*text != '-' && flag == 0)
                        return false;
                flags |= flag;
        }
        *ret = flags;
        return *text == ' ';
}

int spec_facts_flags(struct spec_facts *facts, const char *path, unsigned *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf line = { 0 };
        const struct spec_output *output = NULL;
        struct fact_node *node = NULL;
        const int there = facts_look(facts, path, true, &node, err);

        if (there <= 0 || (!S_ISREG(node->st.st_mode) && !S_ISDIR(node->st.st_mode)))
                return there < 0 ? -1 : 0;
        bk_buf_puts(&line, "lsattr -d ");
        facts_quote(&line, node->path);
        if (spec_facts_line(facts, line.data, &output, err) < 0)
                return -1;
        if (output->status != 127 && (strstr(output->err, "not supported") != NULL || strstr(output->err, "Inappropriate ioctl") != NULL))
                return 0;
        if (output->status != 0 || !read_flags(output->out, ret))
                return line_failed(output, "the flags", path, err);
        return 1;
}
