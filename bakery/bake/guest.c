/* The stage: the process that holds a guest, from power on to power off. */
#include "bakery/bake/guest_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"
#include "lib/utf8.h"
#include "vm/vm.h"

enum {
        EMULATED_PERCENT = 500,         /* time-outs where guests are emulated: a boot takes about five times as long */
        WAIT_LIMIT_MS = 300000,         /* of a wait for something that gives no limit */
};

/* --- what typing sees of the guest ------------------------------------------------ */

static int alive(void *arg, struct bk_error *err)
{
        struct bake_stage *stage = arg;

        if (vm_guest_alive(stage->guest, err) < 0)
                return -1;
        if (vm_guest_serial_find(stage->guest, "Kernel panic - not syncing", &stage->panic_seen))
                return bk_fail(err, BK_FAILED, "the guest's kernel panicked");
        return 0;
}

static int send_keys(void *arg, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err)
{
        return vm_guest_keys(((struct bake_stage *)arg)->guest, codes, n, hold_ms, err);
}

static int look(void *arg, struct boot_screen *ret, struct bk_error *err)
{
        struct bake_stage *stage = arg;

        return boot_eye_look(stage->eye, stage->guest, ret, err);
}

static bool serial(void *arg, const char *text, uint64_t *from)
{
        return vm_guest_serial_find(((struct bake_stage *)arg)->guest, text, from);
}

static bool listens(void *arg, unsigned port)
{
        return vm_guest_listens(((struct bake_stage *)arg)->guest, port);
}

static int pause_for(void *arg, int64_t ms, struct bk_error *err)
{
        struct bake_stage *stage = arg;

        return vm_guest_pause(stage->guest, ms, err) < 0 ? -1 : alive(stage, err);
}

static int64_t now(void *arg)
{
        (void)arg;
        return bk_now_ms();
}

static void say(void *arg, const char *text)
{
        bake_tell_step(((struct bake_stage *)arg)->work->events, "%s", text);
}

/* --- steps ---------------------------------------------------------------------------- */

static void on_request(void *arg, const char *line)
{
        autofree char *text = bk_format("guest: %s", line);

        bake_tell_line(arg, 1, text);
}

static void add_datum(struct bake_stage *stage, const char *name, const char *value)
{
        stage->data[stage->n_data++] = (struct tmpl_datum){ name, value };
}

static int start_http(struct bake_stage *stage, struct bk_error *err)
{
        const struct bake_guest *config = stage->config;
        const struct boot_http_config http = {
                .folder = config->http_directory, .names = &config->http_content.keys, .contents = &config->http_content.values,
                .address = config->http_bind_address, .port_min = (unsigned)config->http_port_min,
                .port_max = (unsigned)config->http_port_max, .on_request = on_request, .arg = stage->work,
        };

        stage->http_ip = bk_strdup(config->net_bridge != NULL && config->http_bind_address != NULL ? config->http_bind_address : "10.0.2.2");
        if (config->http_directory == NULL && config->http_content.keys.n == 0) {
                stage->http_port = bk_strdup("0");
        } else {
                if (boot_http_start(&http, &stage->http, err) < 0)
                        return -1;
                stage->http_port = bk_format("%u", boot_http_port(stage->http));
                stage->work->http_address = bk_format("%s:%s", stage->http_ip, stage->http_port);
                bake_tell_step(stage->work->events, "serving %s on port %s", config->http_directory ? config->http_directory : "files",
                               stage->http_port);
        }
        add_datum(stage, "HTTPIP", stage->http_ip);
        add_datum(stage, "HTTPPort", stage->http_port);
        add_datum(stage, "Name", stage->name);
        add_datum(stage, "SSHPublicKey", stage->media->pair.public_line ? stage->media->pair.public_line : "");
        return 0;
}

int bake_guest_kvm(const struct bake_work *work, struct vm_kvm *ret, struct bk_error *err)
{
        const char *accelerator = work->bake->config.guest.accelerator;

        *ret = (struct vm_kvm){ 0 };
        if (bk_streq(accelerator, "tcg") || bk_streq(accelerator, "none"))
                return 0;
        return vm_kvm_probe(work->bake->store->home, false, ret, err);
}

