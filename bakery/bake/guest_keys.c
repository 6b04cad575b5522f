/* The keys of the builders that run a guest. */
#include "bakery/bake/guest_priv.h"

#include <stddef.h>

#define AT(member) offsetof(struct bake_config, guest.member)
#define HOW TMPL_NO_INPUT

/* Keys that mean nothing here are known, so that templates load; the bake says once that they are ignored (guest_check.c). */
#define SHARED \
        { "type", TMPL_IGNORED }, { "name", TMPL_IGNORED }, \
        { "image_name", TMPL_STRING, offsetof(struct bake_config, image_name), 0, NULL, 0, 0, \
          "name in the registry; vm_name or the build's name where not given" }, \
        { "image_type", TMPL_STRING, offsetof(struct bake_config, image_type), 0, NULL, 0, 0, \
          "foundation, base, application, or a word of your own" }, \
        { "attributes", TMPL_MAP, offsetof(struct bake_config, attributes), 0, NULL, 0, 0, "what queries find it by, e.g. release" }, \
        { "specs", TMPL_LIST, offsetof(struct bake_config, specs), TMPL_PATHS, NULL, 0, 0, "spec files that test the image, on its disk" }, \
        { "specs_boot", TMPL_BOOL, offsetof(struct bake_config, specs_boot), 0, "false", 0, 0, \
          "test in a throw-away boot of the image, too; see docs/guests.md" }, \
{ "allow_revoked", TMPL_BOOL, offsetof(struct bake_config, allow_revoked), TMPL_NO_INPUT, "false", 0, 0, \
          "bake on a revoked image, too; the new one is revoked as it is" }, \
        { "unique_version", TMPL_BOOL, offsetof(struct bake_config, unique_version), TMPL_NO_INPUT, "false", 0, 0, \
          "refuse a second living image of this name with the same attributes version and architecture" }, \
        { "publish_failed", TMPL_BOOL, offsetof(struct bake_config, publish_failed), 0, "false", 0, 0, \
          "publish even if tests fail; its state stays 'baked'" }, \
        { "sysprep", TMPL_STRING, AT(sysprep), 0, NULL, 0, 0, \
          "remove what copies must not share, in the guest; true on images of the registry, else false" }, \
        { "sysprep_skip", TMPL_LIST, offsetof(struct bake_config, sysprep_skip), 0, NULL, 0, 0, "sysprep operations to leave out" }, \
        { "timeout", TMPL_DURATION, offsetof(struct bake_config, timeout_ms), HOW, "12h", 1, 0, \
          "of the whole bake, without waiting for another of its image" }, \
        { "evidence", TMPL_BOOL, AT(evidence), HOW, "false", 0, 0, "keep screen, console, keys and logs also of a bake that went well" }, \
        { "libvirt_uri", TMPL_STRING, AT(libvirt_uri), HOW, NULL, 0, 0, "libvirt's driver; one of our own in this process where not given" }, \
        { "iso_url", TMPL_STRING, AT(iso_url), 0, NULL, 0, 0, "installation medium, or disk image: URL or path" }, \
        { "iso_urls", TMPL_LIST, AT(iso_urls), 0, NULL, 0, 0, "several places of it, tried in turn" }, \
        { "iso_checksum", TMPL_STRING, AT(iso_checksum), 0, NULL, 0, 0, "sha256:HEX, HEX, file:PATH_OR_URL, or none" }, \
        { "iso_checksum_type", TMPL_STRING, AT(iso_checksum_type), 0, NULL, 0, 0, "of a bare iso_checksum, as older templates have it" }, \
        { "iso_checksum_url", TMPL_STRING, AT(iso_checksum_url), 0, NULL, 0, 0, "checksum file, as older templates have it" }, \
        { "iso_target_path", TMPL_STRING, AT(iso_target_path), HOW, NULL, 0, 0, "keep the medium there instead of in the cache" }, \
        { "iso_target_extension", TMPL_IGNORED }, \
        { "iso_skip_cache", TMPL_BOOL, AT(iso_skip_cache), HOW, "false", 0, 0, "a local medium is verified at every bake" }, \
        { "cpus", TMPL_INT, AT(cpus), 0, "1", 1, 512, "processors" }, \
        { "cores", TMPL_INT, AT(cores), 0, NULL, 0, 512, "cores of a socket" }, \
        { "memory", TMPL_INT, AT(memory), 0, NULL, 0, 1 << 24, "MiB; 1024 where not given (Packer's 512 is too little for today's installers)" }, \
        { "firmware", TMPL_STRING, AT(firmware), 0, NULL, 0, 0, "bios, efi, efi-secure, or a firmware file" }, \
        { "host_port_min", TMPL_INT, AT(host_port_min), HOW, "2222", 1, 65535, "port of 127.0.0.1 that leads to the guest's SSH: from" }, \
        { "host_port_max", TMPL_INT, AT(host_port_max), HOW, "4444", 1, 65535, "... to" }, \
        { "http_directory", TMPL_STRING, AT(http_directory), TMPL_PATHS, NULL, 0, 0, "folder that is served to the guest" }, \
        { "http_content", TMPL_MAP, AT(http_content), 0, NULL, 0, 0, "path and text of files that are served" }, \
        { "http_port_min", TMPL_INT, AT(http_port_min), HOW, "8000", 1, 65535, "port of that server: from" }, \
        { "http_port_max", TMPL_INT, AT(http_port_max), HOW, "9000", 1, 65535, "... to" }, \
        { "http_bind_address", TMPL_STRING, AT(http_bind_address), HOW, NULL, 0, 0, "its address; 127.0.0.1 where not given" }, \
        { "http_interface", TMPL_IGNORED }, { "http_network_protocol", TMPL_IGNORED }, \
        { "floppy_files", TMPL_LIST, AT(floppy_files), 0, NULL, 0, 0, "files for a floppy's root; patterns" }, \
        { "floppy_dirs", TMPL_LIST, AT(floppy_dirs), 0, NULL, 0, 0, "folders for a floppy" }, \
        { "floppy_content", TMPL_MAP, AT(floppy_content), 0, NULL, 0, 0, "path and text of files for a floppy" }, \
        { "floppy_label", TMPL_STRING, AT(floppy_label), 0, NULL, 0, 0, "its label" }, \
        { "cd_files", TMPL_LIST, AT(cd_files), 0, NULL, 0, 0, "files and folders for a second CD; patterns" }, \
        { "cd_content", TMPL_MAP, AT(cd_content), 0, NULL, 0, 0, "path and text of files for that CD" }, \
        { "cd_label", TMPL_STRING, AT(cd_label), 0, NULL, 0, 0, "its label, e.g. cidata" }, \
        { "boot_wait", TMPL_DURATION, AT(boot_wait_ms), 0, "10s", 0, 0, \
          "before typing starts; 0 is enough where the command waits for what it sees" }, \
        { "boot_command", TMPL_LIST, AT(boot_command), TMPL_LATER, NULL, 0, 0, "what is typed; see `bakery boot keys`" }, \
        { "boot_steps", TMPL_DOC, AT(boot_steps), 0, NULL, 0, 0, "the same in steps: [[\"keys\", \"what for\"], ...]" }, \
        { "boot_key_interval", TMPL_STRING, AT(boot_key_interval), 0, NULL, 0, 0, \
          "after every down and up (100ms), or auto: as fast as the screen echoes" }, \
        { "boot_keygroup_interval", TMPL_DURATION, AT(boot_keygroup_interval_ms), 0, NULL, 0, 0, "after every step" }, \
        { "boot_verify_typing", TMPL_BOOL, AT(boot_verify_typing), 0, "false", 0, 0, "read back what was typed, and type again what was lost" }, \
        { "boot_keyboard", TMPL_STRING, AT(boot_keyboard), 0, NULL, 0, 0, "the guest's keyboard: us, de, fr, gb" }, \
        { "disable_vnc", TMPL_BOOL, AT(disable_vnc), HOW, "false", 0, 0, "no VNC display; typing does not need one" }, \
        { "vnc_bind_address", TMPL_STRING, AT(vnc_bind_address), HOW, "127.0.0.1", 0, 0, "where it listens" }, \
        { "vnc_port_min", TMPL_INT, AT(vnc_port_min), HOW, "5900", 5900, 65535, "its port: from" }, \
        { "vnc_port_max", TMPL_INT, AT(vnc_port_max), HOW, "6000", 5900, 65535, "... to" }, \
        { "headless", TMPL_IGNORED }, \
        { "communicator", TMPL_STRING, AT(communicator), 0, "ssh", 0, 0, "ssh, or none: the guest powers itself off when it is done" }, \
        { "pause_before_connecting", TMPL_DURATION, AT(pause_before_connecting_ms), HOW, NULL, 0, 0, "after SSH answered first" }, \
        { "ssh_host", TMPL_STRING, AT(ssh_host), HOW, NULL, 0, 0, "for guests on a bridge: their address" }, \
        { "ssh_port", TMPL_INT, AT(ssh_port), 0, "22", 1, 65535, "in the guest" }, \
        { "ssh_username", TMPL_STRING, AT(ssh_username), 0, NULL, 0, 0, "who logs in; root on an image of the registry" }, \
        { "ssh_password", TMPL_STRING, AT(ssh_password), HOW, NULL, 0, 0, "also for keyboard-interactive" }, \
        { "ssh_private_key_file", TMPL_STRING, AT(ssh_private_key_file), TMPL_PATHS | HOW, NULL, 0, 0, \
          "a key; where neither key, password nor agent is given one is made for this bake" }, \
        { "ssh_certificate_file", TMPL_STRING, AT(ssh_certificate_file), TMPL_PATHS | HOW, NULL, 0, 0, "of that key" }, \
        { "ssh_agent_auth", TMPL_BOOL, AT(ssh_agent_auth), HOW, "false", 0, 0, "ask the agent" }, \
        { "ssh_timeout", TMPL_DURATION, AT(ssh_timeout_ms), HOW, NULL, 0, 0, "until the first login (5m); longer where guests are emulated" }, \
        { "ssh_wait_timeout", TMPL_DURATION, AT(ssh_wait_timeout_ms), HOW, NULL, 0, 0, "its older name" }, \
        { "ssh_handshake_attempts", TMPL_INT, AT(ssh_handshake_attempts), HOW, NULL, 0, 1 << 20, \
          "refused logins before giving up (10, or until ssh_timeout when that is given)" }, \
        { "ssh_pty", TMPL_BOOL, AT(ssh_pty), 0, "false", 0, 0, "commands get a terminal" }, \
        { "ssh_ciphers", TMPL_LIST, AT(ssh_ciphers), HOW, NULL, 0, 0, "allowed ciphers" }, \
        { "ssh_key_exchange_algorithms", TMPL_LIST, AT(ssh_key_exchange_algorithms), HOW, NULL, 0, 0, "allowed key exchanges" }, \
        { "ssh_keep_alive_interval", TMPL_DURATION, AT(ssh_keep_alive_interval_ms), HOW, "5s", 0, 0, "negative: none" }, \
        { "ssh_read_write_timeout", TMPL_DURATION, AT(ssh_read_write_timeout_ms), HOW, NULL, 0, 0, "a silent session is dead after this" }, \
        { "ssh_clear_authorized_keys", TMPL_BOOL, AT(ssh_clear_authorized_keys), 0, "false", 0, 0, "the bake's own key is always removed" }, \
        { "ssh_bastion_host", TMPL_STRING, AT(ssh_bastion_host), HOW, NULL, 0, 0, "go through this host" }, \
        { "ssh_bastion_port", TMPL_INT, AT(ssh_bastion_port), HOW, "22", 1, 65535, "its port" }, \
        { "ssh_bastion_username", TMPL_STRING, AT(ssh_bastion_username), HOW, NULL, 0, 0, "who logs in there" }, \
        { "ssh_bastion_password", TMPL_STRING, AT(ssh_bastion_password), HOW, NULL, 0, 0, "password there" }, \
        { "ssh_bastion_private_key_file", TMPL_STRING, AT(ssh_bastion_private_key_file), TMPL_PATHS | HOW, NULL, 0, 0, "key there" }, \
        { "ssh_bastion_agent_auth", TMPL_BOOL, AT(ssh_bastion_agent_auth), HOW, "false", 0, 0, "ask the agent there" }, \
        { "ssh_file_transfer_method", TMPL_IGNORED }, { "ssh_skip_nat_mapping", TMPL_IGNORED }, { "ssh_disable_agent_forwarding", TMPL_IGNORED }, \
        { "ssh_skip_request_pty", TMPL_IGNORED }, { "temporary_key_pair_name", TMPL_IGNORED }, { "temporary_key_pair_type", TMPL_IGNORED }, \
        { "temporary_key_pair_bits", TMPL_IGNORED }, { "ssh_keypair_name", TMPL_IGNORED }, { "ssh_host_port_min", TMPL_IGNORED }, \
        { "ssh_host_port_max", TMPL_IGNORED }, { "ssh_remote_tunnels", TMPL_IGNORED }, { "ssh_local_tunnels", TMPL_IGNORED }, \
        { "ssh_proxy_host", TMPL_IGNORED }, { "ssh_proxy_port", TMPL_IGNORED }, { "ssh_proxy_username", TMPL_IGNORED }, \
        { "ssh_proxy_password", TMPL_IGNORED }, { "ssh_key_path", TMPL_IGNORED }, { "winrm_username", TMPL_IGNORED }, \
        { "winrm_password", TMPL_IGNORED }, { "winrm_timeout", TMPL_IGNORED }, { "winrm_port", TMPL_IGNORED }, { "winrm_host", TMPL_IGNORED }, \
        { "winrm_use_ssl", TMPL_IGNORED }, { "winrm_insecure", TMPL_IGNORED }, { "winrm_use_ntlm", TMPL_IGNORED }, \
        { "winrm_no_proxy", TMPL_IGNORED }, \
        { "shutdown_command", TMPL_STRING, AT(shutdown_command), 0, NULL, 0, 0, \
          "run in the guest at the end; its power button is pressed where not given" }, \
        { "shutdown_timeout", TMPL_DURATION, AT(shutdown_timeout_ms), HOW, "5m", 1, 0, "until it is off; longer where guests are emulated" }, \
        { "output_directory", TMPL_STRING, AT(output_directory), HOW, NULL, 0, 0, "write the disk there too" }, \
        { "vm_name", TMPL_STRING, AT(vm_name), 0, NULL, 0, 0, "packer-BUILD where not given; {{ .Name }}" }, \
        { "format", TMPL_STRING, AT(format), HOW, "qcow2", 0, 0, "of the file in output_directory: qcow2, raw, vmdk, vhd" }, \
        { "skip_compaction", TMPL_BOOL, AT(skip_compaction), HOW, "false", 0, 0, "seal an installed disk without rewriting it" }

