# What Ruby's own classes can do and mruby's cannot.
class LoadError < ScriptError; end unless Object.const_defined?(:LoadError)
class UncaughtThrowError < ArgumentError; end
class EncodingError < StandardError; end
class SecurityError < Exception; end unless Object.const_defined?(:SecurityError)
class SystemExit < Exception; end unless Object.const_defined?(:SystemExit)
class Interrupt < Exception; end unless Object.const_defined?(:Interrupt)
class SystemCallError < StandardError; end unless Object.const_defined?(:SystemCallError)

module Errno
  class Named < SystemCallError
    def initialize(detail = nil)
      text = self.class.const_get(:TEXT)
      super(detail ? "#{text} - #{detail}" : text)
    end
  end

  { ENOENT: 'No such file or directory', EACCES: 'Permission denied', EEXIST: 'File exists', ENOTDIR: 'Not a directory',
    EISDIR: 'Is a directory', ECONNREFUSED: 'Connection refused', ETIMEDOUT: 'Connection timed out', EPIPE: 'Broken pipe',
    EHOSTUNREACH: 'No route to host', ECONNRESET: 'Connection reset by peer' }.each do |name, text|
    type = Class.new(Named)
    type.const_set(:TEXT, text)
    const_set(name, type)
  end
end

RUBY_ENGINE = 'mruby' unless Object.const_defined?(:RUBY_ENGINE)
RUBY_PLATFORM = 'x86_64-linux' unless Object.const_defined?(:RUBY_PLATFORM)
RUBY_PATCHLEVEL = 0 unless Object.const_defined?(:RUBY_PATCHLEVEL)

module Bakery
  # Of `throw`, on its way to `catch`.
  class Thrown < Exception
    attr_reader :tag, :value

    def initialize(tag, value)
      super("uncaught throw #{tag.inspect}")
      @tag, @value = tag, value
    end
  end
  CATCHING = []
  AT_EXIT = []

  # The variables of the frame that called Kernel#binding.
  class Binding
    attr_reader :receiver

    def initialize(receiver, evaluate)
      @receiver, @evaluate = receiver, evaluate
    end

    def eval(code, *)
      @evaluate.call(code)
    end

    def local_variables
      eval('local_variables') - [:__code]
    end

    def local_variable_defined?(name)
      local_variables.include?(name.to_sym)
    end

    def local_variable_get(name)
      raise NameError, "local variable '#{name}' is not defined" unless local_variable_defined?(name)
      eval(name.to_s)
    end

    def local_variable_set(name, value)
      $__bakery_value = value
      eval("#{name} = $__bakery_value")
    end

    def irb
      nil
    end
  end
  Object.const_set(:Binding, Binding) unless Object.const_defined?(:Binding)
end

module Kernel

  # The compiler left names where values would have been: ruby_defined.c.
  define_method(:defined?) do |*names|
    first = names.first
    next 'expression' unless names.all? { |name| name.is_a?(Symbol) } || (names.size == 2 && names.last.is_a?(Symbol))
    next(first.respond_to?(names.last) ? 'method' : nil) unless first.is_a?(Symbol)
    text = first.to_s
    if text.start_with?('@@')
      (is_a?(Module) ? self : self.class).class_variable_defined?(first) ? 'class variable' : nil
    elsif text.start_with?('@')
      instance_variable_defined?(first) ? 'instance-variable' : nil
    elsif text.start_with?('$')
      global_variables.include?(first) ? 'global-variable' : nil
    elsif text =~ /\A[A-Z]/
      Bakery.constant?(self, names) ? 'constant' : nil
    else
      respond_to?(first, true) ? 'method' : nil
    end
  end

  def public_send(name, *args, &block)
    __send__(name, *args, &block)
  end

  def !~(other)
    !(self =~ other)
  end

  def catch(tag = Object.new)
    Bakery::CATCHING << tag
    yield tag
  rescue Bakery::Thrown => e
    raise e unless e.tag.equal?(tag) || (tag.is_a?(Symbol) && e.tag == tag)
    e.value
  ensure
    Bakery::CATCHING.pop
  end

  def throw(tag, value = nil)
    raise Bakery::Thrown.new(tag, value) if Bakery::CATCHING.include?(tag)
    raise UncaughtThrowError, "uncaught throw #{tag.inspect}"
  end

  def at_exit(&block)
    Bakery::AT_EXIT << block
    block
  end

  alias __rand rand
  def rand(most = 0)
    Bakery.random(most) { |n| __rand(n) }
  end

  alias __integer Integer
  def Integer(value, base = nil, exception: true)
    raise TypeError, "can't convert nil into Integer" if value.nil?
    if value.is_a?(String)
      text = value.strip.gsub(/(\h)_(\h)/, '\1\2')
      unless text =~ /\A[+-]?(0[xX]\h+|0[bB][01]+|0[oO]?[0-7]+|\d+)\z/ || (base && text =~ /\A[+-]?\w+\z/)
        raise ArgumentError, "invalid value for Integer(): #{value.inspect}"
      end
      value = text
    end
    base ? __integer(value, base) : __integer(value)
  rescue ArgumentError, TypeError, RangeError, FloatDomainError => e
    raise e if exception
    nil
  end

  alias __float Float
  def Float(value, exception: true)
    raise TypeError, "can't convert nil into Float" if value.nil?
    if value.is_a?(String) && value.strip !~ /\A[+-]?(\d[\d_]*)(\.\d[\d_]*)?([eE][+-]?\d+)?\z/
      raise ArgumentError, "invalid value for Float(): #{value.inspect}"
    end
    __float(value)
  rescue ArgumentError, TypeError => e
    raise e if exception
    nil
  end

  def autoload(*)
    nil
  end

  def caller_locations(*)
    []
  end

  def __dir__
    File.dirname(File.expand_path(Bakery.calling_file(caller) || Bakery::SETTINGS[:file]))
  end

  def public_method(name)
    method(name)
  end

  def display(*)
    $stdout.print(self)
  end

  def using(*)
    raise NotImplementedError, 'refinements are not known here'
  end

  def enum_for(name = :each, *args)
    to_enum(name, *args)
  end unless method_defined?(:enum_for)
