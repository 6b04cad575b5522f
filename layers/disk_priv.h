/* Inside layers/ only. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "layers/disk.h"

/* A loop device over part of a file; clears itself when its last user is gone. ret_path receives its name. */
int disk_loop_attach(int file, uint64_t offset, uint64_t size, bool read_only, int *ret, char *ret_path, size_t room,
                     struct bk_error *err) BK_MUST_CHECK;
