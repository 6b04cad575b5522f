# RSpec.configure, metadata and what is selected by it.
module RSpec
  module Expectations
    # Not StandardErrors: a `rescue => e` in an example must not swallow a verdict.
    class ExpectationNotMetError < Exception; end
    class MultipleExpectationsNotMetError < ExpectationNotMetError; end

    def self.fail_with(message, *)
      raise ExpectationNotMetError, message
    end

    def self.configuration
      RSpec.configuration
    end
  end

  module Core
    class SkipDeclared < Exception; end
    class PendingDeclared < Exception; end

    module Metadata
      class << self
        # Symbols and a hash at the end of what a group or an example is declared with; they are taken off args.
        def take(args)
          return {} if args.empty?
          ret = args.last.is_a?(Hash) ? args.pop.dup : {}
          ret[args.pop] = true while args.size > 1 && args.last.is_a?(Symbol)
          ret
        end

        # The same of a hook or a filter, where all symbols are tags.
        def filter(args)
          ret = args.last.is_a?(Hash) ? args.last.dup : {}
          args.each { |arg| ret[arg] = true if arg.is_a?(Symbol) }
          ret
        end

        def any?(filter, metadata)
          !filter.empty? && filter.any? { |key, wanted| applies?(key, wanted, metadata) }
        end

        def applies?(key, wanted, metadata)
          return wanted.all? { |inner, value| metadata[key].is_a?(Hash) && applies?(inner, value, metadata[key]) } if wanted.is_a?(Hash)
          return false unless metadata.key?(key)
          value = metadata[key]
          return true if wanted == true && value
          return wanted.arity == 2 ? wanted.call(value, metadata) : wanted.call(value) if wanted.is_a?(Proc)
          return value.any? { |one| wanted === one || wanted.to_s == one.to_s } if value.is_a?(Array)
          wanted === value || wanted.to_s == value.to_s
        end
      end
    end
  end

  # One kind of hooks after the other, each with the metadata that it is for.
  class Hooks
    KINDS = { each: :each, example: :each, all: :all, context: :all, suite: :suite }.freeze
    NONE = [].freeze
    @known = {}

    class << self
      # Which kinds anybody has declared: for the others nobody need be asked.
      attr_reader :known
    end

    def initialize
      @lists = {}
    end

    def add(kind, args, block, first = false)
      args = args.dup
      scope = KINDS.key?(args.first) ? KINDS[args.shift] : :each
      key = :"#{kind}_#{scope}"
      Hooks.known[key] = true
      list = (@lists[key] ||= [])
      hook = [Core::Metadata.filter(args), block]
      first ? list.unshift(hook) : list.push(hook)
    end

    def [](kind, metadata)
      list = @lists[kind]
      return NONE if list.nil?
      list.select { |filter, _| filter.empty? || Core::Metadata.any?(filter, metadata) }.map(&:last)
    end
  end

  # before, after, around and their kin, of a group or of all.
  module HookMethods
    def before(*args, &block)
      hooks.add(:before, args, block)
    end
    alias append_before before

    def prepend_before(*args, &block)
      hooks.add(:before, args, block, true)
    end

    def after(*args, &block)
      hooks.add(:after, args, block, true)
    end
    alias prepend_after after

    def append_after(*args, &block)
      hooks.add(:after, args, block)
    end

    def around(*args, &block)
      hooks.add(:around, args, block)
    end
  end

  # What may be asked of a setting that concerns RSpec's own running and printing.
  class Ignored
    def method_missing(*)
      self
    end

    def respond_to_missing?(*)
      true
    end

    def to_str
      ''
    end
    alias to_s to_str
  end

  class Configuration
    include HookMethods
    attr_reader :hooks, :mixins, :derived, :contexts
    attr_accessor :run_all_when_everything_filtered

    OBJECTS = %w[filter_manager reporter output_stream error_stream mock_framework formatter_loader world].map { |name| [name, true] }.to_h.freeze

    def initialize
      @hooks = Hooks.new
      @values = {}
      @mixins, @derived, @contexts, @first = [], [], [], []
      @inclusion, @when_matching, @exclusion = {}, {}, {}
      @tags = []
    end

    [:include, :extend, :prepend].each do |how|
      define_method(how) do |mod, *filter|
        filter = Core::Metadata.filter(filter)
        filter.empty? ? Core::ExampleGroup.__send__(how, mod) : @mixins << [how, mod, filter]
      end
    end

    def include_context(name, *filter)
      @contexts << [name, Core::Metadata.filter(filter)]
    end

    def define_derived_metadata(*filter, &block)
      @derived << [Core::Metadata.filter(filter), block]
    end

    def when_first_matching_example_defined(*filter, &block)
      @first << [Core::Metadata.filter(filter), block]
    end

    def example_defined(metadata)
      return if @first.empty?
      hits, @first = @first.partition { |filter, _| Core::Metadata.any?(filter, metadata) }
      hits.each { |_, block| block.call }
    end

    def filter_run_including(*filter)
      @inclusion.merge!(Core::Metadata.filter(filter))
    end
    alias filter_run filter_run_including

    def filter_run_when_matching(*filter)
      @when_matching.merge!(Core::Metadata.filter(filter))
    end

    def filter_run_excluding(*filter)
      @exclusion.merge!(Core::Metadata.filter(filter))
    end

    def inclusion_filter=(filter)
      @inclusion = filter || {}
    end
    alias filter= inclusion_filter=

    def exclusion_filter=(filter)
      @exclusion = filter || {}
    end

    def inclusion_filter
      @inclusion
    end
    alias filter inclusion_filter

    def exclusion_filter
      @exclusion
    end

    # "slow", "tier:1", "~slow"
    def add_tag(text)
      name, value = text.delete_prefix('~').split(':', 2)
      (text.start_with?('~') ? @exclusion : @inclusion)[name.to_sym] = value.nil? ? true : Bakery.tag_value(value)
    end

    def excluded?(metadata)
      return true if metadata.key?(:if) && !Bakery.condition(metadata[:if])
      return true if metadata.key?(:unless) && Bakery.condition(metadata[:unless])
      !@exclusion.empty? && Core::Metadata.any?(@exclusion, metadata)
    end

    # The examples that are run, of all that were declared.
    def select(examples)
      examples = examples.reject { |example| excluded?(example.metadata) }
      wanted = @inclusion.dup
      @when_matching.each do |key, value|
        wanted[key] = value if examples.any? { |example| Core::Metadata.applies?(key, value, example.metadata) }
      end
      return examples if wanted.empty?
      chosen = examples.select { |example| Core::Metadata.any?(wanted, example.metadata) }
      chosen.empty? && run_all_when_everything_filtered ? examples : chosen
    end

    def alias_example_to(name, extra = {})
      Core::ExampleGroup.define_singleton_method(name) do |*args, &block|
        own = Core::Metadata.take(args)
        it(*args, extra.merge(own), &block)
      end
    end

    def alias_example_group_to(name, extra = {})
      Core::ExampleGroup.define_singleton_method(name) { |*args, &block| describe(*args, extra.dup, &block) }
      RSpec.define_singleton_method(name) { |*args, &block| describe(*args, extra.dup, &block) }
      Bakery::TopLevel.define_method(name) { |*args, &block| RSpec.describe(*args, extra.dup, &block) }
    end

    def alias_it_behaves_like_to(name, words = '')
      Core::ExampleGroup.define_singleton_method(name) { |title, *args, &block| __shared_group("#{words} #{title}".strip, title, args, block) }
    end
    alias alias_it_should_behave_like_to alias_it_behaves_like_to

    def add_setting(name, default: nil, **)
      @values[name.to_s] = default unless @values.key?(name.to_s)
    end

    [:expect_with, :mock_with].each do |name|
      define_method(name) { |*_, &block| block && block.arity != 0 ? block.call(self) : self }
    end

    def mock_framework
      Ignored.new
    end

    def __kept(name)
      @values[name]
    end

    # Every other setting is kept, for whoever asks for it again.
    def method_missing(name, *args)
      text = name.to_s
      return @values[text[0..-2]] = args.first if text.end_with?('=')
      return Ignored.new if OBJECTS.key?(text)
      @values[text] = args.first if args.size == 1 && !text.end_with?('!')
      @values[text.delete_suffix('?')]
    end

    def respond_to?(name, *)
      super || @values.key?(name.to_s.delete_suffix('=').delete_suffix('?')) || name.to_s.end_with?('=')
    end
  end
end

module Bakery
  class << self
    def tag_value(text)
      case text
      when 'true' then true
      when 'false' then false
      when 'nil' then nil
      when /\A\d+\z/ then text.to_i
      when /\A\d+\.\d+\z/ then text.to_f
      when /\A:(.+)/ then $1.to_sym
      when /\A"(.*)"\z/ then $1
      else text
      end
    end

    def condition(value)
      value.is_a?(Proc) ? value.call : value
    end
  end
end
