/* What types that read configuration files share. */
#include "spec/spec_priv.h"

#include <string.h>

enum { FILES_MOST = 4096 };             /* of one folder: nobody has more, but an image may */

int spec_config_read(struct spec_image *image, const char *path, char **ret_text, struct spec_view *ret, struct bk_error *err)
{
        size_t length = 0;
        const int there = spec_files_read(&image->files, path, SPEC_CONFIG_MOST, ret_text, &length, err);

        if (there > 0)
                *ret = (struct spec_view){ *ret_text, length };
        return there;
}

static bool has_ending(const char *name, const char *endings)
{
        struct spec_view rest = spec_view_of(endings), ending;

        if (*endings == '\0')
                return true;
        while (spec_view_word(&rest, &ending))
                if (strlen(name) > ending.n && memcmp(name + strlen(name) - ending.n, ending.s, ending.n) == 0)
                        return true;
        return false;
}

int spec_config_folder(struct spec_image *image, const char *folder, const char *endings,
                       int (*visit)(void *arg, const char *path, struct spec_view text, struct bk_error *err), void *arg,
                       struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        size_t visited = 0;

        if (spec_files_list(&image->files, folder, &names, err) < 0)
                return -1;
        for (size_t i = 0; i < names.n; i++) {
                autofree char *path = NULL, *text = NULL;
                struct spec_view view;
                int result;

                if (*names.v[i] == '.' || !has_ending(names.v[i], endings))
                        continue;
                if (++visited > FILES_MOST)
                        return bk_fail(err, BK_INFRA, "'%s' in the image has more than %d files", folder, FILES_MOST);
                path = bk_format("%s/%s", folder, names.v[i]);
                result = spec_config_read(image, path, &text, &view, err);
                if (result > 0)
                        result = visit(arg, path, view, err);
                if (result != 0)
                        return result;
        }
        return 0;
}

char *spec_quote(const char *text)
{
        struct bk_buf quoted = { 0 };

        bk_buf_putc(&quoted, '\'');
        for (; *text != '\0'; text++) {
                if (*text == '\'')
                        bk_buf_puts(&quoted, "'\\''");
                else
                        bk_buf_putc(&quoted, *text);
        }
        bk_buf_putc(&quoted, '\'');
        return bk_buf_finish(&quoted);
}
