/* Package URLs, written and read: "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl%403.0.15-1~deb12u1".
 *
 * upstream is not of the specification, but what Syft and Grype say of source packages, by which advisories go. */
#include "registry/sbom.h"

#include <ctype.h>
#include <string.h>

/* --- writing ------------------------------------------------------------------- */
/* Colons stay as they are, as the specification wants. */
static void encode(struct bk_buf *out, const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (isalnum((unsigned char)text[i]) || strchr("-._~:", text[i]) != NULL)
                        bk_buf_putc(out, text[i]);
                else
                        bk_buf_printf(out, "%%%02X", (unsigned char)text[i]);
}

static void put_name(struct bk_buf *out, const struct reg_package *p)
{
        const char *slash = strrchr(p->name, '/');
        const bool python = bk_streq(p->ecosystem, "pypi");
        autofree char *name = bk_strdup(slash != NULL ? slash + 1 : p->name);

        for (char *c = name; python && *c != '\0'; c++)
                *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
        if (slash != NULL) {                    /* npm's scopes, and namespaces of others; slashes in them separate */
                for (const char *part = p->name; part < slash;) {
                        const size_t length = strcspn(part, "/");

                        encode(out, part, length);
                        bk_buf_putc(out, '/');
                        part += length + 1;
                }
        }
        encode(out, name, strlen(name));
}

static void put_qualifier(struct bk_buf *out, char *sign, const char *key, const char *value)
{
        if (value == NULL || *value == '\0')
                return;
        bk_buf_printf(out, "%c%s=", *sign, key);
        encode(out, value, strlen(value));
        *sign = '&';
}

/* Those whose packages are made by a distribution; without an os, Debian's is assumed to be Debian's. */
static const struct { const char *ecosystem, *vendor; } systems[] = { { "deb", "debian" }, { "rpm", NULL }, { "apk", "alpine" }, { "alpm", "arch" } };

char *reg_purl(const struct reg_package *p, const char *os)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        autofree char *distro = NULL, *epoch = NULL, *upstream = NULL;
        const char *version = p->version, *colon = strchr(os, ':');
        bool system = false;
        char sign = '?';

        bk_buf_printf(&out, "pkg:%s/", p->ecosystem);
        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
                if (bk_streq(systems[i].ecosystem, p->ecosystem)) {
                        const char *vendor = *os != '\0' ? os : systems[i].vendor;

                        system = true;
                        if (vendor != NULL) {
                                encode(&out, vendor, strcspn(vendor, ":"));
                                bk_buf_putc(&out, '/');
                        }
                }
        put_name(&out, p);
        if (bk_streq(p->ecosystem, "rpm") && strchr(version, ':') != NULL) {
                epoch = bk_strndup(version, strcspn(version, ":"));
                version = strchr(version, ':') + 1;
        }
        bk_buf_putc(&out, '@');
        encode(&out, version, strlen(version));
        if (system && *os != '\0')
                distro = colon != NULL ? bk_format("%.*s-%s", (int)(colon - os), os, colon + 1) : bk_strdup(os);
        if (system && p->source != NULL && *p->source != '\0' && (!bk_streq(p->source, p->name) || !bk_streq(p->source_version, p->version)))
                upstream = bk_format("%s@%s", p->source, p->source_version ? p->source_version : p->version);
        put_qualifier(&out, &sign, "arch", system ? p->architecture : NULL);
        put_qualifier(&out, &sign, "distro", distro);
        put_qualifier(&out, &sign, "epoch", epoch);
        put_qualifier(&out, &sign, "platform", bk_streq(p->ecosystem, "gem") ? p->architecture : NULL);
        put_qualifier(&out, &sign, "upstream", upstream);
        return bk_buf_finish(&out);
}

/* --- reading --------------------------------------------------------------------- */
static char *decode(const char *text, size_t length)
{
        char *ret = NULL;

        return reg_decode(text, length, &ret, NULL) < 0 ? NULL : ret;
}

static char *qualifier(const char *text, const char *key)
{
        const size_t n = strlen(key);

        for (const char *p = text; p != NULL && *p != '\0' && *p != '#';) {
                const size_t length = strcspn(p, "&#");

                if (length > n && p[n] == '=' && strncmp(p, key, n) == 0)
                        return decode(p + n + 1, length - n - 1);
                p += length + (p[length] == '&');
        }
        return NULL;
}

static char *os_of(const char *qualifiers)
{
        autofree char *distro = qualifier(qualifiers, "distro"), *text = NULL;
        char *dash = distro != NULL ? strrchr(distro, '-') : NULL;

        if (distro == NULL || *distro == '\0')
                return NULL;
        if (reg_os_of_codename(distro) != NULL)
                return bk_strdup(reg_os_of_codename(distro));
        if (dash != NULL)
                *dash = ':';
        return reg_os_normal(distro);
}

static void read_upstream(const char *qualifiers, struct reg_package *p)
{
        autofree char *upstream = qualifier(qualifiers, "upstream");
        char *at = upstream != NULL ? strrchr(upstream, '@') : NULL;

        if (upstream == NULL || *upstream == '\0')
                return;
        if (at != NULL)
                *at = '\0';
        p->source = bk_strdup(upstream);
        if (at != NULL && at[1] != '\0')
                p->source_version = bk_strdup(at + 1);
}

/* Between type and version: "debian/openssl", "%40babel/core". A distribution's name is not part of its packages'. */
static char *name_of(const char *type, const char *text, size_t length)
{
        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
                if (bk_streq(systems[i].ecosystem, type)) {
                        const char *slash = memrchr(text, '/', length);

                        if (slash != NULL) {
                                length -= (size_t)(slash + 1 - text);
                                text = slash + 1;
                        }
                }
        return decode(text, length);
}

bool reg_purl_parse(const char *purl, struct reg_package *ret, char **ret_os)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-";
        const char *start = purl + 4, *slash, *at, *qualifiers;
        autofree char *epoch = NULL, *version = NULL;
        size_t length;

        *ret_os = NULL;
        *ret = (struct reg_package){ 0 };
        if (strncmp(purl, "pkg:", 4) != 0)
                return false;
        start += strspn(start, "/");
        slash = strchr(start, '/');
        if (slash == NULL || slash == start || slash - start > 20 || strspn(start, letters) != (size_t)(slash - start))
                return false;
        ret->ecosystem = bk_strndup(start, (size_t)(slash - start));
        for (char *c = ret->ecosystem; *c != '\0'; c++)
                *c = (char)tolower((unsigned char)*c);
        start = slash + 1;
        length = strcspn(start, "?#");
        qualifiers = start[length] == '?' ? start + length + 1 : NULL;
        at = memrchr(start, '@', length);
        if (at == start)                        /* an npm scope that was not encoded, and no version */
                at = NULL;
        ret->name = name_of(ret->ecosystem, start, at != NULL ? (size_t)(at - start) : length);
        version = at != NULL ? decode(at + 1, length - (size_t)(at + 1 - start)) : bk_strdup("");
        epoch = qualifier(qualifiers, "epoch");
        if (epoch != NULL && *epoch != '\0' && version != NULL && bk_streq(ret->ecosystem, "rpm"))
                ret->version = bk_format("%s:%s", epoch, version);
        else
                ret->version = bk_take(version);
        ret->architecture = qualifier(qualifiers, bk_streq(ret->ecosystem, "gem") ? "platform" : "arch");
        read_upstream(qualifiers, ret);
        *ret_os = os_of(qualifiers);
        return true;
}
