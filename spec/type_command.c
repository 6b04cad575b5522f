/* Type `command`: the only one that starts a program, once per resource. */
#include "spec/spec_priv.h"

#include <string.h>

static int run(struct spec_resource *r, struct bk_error *err)
{
        if (r->ran)
                return 0;
        if (spec_image_run(r->image, r->name, &r->output, err) < 0)
                return bk_wrap(err, "command '%s'", r->name);
        r->ran = true;
        return 0;
}

/* Whatever bytes the program wrote, NULs too. */
static int bytes(const char *text, size_t length, struct spec_value *ret)
{
        *ret = (struct spec_value){ .kind = SPEC_STRING, .s = bk_alloc(length + 1), .len = text ? length : 0 };
        if (text != NULL)
                memcpy(ret->s, text, length);
        return 0;
}

static int command_stdout(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return run(r, err) < 0 ? -1 : bytes(r->output.out, r->output.out_len, ret);
}

static int command_stderr(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        return run(r, err) < 0 ? -1 : bytes(r->output.err, r->output.err_len, ret);
}

static int command_exit_status(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        if (run(r, err) < 0)
                return -1;
        spec_value_int(ret, r->output.status);
        return 0;
}

const struct spec_property spec_command_properties[] = {
        { "stdout", command_stdout }, { "stdout_as_json", command_stdout }, { "stdout_as_yaml", command_stdout },
        { "stderr", command_stderr }, { "exit_status", command_exit_status }, { NULL },
};

const struct spec_predicate spec_command_predicates[] = { { NULL } };
