/* Looking at a guest. What it shows in text mode is read from its memory, which takes milliseconds; anything else from a
 * picture. Where in the text buffer the screen begins (Linux scrolls by moving it) no interface tells: it is found by
 * comparing memory with a picture, now and then. */
#pragma once
#include "boot/screen.h"
#include "vm/guest.h"

struct boot_eye;
/* learnt: folder of learnt fonts, NULL: none. Loads fonts, which takes up to a second where they are unpacked first: best done while
 * no guest runs. */
int boot_eye_open(const char *learnt, struct boot_eye **ret, struct bk_error *err) BK_MUST_CHECK;
void boot_eye_close(struct boot_eye *eye);              /* NULL is fine */
/* What the guest shows now. An eye remembers how its guest showed things, and so is for one guest. ret was zeroed or done. */
int boot_eye_look(struct boot_eye *eye, struct vm_guest *guest, struct boot_screen *ret, struct bk_error *err) BK_MUST_CHECK;
/* A PNG file of what is shown, for people; the caller's. */
int boot_eye_png(struct vm_guest *guest, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
