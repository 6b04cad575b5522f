/* Texts of programs and of /proc, taken apart. They come from a guest that may be hostile: nothing here believes a length or a format. */
#include "spec/live.h"

#include <arpa/inet.h>
#include <string.h>

enum { TEXT_MOST = 4 << 20 };

struct spec_view spec_view_of_output(const struct spec_output *output)
{
        return output->out != NULL ? (struct spec_view){ output->out, output->out_len } : spec_view_of("");
}

void spec_value_of_view(struct spec_value *ret, struct spec_view view)
{
        const struct spec_view trimmed = spec_view_trim(view);
        uint64_t n;

        if (spec_view_unsigned(trimmed, 10, &n) && n <= INT64_MAX)
                spec_value_int(ret, (int64_t)n);
        else
                *ret = (struct spec_value){ .kind = SPEC_STRING, .s = spec_view_dup(trimmed), .len = strnlen(trimmed.s, trimmed.n) };
}

int spec_text_of(const struct spec_files *files, const char *path, char **ret, struct bk_error *err)
{
        size_t length;

        return spec_files_read(files, path, TEXT_MOST, ret, &length, err);
}

struct dropin { char *name, *path; };

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

static bool known(const struct dropin *v, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (bk_streq(v[i].name, name))
                        return true;
        return false;
}

/* *v has room for all names of the folder. */
static void add_folder(struct dropin *v, size_t *n, const char *folder, const char *suffix, const struct bk_strv *names)
{
        const size_t hidden = *n;       /* what earlier folders brought */

        for (size_t i = 0; i < names->n; i++) {
                const char *name = names->v[i];
                const size_t length = strlen(name), end = strlen(suffix);

                if (name[0] == '.' || length <= end || !bk_streq(name + length - end, suffix) || known(v, hidden, name))
                        continue;
                v[(*n)++] = (struct dropin){ bk_strdup(name), bk_format("%s/%s", folder, name) };
        }
}

int spec_dropins(const struct spec_files *files, const char *const folders[], const char *suffix, struct bk_strv *ret,
                 struct bk_error *err)
{
        struct dropin *v = NULL;
        size_t n = 0;
        int result = 0;

        for (; result == 0 && *folders != NULL; folders++) {
                autostrv struct bk_strv names = { 0 };

                if (spec_files_list(files, *folders, &names, err) < 0) {
                        result = -1;
                        break;
                }
                if (names.n == 0)
                        continue;
                v = bk_grow(v, n + names.n, sizeof *v);
                add_folder(v, &n, *folders, suffix, &names);
        }
        if (n > 1)
                qsort(v, n, sizeof *v, by_name);
        for (size_t i = 0; i < n; i++) {
                if (result == 0)
                        bk_strv_add(ret, v[i].path);
                free(v[i].name);
                free(v[i].path);
        }
        free(v);
        return result;
}

bool spec_address_parse(struct spec_view text, struct spec_address *ret)
{
        struct spec_view before = text;
        char copy[64];
        uint64_t prefix;

        *ret = (struct spec_address){ .prefix = -1 };
        if (spec_view_until(&text, '/', &before)) {
                if (!spec_view_unsigned(text, 10, &prefix) || prefix > 128)
                        return false;
                ret->prefix = (int)prefix;
        }
        if (before.n == 0 || before.n >= sizeof copy || memchr(before.s, '\0', before.n) != NULL)
                return false;
        memcpy(copy, before.s, before.n);
        copy[before.n] = '\0';
        ret->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
        return inet_pton(ret->family, copy, ret->bytes) == 1 && (ret->family == AF_INET6 || ret->prefix <= 32);
}

bool spec_address_fits(const struct spec_address *wanted, const struct spec_address *found)
{
        return wanted->family == found->family && memcmp(wanted->bytes, found->bytes, sizeof wanted->bytes) == 0 &&
               (wanted->prefix < 0 || wanted->prefix == found->prefix);
}

char *spec_address_text(const struct spec_address *address)
{
        char text[INET6_ADDRSTRLEN];

        return bk_strdup(inet_ntop(address->family, address->bytes, text, sizeof text) != NULL ? text : "");
}