end

class Random
  alias __rand rand
  def rand(most = 0)
    Bakery.random(most) { |n| __rand(n) }
  end

  def self.rand(most = 0)
    Object.new.__send__(:rand, most)
  end
end

module Bakery
  # Up to a number, or from a range.
  def self.random(most)
    return yield(most || 0) unless most.is_a?(Range) || most.is_a?(Float)
    return yield(0) * most if most.is_a?(Float)
    first, last = most.begin, most.end
    return first + yield(0) * (last - first) if first.is_a?(Float) || last.is_a?(Float)
    n = last - first + (most.exclude_end? ? 0 : 1)
    n > 0 ? first + yield(n) : nil
  end

  def self.constant?(holder, names)
    at = holder.is_a?(Module) ? holder : holder.class
    names.each do |name|
      found = [at, Object].find { |scope| scope.is_a?(Module) && scope.const_defined?(name) }
      return false unless found
      at = found.const_get(name)
    end
    true
  rescue NameError
    false
  end
end

class Module
  [:private_constant, :deprecate_constant, :public_constant, :private_class_method, :public_class_method, :ruby2_keywords,
   :autoload].each { |name| define_method(name) { |*| nil } unless method_defined?(name) }

  def public_instance_method(name)
    instance_method(name)
  end

  def public_instance_methods(*args)
    instance_methods(*args)
  end

  def public_method_defined?(name)
    method_defined?(name)
  end

  def private_method_defined?(*)
    false
  end

  def refine(*)
    raise NotImplementedError, 'refinements are not known here'
  end
end

module Comparable
  alias __clamp clamp
  def clamp(low, high = nil)
    return __clamp(low, high) unless low.is_a?(Range)
    return low.begin if low.begin && self < low.begin
    low.end && self > low.end ? low.end : self
  end
end

