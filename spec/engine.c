/* The interpreter of one spec file, in a child that ends with it: mruby with a
 * limited heap, our classes, the prelude, then the user's Ruby. Examples are
 * collected while the file loads and run afterwards, as RSpec does. */
#include "spec/ruby_priv.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/irep.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>

#include "lib/fs.h"
#include "spec/prelude_rb.h"
#include "spec/snapshot.h"

#define GC_INTERVAL 1000                        /* percent: a process that lives for a moment rarely cleans up */
#define GC_BEGIN 250000                         /* objects, some 10 MB: nor does it at first. At the heap's limit mruby does by itself. */
enum { TICKS = 32 /* of the time that an example may compute */, FLUSH_US = 50000 };
#define SPACE_MOST ((rlim_t)1 << 30)            /* of the whole process: ends it */

struct spec_engine *spec_engine_of(mrb_state *mrb)
{
        return mrb->ud;
}

static int64_t now_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A copy for C: Ruby's own may lack the NUL at its end, and one inside would cut the rest off unseen. */
static char *text_of(mrb_state *mrb, mrb_value string)
{
        const mrb_value copy = mrb_str_new(mrb, RSTRING_PTR(string), RSTRING_LEN(string));
        char *ret = RSTRING_PTR(copy);

        for (mrb_int at = 0; at < RSTRING_LEN(copy); at++)
                if (ret[at] == '\0')
                        ret[at] = ' ';
        return ret;
}

/* An example that computes without end is the end of this process, and an error of its own: the next ones run in a new one. The
 * process's time is counted in ticks, which costs an example nothing. */
static struct { volatile sig_atomic_t running, ticks; } example;

static void on_tick(int number)
{
        if (!example.running || ++example.ticks <= TICKS)
                return;
        (void)signal(number, SIG_DFL);
        (void)raise(number);
}

static void limit_examples(const struct spec_options *options)
{
        const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
        const int tick_ms = spec_example_most_ms(options) / TICKS + 1;
        const struct timeval tick = { .tv_sec = tick_ms / 1000, .tv_usec = tick_ms % 1000 * 1000 };
        const struct itimerval timer = { .it_interval = tick, .it_value = tick };

        (void)sigaction(SIGPROF, &action, NULL);
        (void)setitimer(ITIMER_PROF, &timer, NULL);
}

static void limit_example(bool on)
{
        example.ticks = 0;
        example.running = on;
}

/* Results are shown as they come, but not each with a write of its own. */
static void told(struct spec_engine *engine, int sent)
{
        const int64_t now = now_us();

        if (sent == 0 && now - engine->flushed_us > FLUSH_US) {
                engine->flushed_us = now;
                sent = spec_wire_flush(engine->job->fd);
        }
        if (sent < 0)
                _exit(1);
}

static mrb_value optional_text(mrb_state *mrb, mrb_value value)
{
        return mrb_string_p(value) ? value : mrb_str_new_lit(mrb, "");
}

/* start(line, group, name, control, title, impact): the last three may be missing or nil */
static mrb_value native_start(mrb_state *mrb, mrb_value self)
{
        struct spec_engine *engine = spec_engine_of(mrb);
        mrb_int line;
        mrb_value group, name, control = mrb_nil_value(), title = mrb_nil_value();
        mrb_float impact = -1;

        mrb_get_args(mrb, "iSS|oof", &line, &group, &name, &control, &title, &impact);
        const struct spec_result result = {
                .line = (unsigned)line, .group = text_of(mrb, group), .name = text_of(mrb, name), .impact = impact,
                .control = text_of(mrb, optional_text(mrb, control)), .title = text_of(mrb, optional_text(mrb, title)),
        };

        told(engine, spec_wire_send(engine->job->fd, SPEC_RECORD_START, &result));
        engine->started_us = now_us();
        engine->image.asked = SPEC_NOWHERE;
        engine->image.configured = false;
        limit_example(true);
        return self;
}

/* result(line, group, name, verdict, message, attempts, control, title, impact): the last four may be missing */
static mrb_value native_result(mrb_state *mrb, mrb_value self)
{
        struct spec_engine *engine = spec_engine_of(mrb);
        mrb_int line, verdict, attempts = 1;
        mrb_value group, name, message, control = mrb_nil_value(), title = mrb_nil_value();
        mrb_float impact = -1;

        mrb_get_args(mrb, "iSSiS|ioof", &line, &group, &name, &verdict, &message, &attempts, &control, &title, &impact);
        const struct spec_result result = {
                .line = (unsigned)line, .group = text_of(mrb, group), .name = text_of(mrb, name),
                .verdict = (enum spec_verdict)verdict, .message = text_of(mrb, message),
                .duration_us = engine->started_us ? now_us() - engine->started_us : 0, .impact = impact, .attempts = (unsigned)attempts,
                .control = text_of(mrb, optional_text(mrb, control)), .title = text_of(mrb, optional_text(mrb, title)),
                .where = engine->image.asked, .configured = engine->image.configured,
        };

        limit_example(false);
        engine->started_us = 0;
        told(engine, spec_wire_send(engine->job->fd, SPEC_RECORD_RESULT, &result));
        return self;
}

