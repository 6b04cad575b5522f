/* What a template may say, gathered from the rows for help and the manual. */
#include "bakery/bake/bake_priv.h"

const struct bake_vocabulary *bake_vocabulary(size_t *n)
{
        static struct bake_vocabulary words[64];
        size_t count, used = 0;
        const struct bake_builder *builders = bake_builders(&count);

        for (size_t i = 0; i < count; i++)
                words[used++] = (struct bake_vocabulary){ "builders", builders[i].type, builders[i].help, builders[i].keys, builders[i].n_keys };
        const struct bake_provisioner *provisioners = bake_provisioners(&count);

        for (size_t i = 0; i < count; i++)
                words[used++] = (struct bake_vocabulary){ "provisioners", provisioners[i].type, provisioners[i].help, provisioners[i].keys,
                                                          provisioners[i].n_keys };
        const struct bake_postprocessor *posts = bake_postprocessors(&count);

        for (size_t i = 0; i < count; i++)
                words[used++] = (struct bake_vocabulary){ "post-processors", posts[i].type, posts[i].help, posts[i].keys, posts[i].n_keys };
        *n = used;
        return words;
}
