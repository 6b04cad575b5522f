/* In the guest, over SSH: getting in, provisioning, leaving no trace of ourselves. */
#include "bakery/bake/guest_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum {
        SSH_TIMEOUT_MS = 300000, ATTEMPTS = 10, KEYS_MOST = 1 << 20,
        LEAVING_MS = 120000,            /* a guest that says it shuts down is gone by then */
        RETRY_MS = 500, COMMAND_MS = 60000,
        SILENT_PORT = 1,                /* tcpmux: no guest has one */
};

/* --- getting in ------------------------------------------------------------------------- */

static void bastion_of(struct bake_stage *stage)
{
        const struct bake_guest *config = stage->config;

        if (config->ssh_bastion_host == NULL)
                return;
        stage->bastion = stage->login;
        stage->bastion.host = config->ssh_bastion_host;
        stage->bastion.port = (unsigned)config->ssh_bastion_port;
        stage->bastion.user = config->ssh_bastion_username;
        stage->bastion.password = config->ssh_bastion_password;
        stage->bastion.key_file = config->ssh_bastion_private_key_file;
        stage->bastion.key = stage->bastion.certificate_file = NULL;
        stage->bastion.agent = config->ssh_bastion_agent_auth;
        stage->login.bastion = &stage->bastion;
}

static char *joined(const struct bk_strv *list)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };

        for (size_t i = 0; i < list->n; i++)
                bk_buf_printf(&buf, "%s%s", i > 0 ? "," : "", list->v[i]);
        return list->n > 0 ? bk_buf_finish(&buf) : NULL;
}

static int accepted(void *arg, bool *ret)
{
        const struct bake_stage *stage = arg;

        return vm_guest_accepted(stage->guest, stage->login.port, ret);
}

/* Without it sshd is asked from the start. */
static unsigned silent_port(struct bake_stage *stage)
{
        unsigned port = 0;

        return vm_guest_forward(stage->guest, SILENT_PORT, 0, 0, &port, NULL) < 0 ? 0 : port;
}

static void configure(struct bake_stage *stage, unsigned port, bool forwarded)
{
        const struct bake_guest *config = stage->config;
        const int64_t given = config->ssh_timeout_ms > 0 ? config->ssh_timeout_ms : config->ssh_wait_timeout_ms;
        struct vm_ssh_config *login = &stage->login;

        stage->host = bk_strdup(config->ssh_host ? config->ssh_host : "127.0.0.1");
        login->host = stage->host;
        login->port = port;
        login->accepted = forwarded && config->ssh_host == NULL ? accepted : NULL;
        login->user = config->ssh_username;
        login->password = config->ssh_password;
        login->key_file = config->ssh_private_key_file;
        login->certificate_file = config->ssh_certificate_file;
        login->key = stage->media->pair.secret;
        login->agent = config->ssh_agent_auth;
        login->pty = config->ssh_pty;
        login->ciphers = joined(&config->ssh_ciphers);          /* until this process ends */
        login->key_exchanges = joined(&config->ssh_key_exchange_algorithms);
        login->timeout_ms = (int)((given > 0 ? given : SSH_TIMEOUT_MS) * stage->scale / 100);
        login->attempts = config->ssh_handshake_attempts > 0 ? (int)config->ssh_handshake_attempts : given > 0 ? 0 : ATTEMPTS;
        login->keep_alive_ms = config->ssh_keep_alive_interval_ms > 0 ? (int)config->ssh_keep_alive_interval_ms : 0;
        login->read_write_timeout_ms = (int)config->ssh_read_write_timeout_ms;
        bastion_of(stage);
}

int bake_guest_login(struct bake_stage *stage, bool forwarded, struct bk_error *err)
{
        const struct bake_guest *config = stage->config;
        unsigned port = stage->ssh_port ? (unsigned)atoi(stage->ssh_port) : (unsigned)config->ssh_port;
        const int64_t began = bk_now_ms();

        if (config->ssh_host != NULL)
                port = (unsigned)config->ssh_port;
        else if (forwarded && vm_guest_forward(stage->guest, (unsigned)config->ssh_port, (unsigned)config->host_port_min,
                                               (unsigned)config->host_port_max, &port, err) < 0)
                return -1;
        configure(stage, port, forwarded || stage->ssh_port != NULL);
        if (stage->login.accepted != NULL)
                stage->login.silent_port = silent_port(stage);
        bake_tell_step(stage->work->events, "waiting for SSH on %s:%u (%s)", stage->host, port, config->ssh_username);
        if (vm_ssh_connect(&stage->login, &stage->ssh, err) < 0) {
                if (err->kind == BK_DENIED)     /* by the guest, not by this host: the template is wrong */
                        err->kind = BK_FAILED;
                return -1;
        }
        vm_guest_is_up(stage->guest);
        bake_tell_step(stage->work->events, "logged in after %.1f s", (double)(bk_now_ms() - began) / 1000);
        if (config->pause_before_connecting_ms > 0) {
                if (vm_guest_pause(stage->guest, config->pause_before_connecting_ms, err) < 0)
                        return -1;
                return vm_ssh_reconnect(stage->ssh, err);
        }
        return 0;
}

/* --- provisioners' place -------------------------------------------------------------------- */

