/* Looking at a guest. What it shows in text mode is read from its memory, which takes milliseconds; anything else from a
 * picture. Where in the text buffer the screen begins (Linux scrolls by moving it) no interface tells: it is found by
 * comparing memory with a picture, now and then. */
#pragma once
#include "boot/screen.h"
#include "vm/guest.h"

struct boot_eye;
/* learnt: folder of learnt fonts, NULL: none. guest is borrowed. */
int boot_eye_open(struct vm_guest *guest, const char *learnt, struct boot_eye **ret, struct bk_error *err) BK_MUST_CHECK;
void boot_eye_close(struct boot_eye *eye);              /* NULL is fine */
/* ret was zeroed or done. */
int boot_eye_look(struct boot_eye *eye, struct boot_screen *ret, struct bk_error *err) BK_MUST_CHECK;
/* A PNG file of what is shown, for people; the caller's. */
int boot_eye_png(struct boot_eye *eye, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
