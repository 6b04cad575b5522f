/* Texts for a terminal. */
#include "bakery/cmd/print.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

char *cmd_size(uint64_t bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double size = (double)bytes;
        size_t unit = 0;

        while (size >= 1024 && unit < 4) {
                size /= 1024;
                unit++;
        }
        return unit == 0 ? bk_format("%.0f B", size) : bk_format("%.1f %s", size, units[unit]);
}

/* C0, DEL, and C1 as UTF-8 has it, are orders to a terminal. */
char *cmd_plain(const json_t *value)
{
        char *text = json_is_string(value) ? bk_strdup(json_string_value(value)) :
                     value == NULL || json_is_null(value) ? bk_strdup("-") : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
                if (*p < 0x20 || *p == 0x7f)
                        *p = '?';
                else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
                        *p = p[1] = '?';
        return text;
}

char *cmd_member(const json_t *object, const char *key)
{
        return cmd_plain(json_object_get(object, key));
}

const char *cmd_string(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text == NULL ? "" : text;
}

char *cmd_attributes(const json_t *attributes)
{
        struct bk_buf text = { 0 };
        const json_t *value;
        const char *key;

        json_object_foreach((json_t *)attributes, key, value) {
                autofree char *shown = cmd_plain(value);

                bk_buf_printf(&text, "%s%s=%s", text.len > 0 ? " " : "", key, shown);
        }
        return bk_buf_finish(&text);
}
