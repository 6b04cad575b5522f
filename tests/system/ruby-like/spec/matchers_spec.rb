# Matchers: verdicts and what they are called.
def judged(actual, *matchers)
  describe 'm' do
    matchers.each do |make|
      it { expect(actual).to instance_exec(&make) }
      it { expect(actual).not_to instance_exec(&make) }
    end
  end
end

judged 1, -> { eq 1 }, -> { eq 2 }, -> { eql 1 }, -> { eql 1.0 }, -> { equal 1 }, -> { be 1 }, -> { be == 1 }, -> { be > 0 }, -> { be < 0 },
       -> { be >= 1 }, -> { be <= 0 }, -> { be_between(1, 2) }, -> { be_between(1, 2).exclusive }, -> { be_within(0.5).of(1.4) },
       -> { be_within(10).percent_of(1.05) }, -> { be_a Integer }, -> { be_an Integer }, -> { be_kind_of Numeric }, -> { be_a_kind_of String },
       -> { be_an_instance_of Integer }, -> { be_instance_of String }, -> { be_nil }, -> { be_truthy }, -> { be_falsey }, -> { be_falsy },
       -> { be true }, -> { be }, -> { be_odd }, -> { be_zero }, -> { be_positive }, -> { respond_to :+ }, -> { respond_to :+, :- },
       -> { respond_to(:round) }, -> { satisfy('be one') { |x| x == 1 } }, -> { eq(1).or eq(2) }, -> { a_kind_of(Integer) }
judged nil, -> { be_nil }, -> { eq nil }, -> { be }, -> { be_falsey }, -> { be false }, -> { equal nil }
judged 'text', -> { eq 'text' }, -> { match(/ex/) }, -> { match('^t') }, -> { match 'q' }, -> { include 'ex' }, -> { include 'e', 'x' },
       -> { include 'e', 'q' }, -> { start_with 'te' }, -> { end_with 'xt' }, -> { start_with 'x' }, -> { be_empty }, -> { eq "a\n\"b\"" },
       -> { be_frozen }, -> { include('t').twice }, -> { include('t').once }, -> { include('e').at_least(1).times }, -> { include(/t/).exactly(2).times },
       -> { a_string_matching(/x/) }, -> { a_string_including('x') }, -> { match_regex(/t/) }, -> { have_attributes(size: 4) },
       -> { have_attributes(size: 5, length: 4) }, -> { be > 'a' }, -> { eq :text }, -> { eq 'x' * 300 }
judged [1, 2, 3], -> { include 1 }, -> { include 1, 2 }, -> { include 4 }, -> { include 1, 4 }, -> { contain_exactly 3, 2, 1 }, -> { contain_exactly 1 },
       -> { match_array [2, 3, 1] }, -> { match_array [] }, -> { eq [1, 2, 3] }, -> { match [1, 2, 3] }, -> { match [1, Integer, be > 2] },
       -> { start_with 1 }, -> { start_with 1, 2 }, -> { end_with 3 }, -> { end_with 2, 3 }, -> { be_empty }, -> { include(be > 2) },
       -> { include(a_value > 5) }, -> { contain_exactly(1, be > 1, a_value_within(0.1).of(3)) }, -> { have_attributes(size: 3) }, -> { include [1] },
       -> { include(an_instance_of(Integer)) }, -> { be_an Array }, -> { include(2).once }, -> { eq [1, [2, nil], { b: 1, a: 2 }] }
judged({ a: 1, 'b' => 2 }, -> { include :a }, -> { include a: 1 }, -> { include a: 2 }, -> { include :a, 'b' }, -> { include a: 1, 'b' => 2 },
       -> { have_key :a }, -> { have_key 'z' }, -> { have_value 2 }, -> { eq(a: 1, 'b' => 2) }, -> { match(a: 1, 'b' => Integer) }, -> { match(a: 1) },
       -> { include('b' => be > 1) }, -> { be_empty }, -> { be_a Hash }, -> { include(a: a_kind_of(Integer)) })
