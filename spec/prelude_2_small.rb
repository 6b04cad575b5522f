# Smaller libraries.
module Base64
  class << self
    def encode64(text)
      [text].pack('m')
    end

    def strict_encode64(text)
      encode64(text).delete("\n")
    end

    def decode64(text)
      text.delete("\n").unpack('m').first
    end
    alias strict_decode64 decode64

    def urlsafe_encode64(text, padding: true)
      ret = strict_encode64(text).tr('+/', '-_')
      padding ? ret : ret.delete('=')
    end

    def urlsafe_decode64(text)
      decode64(text.tr('-_', '+/') + '=' * (-text.size % 4))
    end
  end
end

module Digest
  { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' }.each do |name, algorithm|
    type = Class.new do
      define_method(:update) { |text| (@text ||= +'') << text && self }
      alias_method :<<, :update
      define_method(:hexdigest) { |text = nil| Bakery.digest(algorithm, text || @text || '') }
      alias_method :to_s, :hexdigest
      define_method(:digest) { |text = nil| [hexdigest(text)].pack('H*') }
      define_method(:base64digest) { |text = nil| Base64.strict_encode64(digest(text)) }
      define_method(:file) { |path| update(File.read(path)) }
    end
    [:hexdigest, :digest, :base64digest].each { |method| type.define_singleton_method(method) { |text| new.__send__(method, text) } }
    type.define_singleton_method(:file) { |path| new.file(path) }
    const_set(name, type)
  end
  SHA2 = SHA256
end

module SecureRandom
  class << self
    def hex(n = 16)
      Array.new(n) { format('%02x', rand(256)) }.join
    end

    def uuid
      text = hex(16)
      "#{text[0, 8]}-#{text[8, 4]}-4#{text[13, 3]}-a#{text[17, 3]}-#{text[20, 12]}"
    end

    def random_number(most = 0)
      rand(most)
    end

    def alphanumeric(n = 16)
      letters = [*'A'..'Z', *'a'..'z', *'0'..'9']
      Array.new(n) { letters[rand(letters.size)] }.join
    end

    def random_bytes(n = 16)
      Array.new(n) { rand(256).chr }.join
    end

    def base64(n = 16)
      Base64.strict_encode64(random_bytes(n))
    end
  end
end

module Gem
  VERSION = '3.3.15'
  class LoadError < ::LoadError; end

  class Version
    include Comparable
    attr_reader :version
    alias to_s version

    def self.create(value)
      value.is_a?(Version) ? value : new(value)
    end

    def self.correct?(text)
      text.to_s.match?(/\A\s*([0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?)?\s*\z/)
    end

    def initialize(text)
      raise ArgumentError, "Malformed version number string #{text}" unless Version.correct?(text)
      @version = text.to_s.strip.gsub('-', '.pre.')
      @version = '0' if @version.empty?
    end

    def segments
      @version.scan(/[0-9]+|[a-z]+/i).map { |part| part =~ /\A\d/ ? part.to_i : part }
    end

    def prerelease?
      @version.match?(/[a-zA-Z]/)
    end

    def release
      Version.new(segments.take_while { |part| part.is_a?(Integer) }.join('.'))
    end

    def bump
      parts = segments.take_while { |part| part.is_a?(Integer) }
      parts.pop if parts.size > 1
      parts[-1] += 1
      Version.new(parts.join('.'))
    end

    def <=>(other)
      other = Version.new(other) if other.is_a?(String) && Version.correct?(other)
      return nil unless other.is_a?(Version)
      mine, others = segments, other.segments
      [mine.size, others.size].max.times do |i|
        a, b = mine[i] || 0, others[i] || 0
        next if a == b
        return -1 if a.is_a?(String) && b.is_a?(Integer)
        return 1 if a.is_a?(Integer) && b.is_a?(String)
        return a <=> b
      end
      0
    end

    def ==(other)
      (self <=> other) == 0
    end

    def eql?(other)
      other.is_a?(Version) && @version == other.version
    end

    def hash
      segments.hash
    end

    def inspect
      "Gem::Version.new(#{@version.inspect})"
    end
  end

  class Requirement
    def initialize(*texts)
      @parts = texts.flatten.map do |text|
        text.to_s =~ /\A\s*(~>|>=|<=|!=|=|>|<)?\s*(\S+)\s*\z/ or raise ArgumentError, "Illformed requirement [#{text.inspect}]"
        [$1 || '=', Version.new($2)]
      end
    end

    def satisfied_by?(version)
      @parts.all? do |operator, wanted|
        case operator
        when '~>' then version >= wanted && version.release < wanted.bump
        when '=' then version == wanted
        when '!=' then version != wanted
        else version.__send__(operator, wanted)
        end
      end
    end
  end

  class Dependency
    def initialize(name, *requirements)
      @name, @requirement = name, Requirement.new(*requirements)
    end

    def match?(name, version)
      name == @name && @requirement.satisfied_by?(Version.create(version))
    end
  end

  def self.loaded_specs
    {}
  end
end

module Singleton
  def self.included(type)
    type.extend(Access)
  end

  module Access
    def instance
      @__instance ||= new
    end
  end
end

module Forwardable
  def def_delegator(to, method, name = method)
    define_method(name) do |*args, &block|
      target = to.to_s.start_with?('@') ? instance_variable_get(to) : __send__(to)
      target.__send__(method, *args, &block)
    end
  end
  alias def_instance_delegator def_delegator

  def def_delegators(to, *methods)
    methods.each { |method| def_delegator(to, method) }
  end
  alias def_instance_delegators def_delegators
end

class SimpleDelegator
  def initialize(target)
    @__target = target
  end

  def __getobj__
    @__target
  end

  def method_missing(name, *args, &block)
    @__target.__send__(name, *args, &block)
  end

  def respond_to_missing?(name, *)
    @__target.respond_to?(name)
  end
end

module Timeout
  class Error < RuntimeError; end
  class ExitException < Exception; end

  # The time of an example and of a command is limited anyway.
  def self.timeout(_ = nil, *)
    yield
  end
end

module Benchmark
  def self.realtime
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
  end
end

class Logger
  DEBUG, INFO, WARN, ERROR, FATAL, UNKNOWN = 0, 1, 2, 3, 4, 5
  attr_accessor :level, :progname, :formatter

  def initialize(*, **)
    @level = DEBUG
  end

  [:debug, :info, :warn, :error, :fatal, :unknown, :add, :<<, :log].each { |name| define_method(name) { |*| true } }
end

# One thread: what is given to it runs at once.
class Thread
  def self.new(*args, &block)
    thread = allocate
    thread.__send__(:run_now, args, block)
    thread
  end

  class << self
    alias start new
    alias fork new

    def current
      @current ||= allocate
    end
  end

  def run_now(args, block)
    @value = block.call(*args)
  end

  def [](name)
    (@locals ||= {})[name.to_sym]
  end

  def []=(name, value)
    (@locals ||= {})[name.to_sym] = value
  end

  def value
    @value
  end

  def join(*)
    self
  end
end

class Mutex
  def synchronize
    yield
  end

  def lock
    self
  end
  alias unlock lock
end
Thread::Mutex = Mutex

module RbConfig
  CONFIG = { 'host_os' => 'linux-gnu', 'ruby_install_name' => 'ruby', 'bindir' => '/usr/bin', 'host_cpu' => 'x86_64' }.freeze
end

module URI
  class Error < StandardError; end
  class InvalidURIError < Error; end

  class Generic
    attr_reader :scheme, :userinfo, :host, :port, :path, :query, :fragment
    PORTS = { 'http' => 80, 'https' => 443, 'ftp' => 21, 'ldap' => 389 }.freeze

    def initialize(text)
      server = %r{(?:([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?}
      found = text.match(%r{\A(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://#{server})?([^?#]*)(?:\?([^#]*))?(?:#(.*))?\z}m)
      raise InvalidURIError, "bad URI(is not URI?): #{text.inspect}" if found.nil? || text =~ /\s/
      @text = text
      @scheme, @userinfo, @host, port, @path, @query, @fragment = found.captures
      @port = port && !port.empty? ? port.to_i : PORTS[@scheme]
    end

    def hostname
      @host && @host.delete('[]')
    end

    def user
      @userinfo && @userinfo.split(':').first
    end

    def request_uri
      "#{@path.empty? ? '/' : @path}#{"?#{@query}" if @query}"
    end

    def to_s
      @text
    end

    def ==(other)
      other.is_a?(Generic) && to_s == other.to_s
    end

    def inspect
      "#<URI #{@text}>"
    end
  end
  HTTP = HTTPS = Generic

  class << self
    def parse(text)
      Generic.new(text.to_s)
    end

    def join(base, *rest)
      parse(rest.inject(base.to_s) do |at, part|
        next part if part =~ /\A\w+:/
        part.start_with?('/') ? at[%r{\A\w+://[^/]*}].to_s + part : at.sub(%r{[^/]*\z}, '') + part
      end)
    end

    def encode_www_form_component(text)
      text.to_s.gsub(/[^*\-.0-9A-Z_a-z ]/) { |char| char.bytes.map { |byte| format('%%%02X', byte) }.join }.tr(' ', '+')
    end
    alias encode_www_form_component_ encode_www_form_component

    def decode_www_form_component(text)
      text.tr('+', ' ').gsub(/%(\h\h)/) { $1.hex.chr }
    end

    def escape(text)
      text.gsub(/[^\-_.!~*'()a-zA-Z\d;\/?:@&=+$,\[\]]/) { |char| char.bytes.map { |byte| format('%%%02X', byte) }.join }
    end
  end
end

module Kernel
  def URI(text)
    URI.parse(text)
  end
end
