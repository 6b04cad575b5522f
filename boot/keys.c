/* From keysyms to the keys of a keyboard: Linux key codes, which are libvirt's
 * VIR_KEYCODE_SET_LINUX, with the modifiers that a layout wants.
 *
 * The layout is the guest's. Boot loaders and firmware have the US one, whatever
 * the system that is being installed will have. The rows follow xkeyboard-config. */
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>
#include <uchar.h>

#include "boot/boot.h"
#include "lib/cleanup.h"
#include "lib/doc.h"

/* What a key types alone, with Shift, with AltGr. */
struct key {
        unsigned short code;
        const char32_t *levels;
        const char32_t *dead;           /* those of them that wait for the next key: a blank makes them come */
};

static const struct key us[] = {
        { KEY_GRAVE, U"`~" }, { KEY_1, U"1!" }, { KEY_2, U"2@" }, { KEY_3, U"3#" }, { KEY_4, U"4$" }, { KEY_5, U"5%" }, { KEY_6, U"6^" },
        { KEY_7, U"7&" }, { KEY_8, U"8*" }, { KEY_9, U"9(" }, { KEY_0, U"0)" }, { KEY_MINUS, U"-_" }, { KEY_EQUAL, U"=+" },
        { KEY_Q, U"qQ" }, { KEY_W, U"wW" }, { KEY_E, U"eE" }, { KEY_R, U"rR" }, { KEY_T, U"tT" }, { KEY_Y, U"yY" }, { KEY_U, U"uU" },
        { KEY_I, U"iI" }, { KEY_O, U"oO" }, { KEY_P, U"pP" }, { KEY_LEFTBRACE, U"[{" }, { KEY_RIGHTBRACE, U"]}" }, { KEY_BACKSLASH, U"\\|" },
        { KEY_A, U"aA" }, { KEY_S, U"sS" }, { KEY_D, U"dD" }, { KEY_F, U"fF" }, { KEY_G, U"gG" }, { KEY_H, U"hH" }, { KEY_J, U"jJ" },
        { KEY_K, U"kK" }, { KEY_L, U"lL" }, { KEY_SEMICOLON, U";:" }, { KEY_APOSTROPHE, U"'\"" },
        { KEY_Z, U"zZ" }, { KEY_X, U"xX" }, { KEY_C, U"cC" }, { KEY_V, U"vV" }, { KEY_B, U"bB" }, { KEY_N, U"nN" }, { KEY_M, U"mM" },
        { KEY_COMMA, U",<" }, { KEY_DOT, U".>" }, { KEY_SLASH, U"/?" }, { KEY_SPACE, U" " },
        { 0 },
};

static const struct key gb[] = {
        { KEY_GRAVE, U"`\u00ac\u00a6" }, { KEY_1, U"1!" }, { KEY_2, U"2\"" }, { KEY_3, U"3\u00a3" }, { KEY_4, U"4$\u20ac" }, { KEY_5, U"5%" },
        { KEY_6, U"6^" }, { KEY_7, U"7&" }, { KEY_8, U"8*" }, { KEY_9, U"9(" }, { KEY_0, U"0)" }, { KEY_MINUS, U"-_" }, { KEY_EQUAL, U"=+" },
        { KEY_Q, U"qQ" }, { KEY_W, U"wW" }, { KEY_E, U"eE" }, { KEY_R, U"rR" }, { KEY_T, U"tT" }, { KEY_Y, U"yY" }, { KEY_U, U"uU" },
        { KEY_I, U"iI" }, { KEY_O, U"oO" }, { KEY_P, U"pP" }, { KEY_LEFTBRACE, U"[{" }, { KEY_RIGHTBRACE, U"]}" },
        { KEY_A, U"aA" }, { KEY_S, U"sS" }, { KEY_D, U"dD" }, { KEY_F, U"fF" }, { KEY_G, U"gG" }, { KEY_H, U"hH" }, { KEY_J, U"jJ" },
        { KEY_K, U"kK" }, { KEY_L, U"lL" }, { KEY_SEMICOLON, U";:" }, { KEY_APOSTROPHE, U"'@" }, { KEY_BACKSLASH, U"#~" },
        { KEY_102ND, U"\\|" }, { KEY_Z, U"zZ" }, { KEY_X, U"xX" }, { KEY_C, U"cC" }, { KEY_V, U"vV" }, { KEY_B, U"bB" }, { KEY_N, U"nN" },
        { KEY_M, U"mM" }, { KEY_COMMA, U",<" }, { KEY_DOT, U".>" }, { KEY_SLASH, U"/?" }, { KEY_SPACE, U" " },
        { 0 },
};

