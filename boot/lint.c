/* What the grammar accepts and its author hardly meant. Everything here is
 * valid and typed as it stands; upstream templates carry such slips for years,
 * because nothing ever said so. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "boot/boot.h"
#include "lib/cleanup.h"
#include "lib/doc.h"

enum { TAG_MOST = 63, HELD_MOST = 64, WORDS_MOST = 64, LEFT_SHIFT = 0xffe1 };

/* Names that other tools have for the same thing. */
static const struct { const char *other, *ours; } synonyms[] = {
        { "escape", "esc" }, { "backspace", "bs" }, { "delete", "del" }, { "space", "spacebar" }, { "pgup", "pageUp" },
        { "pgdn", "pageDown" }, { "ins", "insert" }, { "ret", "return" }, { "cr", "enter" }, { "ctrl", "leftCtrl" },
        { "control", "leftCtrl" }, { "alt", "leftAlt" }, { "shift", "leftShift" }, { "super", "leftSuper" }, { "meta", "leftSuper" },
        { "win", "leftSuper" }, { "leftMeta", "leftSuper" }, { "rightMeta", "rightSuper" }, { "cmd", "leftCommand" },
        { "command", "leftCommand" }, { "option", "leftOption" }, { "sleep", "wait" }, { "pause", "wait" },
};

struct hold { const struct boot_event *event; bool lifted; };

struct linter {
        const struct boot_command *command;
        struct boot_findings *findings;
        size_t room;
        const char *words[WORDS_MOST];
        size_t n_words;
        struct hold held[HELD_MOST];
        size_t n_held;
};

void boot_findings_done(struct boot_findings *findings)
{
        for (size_t i = 0; i < findings->n; i++)
                free(findings->v[i].text);
        free(findings->v);
        *findings = (struct boot_findings){ 0 };
}

/* Owns text. */
static void find(struct linter *in, const char *rule, size_t offset, size_t length, char *text)
{
        struct boot_findings *findings = in->findings;

        if (findings->n == in->room) {
                in->room = in->room == 0 ? 16 : in->room * 2;
                findings->v = bk_grow(findings->v, in->room, sizeof *findings->v);
        }
        findings->v[findings->n++] = (struct boot_finding){ .offset = offset, .length = length, .rule = rule, .text = text };
}

/* --- tags -------------------------------------------------------------------- */

static const char *nearest(const struct linter *in, const char *word)
{
        for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
                if (strcasecmp(word, synonyms[i].other) == 0)
                        return synonyms[i].ours;
        return bk_nearest(word, in->words, in->n_words);
}

/* "entre" is "enter", "leftCtlOn" is "leftCtrlOn", "wiat10" is "wait10"; the caller's, or NULL. */
static char *meant(const struct linter *in, const char *tag)
{
        static const struct { const char *written, *right; } endings[] = { { "on", "On" }, { "off", "Off" } };
        const size_t length = strlen(tag), name = strcspn(tag, "0123456789");
        const char *word;

        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
                const size_t end = strlen(endings[i].written);
                autofree char *base = length > end ? bk_strndup(tag, length - end) : NULL;

                if (base == NULL || strcasecmp(tag + length - end, endings[i].written) != 0)
                        continue;
                word = nearest(in, base);
                if (word != NULL && strcmp(word, "wait") != 0)
                        return bk_format("%s%s", word, endings[i].right);
        }
        if (name >= 3 && name < length) {
                autofree char *base = bk_strndup(tag, name);

                word = nearest(in, base);
                if (word != NULL && strcmp(word, "wait") == 0)
                        return bk_format("wait%s", tag + name);
        }
        word = nearest(in, tag);
        return bk_strdup(word);
}

/* tag starts with "wait" in any case, and is no wait. NULL: another word that only starts so. */
static const char *why_no_wait(const char *tag)
{
        const char *rest = tag + 4;
        const bool quick = *rest == ' ' && rest[1 + strspn(rest + 1, "0123456789.nusmh")] == '\0';

        if (*rest != '\0' && strchr(" .+-\"/", *rest) == NULL && !isdigit((unsigned char)*rest))
                return NULL;
        if (strncmp(tag, "wait", 4) != 0)
                return "'wait' is written in lower case";
        if (quick)
                return "there is no blank before the time: <wait5>";
        if (*rest == ' ' || *rest == '"' || *rest == '/')
                return "it is none of <wait \"text\">, <wait /regex/>, <wait still 2s>, <wait change>, <wait serial \"text\"> and <wait port 22>, "
                       "each with one blank between the words and a limit with a unit at most";
        if (*rest == '0' && isdigit((unsigned char)rest[1]))
                return "a time has no leading zero";
        if (rest[strspn(rest, "0123456789.")] == '\0')
                return "a time with a fraction needs a unit: <wait1.5s>";
        return "a time is whole seconds, or numbers with the units ns, us, ms, s, m and h: <wait1m20s>";
}

/* A name that was begun, as in "<enter" or "<wait5". */
static bool begun(const struct linter *in, const char *tag)
{
        autofree char *run = NULL;
        size_t length = 0;

        while (isalnum((unsigned char)tag[length]))
                length++;
        if (length < 2)
                return false;
        run = bk_strndup(tag, length);
        for (size_t i = 0; i < in->n_words; i++)
                if (strncasecmp(run, in->words[i], strlen(in->words[i])) == 0 && strlen(in->words[i]) > 2)
                        return true;
        return nearest(in, run) != NULL;
}

