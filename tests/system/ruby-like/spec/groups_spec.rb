# Groups, names, subjects, let.
require 'rspec/its'
describe 'plain' do
  it('passes') { expect(1).to eq 1 }
  it('fails') { expect(1).to eq 2 }
  it('raises') { raise 'oops' }
  specify('specify') { expect(true).to be true }
  example('example') { }
  it 'not written'
  it { expect(1).to eq 1 }
  it { is_expected.to eq 'plain' }
  it { should eq 'plain' }
  it { should_not eq 'other' }
  it { }
  context 'inner' do
    it('is run later') { }
    it { is_expected.to eq 'inner' }
    context 'deeper' do
      it('yet') { }
    end
  end
  it('is run before inner') { }
end

RSpec.describe Array do
  it { is_expected.to be_empty }
  it { is_expected.to be_an Array }
  it { expect(described_class).to eq Array }
  describe '#size' do
    subject { [1, 2].size }
    it { is_expected.to eq 2 }
  end
  describe '.new' do
    it('makes one') { expect(described_class.new(2)).to eq [nil, nil] }
  end
  describe '::CONST' do
    it('x') { }
  end
  context 'with words' do
    it('keeps the class') { expect(described_class).to be Array }
  end
end

describe Array, 'with more' do
  it('x') { expect(subject).to eq [] }
end

describe 'two', 'strings' do
  it('x') { }
end

describe Hash, '#dig' do
  it('y') { }
end

describe :symbol do
  it { is_expected.to eq :symbol }
end

describe [1, 2] do
  its(:size) { should eq 2 }
  its(:first) { is_expected.to eq 1 }
  its([1]) { should eq 2 }
  its('first.to_s') { should eq '1' }
  its(:last) { should_not eq 1 }
  its(:empty?) { should be false }
  its(:sum) { should be > 2 }
  its(:missing) { should eq 1 }
end

describe({ 'a' => { 'b' => 1 }, c: 2 }) do
  its(['a']) { should eq('b' => 1) }
  its(['a', 'b']) { should eq 1 }
  its([:c]) { should eq 2 }
  its(:keys) { should include 'a' }
  its('keys.first') { should eq 'a' }
end

describe 'its keeps the subject' do
  subject { 'abc' }
  its(:size) { expect(subject).to eq 'abc' }
  its(:size) { should eq 3 }
end

describe 'its of a string' do
  its(:size) { should eq 4 }
end

describe 'let' do
  let(:n) { @n = (@n || 0) + 1 }
  let(:list) { [] }
  let!(:eager) { list << :eager }
  it('is memoized') { n; expect(n).to eq 1 }
  it('is fresh') { expect(n).to eq 1 }
  it('eager') { expect(list).to eq [:eager] }
  context 'overridden' do
    let(:n) { 42 }
    let(:list) { super() + [:more] }
    it('wins') { expect(n).to eq 42 }
    it('super') { expect(list).to eq [:more] }
  end
end

describe 'subject' do
  subject(:thing) { { a: 1 } }
  it('is named') { expect(thing).to eq(a: 1) }
  it('is the same') { expect(thing).to equal subject }
  it { should include :a }
  context 'named anew' do
    subject(:other) { 5 }
    it { is_expected.to be_odd }
    it('other') { expect(other).to eq 5 }
  end
  context 'implicit' do
    subject! { @made = 7 }
    it('eager') { expect(@made).to eq 7 }
  end
end

describe 'helpers' do
  def helper(x)
    x * 2
  end

  def self.make(n)
    it("made #{n}") { expect(helper(n)).to eq n * 2 }
  end
  CONSTANT = 5
  make(1)
  make(2)
  [1, 2, 3].each { |i| it("loop #{i}") { expect(i).to be < 3 } }
  %w[a b].each do |letter|
    context letter do
      it { is_expected.to eq letter }
    end
  end
  it('constant') { expect(CONSTANT).to eq 5 }
  it('example') { |example| expect(example.description).to eq 'example' }
  it('current') { expect(RSpec.current_example.description).to eq 'current' }
  it('full') { |e| expect(e.full_description).to eq 'helpers full' }
end

def top_helper
  :top
end

module TopMixin
  def mixed
    :mixed
  end
end

describe 'outside' do
  include TopMixin
  it('def') { expect(top_helper).to eq :top }
  it('mixin') { expect(mixed).to eq :mixed }
end

describe 'errors' do
  it('in ruby') { nil.upcase }
  it('no method') { no_such_method }
  it('last wins') { expect(1).to eq 1; expect(2).to eq 3 }
  it('rescued') { begin; expect(1).to eq 2; rescue StandardError; end }
  it('own message') { expect(1).to eq(2), 'own' }
  it('throws') { throw :x }
  it { expect(1).to eq 1; expect([1]).to include 1 }
  it { expect(1).to eq 2 }
end

describe '' do
  it('empty title') { }
end

describe do
  it('no title') { }
end

describe 'a', nil do
  it('nil') { }
end

describe nil do
  it('only nil') { }
end

describe String do
  it { is_expected.to eq '' }
  it { expect(subject.size).to eq 0 }
  describe 'size' do
    it { expect(described_class).to be String }
  end
end
