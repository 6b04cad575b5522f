/* Guests of one boot sector: what they do is noticed, whatever it is, and nothing of them stays.
 *
 * Each runs as a bake's does: in a process below pid 1 of a namespace of its own. */
#include "tests/unit/folder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "boot/eye.h"
#include "boot/match.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "vm/domain.h"
#include "vm/guest.h"

static char *home;

/* --- guests --------------------------------------------------------------------------- */

static const unsigned char idle[] = { 0xf4, 0xeb, 0xfd };                               /* hlt; again */
static const unsigned char off[] = { 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4 };  /* ACPI power off: 2000h to port 604h */
static const unsigned char reset[] = { 0xb0, 0xfe, 0xe6, 0x64, 0xf4 };                  /* the keyboard controller's reset line */
static const unsigned char key_reset[] = { 0x31, 0xc0, 0xcd, 0x16, 0xb0, 0xfe, 0xe6, 0x64, 0xf4 };    /* int 16h; the reset line */
static const unsigned char flood[] = { 0xba, 0xf8, 0x03, 0xb0, 0x58, 0xee, 0xeb, 0xfd };        /* X to the serial port for ever */
/* Every key's character to the screen, and to the serial port: int 16h; int 10h, ah=0Eh; out. */
static const unsigned char echo[] = { 0x31, 0xc0, 0xcd, 0x16, 0xb4, 0x0e, 0xcd, 0x10, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf2 };

struct guest_code { const unsigned char *bytes; size_t length; };
#define CODE(name) ((struct guest_code){ name, sizeof name })

static int start(struct guest_code code, struct vm_guest **ret, struct bk_error *err)
{
        static const char disk[] = VM_HOST_ROOT "/disk.raw";
        static unsigned char sector[1 << 20];
        struct vm_domain domain = {
                .name = "test", .machine = "pc", .memory = 16 << 20, .network = true, .net_device = "e1000", .n_disks = 1,
                .disks = { { .path = disk, .format = "raw", .bus = "ide" } },
        };
        const struct vm_host host = { .home = home };
        struct vm_guest_config config = { 0 };
        autofree char *xml = NULL;

        memcpy(sector, code.bytes, code.length);
        sector[510] = 0x55;
        sector[511] = 0xaa;
        if (vm_host_enter(&host, err) < 0 || bk_publish_bytes(disk, sector, sizeof sector, 0600, err) < 0 ||
            vm_host_give(disk, err) < 0 || vm_domain_xml(&domain, &xml, err) < 0)
                return -1;
        config.xml = xml;
        return vm_guest_start(&config, ret, err);
}

/* --- what is tried, in the guest's process: NULL or what went wrong -------------------------- */

static struct bk_error err;

static const char *wait_error(struct vm_guest *guest, const char *expected)
{
        if (vm_guest_pause(guest, 60000, &err) == 0)
                return "nothing was noticed within 60 s";
        return strstr(err.text, expected) == NULL ? err.text : NULL;
}

static const char *powers_off(struct vm_guest *guest)
{
        return wait_error(guest, "powered itself off, too early");
}

static const char *power_off_is_awaited(struct vm_guest *guest)
{
        return vm_guest_wait_off(guest, 60000, &err) < 0 ? err.text : NULL;
}

static const char *resets(struct vm_guest *guest)
{
        return wait_error(guest, "resets in a loop");
}

/* A key resets it; after each reset somebody logs in, so to speak. */
static const char *may_be_reset_often(struct vm_guest *guest)
{
        const unsigned a = 30;
        unsigned seen = 0;

        while (seen < 7) {
                if (vm_guest_keys(guest, &a, 1, 0, &err) < 0 || vm_guest_pause(guest, 100, &err) < 0)
                        return err.text;
                if (vm_guest_resets(guest) != seen) {
                        seen = vm_guest_resets(guest);
                        vm_guest_is_up(guest);
                }
        }
        return NULL;
}