static void unknown(struct linter *in, size_t offset, const char *tag)
{
        autofree char *guess = NULL;
        const size_t length = strlen(tag);

        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)tag[i]))
                        return;
        guess = meant(in, tag);
        find(in, "unknown-tag", offset, length + 2, guess != NULL ?
             bk_format("<%s> is no tag and is typed letter by letter; did you mean <%s>?", tag, guess) :
             bk_format("<%s> is no tag and is typed letter by letter", tag));
}

/* A '<' that is typed. */
static void open_angle(struct linter *in, size_t offset)
{
        const char *const text = in->command->text;
        const size_t length = strcspn(text + offset + 1, "<>\n");
        const char end = text[offset + 1 + length];
        autofree char *tag = bk_strndup(text + offset + 1, length > TAG_MOST ? TAG_MOST : length);
        const char *why = strncasecmp(tag, "wait", 4) == 0 ? why_no_wait(tag) : NULL;

        if (end != '>') {
                if ((end == '\0' && length == 0) || begun(in, tag))
                        find(in, "unclosed-tag", offset, 1, bk_format("'<' without its '>' is typed, and what follows too"));
                return;
        }
        if (length == 0 || length > TAG_MOST)
                return;
        if (why != NULL)
                find(in, "wait", offset, length + 2, bk_format("<%s> is typed letter by letter: %s", tag, why));
        else
                unknown(in, offset, tag);
}

/* --- keys ---------------------------------------------------------------------- */

static struct hold *holding(struct linter *in, uint32_t keysym, bool special)
{
        for (size_t i = 0; i < in->n_held; i++)
                if (in->held[i].event->keysym == keysym && in->held[i].event->special == special)
                        return &in->held[i];
        return NULL;
}

static const char *token(const struct linter *in, const struct boot_event *event, char **ret)
{
        *ret = bk_strndup(in->command->text + event->offset, event->length);
        return *ret;
}

static void toggled(struct linter *in, const struct boot_event *event)
{
        struct hold *hold = holding(in, event->keysym, event->special);
        autofree char *name = NULL;

        if (event->action == BOOT_DOWN && hold == NULL && in->n_held < HELD_MOST)
                in->held[in->n_held++] = (struct hold){ .event = event };
        else if (event->action == BOOT_DOWN && hold != NULL)
                find(in, "held-twice", event->offset, event->length, bk_format("%s: the key is down already", token(in, event, &name)));
        if (event->action != BOOT_UP)
                return;
        if (hold != NULL)
                *hold = in->held[--in->n_held];
        else if (in->n_held < HELD_MOST)
                find(in, "never-held", event->offset, event->length, bk_format("%s: the key is not down", token(in, event, &name)));
}

static void character(struct linter *in, const struct boot_event *event)
{
        struct hold *shift = event->shift && event->action != BOOT_DOWN ? holding(in, LEFT_SHIFT, true) : NULL;
        autofree char *name = NULL;

        if (shift != NULL && !shift->lifted) {
                shift->lifted = true;
                find(in, "shift-released", event->offset, event->length,
                     bk_format("'%s' brings its own Shift and releases the one that is held", token(in, event, &name)));
        } else if (event->keysym == '\n') {
                find(in, "control-character", event->offset, event->length, bk_format("a line break types nothing; the key is <enter>"));
        } else if (event->keysym < 0x20 || (event->keysym >= 0x7f && event->keysym < 0xa0)) {
                find(in, "control-character", event->offset, event->length,
                     bk_format("the control character U+%04X types nothing%s", event->keysym, event->keysym == '\t' ? "; the key is <tab>" : ""));
        } else if (event->keysym > 0xff) {
                find(in, "beyond-latin-1", event->offset, event->length,
                     bk_format("'%s' (U+%04X) is no keysym: Packer would send the wrong key", token(in, event, &name), event->keysym));
        }
}

static int by_offset(const void *a, const void *b)
{
        const struct boot_finding *x = a, *y = b;

        return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : strcmp(x->rule, y->rule);
}

/* In one walk: there may be as many findings as characters. */
static void put_columns(const char *text, struct boot_findings *findings)
{
        size_t at = 0, column = 1;

        for (size_t i = 0; i < findings->n; i++) {
                for (; at < findings->v[i].offset; at++)
                        column += ((unsigned char)text[at + 1] & 0xc0) != 0x80;
                findings->v[i].column = column;
        }
}

void boot_lint(const struct boot_command *command, struct boot_findings *ret)
{
        struct boot_findings findings = { 0 };
        struct linter in = { .command = command, .findings = &findings };

        in.words[in.n_words++] = "wait";
        for (size_t i = 0; boot_special(i) != NULL && in.n_words < WORDS_MOST; i++)
                in.words[in.n_words++] = boot_special(i);
        for (size_t i = 0; i < command->n; i++) {
                const struct boot_event *event = &command->v[i];

                if (event->kind != BOOT_KEY)
                        continue;
                if (!event->tag && event->keysym == '<')
                        open_angle(&in, event->offset);
                if (event->action != BOOT_PRESS)
                        toggled(&in, event);
                if (!event->special)
                        character(&in, event);
        }
        for (size_t i = 0; i < in.n_held; i++) {
                const struct boot_event *event = in.held[i].event;
                autofree char *name = NULL;

                if (!in.held[i].lifted)
                        find(&in, "never-released", event->offset, event->length,
                             bk_format("%s: the key is never let go", token(&in, event, &name)));
        }
        if (findings.n > 0)
                qsort(findings.v, findings.n, sizeof *findings.v, by_offset);
        put_columns(command->text, &findings);
        *ret = findings;
}
