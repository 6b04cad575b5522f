# RSpec's example groups. As in RSpec a group is a class, a nested group a
# subclass, and every example runs in an instance of its own; so helper methods,
# let and subject are inherited as methods are.
module RSpec
  module Expectations
    # Not StandardErrors: a `rescue => e` in an example must not swallow a verdict.
    class ExpectationNotMetError < Exception; end
  end

  module Core
    class SkipDeclared < Exception; end
    class PendingDeclared < Exception; end

    class Example
      attr_reader :name, :line, :block, :metadata

      def initialize(name, line, metadata, block)
        @name, @line, @metadata, @block = name, line, metadata, block
      end
      alias description name
    end

    class ExampleGroup
      class << self
        attr_reader :title, :metadata, :items

        def setup(title, parent, described, metadata)
          @title, @parent, @metadata, @items = title, parent, metadata, []
          @described = described
          @hooks = { before: [], after: [], before_all: [], after_all: [] }
          @shared = {}
        end

        def described
          @described.nil? && @parent ? @parent.described : @described
        end
        alias described_class described

        def full_title
          [@parent && @parent.full_title, @title].compact.reject(&:empty?).join(' ')
        end
        alias description full_title

        # For reports, which show them one below the other: see SPEC_GROUP_SIGN.
        def title_path
          [@parent && @parent.title_path, @title && @title.tr("\x1f", ' ')].compact.reject(&:empty?).join("\x1f")
        end

        # Outer ones come first, but last among those that run after.
        def hooks_of(kind)
          outer = @parent ? @parent.hooks_of(kind) : RSpec.configuration.hooks[kind]
          kind == :after ? @hooks[kind] + outer : outer + @hooks[kind]
        end

        def own_hooks(kind)
          outer = @parent ? [] : RSpec.configuration.hooks[kind]
          kind == :after_all ? @hooks[kind] + outer : outer + @hooks[kind]
        end

        def shared(name)
          @shared[name.to_s] || (@parent ? @parent.shared(name) : RSpec.shared[name.to_s])
        end

        def inherited_metadata
          (@parent ? @parent.inherited_metadata : {}).merge(@metadata || {})
        end

        def describe(*args, &block)
          @items << RSpec.group(self, args, block)
        end
        alias context describe
        alias fdescribe describe
        alias fcontext describe
        alias example_group describe

        def xdescribe(*args, &block)
          args << {} unless args.last.is_a?(Hash)
          args.last[:skip] ||= 'switched off with an x'
          describe(*args, &block)
        end
        alias xcontext xdescribe

        def it(*args, &block)
          metadata = args.last.is_a?(Hash) ? args.pop : {}
          metadata = { skip: 'not yet written' }.merge(metadata) unless block
          args[1..-1].to_a.each { |tag| metadata[tag] = true if tag.is_a?(Symbol) }
          return unless RSpec.selected?(metadata)
          @items << Example.new(args.first && args.first.to_s, Bakery.line_of(block), inherited_metadata.merge(metadata), block)
        end
        alias specify it
        alias example it
        alias fit it

        def xit(*args, &block)
          args << {} unless args.last.is_a?(Hash)
          args.last[:skip] = 'switched off with an x'
          it(*args, &block)
        end
        alias xspecify xit
        alias xexample xit

        def skip(*args, &block)
          args << {} unless args.last.is_a?(Hash)
          args.last[:skip] = 'skipped'
          it(*args, &block)
        end

        def pending(*args, &block)
          args << {} unless args.last.is_a?(Hash)
          args.last[:pending] = 'pending'
          it(*args, &block)
        end

        def its(property, *rest, &block)
          line = Bakery.line_of(block)
          return unless RSpec.selected?(rest.last.is_a?(Hash) ? rest.last : {})
          child = RSpec.group(self, [property.to_s], nil)
          child.alias_method(:__outer_subject, :subject)
          child.define_method(:subject) do
            @__its = Bakery.dig(__outer_subject, property) unless @__its_known
            @__its_known = true
            @__its
          end
          metadata = child.inherited_metadata.merge(rest.last.is_a?(Hash) ? rest.last : {})
          child.items << Example.new(nil, line, metadata, block)
          @items << child
        end

        def let(name, &block)
          helper = :"__let_#{name}"
          define_method(helper, &block)
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

        def before(scope = :each, *_, &block)
          @hooks[RSpec.hook(:before, scope)] << block
        end

        def after(scope = :each, *_, &block)
          @hooks[RSpec.hook(:after, scope)].unshift(block)
        end

        def shared_examples(name, *_, &block)
          @shared[name.to_s] = block
        end
        alias shared_examples_for shared_examples
        alias shared_context shared_examples

        def include_examples(name, *args, &block)
          body = shared(name) or raise ArgumentError, "no shared examples are called '#{name}'"
          class_exec(*args, &body)
          class_eval(&block) if block
        end
        alias include_context include_examples

        def it_behaves_like(name, *args, &block)
          body = shared(name) or raise ArgumentError, "no shared examples are called '#{name}'"
          child = RSpec.group(self, ["behaves like #{name}"], nil)
          child.class_exec(*args, &body)
          child.class_eval(&block) if block
          @items << child
        end
        alias it_should_behave_like it_behaves_like
      end

      def subject
        described = self.class.described
        described.is_a?(Class) ? described.new : described
      end

      def described_class
        self.class.described
      end

      def should(*args)
        RSpec::Matchers.handle(subject, true, args)
      end

      def should_not(*args)
        RSpec::Matchers.handle(subject, false, args)
      end

      def is_expected
        RSpec::Matchers::Target.new(subject)
      end

      def expect(*value, &block)
        RSpec::Matchers::Target.new(block ? block : value.first)
      end

      # The first failure ends it here.
      def aggregate_failures(*)
        yield
      end

      def skip(reason = 'skipped')
        raise SkipDeclared, reason.to_s
      end

      def pending(reason = 'pending')
        @__pending = reason.to_s
      end

      def __pending
        @__pending
      end

      def inspect
        "#<example of #{self.class.full_title}>"
      end
    end
  end

  class Configuration
    attr_reader :hooks

    def initialize
      @hooks = { before: [], after: [], before_all: [], after_all: [] }
      @values = {}
    end

    def before(scope = :each, *_, &block)
      @hooks[RSpec.hook(:before, scope)] << block
    end

    def after(scope = :each, *_, &block)
      @hooks[RSpec.hook(:after, scope)].unshift(block)
    end

    def include(mod, *)
      Core::ExampleGroup.include(mod)
    end

    def extend(mod, *)
      Core::ExampleGroup.extend(mod)
    end

    # Every other setting concerns RSpec's own running and printing.
    def method_missing(name, *args)
      if name.to_s.end_with?('=')
        @values[name.to_s[0..-2]] = args.first
      elsif @values.key?(name.to_s)
        @values[name.to_s]
      else
        self
      end
    end

    def respond_to_missing?(*)
      true
    end
  end

  class << self
    attr_reader :groups, :shared

    def configuration
      @configuration ||= Configuration.new
    end

    def configure
      yield configuration
    end

    def hook(kind, scope)
      [:all, :context, :suite].include?(scope) ? :"#{kind}_all" : kind
    end

    def selected?(metadata)
      return false if metadata.key?(:if) && !metadata[:if]
      !metadata[:unless]
    end

    def describe(*args, &block)
      @groups << group(nil, args, block)
    end
    alias context describe

    def shared_examples(name, *_, &block)
      @shared[name.to_s] = block
    end
    alias shared_examples_for shared_examples
    alias shared_context shared_examples

    def group(parent, args, block)
      args = args.dup
      metadata = args.last.is_a?(Hash) ? args.pop : {}
      args.select { |arg| arg.is_a?(Symbol) && !arg.equal?(args.first) }.each { |tag| metadata[tag] = true }
      ret = Class.new(parent || Core::ExampleGroup)
      first = args.first
      described = first.is_a?(String) && parent ? nil : first
      ret.setup(args.reject { |arg| arg.is_a?(Symbol) && !arg.equal?(first) }.map { |arg| Bakery.title(arg) }.join(' '),
                parent, described, metadata)
      ret.class_eval(&block) if block && selected?(metadata)
      ret
    end
  end
  @groups = []
  @shared = {}
