# Checks with one answer, true or false, that serverspec and we must give alike. One example a line, for a line is its name here.
require 'serverspec'
require 'date'
set :backend, :exec

T = '/srv/things'
ALL = %w[plain empty short binary utf8 data.json mode-600 mode-755 mode-4755 mode-000 owned grouped orphan folder locked sticky link absolute
         folder-link dangling loop-a pipe block char socket missing folder/sub locked/inside plain/below].map { |name| "#{T}/#{name}" }

ALL.each do |path|
  describe file(path) do
    it { should exist }
    it { should be_file }
    it { should be_directory }
    it { should be_symlink }
    it { should be_pipe }
    it { should be_socket }
    it { should be_block_device }
    it { should be_character_device }
    it { should_not exist }
    it { should_not be_file }
    it { should be_mode 644 }
    it { should be_mode 755 }
    it { should be_owned_by 'root' }
    it { should be_grouped_into 'root' }
    it { should_not be_owned_by 'baker' }
    it { should be_readable }
    it { should be_writable }
    it { should be_executable }
    it { should be_readable.by('owner') }
    it { should be_readable.by('group') }
    it { should be_readable.by('others') }
    it { should be_writable.by('owner') }
    it { should be_writable.by('others') }
    it { should be_executable.by('group') }
  end
end

describe file("#{T}/plain") do
  its(:content) { should match(/first line/) }
  its(:content) { should match(/^key=one$/) }
  its(:content) { should match 'user nginx;' }
  its(:content) { should_not match(/nothing here/) }
  its(:content) { should include 'last line' }
  its(:content) { should eq 'first line' }
  its(:size) { should eq 83 }
  its(:size) { should > 10 }
  its(:size) { should be < 10 }
  its(:mode) { should eq '644' }
  its(:owner) { should eq 'root' }
  its(:group) { should eq 'root' }
  its(:md5sum) { should eq 'd41d8cd98f00b204e9800998ecf8427e' }
  its(:sha256sum) { should match(/\A[0-9a-f]{64}\z/) }
  its(:mtime) { should < DateTime.now }
  its(:mtime) { should > DateTime.parse('2020-06-01') }
  it { should contain 'first line' }
  it { should contain 'listen = 80' }
  it { should contain('key=one').from(/^\[main\]/).to(/^\[other\]/) }
  it { should contain('key=two').from(/^\[main\]/).to(/^\[other\]/) }
  it { should contain('key=two').after(/^\[other\]/) }
  it { should contain('key=one').after(/^\[other\]/) }
  it { should contain('first').before(/^\[main\]/) }
  it { should contain('last').before(/^\[main\]/) }
  it { should contain(/^user/) }
  it { should contain(/^nginx/) }
  it { should_not contain 'absent' }
  it { should_not contain 'first line' }
  it { should be_readable.by_user('baker') }
  it { should be_writable.by_user('baker') }
  it { should be_writable.by_user('root') }
  it { should be_immutable }
end

describe file("#{T}/empty") do
  its(:size) { should eq 0 }
  its(:content) { should eq '' }
  its(:md5sum) { should eq 'd41d8cd98f00b204e9800998ecf8427e' }
end

describe file("#{T}/short") do
  its(:content) { should eq 'no newline at the end' }
  it { should contain 'end' }
end

describe file("#{T}/link") do
  it { should be_linked_to 'plain' }
  it { should be_linked_to "#{T}/plain" }
  it { should be_linked_to 'other' }
  its(:link_target) { should eq "#{T}/plain" }
  its(:content) { should match(/first/) }
end

describe file("#{T}/absolute") do
  it { should be_linked_to "#{T}/plain" }
  it { should_not be_linked_to 'plain' }
end

describe file("#{T}/grouped") do
  it { should be_grouped_into 'ovens' }
  it { should be_mode 640 }
  it { should be_readable.by_user('oven') }
  it { should be_readable.by_user('baker') }
  it { should be_readable.by_user('www-data') }
end

describe file("#{T}/locked/inside") do
  it { should be_readable.by_user('root') }
  it { should be_readable.by_user('baker') }
end

describe file("#{T}/mode-4755") do
  it { should be_mode 4755 }
  its(:mode) { should eq '4755' }
end

describe file("#{T}/sticky") do
  it { should be_mode 1777 }
end

describe file("#{T}/data.json") do
  its(:content_as_json) { should include('name' => 'thing') }
  its(:content_as_json) { should include('a' => include('b' => [1, 2, 3])) }
  its(:content_as_json) { should include('name' => 'other') }
end

describe file("#{T}/data.yaml") do
  its(:content_as_yaml) { should include('name' => 'thing') }
  its(:content_as_yaml) { should include('a' => include('b' => [1, 2])) }
end

describe json_file("#{T}/data.json") do
  its(:content) { should include('on' => true) }
end

%w[root baker oven www-data nobody ghost].each do |name|
  describe user(name) do
    it { should exist }
    it { should have_uid 0 }
    it { should have_uid 1500 }
    it { should belong_to_group 'root' }
    it { should belong_to_group 'bakers' }
    it { should belong_to_group 'users' }
    it { should belong_to_primary_group 'bakers' }
    it { should have_home_directory '/root' }
    it { should have_home_directory '/home/baker' }
    it { should have_login_shell '/bin/bash' }
    it { should have_login_shell '/usr/sbin/nologin' }
    it { should_not exist }
  end
