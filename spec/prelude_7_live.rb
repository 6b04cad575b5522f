# Types of running systems as people use them in Ruby: their kinds' names, and hashes of what the native ones read.
module Serverspec
  module Type
    class DefaultGateway
      def to_s
        'Default Gateway'
      end
    end

    class RoutingTable
      def to_s
        'Routing Table'
      end
    end

    { Iptables: 'iptables', Ip6tables: 'ip6tables' }.each do |type, words|
      const_get(type).define_method(:to_s) { words }
    end
    { Zfs: 'ZFS', Lxc: 'LXC', Kvm: 'KVM', Cgroup: 'Cgroup' }.each do |type, words|
      const_get(type).define_method(:to_s) { "#{words} #{name.to_s.inspect_readably}" }
    end

    # cgroup('x').memory.max: the first word names the controller, the second one its parameter.
    class Cgroup
      class Controller
        def initialize(group, name)
          @group, @name = group, name
        end

        def method_missing(name, *args)
          args.empty? ? @group.__missing("#{@name}.#{name}") : super
        end

        def respond_to_missing?(*)
          false
        end
      end

      def method_missing(name, *args)
        args.empty? && name.to_s =~ /\A[a-z_]+\z/ ? Controller.new(self, name) : super
      end

      def respond_to_missing?(*)
        false
      end
    end

    class Zfs
      def property
        @property ||= __property.map { |line| line.split("\t", 2) }.to_h
      end
    end

    # inspection is nil when there is no such thing; ['HostConfig.Binds.[0]'] goes down in it.
    module Inspected
      def inspection
        text = __inspection
        text && JSON.parse(text)
      end

      def [](path)
        path.split('.').inject(inspection) do |at, key|
          next nil if at.nil?
          key.start_with?('[') && key.end_with?(']') ? at[key[1..-2].to_i] : at[key]
        end
      end
    end

    class DockerImage
      include Inspected
    end

    class DockerContainer
      include Inspected
    end
  end
end
