%w[json yaml set ostruct shellwords erb time date digest base64 pathname uri stringio securerandom timeout rubygems].each { |name| require name }
LIKE = []

def like
  value = yield
  value.inspect.gsub(/0x\h+/, '0x')
rescue Exception => e
  "!#{e.class}"
end

