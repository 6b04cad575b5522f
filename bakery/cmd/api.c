/* One way for commands to ask the registry. The answers are those of reg_api(), by a call or over HTTP. */
#include "bakery/cmd/api.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bakery/cmd/diff_files.h"
#include "bakery/cmd/janitor.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/api.h"

#define FILE_MOST (256 << 20)

char *cmd_user(void)
{
        const struct passwd *entry = getpwuid(getuid());

        return entry ? bk_strdup(entry->pw_name) : bk_format("%u", (unsigned)getuid());
}

char *cmd_target(const char *format, const char *text)
{
        autofree char *escaped = bk_http_escape(text);

        return bk_format(format, escaped);
}

/* --- errors -------------------------------------------------------------------------- */

static int error_of(const char *text, size_t length, struct bk_error *err)
{
        json_t *answer = json_loadb(text, length, 0, NULL);
        const json_t *error = json_object_get(answer, "error");
        const char *kind = json_string_value(json_object_get(error, "kind"));
        const char *message = json_string_value(json_object_get(error, "message"));

        if (kind != NULL && message != NULL)
                (void)bk_fail(err, bk_kind_of_name(kind), "%s", message);
        json_decref(answer);
        return kind != NULL && message != NULL ? 0 : -1;
}

int cmd_api_error(const struct bk_http_answer *answer, struct bk_error *err)
{
        const long status = answer->status;

        if (error_of(answer->text, answer->length, err) == 0)
                return -1;
        return bk_fail(err, status == 404 || status == 410 ? BK_NOT_FOUND : status == 401 || status == 403 ? BK_DENIED :
                       status >= 500 || status == 429 ? BK_INFRA : BK_FAILED,
                       "the registry answered %ld, in a way that bakery does not; is the address one of `bakery serve`?", status);
}

/* --- the registry of the state folder ---------------------------------------------------- */

static int ask_here(const struct cmd_args *args, const char *method, const char *target, const char *body, char **ret, size_t *ret_length,
                    struct bk_error *err)
{
        autostate struct cmd_state state = { 0 };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        autofree char *path = bk_strndup(target, strcspn(target, "?")), *who = cmd_user();
        const char *query = strchr(target, '?');
        const struct reg_request request = {
                .method = method, .path = path, .query = query == NULL ? "" : query + 1,
                .body = body, .length = body == NULL ? 0 : strlen(body),
                .who = who, .role = REG_ADMIN,          /* who may open the file may do anything with it */
                .store = &state.store, .files = cmd_diff_files, .plan = cmd_janitor_answer,
        };

        if (cmd_open(args, &state, err) < 0)
                return -1;
        reg_api(state.reg, &request, &answer);
        if (answer.status >= 400) {
                if (answer.text != NULL && error_of(answer.text, answer.length, err) == 0)
                        return -1;
                return bk_fail(err, BK_INTERNAL, "the registry answered %d to '%s'", answer.status, target);
        }
        if (answer.file != NULL)
                return bk_read_file(answer.file, FILE_MOST, ret, ret_length, err);
        *ret = answer.text != NULL ? bk_take(answer.text) : bk_strdup("");
        *ret_length = answer.length;
        return 0;
}

/* --- the registry of another host --------------------------------------------------------- */

bool cmd_peer(const struct cmd_args *args, struct bk_http_peer *ret)
{
        const char *url = cmd_value(args, "registry");

        *ret = (struct bk_http_peer){
                .url = url, .token = getenv("BAKERY_TOKEN"), .ca = getenv("BAKERY_CA"), .cert = getenv("BAKERY_CERT"),
                .key = getenv("BAKERY_KEY"),
        };
        if (ret->token != NULL && *ret->token == '\0')
                ret->token = NULL;
        return url != NULL;
}

static int ask_there(const struct bk_http_peer *peer, const char *method, const char *target, const char *body, char **ret,
                     size_t *ret_length, struct bk_error *err)
{
        BK_CLEANUP(bk_http_answer_done) struct bk_http_answer answer = { 0 };
        autofree char *full = bk_format("/api/v1%s", target);
        const struct bk_http request = {
                .peer = peer, .method = method, .target = full, .type = body == NULL ? NULL : "application/json", .body = body,
                .length = body == NULL ? 0 : strlen(body),
        };

        if (bk_http(&request, &answer, err) < 0)
                return -1;
        if (answer.status < 200 || answer.status > 299)
                return cmd_api_error(&answer, err);
        *ret = bk_take(answer.text);
        *ret_length = answer.length;
        return 0;
}

/* --- both ----------------------------------------------------------------------------------- */

static int ask(const struct cmd_args *args, const char *method, const char *target, json_t *body, char **ret, size_t *ret_length,
               struct bk_error *err)
{
        autofree char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
        struct bk_http_peer peer;

        if (body != NULL && text == NULL) {
                json_decref(body);
                return bk_fail(err, BK_INVALID, "what is asked for is not UTF-8");
        }
        json_decref(body);
        return cmd_peer(args, &peer) ? ask_there(&peer, method, target, text, ret, ret_length, err) :
                                       ask_here(args, method, target, text, ret, ret_length, err);
}

int cmd_api_text(const struct cmd_args *args, const char *method, const char *target, json_t *body, char **ret, size_t *ret_length,
                 struct bk_error *err)
{
        size_t length = 0;

        if (ask(args, method, target, body, ret, &length, err) < 0)
                return -1;
        if (ret_length != NULL)
                *ret_length = length;
        return 0;
}

int cmd_api(const struct cmd_args *args, const char *method, const char *target, json_t *body, json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;
        json_t *json;

        if (ask(args, method, target, body, &text, &length, err) < 0)
                return -1;
        json = length == 0 ? json_null() : json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (json == NULL)
                json = json_stringn(text, length);
        if (json == NULL)
                return bk_fail(err, BK_CORRUPT, "the registry answered '%s' with what is neither JSON nor UTF-8", target);
        *ret = json;
        return 0;
}
