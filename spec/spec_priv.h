/* The resource types' side of the engine: plain C, no mruby, so that a type is
 * a row in types.c and a file of its own.
 *
 * A property or predicate that fails cannot be answered here, and its error
 * says why; only BK_USAGE means that the check itself is written wrongly. */
#pragma once
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "spec/facts.h"
#include "spec/files.h"
#include "spec/spec.h"
#include "spec/view.h"

enum spec_kind { SPEC_NIL, SPEC_BOOL, SPEC_INT, SPEC_STRING, SPEC_LIST, SPEC_TIME };

struct spec_value {
        enum spec_kind kind;
        int64_t n;              /* BOOL, INT; TIME: seconds since 1970 */
        char *s;                /* STRING: owned, `len` bytes and a NUL */
        size_t len;
        struct bk_strv list;    /* LIST */
};
void spec_value_done(struct spec_value *value);
void spec_value_text(struct spec_value *ret, const char *text);         /* copies; NULL gives nil */
void spec_value_int(struct spec_value *ret, int64_t n);

enum { SPEC_ARGS_MOST = 4, SPEC_NAMED_MOST = 32 };

struct spec_args {
        struct spec_value v[SPEC_ARGS_MOST];
        size_t n;
        /* by('x'), with_version('1'). A hash inside another is its own name with true, and "name.key" for each of its keys:
         * with(type: 'ext4', options: { rw: true }) gives with, with.type, with.options and with.options.rw. */
        struct { char *name; struct spec_value value; } named[SPEC_NAMED_MOST];
        size_t n_named;
};
void spec_args_done(struct spec_args *args);
/* As text; NULL when absent or nil. */
const char *spec_args_text(const struct spec_args *args, size_t i);
const char *spec_args_named(const struct spec_args *args, const char *name);
/* With its kind; NULL when absent. */
const struct spec_value *spec_args_value(const struct spec_args *args, const char *name);

/* One image while one spec file runs; what many checks need is read once. */
struct spec_image {
        const struct spec_target *target;
        const struct spec_options *options;
        int fd;                         /* to the process that called spec_run() */
        struct spec_files files;        /* the cheapest */
        struct spec_files guest;        /* of the running system: spec_image_guest() */
        enum spec_where asked;          /* the most expensive place that the example asked */
        bool configured;                /* spec_configured() was called meanwhile */
        char *passwd, *group, *shadow;  /* texts; NULL until asked for */
        struct spec_package_lists *packages;    /* packages.h; NULL until asked for */
        unsigned forgotten;             /* how often */
};
/* target and options must outlive it; fd leads to the process that called spec_run(). */
void spec_image_init(struct spec_image *image, const struct spec_target *target, const struct spec_options *options, int fd);
void spec_image_done(struct spec_image *image);
/* An example asks something: at the least, of the files. */
void spec_image_asked(struct spec_image *image);
/* All that was read is read anew when it is needed again: the image may have changed, or its system may have started. */
void spec_image_forget(struct spec_image *image);

/* Where files of a running system are (/proc, /sys, /run), and its answers (spec_facts_line). Borrowed. BK_INFRA where the target
 * has none: the check is unanswered. */
int spec_image_guest(struct spec_image *image, const struct spec_files **ret, struct bk_error *err) BK_MUST_CHECK;
/* What `sh -c line` says in the running system, each line once; BK_INFRA where there is none, or the line's tool is missing there
 * (status 127). Only for lines that change nothing. Borrowed. */
int spec_image_guest_line(struct spec_image *image, const char *line, const struct spec_output **ret, struct bk_error *err) BK_MUST_CHECK;
/* Runs a user's line, each time anew: in the guest where the target has one, as the line may ask for services, else in the sandbox.
 * *ret is the caller's. Status 127 is no error here. */
int spec_image_run(struct spec_image *image, const char *line, struct spec_output *ret, struct bk_error *err) BK_MUST_CHECK;

struct bk_package;
/* A package of the system. *ret is borrowed from the image, NULL when no database names it; it may be known and not installed. */
int spec_image_package(struct spec_image *image, const char *name, const struct bk_package **ret, struct bk_error *err) BK_MUST_CHECK;
struct spec_package_lists;
void spec_package_lists_free(struct spec_package_lists *lists);         /* NULL is fine */

