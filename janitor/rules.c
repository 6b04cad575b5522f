/* Files of rules. What a block may have is checked by lib/hcl.h before anything is understood, so here every word is known. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

enum { FILE_MOST = 1 << 20, NAME_MOST = 64, RULES_MOST = 1000 };

static const char *const kinds[] = { [JANITOR_PROTECT] = "protect", [JANITOR_KEEP] = "keep", [JANITOR_RETIRE] = "retire" };

const char *janitor_kind_name(enum janitor_kind kind)
{
        return kinds[kind];
}

/* --- what may stand where ------------------------------------------------------------------------- */
static const char *const no_words[] = { NULL };
static const char *const protect_words[] = { "scope", "why", NULL };
static const char *const keep_words[] = { "scope", "why", "newest", "by", "newest_bytes", NULL };
static const char *const retire_words[] = { "scope", "action", "grace", "notify", "restore", "most", "least", "by", "why", NULL };

struct grammar {
        const char *when_words[JANITOR_WHEN_WORDS];
        struct bk_hcl_type when_types[5], rule_types[2], file_types[5];
        struct bk_hcl_schema hole, when, protect, keep, retire, settings, file;
};

static void grammar_begin(struct grammar *g)
{
        const struct bk_hcl_type when_types[] = {
                { "all", 0, false, &g->when }, { "any", 0, false, &g->when }, { "not", 0, false, &g->when }, { "vulnerable", 0, false, &g->hole },
        };
        const struct bk_hcl_type file_types[] = {
                { "protect", 1, false, &g->protect }, { "keep", 1, false, &g->keep }, { "retire", 1, false, &g->retire },
                { "janitor", 0, true, &g->settings },
        };

        *g = (struct grammar){
                .rule_types = { { "when", 0, true, &g->when } },
                .hole = { "'vulnerable'", janitor_hole_words, NULL },
                .when = { "a list of conditions", g->when_words, g->when_types },
                .protect = { "a protect rule", protect_words, g->rule_types },
                .keep = { "a keep rule", keep_words, g->rule_types },
                .retire = { "a retire rule", retire_words, g->rule_types },
                .settings = { "the block 'janitor'", janitor_settings_words, NULL },
                .file = { "a file of rules", no_words, g->file_types },
        };
        janitor_predicate_words(g->when_words);
        memcpy(g->when_types, when_types, sizeof when_types);
        memcpy(g->file_types, file_types, sizeof file_types);
}

/* --- rules ------------------------------------------------------------------------------------------- */
static int read_name(const struct janitor_rules *rules, const struct bk_doc *label, struct janitor_rule *ret, struct bk_error *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

        if (label->text_len == 0 || label->text_len > NAME_MOST || strspn(label->text, allowed) != label->text_len)
                return bk_doc_fail(err, label, "a rule's name has 1 to %d of the letters a-z, A-Z, 0-9, '_', '-' and '.'", NAME_MOST);
        for (size_t i = 0; i < rules->n; i++)
                if (rules->v[i].kind == ret->kind && bk_streq(rules->v[i].name, label->text))
                        return bk_doc_fail(err, label, "there is a %s rule \"%s\" already, on line %u; a rule is known by its name", kinds[ret->kind],
                                           label->text, rules->v[i].place.line);
        ret->name = bk_strdup(label->text);
        return 0;
}

/* What it is for is the reason in logs, which is one line. */
static int read_why(const struct bk_doc *why, char **ret, struct bk_error *err)
{
        struct bk_doc line;             /* borrows */
        autofree char *text = NULL;
        const char *read = NULL;

        if (why == NULL)
                return 0;
        line = *why;
        line.text = text = why->kind == BK_DOC_STRING ? bk_strndup(why->text, why->text_len) : NULL;
        for (size_t i = 0; text != NULL && i < line.text_len; i++)
                if (text[i] == '\n')
                        text[i] = ' ';
        if (janitor_read_text(&line, &read, err) < 0)
                return bk_wrap(err, "why");
        *ret = bk_strdup(read);
        return 0;
}

