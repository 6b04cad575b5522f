# Matchers that ask an object a question by its name, and what serverspec adds.
module RSpec
  module Matchers
    # be_x asks x?, have_x asks has_x?; chains such as .with_version('1') go along by name.
    class Predicate < Base
      # serverspec's own matchers tell only some of their chains, and these without quotes.
      SILENT = [:be_executable, :be_readable, :be_writable, :be_mounted, :be_resolvable, :be_reachable, :have_entry, :be_enforcing,
                :be_permissive, :have_site_application, :have_site_bindings, :have_virtual_dir].map { |name| [name, true] }.to_h.freeze
      TOLD = { be_enabled: [:under, :with_level], be_running: [:under], be_listening: [:on, :with], be_monitored_by: [:with_name] }.freeze
      # In which order a method written in Ruby takes them.
      ORDER = { be_installed: [:by, :with_version], be_enabled: [:with_level, :under], be_running: [:under], be_listening: [:with, :on],
                be_readable: [:by, :by_user], be_writable: [:by, :by_user], be_executable: [:by, :by_user], be_resolvable: [:by],
                be_enforcing: [:with_policy], be_permissive: [:with_policy], be_monitored_by: [:with_name],
                have_rule: [:with_table, :with_chain] }.freeze

      def initialize(matcher, names, args, block)
        @matcher, @names, @expected, @block = matcher, names, args, block
        @chains = {}
      end

      def matches?(actual)
        name = asked(actual)
        unless name
          raise NoMethodError, "#{Matchers.show_subject(actual)} cannot be asked for #{@matcher}: it has no #{@names.join(' or ')}"
        end
        known = actual.is_a?(Serverspec::Type::Base) ? actual.__chains(name.to_s) : nil
        check_chains(known)
        return actual.__send__(name, *(@chains.empty? ? @expected : @expected + [@chains]), &@block) if known
        actual.__send__(name, *positional(actual, name), &@block)
      end

      def asked(actual)
        first = @names.first
        actual.respond_to?(first) ? first : @names.drop(1).find { |name| actual.respond_to?(name) }
      end

      # A method in Ruby takes what chains say one after the other.
      def positional(actual, name)
        order = ORDER[@matcher]
        if order.nil? || @chains.keys.any? { |chain| !order.include?(chain) }
          return @chains.values + @expected if @matcher == :have_entry
          return @chains.empty? ? @expected : @expected + (@chains.size == 1 ? @chains.values : [@chains])
        end
        values = @expected + order.map { |chain| @chains[chain] }
        arity = actual.method(name).arity
        arity >= 0 ? values.first([arity, @expected.size].max) : values.first([@chains.empty? ? @expected.size : values.size, -arity - 1].max)
      end

      def check_chains(known)
        return if @chains.empty? || known.nil?
        @chains.each_key do |chain|
          next if " #{known} ".include?(" #{chain} ")
          raise NoMethodError, "#{@matcher} knows no .#{chain}#{known.empty? ? '' : " (it knows: #{known})"}"
        end
      end

      def mismatch(actual)
        actual.is_a?(Serverspec::Type::Base) ? actual.__note : nil
      end

      def description
        text = "#{Matchers.words(@matcher)}#{@matcher == :be_monitored_by ? " #{@expected.first}" : Matchers.list(@expected)}"
        return text if @chains.empty? || SILENT.key?(@matcher)
        return text + rule_chains if @matcher == :have_rule
        @chains.each { |name, value| text += " #{Matchers.words(name)}#{" #{shown(name, value)}" unless value.nil?}" } unless TOLD.key?(@matcher)
        (TOLD[@matcher] || []).each { |name| text += " #{Matchers.words(name)} #{@chains[name]}" if @chains[name] }
        text
      end

      def shown(_, value)
        @matcher == :be_installed ? "\"#{value}\"" : Matchers.brief(value)
      end

      def rule_chains
        @chains.map { |name, value| "#{' and' if name == :with_chain && @chains[:with_table]} #{Matchers.words(name)} #{value}" }.join
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
        "contain#{Matchers.list(@expected)}"
      end
    end
  end
end