static const struct tmpl_key qemu[] = {
        SHARED,
        { "source_image", TMPL_STRING, offsetof(struct bake_config, source_image), 0, NULL, 0, 0,
          "image of the registry to go on from, without a copy: digest, name, name:channel or query" },
        { "disk_image", TMPL_BOOL, AT(disk_image), 0, "false", 0, 0, "iso_url is a disk, not a medium" },
        { "disk_size", TMPL_SIZE, AT(disk_size), 0, "40960M", 1 << 20, 0, "of the disk; a bare number is MiB" },
        { "disk_additional_size", TMPL_LIST, AT(disk_additional_size), 0, NULL, 0, 0, "more disks, empty; they are not part of the image" },
        { "disk_interface", TMPL_STRING, AT(disk_interface), 0, "virtio", 0, 0, "virtio, virtio-scsi, scsi, sata, ide, usb, sd, nvme" },
        { "disk_cache", TMPL_STRING, AT(disk_cache), HOW, NULL, 0, 0, "QEMU's cache mode; unsafe while baking where not given" },
        { "disk_discard", TMPL_STRING, AT(disk_discard), HOW, "unmap", 0, 0, "what becomes of blocks the guest gives up" },
        { "disk_detect_zeroes", TMPL_STRING, AT(disk_detect_zeroes), HOW, NULL, 0, 0, "off, on, unmap" },
        { "skip_resize_disk", TMPL_BOOL, AT(skip_resize_disk), 0, "false", 0, 0, "leave a disk_image at its size" },
        { "cdrom_interface", TMPL_STRING, AT(cdrom_interface), 0, NULL, 0, 0, "bus of CD drives" },
        { "accelerator", TMPL_STRING, AT(accelerator), HOW, NULL, 0, 0, "kvm, tcg, none; what this host can where not given" },
        { "machine_type", TMPL_STRING, AT(machine_type), 0, "pc", 0, 0, "pc, q35, or a version of them" },
        { "cpu_model", TMPL_STRING, AT(cpu_model), 0, NULL, 0, 0, "QEMU's name; all that there is where not given" },
        { "sockets", TMPL_INT, AT(sockets), 0, NULL, 0, 512, "sockets" },
        { "threads", TMPL_INT, AT(threads), 0, NULL, 0, 512, "threads of a core" },
        { "efi_boot", TMPL_BOOL, AT(efi_boot), 0, "false", 0, 0, "UEFI instead of BIOS" },
        { "efi_firmware_code", TMPL_STRING, AT(efi_firmware_code), TMPL_PATHS, NULL, 0, 0, "its code, instead of Debian's" },
        { "efi_firmware_vars", TMPL_STRING, AT(efi_firmware_vars), TMPL_PATHS, NULL, 0, 0, "its variables, copied" },
        { "vtpm", TMPL_BOOL, AT(vtpm), 0, "false", 0, 0, "a TPM, by swtpm" },
        { "use_tpm1", TMPL_BOOL, AT(use_tpm1), 0, "false", 0, 0, "version 1.2 of it" },
        { "tpm_device_type", TMPL_STRING, AT(tpm_device_type), 0, "tpm-tis", 0, 0, "tpm-tis or tpm-crb" },
        { "net_device", TMPL_STRING, AT(net_device), 0, "virtio-net", 0, 0, "QEMU's name of the network card" },
        { "net_bridge", TMPL_STRING, AT(net_bridge), HOW, NULL, 0, 0, "bridge of the host, instead of a network of its own; needs ssh_host" },
        { "vga", TMPL_STRING, AT(vga), 0, NULL, 0, 0, "graphics card" },
        { "vnc_use_password", TMPL_BOOL, AT(vnc_use_password), HOW, "false", 0, 0, "the display asks for a password" },
        { "vnc_password", TMPL_STRING, AT(vnc_password), HOW, NULL, 0, 0, "which one; at most 8 characters" },
        { "qemuargs", TMPL_DOC, AT(qemuargs), 0, NULL, 0, 0, "[[\"-switch\", \"value\"], ...]; replaces what it names, as in Packer" },
        { "qemu_img_args", TMPL_IGNORED }, { "qemu_binary", TMPL_IGNORED }, { "qmp_enable", TMPL_IGNORED }, { "qmp_socket_path", TMPL_IGNORED },
        { "use_default_display", TMPL_IGNORED }, { "display", TMPL_IGNORED }, { "use_pflash", TMPL_IGNORED }, { "use_backing_file", TMPL_IGNORED },
        { "disk_compression", TMPL_IGNORED }, { "skip_nat_mapping", TMPL_IGNORED }, { "efi_drop_efivars", TMPL_IGNORED },
};

