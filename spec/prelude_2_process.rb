# Environment, libraries that are asked for, processes, and what is left of the build host for specs.
module Bakery
  class Environment
    include Enumerable

    def initialize(values)
      @values = values
    end

    def [](name)
      @values[text(name)]
    end

    # Of this process and what it starts, which is nothing.
    def []=(name, value)
      value.nil? ? @values.delete(text(name)) : @values[text(name)] = text(value)
    end
    alias store []=

    def text(value)
      raise TypeError, "no implicit conversion of #{value.nil? ? 'nil' : value.class} into String" unless value.is_a?(String)
      value
    end

    def fetch(name, *default, &block)
      return @values[name] if @values.key?(name)
      return block.call(name) if block
      raise KeyError, "key not found: #{name.inspect}" if default.empty?
      default.first
    end

    def to_h(&block)
      block ? @values.to_h(&block) : @values.dup
    end
    alias to_hash to_h

    def each(&block)
      @values.each(&block)
      self
    end
    alias each_pair each

    def update(*others, &block)
      others.each { |other| other.each { |name, value| self[name] = block && key?(name) ? block.call(name, self[name], value) : value } }
      self
    end
    alias merge! update

    def replace(other)
      @values = {}
      update(other)
    end

    def delete(name)
      @values.delete(text(name))
    end

    def delete_if(&block)
      @values.delete_if(&block)
      self
    end

    def clear
      @values.clear
      self
    end

    def inspect
      @values.inspect
    end

    def to_s
      'ENV'
    end

    def values_at(*names)
      names.map { |name| @values[name] }
    end

    [:key?, :keys, :values, :size, :length, :empty?, :key, :value?, :slice, :except, :select, :filter, :reject, :find, :map, :to_a, :any?,
     :invert, :assoc, :filter_map, :sort, :each_key, :each_value].each do |name|
      define_method(name) { |*args, &block| @values.__send__(name, *args, &block) }
    end
    alias has_key? key?
    alias include? key?
    alias member? key?
    alias has_value? value?

    def dup
      raise TypeError, 'Cannot dup ENV, use ENV.to_h to get a copy of ENV as a hash'
    end
  end

  # Libraries that need nothing here: they are built in, or concern a transport that is ours.
  BUILT_IN = %w[serverspec rspec rspec/its rspec/core rspec/expectations rspec/autorun rspec/retry rspec/wait rspec/collection_matchers
                rspec/core/shared_context rspec/core/rake_task rspec/support
                specinfra specinfra/helper specinfra/runner specinfra/backend infrataster infrataster/rspec rubygems bundler bundler/setup
                net/ssh net/ssh/proxy/command net/ssh/proxy/http net/scp net/ssh/gateway net/ssh/config pathname highline
                highline/import yaml psych json multi_json oj set time date shellwords English pp prettyprint io/console io/wait ipaddr
                fileutils tempfile tmpdir etc ostruct erb stringio singleton forwardable delegate digest digest/md5 digest/sha1 digest/sha2
                base64 securerandom timeout open3 benchmark logger optparse rbconfig uri cgi bigdecimal rational matrix observer
                winrm docker docker-api rake rake/testtask colorize awesome_print active_support active_support/core_ext
                active_support/all dotenv dotenv/load pry byebug simplecov vagrant vagrant_spec_helper test/unit minitest ruby-progressbar
                parallel thread monitor weakref objspace socket net/http net/https open-uri openssl zlib csv ci/reporter/rake/rspec
                rspec_junit_formatter yarjuf coverage socketry fiber enumerator continuation].freeze

  class << self
    def require(name)
      name = path_of(name)
      return true if !BUILT_IN.include?(name) && load_found(name, false)
      return !$LOADED_FEATURES.include?(name) && $LOADED_FEATURES << name && true if BUILT_IN.include?(name)
      return true if assumed?(name)
      raise LoadError, "cannot load such file -- #{name}"
    end

    # What the parts of these libraries define is here, and a helper that is not there would only have said how hosts are reached.
    def assumed?(name)
      name.start_with?('serverspec/', 'specinfra/', 'rspec/', 'rubygems/') || name =~ %r{(\A|/)spec_helper(\.rb)?\z}
    end

    # As rspec: the file's own folder, the folders above it up to that of the specs, `spec` and `lib` of the project, and -I.
    def load_found(name, again)
      places = name.start_with?('/', './', '../') ? [''] : search_path.map { |folder| "#{folder}/" }
      places.any? do |place|
        path = place + name
        (path.end_with?('.rb') && Bakery.load(path, again)) || Bakery.load("#{path}.rb", again)
      end
    end

    def search_path
      own = File.dirname(File.expand_path(SETTINGS[:file]))
      limit = Bakery.folder
      above = [own]
      above << File.dirname(above.last) while above.last.start_with?(limit) && above.last != limit
      ($LOAD_PATH.map(&:to_s) + above + ["#{limit}/spec", "#{limit}/lib", "#{limit}/../spec", "#{limit}/../lib",
        *kitchen_helpers(own), '.']).uniq
    end

    # test-kitchen puts test/integration/helpers/serverspec beside each suite's own files.
    def kitchen_helpers(own)
      own.end_with?('/serverspec') ? ["#{own}/../../helpers/serverspec"] : []
    end

    def load_relative(name, from)
      path = File.expand_path(path_of(name), File.dirname(from.to_s))
      (path.end_with?('.rb') && Bakery.load(path)) || Bakery.load("#{path}.rb")
    end

    # The file of the user's frame that called, from `caller`.
    def calling_file(frames)
      frames.map { |frame| frame.to_s[/\A(.*?):\d+/, 1] }.find { |file| file && !file.include?('prelude_') }
    end

    # -I and --require of the project's .rspec; what it says about rspec's own running and printing is not ours.
    def read_dot_rspec
      words = Shellwords.split(Bakery.dot_rspec.to_s)
      until words.empty?
        word = words.shift
        case word
        when '-I' then add_to_load_path(words.shift.to_s)
        when /\A-I(.+)/ then add_to_load_path($1)
        when '-r', '--require' then required = words.shift
        when /\A(?:-r|--require[= ])(.+)/ then required = $1
        when '-t', '--tag' then RSpec.configuration.add_tag(words.shift.to_s)
        when /\A--tag[= ](.+)/ then RSpec.configuration.add_tag($1)
        end
        Bakery.require(required) if required
        required = nil
      end
    end

    # Of the project, which the specs' folder belongs to, or is.
    def add_to_load_path(folder)
      $LOAD_PATH.unshift(File.expand_path(folder, Bakery.folder), File.expand_path(folder, File.dirname(Bakery.folder)))
    end

    # Changes of the build host's files: with trust.
    def host_file(name, kind, args)
      return Bakery.refuse_writing(name) unless trust?
      words = args.flatten.reject { |arg| arg.is_a?(Hash) || arg.nil? }.map { |arg| arg.is_a?(Integer) ? arg.to_s(8) : Shellwords.escape(arg.to_s) }
      program = { delete: 'rm -f --', unlink: 'rm -f --', rename: 'mv --', symlink: 'ln -s --', link: 'ln --', chmod: 'chmod', chown: 'chown',
                  truncate: 'truncate', utime: 'touch', mkfifo: 'mkfifo --', mkdir: 'mkdir --', rmdir: 'rmdir --', mkdir_p: 'mkdir -p --',
                  rm: 'rm --', rm_f: 'rm -f --', rm_r: 'rm -r --', rm_rf: 'rm -rf --', cp: 'cp --', cp_r: 'cp -r --', mv: 'mv --',
                  touch: 'touch --', ln_s: 'ln -s --', ln_sf: 'ln -sf --' }.fetch(kind)
      words.pop if kind == :mkdir && words.size > 1
      _, err, status = Bakery.host_run("#{program} #{words.join(' ')}")
      raise SystemCallError, "#{name}: #{err.strip}" unless status == 0
      0
    end

    # One line for sh of what system(), Open3 and others are given.
    def command_line(args)
      args = args.flatten.reject { |arg| arg.is_a?(Hash) }
      args.size == 1 ? args.first.to_s : Shellwords.join(args.map(&:to_s))
    end

    # Programs that spec_helpers ask how hosts are reached, which is not the suite's business here.
    TRANSPORTS = %w[vagrant ssh docker kitchen hostname].freeze

    def run_on_host(name, args, input = nil)
      unless trust?
        program = command_line(args)[/\A\s*(\S+)/, 1]
        return refuse(name) unless TRANSPORTS.include?(program)
        $stderr.puts("'#{program}' of the build host was not run (-trust does); it said nothing") unless (@passed_over ||= []).include?(program)
        @passed_over << program
        $? = Process::Status.new(0)
        return ['', '', $?]
      end
      out, err, status = Bakery.host_run(command_line(args), input)
      $? = Process::Status.new(status)
      [out, err, $?]
    end
  end
