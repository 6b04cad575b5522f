# What suites use now and then of Ruby's standard library and of well-known gems.

# Addresses and networks of both families: IPAddr.new('10.0.0.0/8').include?('10.1.2.3'). Kept as 4 words of 8 bits or 8 of 16.
class IPAddr
  include Comparable

  class Error < ArgumentError; end
  class InvalidAddressError < Error; end
  class InvalidPrefixError < Error; end

  attr_reader :words, :prefix

  def initialize(text = '::')
    address, length = text.to_s.split('/', 2)
    address = address.to_s.delete_prefix('[').delete_suffix(']')
    @words = address.include?(':') ? parse_6(address) : parse_4(address)
    raise InvalidAddressError, "invalid address: #{text}" if @words.nil?
    @prefix = length.nil? ? bits : length_of(length)
    raise InvalidPrefixError, "invalid length: #{text}" if @prefix.nil?
    @words = masked(@words, @prefix)
  end

  def self.of(words)
    new(words.size == 4 ? words.join('.') : words.map { |word| word.to_s(16) }.join(':'))
  end

  def ipv4?
    @words.size == 4
  end

  def ipv6?
    !ipv4?
  end

  def width
    ipv4? ? 8 : 16
  end

  def bits
    @words.size * width
  end

  def to_i
    @words.inject(0) { |sum, word| (sum << width) + word }
  end

  def include?(other)
    other = IPAddr.new(other) unless other.is_a?(IPAddr)
    other.bits == bits && other.prefix >= @prefix && masked(other.words, @prefix) == @words
  end
  alias === include?

  def mask(length)
    IPAddr.new("#{self}/#{length}")
  end

  def first
    IPAddr.of(@words)
  end

  def last
    IPAddr.of(@words.zip(masked([(1 << width) - 1] * @words.size, @prefix)).map { |word, mask| word | (mask ^ ((1 << width) - 1)) })
  end

  def to_range
    first..last
  end

  def succ
    at = (0...@words.size).to_a.reverse.find { |i| @words[i] != (1 << width) - 1 } or return IPAddr.of([0] * @words.size)
    IPAddr.of(@words[0, at] + [@words[at] + 1] + [0] * (@words.size - at - 1))
  end

  def private?
    %w[10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7].any? { |net| IPAddr.new(net).include?(self) }
  end

  def loopback?
    %w[127.0.0.0/8 ::1].any? { |net| IPAddr.new(net).include?(self) }
  end

  def link_local?
    %w[169.254.0.0/16 fe80::/10].any? { |net| IPAddr.new(net).include?(self) }
  end

  def <=>(other)
    other = IPAddr.new(other) unless other.is_a?(IPAddr)
    other.bits == bits ? @words <=> other.words : nil
  rescue Error
    nil
  end

  def ==(other)
    other = IPAddr.new(other) unless other.is_a?(IPAddr)
    other.words == @words && other.prefix == @prefix
  rescue Error
    false
  end
  alias eql? ==

  def hash
    [@words, @prefix].hash
  end

  def to_s
    return @words.join('.') if ipv4?
    texts = @words.map { |word| word.to_s(16) }
    start, length = longest_zeros
    length < 2 ? texts.join(':') : "#{texts[0, start].join(':')}::#{texts[start + length..-1].join(':')}"
  end

  def to_string
    ipv4? ? to_s : @words.map { |word| word.to_s(16).rjust(4, '0') }.join(':')
  end

  def inspect
    "#<IPAddr: #{ipv4? ? 'IPv4' : 'IPv6'}:#{to_string}/#{@prefix}>"
  end

  private

  def masked(words, length)
    words.each_with_index.map do |word, i|
      kept = [[length - i * width, 0].max, width].min
      word >> (width - kept) << (width - kept)
    end
  end

  def longest_zeros
    best = [0, 0]
    at = nil
    [*@words, 1].each_with_index do |word, i|
      at ||= i if word == 0
      next if word == 0 || at.nil?
      best = [at, i - at] if i - at > best[1]
      at = nil
    end
    best
  end

  def parse_4(text)
    parts = text.split('.', -1)
    parts.map(&:to_i) if parts.size == 4 && parts.all? { |part| part =~ /\A\d{1,3}\z/ && part.to_i < 256 }
  end

  def parse_6(text)
    text = text.split('%', 2).first.to_s
    if text =~ /\A(.*:)(\d+\.\d+\.\d+\.\d+)\z/
      start, low = $1, parse_4($2)
      return if low.nil?
      text = "#{start}#{(low[0] * 256 + low[1]).to_s(16)}:#{(low[2] * 256 + low[3]).to_s(16)}"
    end
    halves = text.split('::', -1).map { |half| half.split(':', -1) }
    return if halves.size > 2
    missing = 8 - halves.sum(&:size)
    return if halves.size == 2 ? missing < 1 : missing != 0
    words = [*halves[0], *(['0'] * missing), *halves[1]]
    words.map { |word| word.to_i(16) } if words.all? { |word| word =~ /\A\h{1,4}\z/ }
  end

  # 24, or 255.255.255.0
  def length_of(text)
    return text.to_i <= bits ? text.to_i : nil if text =~ /\A\d+\z/
    mask = ipv4? && parse_4(text) or return
    ones = mask.sum { |word| word.to_s(2).count('1') }
    masked([255] * 4, ones) == mask ? ones : nil
  end
