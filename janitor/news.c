/* Who is told of what: a message for each rule and person, with all that is theirs in it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "janitor/run_priv.h"
#include "lib/buf.h"
#include "lib/fs.h"

struct news { uint32_t image; char *id; json_t *item; char *owner; bool failed; struct bk_buf told; };
struct newses { struct news *v; size_t n; };

static void newses_done(struct newses *newses)
{
        for (size_t i = 0; i < newses->n; i++) {
                free(newses->v[i].id);
                free(newses->v[i].owner);
                json_decref(newses->v[i].item);
                bk_buf_done(&newses->v[i].told);
        }
        free(newses->v);
}

/* The attribute owner, else who baked it; a name without a host is one of mail_domain's. */
static char *owner_of(const struct reg_image *image, const struct janitor_settings *settings)
{
        const char *owner = reg_image_attribute(image, "owner");

        if (owner == NULL)
                owner = image->created_by == NULL ? "root" : image->created_by;
        return strchr(owner, '@') != NULL || settings->mail_domain == NULL ? bk_strdup(owner) : bk_format("%s@%s", owner, settings->mail_domain);
}

/* When it is going to be done, if they are told now. */
static int64_t due_of(const struct janitor_going *g, const struct janitor_rule *rule)
{
        return janitor_grace_end(&g->run->rules->settings, &rule->grace, g->run->at != 0 ? g->run->at : time(NULL));
}

static int add_news(struct janitor_going *g, const struct janitor_rule *rule, uint32_t image, struct newses *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image found = { 0 };
        autofree char *id = NULL, *token = NULL, *created = NULL, *due = bk_iso_time(due_of(g, rule));
        struct news news = { .image = image };

        if (reg_facts_id(g->reg, g->plan.facts.sequence[image], &id, err) < 0 || reg_resolve(g->reg, id, &found, err) < 0 ||
            reg_mark_token(g->reg, id, rule->name, &token, err) < 0)
                return -1;
        created = bk_iso_time(found.created_at);
        news.item = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:s, s:s}", "image", found.id, "name", found.name, "type", found.type,
                              "created_at", created, "created_by", found.created_by, "size", (json_int_t)found.size, "due_at", due, "token", token);
        if (news.item == NULL)
                return bk_fail(err, BK_INTERNAL, "what there is to tell of image '%s' cannot be written", id);
        news.id = bk_take(id);
        news.owner = owner_of(&found, &g->run->rules->settings);
        ret->v = bk_grow(ret->v, ret->n + 1, sizeof *ret->v);
        ret->v[ret->n++] = news;
        return 0;
}

/* --- one message ----------------------------------------------------------------------------- */
static json_t *message_of(const struct janitor_going *g, const struct janitor_rule *rule, const char *to, json_t *items)
{
        autofree char *place = janitor_place_text(&rule->place), *due = bk_iso_time(due_of(g, rule));

        return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s?, s:O}", "event", "janitor.told", "to", to, "rule", rule->name, "place", place,
                         "why", rule->why, "action", reg_prune_name(rule->action), "due_at", due, "base", g->run->rules->settings.base,
                         "items", items);
}

static int tell(const struct janitor_going *g, const struct janitor_notify *notify, const json_t *message, struct bk_error *err)
{
        if (message == NULL)
                return bk_fail(err, BK_INTERNAL, "the message cannot be written");
        return g->run->tell != NULL ? g->run->tell(g->run->arg, notify, message, err) :
                                      janitor_tell(g->run->home, &g->run->rules->settings, notify, message, err);
}

/* Those of one owner, or all: owner NULL. */
static void tell_one(struct janitor_going *g, const struct janitor_rule *rule, const struct janitor_notify *notify, const char *owner,
                     struct newses *newses)
{
        static const char *const ways[] = { [JANITOR_MAIL] = "mail", [JANITOR_WEBHOOK] = "webhook", [JANITOR_COMMAND] = "command" };
        const struct janitor_notify to = { .how = notify->how, .to = (char *)(owner != NULL ? owner : notify->to) };
        json_t *items = json_array(), *message;
        struct bk_error why = { 0 };
        int status;

