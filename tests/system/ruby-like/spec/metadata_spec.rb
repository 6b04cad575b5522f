# Metadata, what is selected by it, pending and skipped examples.
RSpec.configure do |c|
  c.filter_run_excluding broken: true, os: 'windows'
  c.filter_run_when_matching :focus
  c.include(Module.new { def from_config; :config; end })
  c.include(Module.new { def only_net; :net; end }, :net)
  c.extend(Module.new { def macro(n) it("macro #{n}") { expect(n).to eq 1 } end })
  c.define_derived_metadata(:slow) { |m| m[:derived] = true }
  c.add_setting :own_setting, default: 5
  c.some_setting = 7 if c.respond_to?(:some_setting=)
  c.alias_example_to :check, checked: true
  c.alias_it_behaves_like_to :it_has, 'has'
  c.color = true
  c.order = :defined
  c.expect_with(:rspec) { |e| e.syntax = [:should, :expect] }
end

describe 'conditions' do
  it('if true', if: true) { }
  it('if false', if: false) { raise }
  it('unless', unless: true) { raise }
  it('unless false', unless: false) { }
  it('proc', if: -> { true }) { }
  it('excluded', broken: true) { raise }
  it('not excluded', broken: false) { }
  it('windows', os: 'windows') { raise }
  it('linux', os: 'linux') { }
  context 'group', if: false do
    it('never') { raise }
    it('but this', if: true) { }
  end
  context 'broken', :broken do
    it('never') { raise }
  end
end

describe 'metadata', :slow, tier: 1 do
  it('tags') { |e| expect(e.metadata[:slow]).to be true }
  it('hash') { |e| expect(e.metadata[:tier]).to eq 1 }
  it('own', tier: 2) { |e| expect(e.metadata[:tier]).to eq 2 }
  it('derived') { |e| expect(e.metadata[:derived]).to be true }
  it('description') { |e| expect(e.metadata[:description]).to eq 'description' }
  it('full') { |e| expect(e.metadata[:full_description]).to eq 'metadata full' }
  it('line') { |e| expect(e.metadata[:line_number]).to be > 40 }
  it('group') { |e| expect(e.metadata[:example_group][:description]).to eq 'metadata' }
  it('class') { |e| expect(self.class.metadata[:tier]).to eq 1 }
  it('file') { |e| expect(e.metadata[:file_path]).to match(/metadata_spec/) }
  it('location') { |e| expect(e.location).to match(/metadata_spec\.rb:\d+/) }
  it('mixed', :a, :b, c: 3) { |e| expect(e.metadata.values_at(:a, :b, :c)).to eq [true, true, 3] }
  describe Array do
    it('class') { |e| expect(e.metadata[:described_class]).to eq Array }
  end
end

describe 'configured' do
  it('includes') { expect(from_config).to eq :config }
  it('by tag', :net) { expect(only_net).to eq :net }
  it('not by tag') { expect { only_net }.to raise_error(NameError) }
  macro 1
  macro 2
  it('setting') { expect(RSpec.configuration.own_setting).to eq 5 }
  check('aliased') { |e| expect(e.metadata[:checked]).to be true }
  shared_examples('parts') { |n| it("#{n} parts") { expect(n).to be > 0 } }
  it_has 'parts', 3
end

describe 'pending' do
  it 'not written'
  xit('x') { raise }
  xspecify('xs') { raise }
  xexample('xe') { raise }
  skip('skip') { raise }
  pending('fails') { raise 'as feared' }
  pending('passes') { expect(1).to eq 1 }
  it('skip metadata', skip: true) { raise }
  it('skip reason', skip: 'why') { raise }
  it('skip symbol', :skip) { raise }
  it('skip false', skip: false) { }
  it('pending metadata', pending: true) { raise 'as feared' }
  it('pending passes', pending: 'why') { }
  it('pending symbol', :pending) { raise 'x' }
  it('skip inside') { skip; raise }
  it('skip with reason') { skip 'reason'; raise }
  it('pending inside') { pending; raise 'x' }
  it('pending with reason') { pending 'reason'; expect(1).to eq 2 }
  it('pending fixed') { pending 'reason'; expect(1).to eq 1 }
  it('failed before pending') { expect(1).to eq 2; pending }
  it('skip after failure') { expect(1).to eq 2; skip }
  xdescribe('xgroup') { it('x') { raise } }
  xcontext('xcontext') { it('x') { raise } }
  describe('skipped group', :skip) { it('x') { raise } }
  describe('skipped group with reason', skip: 'r') { it('x') { raise } }
  describe('pending group', :pending) { it('fails') { raise }; it('passes') { } }
  it { pending; is_expected.to eq 1 }
  it { skip }
  xit { is_expected.to eq 1 }
end

xdescribe 'x at the top' do
  it('x') { raise }
end

describe 'aggregated' do
  it('metadata', :aggregate_failures) { expect(1).to eq 2; expect(2).to eq 3 }
  it('goes on', :aggregate_failures) { expect(1).to eq 1 }
  it('block') { aggregate_failures('label') { expect(1).to eq 2; expect(1).to eq 3 } }
  it('good block') { aggregate_failures { expect(1).to eq 1 } }
  it('stops after') { aggregate_failures { expect(1).to eq 2 }; raise }
end
