/* What the builders qemu and vmware-iso accept. Packer's names and defaults, but where a comment says why not. */
#pragma once
#include "bakery/template/template.h"

struct bake_guest {
        /* where the disk begins: an ISO, a disk image, or an image of the registry (bake_config.source_image) */
        char *iso_url, *iso_md5, *iso_checksum, *iso_checksum_type, *iso_checksum_url, *iso_target_path;
        struct bk_strv iso_urls;
        bool iso_skip_cache, disk_image, skip_resize_disk, skip_compaction;
        uint64_t disk_size;
        struct bk_strv disk_additional_size;
        char *disk_interface, *disk_cache, *disk_discard, *disk_detect_zeroes, *cdrom_interface, *format;
        /* the machine */
        char *accelerator, *machine_type, *cpu_model, *firmware, *efi_firmware_code, *efi_firmware_vars, *tpm_device_type, *vga;
        int64_t cpus, sockets, cores, threads, memory;  /* memory: MiB */
        bool efi_boot, vtpm, use_tpm1;
        char *net_device, *net_bridge;
        int64_t host_port_min, host_port_max;
        const struct bk_doc *qemuargs;
        char *libvirt_uri;
        /* seed */
        char *http_directory, *http_bind_address, *http_callback_address, *floppy_label, *cd_label;
        struct tmpl_map http_content, floppy_content, cd_content;
        struct bk_strv floppy_files, floppy_dirs, cd_files;
        int64_t http_port_min, http_port_max;
        /* typing */
        int64_t boot_wait_ms, boot_keygroup_interval_ms;
        struct bk_strv boot_command;
        const struct bk_doc *boot_steps;
        char *boot_key_interval, *boot_keyboard;
        bool boot_verify_typing;
        bool disable_vnc, vnc_use_password;
        char *vnc_bind_address, *vnc_password;
        int64_t vnc_port_min, vnc_port_max;
        /* communicator */
        char *communicator, *ssh_host, *ssh_username, *ssh_password, *ssh_private_key_file, *ssh_key_path, *ssh_certificate_file;
        char *ssh_bastion_host, *ssh_bastion_username, *ssh_bastion_password, *ssh_bastion_private_key_file, *ssh_bastion_certificate_file;
        struct bk_strv ssh_ciphers, ssh_key_exchange_algorithms;
        int64_t ssh_port, ssh_bastion_port, ssh_handshake_attempts;
        int64_t ssh_timeout_ms, ssh_wait_timeout_ms, ssh_keep_alive_interval_ms, ssh_read_write_timeout_ms, pause_before_connecting_ms;
        bool ssh_pty, ssh_agent_auth, ssh_clear_authorized_keys, ssh_bastion_agent_auth;
        /* the end */
        char *shutdown_command, *output_directory, *vm_name;
        int64_t shutdown_timeout_ms;
        char *sysprep;                  /* "true" or "false"; NULL: only on an image of the registry */
        bool evidence;                  /* keep it also when nothing failed */
        /* vmware-iso */
        char *guest_os_type, *version, *network_adapter_type, *disk_adapter_type, *network;
        struct tmpl_map vmx_data;
};
