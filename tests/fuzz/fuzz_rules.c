/* The janitor's rules: whatever the text, it is understood or refused in words, with a place; what is understood can be looked at by lint. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "janitor/rules.h"
#include "lib/cleanup.h"

static void refuse_controls(const char *text)
{
        for (const char *p = text; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        abort();                /* it would be an order to a terminal */
}

static void use(const struct janitor_rules *rules)
{
        autostrv struct bk_strv keys = { 0 };
        struct bk_error err = { 0 };
        json_t *found = NULL;
        unsigned want = 0;

        janitor_rules_ask(rules, &want, &keys);
        if (janitor_lint(rules, &found, &err) < 0)
                abort();
        json_decref(found);
        for (size_t i = 0; i < rules->n; i++) {
                const struct janitor_rule *rule = &rules->v[i];

                refuse_controls(rule->name);
                refuse_controls(rule->when.text);
                if (rule->kind == JANITOR_RETIRE && (rule->when.n == 0 || rule->restore < 0))
                        abort();
                if (janitor_grace_end(&rules->settings, &rule->grace, 1700000000) < 1700000000)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        struct bk_error err = { 0 };

        if (janitor_rules_parse("r", (const char *)bytes, size, &rules, &err) == 0)
                use(&rules);
        else if (err.kind != BK_INVALID || err.at[0] == '\0' || err.text[0] == '\0' || rules.v != NULL)
                abort();
        refuse_controls(err.text);
        return 0;
}