static const struct key de[] = {
        { KEY_GRAVE, U"^\u00b0", U"^" }, { KEY_1, U"1!" }, { KEY_2, U"2\"\u00b2" }, { KEY_3, U"3\u00a7\u00b3" }, { KEY_4, U"4$" },
        { KEY_5, U"5%" }, { KEY_6, U"6&" }, { KEY_7, U"7/{" }, { KEY_8, U"8([" }, { KEY_9, U"9)]" }, { KEY_0, U"0=}" },
        { KEY_MINUS, U"\u00df?\\" }, { KEY_EQUAL, U"\u00b4`", U"\u00b4`" },
        { KEY_Q, U"qQ@" }, { KEY_W, U"wW" }, { KEY_E, U"eE\u20ac" }, { KEY_R, U"rR" }, { KEY_T, U"tT" }, { KEY_Y, U"zZ" }, { KEY_U, U"uU" },
        { KEY_I, U"iI" }, { KEY_O, U"oO" }, { KEY_P, U"pP" }, { KEY_LEFTBRACE, U"\u00fc\u00dc" }, { KEY_RIGHTBRACE, U"+*~" },
        { KEY_A, U"aA" }, { KEY_S, U"sS" }, { KEY_D, U"dD" }, { KEY_F, U"fF" }, { KEY_G, U"gG" }, { KEY_H, U"hH" }, { KEY_J, U"jJ" },
        { KEY_K, U"kK" }, { KEY_L, U"lL" }, { KEY_SEMICOLON, U"\u00f6\u00d6" }, { KEY_APOSTROPHE, U"\u00e4\u00c4" }, { KEY_BACKSLASH, U"#'" },
        { KEY_102ND, U"<>|" }, { KEY_Z, U"yY" }, { KEY_X, U"xX" }, { KEY_C, U"cC" }, { KEY_V, U"vV" }, { KEY_B, U"bB" }, { KEY_N, U"nN" },
        { KEY_M, U"mM\u00b5" }, { KEY_COMMA, U",;" }, { KEY_DOT, U".:" }, { KEY_SLASH, U"-_" }, { KEY_SPACE, U" " },
        { 0 },
};

static const struct key fr[] = {
        { KEY_GRAVE, U"\u00b2" }, { KEY_1, U"&1" }, { KEY_2, U"\u00e92~" }, { KEY_3, U"\"3#" }, { KEY_4, U"'4{" }, { KEY_5, U"(5[" },
        { KEY_6, U"-6|" }, { KEY_7, U"\u00e87`" }, { KEY_8, U"_8\\" }, { KEY_9, U"\u00e79^" }, { KEY_0, U"\u00e00@" },
        { KEY_MINUS, U")\u00b0]" }, { KEY_EQUAL, U"=+}" },
        { KEY_Q, U"aA" }, { KEY_W, U"zZ" }, { KEY_E, U"eE\u20ac" }, { KEY_R, U"rR" }, { KEY_T, U"tT" }, { KEY_Y, U"yY" }, { KEY_U, U"uU" },
        { KEY_I, U"iI" }, { KEY_O, U"oO" }, { KEY_P, U"pP" }, { KEY_RIGHTBRACE, U"$\u00a3\u00a4" },
        { KEY_A, U"qQ" }, { KEY_S, U"sS" }, { KEY_D, U"dD" }, { KEY_F, U"fF" }, { KEY_G, U"gG" }, { KEY_H, U"hH" }, { KEY_J, U"jJ" },
        { KEY_K, U"kK" }, { KEY_L, U"lL" }, { KEY_SEMICOLON, U"mM" }, { KEY_APOSTROPHE, U"\u00f9%" }, { KEY_BACKSLASH, U"*\u00b5" },
        { KEY_102ND, U"<>" }, { KEY_Z, U"wW" }, { KEY_X, U"xX" }, { KEY_C, U"cC" }, { KEY_V, U"vV" }, { KEY_B, U"bB" }, { KEY_N, U"nN" },
        { KEY_M, U",?" }, { KEY_COMMA, U";." }, { KEY_DOT, U":/" }, { KEY_SLASH, U"!\u00a7" }, { KEY_SPACE, U" " },
        { 0 },
};

