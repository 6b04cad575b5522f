# Focus: only what is marked is run, if anything is.
RSpec.configure { |c| c.filter_run_when_matching :focus }

describe 'focus' do
  fit('one') { expect(1).to eq 1 }
  it('two') { raise }
  it('three', :focus) { }
  it('four', focus: true) { expect(1).to eq 2 }
  fcontext('group') { it('five') { } }
  context('other') { it('six') { raise } }
end

fdescribe 'top' do
  it('seven') { }
end
