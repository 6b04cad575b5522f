# What Ruby's strings, symbols and numbers can do and mruby's cannot. Strings are bytes here: see size.
class Encoding
  attr_reader :name

  def initialize(name)
    @name = name
  end
  alias to_s name

  def inspect
    "#<Encoding:#{@name}>"
  end

  UTF_8 = new('UTF-8')
  ASCII_8BIT = BINARY = new('ASCII-8BIT')
  US_ASCII = new('US-ASCII')
  ISO_8859_1 = new('ISO-8859-1')

  class << self
    attr_writer :default_external, :default_internal

    def default_external
      UTF_8
    end

    def default_internal
      nil
    end

    def find(_)
      UTF_8
    end
  end
  class UndefinedConversionError < EncodingError; end
  class InvalidByteSequenceError < EncodingError; end
  class CompatibilityError < EncodingError; end
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

  def digits(base = 10)
    return [0] if self == 0
    rest, ret = self, []
    while rest > 0
      ret << rest % base
      rest /= base
    end
    ret
  end

  def pow(exponent, modulus = nil)
    modulus ? (0...exponent).inject(1) { |a, _| a * self % modulus } : self**exponent
  end

  def fdiv(other)
    to_f / other
  end

  def gcd(other)
    a, b = abs, other.abs
    a, b = b, a % b while b > 0
    a
  end

  def lcm(other)
    self == 0 || other == 0 ? 0 : (self / gcd(other) * other).abs
  end

  def [](bit)
    (self >> bit) & 1
  end

  def bit_length
    n, rest = 0, self < 0 ? ~self : self
    while rest > 0
      n += 1
      rest >>= 1
    end
    n
  end

  def size
    8
  end

  def ord
    self
  end

  def integer?
    true
  end

  def magnitude
    abs
  end

  def round_to(place, up)
    unit = 10**place
    rest = self % unit
    self - rest + (up.call(rest, unit) ? unit : 0)
  end

  alias __round round
  def round(places = 0, **)
    places < 0 ? round_to(-places, ->(rest, unit) { self < 0 ? rest * 2 > unit : rest * 2 >= unit }) : self
  end

  def floor(places = 0)
    places < 0 ? round_to(-places, ->(*) { false }) : self
  end

  def ceil(places = 0)
    places < 0 ? round_to(-places, ->(rest, _) { rest > 0 }) : self
  end

  def coerce(other)
    other.is_a?(Integer) ? [other, self] : [other.to_f, to_f]
  end

  def self.sqrt(n)
    root = Math.sqrt(n).to_i
    root -= 1 while root * root > n
    root += 1 while (root + 1) * (root + 1) <= n
    root
  end
end

class Float
  alias __to_i to_i
  def to_i
    raise RangeError, "#{self} is more than an Integer holds here" if abs >= 9.2e18
    __to_i
  end
  alias to_int to_i

  def fdiv(other)
    self / other
  end

  def magnitude
    abs
  end

  def integer?
    false
  end

  def coerce(other)
    [other.to_f, self]
  end
end

class Numeric
  def step(limit = nil, by_step = nil, by: nil, to: nil, &block)
    limit, by_step = limit.nil? ? to : limit, by_step || by || 1
    return Bakery.steps(self, limit, by_step).each unless block
    raise ArgumentError, "step can't be 0" if by_step == 0
    at = self
    while limit.nil? || (by_step > 0 ? at <= limit : at >= limit)
      block.call(at)
      at += by_step
    end
    self
  end

  def real?
    true
  end
end

module Bakery
  def self.steps(from, to, by)
    ret = []
    raise ArgumentError, "step can't be 0" if by == 0
    count = ((to - from) / by.to_f + 1e-9).floor
    (0..count).each { |i| ret << from + i * by }
    ret
  end

  # "a-c" as tr() reads it is mruby's; this fills to a width counted in letters.
  def self.width(text)
    Bakery.characters(text).size
  end
end

