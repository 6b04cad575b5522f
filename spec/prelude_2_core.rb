# What specs use of Ruby's own library and mruby does not have.
module Bakery
  class Environment
    def initialize(values)
      @values = values
    end

    def [](name)
      @values[name]
    end

    def []=(name, value)
      @values[name] = value
    end

    def fetch(name, *default)
      return @values[name] if @values.key?(name)
      return yield(name) if block_given?
      raise KeyError, "key not found: #{name.inspect}" if default.empty?
      default.first
    end

    def key?(name)
      @values.key?(name)
    end
    alias has_key? key?
    alias include? key?

    def to_h
      @values.dup
    end

    def each(&block)
      @values.each(&block)
    end
  end

  # Libraries that need nothing here: they are built in, or concern a transport that is ours.
  BUILT_IN = %w[serverspec rspec rspec/its rspec/core rspec/expectations specinfra infrataster rubygems bundler bundler/setup
                net/ssh net/scp pathname highline highline/import yaml json set time date shellwords English pp
                fileutils tempfile etc ostruct].freeze

  def self.require(name)
    return true if Bakery.load(name) || BUILT_IN.include?(name)
    return true if name == 'spec_helper' || name.end_with?('/spec_helper')
    raise LoadError, "cannot load such file -- #{name}"
  end

  # The file of the user's frame that called, from `caller`.
  def self.calling_file(frames)
    frames.map { |frame| frame.to_s[/\A(.*?):\d+/, 1] }.find { |file| file && !file.include?('prelude_') }
  end
end

ENV = Bakery::Environment.new(Bakery.environment)
ARGV = [] unless Object.const_defined?(:ARGV)

class LoadError < ScriptError; end unless Object.const_defined?(:LoadError)

module Kernel
  def require(name)
    Bakery.require(name)
  end

  def require_relative(name)
    Bakery.load(name, Bakery.calling_file(caller)) or raise LoadError, "cannot load such file -- #{name}"
  end

  def load(name, *)
    Bakery.load(name) or raise LoadError, "cannot load such file -- #{name}"
  end

  def public_send(name, *args, &block)
    __send__(name, *args, &block)
  end

  def !~(other)
    !(self =~ other)
  end
end

module Enumerable
  def sum(start = 0)
    each { |*item| start += block_given? ? yield(*item) : item.first }
    start
  end

  def grep_v(pattern, &block)
    rest = reject { |item| pattern === item }
    block ? rest.map(&block) : rest
  end
end

class Integer
  def even?
    self % 2 == 0
  end

  def odd?
    self % 2 == 1
  end

  def pred
    self - 1
  end
end

class String
  def encode(*)
    self
  end

  def force_encoding(*)
    self
  end

  def unicode_normalize(*)
    self
  end

  def +@
    frozen? ? dup : self
  end

  def -@
    freeze
  end

  alias __set []=
  alias __rindex rindex
  alias __rpartition rpartition

  # self[/re/] = text, self[/re/, group] = text
  def []=(pattern, *rest)
    return __set(pattern, *rest) unless pattern.is_a?(Regexp)
    found = match(pattern) or raise IndexError, 'regexp not matched'
    group = rest.size > 1 ? rest.first : 0
    replace(self[0, found.begin(group)] + rest.last + self[found.end(group)..-1])
  end

  def rindex(pattern, from = size)
    return __rindex(pattern, from) unless pattern.is_a?(Regexp)
    from += size if from < 0
    found, at = nil, 0
    while (at = index(pattern, at)) && at <= from
      found, at = at, at + 1
    end
    match(pattern, found) if found
    found
  end

  def rpartition(pattern)
    return __rpartition(pattern) unless pattern.is_a?(Regexp)
    rindex(pattern) ? [$~.pre_match, $~[0], $~.post_match] : ['', '', self]
  end
end

class Symbol
  def =~(pattern)
    to_s =~ pattern
  end

  def match(pattern)
    to_s.match(pattern)
  end

  def start_with?(*starts)
    to_s.start_with?(*starts)
  end

  def end_with?(*ends)
    to_s.end_with?(*ends)
  end
end
