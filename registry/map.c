/* Numbers by numbers: what is looked up once for each row of very many. */
#include "registry/registry_priv.h"

#include <stdlib.h>

static size_t place_of(const struct reg_map *map, int64_t key)
{
        size_t at = ((uint64_t)key * 0x9e3779b97f4a7c15u) >> 32 & (map->room - 1);

        while (map->keys[at] != 0 && map->keys[at] != key)
                at = (at + 1) & (map->room - 1);
        return at;
}

static void grow(struct reg_map *map)
{
        const struct reg_map less = *map;
        struct reg_map more = { .room = less.room == 0 ? 1024 : less.room * 2, .n = less.n };

        more.keys = bk_alloc(more.room * sizeof *more.keys);
        more.values = bk_alloc(more.room * sizeof *more.values);
        for (size_t i = 0; i < less.room; i++)
                if (less.keys[i] != 0) {
                        const size_t at = place_of(&more, less.keys[i]);

                        more.keys[at] = less.keys[i];
                        more.values[at] = less.values[i];
                }
        *map = more;
        free(less.keys);
        free(less.values);
}

size_t *reg_map_at(struct reg_map *map, int64_t key, bool *ret_new)
{
        size_t at;

        if (map->n * 2 >= map->room)
                grow(map);
        at = place_of(map, key);
        *ret_new = map->keys[at] == 0;
        map->n += *ret_new;
        map->keys[at] = key;
        return &map->values[at];
}

void reg_map_done(struct reg_map *map)
{
        free(map->keys);
        free(map->values);
        *map = (struct reg_map){ 0 };
}
