/* What is done to a running guest's devices: keys in, pictures and memory out, ports made reachable. */
#include "vm/guest_priv.h"

#include <arpa/inet.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { PICTURE_MOST = 128 << 20, LISTEN_WAIT_MS = 1000 };

int vm_guest_keys(struct vm_guest *guest, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err)
{
        unsigned copy[VIR_DOMAIN_SEND_KEY_MAX_KEYS];

        if (n > VIR_DOMAIN_SEND_KEY_MAX_KEYS)
                return bk_fail(err, BK_INVALID, "at most %d keys can be pressed together", VIR_DOMAIN_SEND_KEY_MAX_KEYS);
        memcpy(copy, codes, n * sizeof *codes);
        /* 0 would be QEMU's own default of 100 ms, which it also waits before the next key. */
        if (virDomainSendKey(guest->domain, VIR_KEYCODE_SET_LINUX, hold_ms > 0 ? (unsigned)hold_ms : 1, copy, (int)n, 0) < 0)
                return vm_guest_alive(guest, err) < 0 ? -1 : vm_fail(err, BK_FAILED, "cannot type into the guest");
        return 0;
}

/* --- pictures and memory ---------------------------------------------------------- */

static int receive(virStreamPtr stream, struct bk_buf *into)
{
        static char chunk[262144];
        int got;

        while ((got = virStreamRecv(stream, chunk, sizeof chunk)) > 0) {
                if (into->len + (size_t)got > PICTURE_MOST)
                        return -1;
                bk_buf_add(into, chunk, (size_t)got);
        }
        return got;
}

int vm_guest_screenshot(struct vm_guest *guest, char **ret, size_t *ret_len, struct bk_error *err)
{
        virStreamPtr stream = virStreamNew(guest->connection, 0);
        struct bk_buf picture = { 0 };
        char *type = stream ? virDomainScreenshot(guest->domain, stream, 0, 0) : NULL;

        if (type == NULL || receive(stream, &picture) < 0) {
                if (stream != NULL) {
                        (void)virStreamAbort(stream);
                        (void)virStreamFree(stream);
                }
                free(type);
                bk_buf_done(&picture);
                return vm_guest_alive(guest, err) < 0 ? -1 : vm_fail(err, BK_FAILED, "cannot take a picture of the guest's screen");
        }
        (void)virStreamFinish(stream);
        (void)virStreamFree(stream);
        free(type);
        *ret_len = picture.len;
        *ret = bk_buf_finish(&picture);
        return 0;
}

int vm_guest_peek(struct vm_guest *guest, uint64_t address, size_t length, void *into, struct bk_error *err)
{
        if (virDomainMemoryPeek(guest->domain, address, length, into, VIR_MEMORY_PHYSICAL) < 0)
                return vm_guest_alive(guest, err) < 0 ? -1 : vm_fail(err, BK_FAILED, "cannot read the guest's memory");
        return 0;
}

/* --- ports --------------------------------------------------------------------------- */

static const struct vm_forward *forward_of(const struct vm_guest *guest, unsigned port)
{
        for (size_t i = 0; i < guest->n_forwards; i++)
                if (guest->forwards[i].guest == port)
                        return &guest->forwards[i];
        return NULL;
}

/* A port that nobody listens on now, for min and max of 0. QEMU says if it was taken meanwhile. */
static unsigned any_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &length) < 0)
                return 0;
        return ntohs(address.sin_port);
}

/* 1 when the port is taken. */
static int try_forward(struct vm_guest *guest, unsigned port, unsigned host, struct bk_error *err)
{
        autofree char *line = bk_format("hostfwd_add hostnet0 tcp:127.0.0.1:%u-:%u", host, port), *answer = NULL;

        if (vm_monitor(guest, line, &answer, err) < 0)
                return -1;
        if (answer[strspn(answer, " \r\n")] == '\0')
                return 0;
        if (strstr(answer, "host forwarding") != NULL)
                return 1;
        return bk_fail(err, BK_FAILED, "the guest's network: %s", answer);
}

