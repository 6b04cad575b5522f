# Specinfra as helpers and custom types use it: commands run where the checks' own commands run, checks and facts are asked of the
# resource types.
module Specinfra
  class CommandResult
    attr_reader :stdout, :stderr, :exit_status, :exit_signal

    def initialize(stdout: '', stderr: '', exit_status: 0, exit_signal: nil)
      @stdout, @stderr, @exit_status, @exit_signal = stdout, stderr, exit_status, exit_signal
    end

    def success?
      @exit_status == 0
    end

    def failure?
      @exit_status != 0
    end

    def [](name)
      [:stdout, :stderr, :exit_status, :exit_signal].include?(name) ? __send__(name) : nil
    end
  end

  # set :name, value is kept, here and for RSpec.configuration.
  module Configuration
    class << self
      def method_missing(name, value = nil)
        key = name.to_s.delete_suffix('=')
        RSpec.configuration.__send__(:"#{key}=", value) unless value.nil?
        RSpec.configuration.__send__(key.to_sym)
      end

      # RSpec's own settings of the same names are others.
      [:env, :path, :shell, :os, :host, :backend, :sudo_password, :sudo_options, :ssh_options, :request_pty, :disable_sudo,
       :pre_command, :login_shell, :docker_image, :docker_container, :docker_url, :lxc, :winrm].each do |name|
        define_method(name) do |*values|
          @own ||= {}
          @own[name] = values.first unless values.empty?
          @own.key?(name) ? @own[name] : RSpec.configuration.__send__(name)
        end
        define_method(:"#{name}=") { |value| (@own ||= {})[name] = value }
      end

      def respond_to_missing?(*)
        true
      end
    end
  end

  class << self
    # set :shell, :login_shell, :env, :path and :pre_command, or let() of these names in the example.
    def line_as_set(line)
      pre, *rest = [:pre_command, :shell, :login_shell, :env, :path].map { |name| setting(name) }
      return line unless pre || rest.any?
      [pre, line].compact.map { |part| in_shell(part, *rest) }.join(' && ')
    end

    def setting(name)
      instance = RSpec.current_example && RSpec.current_example.example_group_instance
      instance && name != :env && instance.respond_to?(name) ? instance.__send__(name) : Configuration.__send__(name)
    end

    def in_shell(line, shell, login, env, path)
      words = (env || {}).map { |key, value| "#{key}=#{Shellwords.escape(value.to_s)}" }
      words << "PATH=\"#{path}\"" if path
      words.unshift('env') unless words.empty?
      [*words, Shellwords.escape((shell || '/bin/sh').to_s), *(login ? '-l' : nil), '-c', Shellwords.escape(line.to_s)].join(' ')
    end
  end

  module Runner
    # check_NAME: [type, question]; the first argument names the resource.
    CHECKS = {
      file_is_file: [:File, :file?], file_is_directory: [:File, :directory?], file_is_symlink: [:File, :symlink?],
      file_is_pipe: [:File, :pipe?], file_is_socket: [:File, :socket?], file_is_link: [:File, :symlink?],
      file_is_block_device: [:File, :block_device?], file_is_character_device: [:File, :character_device?], file_exists: [:File, :exist?],
      file_has_mode: [:File, :mode?], file_is_owned_by: [:File, :owned_by?], file_is_grouped: [:File, :grouped_into?],
      file_is_linked_to: [:File, :linked_to?], file_is_mounted: [:File, :mounted?], file_is_immutable: [:File, :immutable?],
      file_is_readable: [:File, :readable?], file_is_writable: [:File, :writable?], file_is_executable: [:File, :executable?],
      package_is_installed: [:Package, :installed?], service_is_enabled: [:Service, :enabled?], service_is_running: [:Service, :running?],
      port_is_listening: [:Port, :listening?], process_is_running: [:Process, :running?], user_exists: [:User, :exist?],
      user_belongs_to_group: [:User, :belongs_to_group?], user_belongs_to_primary_group: [:User, :belongs_to_primary_group?],
      user_has_uid: [:User, :has_uid?], user_has_home_directory: [:User, :has_home_directory?],
      user_has_login_shell: [:User, :has_login_shell?], user_has_authorized_key: [:User, :has_authorized_key?],
      group_exists: [:Group, :exist?], group_has_gid: [:Group, :has_gid?], host_is_resolvable: [:Host, :resolvable?],
      host_is_reachable: [:Host, :reachable?], interface_exists: [:Interface, :exist?], interface_is_up: [:Interface, :up?],
      interface_has_ipv4_address: [:Interface, :has_ipv4_address?], interface_has_ipv6_address: [:Interface, :has_ipv6_address?],
      kernel_module_is_loaded: [:KernelModule, :loaded?], cron_has_entry: [:Cron, :has_entry?], mail_alias_is_aliased_to: [:MailAlias, :aliased_to?],
      yumrepo_exists: [:Yumrepo, :exist?], yumrepo_is_enabled: [:Yumrepo, :enabled?], selinux_has_mode: [:Selinux, :mode?],
      bridge_exists: [:Bridge, :exist?], bond_exists: [:Bond, :exist?], zfs_exists: [:Zfs, :exist?], fstab_has_entry: [:Fstab, :has_entry?]
    }.freeze
    FACTS = {
      file_content: [:File, :content], file_mode: [:File, :mode], file_owner_user: [:File, :owner], file_owner_group: [:File, :group],
      file_size: [:File, :size], file_mtime: [:File, :mtime], file_md5sum: [:File, :md5sum], file_sha256sum: [:File, :sha256sum],
      file_link_target: [:File, :link_target], package_version: [:Package, :version], user_uid: [:User, :uid], user_gid: [:User, :gid],
      user_encrypted_password: [:User, :encrypted_password], group_gid: [:Group, :gid], interface_speed_of: [:Interface, :speed],
      interface_ipv4_address: [:Interface, :ipv4_address], interface_mtu_of: [:Interface, :mtu], host_ipaddress: [:Host, :ipaddress],
      linux_kernel_parameter_value: [:LinuxKernelParameter, :value], mail_alias: [:MailAlias, :value], process_count: [:Process, :count],
      cron_table: [:Cron, :table], selinuxlabel: [:File, :selinux_label]
    }.freeze

    class << self
      def run_command(line, *)
        command = Serverspec::Type::Command.new(line.to_s)
        CommandResult.new(stdout: command.stdout.to_s, stderr: command.stderr.to_s, exit_status: command.exit_status)
      end

      def method_missing(name, *args)
        kind, _, what = name.to_s.partition('_')
        return ask(CHECKS.fetch(what.to_sym), args) ? true : false if kind == 'check' && CHECKS.key?(what.to_sym)
        return CommandResult.new(stdout: ask(FACTS.fetch(what.to_sym), args).to_s) if kind == 'get' && FACTS.key?(what.to_sym)
        return Specinfra.backend.__send__(name, *args) if Specinfra.backend.respond_to?(name)
        raise NotImplementedError, "Specinfra::Runner.#{name} is not known here: use a resource type, or run_command"
      end

      def respond_to_missing?(name, *)
        kind, _, what = name.to_s.partition('_')
        (kind == 'check' && CHECKS.key?(what.to_sym)) || (kind == 'get' && FACTS.key?(what.to_sym))
      end

      def ask(row, args)
        type, question = row
        resource = Serverspec::Type.const_get(type).new(args.first)
        rest = args[1..-1].to_a
        rest.pop while !rest.empty? && rest.last.nil?
        resource.__send__(question, *rest)
      end
    end
  end

  class Backend
    attr_accessor :example

    def self.instance
      Specinfra.backend
    end

    def run_command(line, *rest)
      Runner.run_command(line, *rest)
    end

    def os_info
      Serverspec.os
    end
    alias check_os os_info

    def command
      Specinfra.command
    end

    def host_inventory
      HostInventory.instance
    end

    def set_example(example)
      @example = example
    end

    def build_command(line)
      Specinfra.line_as_set(line.to_s)
    end

    def add_pre_command(line)
      line
    end

    [:send_file, :send_directory].each { |name| define_method(name) { |*| Bakery.refuse("Specinfra.backend.#{name}") } }

    [:Base, :Exec, :Ssh, :Cmd, :Winrm, :WinRM, :Docker, :Lxc, :Dockerfile, :ShellScript, :Telnet, :Jexec].each do |name|
      const_set(name, self)
    end
  end

  # What is known of the machine. Without a running system that is only what its files say.
  class HostInventory
    def self.instance
      @instance ||= new
    end

    KEYS = %w[platform platform_version hostname fqdn domain memory cpu kernel filesystem user group virtualization mount block_device ec2
              facter ohai].freeze

    def [](key)
      key = key.to_s
      @known ||= {}
      @known[key] = find(key) unless @known.key?(key)
      @known[key]
    end

    def each
      KEYS.each { |key| yield(key, self[key]) }
    end

    def find(key)
      case key
      when 'platform' then Serverspec.os[:family]
      when 'platform_version' then Serverspec.os[:release]
      when 'hostname' then Bakery::SETTINGS[:guest] ? run('hostname -s') : Bakery.image_read('/etc/hostname').to_s.strip
      when 'fqdn' then live && run('hostname -f')
      when 'domain' then live && run('hostname -d')
      when 'memory' then live && memory
      when 'cpu' then live && { 'total' => run('getconf _NPROCESSORS_ONLN') }
      when 'kernel' then live && { 'name' => 's', 'release' => 'r', 'version' => 'v', 'machine' => 'm' }.transform_values { |o| run("uname -#{o}") }
      when 'filesystem' then live && filesystem
      when 'virtualization' then live && { system: run('systemd-detect-virt') }
      when 'user' then accounts('/etc/passwd') { |f| %w[name password uid gid gecos directory shell].zip(f).to_h.except('password') }
      when 'group' then accounts('/etc/group') { |f| { 'name' => f[0], 'gid' => f[2], 'members' => f[3].to_s.split(',') } }
      else raise Bakery::Unanswered, "host_inventory['#{key}'] is not known here"
      end
    end

    def live
      Bakery::SETTINGS[:guest] or raise Bakery::Unanswered, 'needs a running system'
    end

    def run(line)
      Runner.run_command(line).stdout.strip
    end

    def memory
      ret = {}
      run('cat /proc/meminfo').scan(/^(\w+):\s+(\d+) kB/) do |name, value|
        name = name == 'MemTotal' ? 'total' : name == 'MemFree' ? 'free' : name.to_snake_case
        swap = name.start_with?('swap_') && name != 'swap_cached'
        (swap ? ret['swap'] ||= {} : ret)[swap ? name.delete_prefix('swap_') : name] = "#{value}kB"
      end
      ret
    end

    def filesystem
      run('df -P').lines[1..-1].to_a.map { |line| line.split(/\s+/, 6) }.map do |device, kb, used, free, percent, mount|
        [device, { 'kb_size' => kb, 'kb_used' => used, 'kb_available' => free, 'percent_used' => percent, 'mount' => mount.strip }]
      end.to_h
    end

    def accounts(path)
      Bakery.image_read(path).to_s.lines.map { |line| line.chomp.split(':') }.select { |f| f.size > 2 }.map { |f| [f[0], yield(f)] }.to_h
    end
  end

  # Commands as texts: only what runs them is known here.
  class CommandFactory
    def get(name, *)
      raise NotImplementedError, "Specinfra.command.get(:#{name}) is not known here: ask a resource type"
    end

    def method_missing(name, *)
      get(name)
    end
  end

  module Helper
    [:Set, :Properties, :Os, :HostInventory, :Configuration, :Docker, :Lxc, :DetectOs, :DetectOS, :Exec, :Ssh, :Cmd, :Base].each do |name|
      const_set(name, Module.new)
    end
  end

  class Properties
    def self.instance
      @instance ||= new
    end

    def properties(values = nil)
      Serverspec.property = values if values
      Serverspec.property
    end
  end

  class << self
    def configuration
      Configuration
    end

    def backend
      @backend ||= Backend.new
    end

    def command
      @command ||= CommandFactory.new
    end
  end
