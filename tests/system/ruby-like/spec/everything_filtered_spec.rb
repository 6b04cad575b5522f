# Nothing has the tag, so all are run.
RSpec.configure do |c|
  c.filter_run :nothing_has_this
  c.run_all_when_everything_filtered = true
end

describe 'all' do
  it('one') { }
  it('two', :slow) { }
end
