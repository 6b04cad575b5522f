/* Types `iptables` and `ip6tables`: the rules as `iptables -S` prints them, or those that are loaded at boot.
 *
 * serverspec greps for the rule, so that '--dport 2' is found in '--dport 22'. Here it is found between blanks, as words or as the
 * basic regular expression that grep makes of it. */
#include "spec/live.h"

#include <string.h>

#include <oniguruma.h>          /* which brings a regcomp() of its own, so that the C library's cannot be had */

struct family { const char *program; const char *files[3]; };

static const struct family v4 = { "iptables", { "/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables/rules-save" } };
static const struct family v6 = { "ip6tables", { "/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables", "/etc/iptables/rules6-save" } };

static char *list_line(const struct family *family, const char *table)
{
        return bk_format("%s -t %s -S", family->program, table);
}

static void want(const struct spec_resource *r, const struct family *family)
{
        autofree char *line = list_line(family, "filter");

        spec_want_guest_line(r, line);
}

void spec_iptables_want(const struct spec_resource *r)
{
        want(r, &v4);
}

void spec_ip6tables_want(const struct spec_resource *r)
{
        want(r, &v6);
}

/* --- is it there? ---------------------------------------------------------- */

struct wish {
        const char *chain;
        char *words;
        regex_t *regex;                 /* NULL: it is none */
        bool given_up;                  /* a line was too much for it */
        bool padded;                    /* of the line with a blank before and behind it, so that blanks bound what is found */
};

/* One blank between words, as iptables prints them. */
static char *squeezed(const char *text)
{
        struct spec_view rest = spec_view_of(text), word;
        struct bk_buf ret = { 0 };

        while (spec_view_word(&rest, &word)) {
                if (ret.len > 0)
                        bk_buf_putc(&ret, ' ');
                bk_buf_add(&ret, word.s, word.n);
        }
        return bk_buf_finish(&ret);
}

/* A basic regular expression, as grep reads it; of bytes. */
static regex_t *compiled(const char *pattern)
{
        const UChar *p = (const UChar *)pattern;
        OnigErrorInfo info;
        regex_t *ret = NULL;

        return onig_new(&ret, p, p + strlen(pattern), ONIG_OPTION_NONE, ONIG_ENCODING_ASCII, ONIG_SYNTAX_GREP, &info) == ONIG_NORMAL ? ret : NULL;
}

static bool found(struct wish *wish, const char *text)
{
        const UChar *p = (const UChar *)text, *end = p + strlen(text);
        const int at = wish->regex ? onig_search(wish->regex, p, end, p, end, NULL, ONIG_OPTION_NONE) : ONIG_MISMATCH;

        wish->given_up |= at < 0 && at != ONIG_MISMATCH;
        return at >= 0;
}

static void wish_begin(struct wish *wish, const char *rule, const char *chain, bool compat)
{
        const size_t n = strlen(rule), first = rule[0] == '^', last = n > first && rule[n - 1] == '$';
        autofree char *bounded = compat ? bk_strdup(rule) : bk_format("%s %.*s %s", first ? "^" : "", (int)(n - first - last), rule + first,
                                                                      last ? "$" : "");

        *wish = (struct wish){ .chain = chain, .words = squeezed(rule), .padded = !compat };
        wish->regex = n < 4096 ? compiled(bounded) : NULL;
}

static void wish_done(struct wish *wish)
{
        if (wish->regex != NULL)
                onig_free(wish->regex);
        free(wish->words);
}

