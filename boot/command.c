/* The boot command's grammar. It is a PEG whose alternatives are tried in this
 * order at every place: wait, toggle of one character, special key, one literal
 * character. There is no syntax error: what is no tag is typed. Errors are left
 * to what a tag says: a wait of nothing, a number that does not fit.
 *
 * The source of the rules is packer-plugin-sdk's bootcommand/. */
#include "boot/boot.h"

#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

enum { WAIT_TEXT_MOST = 4096 };         /* bytes; a text screen has fewer, and no search for a closing quote gets long */

static const struct { const char *name; uint32_t keysym; } specials[] = {
        { "bs", 0xff08 }, { "del", 0xffff }, { "enter", 0xff0d }, { "return", 0xff0d }, { "esc", 0xff1b }, { "tab", 0xff09 },
        { "f1", 0xffbe }, { "f2", 0xffbf }, { "f3", 0xffc0 }, { "f4", 0xffc1 }, { "f5", 0xffc2 }, { "f6", 0xffc3 },
        { "f7", 0xffc4 }, { "f8", 0xffc5 }, { "f9", 0xffc6 }, { "f10", 0xffc7 }, { "f11", 0xffc8 }, { "f12", 0xffc9 },
        { "up", 0xff52 }, { "down", 0xff54 }, { "left", 0xff51 }, { "right", 0xff53 }, { "spacebar", 0x20 },
        { "insert", 0xff63 }, { "home", 0xff50 }, { "end", 0xff57 }, { "pageUp", 0xff55 }, { "pageDown", 0xff56 }, { "menu", 0xff67 },
        { "leftAlt", 0xffe9 }, { "rightAlt", 0xffea }, { "leftCtrl", 0xffe3 }, { "rightCtrl", 0xffe4 },
        { "leftShift", 0xffe1 }, { "rightShift", 0xffe2 }, { "leftSuper", 0xffeb }, { "rightSuper", 0xffec },
        { "leftCommand", 0xffe9 }, { "rightCommand", 0xffea }, { "leftOption", 0xffe7 }, { "rightOption", 0xffe8 },
};
enum { SPECIALS = sizeof specials / sizeof *specials };

struct parser {
        const char *text, *p, *end;     /* p: where the token starts */
        struct boot_command *command;
        size_t room;
        locale_t locale;
        struct bk_error *err;
};

const char *boot_special(size_t i)
{
        return i < SPECIALS ? specials[i].name : NULL;
}

const char *boot_keysym_name(uint32_t keysym)
{
        for (size_t i = 0; i < SPECIALS; i++)
                if (specials[i].keysym == keysym)
                        return specials[i].name;
        return NULL;
}

const char *boot_action_name(enum boot_action action)
{
        static const char *const names[] = { [BOOT_PRESS] = "press", [BOOT_DOWN] = "down", [BOOT_UP] = "up" };

        return names[action];
}

const char *boot_kind_name(enum boot_kind kind)
{
        static const char *const names[] = {
                [BOOT_KEY] = "key", [BOOT_WAIT] = "wait", [BOOT_WAIT_TEXT] = "wait-text", [BOOT_WAIT_REGEX] = "wait-regex",
                [BOOT_WAIT_STILL] = "wait-still", [BOOT_WAIT_CHANGE] = "wait-change", [BOOT_WAIT_SERIAL] = "wait-serial",
                [BOOT_WAIT_PORT] = "wait-port",
        };

        return names[kind];
}

size_t boot_column(const char *text, size_t offset)
{
        size_t column = 1;

        for (size_t i = 0; i < offset && text[i] != '\0'; i++)
                column += ((unsigned char)text[i] & 0xc0) != 0x80;
        /* In the middle of a character counts as on it. */
        return offset > 0 && ((unsigned char)text[offset] & 0xc0) == 0x80 ? column - 1 : column;
}

