/* What Packer has and bakery has not. Templates name it beside what can be baked, so it is told from a slip of the pen: a builder of these
 * is left out when another one is there, and the rest is refused by its name. The names are those of Packer and of the plugins that came
 * with it before 1.7, with the best known of the others. */
#include "bakery/bake/bake_priv.h"

static const char *const builders[] = {
        "alicloud-ecs", "amazon-chroot", "amazon-ebs", "amazon-ebssurrogate", "amazon-ebsvolume", "amazon-instance", "azure-arm", "azure-chroot",
        "azure-dtl", "cloudstack", "digitalocean", "docker", "file", "googlecompute", "hcloud", "hyperone", "hyperv-iso", "hyperv-vmcx", "jdcloud",
        "linode", "lxc", "lxd", "ncloud", "null", "nutanix", "oneandone", "openstack", "oracle-classic", "oracle-oci", "osc-bsu", "osc-bsusurrogate",
        "osc-bsuvolume", "osc-chroot", "parallels-iso", "parallels-ipsw", "parallels-macvm", "parallels-pvm", "profitbricks", "proxmox",
        "proxmox-clone", "proxmox-iso", "scaleway", "tencentcloud-cvm", "triton", "ucloud-uhost", "utm-iso", "vagrant", "virtualbox",
        "virtualbox-iso", "virtualbox-ovf", "virtualbox-vm", "vmware-vmx", "vsphere-clone", "vsphere-iso", "vultr", "xenserver-iso", "yandex",
};

static const char *const provisioners[] = {
        "ansible", "ansible-local", "chef-client", "chef-solo", "converge", "goss", "hcp-sbom", "inspec", "powershell",
        "puppet-masterless", "puppet-server", "salt-masterless", "windows-restart", "windows-shell", "windows-update",
};

static const char *const posts[] = {
        "alicloud-import", "amazon-import", "atlas", "azure-arm-import", "digitalocean-import", "docker-import", "docker-push",
        "docker-save", "docker-tag", "exoscale-import", "googlecompute-export", "googlecompute-import", "ucloud-import", "vagrant",
        "vagrant-cloud", "vagrant-registry", "vsphere", "vsphere-template", "yandex-export", "yandex-import",
};

#define LIST(names) { names, sizeof names / sizeof *names }
static const struct { const char *const *v; size_t n; } lists[] = {
        [BAKE_BUILDER] = LIST(builders), [BAKE_PROVISIONER] = LIST(provisioners), [BAKE_POST_PROCESSOR] = LIST(posts),
};

bool bake_packer_has(enum bake_part part, const char *type)
{
        for (size_t i = 0; i < lists[part].n; i++)
                if (bk_streq(lists[part].v[i], type))
                        return true;
        return false;
}