        for (size_t i = 0; i < newses->n; i++)
                if (owner == NULL || bk_streq(newses->v[i].owner, owner))
                        (void)json_array_append(items, newses->v[i].item);
        message = message_of(g, rule, to.to, items);
        status = tell(g, &to, message, &why);
        if (status < 0)
                janitor_log(g, "nobody told of %zu images of rule '%s': %s", json_array_size(items), rule->name, why.text);
        for (size_t i = 0; i < newses->n; i++)
                if (owner == NULL || bk_streq(newses->v[i].owner, owner)) {
                        newses->v[i].failed = newses->v[i].failed || status < 0;
                        bk_buf_printf(&newses->v[i].told, "%s%s %s", newses->v[i].told.len > 0 ? ", " : "", ways[to.how], to.to);
                }
        json_decref(message);
        json_decref(items);
}

static void tell_owners(struct janitor_going *g, const struct janitor_rule *rule, const struct janitor_notify *notify, struct newses *newses)
{
        autostrv struct bk_strv owners = { 0 };

        for (size_t i = 0; i < newses->n; i++)
                if (!bk_strv_has(&owners, newses->v[i].owner))
                        bk_strv_add(&owners, newses->v[i].owner);
        for (size_t i = 0; i < owners.n; i++)
                tell_one(g, rule, notify, owners.v[i], newses);
}

/* --- one rule -------------------------------------------------------------------------------------- */
static bool untold(const struct janitor_going *g, const struct janitor_claim *claim)
{
        return !claim->marked || g->plan.marks.v[claim->mark].due_at == 0;
}

static int begin_graces(struct janitor_going *g, const struct janitor_rule *rule, const struct newses *newses, struct bk_error *err)
{
        for (size_t i = 0; i < newses->n; i++) {
                struct bk_error why = { 0 };

                janitor_count(g, newses->v[i].failed ? "untold" : "told", 1);
                if (newses->v[i].failed ||
                    reg_mark_told(g->reg, newses->v[i].id, rule->name, newses->v[i].told.data, due_of(g, rule), &why) == 0)
                        continue;
                if (why.kind != BK_NOT_FOUND) {         /* somebody removed it meanwhile */
                        *err = why;
                        return -1;
                }
        }
        return 0;
}

static int tell_rule(struct janitor_going *g, uint32_t r, struct bk_error *err)
{
        BK_CLEANUP(newses_done) struct newses newses = { 0 };
        const struct janitor_rule *rule = &g->run->rules->v[r];

        for (size_t c = 0; c < g->outcome.n_claims; c++) {
                struct bk_error why = { 0 };

                if (g->outcome.claims[c].rule != r || !untold(g, &g->outcome.claims[c]) ||
                    add_news(g, rule, g->outcome.claims[c].image, &newses, &why) == 0)
                        continue;
                if (why.kind != BK_NOT_FOUND && why.kind != BK_GONE) {
                        *err = why;
                        return -1;
                }
        }
        for (size_t k = 0; newses.n > 0 && k < rule->n_notify; k++)
                if (rule->notify[k].how == JANITOR_MAIL && bk_streq(rule->notify[k].to, "owner"))
                        tell_owners(g, rule, &rule->notify[k], &newses);
                else
                        tell_one(g, rule, &rule->notify[k], NULL, &newses);
        return begin_graces(g, rule, &newses, err);
}

int janitor_tell_all(struct janitor_going *g, struct bk_error *err)
{
        for (uint32_t r = 0; r < g->run->rules->n; r++)
                if (g->run->rules->v[r].kind == JANITOR_RETIRE && g->run->rules->v[r].n_notify > 0 && tell_rule(g, r, err) < 0)
                        return bk_wrap(err, "telling of rule '%s'", g->run->rules->v[r].name);
        return 0;
}
