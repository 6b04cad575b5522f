# Files of the build host, as far as a spec may see them: those in its own folder, read-only. With trust all of them, and writing.
class StringIO
  include Enumerable
  attr_accessor :string, :lineno, :pos, :sync

  def initialize(string = +'', *)
    @string, @pos, @lineno = string, 0, 0
  end

  def self.open(*args)
    io = new(*args)
    block_given? ? yield(io) : io
  end

  def write(*texts)
    texts.each { |text| @string << text.to_s }
    texts.inject(0) { |n, text| n + text.to_s.size }
  end

  def print(*texts)
    write(*texts)
    nil
  end

  def <<(text)
    write(text)
    self
  end

  def puts(*lines)
    write("\n") if lines.empty?
    lines.flatten.each { |line| write(line.to_s.end_with?("\n") ? line.to_s : "#{line}\n") }
    nil
  end

  def printf(*args)
    write(format(*args))
    nil
  end

  def putc(char)
    write(char.is_a?(Integer) ? char.chr : char[0])
    char
  end

  def read(length = nil)
    rest = @string[@pos..-1] || ''
    rest = rest[0, length] if length
    @pos += rest.size
    rest
  end

  def gets(*)
    return nil if @pos >= @string.size
    ending = @string.index("\n", @pos)
    line = @string[@pos..(ending || -1)]
    @pos += line.size
    @lineno += 1
    line
  end

  def each_line
    return to_enum(:each_line) unless block_given?
    while (line = gets)
      yield line
    end
    self
  end
  alias each each_line

  def readlines(*)
    read.lines
  end

  def rewind
    @pos = @lineno = 0
  end

  def eof?
    @pos >= @string.size
  end

  def truncate(length)
    @string.replace(@string[0, length])
  end

  def close
    @closed = true
    nil
  end

  def closed?
    @closed ? true : false
  end

  def flush
    self
  end
  alias fsync flush

  def tty?
    false
  end
  alias isatty tty?

  def fileno
    nil
  end

  def binmode
    self
  end

  def set_encoding(*)
    self
  end
end

module Bakery
  # What is printed is kept by nobody; `output` matchers put something else in its place.
  class Sink < StringIO
    def write(*texts)
      texts.inject(0) { |n, text| n + text.to_s.size }
    end
  end

  # An open file: its content, written back when it is closed.
  class OpenFile < StringIO
    attr_reader :path

    def initialize(path, mode)
      @path, @mode = path.to_s, mode.to_s
      writes = @mode =~ /[wa+]/
      Bakery.refuse_writing("File.open('#{path}', '#{mode}')") if writes && !Bakery.trust?
      super(writes && @mode.start_with?('w', 'a') ? +'' : File.read(@path))
      @written = writes
    end
    alias to_path path

    def flush
      Bakery.write(@path, @string, @mode.start_with?('a')) if @written
      @string = +'' if @mode.start_with?('a')
      self
    end

    def close
      flush unless closed?
      super
    end
  end

  # What File.stat tells.
  class Stat
    attr_reader :mode, :size

    def initialize(mode, size, mtime)
      @mode, @size, @mtime = mode, size, mtime
    end

    def mtime
      Time.at(@mtime)
    end

    def file?
      @mode & 0o170000 == 0o100000
    end

    def directory?
      @mode & 0o170000 == 0o040000
    end

    def executable?
      @mode & 0o111 != 0
    end
  end

  # The name of anything that names a file.
  def self.path_of(value)
    return value.to_path if value.respond_to?(:to_path)
    raise TypeError, "no implicit conversion of #{value.nil? ? 'nil' : value.class} into String" unless value.is_a?(String)
    value
  end

  # Of `{a,b}` in a pattern: every pattern that it stands for.
  def self.braces(pattern)
    first = pattern.index('{') or return [pattern]
    depth, parts, from = 0, [], first + 1
    (first...pattern.size).each do |i|
      case pattern[i]
      when '{' then depth += 1
      when ',', '}'
        if depth == 1
          parts << pattern[from...i]
          from = i + 1
        end
        depth -= 1 if pattern[i] == '}'
        return parts.flat_map { |part| braces(pattern[0...first] + part + pattern[i + 1..-1]) } if depth == 0
      end
    end
    [pattern]
  end

  # One name's pattern: *, ?, [abc].
  def self.name_pattern(pattern)
    source = pattern.gsub(/\\.|\[[^\]]+\]|\*+|\?|[^*?\[\\]+|./) do |part|
      case part
      when /\A\*/ then '[^/]*'
      when '?' then '[^/]'
      when /\A\[.+\]\z/ then part.sub('[!', '[^')
      when /\A\\/ then Regexp.escape(part[1..-1])
      else Regexp.escape(part)
      end
    end
    Regexp.new("\\A#{source}\\z")
  end