/* accounts.c: the image's own passwd, group and shadow, fields counted from 0. */
enum spec_database { SPEC_PASSWD, SPEC_GROUP, SPEC_SHADOW };
/* The field of the first line whose key_field is key; *ret NULL when there is none. */
int spec_account_field(struct spec_image *image, enum spec_database database, unsigned key_field, const char *key,
                       unsigned field, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* Name of a uid or gid, or the number as text. */
int spec_account_name(struct spec_image *image, enum spec_database database, unsigned id, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* All groups of a user, the primary one first; empty for an unknown user. */
int spec_account_groups(struct spec_image *image, const char *user, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;

struct spec_resource {
        const struct spec_type *type;
        struct spec_image *image;       /* borrowed */
        char *name;
        struct spec_args args;          /* what was given behind the name: php_config('x', ini: '/y') */
        struct bk_buf note;             /* what was found instead: "its mode is 600"; for messages */
        bool ran;                       /* command: output is filled */
        unsigned forgotten;             /* of the image, when it ran */
        struct spec_output output;
};
void spec_resource_done(struct spec_resource *resource);
void spec_note(struct spec_resource *resource, const char *format, ...) BK_PRINTF(2, 3);

/* This answer is of the configuration, since there is no running system to ask: reports say so. */
void spec_configured(struct spec_resource *resource);

struct spec_property {
        const char *name;
        int (*get)(struct spec_resource *resource, struct spec_value *ret, struct bk_error *err);
        const char *unanswered;         /* instead of get: why it can never be answered from files */
};

struct spec_predicate {
        const char *name;               /* "installed?", asked by be_installed */
        const char *chains;             /* "by with_version", or NULL */
        int (*test)(struct spec_resource *resource, const struct spec_args *args, bool *ret, struct bk_error *err);
        const char *unanswered;
};

struct spec_type {
        const char *name;               /* "file" */
        const char *class_name;         /* "File" */
        const struct spec_property *properties;         /* ended by a NULL name */
        const struct spec_predicate *predicates;
        const char *unanswered;         /* every check of this type, instead of rows */
        const char *skipped;            /* the same for what no Linux has: such checks are skipped, for this reason */
        /* Notes what its checks will probably ask, by the spec_want_*() below, so that it comes with the first batch. NULL: nothing. */
        void (*want)(const struct spec_resource *resource);
        /* A property that has no row, of whatever name: BK_USAGE where it cannot be one. NULL: there are none. */
        int (*missing)(struct spec_resource *resource, const char *name, struct spec_value *ret, struct bk_error *err);
};
/* A path that image->files will be asked for; a path and a line that only the running system answers. Nothing happens where it need
 * not be fetched. */
void spec_want_path(const struct spec_resource *resource, const char *path);
void spec_want_guest_path(const struct spec_resource *resource, const char *path);
void spec_want_guest_line(const struct spec_resource *resource, const char *line);

/* `want` of type package: the databases of every system. */
void spec_packages_want(const struct spec_resource *resource);

extern const struct spec_type spec_types[];             /* ended by a NULL name */

extern const struct spec_property spec_file_properties[], spec_package_properties[], spec_user_properties[],
        spec_group_properties[], spec_service_properties[], spec_command_properties[];
extern const struct spec_predicate spec_file_predicates[], spec_package_predicates[], spec_user_predicates[],
        spec_group_predicates[], spec_service_predicates[], spec_command_predicates[];

/* What an image's own files answer. */
extern const struct spec_property spec_x509_certificate_properties[], spec_cron_properties[],
        spec_linux_audit_system_properties[], spec_mysql_config_properties[], spec_php_config_properties[],
        spec_hadoop_config_properties[];
extern const struct spec_predicate spec_x509_certificate_predicates[], spec_x509_private_key_predicates[], spec_cron_predicates[],
        spec_fstab_predicates[], spec_mail_alias_predicates[], spec_yumrepo_predicates[], spec_ppa_predicates[], spec_selinux_predicates[],
        spec_selinux_module_predicates[], spec_linux_audit_system_predicates[], spec_php_extension_predicates[];
void spec_file_want(const struct spec_resource *resource);
void spec_account_want(const struct spec_resource *resource);
void spec_cron_want(const struct spec_resource *resource);
void spec_fstab_want(const struct spec_resource *resource);
void spec_mail_alias_want(const struct spec_resource *resource);
void spec_yumrepo_want(const struct spec_resource *resource);
void spec_ppa_want(const struct spec_resource *resource);
void spec_selinux_want(const struct spec_resource *resource);
void spec_selinux_module_want(const struct spec_resource *resource);
void spec_linux_audit_system_want(const struct spec_resource *resource);
void spec_hadoop_config_want(const struct spec_resource *resource);

/* config.c: what types that read configuration files share. */
enum { SPEC_CONFIG_MOST = 16 << 20 };   /* bytes of one file */
/* 1, 0 when it is no regular file, -1 when nobody can tell. *ret_text is the caller's and *ret looks into it. */
int spec_config_read(struct spec_image *image, const char *path, char **ret_text, struct spec_view *ret, struct bk_error *err) BK_MUST_CHECK;
/* Calls visit with every regular file of a folder (links followed) whose name ends with one of the endings ("" or ".a .b"), in the
 * order of names, until it returns anything but 0; dot files are left out, as a shell's * does. Returns that, or -1. */
int spec_config_folder(struct spec_image *image, const char *folder, const char *endings,
                       int (*visit)(void *arg, const char *path, struct spec_view text, struct bk_error *err), void *arg,
                       struct bk_error *err) BK_MUST_CHECK;
/* grep.c: is the pattern in the text, as `grep`, `grep -w` and Ruby's =~ find it? One line. BK_USAGE for what is no pattern. */
enum spec_grep { SPEC_GREP, SPEC_GREP_WORDS, SPEC_GREP_RUBY };
int spec_grep(const char *text, const char *pattern, enum spec_grep how, bool *ret, struct bk_error *err) BK_MUST_CHECK;

/* 'text' for sh. */
char *spec_quote(const char *text);

/* type_mount.c: predicate of `file`. */
int spec_file_mounted(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err);
void spec_mounted_want(const struct spec_resource *resource);

/* access.c: predicates of `file`. */
int spec_file_readable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err);
int spec_file_writable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err);
int spec_file_executable(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err);

/* engine.c: runs one file in the calling process, writing records to fd. Never
 * returns: the process ends. */
struct spec_job {
        const char *file, *text;
        size_t length;
        const struct spec_target *target;
        const struct spec_options *options;     /* with the defaults filled in */
        int fd;
        struct spec_pending *pending;           /* NULL: none */
        size_t begin_at;                        /* so many examples are left out: an earlier process had them */
};
/* The time that one example may compute, without that of its commands. */
int spec_example_most_ms(const struct spec_options *options);
_Noreturn void spec_engine_run(const struct spec_job *job);

/* wire.c: what the child tells the parent. Lengths are in host order: both ends are one binary. */
enum spec_record { SPEC_RECORD_START = 1, SPEC_RECORD_RESULT, SPEC_RECORD_END, SPEC_RECORD_ASK };
struct spec_message {
        uint32_t size;                  /* of the whole record, strings included */
        uint8_t record, verdict, where, configured;
        uint32_t line, attempts;
        uint32_t lengths[6];            /* file, group, name, message, control, title: each with its NUL */
        double impact;
        int64_t duration_us;
};
int spec_wire_send(int fd, enum spec_record record, const struct spec_result *result);
/* What was told and is not sent yet, in memory that the parent shares and that outlives the child: many records go with one write, and
 * none is lost. One writes, the other looks when it has heard nothing for a while, and at the end. */
struct spec_pending {
        _Atomic uint64_t before;        /* bytes that were sent until now */
        _Atomic uint32_t len;           /* of bytes: whole records */
        char bytes[16 << 10];
};
/* From here on spec_wire_send() of this process writes there first; NULL: to the socket at once. It is the process's only one. */
void spec_wire_begin(struct spec_pending *pending);
int spec_wire_flush(int fd);
/* Copies what is pending behind the first `taken` bytes to ret, which has room for all. Returns how many, 0 where there are none or
 * they are being sent just now. */
size_t spec_wire_peek(struct spec_pending *pending, uint64_t taken, char *ret);
/* Takes one whole record off bytes. Returns its size; 0 when more is needed; -1 when it is none.
 * Strings point into bytes. */
int64_t spec_wire_take(const char *bytes, size_t length, enum spec_record *ret_record, struct spec_result *ret);

/* The other way round: the child asks for a command to be run, and reads the answer from the same socket. */
int spec_wire_ask(int fd, enum spec_where where, const char *line, const char *input, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err) BK_MUST_CHECK;
/* result is the record's. Returns -1 when the child cannot be answered. */
int spec_wire_answer(int fd, const struct spec_target *target, const struct spec_result *asked, int64_t deadline_ms);
