/* spec types: what specs can ask, from the rows of the types. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/cmd.h"
#include "lib/cleanup.h"
#include "lib/doc.h"
#include "spec/vocabulary.h"

static const struct cmd_flag flags[] = {
        { "json", NULL, false, "JSON: a list of { type, where, matchers, properties }" },
};

struct listing {
        const struct cmd_args *args;
        json_t *types;                  /* those asked for */
        struct bk_strv known;
        bool left_out;                  /* the words that follow */
};

static json_t *chains_of(const char *chains)
{
        json_t *ret = json_array();

        while (*chains != '\0') {
                const size_t length = strcspn(chains, " ");

                (void)json_array_append_new(ret, json_stringn(chains, length));
                chains += length + (chains[length] != '\0');
        }
        return ret;
}

static void each(void *arg, const struct spec_word *word)
{
        struct listing *l = arg;
        const char *const where = word->where ? word->where : "unknown";
        json_t *type;

        if (word->name == NULL) {
                bk_strv_add(&l->known, word->type);
                l->left_out = l->args->operands.n > 0 && !bk_strv_has(&l->args->operands, word->type);
                if (!l->left_out)
                        (void)json_array_append_new(l->types, json_pack("{s:s, s:s, s:[], s:[]}", "type", word->type, "where", where, "matchers",
                                                                        "properties"));
                return;
        }
        if (l->left_out)
                return;
        type = json_array_get(l->types, json_array_size(l->types) - 1);
        if (word->property)
                (void)json_array_append_new(json_object_get(type, "properties"), json_pack("{s:s, s:s}", "name", word->name, "where", where));
        else
                (void)json_array_append_new(json_object_get(type, "matchers"),
                                            json_pack("{s:s, s:o, s:s}", "name", word->name, "chains", chains_of(word->chains), "where", where));
}

static const char *text(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

/* "matchers    be_enabled (.with_level .under), be_running [running]": the place is said where it is not the type's. */
static void print_words(const char *title, const json_t *words, const char *type_where)
{
        enum { WIDTH = 110, INDENT = 14 };
        int column = INDENT;
        size_t i, k;
        json_t *word, *chain;

        if (json_array_size(words) == 0)
                return;
        printf("  %-*s", INDENT - 2, title);
        json_array_foreach(words, i, word) {
                autofree char *item = bk_format("%s", text(word, "name"));

                json_array_foreach(json_object_get(word, "chains"), k, chain) {
                        autofree char *before = item;

                        item = bk_format("%s%s.%s", before, k == 0 ? " (" : " ", json_string_value(chain));
                }
                const char *const where = text(word, "where");
                const bool same = bk_streq(where, type_where);
                autofree char *whole = bk_format("%s%s%s%s%s%s", item, strchr(item, '(') ? ")" : "", same ? "" : " [", same ? "" : where,
                                                 same ? "" : "]", i + 1 < json_array_size(words) ? "," : "");

                if (column > INDENT && column + 1 + (int)strlen(whole) > WIDTH) {
                        printf("\n%*s", INDENT, "");
                        column = INDENT;
                }
                column += printf("%s%s", column > INDENT ? " " : "", whole);
        }
        printf("\n");
}

static void print_types(const json_t *types)
{
        size_t i;
        json_t *type;

        json_array_foreach(types, i, type) {
                printf("%s%s  [%s]\n", i > 0 ? "\n" : "", text(type, "type"), text(type, "where"));
                print_words("matchers", json_object_get(type, "matchers"), text(type, "where"));
                print_words("properties", json_object_get(type, "properties"), text(type, "where"));
        }
        printf("\n[files]       read from the image's files\n"
               "[command]     a program of the image is run\n"
               "[configured]  of the running system; without one, what the files configure\n"
               "[running]     of a running system only: without one, unanswered\n"
               "[never]       understood, and unanswered: not of Linux\n");
}

static int refuse_unknown(const struct listing *l)
{
        for (size_t i = 0; i < l->args->operands.n; i++) {
                const char *const name = l->args->operands.v[i];
                const char *nearest = bk_nearest(name, (const char *const *)l->known.v, l->known.n);
                struct bk_error err = { 0 };

                if (bk_strv_has(&l->known, name))
                        continue;
                bk_fail(&err, BK_USAGE, "there is no type '%s'%s%s%s", name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                        nearest ? "'?" : "");
                return cmd_fail(&err);
        }
        return 0;
}

static int run(const struct cmd_args *args)
{
        struct listing l = { .args = args, .types = json_array() };
        int ret;

        spec_vocabulary(each, &l);
        ret = refuse_unknown(&l);
        if (ret == 0 && cmd_switch(args, "json")) {
                autofree char *out = json_dumps(l.types, JSON_INDENT(2));

                printf("%s\n", out);
        } else if (ret == 0) {
                print_types(l.types);
        }
        json_decref(l.types);
        bk_strv_done(&l.known);
        return ret;
}

const struct cmd cmd_spec_types = {
        "spec types", "[TYPE...]", 0, -1, "list what specs can ask",
        "Resource types with their matchers (and the chains of these) and properties, and where each is answered.",
        CMD_FLAGS(flags), run,
};