end

$stdout = Bakery::Sink.new
$stderr = Bakery::Sink.new
$stdin = nil

class File
  SEPARATOR = '/' unless const_defined?(:SEPARATOR)
  Separator = SEPARATOR unless const_defined?(:Separator)
  ALT_SEPARATOR = nil unless const_defined?(:ALT_SEPARATOR)
  PATH_SEPARATOR = ':' unless const_defined?(:PATH_SEPARATOR)
  FNM_PATHNAME = 2 unless const_defined?(:FNM_PATHNAME)
  FNM_DOTMATCH = 4 unless const_defined?(:FNM_DOTMATCH)
  FNM_EXTGLOB = 16 unless const_defined?(:FNM_EXTGLOB)
  Stat = Bakery::Stat

  class << self
    alias __join join
    alias __expand_path expand_path
    alias __basename basename
    alias __dirname dirname
    alias __extname extname

    def join(*parts)
      __join(*parts.flatten.map { |part| Bakery.path_of(part) })
    end

    def expand_path(path, from = nil)
      from ? __expand_path(Bakery.path_of(path), Bakery.path_of(from)) : __expand_path(Bakery.path_of(path))
    end
    alias absolute_path expand_path

    def basename(path, suffix = nil)
      name = __basename(Bakery.path_of(path))
      return name unless suffix
      ending = suffix == '.*' ? extname(name) : suffix
      name != ending ? name.delete_suffix(ending) : name
    end

    def dirname(path, *)
      __dirname(Bakery.path_of(path))
    end

    def extname(path)
      __extname(Bakery.path_of(path))
    end

    def split(path)
      [dirname(path), basename(path)]
    end

    def absolute_path?(path)
      Bakery.path_of(path).start_with?('/')
    end

    def read(path, *)
      Bakery.read(Bakery.path_of(path)) or raise IOError, "cannot read '#{path}': only files in the spec's folder, and its project's Ruby, YAML, JSON and CSV files, can be read"
    end
    alias binread read

    def readlines(path, chomp: false)
      lines = read(path).lines
      chomp ? lines.map(&:chomp) : lines
    end

    def foreach(path, &block)
      block ? readlines(path).each(&block) : readlines(path).each
    end

    def open(path, mode = 'r', *)
      file = Bakery::OpenFile.new(Bakery.path_of(path), mode)
      return file unless block_given?
      begin
        yield file
      ensure
        file.close
      end
    end

    def stat(path)
      found = Bakery.stat(Bakery.path_of(path)) or raise Errno::ENOENT, path.to_s
      Bakery::Stat.new(*found)
    end
    alias lstat stat

    def exist?(path)
      !Bakery.stat(Bakery.path_of(path)).nil?
    end
    alias exists? exist?
    alias readable? exist?

    def file?(path)
      exist?(path) && stat(path).file?
    end

    def directory?(path)
      exist?(path) && stat(path).directory?
    end

    def executable?(path)
      exist?(path) && stat(path).executable?
    end

    def writable?(*)
      Bakery.trust?
    end

    def symlink?(path)
      real = Bakery.real(Bakery.path_of(path))
      !real.nil? && real != File.join(Bakery.real(dirname(path)).to_s, basename(path))
    end

    def size(path)
      stat(path).size
    end

    def size?(path)
      exist?(path) && size(path) > 0 ? size(path) : nil
    end

    def zero?(path)
      exist?(path) && size(path) == 0
    end
    alias empty? zero?

    def mtime(path)
      stat(path).mtime
    end

    def realpath(path, *)
      Bakery.real(Bakery.path_of(path)) or raise Errno::ENOENT, path.to_s
    end

    def fnmatch(pattern, path, flags = 0)
      Bakery.braces(pattern).any? do |one|
        pattern = Bakery.name_pattern(one)
        pattern = Regexp.new(pattern.source.gsub('[^/]', '.')) if flags & FNM_PATHNAME == 0
        pattern.match?(path)
      end
    end
    alias fnmatch? fnmatch

    def write(path, text, mode: 'w', **)
      Bakery.trust? ? Bakery.write(Bakery.path_of(path), text.to_s, mode.to_s.start_with?('a')) : Bakery.refuse_writing("File.write('#{path}')")
    end
    alias binwrite write

    [:delete, :unlink, :rename, :symlink, :link, :chmod, :chown, :truncate, :utime, :mkfifo].each do |name|
      define_method(name) { |*args| Bakery.host_file("File.#{name}", name, args) }
    end
  end
