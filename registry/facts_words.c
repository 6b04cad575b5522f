/* Texts, each once, so that they are compared as numbers; and the way from an image's row to its place. */
#include "registry/facts_priv.h"

#include <stdlib.h>
#include <string.h>

/* --- memory that is freed at once ---------------------------------------------- */
enum { BLOCK = 1 << 18 };
struct block { struct block *next; size_t used, room; char bytes[]; };

char *reg_arena_text(void **arena, const char *text)
{
        const size_t size = strlen(text) + 1;
        struct block *block = *arena;
        char *copy;

        if (block == NULL || block->room - block->used < size) {
                const size_t room = size > BLOCK ? size : BLOCK;

                block = bk_grow(NULL, sizeof *block + room, 1);
                *block = (struct block){ .next = *arena, .room = room };
                *arena = block;
        }
        copy = block->bytes + block->used;
        block->used += size;
        return memcpy(copy, text, size);
}

void reg_arena_done(void **arena)
{
        for (struct block *block = *arena, *next; block != NULL; block = next) {
                next = block->next;
                free(block);
        }
        *arena = NULL;
}

/* --- words ------------------------------------------------------------------------ */
static uint32_t hash_of(const char *text)
{
        uint64_t hash = 0x9e3779b97f4a7c15u, part;
        size_t n = strlen(text);

        for (; n > 0; text += sizeof part) {
                const size_t length = n < sizeof part ? n : sizeof part;

                part = 0;
                memcpy(&part, text, length);
                hash = (hash ^ part ^ length << 56) * 0xff51afd7ed558ccdu;
                hash ^= hash >> 32;
                n -= length;
                if (n == 0)
                        break;
        }
        return (uint32_t)(hash ^ hash >> 29);
}

static struct reg_word_slot *slot_of(const struct reg_words *words, const char *text, uint32_t hash)
{
        size_t at = hash & (words->room - 1);

        while (words->slots[at].place != 0 &&
               (words->slots[at].hash != hash || strcmp(words->v[words->slots[at].place - 1], text) != 0))
                at = (at + 1) & (words->room - 1);
        return &words->slots[at];
}

static void grow(struct reg_words *words)
{
        const struct reg_words less = *words;

        words->room = less.room == 0 ? 1024 : less.room * 2;
        words->slots = bk_alloc(words->room * sizeof *words->slots);
        words->v = bk_grow(words->v, words->room / 2, sizeof *words->v);
        for (size_t i = 0; i < less.room; i++) {
                size_t at = less.slots[i].hash & (words->room - 1);

                if (less.slots[i].place == 0)
                        continue;
                while (words->slots[at].place != 0)
                        at = (at + 1) & (words->room - 1);
                words->slots[at] = less.slots[i];
        }
        free(less.slots);
}

uint32_t reg_words_put(struct reg_words *words, const char *text)
{
        const uint32_t hash = hash_of(text);
        struct reg_word_slot *slot;

        if (words->n * 2 >= words->room)
                grow(words);
        slot = slot_of(words, text, hash);
        if (slot->place == 0) {
                words->v[words->n++] = reg_arena_text(&words->arena, text);
                *slot = (struct reg_word_slot){ hash, (uint32_t)words->n };
        }
        return slot->place - 1;
}

uint32_t reg_words_find(const struct reg_words *words, const char *text)
{
        const struct reg_word_slot *slot = words->n == 0 ? NULL : slot_of(words, text, hash_of(text));

        return slot == NULL || slot->place == 0 ? REG_NOWHERE : slot->place - 1;
}

void reg_words_done(struct reg_words *words)
{
        free(words->v);
        free(words->slots);
        reg_arena_done(&words->arena);
        *words = (struct reg_words){ 0 };
}

/* --- places -------------------------------------------------------------------------- */
void reg_places_make(const int64_t *sequence, size_t n, struct reg_places *ret)
{
        struct reg_places places = { .sequence = sequence, .n = n };
        uint64_t width = 0;

        if (n > 0) {
                width = (uint64_t)sequence[n - 1] - (uint64_t)sequence[0];
        }
        if (width + 1 > n) {
                while (width >> places.shift > 4 * (uint64_t)n)
                        places.shift++;
                places.bucket = bk_grow(NULL, (width >> places.shift) + 2, sizeof *places.bucket);
                for (size_t i = 0, b = 0; b <= (width >> places.shift) + 1; b++) {
                        while (i < n && ((uint64_t)sequence[i] - (uint64_t)sequence[0]) >> places.shift < b)
                                i++;
                        places.bucket[b] = (uint32_t)i;
                }
        }
        *ret = places;
}

uint32_t reg_places_of(const struct reg_places *places, int64_t sequence)
{
        const int64_t *v = places->sequence;
        size_t low, high, bucket;

        if (places->n == 0 || sequence < v[0] || sequence > v[places->n - 1])
                return REG_NOWHERE;
        bucket = ((uint64_t)sequence - (uint64_t)v[0]) >> places->shift;
        if (places->bucket == NULL)
                return (uint32_t)bucket;
        low = places->bucket[bucket];
        high = places->bucket[bucket + 1];
        while (high - low > 1) {
                const size_t middle = low + (high - low) / 2;

                if (v[middle] <= sequence)
                        low = middle;
                else
                        high = middle;
        }
        return low < high && (places->shift == 0 || v[low] == sequence) ? (uint32_t)low : REG_NOWHERE;
}

void reg_places_done(struct reg_places *places)
{
        free(places->bucket);
        *places = (struct reg_places){ 0 };
}
