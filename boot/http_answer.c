/* What to answer: from http_content, from the folder, or why not. */
#include "boot/http_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/httpd.h"

static const struct { const char *suffix, *type; } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".htm", "text/html; charset=utf-8" },
        { ".xml", "text/xml" },
        { ".json", "application/json" },
        { ".css", "text/css" },
        { ".js", "text/javascript" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
};
static const char text_type[] = "text/plain; charset=utf-8", other_type[] = "application/octet-stream";

static const struct { int errnum; unsigned status; } statuses[] = {
        { ENOENT, 404 }, { ENOTDIR, 404 }, { ENAMETOOLONG, 404 }, { ELOOP, 404 }, { EINVAL, 404 },
        { EACCES, 403 }, { EPERM, 403 }, { ENXIO, 403 }, { EMFILE, 503 }, { ENFILE, 503 }, { ENOMEM, 503 },
};

static unsigned status_of(int errnum)
{
        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
                if (statuses[i].errnum == errnum)
                        return statuses[i].status;
        return 500;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
        if (response != NULL)
                (void)MHD_add_response_header(response, name, value);
}

/* --- short answers ------------------------------------------------------------ */

static void answer_text(struct http_answer *ret, unsigned status, const char *type, char *text /* owned */)
{
        const size_t length = strlen(text);

        ret->status = status;
        ret->response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
        if (ret->response == NULL) {
                free(text);
                return;
        }
        ret->bytes = length;
        add_header(ret->response, "Content-Type", type);
}

static void answer_status(struct http_answer *ret, unsigned status)
{
        answer_text(ret, status, text_type, bk_format("%u %s\n", status, MHD_get_reason_phrase_for(status)));
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
                add_header(ret->response, "Allow", "GET, HEAD");
}

static void answer_redirect(struct http_answer *ret, const char *path)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf to = { 0 };

        http_path_encode(&to, path);
        bk_buf_putc(&to, '/');
        answer_status(ret, MHD_HTTP_MOVED_PERMANENTLY);
        add_header(ret->response, "Location", to.data);
}

/* --- ranges ------------------------------------------------------------------- */

static struct bk_part part_of(const struct http_request *request, uint64_t size)
{
        /* What If-Range asks about is not known here; then the whole is always right. A range of HEAD has no meaning. */
        return bk_range_of(request->if_range != NULL || !bk_streq(request->method, "GET") ? NULL : request->range, size);
}

/* The response's headers, or 416 in place of it. */
static void finish_part(struct http_answer *ret, const struct bk_part *part, uint64_t size, const char *type)
{
        autofree char *range = bk_range_text(part, size);

        if (part->status == MHD_HTTP_RANGE_NOT_SATISFIABLE) {
                answer_status(ret, part->status);
        } else {
                ret->status = part->status;
                ret->bytes = ret->response != NULL ? part->length : 0;
                add_header(ret->response, "Content-Type", type);
                add_header(ret->response, "Accept-Ranges", "bytes");
        }
        if (part->status != MHD_HTTP_OK)
                add_header(ret->response, "Content-Range", range);
}

/* --- contents ----------------------------------------------------------------- */

/* By suffix, else by a look: text has no NUL in its first bytes. */
static const char *type_of(const char *path, const char *start, size_t length)
{
        const char *name = strrchr(path, '/'), *dot = name ? strrchr(name, '.') : NULL;

        for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
                if (strcasecmp(dot, types[i].suffix) == 0)
                        return types[i].type;
        return length > 0 && memchr(start, '\0', length) != NULL ? other_type : text_type;
}

static bool answer_content(const struct http_site *site, const struct http_request *request, const char *path,
                           struct http_answer *ret)
{
        for (size_t i = 0; i < site->names.n; i++) {
                if (!bk_streq(site->names.v[i], path))
                        continue;
                char *text = site->contents.v[i];
                const size_t length = strlen(text);
                const struct bk_part part = part_of(request, length);

                if (part.status != MHD_HTTP_RANGE_NOT_SATISFIABLE)
                        ret->response = MHD_create_response_from_buffer((size_t)part.length, text + part.start, MHD_RESPMEM_PERSISTENT);
                finish_part(ret, &part, length, type_of(path, text, length));
                return true;
        }
        return false;
}

/* fd is taken. A large file is sent by the kernel from it, never read here. */
static void answer_file(const struct http_request *request, const char *path, int fd, uint64_t size, struct http_answer *ret)
{
        const struct bk_part part = part_of(request, size);
        char start[512];
        const ssize_t got = pread(fd, start, sizeof start, 0);
        const char *type = type_of(path, start, got > 0 ? (size_t)got : 0);

        if (part.status != MHD_HTTP_RANGE_NOT_SATISFIABLE)
                ret->response = MHD_create_response_from_fd_at_offset64(part.length, fd, part.start);
        if (ret->response == NULL)
                (void)close(fd);
        finish_part(ret, &part, size, type);
}

/* --- the folder --------------------------------------------------------------- */

/* O_NONBLOCK: a FIFO without a writer must not hold up everybody. */
static int open_inside(const struct http_site *site, const char *path, struct stat *ret)
{
        autoclose int fd = -1;

        if (site->root < 0) {
                errno = ENOENT;
                return -1;
        }
        fd = bk_open_in_root(site->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0 || fstat(fd, ret) < 0)
                return -1;
        return bk_take_fd(fd);
}

static void answer_folder(const struct http_site *site, const struct http_request *request, int folder_fd, const char *path,
                          struct http_answer *ret)
{
        autofree char *index = bk_format("%sindex.html", path), *page = NULL;
        struct stat st;

        if (answer_content(site, request, index, ret))
                return;
        autoclose int fd = open_inside(site, index, &st);

        if (fd >= 0 && S_ISREG(st.st_mode)) {
                answer_file(request, index, bk_take_fd(fd), (uint64_t)st.st_size, ret);
                return;
        }
        page = http_folder_list(site, folder_fd, path);
        if (page == NULL)
                answer_status(ret, MHD_HTTP_NOT_FOUND);
        else
                answer_text(ret, MHD_HTTP_OK, types[0].type, bk_take(page));
}

static void answer_path(const struct http_site *site, const struct http_request *request, const char *path, struct http_answer *ret)
{
        const bool slash = path[strlen(path) - 1] == '/';
        struct stat st = { 0 };

        if (answer_content(site, request, path, ret))
                return;
        autoclose int fd = open_inside(site, path, &st);

        if (fd < 0 && slash && errno == ENOENT)
                answer_folder(site, request, -1, path, ret);    /* it may be one of http_content alone */
        else if (fd < 0)
                answer_status(ret, status_of(errno));
        else if (S_ISDIR(st.st_mode) && slash)
                answer_folder(site, request, fd, path, ret);
        else if (S_ISDIR(st.st_mode))
                answer_redirect(ret, path);
        else if (!S_ISREG(st.st_mode))
                answer_status(ret, MHD_HTTP_FORBIDDEN);
        else
                answer_file(request, path, bk_take_fd(fd), (uint64_t)st.st_size, ret);
}

void http_answer(const struct http_site *site, const struct http_request *request, struct http_answer *ret)
{
        *ret = (struct http_answer){ .path = http_path_decode(request->target) };
        if (!bk_streq(request->method, "GET") && !bk_streq(request->method, "HEAD"))
                answer_status(ret, MHD_HTTP_METHOD_NOT_ALLOWED);
        else if (ret->path == NULL)
                answer_status(ret, MHD_HTTP_BAD_REQUEST);
        else
                answer_path(site, request, ret->path, ret);
        if (bk_streq(request->method, "HEAD"))
                ret->bytes = 0;
}
