/* Help, the man page and completion: all from the rows. */
#include "bakery/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "bakery/bake/bake.h"
#include "layers/seal.h"
#include "lib/cleanup.h"

enum { WIDTH = 79 };

/* Words of text between two margins. */
static void wrap(const char *text, int indent, int column)
{
        const char *p = text;

        while (*p != '\0') {
                const int length = (int)strcspn(p, " \n");

                if (column > indent && column + 1 + length > WIDTH) {
                        printf("\n%*s", indent, "");
                        column = indent;
                } else if (column > indent) {
                        printf(" ");
                        column++;
                }
                printf("%.*s", length, p);
                column += length;
                p += length;
                if (*p == '\n') {
                        printf("\n%*s", indent, "");
                        column = indent;
                }
                p += *p != '\0';
        }
        printf("\n");
}

static void row(const char *left, const char *right)
{
        enum { INDENT = 26 };
        const int used = printf("  %s", left);

        if (used >= INDENT - 1)
                printf("\n%*s", INDENT, "");
        else
                printf("%*s", INDENT - used, "");
        wrap(right, INDENT, INDENT);
}

static void print_flags(const struct cmd_flag *flags, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                autofree char *left = bk_format("-%s%s%s", flags[i].name, flags[i].value ? " " : "", flags[i].value ? flags[i].value : "");

                row(left, flags[i].help);
        }
}

void cmd_help_one(const struct cmd *cmd)
{
        size_t n;
        const struct cmd_flag *globals = cmd_global_flags(&n);

        printf("usage: bakery %s [options] %s\n\n", cmd->name, cmd->operands);
        wrap(cmd->help, 0, 0);
        if (*cmd->text != '\0') {
                printf("\n");
                wrap(cmd->text, 0, 0);
        }
        printf("\nOptions, with one dash or two; also from the environment, as BAKERY_NAME:\n");
        print_flags(cmd->flags, cmd->n_flags);
        print_flags(globals, n);
}

void cmd_help_all(void)
{
        size_t n;
        const struct cmd *rows = cmd_rows(&n);

        printf("usage: bakery COMMAND [options] [operands]\n\n");
        wrap("Bakes machine images in layers, tests them, and remembers what they were made from.", 0, 0);
        printf("\nCommands:\n");
        for (size_t i = 0; i < n; i++) {
                row(rows[i].name, rows[i].help);
        }
        printf("\nExit codes: 0 ok; 1 bake or test failed; 2 usage or invalid template;\n"
               "3 baked but tests failed where that was allowed; 4 nothing to do (-exit-code);\n"
               "5 lock timed out; 6 infrastructure, worth a retry; 128+n ended by signal n.\n"
               "\n`bakery COMMAND --help` explains one. The manual: bakery(1).\n");
}

static bool vocabulary(const char *kind)
{
        size_t n;
        const struct bake_vocabulary *words = bake_vocabulary(&n);
        bool found = false;

        for (size_t i = 0; i < n; i++) {
                if (!bk_streq(words[i].kind, kind))
                        continue;
                found = true;
                printf("%s: %s\n", words[i].type, words[i].help);
                for (size_t k = 0; k < words[i].n_keys; k++) {
                        const struct tmpl_key *key = &words[i].keys[k];

                        if (key->kind == TMPL_IGNORED)
                                continue;
                        autofree char *right = bk_format("%s%s%s%s%s", key->help ? key->help : "", key->fallback ? " (" : "",
                                                         key->fallback ? key->fallback : "", key->fallback ? ")" : "",
                                                         key->flags & TMPL_REQUIRED ? " (required)" : "");
                        row(key->name, right);
                }
                printf("\n");
        }
        return found;
}

static bool other_vocabulary(const char *kind)
{
        size_t n;

        if (bk_streq(kind, "sysprep")) {
                const struct sysprep_row *rows = sysprep_rows(&n);

                for (size_t i = 0; i < n; i++)
                        row(rows[i].name, rows[i].help);
                return true;
        }
        if (bk_streq(kind, "formats")) {
                const struct layer_format *rows = layer_formats(&n);

                for (size_t i = 0; i < n; i++)
                        row(rows[i].name, rows[i].help);
                return true;
        }
        return false;
}

/* roff: a backslash and a leading dot or quote have a meaning of their own. */
static void roff(const char *text)
{
        for (const char *p = text; *p != '\0'; p++) {
                if (*p == '\\')
                        printf("\\e");
                else if (*p == '-')
                        printf("\\-");
                else if ((*p == '.' || *p == '\'') && (p == text || p[-1] == '\n'))
                        printf("\\&%c", *p);
                else
                        printf(*p == '}' ? "}\\:" : "%c", *p);  /* a line may break here */
        }
}

static void man_flags(const struct cmd_flag *flags, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                printf(".TP\n\\fB\\-%s\\fR%s\\fI%s\\fR\n", flags[i].name, flags[i].value ? " " : "", flags[i].value ? flags[i].value : "");
                roff(flags[i].help);
                printf("\n");
        }
}

