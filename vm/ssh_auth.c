/* Logging in: key, agent, password, keyboard-interactive, in this order, as far as they are given and the
 * server offers them. No secret gets into a message. */
#include "vm/ssh_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { KEY_FILE_MOST = 64 << 10, ROUNDS = 10 };

struct login {
        struct vm_ssh *ssh;
        int64_t deadline;
        unsigned offered;               /* SSH_AUTH_METHOD_* */
        struct bk_buf tried;
        bool given;                     /* anything to log in with */
        struct bk_error *err;
};

static const struct { unsigned bit; const char *name; } methods[] = {
        { SSH_AUTH_METHOD_PUBLICKEY, "publickey" }, { SSH_AUTH_METHOD_PASSWORD, "password" },
        { SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive" }, { SSH_AUTH_METHOD_HOSTBASED, "hostbased" },
        { SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic" },
};

static char *offered_names(unsigned offered)
{
        struct bk_buf names = { 0 };

        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
                if (offered & methods[i].bit)
                        bk_buf_printf(&names, "%s%s", names.len ? ", " : "", methods[i].name);
        if (names.len == 0)
                bk_buf_puts(&names, "nothing that we know");
        return bk_buf_finish(&names);
}

static void tried(struct login *login, const char *what)
{
        bk_buf_printf(&login->tried, "%s%s", login->tried.len ? ", " : "", what);
}

/* Each is one of libssh's calls that may have to be repeated. */
static int none(struct vm_ssh *ssh, void *arg) { (void)arg; return ssh_userauth_none(ssh->session, NULL); }
static int with_key(struct vm_ssh *ssh, void *arg) { return ssh_userauth_publickey(ssh->session, NULL, arg); }
static int with_agent(struct vm_ssh *ssh, void *arg) { (void)arg; return ssh_userauth_agent(ssh->session, NULL); }
static int with_password(struct vm_ssh *ssh, void *arg) { return ssh_userauth_password(ssh->session, NULL, arg); }
static int with_keyboard(struct vm_ssh *ssh, void *arg) { (void)arg; return ssh_userauth_kbdint(ssh->session, NULL, NULL); }

/* libssh's answer; SSH_AUTH_AGAIN when alive() said no: err is set. Too late or disconnected is SSH_AUTH_ERROR. */
static int repeat(struct login *login, int (*call)(struct vm_ssh *ssh, void *arg), void *arg)
{
        for (;;) {
                const int rc = call(login->ssh, arg);

                if (rc != SSH_AUTH_AGAIN)
                        return rc;
                if (!vm_ssh_up(login->ssh) || bk_now_ms() >= login->deadline)
                        return SSH_AUTH_ERROR;
                if (vm_ssh_turn(login->ssh, login->deadline, login->err) < 0)
                        return SSH_AUTH_AGAIN;
        }
}

/* Instead of OpenSSL's, which would ask on the terminal. */
static int no_passphrase(const char *prompt, char *buf, size_t length, int echo, int verify, void *arg)
{
        (void)prompt, (void)buf, (void)length, (void)echo, (void)verify, (void)arg;
        return -1;
}

static void key_free(ssh_key *key)
{
        ssh_key_free(*key);
}

static void wipe(char **text)
{
        if (*text != NULL)
                explicit_bzero(*text, strlen(*text));
        free(*text);
}

static int load_key(const struct vm_ssh_config *config, ssh_key *ret, struct bk_error *err)
{
        BK_CLEANUP(wipe) char *text = NULL;
        BK_CLEANUP(key_free) ssh_key certificate = NULL;

        if (config->key == NULL && bk_read_file(config->key_file, KEY_FILE_MOST, &text, NULL, err) < 0)
                return bk_wrap(err, "SSH key");
        if (ssh_pki_import_privkey_base64(config->key ? config->key : text, NULL, no_passphrase, NULL, ret) != SSH_OK)
                return bk_fail(err, BK_INVALID, "SSH key%s%s%s is not a private key, or it is encrypted", config->key ? "" : " '",
                               config->key ? "" : config->key_file, config->key ? "" : "'");
        if (config->certificate_file == NULL)
                return 0;
        if (ssh_pki_import_cert_file(config->certificate_file, &certificate) != SSH_OK ||
            ssh_pki_copy_cert_to_privkey(certificate, *ret) != SSH_OK)
                return bk_fail(err, BK_INVALID, "'%s' is not the certificate of the SSH key", config->certificate_file);
        return 0;
}

static int try_key(struct login *login)
{
        BK_CLEANUP(key_free) ssh_key key = NULL;

        if (load_key(login->ssh->config, &key, login->err) < 0)
                return SSH_AUTH_AGAIN;
        tried(login, login->ssh->config->certificate_file ? "key with certificate" : "key");
        return repeat(login, with_key, key);
}

static int try_agent(struct login *login)
{
        const char *socket = getenv("SSH_AUTH_SOCK");

        if (socket == NULL || access(socket, R_OK | W_OK) < 0) {
                tried(login, "agent (none runs: SSH_AUTH_SOCK)");
                return SSH_AUTH_DENIED;
        }
        tried(login, "agent");
        return repeat(login, with_agent, NULL);
}

static int try_password(struct login *login)
{
        const char *password = login->ssh->config->password;
        void *arg;

        memcpy(&arg, &password, sizeof arg);    /* libssh takes it const */
        tried(login, "password");
        return repeat(login, with_password, arg);
}

/* Whatever is asked for in the dark is the password. */
static int try_keyboard(struct login *login)
{
        ssh_session session = login->ssh->session;

        tried(login, "keyboard-interactive");
        for (int round = 0; round < ROUNDS; round++) {
                const int rc = repeat(login, with_keyboard, NULL);
                int prompts;

                if (rc != SSH_AUTH_INFO)
                        return rc;
                prompts = ssh_userauth_kbdint_getnprompts(session);
                for (int i = 0; i < prompts; i++) {
                        char echo = 0;

                        (void)ssh_userauth_kbdint_getprompt(session, (unsigned)i, &echo);
                        if (ssh_userauth_kbdint_setanswer(session, (unsigned)i, echo ? "" : login->ssh->config->password) < 0)
                                return SSH_AUTH_ERROR;
                }
        }
        return SSH_AUTH_DENIED;
}

static int try_all(struct login *login)
{
        const struct vm_ssh_config *c = login->ssh->config;
        const struct { unsigned bit; bool given; int (*attempt)(struct login *); } rows[] = {
                { SSH_AUTH_METHOD_PUBLICKEY, c->key != NULL || c->key_file != NULL, try_key },
                { SSH_AUTH_METHOD_PUBLICKEY, c->agent, try_agent },
                { SSH_AUTH_METHOD_PASSWORD, c->password != NULL, try_password },
                { SSH_AUTH_METHOD_INTERACTIVE, c->password != NULL, try_keyboard },
        };
        int rc = repeat(login, none, NULL);

        login->offered = (unsigned)ssh_userauth_list(login->ssh->session, NULL);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
                        return rc;
                login->given |= rows[i].given;
                if (!rows[i].given || !(login->offered & rows[i].bit))
                        continue;
                rc = rows[i].attempt(login);
                /* After a first of several required steps the server offers other ones. */
                login->offered = (unsigned)ssh_userauth_list(login->ssh->session, NULL);
        }
        return rc;
}

int vm_ssh_login(struct vm_ssh *ssh, int64_t deadline, enum vm_ssh_login *ret, struct bk_error *err)
{
        struct login login = { .ssh = ssh, .deadline = deadline, .err = err };
        const int rc = try_all(&login);
        autofree char *what = bk_buf_finish(&login.tried), *offered = offered_names(login.offered);
        const struct vm_ssh_config *c = ssh->config;

        if (rc == SSH_AUTH_AGAIN)
                return -1;
        *ret = rc == SSH_AUTH_SUCCESS ? VM_SSH_IN : rc == SSH_AUTH_ERROR && *what == '\0' ? VM_SSH_LOST : VM_SSH_REFUSED;
        if (rc == SSH_AUTH_SUCCESS)
                return 0;
        if (rc == SSH_AUTH_ERROR && bk_now_ms() >= deadline) {
                *ret = VM_SSH_LOST;
                bk_fail(err, BK_TIMEOUT, "the login of '%s' did not end in time (tried %s)", c->user, *what ? what : "nothing yet");
                return 0;
        }
        if (rc == SSH_AUTH_ERROR) {
                bk_fail(err, BK_INFRA, "the server hung up while '%s' logged in (tried %s): %s", c->user, *what ? what : "nothing yet",
                        vm_ssh_why(ssh));
                return 0;
        }
        if (!login.given)
                return bk_fail(err, BK_DENIED, "there is neither key, agent nor password to log in with as '%s'; the server offers %s",
                               c->user, offered);
        bk_fail(err, BK_DENIED, "login as '%s' at %s:%u was refused%s: tried %s; the server offers %s", c->user, c->host, c->port,
                rc == SSH_AUTH_PARTIAL ? " after a part of it worked" : "", *what ? what : "nothing, for none of what is given is offered", offered);
        return 0;
}
