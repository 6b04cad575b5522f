/* Inside bakery/bake/ only. */
#pragma once
#include <signal.h>
#include <sys/types.h>
#include "bakery/bake/bake.h"
#include "bakery/bake/guest.h"
#include "bakery/bake/spec_boot.h"
#include "layers/chroot.h"
#include "layers/disk.h"
#include "layers/seal.h"
#include "lib/buf.h"
#include "lib/lease.h"

/* --- builders ---------------------------------------------------------------- */
struct bake_config {
        char *image_name, *image_type, *source_image;
        struct tmpl_map attributes;
        struct bk_strv specs, sysprep_skip;
        bool specs_boot, publish_failed, network, allow_revoked, unique_version;
        int64_t timeout_ms;
        /* foundation */
        char *release, *architecture, *variant, *kernel, *mirror, *components, *filesystem, *bootstrapper, *kernel_options, *hostname;
        uint64_t disk_size;
        struct bk_strv packages;
        struct bake_guest guest;        /* qemu, vmware-iso */
};

struct bake;
struct bake_work;
struct bake_stage;
struct bake_post;

struct bake_builder {
        const char *type, *help;
        const struct tmpl_key *keys;
        size_t n_keys;
        const char *default_type;       /* of image */
        /* With a guest: no open or finish, the worker runs bake_guest_run(). */
        int (*check)(struct bake *bake, struct bk_error *err);                  /* what rows cannot say; may be NULL */
        /* host files beside TMPL_PATHS; may be NULL */
        void (*inputs)(const struct bake_config *config, const struct tmpl *tmpl, struct bk_strv *ret);
        /* files beside the layer; may be NULL */
        int (*artifact)(struct bake_post *post, struct bk_strv *ret_files, struct bk_error *err);
        bool guest;
        int (*open)(struct bake_work *work, struct bk_error *err);              /* in the worker: work->disk, mounted */
        int (*finish)(struct bake_work *work, struct bk_error *err);            /* before provisioning, sandbox open; may be NULL */
};
extern const struct bake_builder bake_qemu, bake_vmware_iso;
const struct bake_builder *bake_builder_find(const char *type);
const struct bake_builder *bake_builders(size_t *n);

/* --- one bake ---------------------------------------------------------------- */
enum bake_phase { BAKE_WAITING, BAKE_RUNNING, BAKE_POSTING, BAKE_DONE, BAKE_UP_TO_DATE, BAKE_FAILED, BAKE_SKIPPED };

struct bake {
        const struct bake_options *options;
        const struct layer_store *store;
        struct tmpl *tmpl;                      /* borrowed */
        const struct tmpl_builder *block;
        const struct bake_builder *builder;
        struct bake_config config;
        struct tmpl_scope scope;
        struct bake *after;                     /* the bake in this run whose image it stands on, or NULL */
        enum bake_phase phase;
        char *name;                             /* build name, for people */
        char *id;                               /* random; names the draft and the log */
        struct reg_image source;                /* resolved ancestor; zeroed for a foundation */
        json_t *inputs;                         /* input name -> digest, or plain value */
        char *input_hash;
        char *reason;                           /* why it is baked */
        struct bk_lease lease;
        bool stuck;                             /* something that it notes could not be undone */
        int lock;
        pid_t pid;
        int events;                             /* our end of the pipe, or -1 */
        struct bk_buf partial;                  /* of a line that has not ended yet */
        int64_t waiting_since_ms;               /* for another bake's lock */
        int64_t started_ms, ended_ms;           /* with the lock; 0: not yet */
        char *step, *last_line;                 /* for the live view */
        struct bk_strv tail;                    /* last output, for a failure */
        FILE *log;
        char *log_path;
        json_t *result;                         /* what the worker told last */
        struct bk_error error;
        struct reg_image image;                 /* what was published or found */
        bool tests_failed;
        json_t *artifacts;                      /* files made by post-processors */
};

int bake_prepare(struct bake *bake, struct bk_error *err) BK_MUST_CHECK;        /* decodes everything; resolves nothing */
void bake_done(struct bake *bake);
/* Resolves the source and computes the inputs. Sets *ret_current when the registry has this very image already. */
int bake_plan(struct bake *bake, struct reg *reg, bool *ret_current, struct bk_error *err) BK_MUST_CHECK;
int bake_inputs(struct bake *bake, struct bk_error *err) BK_MUST_CHECK;
char *bake_changed_inputs(struct bake *bake, struct reg *reg);

/* In the registry: that it runs, when its log is open; how it ended. */
int bake_begin_row(const struct bake *bake, struct reg *reg, struct bk_error *err) BK_MUST_CHECK;
void bake_end_row(const struct bake *bake, struct reg *reg);

/* --- in the worker ------------------------------------------------------------- */
struct bake_work {
        struct bake *bake;
        int events;
        struct disk_layout layout;              /* foundation */
        struct disk *disk;
        struct chroot *chroot;
        char *debs;                             /* borrowed packages */
        char *draft;                            /* path */
        json_t *checks, *materials;             /* materials: what was fetched, with digests */
        const struct bake_place *place;
        struct bake_stage *stage;               /* in the process that holds a guest, else NULL */
        char *http_address;                     /* "10.0.2.2:8123", for scripts; NULL: none */
};

