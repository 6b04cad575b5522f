/* The agent's way into a throw-away copy: its bytes, which the build put here, and what makes an init start it. */
#include "bakery/bake/spec_boot_priv.h"

#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

/* BAKERY_AGENT is the path of what bakery/agent/agent.c was built to. */
__asm__(".pushsection .rodata\n"
        ".global bakery_agent, bakery_agent_size\n"
        "bakery_agent: .incbin \"" BAKERY_AGENT "\"\n"
        ".balign 8\n"
        "bakery_agent_size: .quad bakery_agent_size - bakery_agent\n"   /* up to 7 zeroes behind it do no harm */
        ".popsection\n");
extern const char bakery_agent[];
extern const uint64_t bakery_agent_size;

enum { INITTAB_MOST = 1 << 20 };

#define PROGRAM "/etc/bakery-checks"    /* on the root file system, whatever else is mounted later */
#define UNITS "/etc/systemd/system"
#define UNIT "bakery-checks.service"

static bool is_there(int root, const char *path)
{
        autoclose int fd = bk_open_in_root(root, path, O_PATH, 0);

        return fd >= 0;
}

/* What is there may be a link, or a file of that name from an earlier life. */
static int put(int root, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        return bk_unlink_in_root(root, path, err) < 0 ? -1 : bk_write_in_root(root, path, bytes, length, mode, err);
}

static int add_unit(int root, const char *token, struct bk_error *err)
{
        static const char wants[] = UNITS "/multi-user.target.wants";
        autofree char *text = bk_format("[Unit]\nDescription=Checks of bakery, in a throw-away copy of the image\n\n"
                                        "[Service]\nExecStart=%s %s\nRestart=always\nRestartSec=1\nKillMode=process\nTasksMax=infinity\n",
                                        PROGRAM, token);
        autoclose int folder = -1;

        if (put(root, UNITS "/" UNIT, text, strlen(text), 0644, err) < 0 || bk_mkdir_p_in_root(root, wants, 0755, err) < 0 ||
            bk_unlink_in_root(root, UNITS "/multi-user.target.wants/" UNIT, err) < 0)
                return -1;
        folder = bk_open_in_root(root, wants, O_PATH | O_DIRECTORY, 0);
        if (folder < 0 || symlinkat("../" UNIT, folder, UNIT) < 0)
                return bk_fail_errno(err, "cannot enable the unit of the checks");
        return 0;
}

/* Of sysvinit, whose entries have names and runlevels, or of busybox. Both start such an entry when the others are done. */
static int add_to_inittab(int root, const char *token, struct bk_error *err)
{
        autofree char *text = NULL, *line = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        size_t length = 0;

        if (bk_read_in_root(root, "/etc/inittab", INITTAB_MOST, &text, &length, err) < 0)
                return -1;
        line = bk_format("%s:respawn:%s %s\n", strstr(text, ":initdefault:") != NULL ? "bkry:2345" : ":", PROGRAM, token);
        bk_buf_add(&out, text, length);
        if (length > 0 && text[length - 1] != '\n')
                bk_buf_putc(&out, '\n');
        bk_buf_puts(&out, line);
        return bk_write_in_root(root, "/etc/inittab", out.data, out.len, 0644, err);
}

int spec_boot_inject(int root_fd, const char *token, struct bk_error *err)
{
        const bool systemd = is_there(root_fd, "/lib/systemd/systemd") || is_there(root_fd, "/usr/lib/systemd/systemd");
        const bool inittab = is_there(root_fd, "/etc/inittab");

        if (!systemd && !inittab)
                return bk_fail(err, BK_INVALID, "the image has neither systemd nor an /etc/inittab: nothing in it would start what runs the checks");
        if (put(root_fd, PROGRAM, bakery_agent, bakery_agent_size, 0755, err) < 0)
                return -1;
        if (systemd && add_unit(root_fd, token, err) < 0)
                return -1;
        return inittab ? add_to_inittab(root_fd, token, err) : 0;
}
