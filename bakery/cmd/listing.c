/* Lists in pages. */
#include "bakery/cmd/listing.h"

#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "lib/cleanup.h"

int cmd_pages(const struct cmd_args *args, const char *target, bool (*take)(void *arg, json_t *page), void *arg, struct bk_error *err)
{
        autofree char *next = bk_strdup("");
        bool more = true;

        while (more) {
                autofree char *full = bk_format("%s%s%s", target, *next != '\0' ? "&cursor=" : "", next);
                json_t *page = NULL;

                if (cmd_api(args, "GET", full, NULL, &page, err) < 0)
                        return -1;
                free(next);
                next = bk_strdup(json_string_value(json_object_get(page, "next")));
                more = take(arg, page) && next != NULL;
                json_decref(page);
        }
        return 0;
}

char *cmd_shown(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        char *ret = bk_strdup(text != NULL && *text != '\0' ? text : "-");

        /* C1 controls, too: in UTF-8 they are C2 and a byte from 80 to 9F. */
        for (unsigned char *p = (unsigned char *)ret; *p != '\0'; p++)
                if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) {
                        if (*p == 0xc2)
                                *p++ = '?';
                        *p = '?';
                }
        return ret;
}

void cmd_print_line(const json_t *json)
{
        autofree char *text = json_dumps(json, JSON_COMPACT);

        printf("%s\n", text ? text : "null");
}
