/* What the files of facts share. */
#pragma once
#include "registry/facts.h"
#include "registry/registry_priv.h"

/* --- facts_words.c: texts, each once; and where an image's row is in the columns ------------------------- */
struct reg_word_slot { uint32_t hash, place; };         /* place: from 1; 0 is free */
struct reg_words {
        char **v;                       /* in the arena */
        size_t n, room;                 /* room: of the slots, a power of two */
        struct reg_word_slot *slots;
        void *arena;
};
uint32_t reg_words_put(struct reg_words *words, const char *text);
uint32_t reg_words_find(const struct reg_words *words, const char *text);       /* REG_NOWHERE */
void reg_words_done(struct reg_words *words);
char *reg_arena_text(void **arena, const char *text);   /* a copy that lives as long as the arena */
void reg_arena_done(void **arena);

/* Sequences rise; they are cut into a few times as many buckets as there are images, and a bucket is searched by halves. Where not too many
 * images were deleted it holds one or none; where none was, there are no buckets. */
struct reg_places { const int64_t *sequence; size_t n; unsigned shift; uint32_t *bucket; };
void reg_places_make(const int64_t *sequence, size_t n, struct reg_places *ret);
uint32_t reg_places_of(const struct reg_places *places, int64_t sequence);      /* REG_NOWHERE */
void reg_places_done(struct reg_places *places);

/* --- while facts are read ------------------------------------------------------------------------------- */
struct reg_reading {
        struct reg *reg;
        const struct reg_facts_ask *ask;
        struct reg_facts facts;         /* its words are in `words` until the end */
        struct reg_words words;
        struct reg_places places;
        int64_t *below;                 /* ancestors' sequences; 0: none */
        struct reg_words heads;         /* ids that ever headed a channel ... */
        int64_t *head_until;            /* ... and until when; 0: they head it still */
        struct reg_package_fact { int64_t set; const char *os; uint32_t hole; bool known; } *sets;      /* by set; os is in the words' arena */
        size_t n_sets;
};
/* A statement for all images, or the one for the image that is asked for, whose sequence is then its parameter. */
int reg_reading_start(const struct reg_reading *r, const char *all, const char *one, struct reg_stmt **ret, struct bk_error *err) BK_MUST_CHECK;
/* The place of a text that is often the same as the one before. */
uint32_t reg_reading_word(struct reg_reading *r, uint32_t before, const char *text);

/* --- facts_heads.c, facts_holes.c, facts_attributes.c ------------------------------------------------------ */
int reg_facts_heads(struct reg_reading *r, struct bk_error *err) BK_MUST_CHECK;         /* before the images */
int reg_facts_holes(struct reg_reading *r, struct bk_error *err) BK_MUST_CHECK;         /* before the images */
void reg_facts_hole_of(struct reg_reading *r, size_t place, int64_t set /* 0: none */);
int reg_facts_attributes(struct reg_reading *r, struct bk_error *err) BK_MUST_CHECK;    /* and kinds */
