# InSpec's controls: describe blocks with an id, a title and an impact, which reports carry; describe.one; only_if.
module Bakery
  class Control
    attr_accessor :id, :title, :impact, :skip
    attr_reader :tags, :refs, :descriptions

    IMPACTS = { 'none' => 0.0, 'low' => 0.1, 'medium' => 0.4, 'high' => 0.7, 'critical' => 0.9 }.freeze

    def initialize(id)
      @id, @tags, @refs, @descriptions = id.to_s, {}, [], {}
    end

    def impact=(value)
      number = value.is_a?(String) ? IMPACTS[value] : value
      unless number.is_a?(Numeric) && number >= 0 && number <= 1
        raise ArgumentError, "an impact is a number from 0 to 1 or one of #{IMPACTS.keys.join(', ')}, not #{value.inspect}"
      end
      @impact = number.to_f
    end
  end

  # What may be said in a control.
  module ControlGroup
    def control_data
      metadata[:__control]
    end

    def impact(value)
      control_data.impact = value
    end

    def title(text = nil)
      text.nil? ? super() : control_data.title = text.to_s.strip
    end

    def desc(label, text = nil)
      text ? control_data.descriptions[label] = text : control_data.descriptions['default'] = label
    end

    def ref(*what)
      control_data.refs << what
    end

    # A tag also selects, as metadata does.
    def tag(*names)
      names.each do |name|
        name.is_a?(Hash) ? name.each { |key, value| __tag(key, value) } : __tag(name, true)
      end
    end

    def __tag(name, value)
      control_data.tags[name] = value
      metadata[name.to_sym] = value
      all_examples.each { |example| example.metadata[name.to_sym] = value }
    end

    def only_if(reason = nil)
      control_data.skip ||= reason || 'Skipped control due to only_if condition.' unless yield
    end
  end

  # describe.one { several groups }: one of them has to pass.
  class OneOf
    def initialize(parent)
      @parent = parent
    end

    def one(&block)
      group = RSpec.group(@parent, [''], nil)
      group.metadata[:__one_of] = true
      group.class_exec(&block)
      group.children.each { |child| child.metadata[:__one_of] = nil }
      (@parent ? @parent.children : RSpec.groups) << group
      group
    end
  end

  class << self
    def run_one_of(group, state)
      @held = nil
      @begun += 1
      line = (group.all_examples.first || group).metadata[:line_number]
      start(line, group.title_path, 'one of several', *control_of(group.metadata, nil))
      parts = group.children.map { |child| held { run_group(child, state) } }
      own = chosen(group)
      parts << held { own.each { |example| run_example(group, example, state) } } unless own.empty?
      good = parts.find { |part| part.any? { |one| one[3] == PASS } && part.all? { |one| [PASS, SKIP].include?(one[3]) } }
      good ||= parts.find { |part| part.none? { |one| [FAIL, ERROR].include?(one[3]) } }
      (good ? [good] : parts).each { |part| part.each { |one| report(*one) } }
    end

    # The results of the block, which are not told yet.
    def held
      @held = []
      yield
      @held
    ensure
      @held = nil
    end
  end
end

module RSpec
  class << self
    attr_accessor :skip_all

    def control(id = nil, own = {}, parent = nil, &block)
      data = Bakery::Control.new(id)
      group = group(parent, ['', own.merge(__control: data)], nil)
      group.extend(Bakery::ControlGroup)
      data.impact = own[:impact] if own[:impact]
      data.title = own[:title].to_s if own[:title]
      (parent ? parent.children : @groups) << group
      group.class_exec(&block) if block
      group
    end
  end
end

module Bakery
  module TopLevel
    def control(id = nil, own = {}, &block)
      RSpec.control(id, own, &block)
    end
    alias rule control

    def only_if(reason = nil)
      RSpec.skip_all ||= reason || 'Skipped due to only_if condition.' unless yield
    end

    # Of the whole profile, in InSpec; here of nothing.
    def title(*)
      nil
    end

    def input(_, value: nil, **)
      value
    end

    def attribute(_, default: nil, value: nil, **)
      value.nil? ? default : value
    end
  end
end
