/* Checksum files: any text gives a sum of the length that its kind has, or an error that says something. The first line is the name. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/iso.h"
#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const size_t digits[] = { 0, 32, 40, 56, 64, 96, 128 };
        autofree char *name = bk_strndup((const char *)bytes, size);
        char *text = strchr(name, '\n');
        struct boot_sum sum = { 0 };
        struct bk_error err = { 0 };

        if (text == NULL)
                return 0;
        *text++ = '\0';
        if (boot_sum_in_file(text, name, &sum, &err) < 0) {
                if (err.text[0] == '\0')
                        abort();
                return 0;
        }
        if (sum.kind == BOOT_SUM_NONE || strlen(sum.hex) != digits[sum.kind] || strspn(sum.hex, "0123456789abcdef") != digits[sum.kind])
                abort();
        return 0;
}
