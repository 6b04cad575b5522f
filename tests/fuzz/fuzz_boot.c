/* Boot commands: parsed, timed, linted and turned into chords, whatever they hold. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "boot/boot.h"
#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        autofree char *text = bk_strndup((const char *)bytes, size);
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
        BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };
        struct bk_error err = { 0 };

        if (boot_parse(text, &command, &err) < 0) {
                if (err.text[0] == '\0')
                        abort();
                return 0;
        }
        if (boot_time_of(&command, 100).typing_ms < 0)
                abort();
        boot_lint(&command, &findings);
        if (boot_chords_of(&command, "us", &chords, &err) < 0 && err.text[0] == '\0')
                abort();
        return 0;
}
