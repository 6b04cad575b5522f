/* What the parts of `spec add` share. */
#pragma once
#include "spec/add.h"
#include "spec/spec_priv.h"

struct spec_adder {
        struct spec_image image;
        const struct spec_add_options *options;
        struct bk_buf out;
};

/* A Ruby string: no text of an image ends it early, or is more than a string. */
void spec_add_quoted(struct bk_buf *out, const char *text);

/* add_files.c */
int spec_add_files(struct spec_adder *a, struct bk_error *err) BK_MUST_CHECK;
/* add_system.c */
int spec_add_accounts(struct spec_adder *a, struct bk_error *err) BK_MUST_CHECK;
int spec_add_services(struct spec_adder *a, struct bk_error *err) BK_MUST_CHECK;
int spec_add_ports(struct spec_adder *a, struct bk_error *err) BK_MUST_CHECK;

static inline int spec_add_order(const void *a, const void *b)
{
        return __builtin_strcmp(*(const char *const *)a, *(const char *const *)b);
}
