# serverspec's own vocabulary over the native resource types.
module Serverspec
  # A version string that compares as its package manager compares.
  class Version
    include Comparable

    def initialize(text, ecosystem = 'deb')
      @text = text
      @ecosystem = ecosystem
    end

    def to_s
      @text
    end

    def inspect
      @text.inspect
    end

    def <=>(other)
      Bakery.version_compare(@text, other.to_s, @ecosystem)
    end

    def =~(pattern)
      @text =~ pattern
    end

    def match(pattern)
      @text.match(pattern)
    end

    def include?(text)
      @text.include?(text)
    end

    def start_with?(*starts)
      @text.start_with?(*starts)
    end
  end

  module Type
    class Base
      attr_reader :name

      def to_s
        kind = self.class.to_s.split('::').last.gsub(/([a-z])([A-Z])/, '\1 \2')
        kind = kind[0] + kind[1..-1].downcase
        name.nil? ? kind : "#{kind} #{name.to_s.inspect_readably}"
      end

      def inspect
        to_s
      end

      # A type with no answers here has none to any question.
      def method_missing(name, *args)
        raise Bakery::Unanswered, __unanswered if __unanswered
        return __missing(name.to_s) if args.empty? && __missing? && name.to_s =~ /\A(?!to_)[%\w]+\z/
        super
      end

      def respond_to_missing?(*)
        false
      end
    end

    class Package
      alias __version version

      def version
        text = __version
        text && Version.new(text, __ecosystem)
      end
    end
  end

  module Helper
    module Type
      Serverspec::Type::TABLE.each do |name, type|
        define_method(name) { |*args| type.new(*args) }
      end

      def os
        Serverspec.os
      end

      # `set :backend, :exec` and the like concern a transport that is ours.
      def set(*)
        nil
      end

      def property
        Serverspec.property
      end

      def set_property(values)
        Serverspec.property = values
      end
    end
  end

  FAMILIES = { 'debian' => 'debian', 'ubuntu' => 'ubuntu', 'rhel' => 'redhat', 'centos' => 'redhat', 'rocky' => 'redhat',
               'almalinux' => 'redhat', 'ol' => 'redhat', 'amzn' => 'amazon', 'fedora' => 'fedora', 'alpine' => 'alpine',
               'arch' => 'arch', 'opensuse-leap' => 'opensuse', 'opensuse-tumbleweed' => 'opensuse', 'sles' => 'suse' }.freeze

  class << self
    attr_writer :property

    def property
      @property ||= {}
    end

    def os
      @os ||= begin
        text = Bakery.image_read('/etc/os-release') || Bakery.image_read('/usr/lib/os-release') || ''
        release = {}
        text.scan(/^(\w+)=["']?(.*?)["']?$/) { |key, value| release[key] = value }
        id = release['ID']
        full = id == 'debian' ? Bakery.image_read('/etc/debian_version') : nil
        full = nil unless full && full =~ /\A[\d.]+\s*\z/
        { family: FAMILIES[id] || id, release: (full || release['VERSION_ID']).to_s.strip }
      end
    end
  end
end

class String
  def inspect_readably
    RSpec::Matchers.quote(self)
  end
end

module Specinfra
  def self.configuration
    @configuration ||= RSpec::Configuration.new
  end
end

RSpec::Core::ExampleGroup.include(Serverspec::Helper::Type)
RSpec::Core::ExampleGroup.extend(Serverspec::Helper::Type)
extend Serverspec::Helper::Type
