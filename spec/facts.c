#include "spec/facts.h"
#include "lib/error.h"
struct spec_facts *spec_facts_new(const struct spec_facts_source *source){(void)source;return NULL;}
void spec_facts_free(struct spec_facts *f){(void)f;}
void spec_facts_want_path(struct spec_facts *f,const char*p){(void)f;(void)p;}
void spec_facts_want_line(struct spec_facts *f,const char*p){(void)f;(void)p;}
#define NO { return bk_fail(err, BK_INTERNAL, "not here"); }
#pragma GCC diagnostic ignored "-Wunused-parameter"
int spec_facts_fetch(struct spec_facts *facts, struct bk_error *err) NO
int spec_facts_line(struct spec_facts *facts, const char *line, const struct spec_output **ret, struct bk_error *err) NO
int spec_facts_stat(struct spec_facts *facts, const char *path, bool follow, struct stat *ret, struct bk_error *err) NO
int spec_facts_read(struct spec_facts *facts, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err) NO
int spec_facts_link(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err) NO
int spec_facts_list(struct spec_facts *facts, const char *path, struct bk_strv *ret, struct bk_error *err) NO
int spec_facts_real(struct spec_facts *facts, const char *path, char **ret, struct bk_error *err) NO
int spec_facts_digest(struct spec_facts *facts, const char *path, const char *algorithm, char **ret, struct bk_error *err) NO
int spec_facts_xattr(struct spec_facts *facts, const char *path, const char *name, char **ret, size_t *ret_len, struct bk_error *err) NO
int spec_facts_flags(struct spec_facts *facts, const char *path, unsigned *ret, struct bk_error *err) NO
