# Matchers of collections, blocks and attributes, and those that people define.
module RSpec
  module Matchers
    # How often: once, twice, thrice, exactly(n), at_least(n), at_most(n) .times
    module Counted
      { once: 1, twice: 2, thrice: 3 }.each { |name, n| define_method(name) { exactly(n) } }

      [:exactly, :at_least, :at_most].each do |how|
        define_method(how) do |n|
          n = { once: 1, twice: 2, thrice: 3 }.fetch(n, n)
          @how, @times = how, n
          self
        end
      end

      def times
        self
      end

      def enough?(count)
        case @how
        when :exactly then count == @times
        when :at_least then count >= @times
        when :at_most then count <= @times
        else count > 0
        end
      end

      def count_words
        return '' unless @how
        word = { 1 => 'once', 2 => 'twice', 3 => 'thrice' }.fetch(@times, "#{@times} times")
        "#{@how == :exactly ? '' : " #{Matchers.words(@how)}"} #{word}"
      end
    end

    # Negated, none of several may be there.
    class Include < Base
      include Counted

      def matches?(actual)
        return enough?(count_in(actual)) if @how
        !actual.nil? && @expected.all? { |wanted| has?(actual, wanted) }
      end

      def does_not_match?(actual)
        return !enough?(count_in(actual)) if @how
        !actual.nil? && @expected.none? { |wanted| has?(actual, wanted) }
      end

      def count_in(actual)
        wanted = @expected.first
        return actual.scan(wanted).size if actual.is_a?(String)
        actual.to_a.count { |item| Matchers.same?(wanted, item) }
      end

      def has?(actual, wanted)
        if wanted.is_a?(Hash) && actual.is_a?(Hash)
          wanted.all? { |key, value| actual.key?(key) && Matchers.same?(value, actual[key]) }
        elsif actual.is_a?(String)
          wanted.is_a?(Regexp) ? actual =~ wanted : wanted.respond_to?(:matches?) ? wanted.matches?(actual) : actual.include?(wanted.to_s)
        elsif actual.is_a?(Hash)
          wanted.respond_to?(:matches?) ? actual.keys.any? { |key| wanted.matches?(key) } : actual.key?(wanted)
        elsif actual.is_a?(Range) || !actual.respond_to?(:any?)
          actual.include?(wanted)
        else
          actual.any? { |item| Matchers.same?(wanted, item) } || (actual.is_a?(Set) && actual.include?(wanted))
        end
      end

      def description
        items = Matchers.surface(@expected)
        all_hashes = !items.empty? && items.all? { |item| item.is_a?(Hash) }
        Matchers.spaced("include#{all_hashes ? " #{items.inject { |a, b| a.merge(b) }.inspect}" : Matchers.list(items)}#{count_words}")
      end
    end

    class MatchArray < Base
      def matches?(actual)
        return false unless actual.respond_to?(:to_a) && !actual.nil?
        @rest = actual.to_a.dup
        size = @rest.size
        @missing = @expected.reject do |wanted|
          at = @rest.index { |item| item == wanted } || @rest.index { |item| Matchers.same?(wanted, item) }
          @rest.delete_at(at) if at
          at
        end
        return true if @missing.empty? && @rest.empty?
        size == @expected.size && size <= MOST && pairs?(actual.to_a)
      end
      MOST = 8                          # where matchers compete for elements, all orders are tried up to so many

      def pairs?(items, from = 0)
        return true if from == @expected.size
        items.each_with_index.any? do |item, i|
          Matchers.same?(@expected[from], item) && pairs?(items[0...i] + items[i + 1..-1], from + 1)
        end
      end

      def mismatch(_)
        found = []
        found << "#{Matchers.show(@missing)} is missing" if @missing && !@missing.empty?
        found << "#{Matchers.show(@rest)} is too much" if @rest && !@rest.empty?
        found.empty? ? nil : found.join(', ')
      end

      def description
        "contain exactly#{Matchers.list(Matchers.surface(@expected))}"
      end
    end

    class All < Base
      def initialize(matcher)
        @matcher = matcher.respond_to?(:matches?) ? matcher : Compare.new(:==, matcher)
      end

      def matches?(actual)
        return false unless actual.respond_to?(:each)
        @failed = actual.to_a.reject { |item| @matcher.matches?(item) }
        @failed.empty?
      end

      def does_not_match?(_)
        raise NotImplementedError, '`expect().not_to all( matcher )` is not supported.'
      end

      def mismatch(_)
        @failed && !@failed.empty? ? "not #{@failed.first(5).map { |item| Matchers.show(item) }.join(', ')}" : nil
      end

      def description
        Matchers.spaced("all #{Matchers.brief(@matcher)}")
      end
    end

    class HaveAttributes < Base
      def matches?(actual)
        @different = @expected.first.reject { |name, value| actual.respond_to?(name) && Matchers.same?(value, actual.__send__(name)) }
        @values = @different.keys.map { |name| "#{name} is #{actual.respond_to?(name) ? Matchers.show(actual.__send__(name)) : 'not known'}" }
        @different.empty?
      end

      def does_not_match?(actual)
        matches?(actual)
        @different.size == @expected.first.size
      end

      def mismatch(_)
        @values.empty? ? nil : @values.join(', ')
      end

      def description
        Matchers.spaced("have attributes #{Matchers.brief(Matchers.surface(@expected.first))}")
      end
    end

    class RespondTo < Base
      def with(n)
        @arity = n
        self
      end

      def argument
        self
      end
      alias arguments argument

      def and_keywords(*)
        self
      end
      alias with_keywords and_keywords
      alias with_unlimited_arguments and_keywords
      alias with_any_keywords and_keywords

      def matches?(actual)
        @expected.all? { |name| actual.respond_to?(name) && (@arity.nil? || takes?(actual.method(name).arity)) }
      end

      def takes?(arity)
        counts = @arity.is_a?(Range) ? @arity.to_a : [@arity]
        counts.all? { |n| arity >= 0 ? n == arity : n >= -arity - 1 }
      end

      def description
        names = @expected.size == 1 ? "##{@expected.first}" : Matchers.brief(@expected)
        "respond to #{names}#{" with #{@arity} argument#{'s' unless @arity == 1}" if @arity}"
      end
    end

    class RaiseError < Base
      attr_writer :given_block

      def initialize(*expected, &block)
        @given_block = block
        @only = expected.first if expected.size == 1 && !expected.first.is_a?(Class) && !expected.first.is_a?(String)
        expected.unshift(Exception) unless expected.empty? || expected.first.is_a?(Class)
        @type, @message = expected
        @type ||= Exception
      end

      def with_message(message)
        @message = message
        self
      end

      def matches?(actual)
        @raised = nil
        actual.call
        false
      rescue Bakery::Unanswered, Core::SkipDeclared => e
        raise e
      rescue Exception => e
        @raised = e
        good = e.is_a?(@type) && (@message.nil? || Matchers.same?(@message, e.message))
        @given_block.call(e) if good && @given_block
        good
      end

      def does_not_match?(actual)
        !matches?(actual)
      end

      def mismatch(_)
        @raised ? "#{@raised.class} '#{@raised.message}' was raised" : 'nothing was raised'
      end

      def description
        return "raise #{Matchers.brief(@only)}" if @only
        case @message
        when nil then "raise #{@type}"
        when Regexp then "raise #{@type} with message matching #{Matchers.brief(@message)}"
        else "raise #{@type} with #{Matchers.brief(@message)}"
        end
      end
    end

    class ThrowSymbol < Base
      def matches?(actual)
        @caught = nil
        tag, value = @expected
        Bakery::CATCHING << tag if tag
        actual.call
        false
      rescue Bakery::Thrown => e
        @caught = e
        (tag.nil? || e.tag == tag) && (@expected.size < 2 || e.value == value)
      rescue UncaughtThrowError
        @expected.empty?
      ensure
        Bakery::CATCHING.pop if tag
      end

      def description
        "throw #{@expected.empty? ? 'a Symbol' : Matchers.brief(@expected.first)}#{" with #{Matchers.brief(@expected[1])}" if @expected.size > 1}"
      end
    end

    # change { value }.from(a).to(b), .by(n), .by_at_least(n), .by_at_most(n)
    class Change < Base
      def initialize(receiver = nil, message = nil, &block)
        @what = message ? proc { receiver.__send__(message) } : block
        @name = message ? "`#{receiver.is_a?(Module) ? "#{receiver}." : "#{receiver.class}#"}#{message}`" : 'result'
        @rules = {}
      end

      [:from, :to, :by, :by_at_least, :by_at_most].each do |rule|
        define_method(rule) do |value|
          @rules[rule] = value
          self
        end
      end

      def matches?(actual)
        look(actual)
        return false if @rules.key?(:from) && !Matchers.same?(@rules[:from], @before)
        return false if @rules.key?(:to) && !Matchers.same?(@rules[:to], @after)
        return by? if [:by, :by_at_least, :by_at_most].any? { |rule| @rules.key?(rule) }
        @before_hash != @after.hash || @before != @after
      end

      def does_not_match?(actual)
        raise NotImplementedError, '`expect { }.not_to change { }.to()` is not supported' unless (@rules.keys - [:from]).empty?
        look(actual)
        @before == @after && @before_hash == @after.hash && (!@rules.key?(:from) || Matchers.same?(@rules[:from], @before))
      end

      def look(actual)
        @before = @what.call
        @before = @before.dup if @before.is_a?(Array) || @before.is_a?(Hash) || @before.is_a?(String)
        @before_hash = @before.hash
        actual.call
        @after = @what.call
      end

      def by?
        delta = @after - @before
        return Matchers.same?(@rules[:by], delta) if @rules.key?(:by)
        @rules.key?(:by_at_least) ? delta >= @rules[:by_at_least] : delta <= @rules[:by_at_most]
      end

      def mismatch(_)
        @before == @after ? "it is still #{Matchers.show(@before)}" : "it changed from #{Matchers.show(@before)} to #{Matchers.show(@after)}"
      end

      def description
        "change #{@name}#{@rules.map { |rule, value| " #{Matchers.words(rule)} #{Matchers.brief(value)}" }.join}"
      end
    end

    class Output < Base
      [:to_stdout, :to_stderr].each do |name|
        define_method(name) do
          @stream = name.to_s.delete_prefix('to_')
          self
        end
        alias_method :"#{name}_from_any_process", name
      end

      def matches?(actual)
        raise ArgumentError, '`output` needs .to_stdout or .to_stderr' unless @stream
        @printed = Bakery.printed(@stream) { actual.call }
        @expected.empty? ? !@printed.empty? : Matchers.same?(@expected.first, @printed)
      end

      def mismatch(_)
        @printed.to_s.empty? ? 'nothing was printed' : "it printed #{Matchers.show(@printed)}"
      end

      def description
        @expected.empty? ? "output to #{@stream}" : "output #{Matchers.brief(@expected.first)} to #{@stream}"
      end
    end

    # expect { |probe| object.method(&probe) }.to yield_with_args(1)
    class Yield < Base
      include Counted

      def initialize(kind, expected)
        @kind, @expected = kind, expected
      end

      def matches?(actual)
        @calls = []
        calls = @calls
        actual.call(proc { |*args| calls << args && nil })
        case @kind
        when :yield_control then enough?(@calls.size)
        when :yield_with_no_args then @calls == [[]]
        when :yield_successive_args then Matchers.same?(@expected, @calls.map { |args| args.size == 1 ? args.first : args })
        else @calls.size == 1 && (@expected.empty? ? !@calls.first.empty? : Matchers.same?(@expected, @calls.first))
        end
      end

      def mismatch(_)
        @calls.empty? ? 'it did not yield' : "it yielded #{Matchers.show(@calls)}"
      end

      def description
        text = Matchers.words(@kind)
        text += "(#{@expected.map { |value| Matchers.brief(value) }.join(', ')})" unless @expected.empty?
        text
      end
    end

    # RSpec::Matchers.define: every use is an object of a class of its own, in which the declarations are evaluated.
    class Custom < Base
      class << self
        attr_reader :parts

        def build(name, declarations, context, expected, given)
          type = Class.new(self)
          type.prepare
          type.class_exec(*expected, &declarations)
          type.new(name, context, expected, given)
        end

        def prepare
          @parts = {}
        end

        def match(_ = {}, &block)
          @parts[:match] = block
        end
        alias match_for_should match

        def match_when_negated(_ = {}, &block)
          @parts[:match_when_negated] = block
        end
        alias match_for_should_not match_when_negated

        def match_unless_raises(*errors, &block)
          errors << Exception if errors.empty?
          match do |actual|
            begin
              instance_exec(actual, &block)
              true
            rescue *errors => e
              @rescued_exception = e
              false
            end
          end
        end

        [:failure_message, :failure_message_when_negated, :description].each { |part| define_method(part) { |&block| @parts[part] = block } }
        alias failure_message_for_should failure_message
        alias failure_message_for_should_not failure_message_when_negated

        def diffable(*)
          nil
        end
        alias supports_block_expectations diffable

        def chain(name, *attributes, &block)
          define_method(name) do |*args, &given|
            instance_exec(*args, &block) if attributes.empty?
            attributes.zip(args).each { |attribute, value| instance_variable_set(:"@#{attribute}", value) }
            (@__chained ||= []) << [name, args]
            self
          end
          attributes.each { |attribute| define_method(attribute) { instance_variable_get(:"@#{attribute}") } }
        end
      end
      attr_reader :name, :actual, :rescued_exception, :block_arg
      include Matchers

      def initialize(name, context, expected, given)
        @name, @__context, @expected_as_array, @block_arg = name, context, expected, given
      end

      def expected
        @expected_as_array.size == 1 ? @expected_as_array.first : @expected_as_array
      end

      def expected_as_array
        @expected_as_array
      end

      def __part(part)
        self.class.parts[part]
      end

      def matches?(actual)
        @actual = actual
        body = __part(:match) or raise NotImplementedError, "the matcher #{@name} says only what it is not"
        instance_exec(actual, &body)
      rescue Expectations::ExpectationNotMetError
        false
      end

      def does_not_match?(actual)
        return !matches?(actual) unless __part(:match_when_negated)
        @actual = actual
        instance_exec(actual, &__part(:match_when_negated))
      rescue Expectations::ExpectationNotMetError
        false
      end

      def own_message?(part)
        !__part(part).nil?
      end

      def failure_message
        __part(:failure_message) ? instance_exec(@actual, &__part(:failure_message)) : "expected #{Matchers.show_subject(@actual)} to #{description}"
      end

      def failure_message_when_negated
        part = __part(:failure_message_when_negated)
        part ? instance_exec(@actual, &part) : "expected #{Matchers.show_subject(@actual)} not to #{description}"
      end

      def description
        return instance_exec(@actual, &__part(:description)) if __part(:description)
        text = "#{Matchers.words(@name)}#{Matchers.list(expected)}"
        return text unless RSpec.configuration.include_chain_clauses_in_custom_matcher_descriptions
        text + (@__chained || []).map { |name, args| " #{Matchers.words(name)}#{Matchers.list(args)}" }.join
      end

      def method_missing(name, *args, &block)
        @__context.respond_to?(name) ? @__context.__send__(name, *args, &block) : super
      end

      def respond_to_missing?(name, *)
        @__context.respond_to?(name)
      end
    end

    module DSL
      def self.define(name, &block)
        Matchers.define(name, &block)
      end
    end

    def include(*expected)
      Include.new(*expected)
    end

    def match_array(*expected)
      MatchArray.new(*(expected.size == 1 && expected.first.respond_to?(:to_a) ? expected.first.to_a : expected))
    end

    def contain_exactly(*expected)
      MatchArray.new(*expected)
    end

    def all(matcher)
      All.new(matcher)
    end

    def have_attributes(expected)
      HaveAttributes.new(expected)
    end

    def respond_to(*names)
      RespondTo.new(*names)
    end

    def raise_error(*expected, &block)
      RaiseError.new(*expected, &block)
    end
    alias raise_exception raise_error

    def throw_symbol(*expected)
      ThrowSymbol.new(*expected)
    end

    def change(*what, &block)
      Change.new(*what, &block)
    end

    def output(*expected)
      Output.new(*expected)
    end

    [:yield_control, :yield_with_args, :yield_with_no_args, :yield_successive_args].each do |name|
      define_method(name) { |*expected| Yield.new(name, expected) }
    end

    # RSpec 2 and rspec-collection_matchers: have(3).items
    class Have < Base
      def initialize(how, n)
        @how, @n = how, n
      end

      def matches?(actual)
        list = actual.respond_to?(@items) && @items != :items ? actual.__send__(@items) : actual
        @count = list.respond_to?(:size) ? list.size : list.count
        @how == :== ? @count == @n : @count.__send__(@how, @n)
      end

      def mismatch(_)
        "it has #{@count}"
      end

      def description
        "have #{{ :>= => 'at least ', :<= => 'at most ' }[@how]}#{@n} #{@items}"
      end

      def method_missing(name, *)
        @items = name
        self
      end

      def respond_to_missing?(*)
        false
      end
    end

    { have: :==, have_exactly: :==, have_at_least: :>=, have_at_most: :<= }.each { |name, how| define_method(name) { |n| Have.new(how, n) } }

    # serverspec 1: what a command returns.
    { return_stdout: :stdout, return_stderr: :stderr, return_exit_status: :exit_status }.each do |name, property|
      define_method(name) do |*expected|
        Simple.new(Matchers.words(name), expected) do |actual|
          found = actual.__send__(property)
          wanted = expected.first
          wanted.is_a?(Regexp) ? !found.to_s.match(wanted).nil? : wanted.is_a?(Integer) ? found == wanted : found.to_s.strip == wanted.to_s
        end
      end
    end

    { be_falsy: :be_falsey, a_truthy_value: :be_truthy, a_falsey_value: :be_falsey, a_falsy_value: :be_falsey, a_nil_value: :be_nil,
      a_value: :be, an_instance_of: :be_an_instance_of,
      a_kind_of: :be_a_kind_of, a_value_between: :be_between, a_value_within: :be_within, within: :be_within, a_block_changing: :change,
      changing: :change, a_collection_containing_exactly: :contain_exactly, containing_exactly: :contain_exactly, a_range_covering: :cover,
      covering: :cover, a_collection_ending_with: :end_with, a_string_ending_with: :end_with, ending_with: :end_with, an_object_eq_to: :eq,
      eq_to: :eq, an_object_eql_to: :eql, eql_to: :eql, an_object_equal_to: :equal, equal_to: :equal, an_object_existing: :exist,
      existing: :exist, an_object_having_attributes: :have_attributes, having_attributes: :have_attributes, a_collection_including: :include,
      a_string_including: :include, a_hash_including: :include, including: :include, match_regex: :match, an_object_matching: :match,
      a_string_matching: :match, matching: :match, a_block_outputting: :output, an_object_responding_to: :respond_to,
      responding_to: :respond_to, an_object_satisfying: :satisfy, satisfying: :satisfy, a_collection_starting_with: :start_with,
      a_string_starting_with: :start_with, starting_with: :start_with, a_block_raising: :raise_error, raising: :raise_error,
      a_block_yielding_control: :yield_control, yielding_control: :yield_control }.each { |name, old| Matchers.alias_matcher(name, old) }
    alias_matcher(:an_array_matching, :match_array) { |text| text.sub('contain exactly', 'an array containing exactly') }
  end
end

module Bakery
  # What the block prints to $stdout or $stderr.
  def self.printed(stream)
    kept = stream == 'stdout' ? $stdout : $stderr
    to = StringIO.new(+'')
    stream == 'stdout' ? $stdout = to : $stderr = to
    yield
    to.string
  ensure
    stream == 'stdout' ? $stdout = kept : $stderr = kept
  end
end
