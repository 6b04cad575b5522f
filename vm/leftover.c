/* A guest that somebody else's libvirt runs for a bake that died. Its end was asked for when its connection broke (autodestroy); a driver on another
 * host may not have noticed.
 *
 * libvirt brings threads, and a connection can hang: so a child does it, and is killed when it takes too long. */
#include "vm/guest.h"

#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"
#include "lib/run.h"

enum { THERE = 0, GONE = 10, FAILED = 11, LIMIT_MS = 60000, SAID_MOST = 4096 };

static void quiet(void *arg, virErrorPtr error)
{
        (void)arg;
        (void)error;
}

/* Its own driver may have been faster. */
static bool has_ended(virDomainPtr domain)
{
        const int active = virDomainIsActive(domain);

        return active == 0 || (active < 0 && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN);
}

static int try_it(const char *uri, const char *uuid, bool act)
{
        virConnectPtr connection;
        virDomainPtr domain;

        virSetErrorFunc(NULL, quiet);
        connection = virConnectOpen(uri);
        if (connection == NULL)
                return FAILED;
        domain = virDomainLookupByUUIDString(connection, uuid);
        if (domain == NULL)
                return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? GONE : FAILED;
        return act && virDomainDestroy(domain) < 0 && !has_ended(domain) ? FAILED : THERE;
}

static _Noreturn void child(const char *uri, const char *uuid, bool act, int to)
{
        const int status = try_it(uri, uuid, act);
        const char *said = status == FAILED ? virGetLastErrorMessage() : "";

        (void)!bk_write_all(to, said, strlen(said), NULL);
        _exit(status);
}

int vm_guest_end_other(const char *uri, const char *uuid, bool act, bool *ret_runs, struct bk_error *err)
{
        autofree char *said = NULL;
        int ends[2], status;
        pid_t pid;

        if (bk_lazy_need("libvirt.so", err) < 0)
                return -1;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        (void)fflush(NULL);
        pid = bk_fork();
        if (pid == 0)
                child(uri, uuid, act, ends[1]);
        (void)close(ends[1]);
        status = pid < 0 ? FAILED : bk_wait(pid, LIMIT_MS);
        (void)!bk_read_fd(ends[0], SAID_MOST, &said, NULL, NULL);       /* a sentence fits into a pipe */
        (void)close(ends[0]);
        if (status != THERE && status != GONE)
                return bk_fail(err, BK_INFRA, "guest %s of libvirt at '%s': %s", uuid, uri,
                               status == FAILED && said != NULL && *said != '\0' ? said : "no answer within a minute");
        *ret_runs = status == THERE;
        return 0;
}
