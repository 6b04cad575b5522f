/* Lists of packages of what is checked, each read once: by who installs them. */
#pragma once
#include "lib/packages.h"
#include "spec/spec_priv.h"

/* How a name in a check names a package, and a version its version: what serverspec's greps find. */
enum spec_naming { SPEC_NAMED, SPEC_NAMED_FOLDED, SPEC_NAMED_PYPI, SPEC_NAMED_BEGIN };
enum spec_versioning { SPEC_VERSION_WHOLE, SPEC_VERSION_RELEASE, SPEC_VERSION_WORDS };

struct spec_provider {
        const char *name;                       /* as by() has it */
        enum bk_ecosystem ecosystem;
        enum spec_naming naming;
        enum spec_versioning versioning;
        bool words_in_compat;                   /* serverspec searches the name as words at the line's beginning */
        const char *const *places;              /* NULL: the usual of the ecosystem */
        const char *line;                       /* lists them, for when they are in no known place; NULL: packages of the system */
};
extern const struct spec_provider spec_providers[];     /* ended by a NULL name */
/* NULL when there is none of that name. */
const struct spec_provider *spec_provider_of(const char *name);

/* What a provider has installed. *ret is borrowed. Packages of the system: BK_INFRA when there is no database, or it cannot be
 * read. provider NULL: of all databases of the system. */
int spec_image_packages(struct spec_image *image, const struct spec_provider *provider, const struct bk_packages **ret,
                        struct bk_error *err) BK_MUST_CHECK;
/* As bk_packages_perl_module(). */
int spec_image_perl_module(struct spec_image *image, const char *name, struct bk_package *ret, struct bk_error *err) BK_MUST_CHECK;
/* Lines of "name version" or "name (version, version)", as gem, pip, pecl, pear and cpan print them, and of "name@version". */
void spec_packages_parse_lines(const char *text, enum bk_ecosystem ecosystem, struct bk_packages *ret);
