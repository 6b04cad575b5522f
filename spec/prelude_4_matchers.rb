# RSpec's expectations and matchers. A matcher answers matches?, description and
# mismatch (what was found instead, a clause for people, or nil).
module RSpec
  module Matchers
    class << self
      attr_accessor :description

      def handle(actual, positive, args)
        return Operator.new(actual, positive) if args.empty?
        verify(actual, args[0], positive, args[1])
      end

      def verify(actual, matcher, positive, own_message = nil)
        matcher = Compare.new(:==, matcher) unless matcher.respond_to?(:matches?)
        self.description = "should #{'not ' unless positive}#{matcher.description}"
        raise Bakery::Unanswered, actual.__unanswered if actual.is_a?(Serverspec::Type::Base) && actual.__unanswered
        good = positive || !matcher.respond_to?(:does_not_match?) ? matcher.matches?(actual) : !matcher.does_not_match?(actual)
        return true if positive == (good ? true : false)
        found = matcher.mismatch(actual)
        text = "expected #{show_subject(actual)} #{'not ' unless positive}to #{matcher.description}"
        text = "#{text}, but #{found}" if found
        own_message = own_message.call if own_message.is_a?(Proc)
        raise Expectations::ExpectationNotMetError, own_message ? "#{own_message}: #{text}" : text
      end

      # What a matcher of texts looks at. A resource is not its name.
      def text_of(actual, property)
        return actual unless actual.is_a?(Serverspec::Type::Base)
        actual.respond_to?(property) ? actual.__send__(property) : raise(NoMethodError, "#{actual} has no #{property}")
      end

      def show_subject(value)
        value.is_a?(Serverspec::Type::Base) ? value.to_s : show(value)
      end

      def show(value)
        text = value.is_a?(String) ? quote(value) : value.inspect
        text.size > 1000 ? "#{text[0, 1000]}... (#{text.size} characters)" : text
      end

      # As inspect, but letters beyond ASCII stay readable.
      def quote(text)
        '"' + text.gsub('\\') { '\\\\' }.gsub('"') { '\\"' }.gsub("\n") { '\\n' }.gsub("\t") { '\\t' }.gsub("\e") { '\\e' } + '"'
      end

      def same?(expected, actual)
        return expected.matches?(actual) if expected.respond_to?(:matches?)
        if expected.is_a?(Array) && actual.is_a?(Array)
          return expected.size == actual.size && expected.zip(actual).all? { |wanted, item| same?(wanted, item) }
        end
        if expected.is_a?(Hash) && actual.is_a?(Hash)
          return expected.size == actual.size && expected.all? { |key, value| actual.key?(key) && same?(value, actual[key]) }
        end
        expected == actual || expected === actual
      end

      def words(name)
        name.to_s.tr('_', ' ').sub(/\?\z/, '')
      end
    end

    class Target
      def initialize(actual)
        @actual = actual
      end

      def to(*args)
        Matchers.handle(@actual, true, args)
      end

      def not_to(*args)
        Matchers.handle(@actual, false, args)
      end
      alias to_not not_to
    end

    class Base
      def initialize(*expected)
        @expected = expected
      end

      def mismatch(actual)
        nil
      end

      def and(other)
        Compound.new(:and, self, other)
      end
      alias & and

      def or(other)
        Compound.new(:or, self, other)
      end
      alias | or

      def ===(actual)
        matches?(actual)
      end

      def list(values = @expected)
        values.map { |value| value.respond_to?(:description) && value.respond_to?(:matches?) ? value.description : Matchers.show(value) }.join(', ')
      end
    end

    class Compound < Base
      def initialize(how, first, second)
        @how, @first, @second = how, first, second
      end

      def matches?(actual)
        @how == :and ? @first.matches?(actual) && @second.matches?(actual) : @first.matches?(actual) || @second.matches?(actual)
      end

      def does_not_match?(_)
        raise ArgumentError, "`#{description}` cannot be negated: its parts can"
      end

      def mismatch(actual)
        found = [@first, @second].map { |matcher| matcher.mismatch(actual) }.compact.uniq
        found.empty? ? nil : found.join(', ')
      end

      def description
        "#{@first.description} #{@how} #{@second.description}"
      end
    end

    # A plain test: words for people and a block that decides.
    class Simple < Base
      def initialize(words, expected, &test)
        @words, @expected, @test = words, expected, test
      end

      def matches?(actual)
        @test.call(actual)
      end

      def description
        @expected.empty? ? @words : "#{@words} #{list}"
      end
    end

    class Compare < Base
      def initialize(operator, expected)
        @operator, @expected = operator, [expected]
      end

      def matches?(actual)
        wanted = @expected.first
        return MatchArray.new(*wanted).matches?(actual) if @operator == :=~ && wanted.is_a?(Array)
        actual.__send__(@operator, wanted)
      end

      def description
        "#{@operator} #{Matchers.show(@expected.first)}"
      end
    end

    OPERATORS = [:==, :!=, :<, :<=, :>, :>=, :=~, :===, :eql?, :equal?].freeze

    # `should == 1`
    class Operator
      def initialize(actual, positive)
        @actual, @positive = actual, positive
      end

      (OPERATORS - [:eql?, :equal?]).each do |operator|
        define_method(operator) { |expected| Matchers.verify(@actual, Compare.new(operator, expected), @positive) }
      end
    end

    # `be`, `be(5)`, `be > 5`
    class Be < Base
      def matches?(actual)
        @expected.empty? ? actual : actual.equal?(@expected.first) || (actual.is_a?(Numeric) && actual == @expected.first)
      end

      def description
        @expected.empty? ? 'be truthy' : "be #{Matchers.show(@expected.first)}"
      end

      (OPERATORS - [:eql?, :equal?]).each do |operator|
        define_method(operator) do |expected|
          Simple.new("be #{operator}", [expected]) { |actual| !actual.nil? && actual.__send__(operator, expected) }
        end
      end
    end

    # be_within(0.1).of(1)
    class Within < Base
      def of(middle)
        @middle = middle
        self
      end

      def matches?(actual)
        actual.is_a?(Numeric) && (actual - @middle).abs <= @expected.first
      end

      def description
        "be within #{list} of #{Matchers.show(@middle)}"
      end
    end

    # be_x asks x?, have_x asks has_x?; chains such as .with_version('1') go along by name.
    class Predicate < Base
      def initialize(matcher, names, args, block)
        @matcher, @names, @expected, @block = matcher, names, args, block
        @chains = {}
      end

      def matches?(actual)
        name = @names.find { |candidate| actual.respond_to?(candidate) }
        unless name
          raise NoMethodError, "#{Matchers.show_subject(actual)} cannot be asked for #{@matcher}: it has no #{@names.join(' or ')}"
        end
        check_chains(actual, name)
        args = @chains.empty? ? @expected : @expected + [@chains]
        actual.__send__(name, *args, &@block)
      end

      def check_chains(actual, name)
        return if @chains.empty? || !actual.is_a?(Serverspec::Type::Base)
        known = actual.__chains(name.to_s)
        return if known.nil?
        @chains.each_key do |chain|
          next if known.split(' ').include?(chain.to_s)
          raise NoMethodError, "#{@matcher} knows no .#{chain}#{known.empty? ? '' : " (it knows: #{known})"}"
        end
      end

      def mismatch(actual)
        actual.is_a?(Serverspec::Type::Base) ? actual.__note : nil
      end

      def description
        text = Matchers.words(@matcher)
        text += " #{list}" unless @expected.empty?
        @chains.each { |name, value| text += " #{Matchers.words(name)}#{" #{Matchers.show(value)}" unless value.nil?}" }
        text
      end

      def method_missing(name, *args)
        return super if name.to_s.end_with?('?') || name.to_s.start_with?('to_')
        @chains[name] = args.size > 1 ? args : args.first
        self
      end

      # mruby 3.1 gives method_missing no keywords that come alone: what takes them needs a method.
      [:with, :only_with].each do |name|
        define_method(name) { |*args| method_missing(name, *args) }
      end

      def respond_to_missing?(*)
        false
      end
    end

    class Match < Base
      def matches?(actual)
        expected = @expected.first
        return Matchers.same?(expected, actual) unless expected.is_a?(Regexp) || expected.is_a?(String)
        actual = Matchers.text_of(actual, :match)
        return false if actual.nil?
        !actual.to_s.match(expected).nil?
      end

      def description
        "match #{list}"
      end
    end

    # Negated, none of several may be there.
    class Include < Base
      def matches?(actual)
        !actual.nil? && @expected.all? { |wanted| has?(actual, wanted) }
      end

      def does_not_match?(actual)
        !actual.nil? && @expected.none? { |wanted| has?(actual, wanted) }
      end

      def has?(actual, wanted)
        if wanted.is_a?(Hash) && actual.is_a?(Hash)
          wanted.all? { |key, value| actual.key?(key) && Matchers.same?(value, actual[key]) }
        elsif actual.is_a?(String)
          wanted.is_a?(Regexp) ? actual =~ wanted : actual.include?(wanted.to_s)
        elsif actual.is_a?(Hash)
          actual.key?(wanted)
        else
          actual.any? { |item| Matchers.same?(wanted, item) }
        end
      end

      def description
        "include #{list}"
      end
    end

    class MatchArray < Base
      def matches?(actual)
        return false unless actual.respond_to?(:to_a)
        rest = actual.to_a.dup
        return false if rest.size != @expected.size
        @expected.all? do |wanted|
          at = rest.index { |item| Matchers.same?(wanted, item) }
          rest.delete_at(at) if at
          at
        end
      end

      def description
        "contain exactly #{list}"
      end
    end

    # serverspec's `contain`: a string is found as it stands or as grep would read it.
    class Contain < Base
      [:from, :to, :after, :before].each do |name|
        define_method(name) do |pattern|
          (@bounds ||= {})[name] = pattern
          self
        end
      end

      def matches?(actual)
        text = part(Matchers.text_of(actual, :content)).to_s
        wanted = @expected.first
        return lines?(text, wanted) if wanted.is_a?(Array)
        return !text.match(wanted).nil? if wanted.is_a?(Regexp)
        return true if text.include?(wanted.to_s)
        begin
          !text.match(Regexp.grep(wanted.to_s)).nil?
        rescue RegexpError
          false
        end
      end

      # Lines that stand one below the other.
      def lines?(text, wanted)
        lines, wanted = text.lines.map(&:chomp), wanted.map { |line| line.to_s.chomp }
        return false if wanted.empty? || lines.size < wanted.size
        (0..lines.size - wanted.size).any? { |i| lines[i] == wanted.first && lines[i, wanted.size] == wanted }
      end

      def part(text)
        return text unless @bounds
        lines = text.to_s.lines
        first = find(lines, @bounds[:from] || @bounds[:after], 0)
        return '' if first.nil?
        ending = @bounds[:to] || @bounds[:before]
        last = ending ? find(lines, ending, @bounds[:from] ? first + 1 : first) : nil
        lines[first..(last || -1)].join
      end

      def find(lines, pattern, from)
        return from if pattern.nil?
        pattern = Regexp.new(pattern) unless pattern.is_a?(Regexp)
        (from...lines.size).find { |i| lines[i].match?(pattern) }
      end

      def mismatch(actual)
        actual.is_a?(Serverspec::Type::Base) ? actual.__note || 'no line of it does' : nil
      end

      def description
        (@bounds || {}).inject("contain #{list}") { |text, (name, value)| "#{text} #{name} #{Matchers.show(value)}" }
      end
    end

    class RaiseError < Base
      def matches?(actual)
        type, message = @expected
        type, message = Exception, type unless type.nil? || type.is_a?(Class)
        actual.call
        false
      rescue Bakery::Unanswered, Core::SkipDeclared => e
        raise e
      rescue Exception => e
        @raised = e
        e.is_a?(type || Exception) && (message.nil? || Matchers.same?(message, e.message))
      end

      def mismatch(actual)
        @raised ? "#{@raised.class} '#{@raised.message}' was raised" : 'nothing was raised'
      end

      def description
        @expected.empty? ? 'raise an error' : "raise #{list}"
      end
    end

    SIMPLE = {
      eq: ['eq', proc { |actual, expected| actual == expected }],
      eql: ['eql', proc { |actual, expected| actual.eql?(expected) }],
      equal: ['equal', proc { |actual, expected| actual.equal?(expected) }],
      be_nil: ['be nil', proc { |actual| actual.nil? }],
      be_truthy: ['be truthy', proc { |actual| actual }],
      be_falsey: ['be falsey', proc { |actual| !actual }],
      be_falsy: ['be falsy', proc { |actual| !actual }],
      be_true: ['be true', proc { |actual| actual }],
      be_false: ['be false', proc { |actual| !actual }],
      be_a: ['be a', proc { |actual, type| actual.is_a?(type) }],
      be_an: ['be an', proc { |actual, type| actual.is_a?(type) }],
      be_kind_of: ['be a kind of', proc { |actual, type| actual.is_a?(type) }],
      be_an_instance_of: ['be an instance of', proc { |actual, type| actual.instance_of?(type) }],
      be_between: ['be between', proc { |actual, low, high| !actual.nil? && actual >= low && actual <= high }],
      start_with: ['start with', proc { |actual, *starts| starts.any? { |start| actual.is_a?(Array) ? actual.first == start : actual.to_s.start_with?(start) } }],
      end_with: ['end with', proc { |actual, *ends| ends.any? { |ending| actual.is_a?(Array) ? actual.last == ending : actual.to_s.end_with?(ending) } }],
      respond_to: ['respond to', proc { |actual, *names| names.all? { |name| actual.respond_to?(name) } }],
    }.freeze

    SIMPLE.each do |name, (words, test)|
      define_method(name) { |*expected| Simple.new(words, expected) { |actual| test.call(actual, *expected) } }
    end

    def be(*expected)
      Be.new(*expected)
    end

    def match(*expected)
      Match.new(*expected)
    end

    def include(*expected)
      Include.new(*expected)
    end

    def match_array(expected)
      MatchArray.new(*expected)
    end

    def contain_exactly(*expected)
      MatchArray.new(*expected)
    end

    def contain(*expected)
      Contain.new(*expected)
    end

    def be_within(distance)
      Within.new(distance)
    end

    def all(matcher)
      Simple.new("all #{matcher.description}", []) { |actual| actual.all? { |item| matcher.matches?(item) } }
    end

    def raise_error(*expected)
      RaiseError.new(*expected)
    end

    def satisfy(words = 'satisfy the block', &block)
      Simple.new(words, [], &block)
    end

    # exist is asked as exist? or exists?
    def exist(*args)
      Predicate.new(:exist, [:exist?, :exists?], args, nil)
    end

    # Those whose keywords would not reach method_missing.
    [:have_entry, :have_property].each do |name|
      define_method(name) { |*args, &block| method_missing(name, *args, &block) }
    end

    # serverspec says belong_to_x and asks belongs_to_x?.
    def method_missing(name, *args, &block)
      text = name.to_s
      names = case text
              when /\Abe_(an?_)?(.+)\z/ then [:"#{text[3..-1]}?", :"#{$2}?", :"#{$2}s?"]
              when /\Ahave_(.+)\z/ then [:"has_#{$1}?"]
              when /\Abelong_to_(.+)\z/ then [:"belongs_to_#{$1}?"]
              else raise NoMethodError, "undefined method '#{text}'"
              end
      Predicate.new(name, names.uniq, args, block)
    end
  end

  Core::ExampleGroup.include(Matchers)
end

class Object
  def should(*args)
    RSpec::Matchers.handle(self, true, args)
  end

  def should_not(*args)
    RSpec::Matchers.handle(self, false, args)
  end
end
