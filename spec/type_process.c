/* Type `process`: one list of all processes serves every check; what else ps knows of one is asked by its number.
 *
 * A name is the whole name of the program, as `ps -C` has it; serverspec's own count greps for it in everything that ps prints. */
#include "spec/live.h"

#include <string.h>

/* The number of the asking shell, then who runs and, after a line "-", with which arguments. busybox has narrower columns. */
#define LIST \
        "echo $$; { ps -e -ww -o pid= -o ppid= -o user:64= -o group:64= -o stat= -o comm= && echo - && ps -e -ww -o pid= -o args=; }" \
        " 2>/dev/null || { ps -o pid,ppid,user,group,stat,comm && echo - && ps -o pid,args; }"
enum { PROCESSES_MOST = 1 << 17, NAME_MOST = 15 };      /* the kernel keeps 15 bytes of a name */

struct process { uint64_t pid, parent; struct spec_view user, group, state, name, args; bool own; };
struct processes { struct process *v; size_t n; uint64_t shell; };

static void processes_done(struct processes *list)
{
        free(list->v);
}

void spec_process_want(const struct spec_resource *r)
{
        spec_want_guest_line(r, LIST);
}

static bool parse_process(struct spec_view line, struct process *ret)
{
        struct spec_view pid, parent;

        *ret = (struct process){ .args = spec_view_of("") };
        if (!spec_view_word(&line, &pid) || !spec_view_word(&line, &parent) || !spec_view_word(&line, &ret->user) ||
            !spec_view_word(&line, &ret->group) || !spec_view_word(&line, &ret->state))
                return false;
        ret->name = spec_view_trim(line);
        return spec_view_unsigned(pid, 10, &ret->pid) && spec_view_unsigned(parent, 10, &ret->parent) && ret->name.n > 0;
}

/* Both lists are sorted by number, but a guest may lie: from where the last one was found, round once. */
static struct process *find(struct processes *list, uint64_t pid, size_t *from)
{
        for (size_t i = 0; i < list->n; i++) {
                struct process *p = &list->v[(*from + i) % list->n];

                if (p->pid != pid)
                        continue;
                *from = (size_t)(p - list->v);
                return p;
        }
        return NULL;
}

static void parse_args(struct spec_view rest, struct processes *list)
{
        struct spec_view line, word;
        size_t from = 0, lost = 0;
        uint64_t pid;

        while (lost < 1000 && spec_view_line(&rest, &line)) {
                struct process *p = NULL;

                if (!spec_view_word(&line, &word) || !spec_view_unsigned(word, 10, &pid))
                        continue;
                p = find(list, pid, &from);
                if (p != NULL)
                        p->args = spec_view_trim(line);
                else
                        lost++;         /* each costs a walk; a few came to be between the two lists */
        }
}

static bool is_shell(struct spec_view name)
{
        static const char *const shells[] = { "sh", "bash", "dash", "ash", "busybox", "ksh", "timeout", "sudo", "su" };

        for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
                if (spec_view_is(name, shells[i]))
                        return true;
        return false;
}

/* The asking itself is no process of the guest: the shell, what it started, and the shells that it was started by. */
static void mark_own(struct processes *list)
{
        uint64_t own[16] = { list->shell };
        struct process *p = NULL;
        size_t from = 0, n = 1;

        for (size_t i = 0; i < list->n; i++)            /* children have higher numbers */
                for (size_t k = 0; k < n && !list->v[i].own; k++) {
                        list->v[i].own = list->v[i].pid == own[k] || list->v[i].parent == own[k];
                        if (list->v[i].own && n < sizeof own / sizeof *own)
                                own[n++] = list->v[i].pid;
                }
        p = find(list, list->shell, &from);
        for (int depth = 0; p != NULL && depth < 16; depth++) {
                p = p->parent > 1 ? find(list, p->parent, &from) : NULL;
                if (p == NULL || !is_shell(p->name))
                        break;
                p->own = true;
        }
}

/* Spans point into what the guest said, which lives as long as the image. */
static int processes(struct spec_resource *r, struct processes *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        struct spec_view rest, line;
        size_t room = 0;

        if (spec_image_guest_line(r->image, LIST, &output, err) < 0)
                return -1;
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "the guest's ps failed: %.200s", output->err ? output->err : "");
        rest = spec_view_of_output(output);
        if (!spec_view_line(&rest, &line) || !spec_view_unsigned(line, 10, &ret->shell))
                return bk_fail(err, BK_INFRA, "the guest's ps printed no list of processes");
        while (spec_view_line(&rest, &line) && !spec_view_is(line, "-") && ret->n < PROCESSES_MOST) {
                if (ret->n == room) {
                        room = room ? room * 2 : 256;
                        ret->v = bk_grow(ret->v, room, sizeof *ret->v);
                }
                ret->n += parse_process(line, &ret->v[ret->n]);
        }
        if (ret->n == 0)
                return bk_fail(err, BK_INFRA, "the guest's ps printed no list of processes");
        parse_args(rest, ret);
        mark_own(ret);
        return 0;
}

/* Is a word of the arguments the name, or a path that ends in it? */
static bool in_args(struct spec_view args, const char *name)
{
        struct spec_view word;
        const size_t length = strlen(name);

        while (spec_view_word(&args, &word))
                if (word.n >= length && memcmp(word.s + word.n - length, name, length) == 0 &&
                    (word.n == length || word.s[word.n - length - 1] == '/'))
                        return true;
        return false;
}

