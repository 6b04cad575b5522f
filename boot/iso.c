/* ISO images: found in place or in the cache, else fetched, and verified before anybody sees them.
 *
 * In the cache folder:
 *     sha256-HEX.iso     what was fetched; appears by a rename, verified
 *     drafts/KEY.part    what is being fetched; KEY is of the URL
 *     index/KEY          "sha256:HEX": what a URL or another kind of sum led to, or what a checksum file said
 *     verified/KEY       what is known of a file, here or elsewhere (verify.c); KEY is of its path
 *     locks/KEY.lock     one fetch of a URL at a time
 * All but the images may be removed at any time; it costs a reading or a fetch. An index entry is a hint: the file that it
 * leads to is verified. */
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "boot/iso_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/publish.h"

enum { WAIT_MS = 1000 };        /* between two questions whether to go on waiting for a lock */

struct job {
        const struct boot_iso_config *config;
        struct bk_fetch fetch;          /* progress, without a URL */
        struct boot_sum sum;
        char *target;                   /* a file; NULL: the cache. Owned */
};

void boot_iso_done(struct boot_iso *iso)
{
        free(iso->path);
        free(iso->digest);
        *iso = (struct boot_iso){ 0 };
}

static void job_done(struct job *job)
{
        free(job->target);
        job->target = NULL;
}

static void say(const struct job *job, const char *format, ...) BK_PRINTF(2, 3);
static void say(const struct job *job, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        if (job->config->say == NULL)
                return;
        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        job->config->say(job->config->arg, text);
}

/* --- URLs and paths ------------------------------------------------------------------ */

