# Running what was declared, and telling what came out.
module Bakery
  PASS, FAIL, ERROR, UNANSWERED, SKIP = 0, 1, 2, 3, 4
  MESSAGE_MOST = 16_384
  CONTROLLED = [:impact, :control, :id, :title].freeze
  CONTROLS = [:__control, *CONTROLLED].freeze
  UNCONTROLLED = ['', '', -1.0].freeze

  # What came out of an example, kept back: describe.one tells it when all of its groups are known.
  Outcome = Struct.new(:group, :example, :verdict, :message)

  class << self
    def load_error(error)
      at = place(error)
      text = error.is_a?(SyntaxError) ? error.message : "#{message_of(error)} (#{error.class})"
      at.empty? || text.start_with?(at) ? text : "#{at}: #{text}"
    end

    # The prelude may have been loaded in another process, at another time: what is of this one begins here.
    def prepare
      const_set(:SETTINGS, settings.freeze)
      Object.const_set(:ENV, Environment.new(environment))
      $PROGRAM_NAME = SETTINGS[:file]
      srand(clock(0).inject { |seconds, ns| seconds ^ ns })
      RSpec::Core::ExampleGroup.setup(nil, [], {}, nil)
      read_dot_rspec
      SETTINGS[:tags].each { |tag| RSpec.configuration.add_tag(tag) }
    end

    def run
      chosen = {}
      RSpec.configuration.select(RSpec.groups.flat_map(&:all_examples)).each { |example| (chosen[example.example_group.object_id] ||= []) << example }
      @chosen, @begun = chosen, 0
      holder = RSpec::Core::ExampleGroup.new
      hooks = RSpec.configuration.hooks
      hooks[:before_suite, {}].each { |hook| holder.instance_exec(&hook) } unless chosen.empty?
      RSpec.groups.each { |group| run_group(group, nil) }
      finish(hooks[:after_suite, {}].reverse, holder) unless chosen.empty?
    end

    def finish(hooks, holder)
      hooks.each { |hook| holder.instance_exec(&hook) }
      AT_EXIT.pop.call until AT_EXIT.empty?
    end

    def chosen(group)
      @chosen[group.object_id] || []
    end

    def any_chosen?(group)
      @chosen.key?(group.object_id) || group.children.any? { |child| any_chosen?(child) }
    end

    def count(group)
      return 1 if group.metadata[:__one_of] && any_chosen?(group)
      chosen(group).size + group.children.inject(0) { |n, child| n + count(child) }
    end

    # An earlier process had this many, and died in the last of them.
    def had_before?(n)
      return false if @held || @begun + n > SETTINGS[:begin_at]
      @begun += n
      true
    end

    # As RSpec: a group's examples, then the groups in it.
    def run_group(group, state)
      n = count(group)
      return if n == 0 || had_before?(n)
      return run_one_of(group, state) if group.metadata[:__one_of] && @held.nil?
      holder = group.new
      copy_state(state, holder)
      begin
        group.own_hooks(:before_all).each { |hook| holder.instance_exec(group, &hook) }
      rescue RSpec::Core::SkipDeclared, Exception => e
        return fail_all(group, e)
      end
      chosen(group).each { |example| run_example(group, example, holder) unless had_before?(1) }
      group.children.each { |child| run_group(child, holder) }
      group.own_hooks(:after_all).each do |hook|
        begin
          holder.instance_exec(group, &hook)
        rescue Exception => e
          report(group, 1, 'after(:all)', *explained(e), nil)
        end
      end
    end

    def copy_state(from, to)
      names = from ? from.instance_variables : []
      return if names.empty?
      names.each do |name|
        to.instance_variable_set(name, from.instance_variable_get(name)) unless name.to_s.start_with?('@__')
      end
    end

    def fail_all(group, error)
      chosen(group).each do |example|
        next if had_before?(1)
        begin_example(group, example)
        report(group, example.line, example.description, *explained(error), example)
      end
      group.children.each { |child| fail_all(child, error) }
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

    def begin_example(group, example)
      RSpec::Matchers.description = nil
      RSpec.current_example = example
      return if @held
      @begun += 1
      control = control_of(group.metadata, example)
      start(example.line, group.title_path, example.name.to_s, *control)
    end

    def run_example(group, example, state)
      begin_example(group, example)
      meta = example.metadata
      without = RSpec.skip_all || (meta[:__control] && meta[:__control].skip) || meta[:skip]
      if without
        verdict, message = SKIP, reason(without, 'No reason given')
      else
        verdict, message = attempts_of(group, example, state)
      end
      report(group, example.line, example.description, verdict, message, example)
    ensure
      RSpec.current_example = example.example_group_instance = nil
    end

    # A failing one may be given time, or more attempts: the system below may still be starting.
    def attempts_of(group, example, state)
      begun = SETTINGS[:retry_ms] > 0 ? Process.clock_gettime(Process::CLOCK_MONOTONIC) : 0
      declared = example.metadata[:retry]
      example.attempts = 1
      loop do
        verdict, message = attempt_once(group, example, state)
        return [verdict, message] unless (verdict == FAIL || verdict == ERROR) && again?(example, begun, declared)
        Bakery.forget
        example.attempts += 1
      end
    end

    # After the pause, if so. An around hook may have asked for more than was declared.
    def again?(example, begun, declared)
      config, meta = RSpec.configuration, example.metadata
      return false if meta[:pending]
      most = [(declared || config.__kept('default_retry_count') || 1).to_i, (meta[:retry] || 1).to_i].max
      pause = meta[:retry_wait] || config.__kept('default_sleep_interval') || SETTINGS[:retry_sleep_ms] / 1000.0
      in_time = SETTINGS[:retry_ms] > 0 && (Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun + pause) * 1000 < SETTINGS[:retry_ms]
      return false unless example.attempts < most || in_time
      sleep(pause)
      true
    end

    def attempt_once(group, example, state)
      instance = example.example_group_instance = group.new
      copy_state(state, instance)
      mix_in(group, example, instance)
      RSpec::Matchers.description = nil
      example.exception = nil
      around(group, example, instance)
      error = example.exception
      example.generated = RSpec::Matchers.description
      waiting = instance.__pending || (example.metadata[:pending] && reason(example.metadata[:pending], 'No reason given'))
      return [PASS, ''] unless error || waiting
      verdict, message = error ? explained(error, group.described) : [PASS, '']
      if waiting && verdict != SKIP && verdict != UNANSWERED
        verdict, message = verdict == PASS ? [FAIL, "pending (#{waiting}), but it passed"] : [SKIP, "pending: #{waiting}"]
      end
      [verdict, message]
    end

    # Modules that are for the example's own metadata.
    def mix_in(group, example, instance)
      mixins = RSpec.configuration.mixins
      return if mixins.empty?
      mixins.each do |how, mod, filter|
        next if how != :include || RSpec::Core::Metadata.any?(filter, group.metadata)
        instance.extend(mod) if RSpec::Core::Metadata.any?(filter, example.metadata)
      end
    end

    # The around hooks, the outermost first, and in their middle the example with its other hooks.
    def around(group, example, instance)
      innermost = RSpec::Core::Procsy.new(example) { example.exception = attempt(group, example, instance) }
      hooks = group.hooks_of(:around_each, example.metadata)
      return innermost.run if hooks.empty?
      chain = hooks.reverse.inject(innermost) do |inner, hook|
        RSpec::Core::Procsy.new(example) do
          instance.instance_exec(inner, &hook)
          example.metadata[:skip] = 'the example was not run by its around hook' unless inner.executed? || example.exception
        end
      end
      chain.run
      raise RSpec::Core::SkipDeclared, example.metadata.delete(:skip) unless innermost.executed? || example.exception
    rescue Exception => e
      example.exception ||= e
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
        group.hooks_of(:before_each, example.metadata).each { |hook| instance.instance_exec(example, &hook) }
        if example.metadata[:aggregate_failures]
          RSpec::Matchers.aggregate(nil) { instance.instance_exec(example, &example.block) }
        else
          instance.instance_exec(example, &example.block)
        end
      rescue Exception => e
        error = e
      end
      example.exception = error
      group.hooks_of(:after_each, example.metadata).each do |hook|
        begin
          instance.instance_exec(example, &hook)
        rescue Exception => e
          error ||= e
        end
      end
      error
    end

    # [id, title, impact]
    def control_of(metadata, example)
      return UNCONTROLLED unless any_value?(metadata, CONTROLS) || (example && any_value?(example.metadata, CONTROLLED))
      control = metadata[:__control]
      metadata = example.metadata if example
      impact = metadata[:impact] || (control && control.impact)
      [((control && control.id) || metadata[:control] || metadata[:id] || '').to_s, ((control && control.title) || metadata[:title] || '').to_s,
       impact.is_a?(Numeric) ? impact.to_f : -1.0]
    end

    def report(group, line, name, verdict, message, example = nil)
      return @held << [group, line, name, verdict, message, example] if @held
      result(line, group.title_path, name.to_s, verdict, message.to_s[0, MESSAGE_MOST], example ? example.attempts : 1,
             *control_of(group.metadata, example))
    end
  end
end