static bool named(const struct process *p, const char *name)
{
        if (spec_view_is(p->name, name))
                return true;
        /* cut off by the kernel: "unattended-upgr" is of two programs */
        return strlen(name) > NAME_MOST && p->name.n == NAME_MOST && memcmp(p->name.s, name, NAME_MOST) == 0 && in_args(p->args, name);
}

static bool part_of_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* grep -w, as serverspec counts */
static bool grepped(struct spec_view text, const char *name)
{
        const size_t length = strlen(name);

        for (size_t i = 0; length > 0 && i + length <= text.n; i++)
                if (memcmp(text.s + i, name, length) == 0 && (i == 0 || !part_of_word(text.s[i - 1])) &&
                    (i + length == text.n || !part_of_word(text.s[i + length])))
                        return true;
        return false;
}

/* Of those that run: a zombie has ended. */
static bool alive(const struct process *p)
{
        return !p->own && !spec_view_starts(p->state, "Z") && !spec_view_starts(p->state, "X");
}

/* *ret is the first one, which is the oldest in general; count of all; pid 0 when there is none. */
static int look_up(struct spec_resource *r, struct process *ret, size_t *ret_count, struct bk_error *err)
{
        BK_CLEANUP(processes_done) struct processes list = { 0 };
        size_t count = 0;

        *ret = (struct process){ 0 };
        if (processes(r, &list, err) < 0)
                return -1;
        for (size_t i = 0; i < list.n; i++) {
                if (!alive(&list.v[i]) || !named(&list.v[i], r->name))
                        continue;
                if (count++ == 0)
                        *ret = list.v[i];
        }
        if (count == 0)
                spec_note(r, "no process has this name");
        else
                spec_note(r, "%zu run%s, the first with pid %llu", count, count == 1 ? "s" : "", (unsigned long long)ret->pid);
        *ret_count = count;
        return 0;
}

/* How many processes have the name as a word anywhere in their user or arguments. */
int spec_process_count_words(struct spec_resource *r, const char *name, size_t *ret, struct bk_error *err)
{
        BK_CLEANUP(processes_done) struct processes list = { 0 };

        if (processes(r, &list, err) < 0)
                return -1;
        *ret = 0;
        for (size_t i = 0; i < list.n; i++)
                *ret += !list.v[i].own && (grepped(list.v[i].user, name) || grepped(list.v[i].args, name));
        return 0;
}

static int process_running(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        struct process p;
        size_t count;

        (void)args;
        if (look_up(r, &p, &count, err) < 0)
                return -1;
        *ret = count > 0;
        return 0;
}

static int process_count(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct process p;
        size_t count;

        if ((r->image->options->compat ? spec_process_count_words(r, r->name, &count, err) : look_up(r, &p, &count, err)) < 0)
                return -1;
        spec_value_int(ret, (int64_t)count);
        return 0;
}

static int process_pid(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct process p;
        size_t count;

        if (look_up(r, &p, &count, err) < 0)
                return -1;
        if (count > 0)
                spec_value_int(ret, (int64_t)p.pid);
        return 0;
}

static int process_ppid(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        struct process p;
        size_t count;

        if (look_up(r, &p, &count, err) < 0)
                return -1;
        if (count > 0)
                spec_value_int(ret, (int64_t)p.parent);
        return 0;
}

#define PROCESS_SPAN(function, member) \
static int function(struct spec_resource *r, struct spec_value *ret, struct bk_error *err) \
{ \
        struct process p; \
        size_t count; \
        if (look_up(r, &p, &count, err) < 0) \
                return -1; \
        if (count > 0) \
                spec_value_of_view(ret, p.member); \
        return 0; \
}
PROCESS_SPAN(process_user, user)
PROCESS_SPAN(process_group, group)
PROCESS_SPAN(process_args, args)

static bool column_name(const char *name)
{
        return strlen(name) <= 32 && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%")] == '\0';
}

/* Any other column of ps, which is not known before it is asked for; so this is no part of the batch. */
int spec_process_column(struct spec_resource *r, const char *name, struct spec_value *ret, struct bk_error *err)
{
        const struct spec_output *output = NULL;
        autofree char *line = NULL;
        struct spec_view rest, text;
        struct process p;
        size_t count;

        if (!column_name(name))
                return bk_fail(err, BK_USAGE, "a process has no '%s'", name);
        if (look_up(r, &p, &count, err) < 0)
                return -1;
        if (count == 0)
                return 0;
        line = bk_format("ps -ww -o %s= -p %llu", name, (unsigned long long)p.pid);
        if (spec_image_guest_line(r->image, line, &output, err) < 0)
                return -1;
        if (output->status != 0 && output->err_len > 0 && strstr(output->err, "format spec") != NULL)
                return bk_fail(err, BK_USAGE, "ps has no column '%s'", name);
        if (output->status != 0)
                return bk_fail(err, BK_INFRA, "`%s` failed in the guest: %.200s", line, output->err ? output->err : "");
        rest = spec_view_of_output(output);
        if (spec_view_line(&rest, &text))
                spec_value_of_view(ret, text);
        return 0;
}

const struct spec_property spec_process_properties[] = {
        { "user", process_user }, { "group", process_group }, { "args", process_args }, { "count", process_count },
        { "pid", process_pid }, { "ppid", process_ppid }, { NULL },
};

const struct spec_predicate spec_process_predicates[] = { { "running?", NULL, process_running }, { NULL } };
