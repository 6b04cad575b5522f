/* A suite from a golden image: the frame, and the packages. */
#include "spec/add_priv.h"

#include <string.h>

#include "spec/packages.h"
#include "spec/report_priv.h"

void spec_add_quoted(struct bk_buf *out, const char *text)
{
        bool plain = true;

        for (const char *c = text; *c != '\0'; c++)
                plain = plain && *c >= ' ' && *c < 0x7f && *c != '\'' && *c != '\\';
        bk_buf_putc(out, plain ? '\'' : '"');
        for (const char *c = text; *c != '\0'; c++) {
                if (plain)
                        bk_buf_putc(out, *c);
                else if (*c < ' ' || *c >= 0x7f || *c == '#' || *c == '"' || *c == '\\')
                        bk_buf_printf(out, "\\x%02x", (unsigned char)*c);
                else
                        bk_buf_putc(out, *c);
        }
        bk_buf_putc(out, plain ? '\'' : '"');
}

static int add_packages(struct spec_adder *a, struct bk_error *err)
{
        const struct bk_packages *all = NULL;
        const struct bk_package *last = NULL;

        if (spec_image_packages(&a->image, NULL, &all, err) < 0)
                return err->kind == BK_INFRA ? 0 : -1;  /* no database that is known: the suite says nothing of packages */
        bk_buf_puts(&a->out, a->options->no_versions ? "\n[\n" : "\n{\n");
        for (size_t i = 0; i < all->n; i++) {
                const struct bk_package *p = &all->v[i];

                /* Of several with one name, the first is the one that is found. */
                if (!p->installed || *p->name == '\0' || (last != NULL && bk_streq(last->name, p->name)))
                        continue;
                last = p;
                bk_buf_puts(&a->out, "  ");
                spec_add_quoted(&a->out, p->name);
                if (!a->options->no_versions) {
                        bk_buf_puts(&a->out, " => ");
                        spec_add_quoted(&a->out, p->version);
                }
                bk_buf_puts(&a->out, ",\n");
        }
        bk_buf_printf(&a->out, "%s\n  describe package(name) do\n    it { should be_installed%s }\n  end\nend\n",
                      a->options->no_versions ? "].each do |name|" : "}.each do |name, version|",
                      a->options->no_versions ? "" : ".with_version(version)");
        return 0;
}

static void adder_done(struct spec_adder *a)
{
        spec_image_done(&a->image);
        bk_buf_done(&a->out);
}

int spec_add(const struct spec_target *target, const struct spec_add_options *options, char **ret, struct bk_error *err)
{
        const struct spec_options defaults = { .command_timeout_ms = 60000 };
        BK_CLEANUP(adder_done) struct spec_adder a = { .options = options };
        struct bk_error why = { 0 };

        spec_image_init(&a.image, target, &defaults, -1);
        bk_buf_puts(&a.out, "# What ");
        spec_text_add(&a.out, spec_text_identity(target), -1);
        bk_buf_puts(&a.out, " has, as written by bakery spec add. Take out what may change.\n");
        if (add_packages(&a, &why) < 0 || spec_add_files(&a, &why) < 0 || spec_add_accounts(&a, &why) < 0 || spec_add_services(&a, &why) < 0 ||
            spec_add_ports(&a, &why) < 0) {
                if (err != NULL)
                        *err = why;
                return -1;
        }
        *ret = bk_buf_finish(&a.out);
        return 0;
}
