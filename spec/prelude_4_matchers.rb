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
        raise Bakery::Unanswered, actual.__unanswered if actual.is_a?(Serverspec::Type::Base) && actual.__unanswered
        good = positive || !matcher.respond_to?(:does_not_match?) ? matcher.matches?(actual) : !matcher.does_not_match?(actual)
        return true if positive == (good ? true : false)
        text = failure_text(actual, matcher, positive)
        own_message = own_message.call if own_message.is_a?(Proc)
        failed(own_message ? "#{own_message}: #{text}" : text)
      ensure
        describe(matcher, positive)
      end

      # What the example is called if it has no name. Some matchers know their words only when they have looked.
      def describe(matcher, positive)
        words = matcher.respond_to?(:description) ? matcher.description : words(matcher.class.to_s.split('::').last.to_snake_case)
        @description = "is expected #{'not ' unless positive}to #{words}"
      rescue StandardError
        nil
      end

      def failure_text(actual, matcher, positive)
        names = positive ? [:failure_message, :failure_message_for_should] : [:failure_message_when_negated, :failure_message_for_should_not]
        own = names.find { |name| matcher.respond_to?(name) }
        return matcher.__send__(own).to_s if own && (matcher.is_a?(Base) ? matcher.own_message?(names.first) : true)
        found = matcher.respond_to?(:mismatch) ? matcher.mismatch(actual) : nil
        text = "expected #{show_subject(actual)} #{'not ' unless positive}to #{matcher.respond_to?(:description) ? matcher.description : matcher}"
        found ? "#{text}, but #{found}" : text
      end

      def failed(text)
        error = Expectations::ExpectationNotMetError.new(text)
        raise error unless @failures
        begin
          raise error
        rescue Expectations::ExpectationNotMetError => e
          @failures << e
        end
      end

      # Failures within the block are told together.
      def aggregate(label)
        return yield if @failures
        @failures = []
        begin
          yield
        rescue Expectations::ExpectationNotMetError => e
          @failures << e
        ensure
          failures, @failures = @failures, nil
        end
        return if failures.empty?
        raise failures.first if failures.size == 1
        texts = failures.each_with_index.map { |e, i| "  #{i + 1}) #{[e.message, Bakery.place(e)].reject(&:empty?).join(' at ')}" }
        raise Expectations::MultipleExpectationsNotMetError, "#{label ? "#{label}: " : ''}#{failures.size} failures\n#{texts.join("\n")}"
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
        text = matcher?(value) ? value.description : value.inspect
        text.size > 1000 ? "#{text[0, 1000]}... (#{text.size} characters)" : text
      end

      def quote(text)
        text.inspect
      end

      def matcher?(value)
        value.respond_to?(:matches?) && value.respond_to?(:description)
      end

      # A value in a description, as RSpec writes it there: keys sorted, and the middle of long ones left out.
      def brief(value)
        text = matcher?(value) ? value.description : sorted(value).inspect
        text.size < 200 ? text : "#{text[0..100]}...#{text[-100..-1]}"
      end

      def sorted(value)
        return value.map { |item| sorted(item) } if value.instance_of?(Array)
        return value unless value.instance_of?(Hash)
        pairs = value.map { |key, item| [key, sorted(item)] }
        pairs = pairs.sort_by { |key, _| key.to_s } if value.keys.all? { |key| key.is_a?(String) || key.is_a?(Symbol) }
        pairs.to_h
      end

      # Matchers within are told by their words, in parentheses.
      def surface(value)
        case value
        when Array then value.map { |item| surface(item) }
        when Hash then value.map { |key, item| [surface(key), surface(item)] }.to_h
        else matcher?(value) ? Words.new("(#{value.description})") : value
        end
      end

      # " 1, 2, and 3"
      def list(values)
        return values.empty? ? '' : " #{brief(values.first)}" if values.is_a?(Array) && values.size < 2
        return " #{brief(values)}" if values.nil? || values == false || values.is_a?(Struct) || values.is_a?(Hash)
        items = (values.is_a?(Array) ? values : [values]).map { |value| brief(value) }
        case items.size
        when 1 then " #{items[0]}"
        when 2 then " #{items[0]} and #{items[1]}"
        else " #{items[0...-1].join(', ')}, and #{items[-1]}"
        end
      end

      def spaced(text)
        text.gsub(/(\S)=>(\S)/, '\1 => \2')
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
        name.to_s.tr('_', ' ').delete_suffix('?')
      end

      def alias_matcher(name, old, options = {}, &block)
        define_method(name) do |*args, &given|
          Aliased.new(__send__(old, *args, &given), block || proc { |text| text.sub(Matchers.words(old), Matchers.words(name)) })
        end
      end

      def define_negated_matcher(name, old, &block)
        define_method(name) do |*args, &given|
          Negated.new(__send__(old, *args, &given), block || proc { |text| text.sub(Matchers.words(old), Matchers.words(name)) })
        end
      end

      def define(name, &declarations)
        define_method(name) { |*expected, &given| Custom.build(name, declarations, self, expected, given) }
      end
      alias matcher define

      def is_a_matcher?(value)
        value.respond_to?(:matches?)
      end

      def configuration
        RSpec.configuration
      end
    end

    # What inspects as its words.
    class Words
      def initialize(text)
        @text = text
      end

      def inspect
        @text
      end
    end

    class Target
      attr_reader :actual
      alias target actual

      def initialize(actual)
        @actual = actual
      end

      def to(matcher = nil, message = nil, &block)
        raise ArgumentError, 'The expect syntax does not support operator matchers, so you must pass a matcher to `#to`.' if matcher.nil?
        matcher.given_block = block if block && matcher.respond_to?(:given_block=)
        Matchers.verify(@actual, matcher, true, message)
      end

      def not_to(matcher = nil, message = nil)
        raise ArgumentError, 'The expect syntax does not support operator matchers, so you must pass a matcher to `#not_to`.' if matcher.nil?
        Matchers.verify(@actual, matcher, false, message)
      end
      alias to_not not_to
    end

    # What matchers can be joined and nested by; user's own classes include it.
    module Composable
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

      def values_match?(expected, actual)
        Matchers.same?(expected, actual)
      end

      def description_of(value)
        Matchers.brief(value)
      end
    end

    class Base
      include Composable
      attr_reader :expected, :actual

      def initialize(*expected)
        @expected = expected
      end

      def mismatch(actual)
        nil
      end

      def own_message?(_)
        false
      end

      def supports_block_expectations?
        true
      end

      def failure_message
        "expected #{Matchers.show_subject(@actual)} to #{description}"
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
        raise NotImplementedError, "`expect(...).not_to matcher.#{@how} matcher` is not supported: `#{description}` cannot be negated, its parts can"
      end

      def mismatch(actual)
        found = [@first, @second].map { |matcher| matcher.mismatch(actual) if matcher.respond_to?(:mismatch) }.compact.uniq
        found.empty? ? nil : found.join(', ')
      end

      def description
        "#{@first.description} #{@how} #{@second.description}"
      end
    end

    # Another name for a matcher: its chains are its own.
    class Aliased < Base
      def initialize(matcher, words)
        @matcher, @words = matcher, words
      end

      def matches?(actual)
        @matcher.matches?(actual)
      end

      def does_not_match?(actual)
        @matcher.respond_to?(:does_not_match?) ? @matcher.does_not_match?(actual) : !@matcher.matches?(actual)
      end

      def mismatch(actual)
        @matcher.respond_to?(:mismatch) ? @matcher.mismatch(actual) : nil
      end

      def description
        @words.call(@matcher.description)
      end

      [:<, :<=, :>, :>=, :=~].each { |name| define_method(name) { |other| self.class.new(@matcher.__send__(name, other), @words) } }

      def ==(other)
        @matcher.is_a?(Be) ? self.class.new(@matcher == other, @words) : equal?(other)
      end

      def method_missing(name, *args, &block)
        ret = @matcher.__send__(name, *args, &block)
        ret.respond_to?(:matches?) ? self.class.new(ret, @words) : ret
      end

      def respond_to_missing?(name, *)
        !name.to_s.start_with?('failure_message') && @matcher.respond_to?(name)
      end
    end

    class Negated < Aliased
      def matches?(actual)
        @matcher.respond_to?(:does_not_match?) ? @matcher.does_not_match?(actual) : !@matcher.matches?(actual)
      end

      def does_not_match?(actual)
        @matcher.matches?(actual)
      end
    end

    # A plain test: words for people and a block that decides.
    class Simple < Base
      def initialize(words, expected, &test)
        @words, @expected, @test = words, expected, test
      end

      def matches?(actual)
        @actual = actual
        @test.call(actual)
      end

      def description
        "#{@words}#{Matchers.list(@expected)}"
      end
    end

    class Compare < Base
      def initialize(operator, expected)
        @operator, @expected = operator, [expected]
      end

      def matches?(actual)
        wanted = @expected.first
        return MatchArray.new(*wanted).matches?(actual) if lists?
        actual.__send__(@operator, wanted)
      end

      def lists?
        @operator == :=~ && @expected.first.is_a?(Array)
      end

      def description
        lists? ? "contain exactly#{Matchers.list(@expected.first)}" : "#{@operator} #{Matchers.brief(@expected.first)}"
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
        @expected.empty? ? 'be' : "equal #{Matchers.brief(@expected.first)}"
      end

      (OPERATORS - [:eql?, :equal?]).each do |operator|
        define_method(operator) do |expected|
          return equal?(expected) unless @expected.empty?
          Simple.new("be #{operator} #{Matchers.words(expected)}", []) { |actual| !actual.nil? && actual.__send__(operator, expected) }
        end
      end
    end

    # be_within(0.1).of(1)
    class Within < Base
      def of(middle)
        @middle, @unit = middle, ''
        self
      end

      def percent_of(middle)
        @middle, @unit = middle, '%'
        self
      end

      def matches?(actual)
        raise ArgumentError, 'You must set an expected value using #of: be_within(1).of(2)' if @unit.nil?
        return false unless actual.respond_to?(:-)
        (actual - @middle).abs <= (@unit == '%' ? @middle.abs / 100.0 * @expected.first : @expected.first)
      end

      def description
        "be within #{@expected.first}#{@unit} of #{Matchers.brief(@middle)}"
      end
    end

    class Between < Base
      def initialize(low, high)
        @low, @high, @mode = low, high, :inclusive
      end

      [:inclusive, :exclusive].each { |mode| define_method(mode) { (@mode = mode) && self } }

      def matches?(actual)
        return false unless actual.respond_to?(:<=)
        @mode == :inclusive ? actual >= @low && actual <= @high : actual > @low && actual < @high
      rescue ArgumentError, TypeError
        false
      end

      def description
        "be between #{Matchers.brief(@low)} and #{Matchers.brief(@high)} (#{@mode})"
      end
    end

    class Match < Base
      def matches?(actual)
        expected = @expected.first
        return Matchers.same?(expected, actual) unless expected.is_a?(Regexp) || expected.is_a?(String)
        actual = Matchers.text_of(actual, :match)
        return false if actual.nil?
        found = actual.to_s.match(expected)
        return !found.nil? unless @captures && found
        return Matchers.same?(@captures, found.captures) unless @captures.size == 1 && @captures.first.is_a?(Hash)
        found.named_captures.transform_keys(&:to_sym) == @captures.first.transform_keys(&:to_sym)
      end

      def with_captures(*captures)
        @captures = captures
        self
      end

      def description
        "match #{Matchers.surface(@expected.first).inspect}"
      end
    end

    SIMPLE = {
      eq: ['eq', proc { |actual, expected| actual == expected }],
      eql: ['eql', proc { |actual, expected| actual.eql?(expected) }],
      equal: ['equal', proc { |actual, expected| actual.equal?(expected) || (expected.is_a?(Numeric) && actual.eql?(expected)) }],
      be_nil: ['be nil', proc { |actual| actual.nil? }],
      be_truthy: ['be truthy', proc { |actual| actual }],
      be_falsey: ['be falsey', proc { |actual| !actual }],
      be_true: ['be true', proc { |actual| actual }],
      be_false: ['be false', proc { |actual| !actual }],
      be_kind_of: ['be a kind of', proc { |actual, type| actual.is_a?(type) }],
      be_an_instance_of: ['be an instance of', proc { |actual, type| actual.instance_of?(type) }],
      cover: ['cover', proc { |actual, *values| values.all? { |value| actual.cover?(value) } }],
      start_with: ['start with', proc { |actual, *starts| Matchers.affix?(actual, starts, :first) }],
      end_with: ['end with', proc { |actual, *ends| Matchers.affix?(actual, ends, :last) }],
      be_in: ['be in', proc { |actual, *items| items.flatten.include?(actual) }],
      cmp: ['cmp ==', proc { |actual, expected| Bakery.alike?(actual, expected) }],
    }.freeze

    SIMPLE.each do |name, (words, test)|
      define_method(name) { |*expected| Simple.new(words, expected) { |actual| test.call(actual, *expected) } }
    end
    { be_a: :be_kind_of, be_an: :be_kind_of, be_a_kind_of: :be_kind_of, be_instance_of: :be_an_instance_of }.each do |name, old|
      alias_method name, old
    end

    @questions = {}

    class << self
      # What a matcher that is none of those here asks its object. serverspec says belong_to_x and asks belongs_to_x?.
      def questions(matcher)
        @questions[matcher] ||=
          case text = matcher.to_s
          when /\Abe_(an?_)?(.+)\z/ then [:"#{text[3..-1]}?", :"#{$2}?", :"#{$2}s?"].uniq
          when /\Ahave_(.+)\z/ then [:"has_#{$1}?"]
          when /\Abelong_to_(.+)\z/ then [:"belongs_to_#{$1}?"]
          else raise NoMethodError, "undefined method '#{text}'"
          end
      end

      # A text or a list that begins or ends with these.
      def affix?(actual, wanted, side)
        if actual.is_a?(String)
          return wanted.any? { |text| side == :first ? actual.start_with?(text) : actual.end_with?(text) } if wanted.size == 1
          return false
        end
        return wanted.first.all? { |key, value| actual[key] == value } if actual.is_a?(Hash) && wanted.first.is_a?(Hash)
        raise ArgumentError, "#{show(actual)} cannot be looked at from its #{side} element" unless actual.respond_to?(:to_a) && !actual.nil?
        Matchers.same?(wanted, actual.to_a.__send__(side, wanted.size))
      end
    end

    def be(*expected)
      Be.new(*expected)
    end

    def be_between(low, high)
      Between.new(low, high)
    end

    def match(*expected)
      Match.new(*expected)
    end

    def contain(*expected)
      Contain.new(*expected)
    end

    def be_within(distance)
      Within.new(distance)
    end

    def satisfy(words = nil, &block)
      Simple.new(words || 'satisfy block', [], &block)
    end

    # exist is asked as exist? or exists?
    def exist(*args)
      Predicate.new(:exist, [:exist?, :exists?], args, nil)
    end

    # Those whose keywords would not reach method_missing.
    [:have_entry, :have_property].each do |name|
      define_method(name) { |*args, &block| method_missing(name, *args, &block) }
    end

    def method_missing(name, *args, &block)
      Predicate.new(name, Matchers.questions(name), args, block)
    end
  end

  Core::ExampleGroup.include(Matchers)
end

module Bakery
  # InSpec's cmp: numbers and texts that mean the same are the same, whatever their case.
  def self.alike?(actual, expected)
    return actual.any? { |item| alike?(item, expected) } if actual.is_a?(Array) && actual.size == 1 && !expected.is_a?(Array)
    return actual.to_s.match?(expected) if expected.is_a?(Regexp)
    return actual == expected.to_i(8) if actual.is_a?(Integer) && expected.is_a?(String) && expected =~ /\A0[0-7]+\z/
    return actual.to_s.downcase == expected.to_s.downcase if actual.is_a?(String) || expected.is_a?(String) || expected.is_a?(Symbol)
    actual == expected
  end
end

class Object
  def should(*args)
    RSpec::Matchers.handle(self, true, args)
  end

  def should_not(*args)
    RSpec::Matchers.handle(self, false, args)
  end
end
