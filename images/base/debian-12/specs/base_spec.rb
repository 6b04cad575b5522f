# The house rules of every machine.

%w[openssh-server systemd-resolved systemd-timesyncd curl ca-certificates rsync sudo].each do |name|
  describe package(name) do
    it { should be_installed }
  end
end

describe package('unattended-upgrades') do
  it { should_not be_installed }
end

describe file('/etc/ssh/sshd_config.d/50-hardened.conf') do
  it { should be_file }
  it { should be_mode 600 }
  it { should be_owned_by 'root' }
  its(:content) { should match(/^PasswordAuthentication no$/) }
  its(:content) { should match(/^PermitRootLogin prohibit-password$/) }
end

describe command('mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N "" -f /tmp/key && sshd -T -h /tmp/key') do
  its(:exit_status) { should eq 0 }
  its(:stdout) { should match(/^passwordauthentication no$/) }
  its(:stdout) { should match(/^x11forwarding no$/) }
end

%w[ssh ssh-host-keys systemd-networkd systemd-resolved systemd-timesyncd].each do |name|
  describe service(name) do
    it { should be_enabled }
  end
end

%w[apt-daily.timer apt-daily-upgrade.timer].each do |name|
  describe file("/etc/systemd/system/#{name}") do
    it { should be_linked_to '/dev/null' }
  end
end

describe file('/etc/localtime') do
  it { should be_linked_to '/usr/share/zoneinfo/Etc/UTC' }
end

describe file('/etc/default/locale') do
  its(:content) { should match(/^LANG=en_US\.UTF-8$/) }
end

describe command('locale -a') do
  its(:stdout) { should match(/^en_US\.utf8$/) }
end

describe file('/etc/resolv.conf') do
  it { should be_symlink }
end
