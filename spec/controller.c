/* The little of the build host that a spec may see: Ruby files and data beside
 * the spec, read-only, and environment variables. "Beside" is the nearest
 * folder above the spec that is called "spec", or else the spec's own. */
#include "spec/ruby_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <mruby/array.h>
#include <mruby/data.h>
#include <mruby/hash.h>
#include <mruby/string.h>

#include "lib/fs.h"

enum { READ_MOST = 16 << 20, NAMES_MOST = 100000, DOT_RSPEC_MOST = 4096 };

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

/* The project that a folder of specs belongs to: PROJECT/spec, and test-kitchen's PROJECT/SUITE/serverspec. Cuts the path; false: none. */
static bool cut_to_project(char *folder)
{
        char *slash = strrchr(folder, '/');
        const bool kitchen = slash != NULL && bk_streq(slash, "/serverspec");

        if (slash == NULL || (!kitchen && !bk_streq(slash, "/spec")))
                return false;
        *slash = '\0';
        slash = kitchen ? strrchr(folder, '/') : slash;
        if (slash != NULL)
                *slash = '\0';
        return *folder != '\0';
}

/* What it keeps there for its specs: properties.yml, lib/x.rb. Hidden names, keys and all else are not. */
static bool is_project_file(const char *path)
{
        static const char *const endings[] = { ".rb", ".yml", ".yaml", ".json", ".csv" };
        const char *name = strrchr(path, '/'), *dot = name == NULL ? NULL : strrchr(name, '.');

        for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
                if (bk_streq(dot, endings[i]))
                        return strstr(path, "/.") == NULL;
        return false;
}