end

ARGV = [] unless Object.const_defined?(:ARGV)
$LOAD_PATH = []
$: = $LOAD_PATH
$LOADED_FEATURES = []
$0 = 'rspec'
$VERBOSE = false
$DEBUG = false

module Kernel
  def require(name)
    Bakery.require(name)
  end

  def require_relative(name)
    Bakery.load_relative(name, Bakery.calling_file(caller)) || Bakery.assumed?(name) or raise LoadError, "cannot load such file -- #{name}"
  end

  def load(name, *)
    Bakery.load_found(name, true) or raise LoadError, "cannot load such file -- #{name}"
  end

  define_method(:`) { |line| Bakery.run_on_host(:`, [line]).first }

  def system(*args)
    _, _, status = Bakery.run_on_host(:system, args)
    status.exitstatus == 127 ? nil : status.success?
  end

  def spawn(*args)
    Bakery.run_on_host(:spawn, args)
    0
  end
end

module Process
  CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID = 0, 1, 2

  class Status
    attr_reader :exitstatus

    def initialize(status)
      @exitstatus = status
    end
    alias to_i exitstatus

    def success?
      @exitstatus == 0
    end

    def exited?
      @exitstatus < 128
    end

    def pid
      0
    end

    def ==(other)
      @exitstatus == other.to_i
    end
  end

  class << self
    def clock_gettime(id, unit = :float_second)
      seconds, ns = Bakery.clock(id) || raise(Errno::ENOENT, "clock #{id}")
      case unit
      when :float_second then seconds + ns / 1e9
      when :float_millisecond then seconds * 1000 + ns / 1e6
      when :float_microsecond then seconds * 1e6 + ns / 1e3
      when :second then seconds
      when :millisecond then seconds * 1000 + ns / 1_000_000
      when :microsecond then seconds * 1_000_000 + ns / 1000
      else seconds * 1_000_000_000 + ns
      end
    end

    def pid
      1
    end

    def uid
      0
    end
    alias euid uid
    alias gid uid
    alias egid uid

    [:kill, :spawn, :fork, :wait, :daemon, :exit].each { |name| define_method(name) { |*| Bakery.refuse("Process.#{name}") } }
  end