end

module Bakery
  PASS, FAIL, ERROR, UNANSWERED, SKIP = 0, 1, 2, 3, 4
  MESSAGE_MOST = 16_384

  class << self
    def title(value)
      value.nil? ? '' : value.to_s
    end

    # its(:name), its('a.b'), its([:key])
    def dig(value, property)
      if property.is_a?(Array)
        return value.is_a?(Hash) ? property.inject(value) { |at, key| at[key] } : value[*property]
      end
      property.to_s.split('.').inject(value) do |at, step|
        at.is_a?(Hash) && !at.respond_to?(step) ? at.fetch(step) { at[step.to_sym] } : at.__send__(step)
      end
    end

    def load_error(error)
      at = place(error)
      text = error.is_a?(SyntaxError) ? error.message : "#{message_of(error)} (#{error.class})"
      at.empty? || text.start_with?(at) ? text : "#{at}: #{text}"
    end

    def run
      RSpec.groups.each { |group| run_group(group, nil) }
    end

    def run_group(group, state)
      holder = group.new
      copy_state(state, holder)
      begin
        group.own_hooks(:before_all).each { |hook| holder.instance_exec(&hook) }
      rescue Exception => e
        return fail_all(group, e)
      end
      group.items.each do |item|
        item.is_a?(Class) ? run_group(item, holder) : run_example(group, item, holder)
      end
      group.own_hooks(:after_all).each do |hook|
        begin
          holder.instance_exec(&hook)
        rescue Exception => e
          report(group, 1, 'after(:all)', *explained(e))
        end
      end
    end

    def copy_state(from, to)
      return unless from
      from.instance_variables.each do |name|
        to.instance_variable_set(name, from.instance_variable_get(name)) unless name.to_s.start_with?('@__')
      end
    end

    def fail_all(group, error)
      group.items.each do |item|
        next fail_all(item, error) if item.is_a?(Class)
        start(item.line, group.title_path, item.name.to_s)
        report(group, item.line, item.name || 'example', *explained(error))
      end
    end

    def verdict_of(error)
      case error
      when RSpec::Expectations::ExpectationNotMetError then [FAIL, error.message]
      when Unanswered then [UNANSWERED, error.message]
      when RSpec::Core::SkipDeclared then [SKIP, error.message]
      else [ERROR, "#{message_of(error)} (#{error.class})"]
      end
    end

    # A user's own exception may not even have one.
    def message_of(error)
      error.message.to_s
    rescue Exception
      'its message cannot be told'
    end

    # The verdict, and the message with more about it and the place.
    def explained(error, described = nil)
      verdict, message = verdict_of(error)
      message = "#{message}#{complaint_of(described)}" if verdict == FAIL
      at = verdict == FAIL || verdict == ERROR ? place(error) : ''
      [verdict, at.empty? ? message : "#{message}\n  at #{at}"]
    end

    def reason(value, default)
      value.is_a?(String) ? value : default
    end

    def run_example(group, example, state)
      RSpec::Matchers.description = nil
      start(example.line, group.title_path, example.name.to_s)
      if example.metadata[:skip]
        return report(group, example.line, example.name || 'example', SKIP, reason(example.metadata[:skip], 'skipped'))
      end
      instance = group.new
      copy_state(state, instance)
      error = attempt(group, example, instance)
      name = example.name || RSpec::Matchers.description || 'example'
      waiting = instance.__pending || (example.metadata[:pending] && reason(example.metadata[:pending], 'pending'))
      verdict, message = error ? explained(error, group.described) : [PASS, '']
      if waiting && verdict != SKIP && verdict != UNANSWERED
        verdict, message = verdict == PASS ? [FAIL, "pending (#{waiting}), but it passed"] : [SKIP, "pending: #{waiting}"]
      end
      report(group, example.line, name, verdict, message)
    end

    # What a command said when its exit status or output is not as expected.
    def complaint_of(described)
      return '' unless described.is_a?(Serverspec::Type::Command)
      lines = described.stderr.to_s.lines.last(5).map { |line| "\n    #{line.chomp}" }
      lines.empty? ? '' : "\n  stderr:#{lines.join}"
    rescue Unanswered
      ''
    end

    def attempt(group, example, instance)
      error = nil
      begin
        group.hooks_of(:before).each { |hook| instance.instance_exec(&hook) }
        instance.instance_exec(example, &example.block)
      rescue Exception => e
        error = e
      end
      group.hooks_of(:after).each do |hook|
        begin
          instance.instance_exec(&hook)
        rescue Exception => e
          error ||= e
        end
      end
      error
    end

    def report(group, line, name, verdict, message)
      result(line, group.title_path, name.to_s, verdict, message.to_s[0, MESSAGE_MOST])
    end
  end
end

module Bakery
  # What a spec file may say at its top level.
  module TopLevel
    [:describe, :context, :shared_examples, :shared_examples_for, :shared_context].each do |name|
      define_method(name) { |*args, &block| RSpec.__send__(name, *args, &block) }
    end
    alias fdescribe describe

    def xdescribe(*args, &block)
      args << {} unless args.last.is_a?(Hash)
      describe('', skip: 'switched off with an x') { describe(*args, &block) }
    end
  end
end
extend Bakery::TopLevel