static void man_vocabulary(void)
{
        size_t n;
        const struct bake_vocabulary *words = bake_vocabulary(&n);

        for (size_t i = 0; i < n; i++) {
                printf(".SS %s: %s\n", words[i].kind, words[i].type);
                roff(words[i].help);
                printf("\n");
                for (size_t k = 0; k < words[i].n_keys; k++) {
                        const struct tmpl_key *key = &words[i].keys[k];

                        if (key->kind == TMPL_IGNORED)
                                continue;
                        printf(".TP\n\\fB%s\\fR%s\n", key->name, key->flags & TMPL_REQUIRED ? " (required)" : "");
                        roff(key->help ? key->help : "");
                        if (key->fallback != NULL) {
                                printf("\n.br\nDefault: ");
                                roff(key->fallback);
                        }
                        printf("\n");
                }
        }
}

static void print_man(void)
{
        size_t n, n_globals;
        const struct cmd *rows = cmd_rows(&n);
        const struct cmd_flag *globals = cmd_global_flags(&n_globals);

        printf(".TH BAKERY 1 \"\" \"bakery %s\" \"User Commands\"\n", BAKERY_VERSION);
        printf(".ad l\n.nh\n.SH NAME\nbakery \\- bake machine images in layers\n");
        printf(".SH SYNOPSIS\n.B bakery\n\\fICOMMAND\\fR [options] [operands]\n");
        printf(".SH DESCRIPTION\nTurns a build host into an image bakery: templates in Packer's syntax become layers "
               "(foundation, base, application), which are tested, sealed by digest, and recorded with their lineage.\n");
        printf(".SH COMMANDS\n");
        for (size_t i = 0; i < n; i++) {
                printf(".SS bakery %s %s\n", rows[i].name, rows[i].operands);
                roff(rows[i].help);
                printf("\n");
                if (*rows[i].text != '\0') {
                        printf(".PP\n");
                        roff(rows[i].text);
                        printf("\n");
                }
                man_flags(rows[i].flags, rows[i].n_flags);
        }
        printf(".SH GLOBAL OPTIONS\nEvery option is also read from the environment: BAKERY_ and its name in capitals, dashes as underscores.\n");
        man_flags(globals, n_globals);
        printf(".SH TEMPLATES\n");
        man_vocabulary();
        printf(".SH EXIT STATUS\n"
               ".TP\n0\nok\n"
               ".TP\n1\nbake or test failed, or the thing asked for does not exist\n"
               ".TP\n2\nusage, or an invalid template\n"
               ".TP\n3\nbaked, but tests failed where that was allowed\n"
               ".TP\n4\nnothing to do (with \\-exit\\-code)\n"
               ".TP\n5\na lock timed out\n"
               ".TP\n6\ninfrastructure: worth a retry\n"
               ".TP\n128+n\nended by signal n\n");
        printf(".SH FILES\n.TP\n/var/lib/bakery\n"
               "the state folder of root; others have $XDG_DATA_HOME/bakery. BAKERY_HOME and \\-home override it.\n");
}

static void print_completion(void)
{
        size_t n, n_globals;
        const struct cmd *rows = cmd_rows(&n);
        const struct cmd_flag *globals = cmd_global_flags(&n_globals);

        printf("# bash completion for bakery; made from its command table\n"
               "_bakery() {\n"
               "    local cur=${COMP_WORDS[COMP_CWORD]} words=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" opts=\n"
               "    case \" $words \" in\n");
        for (size_t i = 0; i < n; i++) {
                printf("    *' %s '*) opts='", rows[i].name);
                for (size_t k = 0; k < rows[i].n_flags; k++)
                        printf("-%s ", rows[i].flags[k].name);
                for (size_t k = 0; k < n_globals; k++)
                        printf("-%s%s", globals[k].name, k + 1 < n_globals ? " " : "");
                printf("' ;;\n");
        }
        printf("    *' image '*) COMPREPLY=($(compgen -W 'show lineage export promote delete' -- \"$cur\")); return ;;\n"
               "    *) COMPREPLY=($(compgen -W '");
        for (size_t i = 0; i < n; i++)
                if (strncmp(rows[i].name, "image ", 6) != 0)
                        printf("%s ", rows[i].name);
        printf("image' -- \"$cur\")); return ;;\n"
               "    esac\n"
               "    case $cur in\n"
               "    -*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\")) ;;\n"
               "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
               "    esac\n"
               "}\n"
               "complete -o filenames -F _bakery bakery\n");
}

int cmd_help(const struct cmd_args *args)
{
        size_t n;
        const struct cmd *rows = cmd_rows(&n);
        autofree char *wanted = args->operands.n == 2 ? bk_format("%s %s", args->operands.v[0], args->operands.v[1])
                                                      : bk_strdup(args->operands.n ? args->operands.v[0] : NULL);

        if (cmd_switch(args, "man")) {
                print_man();
                return 0;
        }
        if (cmd_switch(args, "completion")) {
                print_completion();
                return 0;
        }
        if (wanted == NULL) {
                cmd_help_all();
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                if (bk_streq(rows[i].name, wanted)) {
                        cmd_help_one(&rows[i]);
                        return 0;
                }
        if (vocabulary(wanted) || other_vocabulary(wanted))
                return 0;
        (void)fprintf(stderr, "bakery: error: there is no help on '%s'; `bakery help` lists the commands\n", wanted);
        return 2;
}
