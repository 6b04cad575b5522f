# Ruby's library as specs use it: JSON, YAML, Set, OpenStruct, Shellwords, ERB and smaller ones. Parsers are C.
module JSON
  class << self
    def parse(text, options = {}, **named)
      options = (options || {}).merge(named)
      text = text.to_str if text.respond_to?(:to_str)
      raise TypeError, "no implicit conversion of #{text.nil? ? 'nil' : text.class} into String" unless text.is_a?(String)
      value = Bakery.json_parse(text, options[:symbolize_names] ? true : false)
      options[:object_class] ? as_class(value, options[:object_class]) : value
    end
    alias parse! parse

    def as_class(value, type)
      case value
      when Hash
        ret = type.new
        value.each { |key, item| ret[key] = as_class(item, type) }
        ret
      when Array then value.map { |item| as_class(item, type) }
      else value
      end
    end

    def load(source, _ = nil, options = {}, **named)
      source = source.read if source.respond_to?(:read)
      source.nil? || source.empty? ? nil : parse(source, options.merge(named))
    end

    def load_file(path, options = {}, **named)
      parse(File.read(path), options.merge(named))
    end

    def generate(value, *)
      Bakery.json_generate(value, false)
    end

    def dump(value, io = nil, *)
      text = generate(value)
      return text unless io
      io.write(text)
      io
    end

    def pretty_generate(value, *)
      Bakery.json_generate(value, true)
    end

    def [](value, **options)
      value.is_a?(String) ? parse(value, options) : generate(value)
    end

    # What an object says of itself; nil: it is written as its text.
    def __own(value)
      value.class.method_defined?(:__plain_json) && value.method(:to_json).owner == Object ? nil : value.to_json
    rescue NameError
      nil
    end
  end
end
MultiJson = Oj = JSON

class Object
  def __plain_json
    true
  end

  def to_json(*)
    Bakery.json_generate(self, false)
  end
end

