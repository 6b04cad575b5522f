/* Telling people, before it happens: by mail, by a webhook, by a program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "janitor/janitor_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"
#include "registry/hook.h"

enum { TELL_MS = 60000, SECRET_MOST = 4096 };

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text == NULL ? "" : text;
}

/* --- mail ------------------------------------------------------------------------------------- */
/* What a header can hold: nothing that ends a line, and ASCII. */
static char *header(const char *text)
{
        char *plain = bk_strdup(text);

        for (char *p = plain; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                        *p = '?';
        return plain;
}

static int check_address(const char *address, struct bk_error *err)
{
        static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-@";

        if (*address == '\0' || *address == '-' || address[strspn(address, known)] != '\0')
                return bk_fail(err, BK_INVALID, "'%.100s' is no address of mail", address);
        return 0;
}

static void list(struct bk_buf *text, const json_t *message)
{
        const char *base = text_of(message, "base");
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(message, "items"), i, item) {
                const double size = (double)json_integer_value(json_object_get(item, "size"));

                bk_buf_printf(text, "%s (%s), baked %s by %s, %.1f MiB\n  %s\n", text_of(item, "name"), text_of(item, "type"),
                              text_of(item, "created_at"), text_of(item, "created_by"), size / (1 << 20), text_of(item, "image"));
                bk_buf_printf(text, "  To keep it, on the registry's host:  bakery image keep %s\n", text_of(item, "image"));
                if (*base != '\0' && json_is_string(json_object_get(item, "token")))
                        bk_buf_printf(text, "  or from anywhere:\n    curl -H 'Content-Type: application/json' -d '{\"token\": \"%s\"}' "
                                      "%s/api/v1/janitor/opt-out\n", text_of(item, "token"), base);
                bk_buf_puts(text, "\n");
        }
}

static char *mail(const struct janitor_settings *settings, const char *to, const json_t *message)
{
        const size_t n = json_array_size(json_object_get(message, "items"));
        autofree char *rule = header(text_of(message, "rule"));
        struct bk_buf text = { 0 };

        if (settings->mail_from != NULL) {
                autofree char *from = header(settings->mail_from);

                bk_buf_printf(&text, "From: %s\n", from);
        }
        bk_buf_printf(&text, "To: %s\nSubject: bakery: %zu image%s to %s, by the rule %s\n", to, n, n == 1 ? "" : "s", text_of(message, "action"),
                      rule);
        bk_buf_puts(&text, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\n");
        bk_buf_printf(&text, "The rule '%s' (%s) of the image bakery has found what is listed below.\n", text_of(message, "rule"),
                      text_of(message, "place"));
        if (*text_of(message, "why") != '\0')
                bk_buf_printf(&text, "What the rule is for: %s\n", text_of(message, "why"));
        bk_buf_printf(&text, "What it is going to do: %s, not before %s, unless the rule finds it no more.\n\n", text_of(message, "action"),
                      text_of(message, "due_at"));
        list(&text, message);
        return bk_buf_finish(&text);
}

static int by_mail(const struct janitor_settings *settings, const char *to, const json_t *message, struct bk_error *err)
{
        const char *program = getenv("BAKERY_SENDMAIL");
        const char *const argv[] = { program != NULL && *program != '\0' ? program : "/usr/sbin/sendmail", "-t", "-i", NULL };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        autofree char *text = NULL;

        if (check_address(to, err) < 0)
                return -1;
        text = mail(settings, to, message);
        if (bk_run_with(&(struct bk_run){ .argv = argv, .timeout_ms = TELL_MS, .input = text, .input_len = strlen(text) }, &result, err) < 0)
                return -1;
        return result.status == 0 ? 0 : bk_run_fail(err, argv[0], result.status, result.err);
}

/* --- programs and webhooks ------------------------------------------------------------------------- */
static int by_command(const char *program, const json_t *message, struct bk_error *err)
{
        const char *const argv[] = { program, NULL };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        autofree char *text = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);

        if (bk_run_with(&(struct bk_run){ .argv = argv, .timeout_ms = TELL_MS, .input = text, .input_len = strlen(text) }, &result, err) < 0)
                return -1;
        return result.status == 0 ? 0 : bk_run_fail(err, program, result.status, result.err);
}

/* Signed where there is a secret: the first line of janitor.secret in the state folder. */
static int by_webhook(const char *home, const char *url, const json_t *message, struct bk_error *err)
{
        autofree char *path = bk_format("%s/janitor.secret", home), *secret = NULL;

        if (bk_exists(path)) {
                if (bk_read_file(path, SECRET_MOST, &secret, NULL, err) < 0)
                        return bk_wrap(err, "the secret of the janitor's webhooks");
                secret[strcspn(secret, "\r\n")] = '\0';
        }
        return reg_hook_post(url, secret, "janitor.told", NULL, message, err);
}

int janitor_tell(const char *home, const struct janitor_settings *settings, const struct janitor_notify *notify, const json_t *message,
                 struct bk_error *err)
{
        switch (notify->how) {
        case JANITOR_MAIL:
                return by_mail(settings, notify->to, message, err) < 0 ? bk_wrap(err, "mail to '%.100s'", notify->to) : 0;
        case JANITOR_WEBHOOK:
                return by_webhook(home, notify->to, message, err) < 0 ? bk_wrap(err, "webhook '%.200s'", notify->to) : 0;
        default:
                return by_command(notify->to, message, err) < 0 ? bk_wrap(err, "command '%.200s'", notify->to) : 0;
        }
}
