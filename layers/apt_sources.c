/* The build host's own APT sources, turned into those of an image.
 *
 * Both of APT's formats are read: one line a source (*.list), and deb822
 * stanzas (*.sources); see sources.list(5). Entries of the release that is
 * wanted are taken as they are; when the host runs another release, its own
 * entries are taken and the release is exchanged. Third parties' archives,
 * whose suites bear other names, stay out. */
#include "layers/foundation.h"

#include <glob.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

struct source { char *options, *uri, *suite, *components; };
struct sources { struct source *v; size_t n; };

static void sources_done(struct sources *sources)
{
        for (size_t i = 0; i < sources->n; i++) {
                free(sources->v[i].options);
                free(sources->v[i].uri);
                free(sources->v[i].suite);
                free(sources->v[i].components);
        }
        free(sources->v);
        *sources = (struct sources){ 0 };
}

static void add(struct sources *sources, const char *options, const char *uri, const char *suite, const char *components)
{
        sources->v = bk_grow(sources->v, sources->n + 1, sizeof *sources->v);
        sources->v[sources->n++] = (struct source){
                .options = bk_strdup(options), .uri = bk_strdup(uri), .suite = bk_strdup(suite),
                .components = bk_strdup(components),
        };
}

static void split(const char *text, struct bk_strv *ret)
{
        autofree char *copy = bk_strdup(text ? text : "");
        char *save = NULL;

        for (char *word = strtok_r(copy, " \t\r\n", &save); word != NULL; word = strtok_r(NULL, " \t\r\n", &save))
                bk_strv_add(ret, word);
}

/* A keyring is named only where the image will have it too. */
static char *options_for(const char *signed_by)
{
        static const char prefix[] = "/usr/share/keyrings/debian-";

        if (signed_by != NULL && strncmp(signed_by, prefix, strlen(prefix)) == 0 && strpbrk(signed_by, " \n,[]") == NULL)
                return bk_format("[signed-by=%s] ", signed_by);
        return bk_strdup("");
}

/* "deb [signed-by=/x] URI suite component..." */
static void parse_line(char *line, struct sources *ret)
{
        autofree char *options = NULL, *signed_by = NULL;
        char *comment = strchr(line, '#'), *end, *at;
        autostrv struct bk_strv words = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf components = { 0 };

        if (comment != NULL)
                *comment = '\0';
        line += strspn(line, " \t");
        if (strncmp(line, "deb", 3) != 0 || (line[3] != ' ' && line[3] != '\t'))
                return;
        line += 3 + strspn(line + 3, " \t");
        if (*line == '[' && (end = strchr(line, ']')) != NULL) {
                *end = '\0';
                at = strstr(line, "signed-by=");
                if (at != NULL)
                        signed_by = bk_strndup(at + 10, strcspn(at + 10, " \t"));
                line = end + 1;
        }
        split(line, &words);
        if (words.n < 3)
                return;
        for (size_t i = 2; i < words.n; i++)
                bk_buf_printf(&components, "%s%s", i > 2 ? " " : "", words.v[i]);
        options = options_for(signed_by);
        add(ret, options, words.v[0], words.v[1], components.data);
}

static void parse_list(char *text, struct sources *ret)
{
        char *save = NULL;

        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
                parse_line(line, ret);
}

struct stanza { char *types, *uris, *suites, *components, *signed_by, *enabled; };

static void stanza_flush(struct stanza *stanza, struct sources *ret)
{
        autostrv struct bk_strv types = { 0 }, uris = { 0 }, suites = { 0 };
        autofree char *options = options_for(stanza->signed_by);

        split(stanza->types, &types);
        split(stanza->uris, &uris);
        split(stanza->suites, &suites);
        if (bk_strv_has(&types, "deb") && !bk_streq(stanza->enabled, "no") && stanza->components != NULL)
                for (size_t u = 0; u < uris.n; u++)
                        for (size_t s = 0; s < suites.n; s++)
                                add(ret, options, uris.v[u], suites.v[s], stanza->components);
        free(stanza->types);
        free(stanza->uris);
        free(stanza->suites);
        free(stanza->components);
        free(stanza->signed_by);
        free(stanza->enabled);
        *stanza = (struct stanza){ 0 };
}

static void stanza_field(struct stanza *stanza, const char *line, char ***ret_last)
{
        const struct { const char *name; char **value; } fields[] = {
                { "types", &stanza->types }, { "uris", &stanza->uris }, { "suites", &stanza->suites },
                { "components", &stanza->components }, { "signed-by", &stanza->signed_by }, { "enabled", &stanza->enabled },
        };
        const size_t length = strcspn(line, ":");

        *ret_last = NULL;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                if (line[length] != ':' || strlen(fields[i].name) != length || strncasecmp(fields[i].name, line, length) != 0)
                        continue;
                free(*fields[i].value);
                line += length + 1;
                line += strspn(line, " \t");
                *fields[i].value = bk_strdup(line);
                for (char *p = *fields[i].value + strlen(line); p > *fields[i].value && strchr(" \t\r", p[-1]) != NULL;)
                        *--p = '\0';
                *ret_last = fields[i].value;
                return;
        }
}

