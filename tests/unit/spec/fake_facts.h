/* A guest that is a table: it stands in for facts.c, whose functions are defined here, and insists on batches: what was not wanted
 * beforehand is not answered, save where the table says so. One test program may include this. */
#pragma once
#include "tests/unit/spec/fixture.h"

#include "spec/facts.h"

/* A key that begins with "/" is a path, absent where there is no text; others are a part of a line. */
struct answer {
        const char *key, *out;
        int status;
        const char *err;
        bool late;                      /* may be asked alone */
};

static const struct answer *fake_answers;
static size_t fake_n;

struct spec_facts { struct bk_strv wanted; struct spec_output outputs[64]; };

struct spec_facts *spec_facts_new(const struct spec_facts_source *source)
{
        (void)source;
        return bk_alloc(sizeof(struct spec_facts));
}

void spec_facts_forget(struct spec_facts *facts);
void spec_facts_forget(struct spec_facts *facts)
{
        bk_strv_done(&facts->wanted);
}

void spec_facts_free(struct spec_facts *facts)
{
        if (facts != NULL)
                bk_strv_done(&facts->wanted);
        free(facts);
}

void spec_facts_want_path(struct spec_facts *facts, const char *path)
{
        bk_strv_add(&facts->wanted, path);
}

void spec_facts_want_line(struct spec_facts *facts, const char *line)
{
        bk_strv_add(&facts->wanted, line);
}

int spec_facts_fetch(struct spec_facts *facts, struct bk_error *err)
{
        (void)facts, (void)err;
        return 0;
}

static int fake_wanted(const struct spec_facts *facts, const struct answer *answer, const char *what, struct bk_error *err)
{
        if ((answer != NULL && answer->late) || bk_strv_has(&facts->wanted, what))
                return 0;
        return bk_fail(err, BK_INTERNAL, "not wanted beforehand: %s", what);
}

int spec_facts_line(struct spec_facts *facts, const char *line, const struct spec_output **ret, struct bk_error *err)
{
        for (size_t i = 0; i < fake_n; i++) {
                const struct answer *a = &fake_answers[i];

                if (a->key[0] == '/' || strstr(line, a->key) == NULL)
                        continue;
                if (fake_wanted(facts, a, line, err) < 0)
                        return -1;
                facts->outputs[i] = (struct spec_output){ .out = (char *)a->out, .out_len = a->out ? strlen(a->out) : 0, .status = a->status,
                                                          .err = (char *)a->err, .err_len = a->err ? strlen(a->err) : 0 };
                *ret = &facts->outputs[i];
                return 0;
        }
        return bk_fail(err, BK_INTERNAL, "the fake guest knows no answer to: %s", line);
}

static const struct answer *fake_path(const char *path)
{
        for (size_t i = 0; i < fake_n; i++)
                if (bk_streq(fake_answers[i].key, path))
                        return &fake_answers[i];
        return NULL;
}

int spec_facts_stat(struct spec_facts *facts, const char *path, bool follow, struct stat *ret, struct bk_error *err)
{
        const struct answer *a = fake_path(path);

        (void)facts, (void)follow, (void)err;
        if (a != NULL && a->out != NULL)
                *ret = (struct stat){ .st_mode = S_IFREG | 0644 };
        return a != NULL && a->out != NULL;
}

int spec_facts_read(struct spec_facts *facts, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        const struct answer *a = fake_path(path);

        (void)most;
        if (fake_wanted(facts, a, path, err) < 0)
                return -1;
        if (a == NULL || a->out == NULL)
                return 0;
        *ret = bk_strdup(a->out);
        *ret_len = strlen(a->out);
        return 1;
}

#define FAKE_NONE { (void)facts, (void)path; return bk_fail(err, BK_INTERNAL, "the fake guest has none"); }
int spec_facts_link(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err)
{ (void)ret; FAKE_NONE }
int spec_facts_list(struct spec_facts *facts, const char *path, struct bk_strv *ret, struct bk_error *err)
{ (void)ret; FAKE_NONE }
int spec_facts_real(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err)
{ (void)ret; FAKE_NONE }
int spec_facts_digest(struct spec_facts *facts, const char *path, const char *algorithm, char **ret, struct bk_error *err)
{ (void)algorithm, (void)ret; FAKE_NONE }
int spec_facts_xattr(struct spec_facts *facts, const char *path, const char *name, char **ret, size_t *ret_len, struct bk_error *err)
{ (void)name, (void)ret, (void)ret_len; FAKE_NONE }
int spec_facts_flags(struct spec_facts *facts, const char *path, unsigned *ret, struct bk_error *err)
{ (void)ret; FAKE_NONE }

static int fake_run(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        (void)arg, (void)line, (void)input, (void)input_len, (void)timeout_ms, (void)ret;
        return bk_fail(err, BK_INTERNAL, "the fake guest runs nothing");
}

static inline void fake_guest(struct fixture *f, const struct answer *answers, size_t n)
{
        assert_true(n <= 64);
        fake_answers = answers;
        fake_n = n;
        f->target.guest.run = fake_run;
}