static pid_t qemu(void)
{
        autodir DIR *proc = opendir("/proc");

        for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
                autofree char *path = bk_format("/proc/%s/comm", entry->d_name), *name = NULL;

                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && bk_read_file(path, 256, &name, NULL, NULL) == 0 &&
                    strncmp(name, "qemu-system", 11) == 0)
                        return atoi(entry->d_name);
        }
        return 0;
}

static const char *dies(struct vm_guest *guest)
{
        const pid_t pid = qemu();
        const int64_t before = bk_now_ms();
        const char *wrong;

        if (pid == 0 || kill(pid, SIGKILL) < 0)
                return "there is no QEMU to kill";
        wrong = wait_error(guest, "QEMU ended with an error");
        print_message("# noticed after %lld ms\n", (long long)(bk_now_ms() - before));
        return wrong;
}

static const char *floods(struct vm_guest *guest)
{
        uint64_t from = 0;
        size_t length = 0;
        autofree char *tail = NULL;

        for (int i = 0; i < 300 && from < 2000000; i++) {
                if (vm_guest_pause(guest, 100, &err) < 0)
                        return err.text;
                while (from < 2000000 && vm_guest_serial_find(guest, "XXXXXXXXXXXXXXXX", &from))
                        ;
        }
        tail = vm_guest_serial_tail(guest, &length);
        if (from < 2000000)
                return "the console was not read";
        return length > 256 << 10 || length < 100000 || tail[length - 1] != 'X' ? "the tail is not the last 256 KiB" : NULL;
}

static const char *is_typed_at(struct vm_guest *guest)
{
        static const unsigned keys[] = { 35, 23, 2 };   /* h i 1: Linux' codes */
        BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
        struct boot_place place = { 0 };
        struct boot_eye *eye = NULL;
        uint64_t from = 0;

        if (boot_pattern_text("hi1", &pattern, &err) < 0 || boot_eye_open(NULL, &eye, &err) < 0)
                return err.text;
        /* Until the BIOS hands over there is nobody to type at. */
        for (int i = 0; i < 100 && !vm_guest_serial_find(guest, "h", &from); i++)
                if (vm_guest_keys(guest, keys, 1, 0, &err) < 0 || vm_guest_pause(guest, 300, &err) < 0)
                        return err.text;
        for (size_t i = 0; i < 3; i++)
                if (vm_guest_keys(guest, &keys[i], 1, 0, &err) < 0)
                        return err.text;
        for (int i = 0; i < 100 && !place.found; i++) {
                BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };

                if (vm_guest_pause(guest, 50, &err) < 0 || boot_eye_look(eye, guest, &screen, &err) < 0 ||
                    boot_pattern_find(&pattern, &screen, &place, &err) < 0)
                        return err.text;
        }
        boot_eye_close(eye);
        if (!place.found)
                return "what was typed is not on the screen";
        return vm_guest_serial_find(guest, "i1", &from) ? NULL : "what was typed is not on the serial console";
}

static const char *has_ports(struct vm_guest *guest)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        autoclose int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        unsigned port = 0, again = 0, busy;
        bool accepted = true;

        if (bind(taken, (struct sockaddr *)&address, length) < 0 || listen(taken, 1) < 0 ||
            getsockname(taken, (struct sockaddr *)&address, &length) < 0)
                return "no port for the test";
        busy = ntohs(address.sin_port);
        if (vm_guest_forward(guest, 22, 0, 0, &port, &err) < 0 || vm_guest_forward(guest, 22, 0, 0, &again, &err) < 0)
                return err.text;
        if (port == 0 || port != again)
                return "one port of the guest has two of the host";
        if (vm_guest_forward(guest, 80, busy, busy, &again, &err) == 0 || err.kind != BK_CONFLICT)
                return "a taken port was given";
        if (vm_guest_accepted(guest, port, &accepted) < 0 || accepted)
                return "a connection was accepted before there was one";
        return vm_guest_listens(guest, 22) ? "nothing listens, and yet it does" : NULL;
}

/* --- around it ----------------------------------------------------------------------------- */