static int start_guest(struct bake_stage *stage, bool *ret_own_network, struct bk_error *err)
{
        const int events = stage->work->events;
        autofree char *fonts = bk_format("%s/fonts", stage->work->bake->store->cache), *vnc = NULL;
        struct vm_guest_config guest = { .uri = stage->config->libvirt_uri, .lease = &stage->work->bake->lease };
        struct vm_kvm kvm = { 0 };

        if (bake_guest_kvm(stage->work, &kvm, err) < 0)
                return -1;
        if (kvm.why[0] != '\0' && !kvm.usable)
                bake_tell_step(events, "emulating the guest, time-outs are %d times longer: %s", EMULATED_PERCENT / 100, kvm.why);
        stage->scale = kvm.usable ? 100 : EMULATED_PERCENT;
        if (boot_eye_open(fonts, &stage->eye, err) < 0 || bake_guest_xml(stage, &kvm, ret_own_network, err) < 0)
                return -1;
        guest.xml = stage->xml;
        guest.uuid = stage->uuid;
        guest.serial_log = GUEST_WORK "/serial.log";
        bake_tell_step(events, "starting the guest");
        if (vm_guest_start(&guest, &stage->guest, err) < 0)
                return -1;
        vnc = vm_guest_vnc(stage->guest);
        if (vnc != NULL)
                bake_tell_step(events, "its screen: vnc://%s", vnc);
        return 0;
}

static int type_step(struct bake_stage *stage, const struct bake_typing_step *step, struct bk_error *err)
{
        const struct bake_guest *config = stage->config;
        const struct boot_target target = { .arg = stage, .send = send_keys, .look = look, .serial = serial, .port = listens,
                                            .pause = pause_for, .now = now, .say = say };
        int64_t ns = 0;
        struct boot_typing typing = {
                .layout = config->boot_keyboard, .verify = config->boot_verify_typing, .group_interval_ms = config->boot_keygroup_interval_ms,
                .wait_limit_ms = WAIT_LIMIT_MS, .scale_percent = stage->scale,
                .automatic = bk_streq(config->boot_key_interval, "auto"),
        };
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        struct boot_typed typed = { 0 };
        int result;

        if (config->boot_key_interval != NULL && !typing.automatic &&
            boot_duration(config->boot_key_interval, strlen(config->boot_key_interval), &ns, err) < 0)
                return -1;
        typing.key_interval_ms = boot_key_interval_ms((ns + 999999) / 1000000, getenv("PACKER_KEY_INTERVAL"));
        if (boot_parse(step->text, &command, err) < 0)
                return -1;
        if (step->about != NULL)
                bake_tell_step(stage->work->events, "typing: %s", step->about);
        result = boot_type(&command, &typing, &target, &typed, err);
        boot_typed_done(&stage->typed);
        stage->typed = typed;
        return result;
}

static int type_all(struct bake_stage *stage, struct bk_error *err)
{
        BK_CLEANUP(bake_typing_steps_done) struct bake_typing_steps steps = { 0 };
        const int64_t began = bk_now_ms();

        if (bake_boot_steps(stage->work->bake, stage->data, stage->n_data, &steps, err) < 0)
                return -1;
        if (steps.n == 0)
                return 0;
        if (stage->config->boot_wait_ms > 0) {
                bake_tell_step(stage->work->events, "waiting %.1f s before typing", (double)stage->config->boot_wait_ms / 1000);
                if (pause_for(stage, stage->config->boot_wait_ms, err) < 0)
                        return -1;
        }
        bake_tell_step(stage->work->events, "typing the boot command");
        for (size_t i = 0; i < steps.n; i++)
                if (type_step(stage, &steps.v[i], err) < 0)
                        return bk_wrap(err, "boot command");
        bake_tell_step(stage->work->events, "typed in %.1f s", (double)(bk_now_ms() - began) / 1000);
        return 0;
}

static int power_off(struct bake_stage *stage, struct bk_error *err)
{
        const struct bake_guest *config = stage->config;
        const int64_t limit = config->shutdown_timeout_ms * stage->scale / 100;

        vm_guest_expect_off(stage->guest);
        if (bk_streq(config->communicator, "none")) {
                bake_tell_step(stage->work->events, "waiting for the guest to power itself off");
                return vm_guest_wait_off(stage->guest, limit, err);
        }
        bake_tell_step(stage->work->events, "shutting down");
        if (config->shutdown_command != NULL) {
                const struct vm_ssh_run run = { .command = config->shutdown_command, .timeout_ms = (int)limit, .on_line = bake_tell_line,
                                                .arg = stage->work };
                BK_CLEANUP(vm_ssh_result_done) struct vm_ssh_result result = { 0 };

                if (vm_ssh_run(stage->ssh, &run, &result, err) < 0)
                        return bk_wrap(err, "shutdown_command");
                if (result.status != 0 && result.status != VM_SSH_DISCONNECTED)
                        return bk_fail(err, BK_FAILED, "shutdown_command exited with %d", result.status);
        } else if (vm_guest_press_power(stage->guest, err) < 0) {
                return -1;
        }
        return vm_guest_wait_off(stage->guest, limit, err);
}

