/* A folder as a page of links, for people who look at what a guest would see. */
#include "boot/http_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Links count as what they lead to, inside or outside; the answer to a click is resolved inside. */
static bool is_folder(int dir_fd, const struct dirent *entry)
{
        struct stat st;

        if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
                return entry->d_type == DT_DIR;
        return fstatat(dir_fd, entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static void collect_files(int folder_fd, struct bk_strv *names)
{
        autoclose int fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
        autodir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (dir == NULL)
                return;
        (void)bk_take_fd(fd);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, ".."))
                        bk_strv_addf(names, "%s%s", entry->d_name, is_folder(dirfd(dir), entry) ? "/" : "");
}

static void collect_contents(const struct http_site *site, const char *path, struct bk_strv *names)
{
        const size_t length = strlen(path);

        for (size_t i = 0; i < site->names.n; i++) {
                const char *rest = site->names.v[i] + length;

                if (strncmp(site->names.v[i], path, length) == 0 && *rest != '\0')
                        bk_strv_take(names, bk_strndup(rest, strcspn(rest, "/") + (strchr(rest, '/') != NULL)));
        }
}

char *http_folder_list(const struct http_site *site, int folder_fd, const char *path)
{
        autostrv struct bk_strv names = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf title = { 0 };
        struct bk_buf page = { 0 };

        if (folder_fd >= 0)
                collect_files(folder_fd, &names);
        collect_contents(site, path, &names);
        if (folder_fd < 0 && names.n == 0)
                return NULL;
        if (names.n > 0)
                qsort(names.v, names.n, sizeof *names.v, by_name);
        http_text_escape(&title, path);
        bk_buf_printf(&page, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>%s</title></head>\n<body><h1>%s</h1><ul>\n",
                      title.data, title.data);
        for (size_t i = 0; i < names.n; i++) {
                if (i > 0 && bk_streq(names.v[i], names.v[i - 1]))
                        continue;
                /* "./": a name with a colon is no scheme. */
                bk_buf_puts(&page, "<li><a href=\"./");
                http_path_encode(&page, names.v[i]);
                bk_buf_puts(&page, "\">");
                http_text_escape(&page, names.v[i]);
                bk_buf_puts(&page, "</a></li>\n");
        }
        bk_buf_puts(&page, "</ul></body></html>\n");
        return bk_buf_finish(&page);
}
