/* The key that a bake makes for itself, where the template gives nothing to log in with - and where it gives a password that is
 * dear to check: an emulated guest hashes for seconds, and its sshd then sleeps until twice the time of its last doubling is over,
 * lest the time tell something. The image's disk has the same hash, and this host checks the password against it in milliseconds;
 * who has proved to know the password gets in by a key. A wrong password is left to the guest to refuse. */
#include "bakery/bake/guest_priv.h"

#include <crypt.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum {
        KEYS_MOST = 1 << 20,
        HASH_SECONDS = 3, HASH_BYTES = 1 << 30,         /* an image's hash may ask for more than anybody has */
};

/* --- accounts of the image ---------------------------------------------------------- */

struct account { char *home; uid_t uid; gid_t gid; };

static void account_done(struct account *account)
{
        free(account->home);
        account->home = NULL;
}

/* What follows "user:" in one of the image's files; NULL: no such line. */
static const char *line_of(const char *text, const char *user)
{
        const size_t length = strlen(user);

        for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL)
                if (strncmp(line, user, length) == 0 && line[length] == ':')
                        return line + length + 1;
        return NULL;
}

/* Where the image's own passwd says the user's home is, and who owns it. */
static int account_of(int root, const char *user, struct account *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *line;
        unsigned uid = 0, gid = 0;
        int from = 0;

        if (bk_read_in_root(root, "/etc/passwd", KEYS_MOST, &text, NULL, err) < 0)
                return -1;
        line = line_of(text, user);
        if (line != NULL && sscanf(line, "%*[^:]:%u:%u:%*[^:\n]:%n", &uid, &gid, &from) >= 2 && from == 0)
                (void)sscanf(line, "%*[^:]:%u:%u::%n", &uid, &gid, &from);
        if (from == 0)
                return bk_fail(err, BK_NOT_FOUND, "the image has no user '%s'; set ssh_username", user);
        *ret = (struct account){ .home = bk_strndup(line + from, strcspn(line + from, ":\n")), .uid = uid, .gid = gid };
        return 0;
}

_Noreturn static void hash_and_compare(const char *password, const char *hash)
{
        const struct rlimit seconds = { HASH_SECONDS, HASH_SECONDS }, bytes = { HASH_BYTES, HASH_BYTES }, none = { 0, 0 };
        struct crypt_data *data = calloc(1, sizeof *data);
        const char *made;
        bool right;

        (void)setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__            /* whose shadow memory alone is larger */
        (void)setrlimit(RLIMIT_AS, &bytes);
#else
        (void)bytes;
#endif
        (void)setrlimit(RLIMIT_CORE, &none);
        made = data != NULL ? crypt_rn(password, hash, data, sizeof *data) : NULL;
        right = made != NULL && strcmp(made, hash) == 0;
        free(data);
        _exit(!right);
}

bool bake_guest_password_right(int root, const char *user, const char *password)
{
        autofree char *shadow = NULL, *hash = NULL;
        const char *line = bk_read_in_root(root, "/etc/shadow", KEYS_MOST, &shadow, NULL, NULL) == 0 ? line_of(shadow, user) : NULL;
        pid_t pid;

        hash = line != NULL ? bk_strndup(line, strcspn(line, ":\n")) : NULL;
        if (hash == NULL || *hash != '$')       /* none, locked, or one that nobody should use */
                return false;
        pid = bk_fork();
        if (pid == 0)
                hash_and_compare(password, hash);
        return pid > 0 && bk_wait(pid, 2 * HASH_SECONDS * 1000) == 0;
}

/* --- the key -------------------------------------------------------------------------- */

static bool talks(const struct bake_guest *config)
{
        return !bk_streq(config->communicator, "none");
}

static bool needs_key(const struct bake_guest *config)
{
        return talks(config) && config->ssh_password == NULL && config->ssh_private_key_file == NULL && !config->ssh_agent_auth;
}

/* A password alone, for an image that may be looked at, in a guest that is slow. */
static bool spares_password(const struct bake_work *work)
{
        const struct bake_guest *config = &work->bake->config.guest;
        struct vm_kvm kvm = { 0 };

        return talks(config) && config->ssh_password != NULL && config->ssh_private_key_file == NULL && !config->ssh_agent_auth &&
               work->bake->source.id != NULL && bake_guest_kvm(work, &kvm, NULL) == 0 && !kvm.usable;
}

int bake_guest_key_make(struct bake_work *work, struct bake_media *media, struct bk_error *err)
{
        autofree char *comment = bk_format("bakery-%s", work->bake->id);

        return needs_key(&work->bake->config.guest) || spares_password(work) ? vm_ssh_keypair_new(comment, &media->pair, err) : 0;
}

static int own(int root, const char *path, const struct stat *like, struct bk_error *err)
{
        autoclose int fd = bk_open_in_root(root, path, O_RDONLY | O_NOFOLLOW, 0);

        if (fd < 0 || fchown(fd, like->st_uid, like->st_gid) < 0 || fchmod(fd, like->st_mode & 07777) < 0)
                return bk_fail_errno(err, "'%s' in the image", path);
        return 0;
}