end

describe user('baker') do
  its(:minimum_days_between_password_change) { should eq 7 }
  its(:maximum_days_between_password_change) { should eq 90 }
  its(:encrypted_password) { should eq 'secret' }
  it { should have_authorized_key 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqYFQ5WmPcaz6Yr7Jd3CjmqqDWmM8q2bJ9yPjCv2e0u baker@oven' }
  it { should have_authorized_key 'ssh-ed25519 AAAA other' }
end

%w[root bakers ovens ghosts].each do |name|
  describe group(name) do
    it { should exist }
    it { should have_gid 0 }
    it { should have_gid 1500 }
    it { should have_gid 450 }
    it { should_not exist }
  end
end

%w[openssl nginx-light ruby-serverspec libc6 no-such-package].each do |name|
  describe package(name) do
    it { should be_installed }
    it { should_not be_installed }
    it { should be_installed.with_version('0.0.1') }
  end
end

describe package('serverspec') do
  it { should be_installed.by('gem') }
  it { should be_installed.by('gem').with_version('2.42.1') }
  it { should be_installed.by('gem').with_version('9.9.9') }
end

describe package('no-such-gem') do
  it { should be_installed.by('gem') }
end

%w[nginx ssh cron fstrim.timer getty@tty1 no-such-service].each do |name|
  describe service(name) do
    it { should be_enabled }
    it { should_not be_enabled }
  end
end

describe command('echo out; echo err >&2; exit 3') do
  its(:stdout) { should eq "out\n" }
  its(:stdout) { should match(/out/) }
  its(:stderr) { should match(/err/) }
  its(:exit_status) { should eq 3 }
  its(:exit_status) { should eq 0 }
end

describe command('id -u') do
  its(:stdout) { should match(/^0$/) }
  its(:exit_status) { should be_zero }
end

describe command('echo \'{"a": [1, {"b": "c"}]}\'') do
  its(:stdout_as_json) { should include('a' => [1, { 'b' => 'c' }]) }
end

describe cron do
  it { should have_entry '*/5 * * * * /usr/bin/oven --check' }
  it { should have_entry '0 3 * * 1 /bin/backup' }
  it { should have_entry '0 4 * * 1 /bin/backup' }
  it { should have_entry('10 4 * * * /home/baker/bake').with_user('baker') }
  it { should have_entry('10 4 * * * /home/baker/bake').with_user('root') }
  its(:table) { should match(/oven/) }
end

describe fstab do
  it { should have_entry(device: '/dev/sdb1', mount_point: '/data', type: 'xfs') }
  it { should have_entry(device: '/dev/sdb1', mount_point: '/data', type: 'xfs', options: { noatime: true }) }
  it { should have_entry(mount_point: '/tmp', type: 'tmpfs', options: { size: '64m' }) }
  it { should have_entry(mount_point: '/data', type: 'ext4') }
end

describe mail_alias('postmaster') do
  it { should be_aliased_to 'root' }
  it { should be_aliased_to 'nobody' }
end

describe mail_alias('missing') do
  it { should be_aliased_to 'root' }
end

describe x509_certificate('/etc/certs/cert.pem') do
  it { should be_certificate }
  it { should be_valid }
  it { should have_purpose 'SSL server' }
  its(:keylength) { should eq 2048 }
  its(:subject) { should match(/oven\.example\.com/) }
  its(:issuer) { should match(/Bakery/) }
  its(:subject_alt_names) { should include 'DNS:bread.example.com' }
  its(:validity_in_days) { should be > 3000 }
  its(:validity_in_days) { should_not be < 3000 }
end

describe x509_certificate('/etc/certs/old.pem') do
  it { should be_certificate }
  it { should be_valid }
end

describe x509_certificate('/etc/certs/garbage.pem') do
  it { should be_certificate }
end

describe x509_certificate('/etc/certs/missing.pem') do
  it { should be_certificate }
end

describe x509_private_key('/etc/certs/key.pem') do
  it { should be_valid }
  it { should be_encrypted }
  it { should have_matching_certificate('/etc/certs/cert.pem') }
  it { should have_matching_certificate('/etc/certs/old.pem') }
end

describe x509_private_key('/etc/certs/locked.pem', passin: 'pass:crumb') do
  it { should be_encrypted }
  it { should be_valid }
end

describe x509_private_key('/etc/certs/garbage.pem') do
  it { should be_valid }
end

describe file('/etc/passwd') do
  it 'is read by a block' do
    expect(subject.content.lines.grep(/^baker:/).size).to eq 1
  end
  it 'compares' do
    expect(subject).to be_file.and be_readable
  end
end

describe 'the helpers' do
  it { expect(os[:family]).to eq 'debian' }
  it { expect(os[:release]).to match(/\A12/) }
  it { expect(file('/etc').directory?).to be true }
  it { expect(command('true').exit_status).to eq 0 }
end
