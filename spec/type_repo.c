/* Types `yumrepo` and `ppa`: where packages come from, by the files that yum, dnf and apt read. */
#include "spec/spec_priv.h"

#include <string.h>
#include <strings.h>

enum { ABSENT, DISABLED, ENABLED };

/* --- yumrepo --------------------------------------------------------------- */

static const char *const yum_files[] = { "/etc/dnf/dnf.conf", "/etc/yum.conf" };
static const char *const yum_folders[] = { "/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d" };

struct search { const char *name; int found; };

static bool is_no(struct spec_view value)
{
        return spec_view_is(value, "0") || spec_view_is_nocase(value, "no") || spec_view_is_nocase(value, "false") ||
               spec_view_is_nocase(value, "off");
}

/* The section [name], which is enabled unless it says otherwise; a later file's word counts. */
static int search_sections(void *arg, const char *path, struct spec_view text, struct bk_error *err)
{
        struct search *search = arg;
        struct spec_view line, key, value;
        bool ours = false;

        (void)path;
        (void)err;
        while (spec_view_line(&text, &line)) {
                const struct spec_view bare = spec_view_trim(line);

                if (bare.n >= 2 && *bare.s == '[') {
                        ours = bare.s[bare.n - 1] == ']' && spec_view_is((struct spec_view){ bare.s + 1, bare.n - 2 }, search->name);
                        if (ours)
                                search->found = ENABLED;
                } else if (ours && line.n > 0 && *line.s != '#' && *line.s != ';' && spec_view_pair(line, '=', &key, &value) &&
                           spec_view_is(key, "enabled")) {
                        search->found = is_no(value) ? DISABLED : ENABLED;
                }
        }
        return 0;
}

static void note_found(struct spec_resource *r, int found, const char *where)
{
        if (found == ABSENT)
                spec_note(r, "no file in %s has it", where);
        else
                spec_note(r, "it is there and %s", found == ENABLED ? "enabled" : "not enabled");
}

static int yumrepo_state(struct spec_resource *r, int *ret, struct bk_error *err)
{
        struct search search = { r->name, ABSENT };

        for (size_t i = 0; i < sizeof yum_files / sizeof *yum_files; i++) {
                autofree char *text = NULL;
                struct spec_view view;
                const int there = spec_config_read(r->image, yum_files[i], &text, &view, err);

                if (there < 0 || (there > 0 && search_sections(&search, yum_files[i], view, err) < 0))
                        return -1;
        }
        for (size_t i = 0; i < sizeof yum_folders / sizeof *yum_folders; i++)
                if (spec_config_folder(r->image, yum_folders[i], ".repo", search_sections, &search, err) < 0)
                        return -1;
        if (bk_streq(r->name, "main"))          /* the section of the settings is no repository */
                search.found = ABSENT;
        note_found(r, search.found, yum_folders[0]);
        *ret = search.found;
        return 0;
}

#define STATE(function, of, test) \
static int function(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err) \
{ \
        int state = ABSENT; \
        (void)args; \
        if (of(r, &state, err) < 0) \
                return -1; \
        *ret = state test; \
        return 0; \
}
STATE(yumrepo_exists, yumrepo_state, != ABSENT)
STATE(yumrepo_enabled, yumrepo_state, == ENABLED)

void spec_yumrepo_want(const struct spec_resource *resource)
{
        for (size_t i = 0; i < sizeof yum_files / sizeof *yum_files; i++)
                spec_want_path(resource, yum_files[i]);
        for (size_t i = 0; i < sizeof yum_folders / sizeof *yum_folders; i++)
                spec_want_path(resource, yum_folders[i]);
}

const struct spec_predicate spec_yumrepo_predicates[] = {
        { "exist?", NULL, yumrepo_exists }, { "enabled?", NULL, yumrepo_enabled }, { NULL },
};

/* --- ppa ------------------------------------------------------------------- */

/* Is it http[s]://ppa.launchpad.net/USER/NAME[/...]? Its newer host, too. */
static bool is_ppa(struct spec_view url, const char *name)
{
        static const char *const hosts[] = {
                "http://ppa.launchpad.net/", "https://ppa.launchpad.net/", "http://ppa.launchpadcontent.net/",
                "https://ppa.launchpadcontent.net/",
        };
        const size_t length = strlen(name);

        for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
                const size_t host = strlen(hosts[i]);

                if (spec_view_starts(url, hosts[i]) && url.n >= host + length && memcmp(url.s + host, name, length) == 0)
                        return length > 0 && (url.n == host + length || url.s[host + length] == '/');
        }
        return false;
}

