/* The vocabulary, from the rows. Rows do not say where they look: that is a table here. */
#include "spec/vocabulary.h"

#include <string.h>

#include "spec/spec_priv.h"

#define FILES "files"
#define COMMAND "command"
#define CONFIGURED "configured"
#define RUNNING "running"
#define NEVER "never"

/* A member goes before its type. */
static const struct { const char *type, *member, *where; } places[] = {
        { "file", "mounted?", CONFIGURED }, { "file", "version?", NEVER }, { "file", NULL, FILES },
        { "package", NULL, FILES },
        { "service", "running?", RUNNING }, { "service", "monitored_by?", RUNNING }, { "service", "property", NEVER },
        { "service", "has_property?", NEVER }, { "service", "has_start_mode?", NEVER }, { "service", NULL, FILES },
        { "user", NULL, FILES }, { "group", NULL, FILES }, { "command", NULL, COMMAND },
        { "host", "reachable?", RUNNING }, { "host", NULL, CONFIGURED },
        { "port", NULL, RUNNING }, { "process", NULL, RUNNING }, { "cgroup", NULL, RUNNING }, { "zfs", NULL, RUNNING },
        { "interface", NULL, CONFIGURED }, { "bond", NULL, CONFIGURED }, { "bridge", NULL, CONFIGURED },
        { "default_gateway", NULL, CONFIGURED }, { "routing_table", NULL, CONFIGURED }, { "kernel_module", NULL, CONFIGURED },
        { "linux_kernel_parameter", NULL, CONFIGURED }, { "iptables", NULL, CONFIGURED }, { "ip6tables", NULL, CONFIGURED },
        { "selinux", NULL, CONFIGURED }, { "linux_audit_system", NULL, CONFIGURED },
        { "cron", NULL, FILES }, { "fstab", NULL, FILES }, { "mail_alias", NULL, FILES }, { "selinux_module", NULL, FILES },
        { "yumrepo", NULL, FILES }, { "ppa", NULL, FILES }, { "x509_certificate", NULL, FILES }, { "x509_private_key", NULL, FILES },
        { "json_file", NULL, FILES }, { "yaml_file", NULL, FILES }, { "hadoop_config", NULL, FILES },
        { "lxc", "running?", RUNNING }, { "lxc", NULL, FILES }, { "kvm", "running?", RUNNING }, { "kvm", NULL, FILES },
        { "docker_container", "running?", RUNNING }, { "docker_container", NULL, CONFIGURED }, { "docker_image", NULL, CONFIGURED },
        { "docker_base", NULL, CONFIGURED },
        { "mysql_config", NULL, COMMAND }, { "php_config", NULL, COMMAND }, { "php_extension", NULL, COMMAND },
        { "ipfilter", NULL, NEVER }, { "ipnat", NULL, NEVER }, { "windows_feature", NULL, NEVER }, { "windows_hot_fix", NULL, NEVER },
        { "windows_registry_key", NULL, NEVER }, { "windows_scheduled_task", NULL, NEVER }, { "windows_firewall", NULL, NEVER },
        { "iis_website", NULL, NEVER }, { "iis_app_pool", NULL, NEVER },
};

static const char *where(const char *type, const char *member, const char *unanswered)
{
        if (unanswered != NULL)
                return strstr(unanswered, "running system") != NULL ? RUNNING : NEVER;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                if (bk_streq(places[i].type, type) && (places[i].member == NULL || bk_streq(places[i].member, member)))
                        return places[i].where;
        return NULL;
}

/* "belongs_to_group?" is asked by belong_to_group, "has_uid?" by have_uid, "exist?" by exist, "file?" by be_file. */
static char *matcher_of(const char *predicate)
{
        static const struct { const char *start, *word; } rows[] = {
                { "belongs_to_", "belong_to_" }, { "has_", "have_" }, { "exist", "exist" }, { "contain", "contain" }, { "", "be_" },
        };
        const int length = (int)strcspn(predicate, "?");

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const size_t n = strlen(rows[i].start);

                if (strncmp(predicate, rows[i].start, n) == 0)
                        return bk_format("%s%.*s", rows[i].word, length - (int)n, predicate + n);
        }
        return NULL;
}

void spec_vocabulary(void (*each)(void *arg, const struct spec_word *word), void *arg)
{
        for (const struct spec_type *t = spec_types; t->name != NULL; t++) {
                const struct spec_word head = { .type = t->name, .chains = "", .where = where(t->name, NULL, t->unanswered) };

                each(arg, &head);
                for (const struct spec_predicate *p = t->predicates; p != NULL && p->name != NULL; p++) {
                        autofree char *name = matcher_of(p->name);
                        const struct spec_word word = {
                                .type = t->name, .name = name, .chains = p->chains ? p->chains : "",
                                .where = where(t->name, p->name, p->unanswered ? p->unanswered : t->unanswered),
                        };

                        each(arg, &word);
                }
                for (const struct spec_property *p = t->properties; p != NULL && p->name != NULL; p++) {
                        const struct spec_word word = {
                                .type = t->name, .name = p->name, .property = true, .chains = "",
                                .where = where(t->name, p->name, p->unanswered ? p->unanswered : t->unanswered),
                        };

                        each(arg, &word);
                }
        }
}
