/* Conditions, decided here and not by SQL: what SQL cannot (patterns), and images that are no rows (of the past, or deleted). */
#include "registry/rank.h"
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

static bool any_text(const struct reg_condition *condition, const char *text)
{
        for (size_t i = 0; i < condition->n; i++) {
                const struct reg_operand *operand = &condition->v[i];

                if (operand->prefix ? strncmp(text, operand->text, strlen(operand->text)) == 0 : strcmp(text, operand->text) == 0)
                        return true;
        }
        return false;
}

static bool in_order(enum reg_test test, int order)
{
        return test == REG_BELOW ? order < 0 : test == REG_AT_MOST ? order <= 0 : test == REG_ABOVE ? order > 0 : order >= 0;
}

int reg_condition_text(const struct reg_condition *condition, const char *text, struct bk_error *err)
{
        autofree char *rank = NULL;

        if (text == NULL)
                return 0;
        switch (condition->test) {
        case REG_ANY_OF:        return any_text(condition, text);
        case REG_PRESENT:       return *text != '\0';
        case REG_MATCHES:       return reg_pattern_matches(condition->pattern, text, err);
        default:
                rank = reg_rank(text);
                return in_order(condition->test, strcmp(rank, condition->v[0].rank));
        }
}

bool reg_condition_number(const struct reg_condition *condition, int64_t number)
{
        bool met = condition->test == REG_PRESENT;

        for (size_t i = 0; i < condition->n; i++) {
                const struct reg_operand *operand = &condition->v[i];

                switch (condition->test) {
                case REG_BELOW:         met |= number < operand->low; break;
                case REG_AT_MOST:       met |= number < operand->high; break;
                case REG_ABOVE:         met |= number >= operand->high; break;
                case REG_AT_LEAST:      met |= number >= operand->low; break;
                default:                met |= number >= operand->low && number < operand->high; break;
                }
        }
        return met;
}

int reg_condition_meets(const struct reg_condition *condition, const struct reg_image *image, struct bk_error *err)
{
        const struct reg_key *key = condition->key;
        int met;

        if (key != NULL && (key->kind == REG_KEY_NUMBER || key->kind == REG_KEY_TIME))
                return reg_condition_number(condition, reg_key_number(key, image)) != condition->exclude;
        met = reg_condition_text(condition, key != NULL ? reg_key_text(key, image) : reg_image_attribute(image, condition->attribute), err);
        if (met == 0 && key != NULL && key->kind == REG_KEY_APPLICATION)
                met = reg_condition_text(condition, reg_image_attribute(image, condition->attribute), err);
        return met < 0 ? -1 : (met != 0) != condition->exclude;
}
