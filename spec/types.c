/* Every resource type. A new one is a row here and a file type_NAME.c. */
#include "spec/live.h"

#define WINDOWS "is of Windows"
#define UNIX "is of Solaris and the BSDs"

const struct spec_type spec_types[] = {
        { "file", "File", spec_file_properties, spec_file_predicates, .want = spec_file_want },
        { "package", "Package", spec_package_properties, spec_package_predicates, .want = spec_packages_want },
        { "service", "Service", spec_service_properties, spec_service_predicates, .want = spec_service_want },
        { "user", "User", spec_user_properties, spec_user_predicates, .want = spec_account_want },
        { "group", "Group", spec_group_properties, spec_group_predicates, .want = spec_account_want },
        { "command", "Command", spec_command_properties, spec_command_predicates },

        /* What the image's own files answer, or its programs. */
        { "json_file", "JsonFile", spec_file_properties, spec_file_predicates, .want = spec_file_want },
        { "x509_certificate", "X509Certificate", spec_x509_certificate_properties, spec_x509_certificate_predicates, .want = spec_file_want },
        { "x509_private_key", "X509PrivateKey", NULL, spec_x509_private_key_predicates, .want = spec_file_want },
        { "cron", "Cron", spec_cron_properties, spec_cron_predicates, .want = spec_cron_want },
        { "fstab", "Fstab", NULL, spec_fstab_predicates, .want = spec_fstab_want },
        { "mail_alias", "MailAlias", NULL, spec_mail_alias_predicates, .want = spec_mail_alias_want },
        { "yumrepo", "Yumrepo", NULL, spec_yumrepo_predicates, .want = spec_yumrepo_want },
        { "ppa", "Ppa", NULL, spec_ppa_predicates, .want = spec_ppa_want },
        { "selinux", "Selinux", NULL, spec_selinux_predicates, .want = spec_selinux_want },
        { "selinux_module", "SelinuxModule", NULL, spec_selinux_module_predicates, .want = spec_selinux_module_want },
        { "linux_audit_system", "LinuxAuditSystem", spec_linux_audit_system_properties, spec_linux_audit_system_predicates,
          .want = spec_linux_audit_system_want },
        { "mysql_config", "MysqlConfig", spec_mysql_config_properties },
        { "php_config", "PhpConfig", spec_php_config_properties },
        { "php_extension", "PhpExtension", NULL, spec_php_extension_predicates },
        { "hadoop_config", "HadoopConfig", spec_hadoop_config_properties, .want = spec_hadoop_config_want },

        /* What a running system answers, or what is configured. */
        { "port", "Port", NULL, spec_port_predicates, .want = spec_port_want },
        { "process", "Process", spec_process_properties, spec_process_predicates, .missing = spec_process_column, .want = spec_process_want },
        { "host", "Host", spec_host_properties, spec_host_predicates },
        { "interface", "Interface", spec_interface_properties, spec_interface_predicates, .want = spec_interface_want },
        { "bond", "Bond", NULL, spec_bond_predicates, .want = spec_link_want },
        { "bridge", "Bridge", NULL, spec_bridge_predicates, .want = spec_link_want },
        { "default_gateway", "DefaultGateway", spec_default_gateway_properties, NULL, .want = spec_route_want },
        { "routing_table", "RoutingTable", NULL, spec_routing_table_predicates, .want = spec_route_want },
        { "kernel_module", "KernelModule", NULL, spec_kernel_module_predicates, .want = spec_kernel_module_want },
        { "linux_kernel_parameter", "LinuxKernelParameter", spec_kernel_parameter_properties, .want = spec_kernel_parameter_want },
        { "cgroup", "Cgroup", .missing = spec_cgroup_parameter },
        { "iptables", "Iptables", NULL, spec_iptables_predicates, .want = spec_iptables_want },
        { "ip6tables", "Ip6tables", NULL, spec_ip6tables_predicates, .want = spec_ip6tables_want },
        { "zfs", "Zfs", spec_zfs_properties, spec_zfs_predicates, .want = spec_zfs_want },
        { "lxc", "Lxc", NULL, spec_lxc_predicates, .want = spec_lxc_want },
        { "kvm", "Kvm", NULL, spec_kvm_predicates, .want = spec_kvm_want },
        { "docker_image", "DockerImage", spec_docker_properties, spec_docker_image_predicates, .want = spec_docker_want },
        { "docker_container", "DockerContainer", spec_docker_properties, spec_docker_container_predicates, .want = spec_docker_want },

        /* What no Linux has. */
        { "windows_feature", "WindowsFeature", .skipped = WINDOWS },
        { "windows_firewall", "WindowsFirewall", .skipped = WINDOWS },
        { "windows_hot_fix", "WindowsHotFix", .skipped = WINDOWS },
        { "windows_registry_key", "WindowsRegistryKey", .skipped = WINDOWS },
        { "windows_scheduled_task", "WindowsScheduledTask", .skipped = WINDOWS },
        { "iis_website", "IisWebsite", .skipped = WINDOWS },
        { "iis_app_pool", "IisAppPool", .skipped = WINDOWS },
        { "ipfilter", "Ipfilter", .skipped = UNIX },
        { "ipnat", "Ipnat", .skipped = UNIX },
        { NULL },
};
