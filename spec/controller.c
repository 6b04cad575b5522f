/* The little of the build host that a spec may see: Ruby files and data beside
 * the spec, read-only, and environment variables. "Beside" is the nearest
 * folder above the spec that is called "spec", or else the spec's own. */
#include "spec/ruby_priv.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <mruby/hash.h>
#include <mruby/string.h>

#include "lib/fs.h"

enum { READ_MOST = 16 << 20 };

extern char **environ;

static char *folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash == NULL ? bk_strdup(".") : bk_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The confining folder, absolute; NULL when it cannot be told. */
static char *spec_folder(const struct spec_engine *engine)
{
        autofree char *own = folder_of(engine->job->file), *real = realpath(own, NULL);
        size_t end = real ? strlen(real) : 0;

        for (; end >= strlen("/spec"); end--)
                if ((real[end] == '/' || real[end] == '\0') && strncmp(real + end - strlen("/spec"), "/spec", strlen("/spec")) == 0) {
                        real[end] = '\0';
                        break;
                }
        return bk_take(real);
}

/* Opens a file of the build host if, links resolved, it lies in the spec's folder. */
static int open_beside(const struct spec_engine *engine, const char *path)
{
        autofree char *root = spec_folder(engine), *real = realpath(path, NULL);
        autoclose int root_fd = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        const size_t length = root ? strlen(root) : 0;

        if (root_fd < 0 || real == NULL)
                return -1;
        if (strncmp(real, root, length) != 0 || (real[length] != '/' && real[length] != '\0')) {
                errno = EACCES;
                return -1;
        }
        return bk_open_in_root(root_fd, real[length] ? real + length : "/", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

/* Loads a file once. Returns 1 loaded or loaded before, 0 not there. */
static int load_once(mrb_state *mrb, const char *path)
{
        struct spec_engine *engine = spec_engine_of(mrb);
        struct bk_error err = { 0 };
        char *text = NULL;
        size_t length;
        int fd;

        for (size_t i = 0; i < engine->n_sources; i++)
                if (bk_streq(engine->sources[i].file, path))
                        return 1;
        fd = open_beside(engine, path);
        if (fd < 0)
                return 0;
        const int got = bk_read_fd(fd, READ_MOST, &text, &length, &err);

        (void)close(fd);
        if (got < 0)
                return 0;
        spec_engine_load(mrb, path, text, length);
        return 1;
}

/* load(name): a path beside the spec file or above it, up to the spec folder. With relative_to, beside that file only. */
static mrb_value native_load(mrb_state *mrb, mrb_value self)
{
        const struct spec_engine *engine = spec_engine_of(mrb);
        const char *name, *relative_to = NULL;
        char path[PATH_MAX], folder[PATH_MAX];

        (void)self;
        mrb_get_args(mrb, "z|z", &name, &relative_to);
        const char *from = relative_to ? relative_to : engine->job->file;
        const char *slash = strrchr(from, '/'), *suffix = strlen(name) > 3 && bk_streq(name + strlen(name) - 3, ".rb") ? "" : ".rb";

        (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - from) : 1, slash ? from : ".");
        for (int up = 0; up < (relative_to ? 1 : 4); up++) {
                if (name[0] == '/')
                        (void)snprintf(path, sizeof path, "%s%s", name, suffix);
                else if (snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix) >= (int)sizeof path)
                        break;
                if (load_once(mrb, path))
                        return mrb_true_value();
                const size_t length = strlen(folder);

                if (length + sizeof "/.." > sizeof folder)
                        break;
                memcpy(folder + length, "/..", sizeof "/..");
        }
        return mrb_false_value();
}

/* read(path): a String, or nil when it is not there or not beside the spec. */
static mrb_value native_read(mrb_state *mrb, mrb_value self)
{
        struct bk_error err = { 0 };
        const char *path;
        char *text = NULL;
        size_t length = 0;
        int fd, got;
        mrb_value ret;

        (void)self;
        mrb_get_args(mrb, "z", &path);
        fd = open_beside(spec_engine_of(mrb), path);
        if (fd < 0)
                return mrb_nil_value();
        got = bk_read_fd(fd, READ_MOST, &text, &length, &err);
        (void)close(fd);
        if (got < 0)
                return mrb_nil_value();
        ret = mrb_str_new(mrb, text, length);
        free(text);
        return ret;
}

/* kind(path): :file, :directory, or nil. */
static mrb_value native_kind(mrb_state *mrb, mrb_value self)
{
        const char *path;
        struct stat st;
        int fd, got;

        (void)self;
        mrb_get_args(mrb, "z", &path);
        fd = open_beside(spec_engine_of(mrb), path);
        if (fd < 0)
                return mrb_nil_value();
        got = fstat(fd, &st);
        (void)close(fd);
        if (got < 0)
                return mrb_nil_value();
        return mrb_symbol_value(S_ISDIR(st.st_mode) ? mrb_intern_lit(mrb, "directory") : mrb_intern_lit(mrb, "file"));
}

static mrb_value native_environment(mrb_state *mrb, mrb_value self)
{
        const mrb_value ret = mrb_hash_new(mrb);

        (void)self;
        for (char **e = environ; e != NULL && *e != NULL; e++) {
                const char *equals = strchr(*e, '=');

                if (equals != NULL)
                        mrb_hash_set(mrb, ret, mrb_str_new(mrb, *e, (size_t)(equals - *e)), mrb_str_new_cstr(mrb, equals + 1));
        }
        return ret;
}

/* image_read(path): a file of the image, or nil; for os[:family] and such. */
static mrb_value native_image_read(mrb_state *mrb, mrb_value self)
{
        struct bk_error err = { 0 };
        const char *path;
        char *text = NULL;
        size_t length;
        mrb_value ret;

        (void)self;
        mrb_get_args(mrb, "z", &path);
        if (bk_read_in_root(spec_engine_of(mrb)->job->target->root_fd, path, READ_MOST, &text, &length, &err) < 0)
                return mrb_nil_value();
        ret = mrb_str_new(mrb, text, length);
        free(text);
        return ret;
}

/* sleep(seconds): for loops that wait for a service; the run's deadline ends it. */
static mrb_value native_sleep(mrb_state *mrb, mrb_value self)
{
        mrb_float seconds = 0;
        struct timespec time;

        mrb_get_args(mrb, "|f", &seconds);
        if (!(seconds >= 0 && seconds <= 86400))        /* NaN is neither */
                mrb_raise(mrb, mrb_class_get(mrb, "ArgumentError"), "a time between 0 and a day is expected");
        time.tv_sec = (time_t)seconds;
        time.tv_nsec = (long)((seconds - (mrb_float)time.tv_sec) * 1e9);
        (void)nanosleep(&time, NULL);
        return self;
}

void spec_controller_init(mrb_state *mrb, struct RClass *module)
{
        mrb_define_module_function(mrb, module, "load", native_load, MRB_ARGS_ARG(1, 1));
        mrb_define_module_function(mrb, module, "read", native_read, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "kind", native_kind, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "environment", native_environment, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "image_read", native_image_read, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "sleep", native_sleep, MRB_ARGS_OPT(1));
}