static const struct { const char *name; const struct key *keys; } layouts[] = { { "us", us }, { "de", de }, { "fr", fr }, { "gb", gb } };
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* The same keys in every layout. */
static const struct { uint32_t keysym; unsigned code; } fixed[] = {
        { 0xff08, KEY_BACKSPACE }, { 0xff09, KEY_TAB }, { 0xff0d, KEY_ENTER }, { 0xff1b, KEY_ESC }, { 0xffff, KEY_DELETE },
        { 0xff50, KEY_HOME }, { 0xff51, KEY_LEFT }, { 0xff52, KEY_UP }, { 0xff53, KEY_RIGHT }, { 0xff54, KEY_DOWN }, { 0xff55, KEY_PAGEUP },
        { 0xff56, KEY_PAGEDOWN }, { 0xff57, KEY_END }, { 0xff63, KEY_INSERT }, { 0xff67, KEY_COMPOSE },
        { 0xffbe, KEY_F1 }, { 0xffbf, KEY_F2 }, { 0xffc0, KEY_F3 }, { 0xffc1, KEY_F4 }, { 0xffc2, KEY_F5 }, { 0xffc3, KEY_F6 },
        { 0xffc4, KEY_F7 }, { 0xffc5, KEY_F8 }, { 0xffc6, KEY_F9 }, { 0xffc7, KEY_F10 }, { 0xffc8, KEY_F11 }, { 0xffc9, KEY_F12 },
        { 0xffe1, KEY_LEFTSHIFT }, { 0xffe2, KEY_RIGHTSHIFT }, { 0xffe3, KEY_LEFTCTRL }, { 0xffe4, KEY_RIGHTCTRL },
        { 0xffe7, KEY_LEFTMETA }, { 0xffe8, KEY_RIGHTMETA }, { 0xffe9, KEY_LEFTALT }, { 0xffea, KEY_RIGHTALT },
        { 0xffeb, KEY_LEFTMETA }, { 0xffec, KEY_RIGHTMETA }, { 0x20, KEY_SPACE },
};

struct stroke { unsigned modifier, code; bool dead; };          /* modifier 0: none */

struct held { unsigned code; size_t chord; int64_t since_ms; bool alone; };

struct player {
        const struct key *layout;
        const char *layout_name;
        const struct boot_command *command;
        struct boot_chords *chords;
        size_t room;
        struct held held[BOOT_CHORD_MOST];
        unsigned n_held;
        int64_t clock_ms;               /* of timed waits, and of the limits of others */
        struct bk_error *err;
};

const char *boot_layout_name(size_t i)
{
        return i < LAYOUTS ? layouts[i].name : NULL;
}

void boot_chords_done(struct boot_chords *chords)
{
        free(chords->v);
        *chords = (struct boot_chords){ 0 };
}

static bool find_fixed(uint32_t keysym, struct stroke *ret)
{
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
                if (fixed[i].keysym == keysym) {
                        *ret = (struct stroke){ .code = fixed[i].code };
                        return true;
                }
        return false;
}

static bool find_rune(const struct key *layout, uint32_t rune, struct stroke *ret)
{
        static const unsigned modifiers[] = { 0, KEY_LEFTSHIFT, KEY_RIGHTALT };

        for (const struct key *key = layout; key->code != 0; key++)
                for (size_t level = 0; key->levels[level] != 0; level++) {
                        if (key->levels[level] != rune)
                                continue;
                        *ret = (struct stroke){ .modifier = modifiers[level], .code = key->code };
                        for (const char32_t *dead = key->dead; dead != NULL && *dead != 0; dead++)
                                ret->dead = ret->dead || *dead == rune;
                        return true;
                }
        return false;
}

static int complain(const struct player *in, const struct boot_event *event, const char *what)
{
        return bk_fail(in->err, BK_INVALID, "boot command, column %zu: '%.*s': %s", boot_column(in->command->text, event->offset),
                       (int)event->length, in->command->text + event->offset, what);
}

static int find(const struct player *in, const struct boot_event *event, struct stroke *ret)
{
        autofree char *what = NULL;

        if (event->special ? find_fixed(event->keysym, ret) : find_rune(in->layout, event->keysym, ret))
                return 0;
        what = bk_format("the %s layout has no key for U+%04X", in->layout_name, event->keysym);
        return complain(in, event, what);
}

static bool is_held(const struct player *in, unsigned code)
{
        for (unsigned i = 0; i < in->n_held; i++)
                if (in->held[i].code == code)
                        return true;
        return false;
}

static struct boot_chord *add(struct player *in, size_t event)
{
        struct boot_chords *chords = in->chords;
        struct boot_chord *chord;

        if (chords->n == in->room) {
                in->room = in->room == 0 ? 64 : in->room * 2;
                chords->v = bk_grow(chords->v, in->room, sizeof *chords->v);
        }
        chord = &chords->v[chords->n++];
        *chord = (struct boot_chord){ .event = event };
        for (unsigned i = 0; i < in->n_held; i++) {
                chord->codes[chord->n++] = in->held[i].code;
                if (in->held[i].alone)
                        chords->v[in->held[i].chord].n = 0;
                in->held[i].alone = false;
        }
        return chord;
}

static int too_many(const struct player *in, const struct boot_event *event)
{
        autofree char *what = bk_format("more than %d keys are down", BOOT_CHORD_MOST);

        return complain(in, event, what);
}