uint32_t boot_next_rune(const char **p)
{
        const unsigned char *u = (const unsigned char *)*p;
        uint32_t rune = *u;
        size_t more = 0;

        if (rune >= 0xf0) {
                rune &= 0x07;
                more = 3;
        } else if (rune >= 0xe0) {
                rune &= 0x0f;
                more = 2;
        } else if (rune >= 0xc0) {
                rune &= 0x1f;
                more = 1;
        }
        for (size_t i = 1; i <= more; i++)
                rune = rune << 6 | (u[i] & 0x3f);
        *p += 1 + more;
        return rune;
}

/* Go's unicode.IsUpper, and what the US layout has above. */
static bool wants_shift(const struct parser *in, uint32_t rune)
{
        if (rune < 0x80)
                return rune != 0 && (isupper((int)rune) || strchr("~!@#$%^&*()_+{}|:\"<>?", (int)rune) != NULL);
        if (rune < 0x100)
                return rune >= 0xc0 && rune <= 0xde && rune != 0xd7;
        return in->locale != (locale_t)0 && iswupper_l((wint_t)rune, in->locale);
}

static struct boot_event *add(struct parser *in, enum boot_kind kind, const char *end)
{
        struct boot_command *command = in->command;
        struct boot_event *event;

        if (command->n == in->room) {
                in->room = in->room == 0 ? 64 : in->room * 2;
                command->v = bk_grow(command->v, in->room, sizeof *command->v);
        }
        event = &command->v[command->n++];
        *event = (struct boot_event){ .kind = kind, .offset = (uint32_t)(in->p - in->text), .length = (uint32_t)(end - in->p) };
        event->tag = true;
        return event;
}

/* --- pieces: each returns the place behind it, or NULL ------------------------- */

static const char *word(const char *p, const char *s)
{
        const size_t length = strlen(s);

        return p != NULL && strncmp(p, s, length) == 0 ? p + length : NULL;
}

/* "On", "Off" in any case, then the end of the tag. */
static const char *toggle(const char *p, enum boot_action *ret)
{
        *ret = strncasecmp(p, "on", 2) == 0 ? BOOT_DOWN : BOOT_UP;
        if (*ret == BOOT_DOWN)
                return word(p + 2, ">");
        return strncasecmp(p, "off", 3) == 0 ? word(p + 3, ">") : NULL;
}

static const char *integer(const char *p)
{
        if (*p == '0')
                return p + 1;
        if (!isdigit((unsigned char)*p))
                return NULL;
        while (isdigit((unsigned char)*p))
                p++;
        return p;
}

/* (number unit)+. Stricter than Go's own: no ".5s", no "05s"; but a sign before every number, which Go then refuses. */
static const char *duration(const char *p)
{
        static const char *const units[] = { "ns", "us", "\u00b5s", "ms", "s", "m", "h" };
        const char *last = NULL;

        for (;;) {
                const char *unit = NULL;
                const char *q = integer(*p == '-' ? p + 1 : p);

                if (q != NULL && *q == '.' && isdigit((unsigned char)q[1]))
                        q += strspn(q + 1, "0123456789") + 1;
                for (size_t i = 0; q != NULL && unit == NULL && i < sizeof units / sizeof *units; i++)
                        unit = word(q, units[i]);
                if (unit == NULL)
                        return last;
                p = last = unit;
        }
}

static int complain(const struct parser *in, const char *what, const char *from, const char *to)
{
        return bk_fail(in->err, BK_INVALID, "boot command, column %zu: %s: '%.*s'", boot_column(in->text, (size_t)(in->p - in->text)),
                       what, (int)(to - from > 60 ? 60 : to - from), from);
}

/* Packer complains about a number that Go refuses even where the tag then turns out to be none; about one that is not
 * positive only in a tag. */
static int nanoseconds(const struct parser *in, const char *from, const char *to, int64_t *ret)
{
        struct bk_error why = { 0 };

        if (boot_duration(from, (size_t)(to - from), ret, &why) < 0)
                return complain(in, why.text, from, to);
        return 0;
}

static int milliseconds(const struct parser *in, const char *from, const char *to, int64_t ns, int64_t *ret)
{
        if (ns <= 0)
                return complain(in, "a wait must be longer than 0", from, to);
        *ret = ns / 1000000 + (ns % 1000000 != 0);
        return 0;
}