end
SpecInfra = Specinfra

# Libraries of other transports and of the build host, which helpers load and call. Nothing of them does anything: what is checked is
# reached by us.
module Bakery
  class Shim
    def method_missing(name, *)
      name.to_s.end_with?('?') ? false : self
    end

    def respond_to_missing?(name, *)
      !name.to_s.start_with?('to_') && !name.to_s.start_with?('__')
    end

    def to_s
      ''
    end
  end

  # A module of which every constant is such a module, and every method gives such an object.
  module ShimModule
    def const_missing(name)
      made = Class.new(StandardError)
      made.extend(ShimModule)
      const_set(name, made)
    end

    def method_missing(name, *)
      name.to_s.end_with?('=') ? nil : Shim.new
    end

    def respond_to_missing?(name, *)
      !name.to_s.start_with?('to_') && !name.to_s.start_with?('__')
    end

    def new(*)
      equal?(StandardError) || self < StandardError && caller_raises? ? super : Shim.new
    end

    def caller_raises?
      false
    end
  end
  SHIMS = %w[Docker WinRM Infrataster Vagrant Bundler Dotenv Pry SimpleCov Rake Capybara Fog AWS Aws LXC HighLine].freeze
  SHIMS.each do |name|
    shim = Module.new
    shim.extend(ShimModule)
    Object.const_set(name, shim)
  end
