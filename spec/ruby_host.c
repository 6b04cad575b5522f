/* What Ruby asks of its own process: the settings, clocks, and with trust programs and files of the build host. */
#include "spec/ruby_priv.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/proc.h>
#include <mruby/string.h>

#include "lib/fs.h"
#include "lib/run.h"

static void set(mrb_state *mrb, mrb_value hash, const char *name, mrb_value value)
{
        mrb_hash_set(mrb, hash, mrb_symbol_value(mrb_intern_cstr(mrb, name)), value);
}

/* settings(): what spec_options and the target say, as a hash. */
static mrb_value native_settings(mrb_state *mrb, mrb_value self)
{
        const struct spec_job *job = spec_engine_of(mrb)->job;
        const struct spec_options *options = job->options;
        const mrb_value ret = mrb_hash_new(mrb), tags = mrb_ary_new(mrb);

        (void)self;
        for (size_t i = 0; options->tags != NULL && i < options->tags->n; i++)
                mrb_ary_push(mrb, tags, mrb_str_new_cstr(mrb, options->tags->v[i]));
        set(mrb, ret, "tags", tags);
        set(mrb, ret, "file", mrb_str_new_cstr(mrb, job->file));
        set(mrb, ret, "mode", mrb_str_new_cstr(mrb, job->target->mode != NULL ? job->target->mode : "root"));
        set(mrb, ret, "identity", mrb_str_new_cstr(mrb, job->target->identity != NULL ? job->target->identity : ""));
        set(mrb, ret, "guest", mrb_bool_value(job->target->guest.run != NULL));
        set(mrb, ret, "trust", mrb_bool_value(options->trust));
        set(mrb, ret, "compat", mrb_bool_value(options->compat));
        set(mrb, ret, "retry_ms", mrb_fixnum_value(options->retry_ms));
        set(mrb, ret, "retry_sleep_ms", mrb_fixnum_value(options->retry_sleep_ms));
        set(mrb, ret, "begin_at", mrb_fixnum_value((mrb_int)job->begin_at));
        return ret;
}

/* any_value?(hash, keys): does one of them have a value there that is true? */
static mrb_value native_any_value(mrb_state *mrb, mrb_value self)
{
        mrb_value hash, keys;

        (void)self;
        mrb_get_args(mrb, "HA", &hash, &keys);
        for (mrb_int i = 0; i < RARRAY_LEN(keys); i++)
                if (mrb_test(mrb_hash_fetch(mrb, hash, RARRAY_PTR(keys)[i], mrb_nil_value())))
                        return mrb_true_value();
        return mrb_false_value();
}

/* clock(id): seconds and nanoseconds; nil for a clock that is none. */
static mrb_value native_clock(mrb_state *mrb, mrb_value self)
{
        struct timespec now;
        mrb_int id;

        (void)self;
        mrb_get_args(mrb, "i", &id);
        if (clock_gettime((clockid_t)id, &now) < 0)
                return mrb_nil_value();
        return mrb_assoc_new(mrb, mrb_int_value(mrb, now.tv_sec), mrb_fixnum_value(now.tv_nsec));
}

/* forget(): what was read of the image and its guest may have changed. */
static mrb_value native_forget(mrb_state *mrb, mrb_value self)
{
        spec_image_forget(&spec_engine_of(mrb)->image);
        return self;
}

static void require_trust(mrb_state *mrb)
{
        if (!spec_engine_of(mrb)->job->options->trust)
                mrb_raise(mrb, mrb_class_get(mrb, "NotImplementedError"), "the build host is out of reach of specs");
}

/* host_run(line, input): [stdout, stderr, status]; on the build host, with trust. */
static mrb_value native_host_run(mrb_state *mrb, mrb_value self)
{
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };
        const char *line;
        mrb_value input = mrb_nil_value(), parts[3];

        (void)self;
        mrb_get_args(mrb, "z|o", &line, &input);
        require_trust(mrb);
        const char *const argv[] = { "sh", "-c", line, NULL };
        const bool given = mrb_string_p(input);
        const struct bk_run run = {
                .argv = argv, .timeout_ms = spec_engine_of(mrb)->job->options->command_timeout_ms, .input = given ? RSTRING_PTR(input) : NULL,
                .input_len = given ? (size_t)RSTRING_LEN(input) : 0,
        };

        if (bk_run_with(&run, &result, &err) < 0)
                mrb_raise(mrb, mrb_class_get(mrb, "IOError"), err.text);
        parts[0] = mrb_str_new(mrb, result.out, result.out_len);
        parts[1] = mrb_str_new_cstr(mrb, result.err);
        parts[2] = mrb_fixnum_value(result.status);
        bk_run_result_done(&result);
        return mrb_ary_new_from_values(mrb, 3, parts);
}

/* write(path, text, append): the number of bytes; on the build host, with trust. */
static mrb_value native_write(mrb_state *mrb, mrb_value self)
{
        struct bk_error err = { 0 };
        mrb_bool append = FALSE;
        mrb_value text;
        const char *path;
        int fd, got;

        (void)self;
        mrb_get_args(mrb, "zS|b", &path, &text, &append);
        require_trust(mrb);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
        if (fd < 0)
                mrb_raisef(mrb, mrb_class_get(mrb, "IOError"), "cannot write '%s': %s", path, strerror(errno));
        got = bk_write_all(fd, RSTRING_PTR(text), (size_t)RSTRING_LEN(text), &err);
        (void)close(fd);
        if (got < 0)
                mrb_raise(mrb, mrb_class_get(mrb, "IOError"), err.text);
        return mrb_fixnum_value(RSTRING_LEN(text));
}