static bool lies_in(const char *path, const char *folder)
{
        const size_t length = strlen(folder);

        return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Opens a file of the build host if, links resolved, it lies in the spec's folder, or is its project's; any with trust. */
static int open_beside(const struct spec_engine *engine, const char *path)
{
        if (engine->job->options->trust)
                return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        autofree char *root = spec_folder(engine), *real = realpath(path, NULL);
        autoclose int root_fd = -1;

        if (root == NULL || real == NULL)
                return -1;
        if (!lies_in(real, root) && (!cut_to_project(root) || !lies_in(real, root) || !is_project_file(real + strlen(root)))) {
                errno = EACCES;
                return -1;
        }
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        path = real + strlen(root);
        return root_fd < 0 ? -1 : bk_open_in_root(root_fd, *path ? path : "/", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

/* Returns 1 loaded, or loaded before unless `again`, 0 not there. One file has many names: beside/../x.rb. */
static int load_path(mrb_state *mrb, const char *path, bool again)
{
        struct spec_engine *engine = spec_engine_of(mrb);
        struct bk_error err = { 0 };
        char *text = NULL, real[PATH_MAX];
        size_t length;
        int fd;

        if (realpath(path, real) == NULL)
                return 0;
        for (size_t i = 0; !again && i < engine->n_sources; i++) {
                char loaded[PATH_MAX];

                if (realpath(engine->sources[i].file, loaded) != NULL && bk_streq(loaded, real))
                        return 1;
        }
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

/* load(path, again): true when it was loaded, now or before. */
static mrb_value native_load(mrb_state *mrb, mrb_value self)
{
        mrb_bool again = FALSE;
        const char *path;

        (void)self;
        mrb_get_args(mrb, "z|b", &path, &again);
        return mrb_bool_value(load_path(mrb, path, again) > 0);
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

/* stat(path): [mode, size, mtime], or nil. */
static mrb_value native_stat(mrb_state *mrb, mrb_value self)
{
        mrb_value values[3];
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
        values[0] = mrb_int_value(mrb, (mrb_int)st.st_mode);
        values[1] = mrb_int_value(mrb, st.st_size);
        values[2] = mrb_int_value(mrb, st.st_mtime);
        return mrb_ary_new_from_values(mrb, 3, values);
}

static void dir_free(mrb_state *mrb, void *p)
{
        (void)mrb;
        if (p != NULL)
                (void)closedir(p);
}

static const struct mrb_data_type dir_type = { "Dir", dir_free };

/* list(path): the names in a folder beside the spec, unsorted and without "." and "..", or nil. */
static mrb_value native_list(mrb_state *mrb, mrb_value self)
{
        const mrb_value ret = mrb_ary_new(mrb);
        struct RData *holder;
        const char *path;
        int fd;

        (void)self;
        mrb_get_args(mrb, "z", &path);
        holder = mrb_data_object_alloc(mrb, mrb->object_class, NULL, &dir_type);
        fd = open_beside(spec_engine_of(mrb), path);
        if (fd < 0)
                return mrb_nil_value();
        holder->data = fdopendir(fd);
        if (holder->data == NULL) {
                (void)close(fd);
                return mrb_nil_value();
        }
        for (struct dirent *entry; RARRAY_LEN(ret) < NAMES_MOST && (entry = readdir(holder->data)) != NULL;)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, "..")) {
                        const int arena = mrb_gc_arena_save(mrb);

                        mrb_ary_push(mrb, ret, mrb_str_new_cstr(mrb, entry->d_name));
                        mrb_gc_arena_restore(mrb, arena);
                }
        (void)closedir(holder->data);
        holder->data = NULL;
        return ret;
}

/* real(path): links resolved, or nil. Names are no secret of the build host. */
static mrb_value native_real(mrb_state *mrb, mrb_value self)
{
        char real[PATH_MAX];
        const char *path;

        (void)self;
        mrb_get_args(mrb, "z", &path);
        return realpath(path, real) != NULL ? mrb_str_new_cstr(mrb, real) : mrb_nil_value();
}

/* folder(): the one that confines, absolute. */
static mrb_value native_folder(mrb_state *mrb, mrb_value self)
{
        autofree char *folder = spec_folder(spec_engine_of(mrb));
        char text[PATH_MAX];

        (void)self;
        (void)snprintf(text, sizeof text, "%s", folder != NULL ? folder : ".");
        bk_free_(&folder);
        folder = NULL;
        return mrb_str_new_cstr(mrb, text);
}

/* dot_rspec(): rspec's options of the project, which may lie one folder above the specs; or nil. */
static mrb_value native_dot_rspec(mrb_state *mrb, mrb_value self)
{
        static const char *const places[] = { "%s/.rspec", "%s/../.rspec" };
        autofree char *folder = spec_folder(spec_engine_of(mrb)), *text = NULL;
        char copy[DOT_RSPEC_MOST + 1] = "";
        struct bk_error err = { 0 };
        size_t length;

        (void)self;
        for (size_t i = 0; folder != NULL && text == NULL && i < sizeof places / sizeof *places; i++) {
                autofree char *path = bk_format(places[i], folder);

                if (bk_read_file(path, DOT_RSPEC_MOST, &text, &length, &err) < 0)
                        text = NULL;
        }
        if (text != NULL)
                (void)snprintf(copy, sizeof copy, "%s", text);
        bk_free_(&folder);
        bk_free_(&text);
        folder = text = NULL;
        return mrb_str_new_cstr(mrb, copy);
}

/* What lets bakery into its registry is no suite's business. */
static bool is_own_secret(const char *name, size_t length)
{
        static const char *const secrets[] = { "BAKERY_TOKEN", "BAKERY_DB", "PGPASSWORD" };

        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
                if (strlen(secrets[i]) == length && strncmp(secrets[i], name, length) == 0)
                        return true;
        return false;
}

static mrb_value native_environment(mrb_state *mrb, mrb_value self)
{
        const mrb_value ret = mrb_hash_new(mrb);

        (void)self;
        for (char **e = environ; e != NULL && *e != NULL; e++) {
                const char *equals = strchr(*e, '=');

                if (equals != NULL && !is_own_secret(*e, (size_t)(equals - *e)))
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
        if (spec_files_read(&spec_engine_of(mrb)->image.files, path, READ_MOST, &text, &length, &err) <= 0)
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
        mrb_define_module_function(mrb, module, "stat", native_stat, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "list", native_list, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "real", native_real, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "folder", native_folder, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "dot_rspec", native_dot_rspec, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "read", native_read, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "environment", native_environment, MRB_ARGS_NONE());
        mrb_define_module_function(mrb, module, "image_read", native_image_read, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "sleep", native_sleep, MRB_ARGS_OPT(1));
}