static int read_scope(const struct bk_doc *scope, struct janitor_rule *ret, struct bk_error *err)
{
        if (scope == NULL)
                return 0;
        if (janitor_read_match(scope, &ret->scope, err) < 0)
                return bk_wrap(err, "scope");
        ret->scope_text = bk_strdup(scope->text);
        return 0;
}

/* The groups of a quota. They are kinds where nothing is said: that keeps the most. */
static int read_by(const struct bk_doc *arguments, bool quota, const char *needs, struct janitor_rule *ret, struct bk_error *err)
{
        const struct bk_doc *const by = bk_doc_get(arguments, "by");

        if (by != NULL && !quota)
                return bk_doc_fail_key(err, by, "'by' belongs to %s, which this rule does not have", needs);
        if (by != NULL && janitor_read_keys(by, true, &ret->by, err) < 0)
                return bk_wrap(err, "by");
        if (by == NULL && quota)
                bk_strv_add(&ret->by, "kind");
        return 0;
}

static int read_keep(const struct bk_doc *arguments, struct janitor_rule *ret, struct bk_error *err)
{
        const struct bk_doc *const newest = bk_doc_get(arguments, "newest"), *const bytes = bk_doc_get(arguments, "newest_bytes");
        int64_t number = 0;

        if (newest != NULL && janitor_read_count(newest, 1, 1000000, &number, err) < 0)
                return bk_wrap(err, "newest");
        ret->newest = (unsigned)number;
        number = 0;
        if (bytes != NULL && janitor_read_bytes(bytes, NULL, &number, err) < 0)
                return bk_wrap(err, "newest_bytes");
        if (bytes != NULL && number == 0)
                return bk_doc_fail(err, bytes, "newest_bytes: nothing fits in nothing");
        ret->newest_bytes = (uint64_t)number;
        return read_by(arguments, newest != NULL || bytes != NULL, "'newest' and 'newest_bytes'", ret, err);
}

static int read_action(const struct bk_hcl_block *block, struct janitor_rule *ret, struct bk_error *err)
{
        const struct bk_doc *const action = bk_doc_get(block->body.arguments, "action");
        const char *names[REG_PRUNE_PURGE + 1];
        unsigned number = 0;

        for (unsigned i = 0; i <= REG_PRUNE_PURGE; i++)
                names[i] = reg_prune_name((enum reg_prune)i);
        if (action == NULL)
                return bk_hcl_fail(err, block, "retire \"%s\" has no action; write action = \"trash\", or deprecate, hide or purge", ret->name);
        if (janitor_read_choice(action, names, REG_PRUNE_PURGE + 1, &number, err) < 0)
                return bk_wrap(err, "action");
        ret->action = (enum reg_prune)number;
        return 0;
}

static int read_restore(const struct bk_doc *restore, struct janitor_rule *ret, struct bk_error *err)
{
        if (restore == NULL)
                return 0;
        if (ret->action < REG_PRUNE_TRASH)
                return bk_doc_fail_key(err, restore, "'restore' is how long the trash keeps an image; action \"%s\" puts none there",
                                       reg_prune_name(ret->action));
        if (janitor_read_age(restore, &ret->restore, err) < 0)
                return bk_wrap(err, "restore");
        return 0;
}

static int read_retire(const struct bk_hcl_block *block, struct janitor_rule *ret, struct bk_error *err)
{
        const struct bk_doc *const arguments = block->body.arguments, *value;
        int64_t least = 0;

        if (ret->when.n == 0)
                return bk_hcl_fail(err, block, "retire \"%s\" has no 'when { ... }', and would find every image; say which", ret->name);
        if (read_action(block, ret, err) < 0 || read_restore(bk_doc_get(arguments, "restore"), ret, err) < 0)
                return -1;
        if ((value = bk_doc_get(arguments, "grace")) != NULL && janitor_read_grace(value, &ret->grace, err) < 0)
                return bk_wrap(err, "grace");
        if ((value = bk_doc_get(arguments, "notify")) != NULL && janitor_read_notify(value, ret, err) < 0)
                return bk_wrap(err, "notify");
        if ((value = bk_doc_get(arguments, "most")) != NULL && janitor_read_count(value, 1, INT64_C(1000000000), &ret->most, err) < 0)
                return bk_wrap(err, "most");
        if ((value = bk_doc_get(arguments, "least")) != NULL && janitor_read_count(value, 1, 1000000, &least, err) < 0)
                return bk_wrap(err, "least");
        ret->least = (unsigned)least;
        return read_by(arguments, least > 0, "'least'", ret, err);
}

