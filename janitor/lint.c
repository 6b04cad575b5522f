/* What is odd about rules, as far as they alone can tell. */
#include "janitor/rules_priv.h"

#include <jansson.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/utf8.h"

struct lint { const struct janitor_rules *rules; json_t *found; };

static void say(struct lint *lint, const struct janitor_rule *rule, const struct janitor_place *place, const char *format, ...) BK_PRINTF(4, 5);
static void say(struct lint *lint, const struct janitor_rule *rule, const struct janitor_place *place, const char *format, ...)
{
        autofree char *text = NULL, *whole = NULL, *where = bk_format("%s:%u:%u", place->file, place->line, place->column);
        autofree char *there = bk_utf8_clean(where);
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        whole = bk_utf8_clean(text);            /* a text that was cut may end within a character */
        (void)json_array_append_new(lint->found, json_pack("{s:o?, s:s, s:s}", "rule", rule != NULL ? json_string(rule->name) : json_null(),
                                                           "place", there, "problem", whole));
}

/* --- one rule --------------------------------------------------------------------------------- */
/* Every test of a tree, with its own place. */
static void each_test(struct lint *lint, const struct janitor_rule *rule, const struct janitor_term *term,
                      void (*look)(struct lint *lint, const struct janitor_rule *rule, const struct janitor_term *term))
{
        if (term->node == JANITOR_TEST_NODE)
                look(lint, rule, term);
        for (size_t i = 0; i < term->n; i++)
                each_test(lint, rule, &term->items[i], look);
}

static void look_at_test(struct lint *lint, const struct janitor_rule *rule, const struct janitor_term *term)
{
        const unsigned all_states = (1U << (REG_TRASHED + 1)) - 1;

        if (janitor_test_is_age(term->test) && term->number == 0)
                say(lint, rule, &term->place, "'%s' holds always; leave it out", term->text);
        if (term->test == JANITOR_STATE && term->states == all_states)
                say(lint, rule, &term->place, "'%s' holds always: these are all the states", term->text);
}

static void look_at_telling(struct lint *lint, const struct janitor_rule *rule)
{
        const bool waits = rule->grace.seconds > 0 || rule->grace.business_days > 0;
        bool owner = false;

        if (rule->n_notify > 0 && !waits)
                say(lint, rule, &rule->place, "tells somebody, but has no grace: they hear of it when it is done; write grace = \"3bd\"");
        if (rule->n_notify == 0 && waits)
                say(lint, rule, &rule->place, "waits, but tells nobody: who could object does not hear of it; write notify = [\"mail:owner\"]");
        for (size_t i = 0; i < rule->n_notify; i++)
                owner |= rule->notify[i].how == JANITOR_MAIL && bk_streq(rule->notify[i].to, "owner");
        if (owner && lint->rules->settings.mail_domain == NULL)
                say(lint, rule, &rule->place,
                    "mails the owner, but owners are names, not addresses; write mail_domain = \"example.org\" in the block janitor");
}

static void look_at_rule(struct lint *lint, const struct janitor_rule *rule)
{
        autofree char *never = janitor_never(rule);

        if (never != NULL)
                say(lint, rule, &rule->place, "%s", never);
        each_test(lint, rule, &rule->when, look_at_test);
        if (rule->kind != JANITOR_RETIRE)
                return;
        look_at_telling(lint, rule);
        if (rule->action == REG_PRUNE_PURGE && rule->restore == lint->rules->settings.restore && rule->restore > 0)
                say(lint, rule, &rule->place, "purge without a restore of its own is the same as trash; write restore = \"0d\", or trash");
}

/* --- two rules --------------------------------------------------------------------------------- */
/* Keeps all that it finds, and finds all of its scope. */
static bool keeps_all(const struct janitor_rule *rule)
{
        return rule->when.n == 0 && (rule->kind == JANITOR_PROTECT || (rule->kind == JANITOR_KEEP && rule->newest == 0 && rule->newest_bytes == 0));
}

static bool within(const struct janitor_rule *b, const struct janitor_rule *a)
{
        return janitor_scope_implies(b->scope_text, a->scope_text) && janitor_term_implies(&b->when, &a->when);
}

static bool same_finds(const struct janitor_rule *a, const struct janitor_rule *b)
{
        return within(a, b) && within(b, a);
}

/* Whether b never waits less than a. A business day takes a day at least; how long at most, only weekends and holidays tell. */
static bool waits_no_shorter(const struct janitor_rule *b, const struct janitor_rule *a)
{
        if (a->grace.business_days > 0)
                return b->grace.business_days >= a->grace.business_days;
        return (b->grace.business_days > 0 ? INT64_C(86400) * b->grace.business_days : b->grace.seconds) >= a->grace.seconds;
}

