# Ruby, an expression a line; what it gives is compared with what ruby gives. Blank lines and comments are skipped.
{a: 1, "b"=>2, :"c d"=>3}.inspect
"é\e".inspect
1.0.to_s
1e20.to_s
1e100.to_s
1e16.to_s
0.1.inspect
100.0.to_s
1234567.891.to_s
1e-5.to_s
0.0001.to_s
(1..10).step(3).to_a
1.step(10, 4).to_a
format("%-10s|%05d|%s", "a", 42, :b)
[1,[2,[3,nil]]].flatten.compact
["abc"].pack("m")
"a b  c".squeeze
"Hello".casecmp?("hELLO")
[3,1,2].minmax
[1,2,3,4].each_slice(2).to_a
[1,2,3].each_cons(2).to_a
{a: 1}.transform_values { |v| v + 1 }
{a: 1}.map { |k, v| [k, v] }.to_h
{a: 1}.to_h { |k, v| [v, k] }
[1,2].to_h { |x| [x, x * 2] }
{a: {b: [1, 2]}}.dig(:a, :b, 1)
[1,2,3,4].partition(&:even?)
(1..3).each_with_object([]) { |x, a| a << x }
[1,2,2,3].tally
[1,2,3].filter_map { |x| x * 2 if x > 1 }
%w[a b].each_with_index.to_a
%w[a b c].each_with_index.map { |x, i| x * i }
[1,2,3].zip([4,5,6])
"abc".each_char.to_a
"a\nb".each_line.map(&:chomp)
"abc".tr("a-b", "x")
"abc".delete("b")
"hello world".capitalize
"%s" % nil
"%d%%" % 5
[1, 2] <=> [1, 3]
"a".ord
"abc"[1..]
"abc"[-2..-1]
[1,2,3][..1]
1.clamp(2, 3)
5.clamp(..3)
Integer("0x1f", 16)
Integer("12")
Float("1.5")
"12abc".to_i
"1.5e3".to_f
10.digits
10.pow(3)
7.fdiv(2)
-7 / 2
-7 % 3
7.divmod(-2)
3.7.round
3.14159.round(2)
1234.round(-2)
3.2.ceil
-3.2.floor
1_000.to_s(2)
"ab".succ
"az".next
"a".upto("e").to_a
:a <=> :b
"abc".sum
"ab" * 3
"abc".insert(1, "x")
"title case".split.map(&:capitalize).join(" ")
[1,2,3].sum / 2.0
[[1, 2], [3, 4]].transpose
[1,2,3].cycle.first(5)
[1,2,3,4,5].each_slice(2).map(&:sum)
Struct.new(:a, :b).new(1, 2).to_a
Struct.new(:a, keyword_init: true).new(a: 1).a
Time.at(0).utc.year
Time.at(0).utc.to_s
[3, 1].sort!.first
[1,nil,2].compact.sum
nil.to_a
nil.to_s
Array(nil)
Array([1])
Array(1..3)
String(1)
[1, [2, 3]].dig(1, 0)
(1..Float::INFINITY).lazy.map { |x| x * 2 }.first(2)
"x".frozen?
:a.to_proc.call("x") rescue 1
[1,2,3].inject(:+)
[1,2,3].reduce(1) { |a, b| a * b }
"abc" =~ /b/
"foo.bar".gsub(/[.]/, "." => "-")
"foo" "bar"
"a,b;c".split(/[,;]/)
"abc".start_with?("a", "b")
[1,2,3].none? { |x| x > 3 }
[1, 2, 3].one?
[nil, 1].any?
%w[a b].include?("a")
[1,2,3].values_at(0, 2)
[1,2,3].rotate
[1,2,3].each_entry.to_a
[3,1,2].sort_by { |x| -x }
[3,1,2].max_by { |x| x }
%w[x yy].max_by(&:size)
%w[x yy].group_by(&:size)
[1,2,3,4].chunk_while { |a, b| b == a + 1 }.to_a
[1,2,4].slice_when { |a, b| b > a + 1 }.to_a
{b: 1, a: 2}.sort.to_h
{b: 1, a: 2}.min_by { |k, v| v }
{a: 1}.merge({b: 2}) { |k, a, b| a + b }
{a: 1, b: 2}.select { |k, v| v > 1 }
{a: 1, b: 2}.reject { |k, v| v > 1 }
{a: 1, b: 2}.find { |k, v| v > 1 }
{a: 1}.any? { |k, v| v > 0 }
{a: 1}.each_with_index.map { |(k, v), i| [k, v, i] }
{a: nil}.compact
{a: 1}.invert
{a: 1}.key(1)
{a: 1, b: 2}.sum { |k, v| v }
{a: 1}.fetch(:b, 2)
{a: 1}.fetch(:b)
{"a"=>1}.transform_keys(&:to_sym)
{a: 1, b: 2}.slice(:a)
{a: 1, b: 2}.except(:a)
{a: 1, b: 2}.filter_map { |k, v| k if v > 1 }
{a: 1, b: 2}.each_slice(1).to_a
{a: 1, b: 2}.group_by { |k, v| v.odd? }
{a: 1, b: 2}.partition { |k, v| v > 1 }
h = Hash.new { |hash, k| hash[k] = k * 2 }; h[2]; h
{a: 1}.dig(:a)
{a: 1}.count
{a: 1} == {a: 1.0}
{a: 1}.to_a
{a: 1}.sort_by { |k, v| v }
{a: 1}.reduce(0) { |s, (k, v)| s + v }
{a: 1}.each_with_object({}) { |(k, v), h| h[v] = k }
"%08b" % 37
"%c" % 65
"%p" % [nil]
1.0.eql?(1)
1 == 1.0
1e3.to_i
1 / 0
1.0 / 0
"a".."e"
("a".."e").to_a
(1...10).size
(1..10) === 5
(1..10).include?(5.5)
(1..10).sum
[*1..3, *[4]]
[1,2,3].first(2)
[1,2,3].last(2)
[1,2,3].take_while { |x| x < 3 }
[1,2,3].min(2)
[1, 2, 3].sum { |x| x.to_f }
"abc".bytes
"abc".chars
"Abc".swapcase
"abc".center(9, "*")
"a-b_c".tr("-_", "  ")
"abc".partition("b")
"a.b.c".rpartition(".")
" a ".strip
"xxaxx".delete_prefix("xx").delete_suffix("xx")
"abc".eql?("abc")
"abc".equal?("abc")
"line1\nline2".lines
"abc".slice(0, 2)
"hello"[1]
"hello"[1,3]
"hello"[/l+/]
"a1b22".scan(/\d+/)
"CamelCase".gsub(/([A-Z])/) { "_" + $1.downcase }
"path/to".split("/", 2)
"abc".unpack1("H*")
"1,2,,".split(",")
"1,2,,".split(",", -1)
"abc".between?("abb", "abd")
"a".encoding.to_s
"%s and %s" % %w[a b]
"abc".sub("b") { |m| m.upcase }
"tel: 555".match(/(?<num>\d+)/)[:num]
"x".then { |s| s + "y" }
5.then { _1 + 1 }
[1,2].each_with_index.to_h
[1,2,3].each_cons(2).map { |a, b| b - a }
rand(1..1)
[1].sample
Math.sqrt(16)
Math::PI.floor(3)
Float::INFINITY.infinite?
0.0 == -0.0
Float::NAN.nan?
12.gcd(8)
12.lcm(8)
255.to_s(16)
"ff".hex
"0b11".to_i(0)
"z".to_i(36)
3.zero?
1.positive?
5.pred
5[0]
5.bit_length
-5.abs
5.0.to_i
5.7.truncate
1.size
Integer.sqrt(17)
"1".rjust(3, "0")
[1,2,3].to_s
:sym.inspect
:"a b".inspect
nil.inspect
(1..).first(2)
[1,2,3].lazy.select(&:odd?).to_a
Object.new.respond_to?(:foo)
Class.new { def x; 1; end }.new.x
proc { |a, b| }.arity
lambda { |a| }.lambda?
begin; raise "x"; rescue => e; e.message; end
begin; Integer("x"); rescue ArgumentError => e; e.message; end
begin; {a: 1}.fetch(:b); rescue KeyError => e; e.message; end
begin; [].fetch(5); rescue IndexError => e; e.message; end
begin; raise IOError; rescue => e; e.message; end
catch(:x) { throw :x, 5 }
defined?(String)
defined?(Nope::Foo)
defined?(@a)
defined?(puts)
defined?(nope)
[1, 2, 3].each_slice(2).include?([3])
%w[b a].sort { |a, b| b <=> a }
[["a", 1]].each { |(x, y)| x }
[1,2,3].bsearch { |x| x >= 2 }
[1,2,3].product([4])
[1,2,3].combination(2).to_a
[1,2,3].permutation(2).count
[1,2,3].each_index.to_a
[1,2,3].find_index(2)
[1,2,3] & [2]
[1,2] | [3]
[1,2,3] - [2]
[1] * 3
[1,2] * ","
[nil, true].all?
[1,2,3].sum.fdiv(3).round(2)
[1, "a", :b, 2.0, nil, true].inspect
[3,5].minmax
["a", "B"].sort_by(&:downcase)
[1,2,3,4].sum { |x| x.odd? ? x : 0 }
[0] * 3
Array.new(3) { |i| i }
Array.new(2, 0)
[1,2,3].insert(1, 9)
[1,2,3].delete_if { |x| x > 1 }
[1,2,3].keep_if { |x| x > 1 }
[1,2,2].uniq
[[1, 2], [1, 3]].uniq(&:first)
[1,2,3].take(2) + [1,2,3].drop(2)
[1,2,3].inspect.size
["616263"].pack("H*")
[1,2].assoc(1)
[[1, 2]].assoc(1)
[3,1].max
[1,2,3].reverse_each.to_a
[1,2,3].each_with_index.select { |x, i| i > 0 }
[1, 2, 3].flat_map { |x| [x, x] }
["x"].join
[1,2,3,4,5].each_cons(2).to_a.length
["a", nil].join("-")
[[1, [2]], 3].join(",")
Comparable
Kernel.format("%d", 1)
Kernel.rand.class
"%05.2f|%-5s|%+d|%x" % [1.25, "x", 5, 255]
"été\u0001\x7f\e#{1}#$0".inspect.size > 5
"a#{}b\#{c} \#$d \#@e #f"
"\u00e9\n\t\"\\"
"日本語"
"\xff\xfe".inspect
:"é"
'single \n'
defined?(String)
defined?(Nope)
defined?(Nope::Foo)
defined?(File::SEPARATOR)
defined?(::Nope)
defined?(@nope)
defined?($nope_nope)
defined?(puts)
defined?(nope_nope)
defined?(nope_nope(1))
defined?("x".upcase)
defined?("x".no_such)
(x = 5; defined?(x)) ? 1 : 0
begin; begin; raise ArgumentError, "one"; rescue ArgumentError; raise; end; rescue => e; e.message; end
begin; raise "two"; rescue; $!.message; end
(raise "three" rescue $!.message)
begin; Integer("zz"); rescue; $!.class; end
Integer("x", exception: false)
Float("1e3", exception: false)
Float("abc", exception: false)
Integer("0b101", 2)
Integer(nil, exception: false)
Integer("1_000")
JSON.parse('{"a": [1, 2.5, null, true, "x\u00e9"], "b": {"c": -3}}')
JSON.parse('{"a": {"b": 1}}', symbolize_names: true)
JSON.generate({ "a" => [1, 2.5, nil, true], b: { "c" => "x\"\n" } })
[1, "a", nil, { a: 1 }].to_json
"x".to_json
nil.to_json
:sym.to_json
JSON.parse("[1") rescue $!.class
JSON.parse('"x"')
JSON.parse("{}")
JSON.dump({ a: 1 })
YAML.load("a: 1\nb: [x, y]\nc:\n  d: true\n  e: ~\n")
YAML.load("- 1\n- 2.5\n- 'x'\n- \"y\\n\"\n- yes\n- off\n- 0x1f\n- 017\n- 1_000\n- 1e3\n- .5\n- ''\n- null\n")
YAML.load("x: |\n  line 1\n  line 2\ny: >\n  folded\n  text\n")
YAML.load("a: *none") rescue 1
YAML.load(":sym: :val\n")
YAML.load("a: 1", symbolize_names: true)
YAML.load("--- foo")
YAML.load("- 1.2.3\n- 10:30\n- a:b\n- ~x\n- -\n- 1a\n- 'yes'\n")
YAML.dump({ "a" => 1, "b" => [1, "x"], "c" => { "d" => nil, "e" => true } })
{ "a" => "yes", "b" => "1", "c" => "x: y", "d" => "" }.to_yaml
[1, [2, 3], { "a" => [] }].to_yaml
YAML.load("a: b: c") rescue $!.class.ancestors.include?(StandardError)
YAML.load("{a: 1, b: [1, {c: 2}]}")
YAML.load("? a\n: b\n")
Set.new([1, 2, 2]).size
Set[1, 2] | Set[3]
(Set[1, 2] & [2]).to_a
Set[1, 2].subset?(Set[1, 2, 3])
Set[1, 2] == Set[2, 1]
Set[3, 1].include?(3)
[1, 1].to_set.to_a
Set[1, 2] ^ Set[2, 3]
Set[1, [2]].inspect
Set[1, 2].map { |x| x * 2 }
Set[1, 2].group_by(&:odd?)
Set[1, 2].delete(1).to_a
Set[1, 2] - [1]
Set[1].add?(1)
OpenStruct.new(a: 1).a
OpenStruct.new(a: 1, b: "x").inspect
OpenStruct.new(a: 1).respond_to?(:a)
OpenStruct.new(a: { b: 1 }).dig(:a, :b)
OpenStruct.new("a" => 1).to_h
Struct.new(:a, :b).new(1, 2).to_h
Struct.new(:a, :b).new(1, 2) == Struct.new(:a, :b).new(1, 2)
S1 = Struct.new(:a, :b) { def sum; a + b; end }; S1.new(1, 2).sum
S2 = Struct.new(:a, keyword_init: true); S2.new(a: 1)[:a]
S2.new(b: 1) rescue $!.class
Shellwords.split("a 'b c' \"d e\" f\\ g")
"it's".shellescape
%w[a b\ c].shelljoin
Shellwords.escape("")
"a 'b" .shellsplit rescue $!.class
ERB.new("a<%= 1 + 1 %>b").result
ERB.new("<% 2.times do |i| -%>\n<%= i %>,\n<% end -%>\nx", trim_mode: "-").result
ERB.new("<%# c %>x<%% y %>").result
(a = 3; ERB.new("v=<%= a %>").result(binding))
ERB.new("<%= a %>").result_with_hash(a: 4)
(a = 3; b = binding; b.local_variable_set(:a, 9); a)
(a = 3; binding.local_variable_get(:a))
binding.local_variable_defined?(:nope)
Time.at(0).utc.strftime("%Y-%m-%d %H:%M:%S")
Time.utc(2024, 2, 9, 3, 4, 5).strftime("%e|%-d|%j|%y|%b|%B|%a|%A|%I|%l|%p|%P|%M|%S|%L|%N|%z|%:z|%Z|%s|%u|%w|%%|%F|%T|%D|%R|%r|%c|%U|%W|%V|%G|%C|%^a|%_m|%010Y|%3N")
Time.utc(2023, 12, 31).strftime("%U %W %V %G %j")
Time.utc(2021, 1, 1).strftime("%U %W %V %G")
Time.parse("2024-02-03 04:05:06 UTC").to_i
Time.parse("2024-02-03T04:05:06+01:00").to_i
Time.parse("2024-02-03T04:05:06.5Z").to_f
Time.parse("Sat, 03 Feb 2024 04:05:06 GMT").to_i
Time.parse("Feb  3 04:05:06 2024 GMT").to_i
Time.parse("Sat Feb  3 04:05:06 UTC 2024").to_i
Time.parse("nonsense") rescue $!.class
Time.iso8601("2024-02-03T04:05:06Z").to_i
Time.utc(2024, 2, 3).iso8601
Time.utc(2024, 2, 3, 4, 5, 6).httpdate
Time.utc(2024, 2, 3, 4, 5, 6).rfc2822
Time.strptime("03/02/2024 04:05 UTC", "%d/%m/%Y %H:%M %Z").to_i
Time.utc(2024, 1, 1) < Time.utc(2024, 1, 2)
Time.utc(2024, 1, 2) - Time.utc(2024, 1, 1)
(Time.utc(2024, 1, 1) + 86400).day
Time.utc(2024, 2, 3).wday
Date.new(2024, 2, 29).to_s
Date.parse("2024-03-01") - 1 == Date.new(2024, 2, 29)
(Date.new(2024, 3, 1) - Date.new(2024, 2, 1)).to_i
Date.new(2024, 1, 31) >> 1 == Date.new(2024, 2, 29)
Date.new(2024, 1, 1).strftime("%d.%m.%Y")
Date.valid_date?(2023, 2, 29)
Date.new(2023, 2, 29) rescue $!.class.ancestors.include?(ArgumentError)
Date.new(2024, 5, 6).monday?
Date.new(2024, 12, 31).yday
Date.strptime("31/12/2024", "%d/%m/%Y").to_s
Date.new(2024, 1, 1) < Date.new(2024, 1, 2)
(Date.new(2024, 1, 1)..Date.new(2024, 1, 3)).map(&:day)
Gem::Version.new("1.10.0") > Gem::Version.new("1.9")
Gem::Version.new("1.0.0.pre") < Gem::Version.new("1.0.0")
Gem::Version.new("1.0") == Gem::Version.new("1.0.0")
Gem::Version.new("x y") rescue $!.class
%w[1.10 1.9 1.2].sort_by { |v| Gem::Version.new(v) }
Gem::Requirement.new("~> 1.2").satisfied_by?(Gem::Version.new("1.9"))
Gem::Version.new("2.1.3").segments
Gem::Version.new("1.2.3").bump.to_s
Digest::MD5.hexdigest("x")
Digest::SHA256.hexdigest("abc")
Digest::SHA1.hexdigest("")
Base64.encode64("hello" * 12)
Base64.strict_encode64("hello")
Base64.decode64("aGVsbG8=")
Base64.urlsafe_encode64("\xfb\xff")
Pathname.new("/a/b/../c").cleanpath.to_s
(Pathname.new("/a") + "b" + "../c").to_s
Pathname.new("/a/b.rb").basename(".rb").to_s
Pathname.new("a/b").absolute?
Pathname.new("/a/b").relative_path_from(Pathname.new("/a/c")).to_s
Pathname("/x/y.txt").extname
Pathname.new("/a/b").parent.to_s
Pathname.new("a").join("b", "c").to_s
File.join("a", "/b", "c/")
File.basename("/a/b.rb", ".rb")
File.basename("/a/b.tar.gz", ".*")
File.dirname("/a/b/c")
File.extname("x.tar.gz")
File.expand_path("../b", "/a/c")
File.expand_path("/a/./b/../c")
File.split("/a/b")
File.fnmatch("*.rb", "x.rb")
File.fnmatch?("{a,b}*", "bc", File::FNM_EXTGLOB)
File.absolute_path?("/a")
URI.parse("http://user@example.com:8080/a/b?c=d#e").host
URI("https://example.com/x?y=1").port
URI.parse("http://example.com/a?b=c").query
URI("http://a.b/c").path
StringIO.new("a\nb\n").readlines
StringIO.new("a\nb").each_line.map(&:chomp)
(io = StringIO.new; io.puts "a", 1; io.print "b"; io << "c"; io.string)
catch(:done) { 10.times { |i| throw :done, i if i == 3 }; :never }
catch(:a) { catch(:b) { throw :a, 1 }; 2 }
throw(:nope) rescue $!.class
ENV.fetch("NO_SUCH_VARIABLE", "default")
ENV.fetch("NO_SUCH_VARIABLE") { |k| k.downcase }
ENV["NO_SUCH_VARIABLE"].nil?
(ENV["MADE_HERE"] = "1"; ENV.key?("MADE_HERE"))
ENV.fetch("NO_SUCH_VARIABLE") rescue $!.class
ENV.to_h.class
ENV["NO_SUCH_VARIABLE"] ||= "x"
Comparable.instance_method(:clamp).class
15.clamp(..10)
5.clamp(7..)
{ a: 1, b: 2 }.sum { |k, v| v }
{ a: 1 }.filter_map { |k, v| [k, v] }.to_h
{ a: 1, b: 2 }.each_with_index.map { |(k, v), i| "#{k}#{v}#{i}" }
{ a: 1, b: 2 }.max_by { |k, v| v }
{ a: 1, b: 2 }.sort_by { |k, v| -v }.first
{ a: 1, b: 2 }.find { |k, v| v == 2 }
{ a: 1, b: 2 }.count { |k, v| v > 1 }
{ a: 1, b: 2 }.reduce(0) { |s, (k, v)| s + v }
{ a: 1, b: 2 }.inject { |a, b| a + b }
{ a: 1, b: 2 }.flat_map { |k, v| [k] * v }
{ a: 1, b: 2 }.zip([3, 4])
{ a: 1, b: 2 }.each_slice(2).to_a
{ a: 1, b: 2 }.min_by { |_, v| v }
{ a: 1, b: 2 }.all? { |k, v| v > 0 }
{ a: 1, b: 2 }.none? { |k, v| v > 5 }
{ a: 1, b: 2 }.each_with_object([]) { |(k, v), acc| acc << k }
{ a: 1, b: 2 }.partition { |k, v| v > 1 }
{ a: 1, b: 2 }.delete_if { |k, v| v > 1 }
{ a: 1, b: 2 }.group_by { |k, v| v.odd? }
{ a: 1, b: 2 }.any?
{ a: { b: { c: 1 } } }.dig(:a, :b, :c)
{ a: 1, **{ b: 2 } }
{ "a" => 1 }.transform_keys(&:to_sym)
{ a: 1, b: nil }.compact
{ a: 1, b: 2 }.values_at(:a, :c)
{ a: 1, b: 2 }.fetch_values(:a, :b)
{ a: 1 }.merge({ b: 2 }, { c: 3 })
{ a: 1 }.update(b: 2) { |k, o, n| o }
{ a: 1, b: 2 }.key(2)
{ b: 1, a: 2 }.min
{ a: 1 }.store(:b, 2)
{ a: 1 }.to_a.flatten
{ 1 => "a" }.invert
{ a: 1 }.eql?({ a: 1 })
{ a: [1, 2] }.map { |k, (x, y)| [k, x, y] }
Hash.new { |h, k| h[k] = [] }.tap { |h| h[:a] << 1 }
Hash.new(0).tap { |h| "hello".each_char { |c| h[c] += 1 } }
Hash[[[1, 2]]]
[3, 1, 2].sort.reverse
[3, 1, 2].max(2)
[3, 1, 2].min(2)
["bb", "a"].min_by(&:size)
[1, 2, 3, 4].each_slice(3).to_a
[1, 2, 3, 4].each_cons(2).map { |a, b| a * b }
[1, 2, 3].each_with_object([]) { |x, a| a.unshift(x) }
[1, 2, 3, 4, 5].partition(&:odd?)
[1, 2, 3].inject { |a, b| a * b }
[1, 2, 3].cycle(2).to_a
[[1, :a], [2, :b]].each_with_object({}) { |(n, s), h| h[s] = n }
[1, nil, 2].compact.map(&:to_s)
%w[a b c].each_with_index.to_h
%w[apple bob cat].group_by(&:size).transform_values(&:count)
%w[a b].product([1, 2]).map(&:join)
[1, 2, 3].sum { |x| x / 2.0 }
[1, [2, [3, [4]]]].flatten(1)
[1, 2, 3, 4].find_all(&:even?)
[1, 2, 3].zip([4, 5, 6], [7, 8, 9])
[5, 3, 9].each_with_index.max
[1, 2, 3, 4, 5][1..-2]
[1, 2, 3, 4, 5][-3, 2]
[1, 2, 3].values_at(0, -1, 5)
[1, 2, 3, 4, 5].select.with_index { |x, i| i.even? }
[1, 2, 3].map.with_index(1) { |x, i| x * i }
[1, 2, 3].each.with_index(1).to_a
["a", "b"].each_with_index.map { |s, i| "#{i}#{s}" }
[3, 1, 2].sort_by { |x| [x.odd? ? 1 : 0, x] }
[1, 2, 3].take_while { |x| x < 3 }
[1, 2, 3].drop_while { |x| x < 3 }
[0.5, 1].sum
[1, 2, 2, 3, 3].tally.select { |_, n| n > 1 }.keys
[1, 2, 3].lazy.map { |x| x * 2 }.select(&:even?).first(2)
[[3, "c"], [1, "a"]].sort.to_h
["x", "y"].join(", ")
[1, 2, 3].minmax
[1, 2, 3, 4].sum.to_f / 4
[1, 2, 3].include?(2) && ![1].include?(3)
[nil, false, 1].find(&:itself)
[1, 2, 3, 4, 5, 6].each_slice(2).map(&:first)
(1..6).each_slice(2).to_a
(1..3).flat_map { |x| [x] * x }
(1..3).reduce(:*)
(1..10).step(3).to_a
1.step(10, 3).to_a
10.downto(7).to_a
1.upto(3).map { |x| x * x }
3.times.map { |i| i }
(1..Float::INFINITY).lazy.map { |x| x * 2 }.take(3).to_a
("a".."e").each_cons(2).to_a.length
("a".."zz").count
(1...10).each_slice(3).map(&:sum)
(1..10).each_with_index.select { |x, i| i % 4 == 0 }.map(&:first)
(1..3).cover?(2)
(1..3).to_a.reverse
1.0.step(2.0, 0.5).to_a
(1..4).each_entry.to_a
(1..4).inject(:+)
(0...3).include?(3)
("a".."c").include?("b")
"hello world".split.map(&:capitalize).join(" ")
"hello"[1..3]
"hello"[-3..]
"hello".sub(/l/) { |m| m.upcase }
"hello".gsub(/l/, "l" => "L")
"hello".gsub(/(?<x>l)/, '[\k<x>]')
"hello".tr("el", "ip")
"hello".delete("l")
"hello".squeeze("l")
"hello".count("l")
"hello".index("l", 3)
"hello".rindex("l")
"hello".insert(2, "X")
"hello".each_char.with_index.map { |c, i| c * i }.join
"a,b,,c,,".split(",")
"a,b,,c,,".split(",", -1)
"a b  c".split(" ")
" a  b ".split
"abc".split("")
"2024-01-02".split("-").map(&:to_i)
"line1\nline2\r\n".lines.map(&:chomp)
"line1\nline2".each_line.to_a
"%s is %d years" % ["Bob", 5]
"%-10s|%5d|%05.1f" % ["ab", 42, 3.14159]
"%x %o %b %X %#x" % [255, 8, 5, 255, 255]
"%+d % d" % [5, 5]
"%s" % [[1, 2]]
"%%"  % []
"%08.3f" % 3.14159
"%{a}-%<b>03d" % { a: 1, b: 2 }
"%c%c" % ["a", 98]
"%10.4s|" % "abcdefgh"
"%e" % 0.000123
"%g %g" % [1e10, 1e-5]
"%p %p" % [nil, "a"]
"abc".succ + "az".succ + "zz".succ + "a9".succ
"abc" <=> "abd"
"abc".casecmp("ABC")
"abc".casecmp?("ABC")
"Hello World".swapcase
"hello".center(11, "*")
"5".rjust(3, "0") + "5".ljust(3, "-")
"  x ".strip + "|" + " x".lstrip + "x ".rstrip
"xhellox".delete_prefix("x").delete_suffix("x")
"hello".start_with?("he", "x") && "hello".end_with?("lo")
"hello".start_with?(/h./)
"hello" =~ /ll/ && $~.pre_match + "|" + $~.post_match
"foo bar baz".scan(/\w+/) { |w| w }.class
"k1=v1;k2=v2".scan(/(\w+)=(\w+)/).to_h
"k1=v1;k2=v2".split(";").map { |kv| kv.split("=") }.to_h
"John Smith".match(/(?<first>\w+) (?<last>\w+)/).named_captures
"abc".match?(/b/)
"abc"[/(a)(b)/, 2]
"path/to/file".rpartition("/")
"a=b=c".partition("=")
"abc".unpack("a1 a1 a1")
["a", "b"].pack("A3A3")
[65, 66].pack("U*")
"abc".each_byte.to_a
"abc".sum
"ab\0c".inspect
"abc".freeze.frozen?
"abc".hash == "abc".dup.hash
"abc".ljust(2)
"ab" "cd"
"tEST".capitalize
"snake_case_word".split("_").map.with_index { |w, i| i.zero? ? w : w.capitalize }.join
"CamelCaseWord".gsub(/([A-Z])/) { "_" + $1.downcase }.sub(/^_/, "")
"1.2.3".split(".").map(&:to_i) <=> [1, 2, 4]
"abc".tr("a-c", "A-C")
"hello world".tr("^a-z", "_")
"aaa".sub("a", "b").gsub("a", "c")
"title".then { |t| t + "!" }
"%.3s" % "abcdef"
"abc".slice(0..1)
"ab\ncd"[/^c/]
"x".ord.chr
"\u00e9".bytes
"0x1A".hex
"777".oct
"12.5kg".to_f
"1e2".to_f
"abc".to_i
"0b11".to_i(2)
"z".to_i(36)
"true" == true.to_s
"a".upto("e").to_a.join
"hello world foo".slice(6, 5)
"abc".chars.rotate(1).join
"abc".each_char.to_a
"a\\b"
"tab\there"
10.divmod(3)
-7 / 2
-7.remainder(3)
7.0 / 2
7.fdiv(2)
2**10
10.digits
3.14.round(1)
3.7.floor + 3.2.ceil
1234.5678.round(-2)
1234567.89.to_s
15.to_s(2)
255.to_s(16).rjust(4, "0")
100.0.to_s
1e100.to_s
1.23e-7.to_s
1e2
3.0 * 2
0.1.to_s
1_000_000
5.between?(1, 10)
5.pred + 5.succ
-5.abs
12.gcd(18)
12.lcm(18)
10.pow(3, 7)
5.bit_length
6.5.truncate
1.0.nan?
(0.0 / 0.0).nan?
1.0 / 0
10.0.floor
10.5 % 3
3.zero? || 0.zero?
Float::MAX > 1
Integer::MAX rescue 1
1 <=> 2
1 == 1.0
1.eql?(1.0)
1.equal?(1)
3.7 % 1 > 0.69
rand(1..1)
rand(5).between?(0, 4)
[1, 2, 3].shuffle.sort
[1, 2, 3].sample.class
nil.to_a
nil.to_s + "x"
nil & true
nil.inspect
nil.dig rescue 1
(nil || 1)
[nil.to_i, nil.to_h]
:a.to_proc.call("x") rescue $!.class
:abc.size
:abc[0]
:abc <=> :abd
:abc.upcase
%i[a b]
:"foo bar".inspect
:a.frozen?
true & false
true ^ true
true.class
1.respond_to?(:+)
1.is_a?(Comparable)
1.instance_of?(Integer)
Integer === 1
(1..3) === 2
/a/ === "cat"
String === "x"
->(x) { x > 1 } === 2
->(x) { x * 2 }.call(4)
->(x, y = 2, *z, k: 1) { [x, y, z, k] }.(1, k: 5)
proc { |x, y| [x, y] }.call([1, 2])
lambda { |x| x }.arity
proc { |x| x }.lambda?
(f = ->(x) { x + 1 }; g = ->(x) { x * 2 }; (f >> g).call(3))
(f = ->(x) { x + 1 }; g = ->(x) { x * 2 }; (f << g).call(3))
method(:puts).arity
[1, 2, 3].map(&2.method(:+))
->(a, b) { a + b }.curry[1][2]
def kw_test(a, b = 2, *r, c:, d: 4, **o, &blk); [a, b, r, c, d, o]; end; kw_test(1, c: 3, e: 5)
def opt_test(h = {}); h; end; opt_test(a: 1)
def splat_test(*a, **k); [a, k]; end; splat_test(1, 2, x: 3)
def block_test; yield 1, 2; end; block_test { |a, b| a + b }
def multi_test; return 1, 2; end; multi_test
a, (b, *c), d = 1, [2, 3, 4], 5; [a, b, c, d]
a, *b = [1, 2, 3]; b
*a, b = [1, 2, 3]; a
a = b = 3; a + b
x = case 5 when 1..3 then :low when 4..6 then :mid else :high end
x = case "abc" when /^a/ then $~[0] end
x = while true do break 5 end
x = [1, 2, 3].each { |i| break i * 2 if i == 2 }
x = begin; 1; ensure; 2; end
x = (begin; raise "a"; rescue => e; e.message; else; 1; ensure; 2; end)
x = nil; x ||= 5; x &&= x + 1; x
x = [1, 2]; x += [3]; x
x = "a"; x << "b"; x
x = 5; x -= 1 while x > 2; x
x = 0; loop { x += 1; next if x == 2; break if x > 3 }; x
x = 0; begin; x += 1; raise "e" if x < 3; rescue; retry; end; x
class Foo1; attr_accessor :a; def initialize(a); @a = a; end; def <=>(o); a <=> o.a; end; include Comparable; end; Foo1.new(1) < Foo1.new(2)
class Foo2; def method_missing(n, *a); n.to_s.start_with?("x") ? [n, a] : super; end; def respond_to_missing?(n, p = false); n.to_s.start_with?("x"); end; end; Foo2.new.xyz(1)
Foo2.new.respond_to?(:xa)
Foo2.new.abc rescue $!.class
class Foo3; def each; yield 1; yield 2; end; include Enumerable; end; Foo3.new.map { |x| x * 2 }
Foo3.new.include?(2)
Foo3.new.sort_by { |x| -x }
Foo3.new.each_slice(1).to_a
Foo3.new.reduce(:+)
Foo3.new.to_a
Foo3.new.min
Foo3.new.first
Foo3.new.sum
Foo3.new.each_with_index.to_a
Foo3.new.zip([3, 4])
Foo3.new.entries
Foo3.new.inject { |a, b| a - b }
Foo3.new.lazy.map { |x| x + 1 }.to_a
module Mod1; def hi; "hi #{name}"; end; end; class Foo4; include Mod1; def name; "x"; end; end; Foo4.new.hi
Foo4.ancestors.include?(Mod1)
Foo4.instance_methods(false)
Foo4.new.frozen?
o = Object.new; def o.single; 1; end; o.singleton_methods
o = Object.new; o.instance_variable_set(:@a, 1); o.instance_variables
o = Object.new; o.define_singleton_method(:z) { 5 }; o.z
Class.new(StandardError) { def message; "own"; end }.new.message
Class.new { define_method(:a) { |x = 1| x } }.new.a
Class.new { class << self; def k; 7; end; end }.k
Foo5 = Class.new { def ==(o); true; end }; Foo5.new == 1
Object.const_get(:Foo5).name
Foo5.instance_method(:==).class rescue 1
begin; raise IOError, "m"; rescue IOError, ArgumentError => e; "#{e.class}: #{e.message}"; end
begin; raise Class.new(StandardError), "anon"; rescue => e; e.message; end
begin; [].fetch(3); rescue IndexError; "index"; end
begin; nil + 1; rescue NoMethodError; "nomethod"; end
begin; Integer("x"); rescue ArgumentError => e; e.message; end
begin; raise "a"; rescue => e; begin; raise "b"; rescue => f; f.message; end; end
begin; exit_code = 1; raise StopIteration; rescue StopIteration => e; e.class; end
def ens; yield; ensure; @e = 1; end; ens { 5 }
e = [1, 2, 3].each; [e.next, e.next, e.next]
e = [1].each; e.next; begin; e.next; rescue StopIteration; "stop"; end
Enumerator.new { |y| y << 1; y << 2 }.to_a
Fiber.new { Fiber.yield 1; 2 }.then { |f| [f.resume, f.resume] }
[1, 2, 3].frozen?
[1, 2].freeze.frozen?
"lit".dup << "x"
__FILE__.class
__method__.nil?
$0.class
Kernel.respond_to?(:puts)
format("%05d", 42)
sprintf("%.2f", 1)
Array(nil) + Array(1) + Array([2]) + Array({ a: 1 })
String(5) + Integer("5").to_s + Float("1.5").to_s
Rational(1, 2) rescue 1
[1, 2, 3].each_slice(2).include?([3])
loop { break 7 }
5.then { |x| x + 1 }
5.tap { |x| x + 1 }
5.itself
obj = Struct.new(:x).new(5); obj.x += 1; obj.x
[[1, 2], [3, 4]].map { |a, b| a + b }
[[1, [2, 3]]].map { |a, (b, c)| a + b + c }
[1, 2, 3].sum.clamp(0, 5)
"abc".public_send(:upcase)
"abc".send(:[], 0)
1.public_send(:+, 2)
Comparable.is_a?(Module)
[3, 1].sort! { |a, b| b <=> a }
"ok" if "abc" !~ /z/
(1..3).each_with_object({}) { |i, h| h[i] = i * i }
%w[x y z].each_slice(2).with_index.map { |a, i| [i, a] }
[1, 2, 3].slice_when { |a, b| b > a + 1 }.to_a
[1, 2, 4, 5].chunk_while { |a, b| b == a + 1 }.to_a
[1, 1, 2].chunk { |x| x }.to_a
[1, 2, 3, 4].slice_before(&:even?).to_a
[1, 2, 3, 4].slice_after(&:even?).to_a
Process.clock_gettime(Process::CLOCK_MONOTONIC).class
Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond).class
require "no/such/library" rescue 1
begin; require "no/such/library"; rescue LoadError => e; e.message; end
warn("x")
at_exit { }.class
SecureRandom.hex(4).size
Timeout.timeout(5) { 3 }
Regexp.union("a.b", /c/)
Regexp.escape("a.b*c")
/(?<y>\d+)/.match("a12")[:y]
/a/i.match?("A")
"foobar".gsub(/o(.)/) { $1 }
"a1b2".gsub(/\d/) { |d| (d.to_i * 2).to_s }
"ab" =~ /(z)/; $1
"abc" =~ /(b)/; [$1, $`, $', $&]
"aXbXc".split("X", 2)
"été".upcase.class
"x" * 3 + "y"
"abc".include?("b")
"abc" === "abc"
"a".."c"
("a".."c").to_a
[*"a".."c"]
[1, 2, *[3, 4]]
{ a: 1 }.map { |k, v| "#{k}=#{v}" }.join("&")
"x=1&y=2".split("&").map { |p| p.split("=", 2) }.to_h
[1, 2, 3].to_a.equal?([1, 2, 3])
[0, 1].cycle.lazy.map { |x| x + 1 }.first(3)
10.times.each_slice(3).map(&:sum)
10.times.select(&:even?)
(1..3).zip(4..6)
(1..3).each_cons(2).to_a
Dir.exist?("/no/such/folder")
File.exist?("/no/such/file")
Object.new.to_s =~ /#<Object/
method(:format).class
[1, 2, 3].none?(&:zero?)
[1, 2, 3].one? { |x| x > 2 }
[[1, 2], [3]].sum([])
["a", "b"].sum("")
[1, 2, 3].each_entry.map { |x| x }
[3, 5, 2].each_with_index.min_by { |x, i| x }
%w[b B a].sort_by(&:downcase)
%w[b B a].sort { |x, y| x.casecmp(y) }.first
%w[a b c].each_cons(2).map(&:join)
%w[a b c d].each_slice(2).to_h
%w[a b].zip([1, 2]).to_h
%w[1 2].map(&:to_i).sum
%w[aa b].max_by(&:length)
%w[a b c].reverse_each.to_a
%w[a b c].find_index("b")
%w[a b c].each_index.to_a
%w[a b c].rotate(-1)
%w[a b c].combination(2).map(&:join)
%w[a b c].permutation(2).first
%w[a b c].inspect
%w[a b c].to_s
%w[a b] <=> %w[a c]
%w[a b] == ["a", "b"]
[1, 2] <=> [1, "a"]
[[2, 1], [1, 2]].sort
[[1, "b"], [1, "a"]].min
[1, 2, 3].dig(0)
[1, 2, 3].delete(2)
[1, 2, 3].delete_at(1)
[1, 2, 3, 4].reject(&:even?)
[1, 2, 3].count(&:odd?)
[1, 2, 3].push(4).pop
[1, 2, 3].unshift(0).shift
[1, 2, 3].concat([4], [5])
[1, 2, 3].fill(0)
[1, 2, 3].first
[].first
[].sum
[].max
[].inject(:+)
[1, 2, 3, 4].bsearch { |x| x >= 3 }
[1, 2, 3].assoc(1)
[nil, 1, false].compact
[1, [2, nil]].flatten.compact
[1, 2, 2, 3].uniq.size
[1, 2] & [2, 3] | [4]
[1, 2, 3] - [2]
[1, 2] * 2
[1, 2] * ","
[[1, 2], [3, 4]].transpose
[1, 2, 3].insert(1, :x)
[1, 2, 3].take(2) + [1, 2, 3].drop(2)

JSON.pretty_generate({ "a" => [1, { "b" => 2 }], "c" => "x" })
(a = [1]; [a, a])
(h = { a: 1 }; [h, { b: h }])
(a = []; a << a; a)
YAML.load("a: 1.5e+3\nb: 1_000.5\nc: -.inf\nd: +1\ne: 08\nf: 1,000\n")
YAML.load("--- |-\n  x\n  y\n")
YAML.load("a: 'it''s'\nb: \"t\\tx\"\n")
YAML.load_stream("--- 1\n--- 2\n") rescue 1
YAML.load("")
YAML.load("a:\n- 1\n-   b: 2\n    c: 3\n")
[1, 2].merge rescue $!.class
{ a: 1 }.merge
