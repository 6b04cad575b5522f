/* The JSON reader: any bytes are a document or an error with a place, never anything else. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct bk_error err = { 0 };
        struct bk_doc *doc = NULL;

        if (bk_doc_parse("f.json", (const char *)bytes, size, &doc, &err) == 0)
                bk_doc_free(doc);
        else if (err.at[0] == '\0' || err.text[0] == '\0')
                abort();
        return 0;
}