end

module Net
  module SSH
    class AuthenticationFailed < StandardError; end

    class Config
      class << self
        def for(host, *)
          { host_name: host.to_s, user: Etc.getlogin }
        end

        def default_files
          []
        end
        alias expandable_default_files default_files

        def load(*)
          {}
        end
      end
    end

    module Proxy
      class Command
        def initialize(*); end
      end
    end

    # Helpers open one, and close it; who would run something by it is told.
    class Connection < Bakery::Shim
      [:exec, :exec!, :open_channel, :scp, :sftp].each { |name| define_method(name) { |*| Bakery.refuse("Net::SSH's #{name}") } }
    end

    def self.start(*)
      connection = Connection.new
      block_given? ? yield(connection) : connection
    end

    def self.configuration_for(host, *)
      Config.for(host)
    end
  end

  module SCP
    def self.start(*)
      Bakery.refuse('Net::SCP.start')
    end
  end

  class HTTP
    class << self
      [:get, :get_response, :start, :new, :post].each { |name| define_method(name) { |*| Bakery.refuse("Net::HTTP.#{name}") } }
    end
  end
end

module Etc
  Passwd = Struct.new(:name, :uid, :gid, :dir, :shell)

  class << self
    def getlogin
      ENV['USER'] || 'root'
    end

    def getpwuid(*)
      Passwd.new(getlogin, 0, 0, ENV['HOME'] || '/root', '/bin/sh')
    end
    alias getpwnam getpwuid

    def nprocessors
      1
    end
  end
end

# A file that never comes to be: `config = Tempfile.new('', Dir.tmpdir); config.write(...)`. With trust it does.
class Tempfile < StringIO
  attr_reader :path
  alias to_path path

  def initialize(*)
    super(+'')
    @path = Bakery.trust? ? Bakery.host_run('mktemp')[0].chomp : '/nonexistent/tempfile'
  end

  def self.create(*args)
    file = new(*args)
    block_given? ? yield(file) : file
  end

  def self.open(*args, &block)
    create(*args, &block)
  end

  def flush
    Bakery.write(@path, @string) if Bakery.trust?
    self
  end

  def close(*)
    flush
    super()
  end

  def unlink
    Bakery.host_file('Tempfile#unlink', :delete, [@path]) if Bakery.trust?
    nil
  end
  alias delete unlink
  alias close! unlink
end

module Kernel
  # highline's: nobody is there to answer.
  def ask(*)
    ''
  end

  def agree(*)
    false
  end

  def say(*)
    nil
  end
end