/* The words, in this order and with nothing between, at the borders of words. */
static bool has_words(const char *line, const char *words)
{
        const size_t length = strlen(words);

        for (const char *at = line; length > 0 && (at = strstr(at, words)) != NULL; at++)
                if ((at == line || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
                        return true;
        return false;
}

/* "-A CHAIN ...", "-P CHAIN ACCEPT", "-N CHAIN" */
static bool wished(struct wish *wish, struct spec_view line)
{
        autofree char *text = spec_view_dup(line), *padded = bk_format(" %s ", text);
        struct spec_view verb, chain;

        if (wish->chain != NULL && (!spec_view_word(&line, &verb) || !spec_view_word(&line, &chain) || !spec_view_is(chain, wish->chain)))
                return false;
        return has_words(text, wish->words) || found(wish, wish->padded ? padded : text);
}

static bool among(struct wish *wish, struct spec_view rest)
{
        struct spec_view line;

        while (spec_view_line(&rest, &line))
                if (line.n > 0 && *line.s == '-' && wished(wish, line))
                        return true;
        return false;
}

/* --- configured ------------------------------------------------------------ */

/* One line of iptables-save as -S would print it; false for what is no rule. */
static bool printed(struct spec_view line, char **ret)
{
        struct spec_view chain, policy, counters;

        if (line.n > 0 && *line.s == '[' && !spec_view_until(&line, ']', &counters))
                return false;
        line = spec_view_trim(line);
        if (line.n > 0 && *line.s == '-') {
                *ret = spec_view_dup(line);
                return true;
        }
        if (line.n < 2 || *line.s != ':')
                return false;
        line = (struct spec_view){ line.s + 1, line.n - 1 };
        if (!spec_view_word(&line, &chain) || !spec_view_word(&line, &policy))
                return false;
        *ret = spec_view_is(policy, "-") ? bk_format("-N %.*s", (int)(chain.n & 0xffff), chain.s)
                                         : bk_format("-P %.*s %.*s", (int)(chain.n & 0xffff), chain.s, (int)(policy.n & 0xffff), policy.s);
        return true;
}

static char *table_of_file(const char *text, const char *table)
{
        struct spec_view rest = spec_view_of(text), line;
        struct bk_buf ret = { 0 };
        bool inside = false;

        while (spec_view_line(&rest, &line)) {
                autofree char *rule = NULL;

                line = spec_view_trim(line);
                if (line.n > 0 && *line.s == '*')
                        inside = spec_view_is((struct spec_view){ line.s + 1, line.n - 1 }, table);
                else if (inside && printed(line, &rule))
                        bk_buf_printf(&ret, "%s\n", rule);
        }
        return bk_buf_finish(&ret);
}

static int rules_as_configured(struct spec_resource *r, const struct family *family, const char *table, char **ret, struct bk_error *err)
{
        const struct spec_files *guest = NULL;

        for (size_t i = 0; i < sizeof family->files / sizeof *family->files; i++) {
                autofree char *text = NULL;
                const int there = spec_text_of(&r->image->files, family->files[i], &text, err);

                if (there < 0)
                        return -1;
                if (!there)
                        continue;
                *ret = table_of_file(text, table);
                spec_note(r, "'%s' has no such rule", family->files[i]);
                spec_configured(r);
                return 0;
        }
        return spec_image_guest(r->image, &guest, err) < 0 ? bk_wrap(err, "the image has no saved rules") : -1;
}

/* --- the check ------------------------------------------------------------- */

static int rules_of_guest(struct spec_resource *r, const struct family *family, const char *table, struct spec_view *ret, struct bk_error *err)
{
        autofree char *line = list_line(family, table);
        const struct spec_output *output = NULL;

        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "`%s` failed in the guest: %.200s", line, output->err ? output->err : "");
        *ret = spec_view_of_output(output);
        spec_note(r, "`%s` prints no such rule", line);
        return 0;
}

static int has_rule(struct spec_resource *r, const struct spec_args *args, const struct family *family, bool *ret, struct bk_error *err)
{
        const char *rule = spec_args_text(args, 0), *table = spec_args_named(args, "with_table");
        const struct spec_files *guest = NULL;
        struct bk_error none = { 0 };
        BK_CLEANUP(wish_done) struct wish wish = { 0 };
        struct spec_view rules = spec_view_of("");
        autofree char *text = NULL;

        table = table != NULL ? table : "filter";
        if (rule == NULL || rule[strspn(rule, " ")] == '\0')
                return bk_fail(err, BK_USAGE, "a rule is expected");
        if (*table == '\0' || strspn(table, "abcdefghijklmnopqrstuvwxyz") != strlen(table))
                return bk_fail(err, BK_USAGE, "'%s' is no table: filter, nat, mangle, raw and security are", table);
        if (spec_image_guest(r->image, &guest, &none) < 0) {
                if (rules_as_configured(r, family, table, &text, err) < 0)
                        return -1;
                rules = spec_view_of(text);
        } else if (rules_of_guest(r, family, table, &rules, err) < 0) {
                return -1;
        }
        wish_begin(&wish, rule, spec_args_named(args, "with_chain"), r->image->options->compat);
        *ret = among(&wish, rules);
        if (!*ret && wish.given_up)
                return bk_fail(err, BK_USAGE, "'%.200s' takes too long to search for", rule);
        if (*ret)
                bk_buf_done(&r->note);
        return 0;
}

static int iptables_rule(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_rule(r, args, &v4, ret, err);
}

static int ip6tables_rule(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        return has_rule(r, args, &v6, ret, err);
}

const struct spec_predicate spec_iptables_predicates[] = { { "has_rule?", "with_table with_chain", iptables_rule }, { NULL } };
const struct spec_predicate spec_ip6tables_predicates[] = { { "has_rule?", "with_table with_chain", ip6tables_rule }, { NULL } };
