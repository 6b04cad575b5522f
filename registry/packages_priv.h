/* What the files of packages, bills of materials and advisories share. */
#pragma once
#include "lib/packages.h"
#include "registry/advisory.h"
#include "registry/api.h"
#include "registry/facts.h"
#include "registry/registry_priv.h"

/* --- names.c ---------------------------------------------------------------- */
const char *reg_os_of_codename(const char *code);       /* "debian:12"; NULL */
char *reg_os_normal(const char *text);                  /* "alpine:3.18.4" -> "alpine:3.18"; the caller's */
char *reg_os_of_image(const struct reg_image *image);   /* by its attributes; "" where they do not tell; the caller's */
char *reg_python_name(const char *name);                /* "Flask_Login" -> "flask-login"; the caller's */
/* "Debian:12" -> BK_DEB, "debian:12"; "PyPI" -> BK_PYPI, "". False: of no kind that images are looked through for. */
bool reg_os_of_database(const char *name, enum bk_ecosystem *ret_ecosystem, char **ret_os);

/* --- packages_find.c -------------------------------------------------------- */
/* Packages by name and version. Borrowed. */
struct reg_package_ask {
        const char *ecosystem;          /* NULL: any */
        const char *name;
        bool source;                    /* name and version are those of the source package */
        const char *operator;           /* "<", "<=", "=", "!=", ">=", ">"; NULL: any version */
        const char *version;
};
/* "<3.0.15-1" -> operator and the rest; "=" where none is written. */
const char *reg_package_operator(const char *text, const char **ret_version);
/* The rows of packages that are so; sorted, perhaps none. A version is compared as its ecosystem does. */
int reg_packages_matching(struct reg *reg, const struct reg_package_ask *ask, struct reg_ids *ret, struct bk_error *err) BK_MUST_CHECK;
/* SELECT of the sequences of images that are used by themselves - heads of channels, and what is launched -, and of all their ancestors. */
const char *reg_in_use_sql(void);
/* The same as rows; sorted. */
int reg_in_use(struct reg *reg, struct reg_ids *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- vulnerable.c ------------------------------------------------------------- */
/* Looks packages up in the advisories that are there. */
int reg_vulnerable_match_packages(struct reg *reg, const struct reg_ids *packages, const char *os, struct bk_error *err) BK_MUST_CHECK;
/* Statements that an import makes many times. */
struct reg_importing;
int reg_import_begin(struct reg *reg, const char *name, struct reg_importing **ret, struct bk_error *err) BK_MUST_CHECK;
void reg_import_done(struct reg_importing **import);
/* Records an advisory, or leaves it alone when it is the same as before, and matches it. */
enum reg_import_result { REG_IMPORT_NEW, REG_IMPORT_CHANGED, REG_IMPORT_SAME };
int reg_import_put(struct reg_importing *import, const struct reg_advisory *advisory, enum reg_import_result *ret,
                   struct bk_error *err) BK_MUST_CHECK;
/* Drops what a feed no longer has: all that this import has not seen. */
int reg_import_sweep(struct reg_importing *import, const char *feed, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- vulnerable_tell.c ---------------------------------------------------------- */
/* One event for each image that the import's changes reach. */
int reg_import_tell(struct reg *reg, const char *who, int64_t *ret_images, struct bk_error *err) BK_MUST_CHECK;

/* --- vulnerable_list.c ----------------------------------------------------------- */
/* One advisory that concerns one source package of a set; strings are borrowed until the next. */
struct reg_finding {
        const char *advisory, *feed, *summary, *ecosystem, *source, *source_version, *fixed;
        enum reg_severity severity;             /* where the feed says none: what others say of the same name */
        int score;
        json_t *packages;                       /* those of that source, as "name version" */
};
struct reg_finding_filter { enum reg_severity least; bool fixable; };
int reg_finding_filter_of(const struct reg_call *call, struct reg_finding_filter *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_findings(struct reg *reg, int64_t image, const struct reg_finding_filter *filter, void (*take)(void *arg, const struct reg_finding *finding),
                 void *arg, struct bk_error *err) BK_MUST_CHECK;

/* What others that have this name, or this alias, say of its severity and score, and when it was first published. */
#define REG_NAMESAKES_SQL "SELECT max(b.severity), max(b.score), min(b.published) FROM advisory b WHERE b.withdrawn IS NULL " \
        "AND (b.name = ? OR b.id IN (SELECT advisory FROM advisory_alias WHERE alias = ?))"

/* --- vulnerable_count.c ---------------------------------------------------------- */
/* Advisories that concern an image, each once. */
struct reg_counts { size_t severity[REG_CRITICAL + 1], all, fixable; };
struct reg_counting;
/* filter is borrowed. */
int reg_counting_begin(struct reg *reg, const struct reg_finding_filter *filter, struct reg_counting **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_counting_image(struct reg_counting *counting, int64_t image, struct reg_counts *ret, struct bk_error *err) BK_MUST_CHECK;
/* The same of a set of packages on its system, for facts.h; the filter is not asked. Sets of one system one after the other, or what is known of
 * packages is asked for again and again. *ret_n: how many advisories. */
int reg_counting_set(struct reg_counting *counting, int64_t set, const char *os, struct reg_holes *ret, size_t *ret_n,
                     struct bk_error *err) BK_MUST_CHECK;
void reg_counting_done(struct reg_counting **counting);

/* --- routes ------------------------------------------------------------------- */
int reg_packages_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_vulnerable_image_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_vulnerable_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_advisory_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_advisory_feeds_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_advisory_import_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_sbom_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_sbom_attach_call(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
