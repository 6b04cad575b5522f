/* What {{ build `ID` }} knows: values of the running build, for provisioners and post-processors. Before it runs, each stands for itself, so
 * that a template can be checked, and that a port that is another one at every bake is no input. */
#include "bakery/bake/guest_priv.h"

#include <string.h>

/* Packer's names. */
static const char *const names[] = {
        "ID", "Host", "Port", "User", "Password", "ConnType", "PackerRunUUID", "PackerHTTPAddr", "PackerHTTPIP", "PackerHTTPPort", "SSHPublicKey",
        "SSHPrivateKey", "SSHPrivateKeyFile", "SSHAgentAuth", "WinRMPassword", "SourceImageName",
};
enum { NAMES = sizeof names / sizeof *names };

void bake_build_unknown(struct tmpl_scope *scope)
{
        static struct tmpl_datum data[NAMES];

        for (size_t i = 0; i < NAMES; i++)
                data[i] = (struct tmpl_datum){ names[i], names[i] };
        scope->build = data;
        scope->n_build = NAMES;
}

static const char *guest_value(const struct bake_stage *stage, const char *name)
{
        const struct vm_ssh_config *login = &stage->login;
        const struct vm_ssh_keypair *pair = &stage->media->pair;
        static char port[8];

        if (bk_streq(name, "ID"))
                return stage->name;
        if (bk_streq(name, "Host"))
                return stage->host;
        if (bk_streq(name, "Port")) {
                (void)snprintf(port, sizeof port, "%hu", (unsigned short)login->port);
                return port;
        }
        if (bk_streq(name, "User"))
                return login->user;
        if (bk_streq(name, "Password"))
                return login->password;
        if (bk_streq(name, "ConnType"))
                return stage->config->communicator;
        if (bk_streq(name, "SSHPublicKey"))
                return pair->public_line;
        if (bk_streq(name, "SSHPrivateKey"))
                return pair->secret;
        if (bk_streq(name, "SSHPrivateKeyFile"))
                return login->key_file;
        return bk_streq(name, "SSHAgentAuth") ? (login->agent ? "true" : "false") : NULL;
}

static char *value_of(const struct bake *bake, const struct bake_work *work, const char *name)
{
        const char *address = work != NULL ? work->http_address : NULL, *colon = address != NULL ? strrchr(address, ':') : NULL;
        const char *value = work != NULL && work->stage != NULL ? guest_value(work->stage, name) : NULL;

        if (bk_streq(name, "PackerRunUUID"))
                value = bake->options->run_uuid;
        else if (bk_streq(name, "SourceImageName"))
                value = bake->source.name;
        else if (bk_streq(name, "PackerHTTPAddr"))
                value = address;
        else if (bk_streq(name, "PackerHTTPIP") && colon != NULL)
                return bk_strndup(address, (size_t)(colon - address));
        else if (bk_streq(name, "PackerHTTPPort") && colon != NULL)
                value = colon + 1;
        else if (value == NULL && bk_streq(name, "ID"))
                value = bake->image.id != NULL ? bake->image.id : bake->id;
        else if (value == NULL && bk_streq(name, "ConnType"))
                value = bake->builder->guest ? bake->config.guest.communicator : "chroot";
        return bk_strdup(value != NULL ? value : "");
}

void bake_build_known(const struct bake *bake, const struct bake_work *work, struct tmpl_scope *scope)
{
        struct tmpl_datum *data = bk_grow(NULL, NAMES, sizeof *data);

        for (size_t i = 0; i < NAMES; i++)
                data[i] = (struct tmpl_datum){ names[i], value_of(bake, work, names[i]) };
        scope->build = data;
        scope->n_build = NAMES;
}

void bake_build_vars(const struct bake *bake, const struct bake_work *work, struct tmpl_map *ret)
{
        static const char *const vars[][2] = {
                { "PACKER_HTTP_ADDR", "PackerHTTPAddr" }, { "PACKER_HTTP_IP", "PackerHTTPIP" }, { "PACKER_HTTP_PORT", "PackerHTTPPort" },
        };

        bk_strv_add(&ret->keys, "PACKER_BUILD_NAME");
        bk_strv_add(&ret->values, bake->name);
        bk_strv_add(&ret->keys, "PACKER_BUILDER_TYPE");
        bk_strv_add(&ret->values, bake->block->type);
        for (size_t i = 0; work != NULL && work->http_address != NULL && i < sizeof vars / sizeof *vars; i++) {
                bk_strv_add(&ret->keys, vars[i][0]);
                bk_strv_take(&ret->values, value_of(bake, work, vars[i][1]));
        }
}
