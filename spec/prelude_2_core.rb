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

class Array
  unless method_defined?(:sum)
    def sum(start = 0)
      each { |item| start += block_given? ? yield(item) : item }
      start
    end
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
end

class Symbol
  def =~(pattern)
    to_s =~ pattern
  end

  def match(pattern)
    to_s.match(pattern)
  end
end
