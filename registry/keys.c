/* The keys of queries that are not attributes. Adding a column means adding a row. */
#include "registry/registry_priv.h"

#include <string.h>

#define MEMBER(name) offsetof(struct reg_image, name)

static const struct reg_key keys[] = {
        { "id",           REG_KEY_TEXT,        "i.id",           NULL, NULL, MEMBER(id) },
        { "name",         REG_KEY_TEXT,        "i.name",         NULL, NULL, MEMBER(name) },
        { "application",  REG_KEY_APPLICATION, "i.name",         NULL, NULL, MEMBER(name) },
        /* Of few types each has very many images: the index that counts them is none to find them by. */
        { "type",         REG_KEY_TEXT,        "(i.type || '')",      NULL, NULL, MEMBER(type) },
        { "state",        REG_KEY_STATE },
        { "layer",        REG_KEY_TEXT,        "(SELECT digest FROM layer WHERE id = i.layer)",
          "i.layer IN (SELECT id FROM layer WHERE digest IN ", ")", MEMBER(layer) },
        { "ancestor",     REG_KEY_TEXT,        "(SELECT a.id FROM image a WHERE a.sequence = i.ancestor)",
          "i.ancestor IN (SELECT a.sequence FROM image a WHERE a.id IN ", ")", MEMBER(ancestor) },
        { "input_hash",   REG_KEY_TEXT,        "i.input_hash",   NULL, NULL, MEMBER(input_hash) },
        { "created_by",   REG_KEY_TEXT,        "i.created_by",   NULL, NULL, MEMBER(created_by) },
        { "created_on",   REG_KEY_TEXT,        "i.created_on",   NULL, NULL, MEMBER(created_on) },
        { "created_at",   REG_KEY_TIME,        "i.created_at",   NULL, NULL, MEMBER(created_at) },
        { "sequence",     REG_KEY_NUMBER,      "i.sequence",     NULL, NULL, MEMBER(sequence) },
        { "size",         REG_KEY_NUMBER,      "i.size",         NULL, NULL, MEMBER(size) },
        { "virtual_size", REG_KEY_NUMBER,      "i.virtual_size", NULL, NULL, MEMBER(virtual_size) },
        { "channel",      REG_KEY_CHANNEL },
        { "package",      REG_KEY_PACKAGE },
        { "in_use",       REG_KEY_IN_USE },
        { "last_launched", REG_KEY_LAUNCHED,   "(SELECT max(u.last_at) FROM launch u WHERE u.image = i.sequence)" },
};

const struct reg_key *reg_key_find(const char *name)
{
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strcmp(keys[i].name, name) == 0)
                        return &keys[i];
        return NULL;
}

bool reg_key_reserved(const char *name)
{
        const struct reg_key *key = reg_key_find(name);

        return key != NULL && key->kind != REG_KEY_APPLICATION;
}

const char *reg_key_text(const struct reg_key *key, const struct reg_image *image)
{
        const char *text;

        memcpy(&text, (const char *)image + key->offset, sizeof text);
        return text;
}

int64_t reg_key_number(const struct reg_key *key, const struct reg_image *image)
{
        int64_t number;         /* sizes are at most INT64_MAX */

        memcpy(&number, (const char *)image + key->offset, sizeof number);
        return number;
}