struct yielding { mrb_value block; };

static mrb_value yield_block(mrb_state *mrb, void *arg)
{
        const struct yielding *yielding = arg;

        return mrb_yield_argv(mrb, yielding->block, 0, NULL);
}

/* with_self(proc, class) { proc.call(...) }: within, the proc's self is the class, and its methods are defined there. mruby's own
 * class_exec() would take keywords for a hash. */
static mrb_value native_with_self(mrb_state *mrb, mrb_value self)
{
        mrb_value proc, class;
        struct yielding yielding;
        mrb_bool failed = FALSE;

        (void)self;
        mrb_get_args(mrb, "oC&!", &proc, &class, &yielding.block);
        struct REnv *env = mrb_proc_p(proc) ? MRB_PROC_ENV(mrb_proc_ptr(proc)) : NULL;

        if (env == NULL || MRB_ENV_LEN(env) == 0)
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), "a block is expected");
        const mrb_value own = env->stack[0];
        struct RClass *const own_class = env->c;

        env->stack[0] = class;
        env->c = mrb_class_ptr(class);
        const mrb_value ret = mrb_protect_error(mrb, yield_block, &yielding, &failed);

        env->stack[0] = own;
        env->c = own_class;
        if (failed)
                mrb_exc_raise(mrb, ret);
        return ret;
}

mrb_func_t spec_native(mrb_state *mrb, mrb_value self, mrb_sym kept)
{
        struct RClass *class = mrb_class(mrb, self);
        const mrb_method_t method = mrb_method_search_vm(mrb, &class, kept);
        const mrb_func_t ret = MRB_METHOD_UNDEF_P(method) ? NULL : MRB_METHOD_CFUNC(method);

        if (ret == NULL)
                mrb_raisef(mrb, mrb_class_get(mrb, "NotImplementedError"), "%n is not known here", kept);
        return ret;
}

/* nameless(block): it will be a method's body, and super in it is that method's, not of the one that it was written in. */
static mrb_value native_nameless(mrb_state *mrb, mrb_value self)
{
        struct REnv *env;
        mrb_value proc;

        (void)self;
        mrb_get_args(mrb, "o", &proc);
        env = mrb_proc_p(proc) ? MRB_PROC_ENV(mrb_proc_ptr(proc)) : NULL;
        if (env != NULL)
                env->mid = 0;
        return proc;
}

/* Kernel#binding. eval() takes the frame below the running native function for its scope; so this one becomes eval(), of a text that
 * makes a closure there: whatever is evaluated by the closure sees the caller's variables. */
static mrb_value native_binding(mrb_state *mrb, mrb_value self)
{
        const mrb_func_t eval = spec_native(mrb, self, SPEC_SYM("__eval"));
        mrb_callinfo *ci = mrb->c->ci;

        if (mrb_get_argc(mrb) != 0)
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), "binding takes no arguments");
        ci->stack[1] = mrb_str_new_lit(mrb, "Bakery::Binding.new(self, ->(__code) { eval(__code) })");
        ci->stack[2] = mrb_nil_value();
        ci->n = 1;
        ci->nk = 0;
        return eval(mrb, self);
}

/* eval(code, binding): the binding's own closure evaluates. All else is mruby's. */
static mrb_value native_eval(mrb_state *mrb, mrb_value self)
{
        const mrb_func_t eval = spec_native(mrb, self, SPEC_SYM("__eval"));
        const mrb_int argc = mrb_get_argc(mrb);
        const mrb_value *argv = mrb_get_argv(mrb);

        if (argc >= 2 && mrb_respond_to(mrb, argv[1], mrb_intern_lit(mrb, "local_variable_set")))
                return mrb_funcall(mrb, argv[1], "eval", 1, argv[0]);
        return eval(mrb, self);
}

void spec_host_init(mrb_state *mrb, struct RClass *module)
{
        mrb_define_module_function(mrb, module, "settings", native_settings, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "any_value?", native_any_value, MRB_ARGS_REQ(2));
        mrb_define_module_function(mrb, module, "clock", native_clock, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "forget", native_forget, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "host_run", native_host_run, MRB_ARGS_ARG(1, 1));
        mrb_define_module_function(mrb, module, "write", native_write, MRB_ARGS_ARG(2, 1));
        mrb_define_module_function(mrb, module, "nameless", native_nameless, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "with_self", native_with_self, MRB_ARGS_REQ(2) | MRB_ARGS_BLOCK());
        mrb_alias_method(mrb, mrb->kernel_module, mrb_intern_lit(mrb, "__eval"), mrb_intern_lit(mrb, "eval"));
        mrb_define_method(mrb, mrb->kernel_module, "eval", native_eval, MRB_ARGS_ANY());
        mrb_define_method(mrb, mrb->kernel_module, "binding", native_binding, MRB_ARGS_NONE());
}