static _Noreturn void raise_syntax(mrb_state *mrb, const char *file, struct mrb_parser_state *parser)
{
        const struct mrb_parser_message *first = &parser->error_buffer[0];
        autofree char *text = bk_format("%s:%d: %s", file, (int)first->lineno, first->message ? first->message : "does not parse");
        const mrb_value message = mrb_str_new_cstr(mrb, text);

        bk_free_(&text);
        text = NULL;
        mrb_parser_free(parser);
        mrb_exc_raise(mrb, mrb_exc_new_str(mrb, mrb_class_get(mrb, "SyntaxError"), message));
        abort();
}

void spec_engine_load(mrb_state *mrb, const char *file, char *text, size_t length)
{
        struct spec_engine *engine = spec_engine_of(mrb);
        mrbc_context *context = mrbc_context_new(mrb);
        struct mrb_parser_state *parser;
        mrb_value top = mrb_top_self(mrb);
        struct RProc *proc;

        engine->sources = bk_grow(engine->sources, engine->n_sources + 1, sizeof *engine->sources);
        engine->sources[engine->n_sources++] = (struct spec_source){ .file = bk_strdup(file), .text = text };
        if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)       /* a byte order mark is no name */
                memset(text, ' ', 3);
        context->capture_errors = TRUE;
        (void)mrbc_filename(mrb, context, file);
        parser = mrb_parse_nstring(mrb, text, length, context);
        mrbc_context_free(mrb, context);
        if (parser == NULL)
                mrb_raise(mrb, mrb_class_get(mrb, "NoMemoryError"), "not enough memory to read the file");
        if (parser->nerr > 0 || parser->tree == NULL)
                raise_syntax(mrb, file, parser);
        proc = mrb_generate_code(mrb, parser);
        mrb_parser_free(parser);
        if (proc == NULL)
                mrb_raise(mrb, mrb_class_get(mrb, "SyntaxError"), "cannot be compiled");
        spec_defined_rewrite(mrb, proc->body.irep);
        MRB_PROC_SET_TARGET_CLASS(proc, mrb->object_class);
        (void)mrb_top_run(mrb, proc, top, 0);
        if (mrb->exc != NULL)
                mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
}

/* The bytecode stays where it is and nothing is copied, unless a snapshot is made: the fewer words in it point into the program, the
 * fewer of its pages are written to. */
static mrb_value load_prelude(mrb_state *mrb, void *arg)
{
        const struct spec_heap *heap = arg;

        if (heap->fixed) {
                void *copy = memcpy(mrb_malloc(mrb, sizeof spec_prelude_rb), spec_prelude_rb, sizeof spec_prelude_rb);

                (void)mrb_load_irep_buf(mrb, copy, sizeof spec_prelude_rb);
                mrb_free(mrb, copy);
        } else
                (void)mrb_load_irep(mrb, spec_prelude_rb);
        if (mrb->exc != NULL)
                mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
        return mrb_nil_value();
}

/* What this run has to do with (settings, the environment) is told, and holds before the file is read. */
static mrb_value prepare(mrb_state *mrb, void *arg)
{
        (void)arg;
        return mrb_funcall(mrb, mrb_obj_value(mrb_module_get(mrb, "Bakery")), "prepare", 0);
}

static mrb_value load_file(mrb_state *mrb, void *arg)
{
        const struct spec_job *job = arg;
        char *text = bk_alloc(job->length + 1);

        memcpy(text, job->text, job->length);
        spec_engine_load(mrb, job->file, text, job->length);
        return mrb_nil_value();
}

/* Everything that the loaded file describes is asked for at once. An error comes again with the checks that need it. */
static mrb_value run_examples(mrb_state *mrb, void *arg)
{
        struct spec_image *image = &spec_engine_of(mrb)->image;
        struct bk_error err = { 0 };

        (void)arg;
        if (image->files.facts != NULL)
                (void)(spec_facts_fetch(image->files.facts, &err) < 0);
        return mrb_funcall(mrb, mrb_obj_value(mrb_module_get(mrb, "Bakery")), "run", 0);
}