end

class IO
  class << self
    [:read, :readlines, :foreach, :write, :binread].each do |name|
      define_method(name) { |path, *args, &block| File.__send__(name, path, *args, &block) }
    end
  end
end

class Dir
  class << self
    include Enumerable

    def pwd
      File.expand_path('.')
    end
    alias getwd pwd

    def home(*)
      ENV['HOME'] || '/'
    end

    def tmpdir
      '/tmp'
    end

    def exist?(path)
      File.directory?(path)
    end
    alias exists? exist?

    def children(path)
      Bakery.list(Bakery.path_of(path)) or raise Errno::ENOENT, path.to_s
    end

    def entries(path)
      ['.', '..'] + children(path)
    end

    def each_child(path, &block)
      children(path).each(&block)
    end

    def foreach(path, &block)
      entries(path).each(&block)
    end

    def empty?(path)
      exist?(path) && children(path).empty?
    end

    def [](*patterns)
      patterns.flatten.flat_map { |pattern| glob(pattern) }
    end

    # Sorted, as CRuby's is since 3.0.
    def glob(patterns, flags = 0, base: nil, sort: true, &block)
      found = Array(patterns.respond_to?(:to_path) ? patterns.to_path : patterns).flat_map do |pattern|
        Bakery.braces(Bakery.path_of(pattern)).flat_map { |one| glob_one(one, flags, base) }
      end
      found.uniq!
      block ? found.each(&block) && nil : found
    end

    def glob_one(pattern, flags, base)
      start = pattern.start_with?('/') ? '/' : ''
      found = [start]
      steps = pattern.split('/').reject(&:empty?)
      steps.each_with_index do |step, i|
        found = found.flat_map { |at| step == '**' ? below(at, base) : matching(at, step, flags, base, i + 1 < steps.size) }
      end
      pattern.end_with?('/') ? found.select { |path| File.directory?(real(path, base)) }.map { |path| "#{path}/" } : found
    end

    def real(path, base)
      base && !path.start_with?('/') ? File.join(base, path.empty? ? '.' : path) : (path.empty? ? '.' : path)
    end

    def matching(at, step, flags, base, more)
      unless step =~ /[*?\[\\]/
        path = at + step
        there = more ? File.directory?(real(path, base)) || step == '..' || !File.exist?(real(path, base)) : File.exist?(real(path, base))
        return there ? [more ? "#{path}/" : path] : []
      end
      names = Bakery.list(real(at, base)) || []
      pattern = Bakery.name_pattern(step)
      hidden = step.start_with?('.') || flags & File::FNM_DOTMATCH != 0
      names = names.sort.select { |name| name.match?(pattern) && (hidden || !name.start_with?('.')) }
      names = names.select { |name| File.directory?(real(at + name, base)) }.map { |name| "#{name}/" } if more
      names.map { |name| at + name }
    end

    # The folder and all folders in it.
    def below(at, base, depth = 0)
      return [] if depth > 64
      names = (Bakery.list(real(at, base)) || []).sort.reject { |name| name.start_with?('.') }
      folders = names.select { |name| File.directory?(real(at + name, base)) && !File.symlink?(real(at + name, base)) }
      [at] + folders.flat_map { |name| below("#{at}#{name}/", base, depth + 1) }
    end

    def chdir(*)
      block_given? ? yield : 0
    end

    def mktmpdir(*)
      Bakery.refuse_writing('Dir.mktmpdir') unless Bakery.trust?
      path = Bakery.host_run('mktemp -d')[0].chomp
      return path unless block_given?
      begin
        yield path
      ensure
        Bakery.host_file('rm', :rm_rf, [path])
      end
    end

    [:mkdir, :rmdir, :delete, :unlink].each do |name|
      define_method(name) { |*args| Bakery.host_file("Dir.#{name}", name == :mkdir ? :mkdir : :rmdir, args) }
    end
  end
end

class Pathname
  include Comparable

  def initialize(path)
    @path = Bakery.path_of(path)
  end

  def self.pwd
    new(Dir.pwd)
  end

  def self.glob(*args)
    Dir.glob(*args).map { |path| new(path) }
  end

  def to_s
    @path
  end
  alias to_path to_s
  alias to_str to_s

  def inspect
    "#<Pathname:#{@path}>"
  end

  def <=>(other)
    other.is_a?(Pathname) ? @path <=> other.to_s : nil
  end

  def ==(other)
    other.is_a?(Pathname) && @path == other.to_s
  end
  alias eql? ==

  def hash
    @path.hash
  end

  def +(other)
    other = other.to_s
    return Pathname.new(other) if other.start_with?('/')
    parts = @path.split('/', -1)
    other.split('/').each do |part|
      next if part == '.' || part.empty?
      part == '..' && !parts.empty? && parts.last != '..' ? parts.pop : parts.push(part)
    end
    path = parts.join('/')
    Pathname.new(path.empty? ? (@path.start_with?('/') ? '/' : '.') : path)
  end
  alias / +

  def join(*others)
    others.inject(self) { |at, other| at + other }
  end

  def parent
    self + '..'
  end

  def cleanpath
    path = File.expand_path(@path.start_with?('/') ? @path : "/#{@path}")
    Pathname.new(@path.start_with?('/') ? path : (path == '/' ? '.' : path[1..-1]))
  end

  def dirname
    Pathname.new(File.dirname(@path))
  end

  def basename(*args)
    Pathname.new(File.basename(@path, *args))
  end

  def expand_path(*args)
    Pathname.new(File.expand_path(@path, *args))
  end

  def realpath(*)
    Pathname.new(File.realpath(@path))
  end

  def relative_path_from(base)
    mine, others = expand_path.to_s.split('/'), Pathname.new(base.to_s).expand_path.to_s.split('/')
    while !mine.empty? && mine.first == others.first
      mine.shift
      others.shift
    end
    path = (['..'] * others.size + mine).join('/')
    Pathname.new(path.empty? ? '.' : path)
  end

  def children
    Dir.children(@path).sort.map { |name| self + name }
  end

  def each_child(&block)
    children.each(&block)
  end

  def entries
    Dir.entries(@path).map { |name| Pathname.new(name) }
  end

  def glob(pattern)
    Dir.glob(File.join(@path, pattern)).map { |path| Pathname.new(path) }
  end

  def sub(*args, &block)
    Pathname.new(@path.sub(*args, &block))
  end

  def absolute?
    @path.start_with?('/')
  end

  def relative?
    !absolute?
  end

  def each_filename(&block)
    @path.split('/').reject(&:empty?).each(&block)
  end

  [:exist?, :file?, :directory?, :symlink?, :executable?, :readable?, :writable?, :zero?, :size, :read, :readlines, :binread, :extname,
   :stat, :mtime, :write, :delete, :unlink].each do |name|
    define_method(name) { |*args| File.__send__(name, @path, *args) }
  end

  def open(*args, &block)
    File.open(@path, *args, &block)
  end
end

module Kernel
  def Pathname(path)
    path.is_a?(Pathname) ? path : Pathname.new(path)
  end
end
