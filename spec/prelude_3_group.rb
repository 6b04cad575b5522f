# RSpec's example groups. As in RSpec a group is a class, a nested group a
# subclass, and every example runs in an instance of its own; so helper methods,
# let and subject are inherited as methods are.
module RSpec
  module Core
    class Example
      attr_reader :name, :line, :block, :metadata, :example_group
      attr_accessor :exception, :attempts, :generated, :example_group_instance

      def initialize(group, name, line, own, block)
        @example_group, @name, @line, @block = group, name, line, block
        inherited = group.metadata
        # dup: mruby 3.1 makes { **a, b: 1 } of a itself
        @metadata = { **inherited.dup, **own, description: name.to_s, full_description: told(name), line_number: line,
                      location: "#{Bakery.shown_file}:#{line}", example_group: inherited, described_class: group.described,
                      execution_result: ExecutionResult.new, block: block, description_args: name.nil? ? [] : [name] }
        Bakery.derive(@metadata)
        @attempts = 1
      end

      def description
        @name || @generated || "example at #{location}"
      end

      def full_description
        told(description)
      end

      # The name behind the titles of the groups.
      def told(name)
        title = @example_group.full_title
        "#{title}#{' ' unless title.empty? || name.nil? || name.empty?}#{name}"
      end

      def location
        @metadata[:location]
      end
      alias id location
      alias location_rerun_argument location

      def file_path
        @metadata[:file_path]
      end

      def described_class
        @example_group.described
      end

      def execution_result
        @metadata[:execution_result]
      end

      def pending?
        @metadata[:pending] ? true : false
      end

      def skipped?
        @metadata[:skip] ? true : false
      end

      def display_exception
        @exception
      end

      def inspect
        "#<RSpec::Core::Example #{full_description.inspect}>"
      end
      alias to_s inspect
    end

    class ExecutionResult
      attr_accessor :status, :exception, :started_at, :finished_at, :run_time, :pending_message
    end

    # What an around hook is given: run() goes on to the hook within, and at last to the example.
    class Procsy
      def initialize(example, &run)
        @example, @run = example, run
      end

      def run(*)
        @executed = true
        @run.call
        @example.exception
      end
      alias call run

      # rspec-retry's.
      def run_with_retry(options = {})
        RSpec.configuration.run_with_retry_ = options
        @example.metadata[:retry] ||= options[:retry]
        @example.metadata[:retry_wait] ||= options[:retry_wait] if options[:retry_wait]
        run
      end

      def to_proc
        method = self
        proc { method.run }
      end

      def example
        @example
      end

      def executed?
        @executed ? true : false
      end

      def method_missing(name, *args, &block)
        @example.__send__(name, *args, &block)
      end

      def respond_to_missing?(name, *)
        @example.respond_to?(name)
      end
    end

    class ExampleGroup
      class << self
        include HookMethods
        attr_reader :metadata, :hooks, :examples, :children, :arguments
        alias items examples

        def setup(parent, args, own, block)
          @parent, @arguments, @hooks, @general = parent, args, Hooks.new, RSpec.configuration.hooks
          @own_title = joined_title
          @examples, @children, @shared = [], [], {}
          inherited = parent ? parent.metadata : {}
          first = args.first
          described = first.nil? || first.is_a?(String) ? (parent && parent.described) : first
          line = Bakery.line_of(nil)
          @metadata = {
            **inherited.dup, **own, description: own_title, full_description: full_title_of(parent), described_class: described,
            description_args: args, parent_example_group: parent && parent.metadata, file_path: Bakery.shown_file, block: block,
            example_group_block: block,
            line_number: line, location: "#{Bakery.shown_file}:#{line}"
          }
          Bakery.derive(@metadata)
        end

        def described
          @metadata[:described_class]
        end
        alias described_class described

        attr_reader :own_title

        # `describe Foo, '#bar'` is Foo#bar
        def joined_title
          return Bakery.title(@arguments.first).to_s if @arguments.size == 1
          @arguments.inject(nil) do |text, arg|
            word = Bakery.title(arg)
            text.nil? ? word : "#{text}#{' ' unless word =~ /\A(#|::|\.)/ && @arguments.first.is_a?(Module) || text.empty?}#{word}"
          end.to_s
        end

        def full_title_of(parent)
          return own_title if parent.nil? || parent.full_title.empty?
          joined = parent.arguments.last.is_a?(Module) && @arguments.first.to_s =~ /\A(#|::|\.)/
          own_title.empty? ? parent.full_title : "#{parent.full_title}#{' ' unless joined}#{own_title}"
        end

        # For reports, which show the titles one below the other: see SPEC_GROUP_SIGN.
        def title_path
          @title_path ||= joined_path
        end

        def joined_path
          own = own_title.tr("\x1f", ' ')
          return own if @parent.nil? || @parent.title_path.empty?
          return @parent.title_path if own.empty?
          joined = @parent.arguments.last.is_a?(Module) && own =~ /\A(#|::|\.)/
          "#{@parent.title_path}#{"\x1f" unless joined}#{own}"
        end

        def title
          @metadata[:description]
        end
        alias description title

        def full_title
          @metadata[:full_description]
        end

        def file_path
          @metadata[:file_path]
        end

        def location
          @metadata[:location]
        end

        def parent_groups
          @parent ? [self] + @parent.parent_groups : [self]
        end

        def top_level?
          @parent.nil?
        end

        def to_s
          "RSpec::ExampleGroups::#{full_title.gsub(/\W+/, '_')}"
        end
        alias name to_s
        alias inspect to_s

        # Outer ones come first, but last among those that run after.
        def hooks_of(kind, metadata)
          return Hooks::NONE unless Hooks.known.key?(kind)
          outer = @parent ? @parent.hooks_of(kind, metadata) : @general[kind, metadata]
          own = @hooks[kind, metadata]
          return outer if own.empty?
          kind == :after_each ? own + outer : outer + own
        end

        # Those of all groups are run with the outermost group that they are for.
        def own_hooks(kind)
          general = @general[kind, @metadata]
          general -= @general[kind, @parent.metadata] if @parent && !general.empty?
          kind == :after_all ? @hooks[kind, @metadata] + general : general + @hooks[kind, @metadata]
        end

        def shared(name)
          @shared[Bakery.shared_key(name)] || (@parent ? @parent.shared(name) : RSpec.shared[Bakery.shared_key(name)])
        end

        def add_example(example)
          @examples << example
          RSpec.configuration.example_defined(example.metadata)
          example
        end

        def all_examples
          @examples + @children.flat_map(&:all_examples)
        end

        def describe(*args, &block)
          return Bakery::OneOf.new(self) if args.empty? && block.nil?
          @children << RSpec.group(self, args, block)
          @children.last
        end
        alias context describe
        alias example_group describe

        { xdescribe: :skip, xcontext: :skip, fdescribe: :focus, fcontext: :focus }.each do |name, mark|
          define_method(name) do |*args, &block|
            own = Metadata.take(args)
            describe(*args, { mark => mark == :skip ? 'Temporarily skipped with x' : true }.merge(own), &block)
          end
        end

        def it(*args, &block)
          own = Metadata.take(args)
          first = args.first
          own = { skip: 'Not yet implemented' }.merge(own) unless block
          add_example(Example.new(self, first && (first.is_a?(String) ? first : Bakery.title(first)), Bakery.line_of(block), own, block))
        end
        alias specify it
        alias example it

        { fit: :focus, fspecify: :focus, fexample: :focus, focus: :focus, xit: :skip, xspecify: :skip, xexample: :skip, skip: :skip,
          pending: :pending }.each do |name, mark|
          define_method(name) do |*args, &block|
            own = Metadata.take(args)
            value = { focus: true, pending: true }.fetch(mark) { name == :skip ? true : 'Temporarily skipped with x' }
            it(*args, { mark => value }.merge(own), &block)
          end
        end

        def its(property, *options, &block)
          line = Bakery.line_of(block)
          child = describe(property.is_a?(Array) ? property.to_s : Bakery.title(property))
          child.extend(Bakery::ItsGroup)
          child.include(Bakery::Its)
          child.define_method(:__its_property) { property }
          own = options.last.is_a?(Hash) ? options.pop.dup : {}
          options.each { |tag| own[tag] = true }
          child.add_example(Example.new(child, nil, line, own, block))
        end

        def let(name, &block)
          raise ArgumentError, "let(:#{name}) needs a block" unless block
          helper = :"__let_#{name}"
          define_method(helper, &Bakery.nameless(block))
          define_method(name) do
            @__memo ||= {}
            @__memo[name] = __send__(helper) unless @__memo.key?(name)
            @__memo[name]
          end
        end

        def let!(name, &block)
          let(name, &block)
          before { __send__(name) }
        end

        def subject(name = nil, &block)
          let(:subject, &block)
          define_method(name) { subject } if name
        end

        def subject!(name = nil, &block)
          subject(name, &block)
          before { subject }
        end

        # RSpec 2 took another object for the subject of one block.
        def with_subject(value)
          subject { value }
        end

        def matcher(name, &block)
          define_method(name) { |*expected, &given| Matchers::Custom.build(name, block, self, expected, given) }
        end

        def shared_examples(name, *filter, &block)
          @shared[Bakery.shared_key(name)] = block
          filter = Metadata.filter(filter)
          RSpec.configuration.include_context(name, filter) unless filter.empty?
        end
        alias shared_examples_for shared_examples
        alias shared_context shared_examples

        def include_examples(name, *args, &block)
          body = shared(name) or raise ArgumentError, "no shared examples are called '#{name}'"
          Bakery.exec_in(self, body, args)
          class_exec(&block) if block
        end
        alias include_context include_examples

        def it_behaves_like(name, *args, &block)
          __shared_group("behaves like #{Bakery.title(name)}", name, args, block)
        end

        def it_should_behave_like(name, *args, &block)
          __shared_group("it should behave like #{Bakery.title(name)}", name, args, block)
        end

        def __shared_group(title, name, args, block)
          body = shared(name) or raise ArgumentError, "no shared examples are called '#{name}'"
          child = RSpec.group(self, [title], nil)
          @children << child
          Bakery.exec_in(child, body, args)
          child.class_exec(&block) if block
          child
        end
      end

      def subject
        @__memo ||= {}
        return @__memo[:subject] if @__memo.key?(:subject)
        described = self.class.described
        described = self.class.arguments.first if described.nil?
        @__memo[:subject] = described.is_a?(Class) ? described.new : described
      end

      def described_class
        self.class.described
      end

      def example
        RSpec.current_example
      end

      def should(*args)
        Matchers.handle(subject, true, args)
      end

      def should_not(*args)
        Matchers.handle(subject, false, args)
      end

      def is_expected
        RSpec::Matchers::Target.new(subject)
      end
      alias are_expected is_expected

      def expect(*value, &block)
        raise ArgumentError, 'expect takes a value or a block' if value.empty? && block.nil?
        RSpec::Matchers::Target.new(block ? block : value.first)
      end

      # All failures of the block are told, not only the first.
      def aggregate_failures(label = nil, *)
        RSpec::Matchers.aggregate(label) { yield }
      end

      def skip(reason = true)
        raise SkipDeclared, reason == true ? 'No reason given' : reason.to_s
      end

      def pending(reason = true)
        @__pending = reason == true ? 'No reason given' : reason.to_s
      end

      def __pending
        @__pending
      end

      def fail(*args)
        raise(*args)
      end

      def inspect
        "#<#{self.class}>"
      end
    end
  end

  class << self
    attr_reader :groups, :shared
    attr_accessor :current_example

    def configuration
      @configuration ||= Configuration.new
    end

    def configure
      yield configuration
    end

    def describe(*args, &block)
      return Bakery::OneOf.new(nil) if args.empty? && block.nil?
      @groups << group(nil, args, block)
      @groups.last
    end
    alias context describe
    alias example_group describe

    [:xdescribe, :xcontext, :fdescribe, :fcontext].each do |name|
      define_method(name) do |*args, &block|
        own = Core::Metadata.take(args)
        mark = name.to_s.start_with?('x') ? { skip: 'Temporarily skipped with x' } : { focus: true }
        describe(*args, mark.merge(own), &block)
      end
    end

    def shared_examples(name, *filter, &block)
      @shared[Bakery.shared_key(name)] = block
      filter = Core::Metadata.filter(filter)
      configuration.include_context(name, filter) unless filter.empty?
    end
    alias shared_examples_for shared_examples
    alias shared_context shared_examples

    def world
      Ignored.new
    end

    def clear_examples
      nil
    end

    def deprecate(*)
      nil
    end

    def group(parent, args, block)
      args = args.dup
      own = args.size > 1 ? Core::Metadata.take(args) : {}
      ret = Class.new(parent || Core::ExampleGroup)
      ret.setup(parent, args, own, block)
      configuration.mixins.each do |how, mod, filter|
        next unless Core::Metadata.any?(filter, ret.metadata)
        ret.__send__(how, mod) unless parent && Core::Metadata.any?(filter, parent.metadata)
      end
      configuration.contexts.each do |name, filter|
        next unless Core::Metadata.any?(filter, ret.metadata)
        ret.include_context(name) unless parent && Core::Metadata.any?(filter, parent.metadata)
      end
      ret.class_exec(&block) if block
      ret
    end
  end
  @groups = []
  @shared = {}

  # A module of shared definitions: `extend RSpec::SharedContext`.
  module SharedContext
    def self.extended(mod)
      mod.instance_variable_set(:@__definitions, [])
    end

    def included(group)
      @__definitions.each { |name, args, block| group.__send__(name, *args, &block) }
    end

    [:let, :let!, :subject, :subject!, :before, :after, :around, :it, :its, :describe, :context, :specify].each do |name|
      define_method(name) { |*args, &block| @__definitions << [name, args, block] }
    end
  end
  Core::SharedContext = SharedContext
end

module Bakery
  # its(:property) looks at the property; `subject` is still the whole.
  module Its
    def __its_subject
      @__its = Bakery.dig(subject, __its_property) unless @__its_known
      @__its_known = true
      @__its
    end

    def is_expected
      RSpec::Matchers::Target.new(__its_subject)
    end
    alias are_expected is_expected

    def should(*args)
      RSpec::Matchers.handle(__its_subject, true, args)
    end

    def should_not(*args)
      RSpec::Matchers.handle(__its_subject, false, args)
    end

    def will(*args)
      RSpec::Matchers::Target.new(proc { __its_subject }).to(*args)
    end

    def will_not(*args)
      RSpec::Matchers::Target.new(proc { __its_subject }).not_to(*args)
    end
  end

  module ItsGroup
    def its?
      true
    end
  end

  class << self
    def title(value)
      value.nil? ? '' : value.to_s
    end

    # class_exec() hands no keywords on.
    def exec_in(group, body, args)
      keywords = args.last.is_a?(Hash) && body.parameters.any? { |kind, _| [:key, :keyreq, :keyrest].include?(kind) }
      return group.class_exec(*args, &body) unless keywords
      with_self(body, group) { body.call(*args[0...-1], **args.last) }
    end

    def shared_key(name)
      name.is_a?(Module) ? name.name : name.to_s
    end

    def shown_file
      @shown_file ||= begin
        file = SETTINGS[:file].delete_prefix("#{File.expand_path('.')}/")
        file.start_with?('/', './') ? file : "./#{file}"
      end
    end

    def derive(metadata)
      derived = RSpec.configuration.derived
      derived.empty? || derived.each { |filter, block| block.call(metadata) if filter.empty? || RSpec::Core::Metadata.any?(filter, metadata) }
    end

    # its(:name), its('a.b'), its([:key])
    def dig(value, property)
      if property.is_a?(Array)
        return value.is_a?(Hash) ? property.inject(value) { |at, key| at[key] } : value[*property]
      end
      words = property.to_s
      return value.__send__(property) unless value.is_a?(Hash) || words.empty? || words.include?('.')
      words.split('.').inject(value) { |at, step| dig_step(at, step) }
    end

    def dig_step(at, step)
      at.is_a?(Hash) && !at.respond_to?(step) ? at.fetch(step) { at[step.to_sym] } : at.__send__(step)
    end
  end

  # What a spec file may say at its top level.
  module TopLevel
    [:describe, :context, :example_group, :xdescribe, :xcontext, :fdescribe, :fcontext, :shared_examples, :shared_examples_for,
     :shared_context].each do |name|
      define_method(name) { |*args, &block| RSpec.__send__(name, *args, &block) }
    end
  end
end
extend Bakery::TopLevel
