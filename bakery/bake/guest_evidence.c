/* Evidence: what a guest showed, said and was told, kept beside the bake's log, so that nobody has to guess why a bake
 * failed. Collecting it never fails a bake; what cannot be had is left out. */
#include "bakery/bake/guest_priv.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

static void keep(const struct bake_stage *stage, const char *folder, const char *name, const char *bytes, size_t length)
{
        autofree char *path = bk_format("%s/%s", folder, name);
        struct bk_error ignored = { 0 };

        (void)stage;
        if (bytes != NULL && length > 0)
                (void)!bk_publish_bytes(path, bytes, length, 0640, &ignored);
}

/* Secrets of the template may stand in what was typed or fetched. */
static void keep_text(const struct bake_stage *stage, const char *folder, const char *name, const char *text)
{
        autofree char *clean = text ? tmpl_redact(stage->work->bake->tmpl, text) : NULL;

        keep(stage, folder, name, clean, clean ? strlen(clean) : 0);
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
                keep(stage, folder, "screen.png", png, length);
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
                keep(stage, folder, "serial.log", serial, length);
                keep_text(stage, folder, "domain.log", log);
        }
        if (stage->http != NULL)
                http = boot_http_log(stage->http);
        keep_text(stage, folder, "http.log", http);
        keep_text(stage, folder, "typed.txt", stage->typed.last);
        keep_text(stage, folder, "domain.xml", stage->xml);
        return bk_take(folder);
}
