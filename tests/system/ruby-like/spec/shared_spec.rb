# Shared examples and contexts.
RSpec.shared_examples 'positive' do |n|
  it("#{n} is positive") { expect(n).to be > 0 }
end

shared_examples_for 'a collection' do
  it('has a size') { expect(subject.size).to eq size }
  it { is_expected.to respond_to :each }
end

shared_context 'with a user' do
  let(:user) { 'bob' }
  before { @prepared = true }
  def helper
    "helped #{user}"
  end
end

shared_context 'tagged', :uses_tag do
  let(:from_tag) { 1 }
end

shared_examples 'with options' do |a, b: 2|
  it("takes #{a} and #{b}") { expect([a, b]).to eq [1, 3] }
end

shared_examples 'with a block' do
  it('sees the let of the block') { expect(value).to eq 5 }
end

shared_examples 'nested' do
  context 'inside' do
    it('runs') { expect(outer).to eq :outer }
  end
  include_examples 'positive', 7
end

shared_examples :symbol_name do
  it('by symbol') { }
end

shared_examples 'parametrized' do |options = {}|
  options.each { |k, v| it("#{k} is #{v}") { expect(v).to be_a Integer } }
end

describe 'shared' do
  it_behaves_like 'positive', 1
  it_behaves_like 'positive', -1
  it_should_behave_like 'positive', 2
  include_examples 'positive', 3
  it_behaves_like 'with options', 1, b: 3
  it_behaves_like('with a block') { let(:value) { 5 } }
  include_examples :symbol_name
  it_behaves_like :symbol_name
  it_behaves_like 'parametrized', a: 1, b: 'x'
  describe Array do
    it_behaves_like('a collection') { let(:size) { 0 } }
  end
  context 'with let' do
    let(:outer) { :outer }
    it_behaves_like 'nested'
  end
end

describe 'contexts' do
  include_context 'with a user'
  it('let') { expect(user).to eq 'bob' }
  it('hook') { expect(@prepared).to be true }
  it('def') { expect(helper).to eq 'helped bob' }
  context 'overridden' do
    let(:user) { 'eve' }
    it('let') { expect(helper).to eq 'helped eve' }
  end
end

describe 'by tag', :uses_tag do
  it('is there') { expect(from_tag).to eq 1 }
end

describe 'scoped' do
  shared_examples('local') { it('is local') { } }
  include_examples 'local'
  context('inner') { it_behaves_like 'local' }
end

describe 'several times' do
  [1, 2].each { |n| include_examples 'positive', n }
end
