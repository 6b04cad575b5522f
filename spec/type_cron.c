/* Types `cron` and `mail_alias`: tables of text. An entry is a whole line of a user's own table, and a recipient
 * is one whole recipient. */
#include "spec/spec_priv.h"

#include <string.h>

enum { TABLE_MOST = 64 << 20 };         /* bytes of all tables together */

/* Debian's cron, then that of Red Hat. */
static const char *const spools[] = { "/var/spool/cron/crontabs", "/var/spool/cron" };
static const char *const aliases = "/etc/aliases";

/* The table that `crontab -l` would print. */
static int users_table(struct spec_resource *r, const char *user, char **ret_text, struct spec_view *ret, struct bk_error *err)
{
        for (size_t i = 0; i < 2; i++) {
                autofree char *path = bk_format("%s/%s", spools[i], user);
                const int there = spec_config_read(r->image, path, ret_text, ret, err);

                if (there != 0)
                        return there;
        }
        spec_note(r, "user '%s' has no table", user);
        return 0;
}

static int cron_has_entry(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *user = spec_args_named(args, "with_user"), *entry = spec_args_text(args, 0);
        struct spec_view rest, line;
        size_t n = 0;
        int there;

        *ret = false;
        if (entry == NULL)
                return bk_fail(err, BK_USAGE, "an entry is expected, such as '* * * * * /usr/bin/x'");
        if (user == NULL)
                user = "root";
        if (strchr(user, '/') != NULL || *user == '.' || *user == '\0')
                return bk_fail(err, BK_USAGE, "'%s' is no name of a user", user);
        there = users_table(r, user, &text, &rest, err);
        if (there <= 0)
                return there;
        while (spec_view_line(&rest, &line)) {
                const struct spec_view bare = spec_view_trim(line);

                if (bare.n == 0 || *bare.s == '#')
                        continue;
                n++;
                if (spec_view_is(line, entry) || spec_view_is(bare, entry)) {
                        spec_note(r, "user '%s' has it", user);
                        *ret = true;
                        return 0;
                }
        }
        spec_note(r, "none of the %zu lines of user '%s' is", n, user);
        return 0;
}

static int add_table(void *arg, const char *path, struct spec_view text, struct bk_error *err)
{
        struct bk_buf *all = arg;

        if (text.n > TABLE_MOST - all->len)
                return bk_fail(err, BK_INFRA, "'%s' in the image: all tables together are larger than %d MiB", path, TABLE_MOST >> 20);
        bk_buf_add(all, text.s, text.n);
        return 0;
}

/* As `cat /etc/cron.d/... /etc/crontab /var/spool/cron/... /var/spool/cron/crontabs/...` prints them. */
static int cron_table(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf all = { 0 };
        autofree char *text = NULL;
        struct spec_view view;
        int there;

        if (spec_config_folder(r->image, "/etc/cron.d", "", add_table, &all, err) < 0)
                return -1;
        there = spec_config_read(r->image, "/etc/crontab", &text, &view, err);
        if (there < 0 || (there > 0 && add_table(&all, "/etc/crontab", view, err) < 0) ||
            spec_config_folder(r->image, spools[1], "", add_table, &all, err) < 0 ||
            spec_config_folder(r->image, spools[0], "", add_table, &all, err) < 0)
                return -1;
        *ret = (struct spec_value){ .kind = SPEC_STRING, .len = all.len };
        ret->s = bk_buf_finish(&all);
        return 0;
}

void spec_cron_want(const struct spec_resource *resource)
{
        spec_want_path(resource, "/etc/cron.d");
        spec_want_path(resource, "/etc/crontab");
        for (size_t i = 0; i < 2; i++) {
                autofree char *root = bk_format("%s/root", spools[i]);

                spec_want_path(resource, spools[i]);
                spec_want_path(resource, root);
        }
}

const struct spec_property spec_cron_properties[] = { { "table", cron_table }, { NULL } };
const struct spec_predicate spec_cron_predicates[] = { { "has_entry?", "with_user", cron_has_entry }, { NULL } };

/* --- mail_alias ------------------------------------------------------------ */

/* Takes one recipient off the list; a comma inside double quotes is none. */
static bool recipient(struct spec_view *list, struct spec_view *ret)
{
        size_t n = 0;
        bool quoted = false;

        if (list->n == 0)
                return false;
        for (; n < list->n && (quoted || list->s[n] != ','); n++)
                if (list->s[n] == '"')
                        quoted = !quoted;
        *ret = spec_view_unquote(spec_view_trim((struct spec_view){ list->s, n }));
        list->s += n < list->n ? n + 1 : n;
        list->n -= n < list->n ? n + 1 : n;
        return true;
}

static bool goes_to(struct spec_view recipients, struct spec_view wanted)
{
        struct spec_view one;

        while (recipient(&recipients, &one))
                if (one.n == wanted.n && one.n > 0 && memcmp(one.s, wanted.s, one.n) == 0)
                        return true;
        return false;
}

/* A line that begins with a blank goes on with the one before. Names know no case. */
static void look_up(struct spec_resource *r, struct spec_view rest, struct spec_view wanted, bool *ret)
{
        struct spec_view line, name, recipients;
        bool ours = false;

        spec_note(r, "'%s' does not name it", aliases);
        while (!*ret && spec_view_line(&rest, &line)) {
                if (line.n == 0 || *line.s == '#')
                        continue;
                recipients = spec_view_trim(line);
                if (*line.s != ' ' && *line.s != '\t') {
                        ours = spec_view_pair(line, ':', &name, &recipients) && spec_view_is_nocase(spec_view_unquote(name), r->name);
                        if (ours)
                                spec_note(r, "it goes to %.*s", (int)(recipients.n < 500 ? recipients.n : 500), recipients.s);
                }
                *ret = ours && goes_to(recipients, wanted);
        }
}

static int aliased_to(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *wanted = spec_args_text(args, 0);
        struct spec_view view;
        int there;

        *ret = false;
        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a recipient is expected");
        there = spec_config_read(r->image, aliases, &text, &view, err);
        if (there <= 0) {
                spec_note(r, "'%s' does not exist", aliases);
                return there;
        }
        look_up(r, view, spec_view_unquote(spec_view_trim(spec_view_of(wanted))), ret);
        return 0;
}

void spec_mail_alias_want(const struct spec_resource *resource)
{
        spec_want_path(resource, aliases);
}

const struct spec_predicate spec_mail_alias_predicates[] = { { "aliased_to?", NULL, aliased_to }, { NULL } };