/* Runs quietly; the status, or -1 when there is no telling. */
static int ask(struct bake_stage *stage, const char *command, char **ret_out)
{
        const struct vm_ssh_run run = { .command = command, .timeout_ms = COMMAND_MS };
        BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };

        if (!vm_ssh_connected(stage->ssh) || vm_ssh_run(stage->ssh, &run, &result, NULL) < 0)
                return -1;
        if (ret_out != NULL)
                *ret_out = bk_take(result.out);
        return result.status;
}

/* A script that said `reboot` has ended, but the guest is still here: is it on its way out? Then there is no use in
 * beginning something; wait until it is gone. */
static int see_off(struct bake_stage *stage, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + LEAVING_MS * stage->scale / 100;
        autofree char *state = NULL;

        stage->may_be_leaving = false;
        (void)ask(stage, "systemctl is-system-running 2>/dev/null", &state);
        while (state != NULL && strncmp(state, "stopping", 8) == 0 && bk_now_ms() < until) {
                if (vm_guest_pause(stage->guest, RETRY_MS, err) < 0)
                        return -1;
                free(bk_take(state));
                (void)ask(stage, "systemctl is-system-running 2>/dev/null", &state);
        }
        return 0;
}

static int ready(struct bake_work *work, struct bk_error *err)
{
        struct bake_stage *stage = work->stage;

        if (stage->may_be_leaving && vm_ssh_connected(stage->ssh) && see_off(stage, err) < 0)
                return -1;
        if (vm_ssh_connected(stage->ssh))
                return 0;
        bake_tell_step(work->events, "waiting for the guest to come back");
        if (vm_ssh_reconnect(stage->ssh, err) < 0)
                return -1;
        vm_guest_is_up(stage->guest);
        return 0;
}

static int put(struct bake_work *work, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        return vm_ssh_write(work->stage->ssh, path, bytes, length, mode, err);
}

static int unlink_there(struct bake_work *work, const char *path, struct bk_error *err)
{
        return vm_ssh_unlink(work->stage->ssh, path, err);
}

static int run_there(struct bake_work *work, const char *command, int timeout_ms, bool may_disconnect, int *ret_status, struct bk_error *err)
{
        const struct vm_ssh_run run = { .command = command, .timeout_ms = timeout_ms, .on_line = bake_tell_line, .arg = work };
        BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };

        if (vm_ssh_run(work->stage->ssh, &run, &result, err) < 0)
                return -1;
        work->stage->may_be_leaving = may_disconnect;
        *ret_status = result.status;
        if (result.status != VM_SSH_DISCONNECTED)
                return 0;
        if (!may_disconnect)
                return bk_fail(err, BK_FAILED, "the connection ended under it; if it is meant to, as in a reboot, set expect_disconnect to true");
        *ret_status = 0;
        return 0;
}

static int upload(struct bake_work *work, const char *from, const char *to, struct bk_error *err)
{
        return vm_ssh_upload(work->stage->ssh, from, to, err);
}

static int download(struct bake_work *work, const char *from, const char *to, struct bk_error *err)
{
        return vm_ssh_download(work->stage->ssh, from, to, err);
}

const struct bake_place bake_place_ssh = { true, ready, put, unlink_there, run_there, upload, download };

/* --- leaving --------------------------------------------------------------------------------- */

static bool wants_sysprep(const struct bake_stage *stage)
{
        if (stage->config->sysprep != NULL)
                return bk_streq(stage->config->sysprep, "true") || bk_streq(stage->config->sysprep, "1");
        return stage->work->bake->source.id != NULL;
}

static int run_quietly(struct bake_stage *stage, const char *shell, const struct bk_buf *script, const char *what, struct bk_error *err)
{
        const struct vm_ssh_run run = { .command = shell, .timeout_ms = COMMAND_MS * 5, .input = script->data, .input_len = script->len };
        BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };

        if (script->len == 0)
                return 0;
        if (vm_ssh_run(stage->ssh, &run, &result, err) < 0)
                return bk_wrap(err, "%s", what);
        if (result.status != 0)
                return bk_fail(err, BK_FAILED, "%s in the guest exited with %d: %.300s%s", what, result.status, result.err ? result.err : "",
                               bk_streq(what, "sysprep") ? "; set sysprep to false if it must not run" : "");
        return 0;
}

/* In the guest itself, for its disk may hold what no host should mount, or can. root does all in one go. */
static int clear_up(struct bake_stage *stage, struct bk_error *err)
{
        const bool root = bk_streq(stage->config->ssh_username, "root"), sysprep = wants_sysprep(stage);
        BK_CLEANUP(bk_buf_done) struct bk_buf ours = { 0 }, all = { 0 };
        autofree char *script = sysprep ? sysprep_script(&stage->work->bake->config.sysprep_skip) : NULL;

        if (sysprep)
                bake_tell_step(stage->work->events, "sysprep");
        bake_guest_key_removal(stage->media, root && sysprep ? &all : &ours);
        if (sysprep)
                bk_buf_puts(&all, script);
        return run_quietly(stage, "sh", &ours, "the removal of the bake's own key", err) < 0
                       ? -1 : run_quietly(stage, root ? "sh" : "sudo -n sh", &all, "sysprep", err);
}

int bake_guest_farewell(struct bake_stage *stage, struct bk_error *err)
{
        if (ready(stage->work, err) < 0 || bake_guest_inventory_fetch(stage, err) < 0)
                return -1;
        return clear_up(stage, err);
}
