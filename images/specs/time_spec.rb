# Will the machine know the time? One NTP client, installed and enabled, and a time zone that exists. Wants the image's files only.

clients = %w[systemd-timesyncd chrony chronyd ntp ntpd ntpsec openntpd]

describe 'NTP', id: 'time-01', impact: 0.7, title: 'One client keeps the clock' do
  installed = clients.select { |name| service(name).installed? }
  enabled = clients.select { |name| service(name).enabled? }

  it 'is installed' do
    expect(installed).not_to be_empty
  end

  it 'is enabled' do
    expect(enabled).not_to be_empty
  end

  # Two would pull the clock to and fro; chrony and ntpd have two names for one service.
  it 'is spoken by one client' do
    expect(enabled.map { |name| name.sub(/d\z/, '') }.uniq.size).to be <= 1
  end
end

describe 'the time zone', id: 'time-02', impact: 0.3, title: 'There is a time zone' do
  describe file('/etc/localtime') do
    it { should be_file }
    its(:size) { should > 0 }
  end

  if file('/etc/localtime').symlink?
    describe file('/etc/localtime') do
      its(:link_target) { should match(%r{/?usr/share/zoneinfo/\S+\z}) }
    end
  end

  # Hardware clocks of machines that come and go are in UTC.
  if file('/etc/adjtime').exist?
    describe file('/etc/adjtime') do
      its(:content) { should_not match(/^LOCAL$/) }
    end
  end
end
