/* What is read from an image's files, but answered by its running system where there is one: here, this host. */
#include "tests/unit/spec/fixture.h"

#include "spec/facts.h"

static int host(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        const struct fixture *f = arg;
        autofree char *in = bk_format("%s/input", f->home), *out = bk_format("%s/output", f->home);
        autofree char *script = bk_format("%s/script", f->home);
        autofree char *whole = bk_format("sh %s <%s >%s 2>&1", script, in, out);
        autoclose int in_fd = open(in, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        autoclose int script_fd = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int status;

        (void)timeout_ms;
        if (bk_write_all(in_fd, input ? input : "", input_len, err) < 0 || bk_write_all(script_fd, line, strlen(line), err) < 0)
                return -1;
        status = system(whole);
        ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
        return bk_read_file(out, 16 << 20, &ret->out, &ret->out_len, err);
}

static void the_running_system_has_the_last_word(void **state)
{
        static const struct check rows[] = {
                { "file('/proc').should be_mounted", SPEC_PASS, "" },
                { "file('/proc').should be_mounted.with(type: 'proc', options: { rw: true })", SPEC_PASS, "" },
                { "file('/proc').should be_mounted.with(type: 'ext4')", SPEC_FAIL, "it is mounted from 'proc' as proc" },
                { "file('/proc').should be_mounted.only_with(type: 'proc')", SPEC_FAIL, "it is mounted from 'proc' as proc" },
                { "file('/srv/only-in-fstab').should be_mounted", SPEC_FAIL, "nothing is mounted there" },
                { "selinux.should be_enforcing", SPEC_FAIL, "says enforcing, and the system is disabled" },
                { "linux_audit_system.should be_running", SPEC_UNANSWERED, "lacks a tool" },
                { "linux_audit_system.rules.should eq ''", SPEC_UNANSWERED, "lacks a tool" },
        };
        const struct spec_facts_source source = { 0 };
        struct spec_facts *facts = spec_facts_new(&source);
        struct fixture *f = *state;

        if (facts == NULL) {
                print_message("# skipped: guests are not asked in this build\n");
                skip();
        }
        spec_facts_free(facts);
        if (access("/sys/fs/selinux/enforce", F_OK) == 0 || access("/sbin/auditctl", F_OK) == 0) {
                print_message("# skipped: this host has SELinux or auditctl\n");
                skip();
        }
        put(f, "/etc/fstab", "/dev/sda1 /srv/only-in-fstab ext4 defaults 0 0\n/dev/sda2 /proc ext4 defaults 0 0\n");
        put(f, "/etc/selinux/config", "SELINUX=enforcing\n");
        put(f, "/etc/audit/audit.rules", "-w /x -p r\n");
        f->target.guest = (struct spec_place){ host, f };
        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n; i++)
                assert_false(f->report.v[i].configured);
}

int main(void)
{
        const struct CMUnitTest tests[] = { spec_test(the_running_system_has_the_last_word) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