judged (1..5), -> { cover 2 }, -> { cover 2, 3 }, -> { cover 9 }, -> { include 3 }, -> { include 3, 9 }
judged 5.0, -> { eq 5 }, -> { eql 5 }, -> { be_within(1).of(5.5) }, -> { eq 5.0 }

describe 'all' do
  it { expect([1, 3]).to all(be_odd) }
  it { expect([1, 2]).to all(be_odd) }
  it { expect([1, 2]).to all(be_an(Integer).and(be < 5)) }
  it { expect([]).to all(be_odd) }
end

describe 'compound' do
  it { expect(5).to be_odd.and be > 3 }
  it { expect(5).to be_even.or be > 3 }
  it { expect(5).to be_even.and be > 3 }
  it { expect(5).to (be_odd & be > 3) }
  it { expect('ab').to start_with('a').and end_with('b').and include('a') }
  it { expect(5).not_to eq(1).and eq(2) }
end

describe 'blocks' do
  it { expect { raise 'x' }.to raise_error }
  it { expect { raise ArgumentError }.to raise_error(ArgumentError) }
  it { expect { raise ArgumentError }.to raise_error(IOError) }
  it { expect { raise 'abc' }.to raise_error('abc') }
  it { expect { raise 'abc' }.to raise_error(/b/) }
  it { expect { raise 'abc' }.to raise_error(RuntimeError, /z/) }
  it { expect { raise 'abc' }.to raise_error(RuntimeError, 'abc') }
  it { expect { raise 'abc' }.to raise_error(RuntimeError).with_message('abc') }
  it { expect { 1 }.not_to raise_error }
  it { expect { raise 'x' }.not_to raise_error }
  it { expect { 1 }.to raise_error }
  it { expect { raise 'x' }.to raise_exception(RuntimeError) }
  it('block') { expect { raise 'x' }.to raise_error { |e| expect(e.message).to eq 'x' } }
  it('bad block') { expect { raise 'x' }.to raise_error { |e| expect(e.message).to eq 'y' } }
  it { expect { throw :done }.to throw_symbol }
  it { expect { throw :done }.to throw_symbol(:done) }
  it { expect { throw :done, 1 }.to throw_symbol(:done, 1) }
  it { expect { throw :done }.to throw_symbol(:other) }
  it { expect { 1 }.to throw_symbol }
  it('changes') { x = 0; expect { x += 1 }.to change { x } }
  it('changes by') { x = 0; expect { x += 2 }.to change { x }.by(2) }
  it('changes by more') { x = 0; expect { x += 2 }.to change { x }.by(3) }
  it('changes from to') { x = 0; expect { x = 5 }.to change { x }.from(0).to(5) }
  it('changes to') { x = 0; expect { x = 5 }.to change { x }.to(6) }
  it('does not change') { x = 0; expect { x }.not_to change { x } }
  it('changes after all') { x = 0; expect { x = 1 }.not_to change { x } }
  it('at least') { x = 0; expect { x = 3 }.to change { x }.by_at_least(2) }
  it('at most') { x = 0; expect { x = 3 }.to change { x }.by_at_most(2) }
  it('of a method') { l = []; expect { l << 1 }.to change(l, :size).by(1) }
  it('mutated') { l = []; expect { l << 1 }.to change { l } }
  it { expect { print 'x' }.to output('x').to_stdout }
  it { expect { print 'y' }.to output('x').to_stdout }
  it { expect { warn 'x' }.to output(/x/).to_stderr }
  it { expect { puts 'x' }.to output("x\n").to_stdout }
  it { expect { puts 'x' }.to output.to_stdout }
  it { expect { }.to output.to_stdout }
  it { expect { |b| [1].each(&b) }.to yield_control }
  it { expect { |b| [].each(&b) }.to yield_control }
  it { expect { |b| [1].each(&b) }.to yield_with_args(1) }
  it { expect { |b| [1, 2].each(&b) }.to yield_successive_args(1, 2) }
  it { expect { |b| [1, 2].each(&b) }.to yield_control.twice }
  it { expect { |b| b.to_proc.call }.to yield_with_no_args }