class Exception
  attr_writer :cause

  def cause
    @cause
  end

  def full_message(*)
    "#{message} (#{self.class})"
  end

  def detailed_message(*)
    full_message
  end

  def backtrace_locations
    nil
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

  def each_entry(*args, &block)
    return to_enum(:each_entry, *args) unless block
    to_a.each(&block)
    self
  end

  def slice_when
    chunk_while { |a, b| !yield(a, b) }
  end

  def chunk_while
    groups = []
    to_a.each { |item| !groups.empty? && yield(groups.last.last, item) ? groups.last << item : groups << [item] }
    groups.each
  end

  def chunk
    groups = []
    to_a.each do |item|
      key = yield(item)
      !groups.empty? && groups.last.first == key ? groups.last.last << item : groups << [key, [item]]
    end
    groups.each
  end

  def slice_before(pattern = nil)
    groups = []
    to_a.each do |item|
      groups << [] if groups.empty? || (block_given? ? yield(item) : pattern === item)
      groups.last << item
    end
    groups.each
  end

  def slice_after(pattern = nil)
    groups = [[]]
    to_a.each do |item|
      groups.last << item
      groups << [] if block_given? ? yield(item) : pattern === item
    end
    groups.pop if groups.last.empty?
    groups.each
  end

  def compact
    to_a.compact
  end

  # The n smallest, or greatest: mruby knows only the one.
  def __several(n, sorted)
    n ? sorted.first(n) : sorted.first
  end

  def min(n = nil, &block)
    __several(n, block ? to_a.sort(&block) : to_a.sort)
  end

  def max(n = nil, &block)
    __several(n, (block ? to_a.sort(&block) : to_a.sort).reverse)
  end

  def to_set(*args, &block)
    Set.new(self, *args, &block)
  end

  def each_with_index(*args, &block)
    return to_enum(:each_with_index, *args) unless block
    i = -1
    each { |*item| block.call(item.size > 1 ? item : item.first, i += 1) }
    self
  end
end

module Bakery
  # mruby takes what it has inspected before for what it is within.
  WITHIN = []

  def self.within(object, again)
    return again if WITHIN.any? { |outer| outer.equal?(object) }
    WITHIN.push(object)
    begin
      yield
    ensure
      WITHIN.pop
    end
  end
end

class Array
  alias __times *
  alias __concat concat

  def inspect
    Bakery.within(self, '[...]') { "[#{map(&:inspect).join(', ')}]" }
  end
  alias to_s inspect

  def concat(*others)
    others.each { |other| __concat(other) }
    self
  end

  def min(n = nil, &block)
    return __several(n, block ? sort(&block) : sort) if n || block
    inject { |a, b| (b <=> a) < 0 ? b : a }
  end

  def max(n = nil, &block)
    return __several(n, (block ? sort(&block) : sort).reverse) if n || block
    inject { |a, b| (b <=> a) > 0 ? b : a }
  end

  def *(other)
    other.is_a?(String) ? join(other) : __times(other)
  end

  def sort_by!(&block)
    replace(sort_by(&block))
  end

  def to_ary
    self
  end

  def sum(start = 0, &block)
    list = block ? map(&block) : self
    return list.inject(start) { |a, b| a + b } unless list.any? { |x| x.is_a?(Float) } && list.all? { |x| x.is_a?(Numeric) }
    total, lost = start.to_f, 0.0                # Kahan and Babuska, as CRuby does
    list.each do |x|
      next_total = total + x
      lost += total.abs >= x.abs ? (total - next_total) + x : (x - next_total) + total
      total = next_total
    end
    total + lost
  end

  def to_set(*args, &block)
    Set.new(self, *args, &block)
  end

  def self.try_convert(value)
    value.is_a?(Array) ? value : nil
  end

  def intersect?(other)
    !(self & other).empty?
  end

  def excluding(*values)
    self - values.flatten
  end
end

class Hash
  alias __merge merge
  alias __update merge!

  def inspect
    return '{}' if empty?
    Bakery.within(self, '{...}') { "{#{map { |key, value| "#{key.inspect}=>#{value.inspect}" }.join(', ')}}" }
  end
  alias to_s inspect

  def merge(*others, &block)
    others.inject(dup) { |at, other| at.__merge(other, &block) }
  end

  def merge!(*others, &block)
    others.each { |other| __update(other, &block) }
    self
  end
  alias update merge!

  def to_h(&block)
    block ? to_a.to_h(&block) : self
  end

  def fetch(key, *default, &block)
    return self[key] if key?(key)
    return block.call(key) if block
    raise KeyError, "key not found: #{key.inspect}" if default.empty?
    default.first
  end

  def fetch_values(*keys, &block)
    keys.map { |key| fetch(key, &block) }
  end

  def to_hash
    self
  end

  def assoc(key)
    key?(key) ? [key, self[key]] : nil
  end

  def rassoc(value)
    found = find { |_, item| item == value }
    found && found.to_a
  end

  def compare_by_identity
    self
  end

  def deconstruct_keys(*)
    self
  end

  def sum(start = 0)
    each { |key, value| start += block_given? ? yield(key, value) : [key, value] }
    start
  end

  def self.try_convert(value)
    value.is_a?(Hash) ? value : nil
  end

  def deep_merge(other)
    merge(other) { |_, a, b| a.is_a?(Hash) && b.is_a?(Hash) ? a.deep_merge(b) : b }
  end unless method_defined?(:deep_merge)
end
