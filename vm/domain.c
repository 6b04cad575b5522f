/* The machine itself: memory, processors, firmware, clock, what happens at its
 * end. Its devices are in domain_devices.c. */
#include "vm/domain_priv.h"

#include <ctype.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/lazy.h"
#include "lib/utf8.h"

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/* --- writing -------------------------------------------------------------- */

static bool sayable(const char *text)
{
        const char *const end = text + strlen(text);
        size_t length;

        for (const char *p = text; p < end; p += length) {
                length = bk_utf8_length(p, end);
                if (length == 0 || ((unsigned char)*p < ' ' && strchr("\t\n\r", *p) == NULL))
                        return false;
        }
        return true;
}

static bool said(struct domain_out *out, const char *text)
{
        const bool ok = sayable(text);

        if (!ok && out->unsayable == NULL)
                out->unsayable = text;
        return ok;
}

void domain_open(struct domain_out *out, const char *element)
{
        (void)xmlTextWriterStartElement(out->xml, BAD_CAST element);
}

void domain_close(struct domain_out *out)
{
        (void)xmlTextWriterEndElement(out->xml);
}

void domain_attribute(struct domain_out *out, const char *name, const char *value)
{
        if (value != NULL && said(out, value))
                (void)xmlTextWriterWriteAttribute(out->xml, BAD_CAST name, BAD_CAST value);
}

void domain_number(struct domain_out *out, const char *name, uint64_t value)
{
        (void)xmlTextWriterWriteFormatAttribute(out->xml, BAD_CAST name, "%llu", (unsigned long long)value);
}

void domain_leaf(struct domain_out *out, const char *element, const char *name, const char *value)
{
        domain_open(out, element);
        domain_attribute(out, name, value);
        domain_close(out);
}

void domain_element(struct domain_out *out, const char *element, const char *text)
{
        if (said(out, text))
                (void)xmlTextWriterWriteElement(out->xml, BAD_CAST element, BAD_CAST text);
}

/* --- elements ------------------------------------------------------------- */

static unsigned at_least_one(unsigned n)
{
        return n > 0 ? n : 1;
}

static void memory(struct domain_out *out)
{
        autofree char *kib = bk_format("%llu", (unsigned long long)(out->domain->memory / 1024));

        domain_open(out, "memory");
        domain_attribute(out, "unit", "KiB");
        (void)xmlTextWriterWriteString(out->xml, BAD_CAST kib);
        domain_close(out);
}

static void vcpu(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;
        autofree char *n = bk_format("%u", at_least_one(domain->sockets) * at_least_one(domain->cores) * at_least_one(domain->threads));

        domain_element(out, "vcpu", n);
}

/* Both paths are explicit: libvirt would else choose firmware by its own lists, and keep the variables where it likes. */
static void firmware(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;

        if (domain->firmware != VM_EFI)
                return;
        domain_open(out, "loader");
        domain_attribute(out, "readonly", "yes");
        domain_attribute(out, "secure", domain->secure_boot ? "yes" : "no");
        domain_attribute(out, "type", "pflash");
        if (said(out, domain->code))
                (void)xmlTextWriterWriteString(out->xml, BAD_CAST domain->code);
        domain_close(out);
        domain_element(out, "nvram", domain->vars);
}

static void os(struct domain_out *out)
{
        domain_open(out, "os");
        domain_open(out, "type");
        domain_attribute(out, "arch", "x86_64");
        domain_attribute(out, "machine", out->domain->machine);
        (void)xmlTextWriterWriteString(out->xml, BAD_CAST "hvm");
        domain_close(out);
        firmware(out);
        domain_close(out);
}

static void features(struct domain_out *out)
{
        domain_open(out, "features");
        domain_leaf(out, "acpi", NULL, NULL);
        domain_leaf(out, "apic", NULL, NULL);
        if (out->domain->secure_boot)
                domain_leaf(out, "smm", "state", "on");
        domain_close(out);
}

