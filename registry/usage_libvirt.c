/* Domains of a libvirt driver, and the layers that their disks lie on. All of libvirt that the registry needs is here.
 *
 * A connection can hang for as long as an SSH or a daemon does, and libvirt brings threads: so a child asks, writes JSON into a pipe, and is
 * killed when it takes too long. A layer is known by its file's name, which is its digest, wherever the store lies on that host. */
#include "registry/usage.h"

#include <ctype.h>
#include <endian.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <poll.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/lazy.h"
#include "lib/run.h"
#include "registry/registry_priv.h"

enum { CHAIN_MOST = 64, DISKS_MOST = 256, REPORT_MOST = 64 << 20, HEAD = 104, BACKING_MOST = 1023, END_MS = 5000 };

/* --- disks --------------------------------------------------------------------------- */
/* "/any/where/layers/HEX.qcow2" -> "sha256:HEX"; NULL: it is no layer's name. */
static char *layer_of(const char *path)
{
        const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
        autofree char *digest = strlen(name) == 64 + strlen(".qcow2") && bk_streq(name + 64, ".qcow2") ? bk_format("sha256:%.64s", name) : NULL;

        return digest != NULL && bk_digest_valid(digest) ? bk_take(digest) : NULL;
}

/* Where it is looked for layers. A file of this host that may not be read could lie on any of them, and so could a volume that nobody
 * knows the file of. */
struct look { virConnectPtr connection; bool local; char *unreadable; };

/* What a local qcow2 file lies on, by its header (QEMU's docs/interop/qcow2.txt: 8 backing file offset, 16 its length); NULL: nothing. */
static char *backing_of(struct look *look, const char *path)
{
        autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        unsigned char head[HEAD];
        char name[BACKING_MOST + 1] = "";
        const char *slash = strrchr(path, '/');
        uint64_t offset;
        uint32_t length;

        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ENXIO && errno != ENOMEDIUM && look->unreadable == NULL)
                look->unreadable = bk_format("%s: %s", path, strerror(errno));
        if (fd < 0 || pread(fd, head, sizeof head, 0) != sizeof head || memcmp(head, "QFI\xfb", 4) != 0)
                return NULL;
        memcpy(&offset, head + 8, sizeof offset);
        memcpy(&length, head + 16, sizeof length);
        offset = be64toh(offset);
        length = be32toh(length);
        if (offset == 0 || length == 0 || length > BACKING_MOST || offset > INT64_MAX / 2 ||
            pread(fd, name, length, (off_t)offset) != (ssize_t)length || strchr(name, ':') != NULL)
                return NULL;
        return *name == '/' || slash == NULL ? bk_strdup(name) : bk_format("%.*s/%s", (int)(slash - path), path, name);
}

static void add_layer(json_t *layers, const char *path)
{
        autofree char *digest = layer_of(path);

        if (digest != NULL)
                (void)json_array_append_new(layers, json_string(digest));
}

/* From the last file that the driver names. */
static void follow(struct look *look, json_t *layers, const char *from)
{
        autofree char *path = bk_strdup(from);

        for (int i = 0; i < CHAIN_MOST; i++) {
                char *below = backing_of(look, path);

                free(path);
                path = below;
                if (path == NULL)
                        return;
                add_layer(layers, path);
        }
}

/* The file or device of a volume; NULL, with a note, where libvirt cannot say. */
static char *volume_path(struct look *look, const char *pool_name, const char *name)
{
        virStoragePoolPtr pool = virStoragePoolLookupByName(look->connection, pool_name);
        virStorageVolPtr volume = pool == NULL ? NULL : virStorageVolLookupByName(pool, name);
        char *path = volume == NULL ? NULL : virStorageVolGetPath(volume);

        if (path == NULL && look->unreadable == NULL)
                look->unreadable = bk_format("volume '%s' of pool '%s': %s", name, pool_name, virGetLastErrorMessage());
        if (volume != NULL)
                (void)virStorageVolFree(volume);
        if (pool != NULL)
                (void)virStoragePoolFree(pool);
        return path;
}

