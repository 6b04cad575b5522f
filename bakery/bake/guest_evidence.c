/* Evidence: what a guest showed, said and was told, kept beside the bake's log, so that nobody has to guess why a bake
 * failed. Collecting it never fails a bake; what cannot be had is left out. */
#include "bakery/bake/guest_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

static void keep(const char *folder, const char *name, const char *bytes, size_t length)
{
        autofree char *path = bk_format("%s/%s", folder, name);
        struct bk_error ignored = { 0 };

        if (bytes != NULL && length > 0)
                (void)!bk_publish_bytes(path, bytes, length, 0640, &ignored);
}

/* Secrets of the template may stand in what was typed, fetched or printed; a console prints zeroes, too. text[length] is one. */
static void keep_bytes(const struct bake_stage *stage, const char *folder, const char *name, const char *text, size_t length)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };

        for (size_t at = 0; text != NULL && at < length;) {
                autofree char *clean = tmpl_redact(stage->work->bake->tmpl, text + at);

                bk_buf_puts(&out, clean);
                at += strlen(text + at);
                if (at++ < length)
                        bk_buf_putc(&out, '\0');
        }
        keep(folder, name, out.data, out.len);
}

static void keep_text(const struct bake_stage *stage, const char *folder, const char *name, const char *text)
{
        keep_bytes(stage, folder, name, text, text != NULL ? strlen(text) : 0);
}

static void keep_screen(struct bake_stage *stage, const char *folder)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
        struct bk_error ignored = { 0 };
        autofree char *png = NULL, *text = NULL;
        size_t length = 0;

        if (stage->guest == NULL)
                return;
        if (boot_eye_png(stage->guest, &png, &length, &ignored) == 0)
                keep(folder, "screen.png", png, length);
        if (boot_eye_look(stage->eye, stage->guest, &screen, &ignored) < 0)
                return;
        text = boot_screen_dump(&screen);
        keep_text(stage, folder, "screen.txt", text);
}

char *bake_guest_evidence(struct bake_stage *stage)
{
        const struct bake *bake = stage->work->bake;
        autofree char *folder = bk_format("%.*s.evidence", (int)(strlen(bake->log_path) - strlen(".log")), bake->log_path);
        autofree char *serial = NULL, *log = NULL, *http = NULL;
        struct bk_error ignored = { 0 };
        size_t length = 0;

        if (bk_mkdir_p(folder, &ignored) < 0)
                return NULL;
        keep_screen(stage, folder);
        if (stage->guest != NULL) {
                serial = vm_guest_serial_tail(stage->guest, &length);
                log = vm_guest_log(stage->guest);
                keep_bytes(stage, folder, "serial.log", serial, length);
                keep_text(stage, folder, "domain.log", log);
        }
        if (stage->http != NULL)
                http = boot_http_log(stage->http);
        keep_text(stage, folder, "http.log", http);
        keep_text(stage, folder, "typed.txt", stage->typed.last);
        keep_text(stage, folder, "domain.xml", stage->xml);
        return bk_take(folder);
}
