/* What the files that speak mruby share. Native code between two calls into
 * mruby must own nothing: mruby raises by longjmp, which runs no cleanup. */
#pragma once
#include <mruby.h>
#include <oniguruma.h>

#include "spec/spec_priv.h"

/* A symbol, looked up once: a process has one interpreter. */
#define SPEC_SYM(text) ({ static mrb_sym sym_; if (sym_ == 0) sym_ = mrb_intern_lit(mrb, text); sym_; })
/* A class by its name, which may stand for another one by now. */
#define SPEC_CLASS(text) mrb_class_get_id(mrb, SPEC_SYM(text))

/* regexp.c: class Regexp and MatchData on Oniguruma. Debian's mruby compiles
 * /src/flags to Regexp.compile("src", "flags") and has no such class. */
void spec_regexp_init(mrb_state *mrb);
/* Once in a process that will match: Oniguruma's limits. */
void spec_regexp_begin(void);
/* Compiled patterns are malloc()'s: they are given back, and made anew when they are needed. */
void spec_regexp_forget(mrb_state *mrb);
bool spec_regexp_is(mrb_state *mrb, mrb_value value);
/* A Regexp as it is; a String compiled, or quoted first. Anything else is a TypeError. */
mrb_value spec_regexp_from(mrb_state *mrb, mrb_value value, bool quote);
/* MatchData or nil; offsets are bytes. Does not touch $~. Raises RegexpError past the retry limit. */
mrb_value spec_regexp_search(mrb_state *mrb, mrb_value regexp, mrb_value string, mrb_int from);
/* The same for many searches of one text: whether it is UTF-8 is asked once. A frozen string is not copied. */
mrb_value spec_regexp_search_in(mrb_state *mrb, mrb_value regexp, mrb_value string, bool utf8, mrb_int from);
bool spec_regexp_utf8(mrb_value string);
/* Sets $~, $&, $`, $', $+ and $1 to $9. */
void spec_regexp_set_last(mrb_state *mrb, mrb_value match);
const OnigRegion *spec_match_region(mrb_state *mrb, mrb_value match);
/* Group n, a negative one counted from the end; nil when it took no part. */
mrb_value spec_match_group(mrb_state *mrb, mrb_value match, mrb_int n);
mrb_value spec_match_captures(mrb_state *mrb, mrb_value match, int first);
/* The number of a named group, or -1. */
int spec_match_name(mrb_state *mrb, mrb_value match, const char *name, size_t length);

/* The names of a Regexp's groups, as strings. */
mrb_value spec_regexp_names(mrb_state *mrb, mrb_value regexp);

/* match.c: class MatchData. */
void spec_match_init(mrb_state *mrb);

/* regexp_string.c: String's methods that take a Regexp. */
void spec_regexp_string_init(mrb_state *mrb);

/* fence.c: the second fence, of the kernel: no programs, sockets or writing. The first is prelude_1_fence.rb, which takes Ruby's
 * own ways out. What must be run is asked of the parent. */
int spec_fence(void);

/* ruby_host.c: the C function of a method that is kept under another name; raises NotImplementedError where it is none. */
mrb_func_t spec_native(mrb_state *mrb, mrb_value self, mrb_sym kept);

/* engine.c */
struct spec_source {
        char *file, *text;
        const char *seen;               /* where seen_line begins; NULL: nowhere yet */
        unsigned seen_line;
};
struct spec_engine {
        const struct spec_job *job;
        struct spec_image image;
        struct spec_source *sources;    /* Ruby files that were loaded */
        size_t n_sources;
        int64_t started_us;             /* of the running example */
        int64_t flushed_us;             /* when results were last sent */
};
/* The engine is mrb->ud. */
struct spec_engine *spec_engine_of(mrb_state *mrb);
/* Runs Ruby text at the top level; what it raises is raised on. text is the engine's from here on. */
void spec_engine_load(mrb_state *mrb, const char *file, char *text, size_t length);

/* place.c: where in the user's files something is. */
void spec_place_init(mrb_state *mrb, struct RClass *module);
/* "file:line" of the innermost user frame of an exception, or "". */
mrb_value spec_place_of_exception(mrb_state *mrb, mrb_value exception);

/* controller.c: the little of the build host that a spec may see. */
void spec_controller_init(mrb_state *mrb, struct RClass *module);

/* ruby_host.c: this process, and with trust the build host. */
void spec_host_init(mrb_state *mrb, struct RClass *module);

/* ruby_string.c: letters, digests. */
void spec_string_init(mrb_state *mrb, struct RClass *module);

/* json.c, yaml.c: what Ruby's modules JSON and YAML are made of. */
void spec_json_init(mrb_state *mrb, struct RClass *module);
void spec_yaml_init(mrb_state *mrb, struct RClass *module);

/* ruby_defined.c: mruby compiles `defined?(x)` to a call with x for its argument; this puts names in place of values, in code that
 * was just compiled. */
void spec_defined_rewrite(mrb_state *mrb, const struct mrb_irep *irep);
void spec_defined_init(mrb_state *mrb);

/* binding.c: resource types as Ruby classes. */
void spec_binding_init(mrb_state *mrb, struct RClass *module);
_Noreturn void spec_raise_unanswered(mrb_state *mrb, const char *why);