/* What is none of ours is NULL: disks over the network lie on no file. Memory of libxml2 and libvirt is malloc()'s. */
static char *source_path(struct look *look, xmlNode *source)
{
        autofree char *pool = (char *)xmlGetProp(source, (const xmlChar *)"pool"), *name = (char *)xmlGetProp(source, (const xmlChar *)"volume");
        char *path = (char *)xmlGetProp(source, (const xmlChar *)"file");

        if (path == NULL)
                path = (char *)xmlGetProp(source, (const xmlChar *)"dev");
        return path != NULL || pool == NULL || name == NULL ? path : volume_path(look, pool, name);
}

/* <disk><source file="top"/><backingStore><source file="below"/><backingStore>... */
static json_t *layers_of(struct look *look, xmlNode *disk)
{
        json_t *layers = json_array();
        autofree char *last = NULL;

        for (int i = 0; disk != NULL && i < CHAIN_MOST; i++) {
                xmlNode *below = NULL;

                for (xmlNode *child = disk->children; child != NULL; child = child->next) {
                        if (bk_streq((const char *)child->name, "source")) {
                                char *path = source_path(look, child);

                                if (path != NULL) {
                                        add_layer(layers, path);
                                        free(last);
                                        last = path;
                                }
                        } else if (bk_streq((const char *)child->name, "backingStore")) {
                                below = child;
                        }
                }
                disk = below;
        }
        if (look->local && last != NULL)
                follow(look, layers, last);
        return layers;
}

static json_t *disks_of(struct look *look, const char *text)
{
        json_t *disks = json_array();
        xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), "domain", NULL, XML_PARSE_NONET);
        xmlXPathContext *context = doc == NULL ? NULL : xmlXPathNewContext(doc);
        xmlXPathObject *found = context == NULL ? NULL : xmlXPathEval((const xmlChar *)"/domain/devices/disk", context);

        for (int i = 0; found != NULL && found->nodesetval != NULL && i < found->nodesetval->nodeNr && i < DISKS_MOST; i++) {
                json_t *layers = layers_of(look, found->nodesetval->nodeTab[i]);

                if (json_array_size(layers) > 0)
                        (void)json_array_append(disks, layers);
                json_decref(layers);
        }
        xmlXPathFreeObject(found);
        xmlXPathFreeContext(context);
        xmlFreeDoc(doc);
        return disks;
}

/* --- domains -------------------------------------------------------------------------- */
/* One that is gone since it was listed, or has no disk of ours, is passed over. -1 with libvirt's error set: it cannot be looked at, and the
 * report would be too small, so that what it uses would look unused. */
static int add_domain(struct look *look, virDomainPtr domain, const char *host, json_t *items)
{
        char uuid[VIR_UUID_STRING_BUFLEN] = "";
        autofree char *text = virDomainGetXMLDesc(domain, 0);
        json_t *disks;

        if (text == NULL)
                return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? 0 : -1;
        disks = disks_of(look, text);
        if (json_array_size(disks) > 0 && virDomainGetUUIDString(domain, uuid) == 0)
                (void)json_array_append_new(items, json_pack("{s:s, s:o, s:O, s:{s:s, s:o}}", "instance", uuid, "name",
                                            reg_json_text(virDomainGetName(domain)), "layers", disks, "detail", "state",
                                            virDomainIsActive(domain) == 1 ? "running" : "shut off", "host", reg_json_text(host)));
        json_decref(disks);
        return 0;
}

static void quiet(void *arg, virErrorPtr error)
{
        (void)arg, (void)error;
}

static int libvirt_fail(const char *uri, struct bk_error *err)
{
        const char *why = virGetLastErrorMessage();

        return bk_fail(err, BK_INFRA, "libvirt at '%s': %s", uri, why == NULL ? "it does not say why" : why);
}

/* "qemu:///system" is of this host, "qemu+ssh://other/system" is not. */
static bool is_local(const char *uri)
{
        const char *host = strstr(uri, "://");

        return host != NULL && host[3] == '/';
}

