/* Lineage as a picture: ancestors to the left, descendants to the right, one column a generation. SVG without scripts, fonts or
 * anything from elsewhere; its colours follow the reader's scheme. */
#include "registry/registry_priv.h"

#include <string.h>

#include "lib/fs.h"

enum { NODES_MOST = 400, LINE_MOST = 100, BOX_WIDTH = 216, BOX_HEIGHT = 58, COLUMN = 256, ROW = 74, MARGIN = 20, TEXT_MOST = 26 };

struct box {
        const char *name, *id, *type, *note;    /* note: how fresh it is; NULL: not said */
        enum reg_state state;
        size_t parent;                  /* of boxes; its own index: none */
        unsigned column;
        double row;
        bool self;
};

struct picture {
        struct box *v;
        size_t n;
        unsigned columns;
        double rows;
        bool more;
};

/* --- places ------------------------------------------------------------------------- */
/* A box stands in the middle of its children, which come behind it in the list, in the order of their birth; a leaf takes the next
 * row. */
static double place(struct picture *picture, size_t at)
{
        double first = -1, last = -1;

        for (size_t i = at + 1; i < picture->n; i++) {
                double row;

                if (picture->v[i].parent != at)
                        continue;
                row = place(picture, i);
                first = first < 0 ? row : first;
                last = row;
        }
        if (first < 0)
                first = last = picture->rows++;
        picture->v[at].row = (first + last) / 2;
        if (picture->v[at].column + 1 > picture->columns)
                picture->columns = picture->v[at].column + 1;
        return picture->v[at].row;
}

/* --- text ------------------------------------------------------------------------------ */
/* No more than `most` bytes, of whole characters. */
static void add_text(struct bk_buf *svg, const char *text, size_t most)
{
        size_t n = strlen(text);
        const bool cut = n > most;

        if (cut)
                for (n = most - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
                        ;
        for (size_t i = 0; i < n; i++) {
                const unsigned char c = (unsigned char)text[i];

                if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
                        bk_buf_printf(svg, "&#%u;", (unsigned)c);
                else
                        bk_buf_putc(svg, c < 0x20 || c == 0x7f ? '?' : (char)c);
        }
        if (cut)
                bk_buf_puts(svg, "\xe2\x80\xa6");
}

static const char style[] =
        "<style>"
        "svg{--page:#fff;--ink:#1b1f24;--dim:#57606a;--box:#f6f8fa;--line:#afb8c1;--self:#ddf4ff;--edge:#0969da;"
        "--baked:#59636e;--tested:#1a7f37;--promoted:#0969da;--deprecated:#9a6700;--revoked:#cf222e;--trashed:#57606a;background:var(--page)}"
        "@media(prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--dim:#9198a1;--box:#161b22;--line:#484f58;--self:#132c4a;"
        "--edge:#4493f8;--baked:#9198a1;--tested:#3fb950;--promoted:#4493f8;--deprecated:#d29922;--revoked:#f85149;--trashed:#9198a1}}"
        "text{font:12px system-ui,sans-serif;fill:var(--dim)}.n{font-weight:600;font-size:14px;fill:var(--ink)}"
        ".b{fill:var(--box);stroke:var(--line)}.s .b{fill:var(--self);stroke:var(--edge);stroke-width:2}"
        "path{fill:none;stroke:var(--line);stroke-width:1.5}.o{fill:var(--revoked)}"
        "</style>";

static double x_of(const struct box *box) { return MARGIN + (double)box->column * COLUMN; }
static double y_of(const struct box *box) { return MARGIN + box->row * ROW; }

static void draw_line(struct bk_buf *svg, const struct box *from, const struct box *to)
{
        const double x = x_of(from) + BOX_WIDTH, y = y_of(from) + BOX_HEIGHT / 2.0, end = x_of(to), end_y = y_of(to) + BOX_HEIGHT / 2.0;
        const double middle = (x + end) / 2;

        bk_buf_printf(svg, "<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>", x, y, middle, y, middle, end_y, end, end_y);
}

static void draw_box(struct bk_buf *svg, const struct box *box)
{
        const double x = x_of(box), y = y_of(box);
        const char *state = reg_state_name(box->state);

        bk_buf_printf(svg, "<g%s><title>", box->self ? " class=\"s\"" : "");
        add_text(svg, box->name, 200);
        bk_buf_puts(svg, " ");
        add_text(svg, box->id, 100);
        bk_buf_printf(svg, "</title><rect class=\"b\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"6\"/>", x, y, BOX_WIDTH, BOX_HEIGHT);
        bk_buf_printf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"5\" height=\"%d\" rx=\"2.5\" style=\"fill:var(--%s)\"/>", x, y, BOX_HEIGHT, state);
        bk_buf_printf(svg, "<text class=\"n\" x=\"%.1f\" y=\"%.1f\">", x + 14, y + 19);
        add_text(svg, box->name, TEXT_MOST);
        bk_buf_printf(svg, "</text><text x=\"%.1f\" y=\"%.1f\">%.12s \xc2\xb7 <tspan style=\"fill:var(--%s)\">%s</tspan></text>", x + 14, y + 35,
                      strncmp(box->id, "sha256:", 7) == 0 ? box->id + 7 : box->id, state, state);
        bk_buf_printf(svg, "<text x=\"%.1f\" y=\"%.1f\">", x + 14, y + 51);
        add_text(svg, box->type, 14);
        if (box->note != NULL)
                bk_buf_printf(svg, " \xc2\xb7 <tspan%s>%s</tspan>", bk_streq(box->note, "out-of-date") ? " class=\"o\"" : "", box->note);
        bk_buf_puts(svg, "</text></g>\n");
}

