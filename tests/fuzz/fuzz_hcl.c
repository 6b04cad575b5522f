/* The HCL reader: any bytes are a body or an error with a place, never anything else; also what begins as JSON. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/hcl.h"

static const char *const words[] = { "scope", "hole", NULL };
static const struct bk_hcl_type types[3];
static const struct bk_hcl_schema schema = { "the file", words, types };
static const struct bk_hcl_type types[3] = { { "a", 1, false, &schema }, { "b", 0, true, &schema } };

static void try(const char *text, size_t length, const struct bk_hcl_schema *how)
{
        struct bk_error err = { 0 };
        struct bk_hcl_body *body = NULL;

        if (bk_hcl_parse("f.hcl", text, length, how, &body, &err) == 0)
                bk_hcl_free(body);
        else if (err.kind != BK_INVALID || err.at[0] == '\0' || err.text[0] == '\0' || body != NULL)
                abort();
        for (const char *p = err.text; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        abort();                /* it would be an order to a terminal */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        try((const char *)bytes, size, NULL);
        try((const char *)bytes, size, &schema);
        return 0;
}