static int tap(struct player *in, size_t i, const struct stroke *stroke)
{
        const bool modified = stroke->modifier != 0 && !is_held(in, stroke->modifier);
        struct boot_chord *chord;

        if (in->n_held + modified + 1 > BOOT_CHORD_MOST)
                return too_many(in, &in->command->v[i]);
        chord = add(in, i);
        if (modified)
                chord->codes[chord->n++] = stroke->modifier;
        if (!is_held(in, stroke->code))
                chord->codes[chord->n++] = stroke->code;
        return 0;
}

static void let_go(struct player *in, unsigned code)
{
        for (unsigned i = 0; i < in->n_held; i++)
                if (in->held[i].code == code) {
                        if (in->held[i].alone)
                                in->chords->v[in->held[i].chord].hold_ms = in->clock_ms - in->held[i].since_ms;
                        memmove(&in->held[i], &in->held[i + 1], (in->n_held - i - 1) * sizeof *in->held);
                        in->n_held--;
                        return;
                }
}

/* The chord made here is emptied again when the key turns out to be part of others. */
static int hold(struct player *in, size_t i, unsigned code)
{
        struct boot_chord *chord;

        if (is_held(in, code))
                return 0;
        if (in->n_held == BOOT_CHORD_MOST)
                return too_many(in, &in->command->v[i]);
        chord = add(in, i);
        chord->codes[chord->n++] = code;
        in->held[in->n_held++] = (struct held){ .code = code, .chord = in->chords->n - 1, .since_ms = in->clock_ms, .alone = true };
        return 0;
}

static int press(struct player *in, size_t i, const struct stroke *stroke)
{
        static const struct stroke blank = { .code = KEY_SPACE };

        if (tap(in, i, stroke) < 0 || (stroke->dead && tap(in, i, &blank) < 0))
                return -1;
        /* Packer lifts the Shift that it pressed, and with it one that is held. */
        if (stroke->modifier == KEY_LEFTSHIFT)
                let_go(in, KEY_LEFTSHIFT);
        return 0;
}

static bool types_nothing(const struct boot_event *event)
{
        return !event->special && (event->keysym < 0x20 || (event->keysym >= 0x7f && event->keysym < 0xa0));
}

static int key(struct player *in, size_t i)
{
        const struct boot_event *event = &in->command->v[i];
        struct stroke stroke = { 0 };

        if (types_nothing(event))
                return 0;
        if (find(in, event, &stroke) < 0)
                return -1;
        if (event->action == BOOT_PRESS)
                return press(in, i, &stroke);
        if (event->action == BOOT_DOWN)
                return (stroke.modifier != 0 && hold(in, i, stroke.modifier) < 0) || hold(in, i, stroke.code) < 0 ? -1 : 0;
        let_go(in, stroke.code);
        if (stroke.modifier != 0)
                let_go(in, stroke.modifier);
        return 0;
}

static int play(struct player *in)
{
        const struct boot_command *command = in->command;
        struct boot_chords *chords = in->chords;
        size_t kept = 0;

        for (size_t i = 0; i < command->n; i++) {
                const struct boot_event *event = &command->v[i];

                if (event->kind == BOOT_KEY) {
                        if (key(in, i) < 0)
                                return -1;
                } else if (__builtin_add_overflow(in->clock_ms, event->kind == BOOT_WAIT ? event->ms : event->limit_ms, &in->clock_ms)) {
                        in->clock_ms = INT64_MAX;
                }
        }
        while (in->n_held > 0)          /* never let go: until the end */
                let_go(in, in->held[0].code);
        for (size_t i = 0; i < chords->n; i++)
                if (chords->v[i].n > 0)
                        chords->v[kept++] = chords->v[i];
        chords->n = kept;
        return 0;
}

int boot_chords_of(const struct boot_command *command, const char *layout, struct boot_chords *ret, struct bk_error *err)
{
        BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
        struct player in = { .command = command, .chords = &chords, .err = err };
        const char *names[LAYOUTS], *nearest;

        for (size_t i = 0; i < LAYOUTS; i++) {
                names[i] = layouts[i].name;
                if (strcmp(layout != NULL ? layout : "us", names[i]) != 0)
                        continue;
                in.layout = layouts[i].keys;
                in.layout_name = names[i];
        }
        if (in.layout == NULL) {
                nearest = bk_nearest(layout, names, LAYOUTS);
                return bk_fail(err, BK_INVALID, "no keyboard layout '%s'; %s%s", layout,
                               nearest != NULL ? "did you mean " : "there are us, de, fr and gb", nearest != NULL ? nearest : "");
        }
        if (play(&in) < 0)
                return -1;
        *ret = chords;
        chords = (struct boot_chords){ 0 };
        return 0;
}