/* What is at a path, or what is to be there. Returns whether it is. */
static bool look(int root, const char *path, const struct account *owner, mode_t mode, struct stat *ret)
{
        autoclose int fd = bk_open_in_root(root, path, O_PATH | O_NOFOLLOW, 0);

        if (fd >= 0 && fstat(fd, ret) == 0)
                return true;
        *ret = (struct stat){ .st_uid = owner->uid, .st_gid = owner->gid, .st_mode = mode };
        return false;
}

static int add_key(int root, const struct account *account, struct bake_media *media, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/.ssh", account->home), *path = bk_format("%s/authorized_keys", folder);
        autofree char *before = NULL, *text = NULL;
        struct stat folder_is, file_is;

        (void)look(root, folder, account, 0700, &folder_is);
        media->keys_file_made = !look(root, path, account, 0600, &file_is);
        if (!media->keys_file_made && bk_read_in_root(root, path, KEYS_MOST, &before, NULL, err) < 0)
                return -1;
        text = bk_format("%s%s%s\n", before ? before : "", before && *before && before[strlen(before) - 1] != '\n' ? "\n" : "",
                         media->pair.public_line);
        if (bk_mkdir_p_in_root(root, folder, 0700, err) < 0 || bk_write_in_root(root, path, text, strlen(text), 0600, err) < 0)
                return -1;
        return own(root, folder, &folder_is, err) < 0 ? -1 : own(root, path, &file_is, err);
}

/* May the key stand for the password? Where the image's files are not what sshd would find, nothing is tried with them. */
static bool fits(int root, const struct bake_guest *config, const struct account *account)
{
        autofree char *folder = bk_format("%s/.ssh", account->home), *path = bk_format("%s/authorized_keys", folder);
        struct stat home, inner, file;

        return *account->home == '/' && look(root, account->home, account, 0, &home) && S_ISDIR(home.st_mode) &&
               (!look(root, folder, account, 0, &inner) || S_ISDIR(inner.st_mode)) &&
               (!look(root, path, account, 0, &file) || S_ISREG(file.st_mode)) &&
               bake_guest_password_right(root, config->ssh_username, config->ssh_password);
}

/* Into an image of ours, whose disk we may open: nobody has to put a password into it for a bake to log in. */
static int add_to_disk(struct bake_work *work, struct bake_media *media, int root, struct bk_error *err)
{
        const struct bake_guest *config = &work->bake->config.guest;
        BK_CLEANUP(account_done) struct account account = { 0 };
        struct bk_error why = { 0 };

        if (account_of(root, config->ssh_username, &account, &why) < 0 ||
            (config->ssh_password != NULL && !fits(root, config, &account))) {
                if (config->ssh_password == NULL) {
                        *err = why;
                        return -1;
                }
                vm_ssh_keypair_done(&media->pair);
                return 0;
        }
        if (add_key(root, &account, media, err) < 0)
                return -1;
        media->pair_injected = true;
        return 0;
}

int bake_guest_key_put(struct bake_work *work, struct bake_media *media, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/work", work->bake->store->run);
        const struct disk_open how = { .path = work->draft, .format = "qcow2", .work = folder, .lease = &work->bake->lease };
        struct bk_error why = { 0 };
        struct disk *disk = NULL;

        if (media->pair.secret == NULL)
                return 0;
        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        if (disk_open(&how, &disk, &why) < 0) {
                if (work->bake->config.guest.ssh_password != NULL) {    /* it will do */
                        vm_ssh_keypair_done(&media->pair);
                        return 0;
                }
                *err = why;
                return -1;
        }
        if (add_to_disk(work, media, disk_root_fd(disk), err) < 0) {
                disk_abandon(disk);
                return -1;
        }
        return disk_close(disk, err);
}

/* The shell does it itself: the start of a program is dear in an emulated guest. */
void bake_guest_key_removal(const struct bake_media *media, struct bk_buf *script)
{
        if (media->pair.public_line == NULL)
                return;
        bk_buf_printf(script, "f=~/.ssh/authorized_keys ours= rest=\n"
                      "if [ -f \"$f\" ]; then\n"
                      "while IFS= read -r line || [ -n \"$line\" ]; do\n"
                      "if [ \"$line\" = '%s' ]; then ours=1; else rest=\"$rest$line\n\"; fi\n"
                      "done <\"$f\"\n"
                      "if [ -n \"$ours\" ]; then\n", media->pair.public_line);
        if (media->keys_file_made)
                bk_buf_puts(script, "if [ -z \"$rest\" ]; then rm -f -- \"$f\" || exit 3\nrmdir ~/.ssh 2>/dev/null || :\nelse\n");
        bk_buf_printf(script, "printf %%s \"$rest\" >\"$f\" || exit 3\n%sfi\nfi\n", media->keys_file_made ? "fi\n" : "");
}
