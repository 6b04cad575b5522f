
describe 'expression' do
  LIKE.each { |line, value| it("#{line}: #{value}") { } }
end
