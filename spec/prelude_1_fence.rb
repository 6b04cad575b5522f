# The first fence: what mruby offers to reach the build host is taken away
# before any user code is read. Pure functions on names stay. With trust, what specs may do there
# is offered again, by our own methods (prelude_2_files.rb, prelude_2_process.rb).
[IO, File, FileTest].each do |owner|
  keep = [:join, :basename, :dirname, :extname, :expand_path, :_concat_path, :_getwd, :_gethome, :path]
  owner.singleton_methods(false).each { |name| owner.singleton_class.undef_method(name) unless keep.include?(name) }
  owner.instance_methods(false).each { |name| owner.undef_method(name) } if owner.is_a?(Class)
end
[IO, File].each do |owner|
  [:new, :allocate, :open].each { |name| owner.singleton_class.undef_method(name) if owner.respond_to?(name) }
end
[:Addrinfo, :BasicSocket, :IPSocket, :ObjectSpace, :Socket, :TCPServer, :TCPSocket, :UDPSocket, :UNIXServer, :UNIXSocket,
 :STDIN, :STDOUT, :STDERR].each { |name| Object.remove_const(name) if Object.const_defined?(name) }

module Bakery
  def self.trust?
    SETTINGS[:trust]
  end

  def self.refuse(name)
    raise NotImplementedError, "#{name} is not for specs: use command('...').stdout, which runs inside the image"
  end

  def self.refuse_writing(name)
    raise NotImplementedError, "#{name} is not for specs: the build host is only read, and only the specs' folder (-trust lifts this)"
  end
end

module Kernel
  [:`, :system, :exec, :fork, :spawn, :open, :gets, :readline, :readlines, :exit, :exit!, :abort, :trap, :syscall, :select].each do |name|
    define_method(name) { |*| Bakery.refuse(name) }
  end

  # A library does not print.
  undef_method :__printstr__ if method_defined?(:__printstr__)
  [:puts, :print, :printf, :putc].each { |name| define_method(name) { |*args| $stdout.__send__(name, *args) } }

  def p(*args)
    args.each { |value| $stdout.puts(value.inspect) }
    args.size > 1 ? args : args.first
  end
  alias pp p

  def warn(*lines, **)
    lines.each { |line| $stderr.puts(line) }
    nil
  end

  def sleep(seconds = 0)
    Bakery.sleep(seconds.to_f)
    seconds.to_i
  end
end
