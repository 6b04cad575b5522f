/* What the files with routes of images share. */
#pragma once
#include "registry/api.h"
#include "registry/registry_priv.h"

/* Of a filter that finds nothing on offer: the newest that it would find were it not hidden, or not withdrawn, as the caller's JSON; *ret stays
 * as it is where there is none. The filter is another one afterwards. */
int reg_withdrawn(struct reg *reg, struct reg_filter *filter, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* The answer becomes 410, with the error and the last that is known. */
void reg_answer_gone(struct reg_call *call, const struct bk_error *err, json_t *last);

int reg_image_show(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_checks(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_packages(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_lineage(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_picture(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_descendants(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_image_diff(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
