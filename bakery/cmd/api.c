/* Asking the registry in the words of its API. */
#include "bakery/cmd/api.h"

#include <ctype.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "registry/api.h"

char *cmd_target(const char *format, const char *text)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf escaped = { 0 };

        for (const char *p = text; *p != '\0'; p++)
                if (isalnum((unsigned char)*p) || strchr("-._~", *p) != NULL)
                        bk_buf_putc(&escaped, *p);
                else
                        bk_buf_printf(&escaped, "%%%02X", (unsigned char)*p);
        return bk_format(format, escaped.data ? escaped.data : "");
}

static int fail_of(const json_t *answer, struct bk_error *err)
{
        const json_t *error = json_object_get(answer, "error");
        const char *kind = json_string_value(json_object_get(error, "kind")), *message = json_string_value(json_object_get(error, "message"));

        for (int k = BK_USAGE; k <= BK_INTERNAL; k++)
                if (bk_streq(bk_kind_name((enum bk_kind)k), kind))
                        return bk_fail(err, (enum bk_kind)k, "%s", message ? message : "");
        return bk_fail(err, BK_INTERNAL, "the registry failed and did not say why");
}

int cmd_api(const struct cmd_args *args, const char *method, const char *target, json_t *body, json_t **ret, struct bk_error *err)
{
        autofree char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL, *path = bk_strndup(target, strcspn(target, "?"));
        const struct passwd *user = getpwuid(getuid());
        const struct reg_request request = {
                .method = method, .path = path, .query = strchr(target, '?') ? strchr(target, '?') + 1 : "", .body = text,
                .length = text ? strlen(text) : 0, .who = user ? user->pw_name : "unknown", .role = REG_ADMIN,
        };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        autostate struct cmd_state state = { 0 };
        json_t *json;

        json_decref(body);
        if (cmd_open(args, &state, err) < 0)
                return -1;
        reg_api(state.reg, &request, &answer);
        json = json_loadb(answer.text, answer.length, JSON_DECODE_ANY, NULL);
        if (answer.status >= 400) {
                (void)fail_of(json, err);
                json_decref(json);
                return -1;
        }
        *ret = json;
        return 0;
}
