/* The files of a running guest and what its programs say, asked in few round trips and remembered. The guest may be hostile:
 * what it says is parsed with limits, and it learns nothing but what is asked. */
#pragma once
#include <sys/stat.h>

#include "lib/mem.h"
#include "spec/spec.h"

struct spec_facts;

/* Runs a line there: spec_ask_place() in the process of the checks. */
struct spec_facts_source {
        int (*run)(void *arg, const char *line, const char *input, struct spec_output *ret, struct bk_error *err);
        void *arg;
};
struct spec_facts *spec_facts_new(const struct spec_facts_source *source);
void spec_facts_free(struct spec_facts *facts);         /* NULL is fine */

/* Noted for the next batch; asked at the latest when somebody needs it. */
void spec_facts_want_path(struct spec_facts *facts, const char *path);
void spec_facts_want_line(struct spec_facts *facts, const char *line);
/* Asks for everything noted, in one round trip; and again for where links led, at most 8 times. */
int spec_facts_fetch(struct spec_facts *facts, struct bk_error *err) BK_MUST_CHECK;
/* Forgets every answer, as something may have changed there; what is needed again is asked again. What was borrowed is gone. */
void spec_facts_forget(struct spec_facts *facts);

/* What `sh -c line` printed; for lines that change nothing, as each is run once. Borrowed. */
int spec_facts_line(struct spec_facts *facts, const char *line, const struct spec_output **ret, struct bk_error *err) BK_MUST_CHECK;

/* As their namesakes in files.h. */
int spec_facts_stat(struct spec_facts *facts, const char *path, bool follow, struct stat *ret, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_read(struct spec_facts *facts, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_link(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_list(struct spec_facts *facts, const char *path, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_real(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_digest(struct spec_facts *facts, const char *path, const char *algorithm, char **ret, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_xattr(struct spec_facts *facts, const char *path, const char *name, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
int spec_facts_flags(struct spec_facts *facts, const char *path, unsigned *ret, struct bk_error *err) BK_MUST_CHECK;