static char *draw(const struct picture *picture)
{
        const double width = 2 * MARGIN + (picture->columns - 1) * (double)COLUMN + BOX_WIDTH;
        const double height = 2 * MARGIN + picture->rows * ROW - (ROW - BOX_HEIGHT) + (picture->more ? 24 : 0);
        struct bk_buf svg = { 0 };

        bk_buf_printf(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                      "aria-label=\"lineage\">\n%s\n", width, height, width, height, style);
        bk_buf_printf(&svg, "<rect width=\"%.0f\" height=\"%.0f\" style=\"fill:var(--page)\"/>\n", width, height);
        for (size_t i = 0; i < picture->n; i++)
                if (picture->v[i].parent != i)
                        draw_line(&svg, &picture->v[picture->v[i].parent], &picture->v[i]);
        bk_buf_putc(&svg, '\n');
        for (size_t i = 0; i < picture->n; i++)
                draw_box(&svg, &picture->v[i]);
        if (picture->more)
                bk_buf_printf(&svg, "<text x=\"%d\" y=\"%.1f\">more descendants than %d: the oldest are shown</text>\n", MARGIN,
                              height - MARGIN / 2.0, NODES_MOST);
        bk_buf_puts(&svg, "</svg>\n");
        return bk_buf_finish(&svg);
}

/* --- what is drawn ------------------------------------------------------------------------ */
/* Nodes are sorted by sequence, as ancestors come before descendants. */
static size_t index_of(const struct reg_nodes *nodes, int64_t sequence)
{
        size_t low = 0, high = nodes->n;

        while (low < high) {
                const size_t middle = (low + high) / 2;

                if (nodes->v[middle].sequence < sequence)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < nodes->n && nodes->v[low].sequence == sequence ? low : nodes->n;
}

static void compose(struct picture *picture, const struct reg_images *line, const enum reg_freshness *fresh, const struct reg_nodes *nodes)
{
        picture->v = bk_alloc((line->n + nodes->n) * sizeof *picture->v);
        for (size_t i = 0; i < line->n; i++)
                picture->v[picture->n++] = (struct box){
                        .name = line->v[i].name, .id = line->v[i].id, .type = line->v[i].type, .note = reg_freshness_name(fresh[i]),
                        .state = line->v[i].state, .parent = i == 0 ? 0 : i - 1, .column = (unsigned)i, .self = i + 1 == line->n };
        for (size_t i = 0; i < nodes->n; i++) {
                const struct reg_node *node = &nodes->v[i];
                const size_t parent = node->depth == 1 ? nodes->n : index_of(nodes, node->ancestor);

                picture->v[picture->n++] = (struct box){
                        .name = node->name, .id = node->id, .type = node->type, .state = node->state,
                        .parent = parent == nodes->n ? line->n - 1 : line->n + parent, .column = (unsigned)line->n - 1 + node->depth };
        }
        (void)place(picture, 0);
}

int reg_lineage_svg(struct reg *reg, const char *id, char **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images line = { 0 };
        BK_CLEANUP(reg_nodes_done) struct reg_nodes nodes = { 0 };
        autofree enum reg_freshness *fresh = NULL;
        autofree char **newest = NULL;
        struct picture picture = { 0 };
        size_t skipped;

        if (reg_lineage(reg, id, &line, err) < 0 ||
            reg_descendants(reg, id, &(struct reg_descent){ .limit = NODES_MOST + 1 }, &nodes, err) < 0)
                return -1;
        fresh = bk_alloc(line.n * sizeof *fresh);
        newest = bk_alloc(line.n * sizeof *newest);
        if (reg_lineage_freshness(reg, &line, fresh, newest, err) < 0)
                return -1;
        for (size_t i = 0; i < line.n; i++)
                free(newest[i]);
        skipped = line.n > LINE_MOST ? line.n - LINE_MOST : 0;
        picture.more = nodes.n > NODES_MOST;
        if (picture.more) {
                struct reg_node *last = &nodes.v[--nodes.n];

                free(last->id);
                free(last->name);
                free(last->type);
        }
        compose(&picture, &(struct reg_images){ line.v + skipped, line.n - skipped }, fresh + skipped, &nodes);
        *ret = draw(&picture);
        free(picture.v);
        return 0;
}