/* In a child, which ends: what libvirt holds goes with it. */
static int ask(const char *uri, json_t *items, struct bk_error *err)
{
        struct look look = { .local = is_local(uri) };
        virConnectPtr connection;
        virDomainPtr *domains = NULL;
        const char *host;
        int n;

        virSetErrorFunc(NULL, quiet);
        connection = virConnectOpenReadOnly(uri);
        if (connection == NULL)
                return libvirt_fail(uri, err);
        look.connection = connection;
        host = virConnectGetHostname(connection);
        n = virConnectListAllDomains(connection, &domains, 0);
        if (n < 0)
                return libvirt_fail(uri, err);
        for (int i = 0; i < n; i++)
                if (add_domain(&look, domains[i], host, items) < 0)
                        return libvirt_fail(uri, err);
        if (look.unreadable != NULL)
                return bk_fail(err, BK_DENIED, "what a disk at '%s' lies on cannot be seen: %s", uri, look.unreadable);
        return 0;
}

/* --- in a child ------------------------------------------------------------------------ */
static void __attribute__((noreturn)) ask_and_tell(const char *uri, int to)
{
        json_t *items = json_array();
        struct bk_error err = { 0 };
        json_t *report = ask(uri, items, &err) < 0 ? json_pack("{s:o, s:i}", "error", reg_json_text(err.text), "kind", (int)err.kind) :
                         json_pack("{s:O}", "items", items);
        autofree char *text = json_dumps(report, JSON_COMPACT);

        if (text == NULL || bk_write_all(to, text, strlen(text), &err) < 0)
                _exit(1);
        _exit(0);
}

static int read_until(int fd, int64_t end, struct bk_buf *ret, const char *uri, struct bk_error *err)
{
        char piece[16384];

        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
                const int64_t left = end - bk_now_ms();
                const int ready = left <= 0 ? 0 : poll(&poll_fd, 1, (int)left);
                ssize_t n;

                if (ready == 0)
                        return bk_fail(err, BK_TIMEOUT, "libvirt at '%s' did not answer in time", uri);
                if (ready < 0 && errno == EINTR)
                        continue;
                n = read(fd, piece, sizeof piece);
                if (n <= 0)
                        return n == 0 ? 0 : bk_fail_errno(err, "cannot read what libvirt at '%s' answered", uri);
                if (ret->len + (size_t)n > REPORT_MOST)
                        return bk_fail(err, BK_INVALID, "libvirt at '%s' knows more domains than can be taken", uri);
                bk_buf_add(ret, piece, (size_t)n);
        }
}

int reg_usage_libvirt(const char *uri, int timeout_ms, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        const int64_t end = bk_now_ms() + timeout_ms;
        autoclose int from = -1, to = -1;
        json_t *report;
        int fds[2], status;
        pid_t pid;

        if (bk_lazy_need("libvirt.so", err) < 0 || bk_lazy_need("libxml2.so", err) < 0)
                return -1;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        from = fds[0];
        to = fds[1];
        (void)fflush(NULL);
        pid = bk_fork();
        if (pid < 0)
                return bk_fail_errno(err, "cannot start a process");
        if (pid == 0)
                ask_and_tell(uri, to);
        (void)close(bk_take_fd(to));
        status = read_until(from, end, &text, uri, err);
        if (bk_wait(pid, status < 0 ? 0 : END_MS) != 0 && status == 0)
                status = bk_fail(err, BK_INFRA, "the process that asked libvirt at '%s' died", uri);
        if (status < 0)
                return -1;
        report = json_loadb(text.data == NULL ? "" : text.data, text.len, 0, NULL);
        if (!json_is_array(json_object_get(report, "items"))) {
                const char *why = json_string_value(json_object_get(report, "error"));

                bk_fail(err, BK_INFRA, "%s", why == NULL ? "libvirt's answer makes no sense" : why);
                json_decref(report);
                return -1;
        }
        *ret = json_incref(json_object_get(report, "items"));
        json_decref(report);
        return 0;
}