static int run_stage(struct bake_stage *stage, struct bk_error *err)
{
        const bool talks = !bk_streq(stage->config->communicator, "none");
        bool own_network = true;

        stage->login = (struct vm_ssh_config){ .alive = alive, .arg = stage };
        if (start_http(stage, err) < 0 || start_guest(stage, &own_network, err) < 0 || type_all(stage, err) < 0)
                return -1;
        if (talks && (bake_guest_login(stage, own_network, err) < 0 || bake_provision(stage->work, err) < 0 ||
                      bake_guest_farewell(stage, err) < 0))
                return -1;
        if (power_off(stage, err) < 0)
                return -1;
        vm_ssh_close(bk_take(stage->ssh));
        return 0;
}

/* The last line that the console printed: often the guest's own reason. NULL: none. The caller's. */
static char *last_words(struct bake_stage *stage)
{
        size_t length = 0;
        autofree char *tail = stage->guest ? vm_guest_serial_tail(stage->guest, &length) : NULL, *clean = NULL, *redacted = NULL;
        char *line;

        while (length > 0 && (unsigned char)tail[length - 1] <= ' ')
                tail[--length] = '\0';
        if (length == 0)
                return NULL;
        line = memrchr(tail, '\n', length);
        clean = bk_utf8_clean(line ? line + 1 : tail);
        redacted = tmpl_redact(stage->work->bake->tmpl, clean);
        for (char *p = redacted; *p != '\0'; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = ' ';
        return bk_format("%.160s", redacted);
}

static void append(struct bk_error *err, const char *text)
{
        const size_t length = strlen(err->text);

        (void)snprintf(err->text + length, sizeof err->text - length, "%s", text);
}

static void explain(struct bake_stage *stage, struct bk_error *err)
{
        autofree char *words = last_words(stage), *folder = bake_guest_evidence(stage), *said = NULL, *kept = NULL;

        if (err == NULL) {
                if (folder != NULL)
                        bake_tell_step(stage->work->events, "evidence is in %s", folder);
                return;
        }
        said = words ? bk_format("; its console said last: %s", words) : bk_strdup("");
        kept = folder ? bk_format("; evidence is in '%s'", folder) : bk_strdup("");
        append(err, said);
        append(err, kept);
}

_Noreturn static void stage_process(struct bake_work *work, struct bake_media *media)
{
        struct bake_stage *const stage = bk_alloc(sizeof *stage);       /* until this process ends */
        struct bk_error err = { 0 };
        int result;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NAME, "bakery-guest");
        (void)signal(SIGPIPE, SIG_IGN);
        *stage = (struct bake_stage){ .work = work, .config = &work->bake->config.guest, .media = media, .scale = 100 };
        stage->name = stage->config->vm_name ? bk_strdup(stage->config->vm_name) : bk_format("packer-%s", work->bake->name);
        work->place = &bake_place_ssh;
        work->stage = stage;
        result = run_stage(stage, &err);
        if (result < 0 || stage->config->evidence)
                explain(stage, result < 0 ? &err : NULL);
        vm_ssh_close(stage->ssh);
        vm_guest_end(stage->guest);
        boot_http_stop(stage->http);
        if (result < 0)
                bake_tell_failure(work->events, &err);
        _exit(result < 0);
}

int bake_guest_run(struct bake_work *work, struct bk_error *err)
{
        struct bake_media media = { 0 };
        pid_t pid;
        int status;

        if (bake_guest_prepare(work, &media, err) < 0)
                return -1;
        (void)fflush(NULL);
        pid = fork();
        if (pid < 0)
                return bk_fail_errno(err, "cannot start a process for the guest");
        if (pid == 0)
                stage_process(work, &media);
        status = bk_reap_until(pid);
        vm_ssh_keypair_done(&media.pair);
        if (status == 1)
                _exit(1);               /* it told why */
        if (status != 0)
                return bk_fail(err, BK_INTERNAL, "the process that held the guest ended with %s %d", status > 128 ? "signal" : "status",
                               status > 128 ? status - 128 : status);
        return 0;
}
