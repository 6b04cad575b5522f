# What is included by tag; all where nothing is.
RSpec.configure do |c|
  c.filter_run_including fast: true, kind: /^x/
  c.run_all_when_everything_filtered = true
end

describe 'inclusion' do
  it('fast', :fast) { }
  it('slow', fast: false) { raise }
  it('kind', kind: 'xyz') { }
  it('other kind', kind: 'abc') { raise }
  it('none') { raise }
  context('group', :fast) { it('inherits') { } }
end
