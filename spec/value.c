/* Values that pass between Ruby and the resource types. */
#include "spec/spec_priv.h"

#include <string.h>

void spec_value_done(struct spec_value *value)
{
        free(value->s);
        bk_strv_done(&value->list);
        *value = (struct spec_value){ 0 };
}

void spec_value_text(struct spec_value *ret, const char *text)
{
        *ret = (struct spec_value){ .kind = text ? SPEC_STRING : SPEC_NIL, .s = bk_strdup(text), .len = text ? strlen(text) : 0 };
}

void spec_value_int(struct spec_value *ret, int64_t n)
{
        *ret = (struct spec_value){ .kind = SPEC_INT, .n = n };
}

void spec_args_done(struct spec_args *args)
{
        for (size_t i = 0; i < args->n; i++)
                spec_value_done(&args->v[i]);
        for (size_t i = 0; i < args->n_named; i++) {
                free(args->named[i].name);
                spec_value_done(&args->named[i].value);
        }
        *args = (struct spec_args){ 0 };
}

const char *spec_args_text(const struct spec_args *args, size_t i)
{
        return i < args->n ? args->v[i].s : NULL;
}

const struct spec_value *spec_args_value(const struct spec_args *args, const char *name)
{
        for (size_t i = 0; i < args->n_named; i++)
                if (bk_streq(args->named[i].name, name))
                        return &args->named[i].value;
        return NULL;
}

const char *spec_args_named(const struct spec_args *args, const char *name)
{
        const struct spec_value *value = spec_args_value(args, name);

        return value ? value->s : NULL;
}

void spec_resource_done(struct spec_resource *resource)
{
        free(resource->name);
        spec_args_done(&resource->args);
        bk_buf_done(&resource->note);
        spec_output_done(&resource->output);
        *resource = (struct spec_resource){ 0 };
}

void spec_note(struct spec_resource *resource, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        bk_buf_done(&resource->note);
        bk_buf_puts(&resource->note, text);
}