int vm_guest_forward(struct vm_guest *guest, unsigned port, unsigned min, unsigned max, unsigned *ret, struct bk_error *err)
{
        const struct vm_forward *known = forward_of(guest, port);
        const unsigned count = min == 0 && max == 0 ? 32 : max - min + 1;
        unsigned start = 0;

        if (known != NULL) {
                *ret = known->host;
                return 0;
        }
        if (guest->n_forwards == VM_FORWARDS_MOST)
                return bk_fail(err, BK_INVALID, "more than %d ports of one guest", VM_FORWARDS_MOST);
        (void)!getrandom(&start, sizeof start, 0);
        for (unsigned i = 0; i < count; i++) {
                const unsigned host = min == 0 && max == 0 ? any_port() : min + (start % count + i) % count;
                const int taken = try_forward(guest, port, host, err);

                if (taken < 0)
                        return -1;
                if (taken > 0)
                        continue;
                guest->forwards[guest->n_forwards++] = (struct vm_forward){ .guest = port, .host = host };
                *ret = host;
                return 0;
        }
        return bk_fail(err, BK_CONFLICT, "no port of 127.0.0.1 between %u and %u is free for the guest's port %u; widen host_port_min and "
                       "host_port_max", min, max, port);
}

/* "  TCP[ESTABLISHED]   22       127.0.0.1 18080       10.0.2.15    80     0     0": the guest accepted what came in at that port
 * of the host. While it has not, the state is another. */
static bool established(const char *table, unsigned host)
{
        for (const char *line = table; line != NULL; line = strchr(line, '\n'), line += line != NULL) {
                unsigned port = 0;

                if (sscanf(line, " TCP[ESTABLISHED] %*d %*s %u", &port) == 1 && port == host)
                        return true;
        }
        return false;
}

int vm_guest_accepted(struct vm_guest *guest, unsigned host, bool *ret)
{
        autofree char *table = NULL;

        if (vm_monitor(guest, "info usernet", &table, NULL) < 0)
                return -1;
        *ret = established(table, host);
        return 0;
}

bool vm_guest_listens(struct vm_guest *guest, unsigned port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int64_t until = bk_now_ms() + LISTEN_WAIT_MS;
        unsigned host;

        if (vm_guest_forward(guest, port, 0, 0, &host, NULL) < 0)
                return false;
        address.sin_port = htons((uint16_t)host);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return false;
        do {
                struct pollfd end = { .fd = fd, .events = POLLIN | POLLRDHUP };
                autofree char *table = NULL;

                if (vm_monitor(guest, "info usernet", &table, NULL) < 0)
                        return false;
                if (established(table, host))
                        return true;
                if (poll(&end, 1, 20) > 0)      /* data, or refused */
                        return (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
        } while (bk_now_ms() < until);
        return false;
}

char *vm_guest_xpath(struct vm_guest *guest, const char *expression, const char *attribute)
{
        char *xml = virDomainGetXMLDesc(guest->domain, 0), *text = NULL;
        xmlDoc *doc = xml ? xmlReadMemory(xml, (int)strlen(xml), "domain", NULL, XML_PARSE_NONET) : NULL;
        xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
        xmlXPathObject *found = context ? xmlXPathEvalExpression(BAD_CAST expression, context) : NULL;

        if (found != NULL && found->nodesetval != NULL && found->nodesetval->nodeNr > 0) {
                const xmlAttr *value = xmlHasProp(found->nodesetval->nodeTab[0], BAD_CAST attribute);

                /* libvirt writes no entities there, so the value is one node. */
                if (value != NULL)
                        text = bk_strdup(value->children != NULL ? (const char *)value->children->content : "");
        }
        xmlXPathFreeObject(found);
        xmlXPathFreeContext(context);
        xmlFreeDoc(doc);
        free(xml);
        return text;
}

char *vm_guest_vnc(struct vm_guest *guest)
{
        static const char display[] = "/domain/devices/graphics[@type='vnc']";
        autofree char *listen = vm_guest_xpath(guest, display, "listen"), *port = vm_guest_xpath(guest, display, "port");

        return port == NULL ? NULL : bk_format("%s:%s", listen ? listen : "127.0.0.1", port);
}