static int try_it(struct guest_code code, const char *(*what)(struct vm_guest *guest))
{
        struct vm_guest *guest = NULL;
        const char *wrong = start(code, &guest, &err) < 0 ? err.text : what(guest);

        if (wrong != NULL)
                print_message("# %s\n", wrong);
        vm_guest_end(guest);
        return wrong != NULL;
}

static void in_guest(struct guest_code code, const char *(*what)(struct vm_guest *guest))
{
        int status;
        pid_t pid;

        (void)fflush(NULL);
        pid = bk_fork_isolated();
        if (pid == 0) {
                pid_t inner;

                if (bk_own_mounts(&err) < 0) {
                        print_message("# %s\n", err.text);
                        _exit(2);
                }
                inner = fork();
                if (inner == 0)
                        _exit(try_it(code, what));
                status = bk_reap_until(inner);
                _exit(status < 0 || status > 1 ? 2 : status);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void an_early_power_off_is_a_failure(void **state) { (void)state; in_guest(CODE(off), powers_off); }
static void an_expected_power_off_is_none(void **state) { (void)state; in_guest(CODE(off), power_off_is_awaited); }
static void a_reset_loop_is_noticed(void **state) { (void)state; in_guest(CODE(reset), resets); }
static void resets_with_logins_between_are_no_loop(void **state) { (void)state; in_guest(CODE(key_reset), may_be_reset_often); }
static void a_dead_qemu_is_noticed(void **state) { (void)state; in_guest(CODE(idle), dies); }
static void a_flooded_console_costs_nothing(void **state) { (void)state; in_guest(CODE(flood), floods); }
static void keys_reach_the_screen(void **state) { (void)state; in_guest(CODE(echo), is_typed_at); }
static void ports_are_found_and_never_shared(void **state) { (void)state; in_guest(CODE(idle), has_ports); }

/* libvirt's driver for tests, which cannot make it. */
static bool is_the_note(void *arg, const struct bk_lease_found *found)
{
        bool *noted = arg;

        *noted = found->state == BK_LEASE_DEAD && found->kinds->n == 1 && strcmp(found->kinds->v[0], "domain") == 0 &&
                 strcmp(found->values->v[0], "6ba7b810-9dad-41d1-80b4-00c04fd430c8 test:///default") == 0;
        return true;
}

static void a_guest_of_anothers_driver_is_noted_before_there_is_one(void **state)
{
        autofree char *folder = bk_format("%s/leases", home);
        const pid_t pid = bk_fork();
        bool noted = false;

        (void)state;
        if (pid == 0) {
                struct bk_lease lease = BK_LEASE_NONE;
                const struct vm_guest_config config = { .uri = "test:///default", .xml = "<domain/>", .lease = &lease,
                                                        .uuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8" };
                struct vm_guest *guest = NULL;

                if (bk_lease_take(folder, &lease, &err) < 0 || vm_guest_start(&config, &guest, &err) == 0)
                        _exit(2);
                print_message("# %s\n", err.text);
                _exit(err.kind != BK_FAILED);
        }
        assert_int_equal(bk_wait(pid, 60000), 0);
        assert_ok(bk_lease_look(folder, is_the_note, &noted, &err), err);
        assert_true(noted);
}

static int make_home(void **state)
{
        (void)state;
        need("root");
        need("qemu-system-x86_64");
        home = folder_new();
        return 0;
}

static int remove_home(void **state)
{
        const int result = bk_remove_tree(home, &err);

        (void)state;
        free(home);
        return result;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_early_power_off_is_a_failure),
                cmocka_unit_test(an_expected_power_off_is_none),
                cmocka_unit_test(a_reset_loop_is_noticed),
                cmocka_unit_test(resets_with_logins_between_are_no_loop),
                cmocka_unit_test(a_dead_qemu_is_noticed),
                cmocka_unit_test(a_flooded_console_costs_nothing),
                cmocka_unit_test(keys_reach_the_screen),
                cmocka_unit_test(ports_are_found_and_never_shared),
                cmocka_unit_test(a_guest_of_anothers_driver_is_noted_before_there_is_one),
        };

        return cmocka_run_group_tests(tests, make_home, remove_home);
}