/* p stands behind the opening quote. A text knows \" and \\ and no other escape; a regex keeps all but \/. */
static const char *quoted(const char *p, char quote, char **ret)
{
        autofree char *text = bk_alloc(WAIT_TEXT_MOST + 1);
        size_t n = 0;

        for (; *p != quote; p++) {
                if (*p == '\0' || n + 2 > WAIT_TEXT_MOST)
                        return NULL;
                if (*p == '\\') {
                        if (p[1] == '\0' || (quote == '"' && p[1] != '"' && p[1] != '\\'))
                                return NULL;
                        if (quote == '/' && p[1] != '/')
                                text[n++] = '\\';
                        p++;
                }
                text[n++] = *p;
        }
        if (n == 0)
                return NULL;
        text[n] = '\0';
        *ret = bk_strdup(text);
        return p + 1;
}

/* --- tokens: 1 taken, 0 not this one, -1 error ----------------------------------- */

/* <wait>, <wait5>, <wait1m20s> */
static int timed_wait(struct parser *in, const char **next)
{
        const char *from = word(in->p, "<wait");
        const char *to;
        int64_t ns = 1000000000, ms = 0;

        if (from == NULL)
                return 0;
        to = duration(from);
        if (to != NULL) {
                if (nanoseconds(in, from, to, &ns) < 0)
                        return -1;
        } else if ((to = integer(from)) != NULL) {
                errno = 0;
                ns = strtoll(from, NULL, 10);
                if (errno != 0 || ns > INT64_MAX / 1000000000)
                        return complain(in, "the number is too large", from, to);
                ns *= 1000000000;
        } else {
                to = from;
        }
        if (*to != '>')
                return 0;
        if (milliseconds(in, from, to, ns, &ms) < 0)
                return -1;
        *next = to + 1;
        add(in, BOOT_WAIT, *next)->ms = ms;
        return 1;
}

static const char *port_number(const char *p, uint16_t *ret)
{
        const char *end = *p == '0' ? NULL : integer(p);

        if (end == NULL || end - p > 5 || strtol(p, NULL, 10) > 65535)
                return NULL;
        *ret = (uint16_t)strtol(p, NULL, 10);
        return end;
}

/* What stands between "<wait " and the limit. still: where the duration of <wait still> starts. */
static const char *condition(const char *p, struct boot_event *into, const char **still)
{
        const char *q;

        if (*p == '"') {
                into->kind = BOOT_WAIT_TEXT;
                return quoted(p + 1, '"', &into->text);
        }
        if (*p == '/') {
                into->kind = BOOT_WAIT_REGEX;
                return quoted(p + 1, '/', &into->text);
        }
        if ((q = word(p, "serial \"")) != NULL) {
                into->kind = BOOT_WAIT_SERIAL;
                return quoted(q, '"', &into->text);
        }
        if ((q = word(p, "port ")) != NULL) {
                into->kind = BOOT_WAIT_PORT;
                return port_number(q, &into->port);
        }
        if ((q = word(p, "still ")) != NULL) {
                into->kind = BOOT_WAIT_STILL;
                *still = q;
                return duration(q);
        }
        into->kind = BOOT_WAIT_CHANGE;
        return word(p, "change");
}

static int span(const struct parser *in, const char *from, const char *to, int64_t *ret)
{
        int64_t ns;

        return nanoseconds(in, from, to, &ns) < 0 ? -1 : milliseconds(in, from, to, ns, ret);
}

/* <wait "text" 90s> and its kin, which Packer types. */
static int open_wait(struct parser *in, const char **next)
{
        struct boot_event found = { 0 };
        const char *from = word(in->p, "<wait "), *still = NULL, *limit = NULL;
        const char *to = from != NULL ? condition(from, &found, &still) : NULL;
        const char *const still_end = to;
        autofree char *text = found.text;
        struct boot_event *event;

        if (to != NULL && *to == ' ') {
                limit = to + 1;
                to = duration(limit);
        }
        if (to == NULL || *to != '>')
                return 0;
        if ((still != NULL && span(in, still, still_end, &found.ms) < 0) || (limit != NULL && span(in, limit, to, &found.limit_ms) < 0))
                return -1;
        *next = to + 1;
        event = add(in, found.kind, *next);
        event->ms = found.ms;
        event->limit_ms = found.limit_ms;
        event->port = found.port;
        event->text = bk_take(text);
        return 1;
}