static int hex_value(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decoded(const char *text, size_t length)
{
        char *copy = bk_strndup(text, length), *to = copy;

        for (const char *p = copy; *p != '\0'; p++) {
                const int high = *p == '%' ? hex_value(p[1]) : -1, low = high < 0 ? -1 : hex_value(p[2]);

                if (low >= 0 && high + low > 0) {
                        *to++ = (char)(high * 16 + low);
                        p += 2;
                } else {
                        *to++ = *p;
                }
        }
        *to = '\0';
        return copy;
}

/* Where the part after "scheme://" begins, or NULL. */
static const char *after_scheme(const char *url)
{
        const size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

        return n > 0 && strncmp(url + n, "://", 3) == 0 ? url + n + 3 : NULL;
}

char *boot_local_path(const char *url)
{
        autofree char *path = NULL, *rooted = NULL;
        const char *rest = url;
        bool authority = false;

        if (strncasecmp(url, "file:", 5) != 0)
                return after_scheme(url) != NULL ? NULL : bk_strdup(url);
        while (strncasecmp(rest, "file:", 5) == 0)      /* Packer's documentation has file:file://./path */
                rest += 5;
        if (strncmp(rest, "//", 2) == 0) {
                authority = true;
                rest += strncasecmp(rest, "//localhost/", 12) == 0 ? 11 : 2;
        }
        path = decoded(rest, strlen(rest));
        if (bk_exists(path))
                return bk_take(path);
        if (bk_exists(rest))                            /* a '%' that was not meant as an escape */
                return bk_strdup(rest);
        /* "file://a/b" is a relative path to Packer's users, and an absolute one where a slash was left out. */
        rooted = bk_format("/%s", path);
        return authority && path[0] != '/' && bk_exists(rooted) ? bk_take(rooted) : bk_take(path);
}

char *boot_path_of_url(const char *url)
{
        char *local = boot_local_path(url);
        const char *path = after_scheme(url);

        if (local != NULL || path == NULL)
                return local;
        path += strcspn(path, "/?#");
        return decoded(path, strcspn(path, "?#"));
}

static char *key_of(const char *kind, const char *text)
{
        autofree char *whole = bk_format("%s %s", kind, text), *digest = bk_digest_bytes(whole, strlen(whole));

        return bk_strdup(digest + strlen("sha256:"));
}

static char *in_cache(const struct job *job, const char *folder, const char *kind, const char *text, const char *suffix)
{
        autofree char *key = key_of(kind, text);

        return bk_format("%s/%s/%s%s", job->config->cache, folder, key, suffix);
}

static char *absolute(const char *path)
{
        autofree char *here = NULL;
        char *real = realpath(path, NULL);

        if (real != NULL || path[0] == '/')
                return real != NULL ? real : bk_strdup(path);
        here = getcwd(NULL, 0);
        return bk_format("%s/%s", here ? here : "", path);
}

static char *sidecar_of(const struct job *job, const char *path)
{
        autofree char *whole = absolute(path);

        return in_cache(job, "verified", "path", whole, "");
}

static char *sum_text(const struct boot_sum *sum)
{
        return bk_format("%s:%s", boot_sum_name(sum->kind), sum->hex);
}

/* As in Packer, a target whose name has no extension is a folder. */
static char *target_of(const struct job *job, const char *first_url)
{
        const char *target = job->config->target, *slash, *name;
        autofree char *sum = sum_text(&job->sum);
        autofree char *key = job->sum.kind == BOOT_SUM_NONE ? key_of("url", first_url) : key_of("sum", sum);
        struct stat st;

        if (target == NULL || *target == '\0')
                return NULL;
        slash = strrchr(target, '/');
        name = slash ? slash + 1 : target;
        if (stat(target, &st) == 0 ? !S_ISDIR(st.st_mode) : strchr(name, '.') != NULL)
                return bk_strdup(target);
        return bk_format("%s%s%s.iso", target, *name == '\0' ? "" : "/", key);
}

/* --- the index ----------------------------------------------------------------------- */

/* False: nothing is known, or nothing that makes sense. */
static bool index_read(const struct job *job, const char *kind, const char *text, struct boot_sum *ret)
{
        autofree char *path = in_cache(job, "index", kind, text, ""), *found = NULL;

        return bk_read_file(path, 4096, &found, NULL, NULL) == 0 && boot_sum_plain(found, strlen(found), ret);
}

/* Failing to write it costs a later fetch, nothing else. */
static void index_write(const struct job *job, const char *kind, const char *text, const struct boot_sum *sum)
{
        autofree char *path = in_cache(job, "index", kind, text, ""), *value = sum_text(sum);
        struct boot_sum known;

        if (index_read(job, kind, text, &known) && known.kind == sum->kind && strcmp(known.hex, sum->hex) == 0)
                return;
        if (bk_publish_bytes(path, value, strlen(value), 0644, NULL) < 0)
                return;
}

/* --- files that are here ------------------------------------------------------------- */

static int check(const struct job *job, const char *path, const struct boot_known *known, struct bk_error *err)
{
        const struct boot_sum *has = &known->sums[job->sum.kind];
        struct stat st = { 0 };

        if (job->sum.kind == BOOT_SUM_NONE || strcmp(has->hex, job->sum.hex) == 0)
                return 0;
        (void)stat(path, &st);
        return bk_fail(err, BK_CORRUPT, "'%s' (%jd bytes) has the wrong %s sum %s; iso_checksum is %s", path, (intmax_t)st.st_size,
                       boot_sum_name(has->kind), has->hex, job->sum.hex);
}

static struct boot_iso iso_of(const char *path, const struct boot_known *known)
{
        return (struct boot_iso){ .path = bk_strdup(path), .digest = sum_text(&known->sums[BOOT_SUM_SHA256]) };
}

static int use_local(const struct job *job, const char *path, struct boot_iso *ret, struct bk_error *err)
{
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        autofree char *sidecar = job->config->skip_cache ? NULL : sidecar_of(job, path);

        if (boot_verify(path, sidecar, job->sum.kind, &job->fetch, &known, NULL, err) < 0 || check(job, path, &known, err) < 0)
                return -1;
        *ret = iso_of(path, &known);
        return 0;
}

/* 1 used, 0 not there or not what is wanted, -1 asked to stop. */
static int use_cached(const struct job *job, const struct boot_sum *digest, struct boot_iso *ret, struct bk_error *err)
{
        autofree char *path = bk_format("%s/sha256-%s.iso", job->config->cache, digest->hex), *sidecar = sidecar_of(job, path);
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        struct bk_error why = { 0 };

        if (digest->kind != BOOT_SUM_SHA256 || !bk_exists(path))
                return 0;
        if (boot_verify(path, sidecar, job->sum.kind, &job->fetch, &known, NULL, &why) < 0) {
                say(job, "%s", why.text);
                if (why.kind != BK_INTERRUPTED)
                        return 0;
                if (err != NULL)
                        *err = why;
                return -1;
        }
        if (strcmp(known.sums[BOOT_SUM_SHA256].hex, digest->hex) != 0) {
                say(job, "'%s' was altered: its sha256 sum is now %s; it is removed", path, known.sums[BOOT_SUM_SHA256].hex);
                if (boot_is_still(path, &known))        /* not the one that another process has put there since */
                        (void)unlink(path);
                (void)unlink(sidecar);
                return 0;
        }
        if (check(job, path, &known, NULL) < 0)
                return 0;
        *ret = iso_of(path, &known);
        return 1;
}

static int use_target(const struct job *job, struct boot_iso *ret, struct bk_error *err)
{
        autofree char *sidecar = sidecar_of(job, job->target);
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        struct bk_error why = { 0 };

        if (!bk_exists(job->target))
                return 0;
        if (boot_verify(job->target, sidecar, job->sum.kind, &job->fetch, &known, NULL, &why) < 0 ||
            check(job, job->target, &known, &why) < 0) {
                say(job, "%s", why.text);
                if (why.kind != BK_INTERRUPTED)
                        return 0;
                if (err != NULL)
                        *err = why;
                return -1;
        }
        if (job->sum.kind == BOOT_SUM_NONE)
                say(job, "using '%s' as it is: there is no checksum to tell whether it is still what the URL has", job->target);
        *ret = iso_of(job->target, &known);
        return 1;
}

/* As use_cached(). */
static int use_kept(const struct job *job, const char *url, struct boot_iso *ret, struct bk_error *err)
{
        autofree char *wanted = sum_text(&job->sum), *shown = bk_fetch_shown(url);
        struct boot_sum digest = job->sum;
        int used = 0;

        if (job->target != NULL)
                return use_target(job, ret, err);
        if (job->sum.kind != BOOT_SUM_NONE &&
            (job->sum.kind == BOOT_SUM_SHA256 || index_read(job, "sum", wanted, &digest)))
                used = use_cached(job, &digest, ret, err);
        if (used != 0 || !index_read(job, "url", url, &digest))
                return used;
        used = use_cached(job, &digest, ret, err);
        if (used == 1 && job->sum.kind == BOOT_SUM_NONE)
                say(job, "using the copy of '%s' in the cache: there is no checksum to tell whether it is still what the URL has", shown);
        return used;
}

/* --- fetching ------------------------------------------------------------------------ */

static int wait_for_turn(const struct job *job, const char *url, int *ret_fd, struct bk_error *err)
{
        autofree char *path = job->target ? in_cache(job, "locks", "target", job->target, ".lock") :
                                            in_cache(job, "locks", "url", url, ".lock");
        autofree char *shown = bk_fetch_shown(url);

        for (bool said = false;; said = true) {
                struct bk_error why = { 0 };

                if (bk_lock_take(path, WAIT_MS, ret_fd, &why) == 0)
                        return 0;
                if (why.kind != BK_LOCKED) {
                        if (err != NULL)
                                *err = why;
                        return -1;
                }
                if (!said)
                        say(job, "another process is fetching '%s'; waiting for it", shown);
                if (job->fetch.progress != NULL && job->fetch.progress(job->fetch.arg, 0, 0))
                        return bk_fail(err, BK_INTERRUPTED, "stopped while another process was fetching '%s'", shown);
        }
}

/* The draft was verified. What leads to the file is written first: a hint that leads nowhere is harmless, a file that nothing
 * leads to is waste. */
static int keep(const struct job *job, const char *url, const char *draft, const struct boot_known *known, struct boot_iso *ret,
                struct bk_error *err)
{
        const struct boot_sum *digest = &known->sums[BOOT_SUM_SHA256];
        autofree char *cached = bk_format("%s/sha256-%s.iso", job->config->cache, digest->hex), *wanted = sum_text(&job->sum);
        const char *path = job->target ? job->target : cached;
        autofree char *sidecar = NULL;

        if (job->target == NULL) {
                index_write(job, "url", url, digest);
                if (job->sum.kind != BOOT_SUM_NONE && job->sum.kind != BOOT_SUM_SHA256)
                        index_write(job, "sum", wanted, digest);
        }
        if (bk_publish(draft, path, err) < 0)
                return -1;
        sidecar = sidecar_of(job, path);
        boot_verified_as(path, sidecar, known);
        *ret = iso_of(path, known);
        ret->fetched = true;
        return 0;
}

/* A draft that was continued and is wrong is fetched once more, from its beginning; one that came in one piece is what the URL has. */
static int fetch_draft(const struct job *job, const char *url, const char *draft, struct boot_known *ret, struct bk_error *err)
{
        autofree char *shown = bk_fetch_shown(url), *from = bk_format("%s.from", draft);
        struct bk_fetch fetch = job->fetch;

        fetch.url = url;
        for (;;) {
                BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
                struct stat st = { 0 };
                const bool continued = stat(draft, &st) == 0 && st.st_size > 0 && bk_exists(from);
                struct bk_error why = { 0 };

                if (continued)
                        say(job, "fetching '%s', of which %jd bytes are here", shown, (intmax_t)st.st_size);
                else
                        say(job, "fetching '%s'", shown);
                if (bk_fetch_file(&fetch, draft, err) < 0)
                        return -1;
                if (boot_verify(draft, NULL, job->sum.kind, &job->fetch, &known, NULL, err) < 0)
                        return -1;
                if (check(job, draft, &known, &why) == 0) {
                        *ret = known;
                        known = (struct boot_known){ 0 };
                        return 0;
                }
                (void)unlink(draft);
                if (!continued) {
                        if (err != NULL)
                                *err = why;
                        return bk_wrap(err, "'%s', fetched into", shown);
                }
                say(job, "%s; it was fetched in parts, and is fetched anew", why.text);
        }
}

static int fetch_url(const struct job *job, const char *url, struct boot_iso *ret, struct bk_error *err)
{
        autofree char *draft = job->target ? bk_format("%s.part", job->target) : in_cache(job, "drafts", "url", url, ".part");
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        autoclose int lock = -1;
        int used;

        if (wait_for_turn(job, url, &lock, err) < 0)
                return -1;
        used = use_kept(job, url, ret, err);            /* somebody may have fetched it while we waited */
        if (used != 0)
                return used < 0 ? -1 : 0;
        if (fetch_draft(job, url, draft, &known, err) < 0)
                return -1;
        return keep(job, url, draft, &known, ret, err);
}

/* --- one of several ------------------------------------------------------------------ */

static int use_url(const struct job *job, const char *url, struct boot_iso *ret, struct bk_error *err)
{
        autofree char *path = boot_local_path(url);
        int used;

        if (path != NULL)
                return use_local(job, path, ret, err);
        used = use_kept(job, url, ret, err);
        return used != 0 ? (used < 0 ? -1 : 0) : fetch_url(job, url, ret, err);
}

/* Of several failures, the one that says most of what to do: a wrong sum first, then what may be better the next time. */
static bool outranks(enum bk_kind a, enum bk_kind b)
{
        static const enum bk_kind order[] = { BK_CORRUPT, BK_TIMEOUT, BK_INFRA, BK_DENIED };

        for (size_t i = 0; i < sizeof order / sizeof *order; i++)
                if (a == order[i] || b == order[i])
                        return b != order[i];
        return b == BK_NONE;
}

static int use_any(const struct job *job, struct boot_iso *ret, struct bk_error *err)
{
        const struct bk_strv *urls = job->config->urls;
        BK_CLEANUP(bk_buf_done) struct bk_buf reasons = { 0 };
        enum bk_kind kind = BK_NONE;

        for (size_t i = 0; i < urls->n; i++) {
                struct bk_error why = { 0 };

                if (use_url(job, urls->v[i], ret, &why) == 0)
                        return 0;
                /* Neither gets better with another URL. */
                if (urls->n == 1 || why.kind == BK_INTERRUPTED || why.kind == BK_NO_SPACE) {
                        if (err != NULL)
                                *err = why;
                        return -1;
                }
                say(job, "%s%s", why.text, i + 1 < urls->n ? "; trying the next URL" : "");
                bk_buf_printf(&reasons, "%s(%zu) %s", i > 0 ? "; " : "", i + 1, why.text);
                if (outranks(why.kind, kind))
                        kind = why.kind;
        }
        return bk_fail(err, kind, "none of %zu URLs has the ISO: %s", urls->n, reasons.data);
}

/* The sum of the first URL that a checksum file knows. What it said is kept, so that a host without a network can bake what it has. */
static int find_sum(struct job *job, struct bk_error *err)
{
        const struct boot_iso_config *config = job->config;
        autofree char *asked = bk_format("%s\n%s", config->checksum ? config->checksum : "", config->urls->v[0]);
        struct bk_error why = { 0 };
        int result = -1;

        for (size_t i = 0; i < config->urls->n; i++) {
                result = boot_sum_parse_with(config->checksum, config->urls->v[i], &job->fetch, &job->sum, &why);
                if (result == 0 || why.kind != BK_NOT_FOUND)
                        break;
        }
        if (result == 0 && job->sum.kind == BOOT_SUM_NONE) {
                say(job, "there is no iso_checksum: nothing tells whether the ISO is what it should be");
        } else if (result == 0 && strncasecmp(config->checksum, "file:", 5) == 0) {
                index_write(job, "asked", asked, &job->sum);
        } else if (result < 0 && (why.kind == BK_INFRA || why.kind == BK_TIMEOUT) && index_read(job, "asked", asked, &job->sum)) {
                say(job, "%s; going by what it said the last time, %s:%s", why.text, boot_sum_name(job->sum.kind), job->sum.hex);
                return 0;
        }
        if (result < 0 && err != NULL)
                *err = why;
        return result;
}

static int make_folders(const struct job *job, struct bk_error *err)
{
        static const char *const folders[] = { "drafts", "index", "verified", "locks" };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                autofree char *path = bk_format("%s/%s", job->config->cache, folders[i]);

                if (bk_mkdir_p(path, err) < 0)
                        return bk_wrap(err, "ISO cache");
        }
        return 0;
}

int boot_iso_get(const struct boot_iso_config *config, struct boot_iso *ret, struct bk_error *err)
{
        BK_CLEANUP(job_done) struct job job = { .config = config, .fetch = { .progress = config->progress, .arg = config->arg } };
        autofree char *folder = NULL;

        if (config->urls == NULL || config->urls->n == 0)
                return bk_fail(err, BK_INVALID, "neither iso_url nor iso_urls is given");
        if (make_folders(&job, err) < 0 || find_sum(&job, err) < 0)
                return -1;
        job.target = target_of(&job, config->urls->v[0]);
        if (job.target != NULL && strrchr(job.target, '/') != NULL) {
                folder = bk_strndup(job.target, (size_t)(strrchr(job.target, '/') - job.target));
                if (*folder != '\0' && bk_mkdir_p(folder, err) < 0)
                        return bk_wrap(err, "iso_target_path");
        }
        return use_any(&job, ret, err);
}