# As Psych reads and writes it.
module YAML
  class DisallowedClass < Exception; end
  class BadAlias < Exception; end

  WORDS = { '' => nil, '~' => nil, 'null' => nil, 'Null' => nil, 'NULL' => nil }.freeze

  class << self
    def __plain(text)
      return nil if WORDS.key?(text)
      case text
      when /\A(yes|true|on)\z/i then true
      when /\A(no|false|off)\z/i then false
      when /\A[-+]?(0|[1-9](?:\d|[,_]\d)*)\z/ then text.delete(',_').to_i
      when /\A([-+]?)0[0-7_,]+\z/ then text.delete(',_').to_i(8)
      when /\A[-+]?0x[\h_,]+\z/i then text.delete(',_').to_i(16)
      when /\A[-+]?0b[01_,]+\z/ then text.delete(',_').to_i(2)
      when /\A[-+]?(?:\d[\d_,]*)?\.\d*(?:[eE][-+]\d+)?\z/
        text == '.' || text =~ /\A[-+]\.?\z/ ? text : text.delete(',_').to_f
      when /\A\+?\.inf\z/i then Float::INFINITY
      when /\A-\.inf\z/i then -Float::INFINITY
      when /\A\.nan\z/i then Float::NAN
      when /\A:"(.*)"\z/, /\A:'(.*)'\z/, /\A:(\S.*)\z/ then $1.to_sym
      when /\A[-+]?\d[\d_]*(:[0-5]?\d){1,2}\z/ then text.split(':').each_with_index.sum { |part, i| part.to_i * 60**(i - 2).abs }
      when /\A\d{4}-\d\d?-\d\d?\z/ then Date.parse(text)
      when /\A\d{4}-\d\d-\d\d(?:[Tt]|\s+)\d\d:\d\d:\d\d/ then Time.parse(text)
      else text
      end
    rescue ArgumentError
      text
    end

    def __binary(text)
      text.delete("\n ").unpack('m').first
    end

    def load(source, *, symbolize_names: false, **)
      documents(source, symbolize_names).first
    end
    alias safe_load load
    alias unsafe_load load

    def load_stream(source, **options)
      documents(source, options[:symbolize_names])
    end
    alias load_documents load_stream

    def documents(source, symbols)
      source = source.read if source.respond_to?(:read)
      raise TypeError, "no implicit conversion of #{source.class} into String" unless source.is_a?(String)
      Bakery.yaml_parse(source, symbols ? true : false)
    end

    def load_file(path, **options)
      load(File.read(path), **options)
    end
    alias safe_load_file load_file
    alias unsafe_load_file load_file

    def dump(value, io = nil, *)
      text = "---#{node(value, 0, true)}"
      return text unless io.respond_to?(:write)
      io.write(text)
      io
    end

    # What stands behind "---", "key:" or "-".
    def node(value, depth, top = false)
      case value
      when Hash then value.empty? ? " {}\n" : "\n#{pairs(value, depth)}"
      when Array then value.empty? ? " []\n" : "\n#{items(value, depth)}"
      when String then value.include?("\n") ? block(value, depth) : " #{scalar(value)}\n"
      when nil then top ? "\n" : "\n"
      else " #{plain(value)}\n"
      end
    end

    def pairs(value, depth)
      value.map do |key, item|
        "#{'  ' * depth}#{key.is_a?(String) ? scalar(key) : plain(key)}:#{node(item, item.is_a?(Array) ? depth : depth + 1)}"
      end.join
    end

    def items(value, depth)
      value.map do |item|
        text = node(item, depth + 1)
        nested = (item.is_a?(Hash) || item.is_a?(Array)) && !item.empty?
        "#{'  ' * depth}-#{nested ? " #{text.lstrip}" : text}"
      end.join
    end

    def block(text, depth)
      lines = text.chomp.split("\n", -1).map { |line| line.empty? ? '' : "#{'  ' * [depth, 1].max}#{line}" }
      " |#{'-' unless text.end_with?("\n")}\n#{lines.join("\n")}\n"
    end

    def plain(value)
      case value
      when Symbol then ":#{scalar(value.to_s)}"
      when Float then value.nan? ? '.nan' : value.infinite? ? (value > 0 ? '.inf' : '-.inf') : value.to_s
      when nil then ''
      else value.to_s
      end
    end

    def scalar(text)
      return "''" if text.empty?
      return text.inspect if text =~ /[\x00-\x1f\x7f]/
      first = text =~ /\A[-?:,\[\]{}#&*!|>'"%@` ]/ && text !~ /\A[-?:][^\s]/
      return text unless !__plain(text).is_a?(String) || first || text =~ /: |:\z| #|\s\z/ || %w[y n Y N].include?(text)
      text.include?("'") && !text.include?('"') && !text.include?('\\') ? "\"#{text}\"" : "'#{text.gsub("'", "''")}'"
    end
  end
end
Psych = YAML

class Object
  def to_yaml(*)
    YAML.dump(self)
  end
end

class Set
  include Enumerable

  def self.[](*items)
    new(items)
  end

  def initialize(items = nil, &block)
    @hash = {}
    merge(block ? items.map(&block) : items) if items
  end

  def initialize_copy(other)
    @hash = {}
    merge(other)
  end

  def add(item)
    @hash[item] = true
    self
  end
  alias << add

  def add?(item)
    include?(item) ? nil : add(item)
  end

  def delete(item)
    @hash.delete(item)
    self
  end

  def delete?(item)
    include?(item) ? delete(item) : nil
  end

  def include?(item)
    @hash.key?(item)
  end
  alias member? include?
  alias === include?
  alias contain? include?

  def each(&block)
    return to_a.each unless block
    to_a.each(&block)
    self
  end

  def merge(*others)
    others.each { |items| items.each { |item| add(item) } }
    self
  end

  def subtract(items)
    items.each { |item| delete(item) }
    self
  end

  def to_a
    @hash.keys
  end

  def to_set(*)
    self
  end

  def size
    @hash.size
  end
  alias length size
  alias count_all size

  def count(*args, &block)
    to_a.count(*args, &block)
  end

  def empty?
    @hash.empty?
  end

  def clear
    @hash.clear
    self
  end

  def |(other)
    dup.merge(other)
  end
  alias union |
  alias + |

  def &(other)
    Set.new(other.select { |item| include?(item) })
  end
  alias intersection &

  def -(other)
    dup.subtract(other)
  end
  alias difference -

  def ^(other)
    ret = Set.new(other)
    each { |item| ret.add(item) unless ret.delete?(item) }
    ret
  end

  def subset?(other)
    size <= other.size && all? { |item| other.include?(item) }
  end
  alias <= subset?

  def superset?(other)
    other.all? { |item| include?(item) }
  end
  alias >= superset?

  def proper_subset?(other)
    size < other.size && subset?(other)
  end
  alias < proper_subset?

  def proper_superset?(other)
    size > other.size && superset?(other)
  end
  alias > proper_superset?

  def <=>(other)
    return nil unless other.is_a?(Set)
    return 0 if self == other
    return -1 if proper_subset?(other)
    proper_superset?(other) ? 1 : nil
  end

  def intersect?(other)
    other.any? { |item| include?(item) }
  end

  def disjoint?(other)
    !intersect?(other)
  end

  def ==(other)
    other.is_a?(Set) && size == other.size && subset?(other)
  end
  alias eql? ==

  def hash
    to_a.map(&:hash).sort.hash
  end

  def map!(&block)
    replace(map(&block))
  end
  alias collect! map!

  def replace(items)
    items = items.to_a
    clear
    merge(items)
  end
  alias reset to_set

  def select!(&block)
    before = size
    replace(to_a.select(&block))
    before == size ? nil : self
  end
  alias filter! select!

  def keep_if(&block)
    select!(&block)
    self
  end

  def reject!(&block)
    before = size
    replace(to_a.reject(&block))
    before == size ? nil : self
  end

  def delete_if(&block)
    reject!(&block)
    self
  end

  [:select, :reject].each { |name| define_method(name) { |&block| Set.new(to_a.__send__(name, &block)) } }
  alias filter select

  def partition(&block)
    to_a.partition(&block)
  end

  def group_by(&block)
    to_a.group_by(&block)
  end

  def classify(&block)
    to_a.group_by(&block).transform_values { |items| Set.new(items) }
  end

  def flatten
    Set.new(to_a.flat_map { |item| item.is_a?(Set) ? item.flatten.to_a : [item] })
  end

  def join(separator = nil)
    to_a.join(separator)
  end

  def first(*args)
    to_a.first(*args)
  end

  def freeze
    @hash.freeze
    super
  end

  def inspect
    "#<Set: {#{to_a.map(&:inspect).join(', ')}}>"
  end
  alias to_s inspect
end
SortedSet = Set

class OpenStruct
  def initialize(values = nil, **named)
    @table = {}
    (values || {}).to_h.merge(named).each { |key, value| @table[key.to_sym] = value }
  end

  def [](name)
    @table[name.to_sym]
  end

  def []=(name, value)
    @table[name.to_sym] = value
  end

  def to_h
    @table.dup
  end

  def dig(name, *rest)
    value = self[name]
    rest.empty? || value.nil? ? value : value.dig(*rest)
  end

  def each_pair(&block)
    @table.each(&block)
    self
  end

  def delete_field(name)
    @table.delete(name.to_sym)
  end

  def ==(other)
    other.is_a?(OpenStruct) && to_h == other.to_h
  end

  def respond_to_missing?(name, *)
    @table.key?(name.to_s.chomp('=').to_sym)
  end

  def method_missing(name, *args)
    return self[name.to_s.chomp('=')] = args.first if name.to_s.end_with?('=')
    @table[name]
  end

  def inspect
    fields = @table.map { |key, value| " #{key}=#{value.inspect}" }
    "#<OpenStruct#{fields.join(',')}>"
  end
  alias to_s inspect
end

module Shellwords
  class << self
    def split(line)
      words, field = [], nil
      line.scan(/\G\s*(?>([^\s\\'"]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|(\\.?)|(\S))(\s|\z)?/m) do |word, single, double, escaped, garbage, ending|
        raise ArgumentError, "Unmatched quote: #{line}" if garbage
        field = (field || '') + (word || single || (double && double.gsub(/\\([$`"\\\n])/, '\\1')) || escaped.gsub(/\\(.)/, '\\1'))
        next unless ending
        words << field
        field = nil
      end
      words
    end
    alias shellsplit split
    alias shellwords split

    def escape(word)
      word = word.to_s
      word.empty? ? "''" : word.gsub(/[^A-Za-z0-9_\-.,:+\/@\n]/) { |char| "\\#{char}" }.gsub("\n", "'\n'")
    end
    alias shellescape escape

    def join(words)
      words.map { |word| escape(word) }.join(' ')
    end
    alias shelljoin join
  end
end

class String
  def shellescape
    Shellwords.escape(self)
  end

  def shellsplit
    Shellwords.split(self)
  end
end

class Array
  def shelljoin
    Shellwords.join(self)
  end
end

class ERB
  module Util
    def self.html_escape(text)
      text.to_s.gsub(/[&"'<>]/, '&' => '&amp;', '"' => '&quot;', "'" => '&#39;', '<' => '&lt;', '>' => '&gt;')
    end
  end
  attr_reader :src
  attr_accessor :filename

  def initialize(template, *old, trim_mode: nil, eoutvar: '_erbout')
    @src = compile(template, (trim_mode || old[1]).to_s, eoutvar)
  end

  def compile(template, trim, out)
    code = "#{out} = +''; "
    template = template.gsub(/^%(?!%)(.*)(\n|\z)/) { "<%#{$1}\n%>" } if trim.include?('%')
    at = 0
    while (first = template.index('<%', at))
      text = template[at...first]
      last = template.index('%>', first) || template.size
      body = template[first + 2...last]
      at = last + 2
      if body.start_with?('%')
        code << "#{out} << #{(text + '<%' + body[1..-1] + '%>').dump}; "
        next
      end
      text = text.sub(/[ \t]*\z/, '') if body.start_with?('-')
      own_line = trim.include?('<>') && (text.empty? || text.end_with?("\n"))
      ends_line = body.end_with?('-') || (trim.include?('>') && (!trim.include?('<>') || own_line))
      at += 1 if ends_line && template[at] == "\n"
      body = body.delete_prefix('-').delete_suffix('-')
      code << "#{out} << #{text.inspect}; " unless text.empty?
      code << statement(body, out)
    end
    rest = template[at..-1].to_s
    code << "#{out} << #{rest.inspect}; " unless rest.empty?
    code << out
  end

  def statement(body, out)
    return "#{out} << ((#{body[1..-1]}).to_s); " if body.start_with?('=')
    body.start_with?('#') ? '' : "#{body}\n"
  end

  def result(binding = nil)
    binding ? binding.eval(@src) : eval(@src)
  end

  def result_with_hash(values)
    holder = Object.new
    values.each { |name, value| holder.define_singleton_method(name) { value } }
    source = @src
    holder.instance_eval { eval(source) }
  end
end