/* Both keep. The later one may be cut out if the first keeps all that it keeps. */
static void look_at_keepers(struct lint *lint, const struct janitor_rule *a, const struct janitor_rule *b)
{
        const bool plain = a->newest == 0 && a->newest_bytes == 0;
        const bool same = a->kind == b->kind && a->newest == b->newest && a->newest_bytes == b->newest_bytes && bk_strv_same(&a->by, &b->by) &&
                          janitor_scope_implies(a->scope_text, b->scope_text) && janitor_scope_implies(b->scope_text, a->scope_text) &&
                          same_finds(a, b);

        if (same && a < b)
                say(lint, b, &b->place, "is the same as %s \"%s\" on line %u; remove one", janitor_kind_name(a->kind), a->name, a->place.line);
        else if (!same && plain && within(b, a) && (a < b || !within(a, b) || b->newest > 0 || b->newest_bytes > 0))
                say(lint, b, &b->place, "is superfluous: %s \"%s\" on line %u keeps all that it finds", janitor_kind_name(a->kind), a->name,
                    a->place.line);
}

/* Whether each of b's images goes by a, as far, and as soon. */
static bool outdone(const struct janitor_rule *b, const struct janitor_rule *a)
{
        return within(b, a) && b->action <= a->action && waits_no_shorter(b, a) && a->least == 0 && a->most < 0;
}

static void look_at_retirers(struct lint *lint, const struct janitor_rule *a, const struct janitor_rule *b)
{
        const bool same = same_finds(a, b);

        if (same && a->action == b->action) {
                if (a < b)
                        say(lint, b, &b->place, "finds the same images as retire \"%s\" on line %u, for the same action; remove one", a->name,
                            a->place.line);
        } else if (same && a->action > b->action) {
                if (outdone(b, a))
                        say(lint, b, &b->place, "contradicts retire \"%s\" on line %u, which finds the same images and does more (%s) no later; "
                            "remove one", a->name, a->place.line, reg_prune_name(a->action));
        } else if (!same && outdone(b, a)) {
                say(lint, b, &b->place, "is superfluous: all that it finds, retire \"%s\" on line %u finds too, and does no less (%s) no later",
                    a->name, a->place.line, reg_prune_name(a->action));
        }
}

static void look_at_pair(struct lint *lint, const struct janitor_rule *a, const struct janitor_rule *b)
{
        const bool retires = b->kind == JANITOR_RETIRE;

        if (a < b && bk_streq(a->name, b->name))
                say(lint, b, &b->place, "has the name of %s \"%s\" on line %u; give each its own", janitor_kind_name(a->kind), a->name,
                    a->place.line);
        if (a->kind != JANITOR_RETIRE && !retires)
                look_at_keepers(lint, a, b);
        else if (a->kind != JANITOR_RETIRE && a->newest == 0 && a->newest_bytes == 0 && within(b, a))
                say(lint, b, &b->place, "does nothing: %s \"%s\" on line %u keeps %s", janitor_kind_name(a->kind), a->name, a->place.line,
                    keeps_all(a) && a->scope_text == NULL ? "every image" : "all that it finds");
        else if (a->kind == JANITOR_RETIRE && retires)
                look_at_retirers(lint, a, b);
}

/* --- all of them ----------------------------------------------------------------------------------- */
static bool asks_usage(const struct janitor_term *term)
{
        bool asks = term->node == JANITOR_TEST_NODE && (term->test == JANITOR_NOT_LAUNCHED_FOR || term->test == JANITOR_NOT_REFERENCED_FOR ||
                                                        term->test == JANITOR_LAUNCHED_WITHIN || term->test == JANITOR_IN_USE);

        for (size_t i = 0; i < term->n; i++)
                asks |= asks_usage(&term->items[i]);
        return asks;
}

static void look_at_settings(struct lint *lint)
{
        const struct janitor_settings *settings = &lint->rules->settings;
        const struct janitor_place top = { lint->rules->file, 1, 1 };

        if (settings->caps.count < 0 && settings->caps.bytes < 0 && settings->caps.percent < 0)
                say(lint, NULL, &top, "nothing limits what one run may do; write most_images, most_percent or most_bytes in the block janitor");
        for (size_t i = 0; settings->usage_sources.n == 0 && i < lint->rules->n; i++) {
                const struct janitor_rule *rule = &lint->rules->v[i];

                if (rule->kind != JANITOR_RETIRE || !asks_usage(&rule->when))
                        continue;
                say(lint, rule, &rule->place, "believes that what nobody tells of is not used, and no source of usage has to be there; write "
                    "usage_sources = [\"libvirt*\"] in the block janitor, with those that you have");
                break;
        }
}

int janitor_lint(const struct janitor_rules *rules, json_t **ret, struct bk_error *err)
{
        struct lint lint = { rules, json_array() };

        (void)err;
        look_at_settings(&lint);
        for (size_t i = 0; i < rules->n; i++) {
                look_at_rule(&lint, &rules->v[i]);
                for (size_t k = 0; k < rules->n; k++)
                        if (k != i)
                                look_at_pair(&lint, &rules->v[k], &rules->v[i]);
        }
        *ret = lint.found;
        return 0;
}