static void topology(struct domain_out *out)
{
        domain_open(out, "topology");
        domain_number(out, "sockets", at_least_one(out->domain->sockets));
        domain_number(out, "dies", 1);
        domain_number(out, "cores", at_least_one(out->domain->cores));
        domain_number(out, "threads", at_least_one(out->domain->threads));
        domain_close(out);
}

/* "host" of a template that was written for KVM means the most there is. */
static bool is_most(const struct vm_domain *domain)
{
        return domain->cpu == NULL || bk_streq(domain->cpu, "host") || bk_streq(domain->cpu, "max") ||
               (!domain->kvm && strncmp(domain->cpu, "host,", 5) == 0);
}

/* libvirt knows models by name, and not all; features and versions of models, as QEMU writes them, are said to QEMU, whose last -cpu counts. */
static bool is_qemus(const struct vm_domain *domain)
{
        static const char *const unknown[] = { "base", "Denverton", "KnightsMill", "SapphireRapids" };
        const char *const version = domain->cpu != NULL ? strrchr(domain->cpu, '-') : NULL;

        if (is_most(domain))
                return false;
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
                if (bk_streq(domain->cpu, unknown[i]))
                        return true;
        return strchr(domain->cpu, ',') != NULL || (version != NULL && version[1] == 'v' && isdigit((unsigned char)version[2]));
}

static void cpu(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;
        const bool named = !is_most(domain) && !is_qemus(domain);
        const bool passed = domain->kvm && !bk_streq(domain->cpu, "max");

        domain_open(out, "cpu");
        domain_attribute(out, "mode", named ? "custom" : passed ? "host-passthrough" : "maximum");
        if (named)
                domain_attribute(out, "match", "exact");
        domain_attribute(out, "check", "none");
        if (named) {
                domain_open(out, "model");
                domain_attribute(out, "fallback", "allow");
                if (said(out, domain->cpu))
                        (void)xmlTextWriterWriteString(out->xml, BAD_CAST domain->cpu);
                domain_close(out);
        }
        topology(out);
        domain_close(out);
}

static void timer(struct domain_out *out, const char *name, const char *key, const char *value)
{
        domain_open(out, "timer");
        domain_attribute(out, "name", name);
        domain_attribute(out, key, value);
        domain_close(out);
}

/* Under KVM missed ticks are made up for, and Windows is spared the HPET. Under TCG the HPET is the one clock that guests can trust. */
static void guest_clock(struct domain_out *out)
{
        domain_open(out, "clock");
        domain_attribute(out, "offset", "utc");
        if (out->domain->kvm) {
                timer(out, "rtc", "tickpolicy", "catchup");
                timer(out, "pit", "tickpolicy", "delay");
                timer(out, "hpet", "present", "no");
        }
        domain_close(out);
}

/* Installers reboot. A guest that crashed stays: its screen and memory tell why. */
static void endings(struct domain_out *out)
{
        domain_element(out, "on_poweroff", "destroy");
        domain_element(out, "on_reboot", out->domain->no_reboot ? "destroy" : "restart");
        domain_element(out, "on_crash", "preserve");
}

/* The files are where bakery put them, and QEMU's user may read them already. */
static void seclabel(struct domain_out *out)
{
        domain_leaf(out, "seclabel", "type", "none");
}

/* libvirt writes its devices as JSON, and QEMU makes those after all others: a device of an argument would find neither their buses nor
 * a slot that they do not want. Without JSON, QEMU makes devices in the order of its command line, libvirt's before ours. */
static void capabilities(struct domain_out *out)
{
        domain_open(out, "qemu:capabilities");
        domain_leaf(out, "qemu:del", "capability", "device.json+hotplug");
        domain_close(out);
}

static void commandline(struct domain_out *out)
{
        static const char *const none[] = { NULL };
        const char *const *arg = out->domain->args != NULL ? out->domain->args : none;
        const bool some = *arg != NULL;

        if (!some && !is_qemus(out->domain))
                return;
        domain_open(out, "qemu:commandline");
        if (is_qemus(out->domain)) {
                domain_leaf(out, "qemu:arg", "value", "-cpu");
                domain_leaf(out, "qemu:arg", "value", out->domain->cpu);
        }
        for (; *arg != NULL; arg++)
                domain_leaf(out, "qemu:arg", "value", *arg);
        domain_close(out);
        if (some)
                capabilities(out);
}

