/* What specs can ask, for help and for programs: the rows of types.c in the words of serverspec. */
#pragma once
#include <stdbool.h>

struct spec_word {
        const char *type;               /* "file" */
        const char *name;               /* matcher "be_owned_by", or property "content"; NULL: the type itself, before its words */
        bool property;
        const char *chains;             /* "by with_version"; "" for none */
        /* "files"; "command": of the image's programs; "configured": of the running system, or else what its files configure;
         * "running": of the running system only; "never": parsed, and unanswered. NULL: not said in vocabulary.c */
        const char *where;
};
/* Calls back for each type, then for each of its words; what is handed over lives as long as the call. */
void spec_vocabulary(void (*each)(void *arg, const struct spec_word *word), void *arg);