static const struct tmpl_key vmware[] = {
        SHARED,
        { "disk_size", TMPL_SIZE, AT(disk_size), 0, "40000M", 1 << 20, 0, "of the disk; a bare number is MB" },
        { "disk_additional_size", TMPL_LIST, AT(disk_additional_size), 0, NULL, 0, 0, "more disks, empty; they are not part of the image" },
        { "disk_adapter_type", TMPL_STRING, AT(disk_adapter_type), 0, "lsilogic", 0, 0, "ide, sata, nvme, pvscsi, lsilogic, buslogic, lsisas1068" },
        { "network", TMPL_STRING, AT(network), HOW, "nat", 0, 0, "of the VMX" },
        { "network_adapter_type", TMPL_STRING, AT(network_adapter_type), 0, NULL, 0, 0, "e1000, e1000e, vmxnet3, vlance" },
        { "guest_os_type", TMPL_STRING, AT(guest_os_type), 0, "other", 0, 0, "VMware's name of the system" },
        { "version", TMPL_STRING, AT(version), HOW, "9", 0, 0, "of the virtual hardware in the VMX" },
        { "vmx_data", TMPL_MAP, AT(vmx_data), 0, NULL, 0, 0,
          "memsize, numvcpus, ethernet0.virtualDev, firmware and scsi0.virtualDev are heeded; all go into the VMX" },
        { "vmx_data_post", TMPL_IGNORED }, { "vmx_remove_ethernet_interfaces", TMPL_IGNORED }, { "vmx_template_path", TMPL_IGNORED },
        { "disk_type_id", TMPL_IGNORED }, { "vmdk_name", TMPL_IGNORED }, { "cdrom_adapter_type", TMPL_IGNORED }, { "network_name", TMPL_IGNORED },
        { "serial", TMPL_IGNORED }, { "parallel", TMPL_IGNORED }, { "usb", TMPL_IGNORED }, { "sound", TMPL_IGNORED },
        { "display_name", TMPL_IGNORED },
        { "tools_upload_flavor", TMPL_IGNORED }, { "tools_upload_path", TMPL_IGNORED }, { "tools_source_path", TMPL_IGNORED },
        { "tools_mode", TMPL_IGNORED },
        { "remote_type", TMPL_IGNORED }, { "remote_host", TMPL_IGNORED }, { "remote_port", TMPL_IGNORED }, { "remote_datastore", TMPL_IGNORED },
        { "remote_cache_datastore", TMPL_IGNORED }, { "remote_cache_directory", TMPL_IGNORED }, { "remote_cleanup", TMPL_IGNORED },
        { "remote_username", TMPL_IGNORED }, { "remote_password", TMPL_IGNORED }, { "remote_private_key_file", TMPL_IGNORED },
        { "remote_output_directory", TMPL_IGNORED }, { "skip_validate_credentials", TMPL_IGNORED }, { "skip_export", TMPL_IGNORED },
        { "keep_registered", TMPL_IGNORED }, { "ovftool_options", TMPL_IGNORED }, { "fusion_app_path", TMPL_IGNORED },
        { "vnc_over_websocket", TMPL_IGNORED },
        { "vnc_disable_password", TMPL_IGNORED }, { "insecure_connection", TMPL_IGNORED }, { "cleanup_remote_cache", TMPL_IGNORED },
        { "snapshot_name", TMPL_IGNORED }, { "hardware_assisted_virtualization", TMPL_IGNORED },
};

const struct bake_builder bake_qemu = {
        "qemu", "a guest: installs from an ISO, goes on from a disk image, or from an image of the registry", qemu, sizeof qemu / sizeof *qemu,
        "foundation", .guest = true, .check = bake_guest_check, .inputs = bake_guest_inputs, .artifact = bake_guest_files,
};
const struct bake_builder bake_vmware_iso = {
        "vmware-iso", "the same from a template for VMware; writes VMDK and VMX too", vmware, sizeof vmware / sizeof *vmware,
        "foundation", .guest = true, .check = bake_guest_check, .inputs = bake_guest_inputs, .artifact = bake_guest_vmx,
};
