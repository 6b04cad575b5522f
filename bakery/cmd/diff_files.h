/* The files of two images, compared on this host. */
#pragma once
#include "registry/api.h"

/* struct reg_request's. Needs root; the calling process gets a mount namespace of its own, and must be single-threaded. Folders that are
 * on one side only are one entry, with a slash behind it. */
int cmd_diff_files(const struct reg_request *request, const struct reg_image *from, const struct reg_image *to, json_t **ret,
                   struct bk_error *err) BK_MUST_CHECK;
/* The same of two folders. */
int cmd_diff_folders(int from_fd, int to_fd, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