/* <aOn>, <aOff>: of any one character, '<' and '>' too */
static int toggled_rune(struct parser *in, const char **next)
{
        const char *p = in->p + 1;
        enum boot_action action;
        struct boot_event *event;
        uint32_t rune;

        if (*in->p != '<' || p == in->end)
                return 0;
        rune = boot_next_rune(&p);
        *next = toggle(p, &action);
        if (*next == NULL)
                return 0;
        event = add(in, BOOT_KEY, *next);
        event->action = action;
        event->keysym = rune;
        event->shift = wants_shift(in, rune);
        return 1;
}

static int special(struct parser *in, const char **next)
{
        if (*in->p != '<')
                return 0;
        for (size_t i = 0; i < SPECIALS; i++) {
                const size_t length = strlen(specials[i].name);
                const char *p = in->p + 1 + length;
                enum boot_action action = BOOT_PRESS;
                struct boot_event *event;

                if (strncasecmp(in->p + 1, specials[i].name, length) != 0)
                        continue;
                *next = *p == '>' ? p + 1 : toggle(p, &action);
                if (*next == NULL)
                        continue;
                event = add(in, BOOT_KEY, *next);
                event->action = action;
                event->special = true;
                event->keysym = specials[i].keysym;
                return 1;
        }
        return 0;
}

static int literal(struct parser *in, const char **next)
{
        struct boot_event *event;
        uint32_t rune;

        *next = in->p;
        rune = boot_next_rune(next);
        event = add(in, BOOT_KEY, *next);
        event->tag = false;
        event->keysym = rune;
        event->shift = wants_shift(in, rune);
        return 1;
}

static int parse(struct parser *in)
{
        static int (*const tokens[])(struct parser *, const char **) = { timed_wait, open_wait, toggled_rune, special, literal };

        while (in->p < in->end) {
                const char *next = NULL;
                int taken = 0;

                for (size_t i = 0; taken == 0; i++)
                        taken = tokens[i](in, &next);
                if (taken < 0)
                        return -1;
                in->p = next;
        }
        return 0;
}

static int check_encoding(const char *text, const char *end, struct bk_error *err)
{
        for (const char *p = text; p < end;) {
                const size_t length = bk_utf8_length(p, end);

                if (length == 0)
                        return bk_fail(err, BK_INVALID, "boot command, column %zu: the byte %02x is not UTF-8",
                                       boot_column(text, (size_t)(p - text)), (unsigned char)*p);
                p += length;
        }
        return 0;
}

int boot_parse(const char *text, struct boot_command *ret, struct bk_error *err)
{
        const size_t length = strnlen(text, BOOT_TEXT_MOST + 1);
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        struct parser in = { .command = &command, .err = err };
        int status;

        if (length > BOOT_TEXT_MOST)
                return bk_fail(err, BK_INVALID, "boot command: longer than %d bytes", BOOT_TEXT_MOST);
        if (check_encoding(text, text + length, err) < 0)
                return -1;
        command.text = bk_strndup(text, length);
        in.text = in.p = command.text;
        in.end = in.text + length;
        /* The process may run in any locale; what an upper-case letter is does not depend on it. */
        in.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        status = parse(&in);
        if (in.locale != (locale_t)0)
                freelocale(in.locale);
        if (status < 0)
                return -1;
        *ret = command;
        command = (struct boot_command){ 0 };
        return 0;
}

void boot_command_done(struct boot_command *command)
{
        for (size_t i = 0; i < command->n; i++)
                free(command->v[i].text);
        free(command->v);
        free(command->text);
        *command = (struct boot_command){ 0 };
}
