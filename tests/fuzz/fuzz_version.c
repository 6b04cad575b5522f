/* Versions: any two texts have an order, and the same one from both sides. The first byte chooses the ecosystem; a NUL parts
 * the texts. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (size == 0)
                return 0;
        const enum bk_ecosystem ecosystem = (enum bk_ecosystem)(bytes[0] % BK_ECOSYSTEMS);
        const char *text = (const char *)bytes + 1;
        const size_t length = strnlen(text, size - 1);
        autofree char *a = bk_strndup(text, length);
        autofree char *b = length + 1 < size - 1 ? bk_strndup(text + length + 1, size - 2 - length) : bk_strdup("1");
        const int order = bk_version_compare(ecosystem, a, b);

        if (order < -1 || order > 1 || bk_version_compare(ecosystem, b, a) != -order || bk_version_compare(ecosystem, a, a) != 0)
                abort();
        return 0;
}
