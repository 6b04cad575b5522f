/* Queries and their projections: whatever the text, it is understood or refused in words; what is understood can be said again, and
 * its patterns, ranks and comparisons end on any value. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "registry/rank.h"
#include "registry/registry_priv.h"

static void use(const struct reg_filter *filter, const char *text)
{
        struct reg_pair pair = { (char *)"key", (char *)text };
        const struct reg_image image = { .sequence = 1, .id = (char *)"sha256:0", .name = (char *)text, .type = (char *)"base", .layer = (char *)"l",
                                         .created_at = 1, .attributes = &pair, .n_attributes = 1 };
        autofree char *said = reg_filter_said(filter);

        if (!reg_text_valid(said))
                abort();
        for (size_t i = 0; i < filter->n; i++) {
                const struct reg_condition *condition = &filter->v[i];
                struct reg_condition other = *condition;
                struct bk_error err = { 0 };
                int met, opposite;

                if (condition->key != NULL && condition->key->kind >= REG_KEY_CHANNEL)
                        continue;
                other.exclude = !condition->exclude;
                met = reg_condition_meets(condition, &image, &err);
                opposite = reg_condition_meets(&other, &image, &err);
                if ((met < 0) != (opposite < 0) || (met >= 0 && met == opposite))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        autofree char *query = bk_strndup((const char *)bytes, strnlen((const char *)bytes, size));
        autofree char *rank = reg_text_valid(query) ? reg_rank(query) : NULL;
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        struct bk_error err = { 0 };

        if (rank != NULL && (!reg_text_valid(rank) || *rank == '\0'))
                abort();
        if (reg_filter_parse(query, &filter, &err) == 0)
                use(&filter, query);
        else if (err.kind != BK_INVALID || err.text[0] == '\0')
                abort();
        for (const char *p = err.text; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        abort();                /* it would be an order to a terminal */
        return 0;
}
