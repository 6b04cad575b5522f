/* Waivers: reading the file, and results that they are meant for. */
#include "spec/waiver.h"

#include <ctype.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/doc.h"
#include "lib/fs.h"
#include "spec/yaml.h"

enum { FILE_MOST = 4 << 20 };

void spec_waivers_done(struct spec_waivers *waivers)
{
        for (size_t i = 0; i < waivers->n; i++) {
                free(waivers->v[i].file);
                free(waivers->v[i].what);
                free(waivers->v[i].until);
                free(waivers->v[i].why);
        }
        free(waivers->v);
        *waivers = (struct spec_waivers){ 0 };
}

/* --- reading ---------------------------------------------------------------------- */

/* "2027-01-31", a day that exists: as texts such days sort by time. */
static bool is_day(const char *text)
{
        static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        const int year = atoi(text);
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int month, day;

        for (int i = 0; i < 10; i++)
                if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i]))
                        return false;
        month = atoi(text + 5);
        day = atoi(text + 8);
        return text[10] == '\0' && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && (month != 2 || day <= 28 + leap);
}

static int read_date(const struct bk_doc *value, struct spec_waiver *into, struct bk_error *err)
{
        if (value->kind != BK_DOC_STRING || strlen(value->text) != value->text_len || !is_day(value->text))
                return bk_doc_fail(err, value, "expiration_date must be a day such as 2027-01-31");
        into->until = bk_strdup(value->text);
        return 0;
}

static int read_run(const struct bk_doc *value, struct spec_waiver *into, struct bk_error *err)
{
        if (value->kind != BK_DOC_BOOL)
                return bk_doc_fail(err, value, "run must be true or false, not %s", bk_doc_kind_name(value->kind));
        into->run = value->truth;
        return 0;
}

static int read_why(const struct bk_doc *value, struct spec_waiver *into, struct bk_error *err)
{
        if (value->kind != BK_DOC_STRING || strlen(value->text) != value->text_len || value->text[strspn(value->text, " \t\n\r")] == '\0')
                return bk_doc_fail(err, value, "justification must be a text that says why");
        into->why = bk_strdup(value->text);
        return 0;
}

static const struct {
        const char *key;
        int (*read)(const struct bk_doc *value, struct spec_waiver *into, struct bk_error *err);
} keys[] = {
        { "expiration_date", read_date }, { "run", read_run }, { "justification", read_why },
};
enum { KEYS = sizeof keys / sizeof *keys };

static int read_member(const struct bk_doc *member, struct spec_waiver *into, struct bk_error *err)
{
        const char *known[KEYS];
        const char *nearest;

        for (size_t i = 0; i < KEYS; i++) {
                if (bk_streq(member->key, keys[i].key))
                        return keys[i].read(member, into, err);
                known[i] = keys[i].key;
        }
        nearest = bk_nearest(member->key, known, KEYS);
        return bk_doc_fail_key(err, member, "a waiver has no '%.100s'%s%s%s", member->key, nearest ? "; did you mean '" : "",
                               nearest ? nearest : "", nearest ? "'?" : ", only expiration_date, run and justification");
}

static int read_waiver(const struct bk_doc *doc, const char *path, const char *today, struct spec_waivers *add, struct bk_error *err)
{
        struct spec_waiver *w;

        if (doc->kind != BK_DOC_OBJECT)
                return bk_doc_fail(err, doc, "the waiver of '%.100s' must be a map with a justification, not %s", doc->key,
                                   bk_doc_kind_name(doc->kind));
        if (*doc->key == '\0')
                return bk_doc_fail_key(err, doc, "a waiver must name what is waived");
        if ((add->n & (add->n - 1)) == 0)
                add->v = bk_grow(add->v, add->n ? add->n * 2 : 1, sizeof *add->v);
        w = &add->v[add->n++];
        *w = (struct spec_waiver){ .file = bk_strdup(path), .line = doc->key_line, .what = bk_strdup(doc->key), .run = true };
        for (size_t i = 0; i < doc->n; i++)
                if (read_member(doc->items[i], w, err) < 0)
                        return -1;
        if (w->why == NULL)
                return bk_doc_fail_key(err, doc, "the waiver of '%.100s' has no justification", doc->key);
        w->expired = w->until != NULL && strcmp(today, w->until) > 0;
        return 0;
}

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}

