# The first fence: what mruby offers to reach the build host is taken away
# before any user code is read. Pure functions on names stay.
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

module Kernel
  [:`, :system, :exec, :fork, :spawn, :open, :gets, :exit, :exit!, :abort].each do |name|
    define_method(name) do |*|
      raise NotImplementedError, "#{name} is not for specs: use command('...').stdout, which runs inside the image"
    end
  end

  # A library does not print.
  undef_method :__printstr__ if method_defined?(:__printstr__)
  [:puts, :print, :p, :pp, :printf, :warn, :putc].each { |name| define_method(name) { |*args| args.first if name == :p } }

  def sleep(seconds = 0)
    Bakery.sleep(seconds.to_f)
    seconds.to_i
  end
end

$stdout = $stderr = Object.new
[:puts, :print, :write, :printf, :<<, :flush, :sync, :sync=].each do |name|
  $stdout.define_singleton_method(name) { |*| nil }
end
$stdin = nil

class File
  SEPARATOR = '/' unless const_defined?(:SEPARATOR)

  class << self
    def read(path, *)
      Bakery.read(path) or raise IOError, "cannot read '#{path}': only files in the spec's folder can be read"
    end

    def readlines(path)
      read(path).lines
    end

    def exist?(path)
      !Bakery.kind(path).nil?
    end
    alias exists? exist?

    def file?(path)
      Bakery.kind(path) == :file
    end

    def directory?(path)
      Bakery.kind(path) == :directory
    end
  end
end

class IO
  def self.read(path, *)
    File.read(path)
  end
end
