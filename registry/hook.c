/* Hooks as rows, and what they want. */
#include "registry/hook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/publish.h"
#include "registry/life_priv.h"

enum { NAME_MOST = 100, URL_MOST = 2000, ACTIONS_MOST = 1000, SECRET_MOST = 1000 };

/* --- what is a hook ------------------------------------------------------------------ */
static int check_actions(const char *actions, struct bk_error *err)
{
        static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789._-*,";

        if (*actions == '\0' || strlen(actions) > ACTIONS_MOST || actions[strspn(actions, known)] != '\0')
                return bk_fail(err, BK_INVALID, "actions are written as 'image.*,channel.assigned', not '%.100s'", actions);
        return 0;
}

static int check_hook(const struct reg_hook *hook, struct bk_error *err)
{
        if (reg_name_check("hook name", hook->name, err) < 0)
                return -1;
        if (strchr(hook->name, '/') != NULL || strlen(hook->name) > NAME_MOST)
                return bk_fail(err, BK_INVALID, "a hook's name has no '/', and at most %d bytes", NAME_MOST);
        if (hook->url == NULL || (strncmp(hook->url, "http://", 7) != 0 && strncmp(hook->url, "https://", 8) != 0) ||
            strlen(hook->url) > URL_MOST || !reg_text_valid(hook->url))
                return bk_fail(err, BK_INVALID, "a hook's URL begins with http:// or https://, and has at most %d bytes", URL_MOST);
        if (hook->secret != NULL && (strlen(hook->secret) < 8 || strlen(hook->secret) > SECRET_MOST))
                return bk_fail(err, BK_INVALID, "a secret has 8 to %d bytes", SECRET_MOST);
        return hook->actions == NULL ? 0 : check_actions(hook->actions, err);
}

bool reg_hook_wants(const char *actions, const char *action)
{
        while (*actions != '\0') {
                const size_t length = strcspn(actions, ","), fixed = strcspn(actions, "*,");

                if (fixed < length ? strncmp(actions, action, fixed) == 0 : strlen(action) == length && strncmp(actions, action, length) == 0)
                        return true;
                actions += length + (actions[length] == ',');
        }
        return false;
}

char *reg_hook_signature(const char *secret, const void *body, size_t length)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        struct bk_buf text = { 0 };

        if (HMAC(EVP_sha256(), secret, (int)strlen(secret), body, length, digest, &n) == NULL)
                abort();
        bk_buf_puts(&text, "sha256=");
        for (unsigned i = 0; i < n; i++)
                bk_buf_printf(&text, "%02x", digest[i]);
        return bk_buf_finish(&text);
}

/* --- rows ------------------------------------------------------------------------------ */
static int keep_secret(const char *home, const struct reg_hook *hook, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/hooks", home), *path = bk_format("%s/%s.secret", folder, hook->name);

        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        if (chmod(folder, 0700) < 0)
                return bk_fail_errno(err, "cannot keep others out of '%s'", folder);
        return bk_publish_bytes(path, hook->secret, strlen(hook->secret), 0600, err);
}

static int tell(struct reg *reg, const char *action, const char *name, const char *who, const char *url, struct bk_error *err)
{
        json_t *detail = url == NULL ? NULL : json_pack("{s:o}", "actions", reg_json_text(url));
        const int status = reg_event_put(reg, &(struct reg_event){ .who = who, .action = action, .subject = name, .detail = detail }, err);

        json_decref(detail);
        return status;
}

/* The secret is kept before the row says that there is one: nothing is ever sent unsigned that should not be. */
int reg_hook_add(struct reg *reg, const char *home, const struct reg_hook *hook, const char *who, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO hook (name, url, actions, signed, cursor, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?)";
        const char *actions = hook->actions == NULL ? "*" : hook->actions;
        int64_t known = 0, cursor = 0;
        autotxn txn = { 0 };
        int status;

        if (check_hook(hook, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            (status = reg_sql_int(reg, &known, err, "SELECT id FROM hook WHERE name = ?", "t", hook->name)) < 0)
                return -1;
        if (status > 0)
                return bk_fail(err, BK_CONFLICT, "there is a hook '%s' already; remove it first", hook->name);
        if (hook->secret != NULL && keep_secret(home, hook, err) < 0)
                return -1;
        if (tell(reg, "hook.added", hook->name, who, actions, err) < 0 || reg_event_index(reg, &cursor, err) < 0 ||
            reg_sql_run(reg, err, sql, "tttiiit", hook->name, hook->url, actions, (int64_t)(hook->secret != NULL), cursor, (int64_t)time(NULL),
                        who == NULL ? "unknown" : who) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

static int find(struct reg *reg, const char *name, int64_t *ret, struct bk_error *err)
{
        const int status = reg_sql_int(reg, ret, err, "SELECT id FROM hook WHERE name = ?", "t", name);

        return status > 0 ? 0 : status < 0 ? -1 : bk_fail(err, BK_NOT_FOUND, "there is no hook '%.100s'", name);
}

static int forget_secret(const char *home, const char *name, struct bk_error *err)
{
        /* It is a hook's name: it names a file of that folder. */
        autofree char *path = bk_format("%s/hooks/%s.secret", home, name);

        return unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR ? bk_fail_errno(err, "cannot remove the hook's secret '%s'", path) : 0;
}

/* The secret goes while nobody else can add a hook of that name: theirs would go. Where the row stays in the end, nothing is sent without it. */
int reg_hook_remove(struct reg *reg, const char *home, const char *name, const char *who, struct bk_error *err)
{
        int64_t id = 0;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || find(reg, name, &id, err) < 0 ||
            reg_sql_run(reg, err, "DELETE FROM hook WHERE id = ?", "i", id) < 0 || tell(reg, "hook.removed", name, who, NULL, err) < 0 ||
            forget_secret(home, name, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_hook_test(struct reg *reg, const char *name, const char *who, struct bk_error *err)
{
        int64_t id = 0;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || find(reg, name, &id, err) < 0 || tell(reg, "hook.tested", name, who, NULL, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE hook SET retry_at = NULL, failures = 0, error = NULL WHERE id = ?", "i", id) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_hooks_json(struct reg *reg, json_t **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT name, url, actions, signed, cursor, created_at, created_by, failures, retry_at, error FROM hook "
                                  "ORDER BY name";
        autostmt *stmt = NULL;
        autojson *items = NULL;
        json_t *item;
        size_t i;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_json_rows(reg, stmt, &items, err) < 0)
                return -1;
        json_array_foreach(items, i, item)
                (void)json_object_set_new(item, "signed", json_boolean(json_integer_value(json_object_get(item, "signed")) != 0));
        *ret = json_pack("{s:O}", "items", items);
        return 0;
}
