# serverspec's own vocabulary over the native resource types.
module Serverspec
  # A version string that compares as its package manager compares.
  class Version
    include Comparable

    def initialize(text, ecosystem = 'deb')
      @text = text
      @ecosystem = ecosystem
    end

    def to_s
      @text
    end

    def inspect
      @text.inspect
    end

    def <=>(other)
      Bakery.version_compare(@text, other.to_s, @ecosystem)
    end

    def =~(pattern)
      @text =~ pattern
    end

    def match(pattern)
      @text.match(pattern)
    end

    def to_str
      @text
    end

    def ==(other)
      @text == other.to_s || super
    end

    def include?(text)
      @text.include?(text)
    end

    def start_with?(*starts)
      @text.start_with?(*starts)
    end
  end

  module Type
    class Base
      attr_reader :name, :options
      # Of those that say their own.
      TITLES = { 'Cron' => 'Cron', 'DefaultGateway' => 'Default Gateway', 'Fstab' => 'Fstab', 'Ip6tables' => 'ip6tables', 'Iptables' => 'iptables',
                 'Ipfilter' => 'ipfilter', 'Ipnat' => 'ipnat', 'Kvm' => 'KVM', 'Lxc' => 'LXC', 'RoutingTable' => 'Routing Table',
                 'Selinux' => 'SELinux', 'Zfs' => 'ZFS' }.freeze
      WORDS = { 'SelinuxModule' => 'SELinux module', 'IisWebsite' => 'IIS Website', 'IisAppPool' => 'IIS Application Pool' }

      alias __initialize initialize
      def initialize(*args)
        __initialize(*args)
        @runner = Specinfra::Runner
      end

      def to_s
        type = self.class.to_s.split('::').last
        return TITLES[type] if TITLES.key?(type)
        words = (WORDS[type] ||= type.gsub(/([a-z\d])([A-Z])/, '\1 \2').capitalize)
        name = @name.to_s
        name = name.gsub("\n", '\n') if name.include?("\n")
        "#{words} \"#{name}\""
      end

      def inspect
        to_s
      end

      # A type with no answers here has none to any question.
      def method_missing(name, *args)
        raise Bakery::Unanswered, __unanswered if __unanswered
        return __missing(name.to_s) if args.empty? && __missing? && name.to_s =~ /\A(?!to_)[%\w]+\z/
        super
      end

      def respond_to_missing?(*)
        false
      end
    end

    class Package
      alias __version version

      def version
        text = __version
        text && Version.new(text, __ecosystem)
      end
    end
  end

  module Helper
    module Type
      Serverspec::Type::TABLE.each do |name, type|
        define_method(name) { |*args| type.new(*args) }
      end

      def os
        Serverspec.os
      end

      # `set :backend, :exec` and the like concern a transport that is ours; what is set can be asked for again.
      def set(name, *values)
        Specinfra.configuration.__send__(name, *values)
      end

      def property
        Serverspec.property
      end

      def set_property(values)
        Serverspec.property = values
      end

      def host_inventory
        Specinfra::HostInventory.instance
      end

      def backend(*)
        Specinfra.backend
      end
    end

    # What helpers of serverspec 1 include.
    [:Exec, :Ssh, :WinRM, :Windows, :Cmd, :DetectOS, :Base, :RedHat, :Debian, :Lxc, :Docker].each { |name| const_set(name, Module.new) }
  end

  FAMILIES = { 'debian' => 'debian', 'ubuntu' => 'ubuntu', 'rhel' => 'redhat', 'centos' => 'redhat', 'rocky' => 'redhat',
               'almalinux' => 'redhat', 'ol' => 'redhat', 'amzn' => 'amazon', 'fedora' => 'fedora', 'alpine' => 'alpine',
               'arch' => 'arch', 'opensuse-leap' => 'opensuse', 'opensuse-tumbleweed' => 'opensuse', 'sles' => 'suse' }.freeze

  MACHINES = { 3 => 'i386', 40 => 'armv7l', 62 => 'x86_64', 183 => 'aarch64', 243 => 'riscv64', 21 => 'ppc64le', 22 => 's390x' }.freeze

  class << self
    attr_writer :property

    def property
      @property ||= {}
    end

    # What `set :os, ...` says, or the image's own files in the order in which specinfra asks them.
    def os
      given = Specinfra.configuration.os
      return given if given.is_a?(Hash)
      @os ||= begin
        release = os_release
        { family: FAMILIES[release['ID']] || release['ID'], release: release['VERSION_ID'], codename: release['VERSION_CODENAME'] }
          .merge(older_release(release['ID']) || {}).merge(arch: machine).compact
      end
    end

    # Files that are older than os-release, and say more.
    def older_release(id)
      if id == 'debian' || id.nil?
        debian = Bakery.image_read('/etc/debian_version').to_s.strip
        return { family: 'debian', release: debian } unless debian.empty?
      end
      return if FAMILIES[id] && !%w[redhat fedora].include?(FAMILIES[id])
      line = Bakery.image_read('/etc/redhat-release') or return
      family = line.start_with?('Fedora') ? 'fedora' : 'redhat'
      { family: family, release: line[family == 'fedora' ? /release (\d+)/ : /release (\d[\d.]*)/, 1] }.compact
    end

    def os_release
      text = Bakery.image_read('/etc/os-release') || Bakery.image_read('/usr/lib/os-release') || ''
      ret = {}
      text.scan(/^(\w+)=["']?(.*?)["']?$/) { |key, value| ret[key] = value }
      ret
    end

    # As the image's programs are made for.
    def machine
      header = %w[/usr/bin/env /bin/true /bin/sh].lazy.map { |path| Bakery.image_read(path) }.find { |text| text && text.start_with?("\x7fELF") }
      header && MACHINES[header.getbyte(18) + 256 * header.getbyte(19)]
    end
  end
end

class String
  def inspect_readably
    inspect
  end
end

RSpec::Core::ExampleGroup.include(Serverspec::Helper::Type)
RSpec::Core::ExampleGroup.extend(Serverspec::Helper::Type)
extend Serverspec::Helper::Type
