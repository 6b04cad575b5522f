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

/* Why there is none: it was deleted, or it never was. */
static int missing(struct reg *reg, const char *prefix, struct bk_error *err)
{
        json_t *record = NULL;
        const json_t *gone;
        int status = reg_gone_find(reg, prefix, &record, err);

        if (status < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%s'", prefix);
        gone = json_object_get(record, "gone");
        status = bk_fail(err, BK_GONE, "image '%s' (%s, %s) was deleted at %s by %s", json_string_value(json_object_get(record, "id")),
                         json_string_value(json_object_get(record, "name")), json_string_value(json_object_get(record, "state")),
                         json_string_value(json_object_get(gone, "at")), json_string_value(json_object_get(gone, "who")));
        json_decref(record);
        return status;
}

/* BK_NOT_FOUND when no image's id begins so. */
static int by_prefix(struct reg *reg, const char *prefix, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autofree char *end = bk_format("%sg", prefix);
        autostmt *stmt = NULL;

        /* 'g' follows every hex digit; the range is a walk along the index of ids. */
        if (reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.id >= ? AND i.id < ? "
                            "ORDER BY i.id LIMIT 2", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", prefix, end) < 0 || reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return missing(reg, prefix, err);
        if (images.n > 1)
                return bk_fail(err, BK_CONFLICT, "'%s' is the beginning of '%s', '%s' and perhaps more; write more digits",
                               prefix, images.v[0].id, images.v[1].id);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}

static int by_query(struct reg *reg, const char *query, bool withdrawn, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0)
                return -1;
        if (withdrawn) {
                filter.states = REG_STATES_ALL;
                filter.hidden = true;
        }
        if (!filter.one) {
                filter.limit = 1;
                filter.first = true;
        }
        if (reg_filter_demand(reg, &filter, &images, NULL, err) < 0)
                return -1;
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
                if (by_query(reg, reference, false, ret, err) == 0)
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
                return by_query(reg, reference, false, ret, err);
        prefix = digest_prefix(reference);
        if (prefix != NULL)
                return by_digits(reg, reference, prefix, ret, err);
        if (strncmp(reference, "sha256:", 7) == 0)
                return bk_fail(err, BK_INVALID, "'%.100s' is not sha256: and 8 to 64 hex digits", reference);
        if (strchr(reference, ':') != NULL)
                return reg_channel_head(reg, reference, ret, err);
        return by_query(reg, reference, false, ret, err);
}

int reg_resolve_used(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        struct bk_error why = { 0 }, again = { 0 };
        int status = reg_resolve(reg, reference, ret, &why);

        /* A channel whose head is withdrawn is a conflict; a name or a query of such images only is gone. */
        if (status < 0 && why.kind == BK_CONFLICT)
                status = reg_channel_points_at(reg, reference, ret, &again);
        else if (status < 0 && why.kind == BK_GONE)
                status = by_query(reg, reference, true, ret, &again);
        if (status < 0 && err != NULL)
                *err = again.kind == BK_INFRA || again.kind == BK_CORRUPT ? again : why;
        return status;
}

int reg_find_input(struct reg *reg, const char *name, const char *input_hash, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.input_hash = ? AND i.name = ? "
                            "AND i.state < ? AND i.hidden = 0 ORDER BY i.sequence DESC LIMIT 1", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tti", input_hash, name, (int64_t)REG_REVOKED) < 0 ||
            reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s' was baked from '%.100s'", name, input_hash);
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}
