/* A running host over SSH as a target of `bakery spec run`: one session, whose commands are lines for sh(1), whatever the user's login
 * shell is. It is opened by the first question. */
#include <pwd.h>
#include <string.h>

#include "bakery/cmd/spec_target.h"
#include "lib/cleanup.h"
#include "lib/buf.h"
#include "lib/fs.h"

enum { OUTPUT_MOST = 64 << 20, KEEP_ALIVE_MS = 15000, SILENCE_MS = 60000, PASSWORD_MOST = 4096 };

/* "[user@]host[:port]"; an IPv6 address with a port stands in brackets. */
static int read_address(const char *text, struct spec_target_state *state, struct bk_error *err)
{
        const char *at = strrchr(text, '@'), *host = at != NULL ? at + 1 : text, *colon = strrchr(host, ':'), *end;
        const struct passwd *us = getpwuid(geteuid());
        long port = 22;
        char *rest;

        if (*host == '[') {
                host++;
                end = strchr(host, ']');
                colon = end != NULL && end[1] == ':' ? end + 1 : NULL;
                if (end == NULL || (end[1] != '\0' && colon == NULL))
                        return bk_fail(err, BK_USAGE, "-ssh '%s': an address in brackets is followed by a colon and a port, or by nothing", text);
        } else {
                if (colon != NULL && strchr(host, ':') != colon)        /* of IPv6 */
                        colon = NULL;
                end = colon != NULL ? colon : host + strlen(host);
        }
        if (colon != NULL) {
                port = strtol(colon + 1, &rest, 10);
                if (colon[1] < '0' || colon[1] > '9' || *rest != '\0' || port < 1 || port > 65535)
                        return bk_fail(err, BK_USAGE, "-ssh '%s': '%s' is no port", text, colon + 1);
        }
        if (end == host || at == text)
                return bk_fail(err, BK_USAGE, "-ssh '%s': [USER@]HOST[:PORT] is expected", text);
        state->host = bk_strndup(host, (size_t)(end - host));
        state->user = at != NULL ? bk_strndup(text, (size_t)(at - text)) : bk_strdup(us != NULL ? us->pw_name : "root");
        state->ssh_config.port = (unsigned)port;
        return 0;
}

/* Never from the command line, which everybody on this host may read. */
static int read_password(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        const char *file = cmd_value(args, "ssh-password-file");

        if (file == NULL) {
                state->password = bk_strdup(getenv("BAKERY_SSH_PASSWORD"));
                return 0;
        }
        if (bk_read_file(file, PASSWORD_MOST, &state->password, NULL, err) < 0)
                return bk_wrap(err, "-ssh-password-file");
        state->password[strcspn(state->password, "\r\n")] = '\0';
        return 0;
}

static int known_hosts(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        const struct passwd *us = getpwuid(geteuid());
        const char *file = cmd_value(args, "ssh-known-hosts"), *home = getenv("HOME");

        if (cmd_switch(args, "ssh-insecure"))
                return 0;
        if (home == NULL || *home == '\0')
                home = us != NULL ? us->pw_dir : NULL;
        if (file == NULL && home == NULL)
                return bk_fail(err, BK_USAGE, "there is no home folder with known hosts: -ssh-known-hosts FILE, or -ssh-insecure");
        state->known_hosts = file != NULL ? bk_strdup(file) : bk_format("%s/.ssh/known_hosts", home);
        return 0;
}

static char *command_for(const struct spec_target_state *state, const char *line)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf command = { 0 };

        bk_buf_puts(&command, state->sudo ? "sudo -n -- sh -c '" : "sh -c '");
        for (; *line != '\0'; line++)
                if (*line == '\'')
                        bk_buf_puts(&command, "'\\''");
                else
                        bk_buf_putc(&command, *line);
        bk_buf_putc(&command, '\'');
        return bk_buf_finish(&command);
}

/* A host that refuses us is not asked again; one that was lost - it rebooted, say - is. */
static int be_connected(struct spec_target_state *state, struct bk_error *err)
{
        if (state->ssh != NULL && vm_ssh_connected(state->ssh))
                return 0;
        if (state->ssh != NULL)
                vm_ssh_close(bk_take(state->ssh));
        if (state->why.kind == BK_NONE && vm_ssh_connect(&state->ssh_config, &state->ssh, &state->why) == 0) {
                state->reached = true;
                return 0;
        }
        *err = state->why;
        return -1;
}

static int run_there(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                     struct bk_error *err)
{
        struct spec_target_state *state = arg;
        autofree char *command = command_for(state, line);
        const struct vm_ssh_run run = { .command = command, .timeout_ms = timeout_ms, .input = input, .input_len = input_len,
                                        .capture_most = OUTPUT_MOST };
        BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };

        if (be_connected(state, err) < 0 || vm_ssh_run(state->ssh, &run, &result, err) < 0)
                return -1;
        if (result.status == VM_SSH_DISCONNECTED)
                return bk_fail(err, BK_INFRA, "the SSH connection to %s ended while a command ran", state->host);
        if (state->sudo && result.status == 1 && result.out_len == 0 && strncmp(result.err, "sudo: ", 6) == 0)
                return bk_fail(err, BK_DENIED, "%s does not let '%s' run sudo without a password: %.300s", state->host, state->user, result.err);
        *ret = (struct spec_output){ .out = result.out, .err = result.err, .out_len = result.out_len, .err_len = result.err_len,
                                     .status = result.status };
        result = (struct vm_ssh_result){ 0 };
        return 0;
}

int spec_target_ssh(const struct cmd_args *args, struct spec_target_state *state, struct bk_error *err)
{
        struct vm_ssh_config *c = &state->ssh_config;

        if (read_address(cmd_value(args, "ssh"), state, err) < 0 || read_password(args, state, err) < 0 || known_hosts(args, state, err) < 0)
                return -1;
        c->host = state->host;
        c->user = state->user;
        c->password = state->password;
        c->key_file = cmd_value(args, "ssh-key");
        c->agent = cmd_switch(args, "ssh-agent") || (c->key_file == NULL && c->password == NULL && getenv("SSH_AUTH_SOCK") != NULL);
        c->known_hosts = state->known_hosts;
        c->timeout_ms = (int)cmd_number(args, "ssh-timeout", 1, 30) * 1000;
        c->attempts = 1;                /* what is wrong stays wrong, and some servers shut out who tries again */
        c->keep_alive_ms = KEEP_ALIVE_MS;
        c->read_write_timeout_ms = SILENCE_MS;
        state->sudo = cmd_switch(args, "sudo");
        state->identity = bk_strdup(state->host);
        state->target = (struct spec_target){ .root_fd = -1, .guest = { run_there, state }, .mode = "ssh" };
        return 0;
}

void spec_target_ssh_done(struct spec_target_state *state)
{
        vm_ssh_close(bk_take(state->ssh));
        if (state->password != NULL)
                explicit_bzero(state->password, strlen(state->password));
        free(bk_take(state->password));
        free(bk_take(state->host));
        free(bk_take(state->user));
        free(bk_take(state->known_hosts));
}