static void document(struct domain_out *out)
{
        (void)xmlTextWriterSetIndent(out->xml, 1);
        (void)xmlTextWriterSetIndentString(out->xml, BAD_CAST "  ");
        domain_open(out, "domain");
        domain_attribute(out, "type", out->domain->kvm ? "kvm" : "qemu");
        domain_attribute(out, "xmlns:qemu", QEMU_NAMESPACE);
        domain_element(out, "name", out->domain->name);
        if (out->domain->uuid != NULL)
                domain_element(out, "uuid", out->domain->uuid);
        memory(out);
        vcpu(out);
        os(out);
        features(out);
        cpu(out);
        guest_clock(out);
        endings(out);
        domain_devices(out);
        seclabel(out);
        commandline(out);
        (void)xmlTextWriterEndDocument(out->xml);
}

/* --- what a machine must be ----------------------------------------------- */

static bool starts(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

/* "pc", "q35", or a version of them as QEMU numbers it. */
static int check_machine(const struct vm_domain *domain, bool *ret_q35, struct bk_error *err)
{
        const char *const machine = domain->machine != NULL ? domain->machine : "";
        const bool q35 = bk_streq(machine, "q35") || starts(machine, "pc-q35-");

        if (!q35 && !bk_streq(machine, "pc") && !starts(machine, "pc-i440fx-"))
                return bk_fail(err, BK_INVALID, "machine '%s' is not known; known are pc, q35, and their versions such as pc-q35-7.2", machine);
        *ret_q35 = q35;
        return 0;
}

static int check_firmware(const struct vm_domain *domain, bool q35, struct bk_error *err)
{
        if (domain->firmware != VM_EFI)
                return domain->secure_boot ? bk_fail(err, BK_INVALID, "secure boot needs EFI firmware") : 0;
        if (domain->code == NULL || domain->vars == NULL)
                return bk_fail(err, BK_INVALID, "EFI firmware needs two files: its code, and the machine's variables");
        if (domain->secure_boot && !q35)
                return bk_fail(err, BK_INVALID, "secure boot needs the machine q35: '%s' cannot keep its variables from the guest",
                               domain->machine);
        return 0;
}

static int check(const struct vm_domain *domain, bool *ret_q35, struct bk_error *err)
{
        if (domain->name == NULL || domain->name[0] == '\0' || strchr(domain->name, '/') != NULL || strchr(domain->name, '\n') != NULL)
                return bk_fail(err, BK_INVALID, "a machine needs a name without '/'");
        if (domain->memory < 1024 * 1024)
                return bk_fail(err, BK_INVALID, "a machine needs memory: %llu bytes are too few", (unsigned long long)domain->memory);
        if (check_machine(domain, ret_q35, err) < 0 || check_firmware(domain, *ret_q35, err) < 0)
                return -1;
        return domain_devices_check(domain, *ret_q35, err);
}

int vm_domain_xml(const struct vm_domain *domain, char **ret, struct bk_error *err)
{
        struct domain_out out = { .domain = domain };
        xmlBuffer *bytes;
        char *text;

        if (bk_lazy_need("libxml2.so", err) < 0 || check(domain, &out.q35, err) < 0)
                return bk_wrap(err, "machine '%s'", domain->name != NULL ? domain->name : "");
        bytes = xmlBufferCreate();
        out.xml = bytes != NULL ? xmlNewTextWriterMemory(bytes, 0) : NULL;
        if (out.xml == NULL)
                abort();        /* out of memory */
        document(&out);
        xmlFreeTextWriter(out.xml);
        text = bk_strndup((const char *)xmlBufferContent(bytes), (size_t)xmlBufferLength(bytes));
        xmlBufferFree(bytes);
        if (out.unsayable != NULL) {
                free(text);
                return bk_fail(err, BK_INVALID, "machine '%s': a path or name has control characters or is not UTF-8, which libvirt cannot take",
                               domain->name);
        }
        *ret = text;
        return 0;
}
