/* YAML read into the same document as JSON, with the places of all values: one map or list, no anchors, aliases, tags of one's own or
 * second documents. Plain scalars become what YAML 1.1 makes of them: null, booleans (also yes, no, on, off), numbers, strings. */
#pragma once
#include "lib/doc.h"

int spec_yaml_parse(const char *file, const char *text, size_t length, struct bk_doc **ret, struct bk_error *err) BK_MUST_CHECK;