end

# Rows of texts; with headers: true rows are hashes that keep their order.
class CSV
  class MalformedCSVError < RuntimeError; end

  class << self
    def parse(text, headers: false, col_sep: ',', **)
      rows = rows_of(text, col_sep)
      return rows unless headers
      names = headers == true ? rows.shift.to_a : headers
      rows.map { |row| names.zip(row).to_h }
    end

    def parse_line(line, **options)
      parse(line, **options).first
    end

    def read(path, **options)
      parse(File.read(path), **options)
    end
    alias readlines read

    def foreach(path, **options, &block)
      rows = read(path, **options)
      block ? rows.each(&block) : rows.each
    end

    def table(path)
      read(path, headers: true).map { |row| row.transform_keys { |key| key.to_s.downcase.tr(' ', '_').to_sym } }
    end

    private

    def rows_of(text, separator)
      rows, row, field, quoted, was_quoted = [], [], +'', false, false
      chars = text.chars
      until chars.empty?
        char = chars.shift
        if quoted
          next field << char unless char == '"'
          next field << chars.shift if chars.first == '"'
          quoted = false
        elsif char == '"' && field.empty? && !was_quoted
          quoted = was_quoted = true
        elsif char == separator || char == "\n"
          row << (field.empty? && !was_quoted ? nil : field)
          field, was_quoted = +'', false
          rows, row = rows << (row == [nil] ? [] : row), [] if char == "\n"
        elsif char != "\r" || chars.first != "\n"
          field << char
        end
      end
      raise MalformedCSVError, 'a quoted field does not end' if quoted
      row << field unless field.empty? && row.empty? && !was_quoted
      row.empty? ? rows : rows << row
    end
  end
end

# active_support's best known words.
class Object
  def blank?
    respond_to?(:empty?) ? empty? : !self
  end

  def present?
    !blank?
  end

  def presence
    blank? ? nil : self
  end

  def try(name = nil, *args, &block)
    name.nil? ? instance_eval(&block) : respond_to?(name) ? __send__(name, *args, &block) : nil
  end
end

class NilClass
  def try(*)
    nil
  end
end

class String
  def blank?
    strip.empty?
  end
end

class Numeric
  { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 }.each do |word, seconds|
    [word, :"#{word}s"].each { |name| define_method(name) { self * seconds } }
  end
end

# rspec-wait: what is expected may take until then.
module RSpec
  class WaitTarget
    def initialize(seconds, value, block)
      @seconds, @value, @block = seconds, value, block
    end

    def for(*value, &block)
      WaitTarget.new(@seconds, value, block)
    end

    def to(*args)
      try(:to, args)
    end

    def not_to(*args)
      try(:not_to, args)
    end
    alias to_not not_to

    private

    def try(how, args)
      until_then = Process.clock_gettime(Process::CLOCK_MONOTONIC) + @seconds
      begin
        Matchers::Target.new(@block ? @block.call : @value.first).__send__(how, *args)
      rescue Expectations::ExpectationNotMetError => e
        raise e if Process.clock_gettime(Process::CLOCK_MONOTONIC) >= until_then
        sleep(0.1)
        retry
      end
    end
  end

  module Core
    class ExampleGroup
      def wait_for(*value, &block)
        WaitTarget.new(RSpec.configuration.__kept('wait_timeout') || 10, value, block)
      end

      def wait(seconds = RSpec.configuration.__kept('wait_timeout') || 10)
        WaitTarget.new(seconds, [], nil)
      end
    end
  end
end