int spec_waivers_read(const char *path, const char *today, struct spec_waivers *add, struct bk_error *err)
{
        BK_CLEANUP(free_doc) struct bk_doc *root = NULL;
        autofree char *text = NULL;
        const char *const dot = strrchr(path, '.');
        size_t length;

        if (!is_day(today))
                return bk_fail(err, BK_INTERNAL, "'%s' is no day", today);
        if (bk_read_file(path, FILE_MOST, &text, &length, err) < 0)
                return bk_wrap(err, "waivers '%s'", path);
        if ((bk_streq(dot, ".json") ? bk_doc_parse : spec_yaml_parse)(path, text, length, &root, err) < 0)
                return -1;
        if (root->kind == BK_DOC_NULL)          /* nothing but comments */
                return 0;
        if (root->kind != BK_DOC_OBJECT)
                return bk_doc_fail(err, root, "waivers must be a map of what is waived, not %s", bk_doc_kind_name(root->kind));
        for (size_t i = 0; i < root->n; i++)
                if (read_waiver(root->items[i], path, today, add, err) < 0)
                        return -1;
        return 0;
}

/* --- applying --------------------------------------------------------------------- */

/* "*" stands for anything, and nothing else is special: descriptions are full of brackets. In time of the product of both lengths. */
static bool matches(const char *glob, const char *text)
{
        const char *star = NULL, *resume = NULL;

        while (*text != '\0') {
                if (*glob == '*') {
                        star = glob++;
                        resume = text;
                } else if (*glob == *text) {
                        glob++;
                        text++;
                } else if (star != NULL) {
                        glob = star + 1;
                        text = ++resume;
                } else {
                        return false;
                }
        }
        return glob[strspn(glob, "*")] == '\0';
}

/* "specs/a_spec.rb:3" also for a file that was given as "/home/me/specs/a_spec.rb". */
static bool is_place(const char *what, const char *place)
{
        const size_t n = strlen(what), m = strlen(place);

        if (strncmp(what, "./", 2) == 0)
                return is_place(what + 2, place);
        return bk_streq(what, place) || (n > 0 && n < m && place[m - n - 1] == '/' && bk_streq(what, place + m - n));
}

static bool means(const struct spec_waiver *w, const struct spec_result *result, const char *place, const char *description)
{
        return (result->control != NULL && *result->control && matches(w->what, result->control)) || is_place(w->what, place) ||
               matches(w->what, description);
}

static void set_message(struct spec_result *result, char *message)
{
        free(result->message);
        result->message = message;
}

static void replace(const struct spec_waiver *w, struct spec_result *result)
{
        const char *const said = result->message != NULL ? result->message : "";
        autofree char *first = bk_strndup(said, strcspn(said, "\n"));

        set_message(result, bk_format("waived%s%s: %s%s%s%s%s", w->until ? " until " : "", w->until ? w->until : "", w->why, *first ? "\n" : "",
                                      *first ? spec_verdict_name(result->verdict) : "", *first ? ": " : "", first));
        result->verdict = SPEC_SKIP;
}

static void apply(struct spec_waiver *w, struct spec_result *result)
{
        const bool failed = result->verdict == SPEC_FAIL || result->verdict == SPEC_ERROR;

        w->used++;
        if (w->expired && failed)
                set_message(result, bk_format("%s\n  its waiver expired after %s: %s", result->message ? result->message : "", w->until, w->why));
        else if (!w->expired && result->verdict != SPEC_SKIP && (failed || !w->run))
                replace(w, result);
}

void spec_waivers_apply(struct spec_waivers *waivers, struct spec_result *result)
{
        const bool grouped = result->group != NULL && *result->group;
        autofree char *place = bk_format("%s:%u", result->file, result->line);
        autofree char *description = bk_format("%s%s%s", grouped ? result->group : "", grouped ? " " : "", result->name ? result->name : "");

        if (result->name == NULL || *result->name == '\0')
                return;
        for (size_t i = 0; i < waivers->n; i++)
                if (means(&waivers->v[i], result, place, description))
                        apply(&waivers->v[i], result);
}

void spec_waivers_unused(const struct spec_waivers *waivers, struct bk_strv *ret)
{
        for (size_t i = 0; i < waivers->n; i++)
                if (waivers->v[i].used == 0)
                        bk_strv_addf(ret, "%s:%u: the waiver of '%s' matches no example", waivers->v[i].file, waivers->v[i].line, waivers->v[i].what);
}
