/* Answers that are asked for again before anything has changed. The least recently used go first when there is no more room. */
#include "registry/serve_priv.h"

#include <string.h>

struct serve_entry {
        char *key;
        struct serve_text *text;
        size_t bytes;
        int64_t at;
        struct serve_entry *chain, **link;      /* of the table's slot */
        struct serve_entry *newer, *older;
};

/* The index alone would do for an ETag, were there no answers that speak of the time. */
struct serve_text *serve_text_new(struct reg_answer *answer)
{
        struct serve_text *text = bk_alloc(sizeof *text);
        autofree char *digest = bk_digest_bytes(answer->text == NULL ? "" : answer->text, answer->length);

        atomic_init(&text->references, 1);
        text->answer = *answer;
        text->etag = bk_format("\"%lld-%.16s\"", (long long)answer->index, digest + strlen("sha256:"));
        *answer = (struct reg_answer){ 0 };
        return text;
}

void serve_text_drop(struct serve_text *text)
{
        if (text == NULL || atomic_fetch_sub(&text->references, 1) > 1)
                return;
        reg_answer_done(&text->answer);
        free(text->etag);
        free(text);
}

static size_t slot_of(const char *key)
{
        return bk_scatter(key, strlen(key)) % SERVE_CACHE_TABLE;
}

static void unlink_order(struct serve_cache *cache, struct serve_entry *entry)
{
        if (entry->newer != NULL)
                entry->newer->older = entry->older;
        else
                cache->newest = entry->older;
        if (entry->older != NULL)
                entry->older->newer = entry->newer;
        else
                cache->oldest = entry->newer;
}

static void put_newest(struct serve_cache *cache, struct serve_entry *entry)
{
        entry->newer = NULL;
        entry->older = cache->newest;
        if (cache->newest != NULL)
                cache->newest->newer = entry;
        else
                cache->oldest = entry;
        cache->newest = entry;
}

static void drop(struct serve_cache *cache, struct serve_entry *entry)
{
        *entry->link = entry->chain;
        if (entry->chain != NULL)
                entry->chain->link = entry->link;
        unlink_order(cache, entry);
        cache->bytes -= entry->bytes;
        serve_text_drop(entry->text);
        free(entry->key);
        free(entry);
}

static void drop_oldest(struct serve_cache *cache, size_t most)
{
        for (struct serve_entry *entry = cache->oldest, *next; entry != NULL && cache->bytes > most; entry = next) {
                next = entry->newer;
                drop(cache, entry);
        }
}

static struct serve_entry *find(const struct serve_cache *cache, const char *key)
{
        struct serve_entry *entry = cache->table[slot_of(key)];

        while (entry != NULL && strcmp(entry->key, key) != 0)
                entry = entry->chain;
        return entry;
}

void serve_cache_start(struct serve_cache *cache, size_t most)
{
        (void)pthread_mutex_init(&cache->lock, NULL);
        cache->table = bk_alloc(SERVE_CACHE_TABLE * sizeof(struct serve_entry *));
        cache->most = most;
}

void serve_cache_stop(struct serve_cache *cache)
{
        if (cache->table == NULL)
                return;
        drop_oldest(cache, 0);
        free(cache->table);
        cache->table = NULL;
        (void)pthread_mutex_destroy(&cache->lock);
}

struct serve_text *serve_cache_get(struct serve_cache *cache, const char *key, int64_t index, int64_t now)
{
        struct serve_text *text = NULL;
        struct serve_entry *entry;

        (void)pthread_mutex_lock(&cache->lock);
        entry = find(cache, key);
        if (entry != NULL && (entry->text->answer.index != index || now - entry->at >= SERVE_CACHE_MS)) {
                drop(cache, entry);
        } else if (entry != NULL) {
                unlink_order(cache, entry);
                put_newest(cache, entry);
                text = entry->text;
                atomic_fetch_add(&text->references, 1);
        }
        (void)pthread_mutex_unlock(&cache->lock);
        return text;
}

void serve_cache_put(struct serve_cache *cache, const char *key, struct serve_text *text, int64_t now)
{
        const size_t bytes = sizeof(struct serve_entry) + sizeof *text + strlen(key) + text->answer.length;
        struct serve_entry *entry, **slot = &cache->table[slot_of(key)];

        if (bytes > cache->most / 8)
                return;
        (void)pthread_mutex_lock(&cache->lock);
        entry = find(cache, key);
        if (entry != NULL)
                drop(cache, entry);
        drop_oldest(cache, cache->most - bytes);
        entry = bk_alloc(sizeof *entry);
        *entry = (struct serve_entry){ .key = bk_strdup(key), .text = text, .bytes = bytes, .at = now, .chain = *slot, .link = slot };
        atomic_fetch_add(&text->references, 1);
        if (*slot != NULL)
                (*slot)->link = &entry->chain;
        *slot = entry;
        cache->bytes += bytes;
        put_newest(cache, entry);
        (void)pthread_mutex_unlock(&cache->lock);
}