end

describe 'old syntax' do
  it { 1.should == 1 }
  it { 1.should_not == 2 }
  it { 1.should eq 2 }
  it { [1, 2].should =~ [2, 1] }
  it { 'abc'.should =~ /b/ }
  it { 5.should be > 3 }
  it { 5.should be_odd }
  it { nil.should be_nil }
  it { [].should be_empty }
  it { 'x'.should_not be_empty }
  it { 5.should > 3 }
  it { 5.should >= 6 }
  it { { a: 1 }.should have_key(:a) }
  it { [1].should include(1) }
  it { lambda { raise 'x' }.should raise_error('x') }
end

describe 'predicates' do
  thing = Class.new do
    def tasty?(n = 1) n == 1; end
    def has_legs?(n) n == 4; end
    def exist?; true; end
    def inspect; 'thing'; end
  end
  it { expect(thing.new).to be_tasty }
  it { expect(thing.new).to be_a_tasty }
  it { expect(thing.new).to be_tasty(2) }
  it { expect(thing.new).to have_legs(4) }
  it { expect(thing.new).not_to have_legs(5) }
  it { expect(thing.new).to exist }
  it { expect(thing.new).not_to exist }
  it { expect(5).to be_tasty }
end

RSpec::Matchers.define :be_multiple_of do |n|
  match { |actual| actual % n == 0 }
end

RSpec::Matchers.define :be_near do |n|
  match { |actual| (actual - n).abs <= (@by || 0) }
  chain(:by) { |by| @by = by }
  description { "be near #{n}" }
  failure_message { |actual| "#{actual} is not near #{n}" }
  failure_message_when_negated { |actual| "#{actual} is near #{n}" }
end

RSpec::Matchers.define :have_both do |a, b|
  match { |actual| wanted?(actual, a) && wanted?(actual, b) }
  match_when_negated { |actual| !wanted?(actual, a) && !wanted?(actual, b) }
  def wanted?(actual, x)
    actual.include?(x)
  end
end

RSpec::Matchers.define :quiet do
  match_unless_raises(ArgumentError) { |actual| actual.call }
  supports_block_expectations
end

RSpec::Matchers.define :tuned do |x|
  chain :to, :target
  chain(:loudly) { @loud = true }
  match { |actual| actual == x + (target || 0) }
end
RSpec::Matchers.alias_matcher :a_multiple_of, :be_multiple_of
RSpec::Matchers.define_negated_matcher :exclude, :include

class OwnMatcher
  def initialize(n) @n = n; end
  def matches?(actual) (@actual = actual) == @n; end
  def failure_message; "#{@actual} is wrong"; end
  def failure_message_when_negated; "#{@actual} is right"; end
  def description; "be own #{@n}"; end
end

def be_own(n)
  OwnMatcher.new(n)
end

describe 'custom' do
  it { expect(9).to be_multiple_of(3) }
  it { expect(9).to be_multiple_of(2) }
  it { expect(9).not_to be_multiple_of(2) }
  it { expect(9).to be_near(10).by(1) }
  it { expect(9).to be_near(10) }
  it { expect([1, 2]).to have_both(1, 2) }
  it { expect([1, 2]).not_to have_both(1, 3) }
  it { expect([1, 2]).not_to have_both(3, 4) }
  it { expect { raise ArgumentError }.to quiet }
  it { expect { 1 }.to quiet }
  it { expect(5).to tuned(3).to(2) }
  it { expect(5).to tuned(5).loudly }
  it { expect([9]).to include(a_multiple_of(3)) }
  it { expect([1]).to exclude(2) }
  it { expect([1]).to exclude(1) }
  it { expect(5).to be_own(5) }
  it { expect(5).to be_own(6) }
  it { expect(5).not_to be_own(5) }
  matcher(:be_local) { |n| match { |a| a == n } }
  it { expect(1).to be_local(1) }
end