class Range
  def step(by = 1, &block)
    steps = last.nil? ? first.step(nil, by) : Bakery.steps(first, last, by)
    steps = steps.to_a
    steps.pop if exclude_end? && steps.last == last
    return steps.each unless block
    steps.each(&block)
    self
  end
  alias % step

  def minmax
    [min, max]
  end
end

class String
  def encode(*)
    self
  end

  def encode!(*)
    self
  end

  def force_encoding(*)
    self
  end

  def encoding
    Encoding::UTF_8
  end

  def b
    dup
  end

  def unicode_normalize(*)
    self
  end

  def ascii_only?
    bytes.all? { |byte| byte < 128 }
  end

  def scrub!(*args)
    replace(scrub(*args))
  end

  def sum(bits = 16)
    bytes.inject(0) { |a, b| a + b } & ((1 << bits) - 1)
  end

  def grapheme_clusters
    Bakery.characters(self)
  end

  def +@
    frozen? ? dup : self
  end

  def -@
    freeze
  end

  def self.try_convert(value)
    value.is_a?(String) ? value : nil
  end

  # Hash's values by name; the rest is mruby's.
  def %(args)
    format(self, *(args.is_a?(Array) ? args : [args]))
  end

  alias __ljust ljust
  def ljust(width, *pad)
    __ljust(width + size - Bakery.width(self), *pad)
  end

  alias __rjust rjust
  def rjust(width, *pad)
    __rjust(width + size - Bakery.width(self), *pad)
  end

  alias __center center
  def center(width, *pad)
    __center(width + size - Bakery.width(self), *pad)
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

  # As grep does it for serverspec's own helpers.
  def to_snake_case
    gsub(/([A-Z\d]+)([A-Z][a-z])/, '\1_\2').gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase
  end

  def to_camel_case
    split('_').map(&:capitalize).join
  end
end

class Symbol
  alias __inspect inspect
  def inspect
    text = to_s
    text.bytes.all? { |byte| byte < 128 } ? __inspect : ":#{text =~ /\A[[:alpha:]_][[:alnum:]_]*[?!=]?\z/ ? text : text.inspect}"
  end

  def =~(pattern)
    to_s =~ pattern
  end

  def match(pattern)
    to_s.match(pattern)
  end

  def match?(pattern)
    to_s.match?(pattern)
  end

  def [](*args)
    to_s[*args]
  end

  def id2name
    to_s
  end

  def succ
    to_s.succ.to_sym
  end

  def swapcase
    to_s.swapcase.to_sym
  end

  def start_with?(*starts)
    to_s.start_with?(*starts)
  end

  def end_with?(*ends)
    to_s.end_with?(*ends)
  end
end

class MatchData
  def match(group)
    self[group]
  end

  def match_length(group)
    self[group] && self[group].size
  end

  def deconstruct_keys(*)
    named_captures.transform_keys(&:to_sym)
  end

  def ==(other)
    other.is_a?(MatchData) && to_a == other.to_a && string == other.string
  end
end

class Regexp
  def casefold?
    options & IGNORECASE != 0
  end

  def named_captures
    ret = {}
    names.each_with_index { |name, i| ret[name] = [i + 1] }
    ret
  end

  def hash
    source.hash
  end

  def ~
    self =~ $_
  end

  def self.try_convert(value)
    value.is_a?(Regexp) ? value : nil
  end
end

# Struct.new(:a, :b, keyword_init: true)
class Struct
  class << self
    alias __new new

    def new(*args, &block)
      return __new(*args, &block) unless equal?(Struct) && args.last.is_a?(Hash)
      options = args.pop
      type = __new(*args, &block)
      return type unless options[:keyword_init]
      members = type.members
      type.alias_method(:__initialize, :initialize)
      type.define_method(:initialize) do |values = {}|
        unknown = values.keys - members
        raise ArgumentError, "unknown keywords: #{unknown.join(', ')}" unless unknown.empty?
        __initialize(*members.map { |name| values[name] })
      end
      type
    end
  end

  def deconstruct
    to_a
  end

  def filter(&block)
    select(&block)
  end
end
