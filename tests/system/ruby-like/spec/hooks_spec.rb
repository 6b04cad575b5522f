# Hooks: what runs when, and what sees what.
LOG = []

RSpec.configure do |c|
  c.before(:suite) { LOG << :suite }
  c.before(:each) { (@config_each ||= []) << :config }
  c.before(:each, :tagged) { @tagged = true }
  c.before(:each, kind: :special) { @special = true }
  c.before(:all, :counted) { LOG << :counted }
  c.around(:each, :wrapped) { |ex| @wrapped = :before; ex.run; LOG << :unwrapped }
  c.after(:each) { LOG << :after }
end

describe 'order' do
  before(:all) { @log = [:all] }
  before { @log << :outer }
  before(:each) { @log << :outer2 }
  prepend_before { @log << :first }
  after { LOG << @log.dup }
  it('outer') { expect(@log).to eq [:all, :first, :outer, :outer2] }
  it('does not keep') { expect(@config_each).to eq [:config] }
  describe 'inner' do
    before(:context) { @inner = true }
    before(:example) { @log << :inner }
    it('inherits') { expect(@inner).to be true }
    it('order') { expect(@log.last).to eq :inner }
  end
  it('suite') { expect(LOG.first).to eq :suite }
end

describe 'filters' do
  it('untagged') { expect(@tagged).to be_nil }
  it('tagged', :tagged) { expect(@tagged).to be true }
  it('special', kind: :special) { expect(@special).to be true }
  it('not special', kind: :other) { expect(@special).to be_nil }
  context 'a group', :tagged do
    it('inherits') { expect(@tagged).to be true }
    it('can be switched off', tagged: false) { expect(@tagged).to be_nil }
  end
  context 'wrapped', :wrapped do
    it('within') { expect(@wrapped).to eq :before }
  end
  it('was unwrapped', order: 1) { expect(LOG).not_to include :unwrapped }
  context 'later' do
    it('was unwrapped') { expect(LOG).to include :unwrapped }
  end
end

describe 'counted', :counted do
  it('once') { expect(LOG.count(:counted)).to eq 1 }
  describe 'inner' do
    it('still once') { expect(LOG.count(:counted)).to eq 1 }
  end
end

describe 'around' do
  around { |example| @trace = [1]; example.run; LOG << [:around, @trace] }
  around(:each) { |example| @trace << 2; example.call; @trace << 4 }
  before { @trace << 3 }
  it('nests') { expect(@trace).to eq [1, 2, 3] }
  it('fails within') { raise 'x' }
  it('told') { expect(LOG.select { |l| l.is_a?(Array) && l[0] == :around }.first).to eq [:around, [1, 2, 3, 4]] }
  it('has metadata', x: 1) { |ex| expect(ex.metadata[:x]).to eq 1 }
end

describe 'around that does not run' do
  around { |example| }
  it('is left') { raise 'never' }
end

describe 'around with to_proc' do
  around { |example| [1].each(&example) }
  it('runs') { expect(1).to eq 1 }
end

describe 'failing before' do
  before { raise 'no start' }
  it('a') { }
  it('b') { }
  it { is_expected.to eq 1 }
end

describe 'failing before all' do
  before(:all) { raise 'no start' }
  it('a') { }
  describe('in') { it('b') { } }
end

describe 'failing after' do
  after { raise 'no end' }
  it('a') { }
end

describe 'skipping before' do
  before { skip 'not today' }
  it('a') { raise 'never' }
end

describe 'after all' do
  after(:all) { LOG << :after_all }
  it('not yet') { expect(LOG).not_to include :after_all }
end

describe 'after all, later' do
  it('now') { expect(LOG).to include :after_all }
end

describe 'instance variables' do
  before(:all) { @list = [1] }
  it('sees') { expect(@list).to eq [1] }
  it('changes') { @list = nil }
  it('is restored') { expect(@list).to eq [1] }
  it('hook has the example') { expect(@seen).to eq 'hook has the example' }
  before { |example| @seen = example.description }
end
