/* The provisioners, as rows. */
#include "bakery/bake/bake_priv.h"

static const struct bake_provisioner *const rows[] = { &bake_shell, &bake_shell_local, &bake_file, &bake_breakpoint, &bake_sleep };
enum { ROWS = sizeof rows / sizeof *rows };

const struct bake_provisioner *bake_provisioner_find(const char *type)
{
        for (size_t i = 0; i < ROWS; i++)
                if (bk_streq(rows[i]->type, type))
                        return rows[i];
        return NULL;
}

const struct bake_provisioner *bake_provisioners(size_t *n)
{
        static struct bake_provisioner copy[ROWS];

        for (size_t i = 0; i < ROWS; i++)
                copy[i] = *rows[i];
        *n = ROWS;
        return copy;
}
