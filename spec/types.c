/* Every resource type. A new one is a row here and a file type_NAME.c. */
#include "spec/spec_priv.h"

#define RUNNING "needs a running system"

const struct spec_type spec_types[] = {
        { "file", "File", spec_file_properties, spec_file_predicates },
        { "package", "Package", spec_package_properties, spec_package_predicates, .want = spec_packages_want },
        { "service", "Service", spec_service_properties, spec_service_predicates },
        { "user", "User", spec_user_properties, spec_user_predicates },
        { "group", "Group", spec_group_properties, spec_group_predicates },
        { "command", "Command", spec_command_properties, spec_command_predicates },
        { "port", "Port", .unanswered = RUNNING },
        { "process", "Process", .unanswered = RUNNING },
        { "interface", "Interface", .unanswered = RUNNING },
        { "bond", "Bond", .unanswered = RUNNING },
        { "bridge", "Bridge", .unanswered = RUNNING },
        { "default_gateway", "DefaultGateway", .unanswered = RUNNING },
        { "routing_table", "RoutingTable", .unanswered = RUNNING },
        { "kernel_module", "KernelModule", .unanswered = RUNNING },
        { NULL },
};