/* Where provisioners work: an open image, or a guest. */
struct bake_place {
        bool guest;
        int (*ready)(struct bake_work *work, struct bk_error *err);     /* reachable, again */
        int (*write)(struct bake_work *work, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err);
        int (*unlink)(struct bake_work *work, const char *path, struct bk_error *err);
        /* A command line for sh there; output is told line by line. may_disconnect: that it ends with the connection is success. */
        int (*run)(struct bake_work *work, const char *command, int timeout_ms, bool may_disconnect, int *ret_status, struct bk_error *err);
        int (*upload)(struct bake_work *work, const char *from, const char *to, struct bk_error *err);
        int (*download)(struct bake_work *work, const char *from, const char *to, struct bk_error *err);
};
extern const struct bake_place bake_place_chroot;
int bake_provision(struct bake_work *work, struct bk_error *err) BK_MUST_CHECK;
/* From nothing to a disk that a guest has left, the draft; see guest_priv.h. */
int bake_guest_run(struct bake_work *work, struct bk_error *err) BK_MUST_CHECK;
/* A machine like the guest that baked, for checks of the image. */
void bake_guest_boot(const struct bake_guest *config, struct spec_boot_config *ret);
/* The inventory that it told before it left. In the worker, after bake_guest_run(). */
int bake_guest_inventory(json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* {"os": ..., "packages": [[ecosystem, name, version, architecture, source, source version], ...]} */
json_t *bake_inventory_json(const struct inventory *inventory);
_Noreturn void bake_worker(struct bake *bake, int events);
_Noreturn void bake_post_worker(struct bake *bake, int events);
/* What a worker tells: one JSON object a line. */
void bake_tell(int events, json_t *event);                                      /* takes the reference */
void bake_tell_step(int events, const char *format, ...) BK_PRINTF(2, 3);
void bake_tell_line(void *work, int stream, const char *line);                  /* a bk_run on_line; arg is a bake_work */
void bake_tell_failure(int events, const struct bk_error *err);
/* In the supervisor: hands on the whole lines of what came, and keeps the rest in partial. -1 when a line is longer than any worker's; what came
 * of it is dropped. */
int bake_hear(struct bk_buf *partial, const char *bytes, size_t length, void (*on_event)(void *arg, const char *line), void *arg,
              struct bk_error *err) BK_MUST_CHECK;

/* --- provisioners and post-processors: rows --------------------------------------- */
struct bake_provisioner {
        const char *type, *help;
        const struct tmpl_key *keys;
        size_t n_keys, size;
        int (*run)(struct bake_work *work, const void *config, const struct tmpl_step *step, struct bk_error *err);
        int (*check)(const void *config, const struct tmpl_step *step, struct bk_error *err);   /* beyond what rows say; may be NULL */
        void (*inputs)(const void *config, const struct tmpl *tmpl, struct bk_strv *ret);       /* host files beside TMPL_PATHS keys; may be NULL */
};
const struct bake_provisioner *bake_provisioner_find(const char *type);
const struct bake_provisioner *bake_provisioners(size_t *n);
extern const struct bake_provisioner bake_shell, bake_file;

struct bake_artifact { struct bk_strv files; bool image; };     /* image: still the builder's own, in the store, and the files it wrote beside */
struct bake_post {
        struct bake *bake;
        int events;
        struct tmpl_scope scope;
};
struct bake_postprocessor {
        const char *type, *help;
        const struct tmpl_key *keys;
        size_t n_keys, size;
        bool keeps_input;               /* whether the input artifact survives when the template does not say */
        int (*run)(struct bake_post *post, const void *config, struct bake_artifact *artifact, struct bk_error *err);
};
const struct bake_postprocessor *bake_postprocessor_find(const char *type);
const struct bake_postprocessor *bake_postprocessors(size_t *n);

/* Keys that every provisioner has. */
struct bake_common { int64_t pause_before_ms, timeout_ms, max_retries; };
#define BAKE_COMMON_KEYS(type) \
        { "pause_before", TMPL_DURATION, offsetof(type, common.pause_before_ms), 0, NULL, 0, 0, "wait before it starts" }, \
        { "timeout", TMPL_DURATION, offsetof(type, common.timeout_ms), 0, "2h", 0, 0, "it is ended and has failed after that" }, \
        { "max_retries", TMPL_INT, offsetof(type, common.max_retries), 0, "0", 0, 100, "how often it is tried again" }, \
        { "type", TMPL_IGNORED }, { "only", TMPL_IGNORED }, { "except", TMPL_IGNORED }, { "override", TMPL_IGNORED }

/* --- recording --------------------------------------------------------------------- */
int bake_publish(struct bake *bake, struct reg *reg, struct bk_error *err) BK_MUST_CHECK;
/* A key in the state folder that cannot be read is told before anything is baked. */
int bake_sign_ready(const char *home, struct bk_error *err) BK_MUST_CHECK;
/* Adds signatures to what is to be published, if there is a key; the publication borrows them, they are the caller's. */
int bake_sign(const char *home, struct reg_publication *publication, char **ret_signature, char **ret_attestation,
              struct bk_error *err) BK_MUST_CHECK;
/* What was fetched and where from, as in-toto describes a resource. */
json_t *bake_material(const struct tmpl *tmpl, const char *name, const char *url, const char *digest);
int bake_write_properties(const char *path, struct bake *const bakes[], size_t n, struct bk_error *err) BK_MUST_CHECK;

/* --- telling people ------------------------------------------------------------------ */
struct bake_ui;
struct bake_ui *bake_ui_new(const struct bake_options *options, struct bake *const bakes[], size_t n);
void bake_ui_free(struct bake_ui *ui);
void bake_ui_step(struct bake_ui *ui, struct bake *bake, const char *text);
void bake_ui_line(struct bake_ui *ui, struct bake *bake, int stream, const char *line);
void bake_ui_end(struct bake_ui *ui, struct bake *bake);        /* a bake reached its end, good or bad */
void bake_ui_tick(struct bake_ui *ui);                          /* about ten times a second */
void bake_ui_error(struct bake_ui *ui, const struct bk_error *err);
void bake_ui_summary(struct bake_ui *ui);