end

module Open3
  class << self
    def capture3(*args, stdin_data: nil, **)
      Bakery.run_on_host('Open3.capture3', args, stdin_data)
    end

    def capture2(*args, stdin_data: nil, **)
      out, _, status = Bakery.run_on_host('Open3.capture2', args, stdin_data)
      [out, status]
    end

    def capture2e(*args, stdin_data: nil, **)
      out, err, status = Bakery.run_on_host('Open3.capture2e', args, stdin_data)
      [out + err, status]
    end

    def popen3(*args)
      out, err, status = Bakery.run_on_host('Open3.popen3', args)
      waiting = Object.new
      waiting.define_singleton_method(:value) { status }
      waiting.define_singleton_method(:pid) { 0 }
      streams = [StringIO.new, StringIO.new(out), StringIO.new(err), waiting]
      block_given? ? yield(*streams) : streams
    end
  end
end

class IO
  class << self
    def popen(*args)
      out, = Bakery.run_on_host('IO.popen', args.reject { |arg| arg.is_a?(String) && arg =~ /\A[rwa]\+?b?\z/ })
      io = StringIO.new(out)
      block_given? ? yield(io) : io
    end
  end
end

module FileUtils
  class << self
    [:mkdir, :mkdir_p, :rm, :rm_f, :rm_r, :rm_rf, :cp, :cp_r, :mv, :touch, :ln_s, :ln_sf, :chmod, :chown].each do |name|
      define_method(name) { |*args, **| Bakery.host_file("FileUtils.#{name}", name, args) }
    end
    alias mkpath mkdir_p
    alias makedirs mkdir_p
    alias rmtree rm_rf

    def pwd
      Dir.pwd
    end

    def cd(*)
      yield if block_given?
    end
  end
end