static int read_when(const struct bk_hcl_block *block, const char *file, struct janitor_rule *ret, struct bk_error *err)
{
        const struct bk_hcl_block *const when = block->body.n_blocks > 0 ? block->body.blocks[0] : NULL;

        if (when == NULL) {             /* holds always */
                ret->when = (struct janitor_term){ .node = JANITOR_ALL, .place = ret->place, .text = bk_strdup("all { }") };
                return 0;
        }
        ret->when.place = (struct janitor_place){ file, when->line, when->column };
        if (when->body.arguments->n + when->body.n_blocks == 0)
                return bk_hcl_fail(err, when, "'when' is empty; leave it out, or say what must hold");
        return janitor_read_when(&when->body, file, JANITOR_ALL, &ret->when, err);
}

static int read_rule(struct janitor_rules *rules, enum janitor_kind kind, const struct bk_hcl_block *block, struct bk_error *err)
{
        const struct bk_doc *const arguments = block->body.arguments, *const why = bk_doc_get(arguments, "why");
        struct janitor_rule *rule = &rules->v[rules->n];

        rule->kind = kind;
        rule->most = rule->restore = -1;
        rule->place = (struct janitor_place){ rules->file, block->line, block->column };
        if (read_name(rules, block->labels->items[0], rule, err) < 0)
                return -1;
        rules->n++;
        if (read_why(why, &rule->why, err) < 0 || read_scope(bk_doc_get(arguments, "scope"), rule, err) < 0 ||
            read_when(block, rules->file, rule, err) < 0)
                return -1;
        return kind == JANITOR_KEEP ? read_keep(arguments, rule, err) : kind == JANITOR_RETIRE ? read_retire(block, rule, err) : 0;
}

/* --- files ---------------------------------------------------------------------------------------------- */
static void rule_done(struct janitor_rule *rule)
{
        for (size_t i = 0; i < rule->n_notify; i++)
                free(rule->notify[i].to);
        free(rule->notify);
        free(rule->name);
        free(rule->why);
        free(rule->scope_text);
        reg_match_done(rule->scope);
        bk_strv_done(&rule->by);
        janitor_term_done(&rule->when);
}

void janitor_rules_done(struct janitor_rules *rules)
{
        for (size_t i = 0; i < rules->n; i++)
                rule_done(&rules->v[i]);
        free(rules->v);
        free(rules->file);
        free(rules->digest);
        janitor_settings_done(&rules->settings);
        *rules = (struct janitor_rules){ 0 };
}

/* A heredoc ends with the newline of its last line, which is none of the value's. */
static void trim_doc(struct bk_doc *doc)
{
        for (size_t i = 0; i < doc->n; i++)
                trim_doc(doc->items[i]);
        if (doc->kind == BK_DOC_STRING && doc->text_len > 0 && doc->text[doc->text_len - 1] == '\n')
                doc->text[--doc->text_len] = '\0';
}

static void trim(struct bk_hcl_body *body)
{
        trim_doc(body->arguments);
        for (size_t i = 0; i < body->n_blocks; i++)
                trim(&body->blocks[i]->body);
}