/* "deb [options] URL ...", which a # switches off. */
static int of_line(struct spec_view line, const char *name)
{
        struct spec_view word;
        int ret = ENABLED;

        line = spec_view_trim(line);
        while (line.n > 0 && (*line.s == '#' || *line.s == ' ' || *line.s == '\t')) {
                ret = DISABLED;
                line.s++;
                line.n--;
        }
        if (!spec_view_word(&line, &word) || !spec_view_is(word, "deb") || !spec_view_word(&line, &word))
                return ABSENT;
        if (*word.s == '[') {           /* up to the ], which may be words away */
                while (word.s[word.n - 1] != ']')
                        if (!spec_view_word(&line, &word))
                                return ABSENT;
                if (!spec_view_word(&line, &word))
                        return ABSENT;
        }
        return is_ppa(spec_view_unquote(word), name) ? ret : ABSENT;
}

/* A stanza's field "URIs: a b" and "Enabled: no"; the next line may go on with it. */
struct stanza { bool ours, binary, off; };

static void of_field(struct stanza *stanza, struct spec_view key, struct spec_view value, const char *name)
{
        struct spec_view word;

        if (spec_view_is_nocase(key, "enabled"))
                stanza->off = is_no(spec_view_trim(value));
        while (spec_view_word(&value, &word)) {
                if (spec_view_is_nocase(key, "uris") && is_ppa(word, name))
                        stanza->ours = true;
                if (spec_view_is_nocase(key, "types") && spec_view_is(word, "deb"))
                        stanza->binary = true;
        }
}

static int of_stanza(const struct stanza *stanza)
{
        if (!stanza->ours || !stanza->binary)
                return ABSENT;
        return stanza->off ? DISABLED : ENABLED;
}

static int search_sources(struct search *search, struct spec_view text)
{
        struct stanza stanza = { 0 };
        struct spec_view line, key = { "", 0 }, value;

        for (bool more = true; more;) {
                more = spec_view_line(&text, &line);
                if (!more || spec_view_trim(line).n == 0) {
                        if (of_stanza(&stanza) > search->found)
                                search->found = of_stanza(&stanza);
                        stanza = (struct stanza){ 0 };
                        key.n = 0;
                } else if (*line.s == ' ' || *line.s == '\t') {
                        of_field(&stanza, key, line, search->name);
                } else if (*line.s != '#' && spec_view_pair(line, ':', &key, &value)) {
                        of_field(&stanza, key, value, search->name);
                }
        }
        return 0;
}

static int search_apt(void *arg, const char *path, struct spec_view text, struct bk_error *err)
{
        struct search *search = arg;
        struct spec_view line;

        (void)err;
        if (spec_view_ends(spec_view_of(path), ".sources"))
                return search_sources(search, text);
        while (spec_view_line(&text, &line)) {
                const int state = of_line(line, search->name);

                if (state > search->found)
                        search->found = state;
        }
        return 0;
}

static int ppa_state(struct spec_resource *r, int *ret, struct bk_error *err)
{
        struct search search = { strncmp(r->name, "ppa:", 4) == 0 ? r->name + 4 : r->name, ABSENT };

        /* sources.list is in /etc/apt itself */
        if (spec_config_folder(r->image, "/etc/apt", ".list .sources", search_apt, &search, err) < 0 ||
            spec_config_folder(r->image, "/etc/apt/sources.list.d", ".list .sources", search_apt, &search, err) < 0)
                return -1;
        note_found(r, search.found, "/etc/apt");
        *ret = search.found;
        return 0;
}

STATE(ppa_exists, ppa_state, != ABSENT)
STATE(ppa_enabled, ppa_state, == ENABLED)

void spec_ppa_want(const struct spec_resource *resource)
{
        spec_want_path(resource, "/etc/apt");
        spec_want_path(resource, "/etc/apt/sources.list");
        spec_want_path(resource, "/etc/apt/sources.list.d");
}

const struct spec_predicate spec_ppa_predicates[] = {
        { "exist?", NULL, ppa_exists }, { "enabled?", NULL, ppa_enabled }, { NULL },
};
