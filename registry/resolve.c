/* What people write becomes one image. By digest anything is found, also what
 * was revoked: somebody named exactly that. By a name only images on offer
 * are: nobody gets a revoked image without saying so. */
#include "registry/registry_priv.h"

#include <ctype.h>
#include <string.h>

#define PREFIX_LEAST 8
#define HEX "0123456789abcdefABCDEF"

/* "sha256:" and hex digits in lower case, or NULL when text is no digest's beginning. */
static char *digest_prefix(const char *text)
{
        const bool scheme = strncmp(text, "sha256:", 7) == 0;
        const char *digits = scheme ? text + 7 : text;
        const size_t length = strlen(digits);
        char *prefix;

        if (digits[strspn(digits, HEX)] != '\0' || length > 64 || length < PREFIX_LEAST)
                return NULL;
        prefix = bk_format("sha256:%s", digits);
        for (char *p = prefix + 7; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        return prefix;
}

/* BK_NOT_FOUND when no image's id begins so. */
static int by_prefix(struct reg *reg, const char *prefix, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *stmt = NULL;

        /* 'g' follows every hex digit; the range is a walk along the index of ids. */
        if (reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.id >= ? AND i.id < ? || 'g' "
                            "ORDER BY i.id LIMIT 2", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", prefix, prefix) < 0 || reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%s'", prefix);
        if (images.n > 1)
                return bk_fail(err, BK_CONFLICT, "'%s' is the beginning of '%s', '%s' and perhaps more; write more digits",
                               prefix, images.v[0].id, images.v[1].id);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}

static int by_query(struct reg *reg, const char *query, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0)
                return -1;
        filter.limit = 1;
        if (reg_filter_run(reg, &filter, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return reg_filter_explain(reg, &filter, query, err);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}

/* "20240101" is hex digits, and a name; digits that begin no digest may be one. */
static int by_digits(struct reg *reg, const char *reference, const char *prefix, struct reg_image *ret, struct bk_error *err)
{
        struct bk_error miss = { 0 };

        if (by_prefix(reg, prefix, ret, &miss) == 0)
                return 0;
        if (miss.kind == BK_NOT_FOUND && strchr(reference, ':') == NULL && reg_name_check("name", reference, NULL) == 0) {
                if (by_query(reg, reference, ret, err) == 0)
                        return 0;
                return bk_wrap(err, "no digest begins with '%s'", reference);
        }
        if (err != NULL)
                *err = miss;
        return -1;
}

int reg_resolve(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        autofree char *prefix = NULL;

        if (*reference == '\0')
                return bk_fail(err, BK_INVALID, "an empty reference; write a digest, name:channel, a name or a query");
        if (strpbrk(reference, "?;") != NULL)
                return by_query(reg, reference, ret, err);
        prefix = digest_prefix(reference);
        if (prefix != NULL)
                return by_digits(reg, reference, prefix, ret, err);
        if (strncmp(reference, "sha256:", 7) == 0)
                return bk_fail(err, BK_INVALID, "'%.100s' is not sha256: and 8 to 64 hex digits", reference);
        if (strchr(reference, ':') != NULL)
                return reg_channel_head(reg, reference, ret, err);
        return by_query(reg, reference, ret, err);
}

int reg_find_input(struct reg *reg, const char *name, const char *input_hash, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.input_hash = ? AND i.name = ? "
                            "AND i.state < ? ORDER BY i.sequence DESC LIMIT 1", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tti", input_hash, name, (int64_t)REG_REVOKED) < 0 ||
            reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s' was baked from '%.100s'", name, input_hash);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}
