/* Loads a library and fills in the addresses of all of its functions at once, on pages that are read-only before and after.
 *
 * Why: a program that needs libvirt, curl and their kind spends 15 ms in the dynamic linker before main(), for 70 libraries.
 * lazy_x86_64.S says what lies in memory. */
#include "lib/lazy.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

/* Weak: they are not there in a program that is linked normally. */
extern void *bk_lazy_slots[] __attribute__((weak)), *bk_lazy_slots_end[] __attribute__((weak));
extern const char bk_lazy_text[] __attribute__((weak));

struct library {
        struct bk_lazy_library is;
        const char *functions;          /* name, version, name, ..., "" */
        void **slots;
};

static struct { dev_t dev; ino_t ino; } root;          /* "/" at the start */

__attribute__((constructor)) static void note_root(void)
{
        struct stat now = { 0 };

        (void)stat("/", &now);
        root.dev = now.st_dev;
        root.ino = now.st_ino;
}

static const char *next(const char *text)
{
        return text + strlen(text) + 1;
}

static bool find(size_t i, struct library *ret)
{
        const char *text = bk_lazy_text;
        void **slots = bk_lazy_slots;

        if (text == NULL)
                return false;
        for (; *text != '\0'; text++, i--) {
                const char *package = next(text), *purpose = next(package), *functions = next(purpose);

                if (i == 0) {
                        *ret = (struct library){ { text, package, purpose }, functions, slots };
                        return true;
                }
                for (text = functions; *text != '\0'; text = next(next(text)))
                        slots++;
        }
        return false;
}

static int check_root(void)
{
        struct stat now;

        return stat("/", &now) == 0 && now.st_dev == root.dev && now.st_ino == root.ino ? 0 : -1;
}

/* The slots themselves begin and end with pages. */
static int open_slots(bool writable, struct bk_error *err)
{
        const size_t size = (uintptr_t)bk_lazy_slots_end - (uintptr_t)bk_lazy_slots;

        if (mprotect(bk_lazy_slots, size, writable ? PROT_READ | PROT_WRITE : PROT_READ) < 0)
                return bk_fail_errno(err, "its addresses cannot be written");
        return 0;
}

static int fill(const struct library *library, void *handle, struct bk_error *err)
{
        void **slot = library->slots;

        for (const char *name = library->functions; *name != '\0'; name = next(next(name)), slot++) {
                const char *version = next(name);
                void *function = *version != '\0' ? dlvsym(handle, name, version) : dlsym(handle, name);

                if (function == NULL)
                        return bk_fail(err, BK_INFRA, "it has no %s%s%s", name, *version != '\0' ? " of version " : "", version);
                __atomic_store_n(slot, function, __ATOMIC_RELEASE);
        }
        return 0;
}

static void empty(const struct library *library)
{
        void **slot = library->slots;

        for (const char *name = library->functions; *name != '\0'; name = next(next(name)))
                __atomic_store_n(slot++, NULL, __ATOMIC_RELEASE);
}

static int load_locked(const struct library *library, struct bk_error *err)
{
        void *handle;
        int result;

        if (library->slots[0] != NULL)
                return 0;
        if (check_root() < 0)
                return bk_fail(err, BK_INTERNAL, "it would come from a foreign root");
        handle = dlopen(library->is.name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (handle == NULL)
                return bk_fail(err, BK_INFRA, "%s", dlerror());
        if (open_slots(true, err) < 0)
                return -1;
        result = fill(library, handle, err);
        if (result < 0)
                empty(library);
        return open_slots(false, result < 0 ? NULL : err) < 0 ? -1 : result;
}

static int load(const struct library *library, struct bk_error *err)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        const int saved = errno;
        struct bk_error why = { 0 };
        int result;

        (void)pthread_mutex_lock(&lock);
        result = load_locked(library, &why);
        (void)pthread_mutex_unlock(&lock);
        errno = saved;
        if (result == 0)
                return 0;
        return bk_fail(err, why.kind, "%s is needed for %s and cannot be loaded: %s%s%s", library->is.name, library->is.purpose, why.text,
                       why.kind == BK_INFRA ? "; install the package " : "", why.kind == BK_INFRA ? library->is.package : "");
}

bool bk_lazy_library(size_t i, struct bk_lazy_library *ret)
{
        struct library library;

        if (!find(i, &library))
                return false;
        *ret = library.is;
        return true;
}

int bk_lazy_load(size_t i, struct bk_error *err)
{
        struct library library;

        return find(i, &library) ? load(&library, err) : 0;
}

int bk_lazy_need(const char *name, struct bk_error *err)
{
        struct library library;

        for (size_t i = 0; find(i, &library); i++)
                if (strncmp(library.is.name, name, strlen(name)) == 0)
                        return load(&library, err);
        return 0;
}

/* Nobody can be told otherwise: the caller of a function waits for what it returns. */
void bk_lazy_resolve(unsigned i)
{
        struct bk_error err = { 0 };

        if (bk_lazy_load(i, &err) == 0)
                return;
        (void)fflush(stdout);
        (void)fprintf(stderr, "bakery: error: %s\n", err.text);
        exit(bk_kind_exit_code(BK_INFRA));
}
