/* What is checked, while one spec file runs: its files, its sandbox and its guest, and what was read of them. */
#include "spec/spec_priv.h"

static int ask_guest(void *arg, const char *line, const char *input, struct spec_output *ret, struct bk_error *err)
{
        struct spec_image *image = arg;

        image->asked = SPEC_IN_GUEST;
        return spec_wire_ask(image->fd, SPEC_IN_GUEST, line, input, image->options->command_timeout_ms, ret, err);
}

void spec_image_init(struct spec_image *image, const struct spec_target *target, const struct spec_options *options, int fd)
{
        const struct spec_facts_source source = { .run = ask_guest, .arg = image };

        *image = (struct spec_image){ .target = target, .options = options, .fd = fd, .files = { .root_fd = target->root_fd } };
        image->guest.root_fd = -1;
        if (target->guest.run != NULL)
                image->guest.facts = spec_facts_new(&source);
        if (target->root_fd < 0)
                image->files = image->guest;
}

static void drop_texts(struct spec_image *image)
{
        spec_package_lists_free(bk_take(image->packages));
        free(bk_take(image->passwd));
        free(bk_take(image->group));
        free(bk_take(image->shadow));
}

void spec_image_done(struct spec_image *image)
{
        drop_texts(image);
        spec_facts_free(image->guest.facts);
        *image = (struct spec_image){ 0 };
}

void spec_image_forget(struct spec_image *image)
{
        drop_texts(image);
        if (image->guest.facts != NULL)
                spec_facts_forget(image->guest.facts);
        image->forgotten++;
}

void spec_image_asked(struct spec_image *image)
{
        const enum spec_where least = image->files.facts != NULL ? SPEC_IN_GUEST : SPEC_IN_FILES;

        if (image->asked < least)
                image->asked = least;
}

int spec_image_guest(struct spec_image *image, const struct spec_files **ret, struct bk_error *err)
{
        if (image->guest.facts == NULL)
                return bk_fail(err, BK_INFRA, "needs a running system: boot it (--boot) or name one (--ssh)");
        image->asked = SPEC_IN_GUEST;           /* also for what came with an earlier batch */
        *ret = &image->guest;
        return 0;
}

int spec_image_guest_line(struct spec_image *image, const char *line, const struct spec_output **ret, struct bk_error *err)
{
        const struct spec_files *guest;

        if (spec_image_guest(image, &guest, err) < 0 || spec_facts_line(image->guest.facts, line, ret, err) < 0)
                return -1;
        if ((*ret)->status == 127)
                return bk_fail(err, BK_INFRA, "the guest lacks a tool: %.200s", (*ret)->err != NULL ? (*ret)->err : line);
        return 0;
}

int spec_image_run(struct spec_image *image, const char *line, struct spec_output *ret, struct bk_error *err)
{
        const enum spec_where where = image->target->guest.run != NULL ? SPEC_IN_GUEST : SPEC_IN_SANDBOX;

        if (where == SPEC_IN_SANDBOX && image->target->sandbox.run == NULL)
                return bk_fail(err, BK_INFRA, "commands cannot be run here");
        if (where > image->asked)
                image->asked = where;
        return spec_wire_ask(image->fd, where, line, NULL, image->options->command_timeout_ms, ret, err);
}

void spec_want_path(const struct spec_resource *resource, const char *path)
{
        if (resource->image->files.facts != NULL)
                spec_facts_want_path(resource->image->files.facts, path);
}

void spec_want_guest_path(const struct spec_resource *resource, const char *path)
{
        if (resource->image->guest.facts != NULL)
                spec_facts_want_path(resource->image->guest.facts, path);
}

void spec_want_guest_line(const struct spec_resource *resource, const char *line)
{
        if (resource->image->guest.facts != NULL)
                spec_facts_want_line(resource->image->guest.facts, line);
}

void spec_configured(struct spec_resource *resource)
{
        resource->image->configured = true;
}
