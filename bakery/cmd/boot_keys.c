/* boot keys: what a boot command becomes, before a guest has to find out. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/cmd.h"
#include "boot/boot.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "json", NULL, false, "JSON Lines, one an event or finding" },
        { "lint", NULL, false, "print probable slips instead" },
        { "layout", "NAME", false, "the guest's keyboard: us (default), de, fr or gb" },
        { "interval", "DURATION", false, "pause after every down and up, as boot_key_interval" },
};

static void print_json(json_t *line)
{
        autofree char *out = json_dumps(line, JSON_COMPACT);

        printf("%s\n", out);
        json_decref(line);
}

static char *token(const struct boot_command *command, const struct boot_event *event)
{
        return bk_strndup(command->text + event->offset, event->length);
}

/* Control characters would spoil the columns, or the terminal. */
static char *printable(const char *text)
{
        struct bk_buf buf = { 0 };

        for (const char *p = text; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        bk_buf_printf(&buf, "\\x%02x", (unsigned char)*p);
                else
                        bk_buf_putc(&buf, *p);
        return bk_buf_finish(&buf);
}

/* "9.5 s", "250 ms" */
static char *span(int64_t ms)
{
        return ms < 1000 ? bk_format("%lld ms", (long long)ms) : bk_format("%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

/* --- the lint's findings --------------------------------------------------------- */

static void print_finding(const struct boot_finding *finding)
{
        autofree char *text = printable(finding->text);

        printf("column %zu: %s\n", finding->column, text);
}

static int lint(const struct boot_command *command, bool json)
{
        BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };

        boot_lint(command, &findings);
        for (size_t i = 0; i < findings.n; i++) {
                const struct boot_finding *finding = &findings.v[i];

                if (json)
                        print_json(json_pack("{s:I, s:I, s:I, s:s, s:s}", "column", (json_int_t)finding->column, "offset",
                                             (json_int_t)finding->offset, "length", (json_int_t)finding->length, "rule", finding->rule,
                                             "text", finding->text));
                else
                        print_finding(finding);
        }
        if (!json && findings.n == 0)
                printf("nothing to complain about\n");
        return 0;
}

/* --- the events -------------------------------------------------------------------- */

/* The chords of one event: "29+111", and behind a blank the next. */
static char *codes(const struct boot_chord *chords, size_t n)
{
        struct bk_buf buf = { 0 };

        for (size_t i = 0; i < n; i++) {
                for (unsigned k = 0; k < chords[i].n; k++)
                        bk_buf_printf(&buf, "%s%u", k > 0 ? "+" : i > 0 ? " " : "", chords[i].codes[k]);
                if (chords[i].hold_ms > 0)
                        bk_buf_printf(&buf, " for %lld ms", (long long)chords[i].hold_ms);
        }
        return bk_buf_finish(&buf);
}

static char *describe_wait(const struct boot_event *event)
{
        autofree char *ms = span(event->ms), *limit = span(event->limit_ms);
        struct bk_buf buf = { 0 };

        switch (event->kind) {
        case BOOT_WAIT_TEXT:    bk_buf_printf(&buf, "until the screen shows \"%s\"", event->text); break;
        case BOOT_WAIT_REGEX:   bk_buf_printf(&buf, "until the screen matches /%s/", event->text); break;
        case BOOT_WAIT_STILL:   bk_buf_printf(&buf, "until the screen is still for %s", ms); break;
        case BOOT_WAIT_CHANGE:  bk_buf_puts(&buf, "until the screen changes"); break;
        case BOOT_WAIT_SERIAL:  bk_buf_printf(&buf, "until the serial console says \"%s\"", event->text); break;
        case BOOT_WAIT_PORT:    bk_buf_printf(&buf, "until port %u answers", event->port); break;
        default:                bk_buf_printf(&buf, "wait %s", ms); break;
        }
        if (event->limit_ms > 0)
                bk_buf_printf(&buf, ", at most %s", limit);
        return bk_buf_finish(&buf);
}

static void print_event(size_t column, const struct boot_command *command, const struct boot_event *event, const struct boot_chord *chords,
                        size_t n_chords)
{
        autofree char *raw = token(command, event), *written = printable(raw), *wait = NULL, *what = NULL, *keys = NULL;

        if (event->kind != BOOT_KEY) {
                wait = describe_wait(event);
                what = printable(wait);
                printf("%6zu  %-16s %s\n", column, written, what);
                return;
        }
        keys = codes(chords, n_chords);
        printf("%6zu  %-16s %-5s %04x%s%s%s\n", column, written, boot_action_name(event->action), event->keysym, event->shift ? " shift" : "",
               n_chords > 0 ? "  keys " : "", keys);
}

static json_t *json_chords(const struct boot_chord *chords, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *one = json_object(), *down = json_array();

                for (unsigned k = 0; k < chords[i].n; k++)
                        json_array_append_new(down, json_integer(chords[i].codes[k]));
                json_object_set_new(one, "codes", down);
                if (chords[i].hold_ms > 0)
                        json_object_set_new(one, "hold_ms", json_integer(chords[i].hold_ms));
                json_array_append_new(list, one);
        }
        return list;
}

static void json_event(size_t column, const struct boot_command *command, const struct boot_event *event, const struct boot_chord *chords,
                       size_t n_chords)
{
        autofree char *written = token(command, event);
        json_t *line = json_pack("{s:I, s:I, s:s, s:s}", "column", (json_int_t)column, "offset", (json_int_t)event->offset, "token", written,
                                 "kind", boot_kind_name(event->kind));

        if (event->kind == BOOT_KEY) {
                json_object_set_new(line, "action", json_string(boot_action_name(event->action)));
                json_object_set_new(line, "keysym", json_integer(event->keysym));
                json_object_set_new(line, "shift", json_boolean(event->shift));
                json_object_set_new(line, "chords", json_chords(chords, n_chords));
        }
        if (event->ms > 0)
                json_object_set_new(line, "ms", json_integer(event->ms));
        if (event->limit_ms > 0)
                json_object_set_new(line, "limit_ms", json_integer(event->limit_ms));
        if (event->text != NULL)
                json_object_set_new(line, "text", json_string(event->text));
        if (event->port != 0)
                json_object_set_new(line, "port", json_integer(event->port));
        print_json(line);
}

static void show(const struct boot_command *command, const struct boot_chords *chords, bool json)
{
        size_t column = 1, at = 0, chord = 0;

        for (size_t i = 0; i < command->n; i++) {
                const struct boot_event *event = &command->v[i];
                const size_t first = chord;

                while (chord < chords->n && chords->v[chord].event == i)
                        chord++;
                for (; at < event->offset; at++)
                        column += ((unsigned char)command->text[at + 1] & 0xc0) != 0x80;
                (json ? json_event : print_event)(column, command, event, chords->v + first, chord - first);
        }
}

static void sum_up(const struct boot_command *command, int64_t interval)
{
        const struct boot_time time = boot_time_of(command, interval);
        autofree char *typing = span(time.typing_ms), *waiting = span(time.waiting_ms);

        printf("%zu events; %zu downs and ups at %lld ms take %s, fixed waits %s", command->n, time.keys, (long long)interval, typing, waiting);
        if (time.open_waits > 0)
                printf(", waits for something: %zu", time.open_waits);
        printf("\n");
}

static int pick_interval(const struct cmd_args *args, int64_t *ret)
{
        const char *given = cmd_value(args, "interval");
        struct bk_error err = { 0 };
        int64_t ns = 0;

        if (given != NULL && (boot_duration(given, strlen(given), &ns, &err) < 0 || ns < 0)) {
                (void)fprintf(stderr, "bakery: error: -interval takes a duration such as 10ms, not '%s'\n", given);
                return -1;
        }
        *ret = boot_key_interval_ms(ns / 1000000 + (ns % 1000000 != 0), getenv("PACKER_KEY_INTERVAL"));
        return 0;
}

static int run(const struct cmd_args *args)
{
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
        const bool json = cmd_switch(args, "json");
        struct bk_error err = { 0 };
        int64_t interval;

        if (pick_interval(args, &interval) < 0)
                return 2;
        if (boot_parse(args->operands.v[0], &command, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "lint"))
                return lint(&command, json);
        if (boot_chords_of(&command, cmd_value(args, "layout"), &chords, &err) < 0)
                return cmd_fail(&err);
        show(&command, &chords, json);
        if (!json)
                sum_up(&command, interval);
        return 0;
}

const struct cmd cmd_boot_keys = {
        "boot keys", "COMMAND", 1, 1, "print what a boot command types",
        "The grammar is Packer's: a tag that it does not know is typed letter by letter; -lint tells. Added are <wait \"text\">, "
        "<wait /regex/>, <wait still 2s>, <wait change>, <wait serial \"text\"> and <wait port 22>, each with a limit at its end, as in "
        "<wait \"login:\" 90s>. Shown are column, token, X11 keysym and Linux key codes. Exits with 2 when the command is invalid.",
        CMD_FLAGS(flags), run,
};