static int read_blocks(const struct bk_hcl_body *body, struct janitor_rules *ret, struct bk_error *err)
{
        if (body->n_blocks > RULES_MOST)
                return bk_hcl_fail(err, body->blocks[RULES_MOST], "a file has at most %d rules", RULES_MOST);
        ret->v = bk_alloc(body->n_blocks * sizeof *ret->v);
        for (size_t i = 0; i < body->n_blocks; i++) {
                const struct bk_hcl_block *block = body->blocks[i];
                const size_t before = ret->n;
                unsigned kind = 0;

                while (kind <= JANITOR_RETIRE && strcmp(kinds[kind], block->type) != 0)
                        kind++;
                if (kind > JANITOR_RETIRE) {
                        if (janitor_read_settings(&block->body, &ret->settings, err) < 0)
                                return -1;
                } else if (read_rule(ret, (enum janitor_kind)kind, block, err) < 0) {
                        return ret->n == before ? -1 : bk_wrap(err, "%s \"%s\"", block->type, ret->v[before].name);        /* a name that is one */
                }
        }
        for (size_t i = 0; i < ret->n; i++)
                if (ret->v[i].restore < 0)
                        ret->v[i].restore = ret->v[i].action < REG_PRUNE_TRASH || ret->v[i].kind != JANITOR_RETIRE ? 0 : ret->settings.restore;
        return 0;
}

int janitor_rules_parse(const char *file, const char *text, size_t length, struct janitor_rules *ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { .file = bk_strdup(file), .digest = bk_digest_bytes(text, length) };
        autohcl *body = NULL;
        struct grammar grammar;

        grammar_begin(&grammar);
        janitor_settings_begin(&rules.settings);
        if (bk_hcl_parse(file, text, length, &grammar.file, &body, err) < 0)
                return -1;
        trim(body);
        if (read_blocks(body, &rules, err) < 0)
                return -1;
        *ret = rules;
        rules = (struct janitor_rules){ 0 };
        return 0;
}

int janitor_rules_load(const char *path, struct janitor_rules *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;

        if (bk_read_file(path, FILE_MOST, &text, &length, err) < 0)
                return bk_wrap(err, "the janitor's rules");
        return janitor_rules_parse(path, text, length, ret, err);
}

/* --- what they look at --------------------------------------------------------------------------------------- */
static void add_key(struct bk_strv *keys, const char *key)
{
        if (key != NULL && !bk_strv_has(keys, key))
                bk_strv_add(keys, key);
}

/* Groups are made by columns and attributes. */
static void ask_by(const struct bk_strv *by, unsigned *want, struct bk_strv *keys)
{
        for (size_t i = 0; i < by->n; i++)
                if (strcmp(by->v[i], "kind") == 0)
                        *want |= REG_FACTS_KINDS;
                else if (strcmp(by->v[i], "name") != 0 && strcmp(by->v[i], "type") != 0)
                        add_key(keys, by->v[i]);
}

static void ask_match(const struct reg_match *match, struct bk_strv *keys)
{
        autostrv struct bk_strv own = { 0 };

        if (match == NULL)
                return;
        reg_match_keys(match, &own);
        for (size_t i = 0; i < own.n; i++)
                add_key(keys, own.v[i]);
}

static void ask_term(const struct janitor_term *term, unsigned *want, struct bk_strv *keys)
{
        for (size_t i = 0; i < term->n; i++)
                ask_term(&term->items[i], want, keys);
        if (term->node != JANITOR_TEST_NODE)
                return;
        *want |= janitor_test_want(term->test);
        add_key(keys, janitor_test_key(term->test));
        ask_match(term->match, keys);
        if (term->test == JANITOR_NEWEST)
                ask_by(&term->words, want, keys);
        if (term->test == JANITOR_TAGGED)
                add_key(keys, term->words.v[0]);
        if (term->test == JANITOR_VULNERABLE && term->hole.fixed_successor >= 0)
                *want |= REG_FACTS_KINDS | REG_FACTS_STATES;
}

void janitor_rules_ask(const struct janitor_rules *rules, unsigned *ret_want, struct bk_strv *ret_keys)
{
        unsigned want = 0;

        for (size_t i = 0; i < rules->n; i++) {
                const struct janitor_rule *rule = &rules->v[i];

                ask_match(rule->scope, ret_keys);
                ask_term(&rule->when, &want, ret_keys);
                ask_by(&rule->by, &want, ret_keys);
                for (size_t k = 0; k < rule->n_notify; k++)
                        if (rule->notify[k].how == JANITOR_MAIL && strcmp(rule->notify[k].to, "owner") == 0) {
                                want |= REG_FACTS_MAKERS;
                                add_key(ret_keys, "owner");
                        }
        }
        *ret_want = want;
}