static mrb_value describe_exception(mrb_state *mrb, void *arg)
{
        const mrb_value exception = *(mrb_value *)arg;

        const mrb_value module = mrb_obj_value(mrb_module_get(mrb, "Bakery"));

        if (!mrb_respond_to(mrb, module, mrb_intern_lit(mrb, "load_error")))    /* our own Ruby is at fault */
                return mrb_str_cat_str(mrb, mrb_inspect(mrb, exception), mrb_inspect(mrb, mrb_exc_backtrace(mrb, exception)));
        return mrb_funcall(mrb, module, "load_error", 1, exception);
}

/* Returns false after it reported what was raised outside an example. */
static bool step(mrb_state *mrb, mrb_protect_error_func *function, struct spec_job *job)
{
        mrb_bool failed = FALSE, twice = FALSE;
        mrb_value raised = mrb_protect_error(mrb, function, job, &failed), text;
        struct spec_result result = { .line = 1, .verdict = SPEC_ERROR, .impact = -1, .attempts = 1, .message = (char *)"raised outside an example" };
        const char *colon;

        if (!failed)
                return true;
        mrb->exc = NULL;
        text = mrb_protect_error(mrb, describe_exception, &raised, &twice);
        if (!twice && mrb_string_p(text)) {
                result.message = text_of(mrb, text);
                colon = strncmp(result.message, job->file, strlen(job->file)) == 0 ? result.message + strlen(job->file) : NULL;
                if (colon != NULL && *colon == ':' && atoi(colon + 1) > 0)
                        result.line = (unsigned)atoi(colon + 1);
        }
        (void)spec_wire_send(job->fd, SPEC_RECORD_RESULT, &result);
        return false;
}

static void limit(void)
{
#ifndef __SANITIZE_ADDRESS__                    /* whose shadow alone is larger */
        struct rlimit space;

        if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_max > SPACE_MOST) {
                space.rlim_cur = SPACE_MOST;
                (void)setrlimit(RLIMIT_AS, &space);
        }
#endif
        const struct rlimit core = { 0, 0 };

        (void)setrlimit(RLIMIT_CORE, &core);
}

static struct spec_engine engine;

struct mrb_state *spec_engine_make(struct spec_heap *heap)
{
        mrb_state *mrb = mrb_open_allocf(spec_heap_get, heap);
        mrb_bool failed = FALSE;
        struct RClass *module;

        if (mrb == NULL)
                return NULL;
        mrb->ud = &engine;
        mrb->gc.interval_ratio = GC_INTERVAL;
        mrb->gc.threshold = GC_BEGIN;
        module = mrb_define_module(mrb, "Bakery");
        mrb_define_module_function(mrb, module, "start", native_start, MRB_ARGS_ARG(3, 3));
        mrb_define_module_function(mrb, module, "result", native_result, MRB_ARGS_ARG(5, 4));
        spec_regexp_init(mrb);
        spec_string_init(mrb, module);
        spec_host_init(mrb, module);
        spec_defined_init(mrb);
        spec_json_init(mrb, module);
        spec_yaml_init(mrb, module);
        spec_place_init(mrb, module);
        spec_controller_init(mrb, module);
        spec_binding_init(mrb, module);
        (void)mrb_protect_error(mrb, load_prelude, heap, &failed);
        return failed ? NULL : mrb;
}

/* The kept one, or a new one. */
static mrb_state *interpreter(void)
{
        static struct spec_heap own;
        struct spec_heap *heap = &own;
        mrb_state *mrb = spec_snapshot_take(&heap);

        if (mrb == NULL)
                mrb = spec_engine_make(heap);
        spec_regexp_begin();
        return mrb;
}

void spec_engine_run(const struct spec_job *given)
{
        static struct spec_job job;
        const struct spec_result none = { 0 };
        mrb_state *mrb;

        limit();
        mrb = interpreter();
        if (mrb == NULL || (!given->options->trust && spec_fence() < 0))
                _exit(2);
        job = *given;
        engine.job = &job;
        spec_wire_begin(job.pending);
        limit_examples(job.options);
        spec_image_init(&engine.image, job.target, job.options, job.fd);
        if (step(mrb, prepare, &job) && step(mrb, load_file, &job))
                (void)step(mrb, run_examples, &job);
        (void)spec_wire_send(job.fd, SPEC_RECORD_END, &none);
        (void)spec_wire_flush(job.fd);
        _exit(0);       /* the kernel takes the memory back faster than we could */
}
