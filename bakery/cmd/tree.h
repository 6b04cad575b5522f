/* Images below their ancestors, on a terminal. */
#pragma once
#include <jansson.h>
#include <stddef.h>

struct cmd_tree { json_t *images; };            /* an array */
void cmd_tree_done(struct cmd_tree *tree);
/* Adds the items of an answer: objects with sequence, id, name, type, state, size, created_at, and ancestor (an id), which must not be
 * their own descendant. */
int cmd_tree_take(void *tree, json_t *page);
void cmd_tree_add(struct cmd_tree *tree, json_t *image /* borrowed */);
/* Oldest first; whose ancestor is not among them is a root. */
void cmd_tree_print(const struct cmd_tree *tree);
