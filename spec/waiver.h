/* Waivers: failures that somebody decided to live with, for a reason and until a day.
 *
 * The file is YAML as InSpec has it, or JSON (a name that ends in .json), a map of what is waived:
 *
 *     sshd-03:                                        # a control's id, "FILE:LINE" of an example, or its full description;
 *       expiration_date: 2027-01-31                   # "*" in it stands for anything
 *       justification: "the bastion needs it, OPS-12"
 *       run: false
 *
 * justification is required; without expiration_date a waiver is for ever. A waived failure is skipped instead; with run: false
 * so is whatever else came of the example. After the last day results stay as they are, and say that the waiver has expired. */
#pragma once
#include "spec/spec.h"

struct spec_waiver {
        char *file;             /* where it stands */
        unsigned line;
        char *what;
        char *until;            /* "2027-01-31", its last day; NULL: no end */
        char *why;
        bool run;               /* false: the result does not matter */
        bool expired;
        size_t used;            /* results that it matched */
};

struct spec_waivers {
        struct spec_waiver *v;
        size_t n;
};
void spec_waivers_done(struct spec_waivers *waivers);

/* Adds a file's waivers; several files may be read. today is "2026-11-21". BK_INVALID at file:line:column for what is not understood. */
int spec_waivers_read(const char *path, const char *today, struct spec_waivers *add, struct bk_error *err) BK_MUST_CHECK;
/* Changes the result's verdict and message, when a waiver is meant for it. What has no name - a file that does not load - is never waived. */
void spec_waivers_apply(struct spec_waivers *waivers, struct spec_result *result);
/* A line for each waiver that matched nothing: "FILE:LINE: the waiver of 'WHAT' matches no example". */
void spec_waivers_unused(const struct spec_waivers *waivers, struct bk_strv *ret);