static void parse_deb822(const char *text, struct sources *ret)
{
        struct stanza stanza = { 0 };
        char **last = NULL;

        for (const char *p = text; *p != '\0';) {
                const size_t length = strcspn(p, "\n");
                autofree char *line = bk_strndup(p, length);

                p += length + (p[length] == '\n');
                if (line[0] == '#')
                        continue;
                if (line[strspn(line, " \t\r")] == '\0') {
                        stanza_flush(&stanza, ret);
                        last = NULL;
                } else if (line[0] == ' ' || line[0] == '\t') {
                        if (last != NULL) {
                                char *longer = bk_format("%s\n%s", *last, line);

                                free(*last);
                                *last = longer;
                        }
                } else {
                        stanza_field(&stanza, line, &last);
                }
        }
        stanza_flush(&stanza, ret);
}

static int read_all(const char *folder, struct sources *ret, struct bk_error *err)
{
        static const struct { const char *pattern; bool deb822; } kinds[] = {
                { "sources.list", false }, { "sources.list.d/*.list", false }, { "sources.list.d/*.sources", true },
        };

        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
                autofree char *pattern = bk_format("%s/%s", folder, kinds[k].pattern);
                glob_t found = { 0 };

                if (glob(pattern, 0, NULL, &found) != 0)
                        continue;
                for (size_t i = 0; i < found.gl_pathc; i++) {
                        autofree char *text = NULL;

                        if (bk_read_file(found.gl_pathv[i], 1 << 20, &text, NULL, err) < 0) {
                                globfree(&found);
                                return -1;
                        }
                        if (kinds[k].deb822)
                                parse_deb822(text, ret);
                        else
                                parse_list(text, ret);
                }
                globfree(&found);
        }
        return 0;
}

/* "bookworm", "bookworm-updates", "bookworm-security", "bookworm/updates": of that release; not its backports. */
static bool suite_of(const char *suite, const char *release)
{
        static const char *const tails[] = { "", "-updates", "-security", "/updates" };
        const size_t length = strlen(release);

        if (strncmp(suite, release, length) != 0)
                return false;
        for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
                if (bk_streq(suite + length, tails[i]))
                        return true;
        return false;
}

static char *host_release(void)
{
        autofree char *text = NULL;
        const char *at;

        if (bk_read_file("/etc/os-release", 65536, &text, NULL, NULL) < 0)
                return bk_strdup("");
        at = strstr(text, "VERSION_CODENAME=");
        return at == NULL ? bk_strdup("") : bk_strndup(at + 17, strcspn(at + 17, "\n"));
}

static void print_matching(const struct sources *sources, const char *from, const char *release, const char *components,
                           struct bk_buf *out)
{
        autostrv struct bk_strv seen = { 0 };

        for (size_t i = 0; i < sources->n; i++) {
                const struct source *s = &sources->v[i];

                if (!suite_of(s->suite, from))
                        continue;
                autofree char *line = bk_format("deb %s%s %s%s %s\n", s->options, s->uri, release, s->suite + strlen(from),
                                                components ? components : s->components);
                if (!bk_strv_has(&seen, line)) {
                        bk_strv_add(&seen, line);
                        bk_buf_puts(out, line);
                }
        }
}

int apt_sources_from(const char *apt_folder, const char *release, const char *components, char **ret, struct bk_error *err)
{
        BK_CLEANUP(sources_done) struct sources sources = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        autofree char *host = host_release();

        if (read_all(apt_folder, &sources, err) < 0)
                return bk_wrap(err, "APT sources");
        print_matching(&sources, release, release, components, &out);
        if (out.len == 0 && *host != '\0')
                print_matching(&sources, host, release, components, &out);
        if (out.len == 0)
                return bk_fail(err, BK_NOT_FOUND,
                               "the build host's APT sources (%s) name no archive of Debian '%s' or of this host's release; "
                               "add one there, or set \"mirror\" in the template", apt_folder, release);
        *ret = bk_buf_finish(&out);
        return 0;
}

int apt_sources_for(const char *release, const char *mirror, const char *components, char **ret, struct bk_error *err)
{
        if (mirror == NULL || *mirror == '\0')
                return apt_sources_from("/etc/apt", release, components, ret, err);
        *ret = bk_format("deb %s %s %s\n", mirror, release, components ? components : "main");
        return 0;
}
