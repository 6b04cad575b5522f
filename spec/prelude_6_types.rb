# What resource types answer as Ruby's own data, made of what the native ones read, and their names for people.
module Serverspec
  module Type
    class File
      def content_as_json
        JSON.parse(content)
      end

      def content_as_yaml
        YAML.load(content)
      end
    end

    class JsonFile
      alias __text content

      def content
        @content = JSON.parse(__text) if @content.nil?
        @content
      end
      alias content_as_json content
    end

    # What is set about shells holds for the line that is run; the resource keeps its own name.
    class Command
      [:stdout, :stderr, :exit_status].each do |question|
        native = :"__#{question}"
        alias_method(native, question)
        define_method(question) { __as_set.__send__(native) }
      end

      def __as_set
        line = Specinfra.line_as_set(name.to_s)
        return self if line == name
        @as_set ||= {}
        @as_set[line] ||= Command.new(line)
      end

      def stdout_as_json
        JSON.parse(stdout)
      end

      def stdout_as_yaml
        YAML.load(stdout)
      end
    end

    class X509Certificate
      alias __seconds validity_in_days

      # 0 for what is no certificate, as with serverspec.
      def validity_in_days
        seconds = __seconds
        seconds.nil? ? 0 : seconds / 86_400.0
      end
    end

    # What specs ask by itself as serverspec has it: `user('x').exists?`
    TABLE.each_value { |type| type.alias_method(:exists?, :exist?) if type.method_defined?(:exist?) }

    # Kinds that are said otherwise than Base does.
    { Cron: 'Cron', Fstab: 'Fstab', Selinux: 'SELinux', Ipfilter: 'ipfilter', Ipnat: 'ipnat' }.each do |type, words|
      const_get(type).define_method(:to_s) { words }
    end
    { SelinuxModule: 'SELinux module', IisWebsite: 'IIS Website', IisAppPool: 'IIS Application Pool',
      X509Certificate: 'X509 certificate', X509PrivateKey: 'X509 private key' }.each do |type, words|
      const_get(type).define_method(:to_s) { "#{words} #{name.to_s.inspect_readably}" }
    end

    class LinuxAuditSystem
      def initialize(*)
        super('linux_audit_system')
      end
    end
  end
end
