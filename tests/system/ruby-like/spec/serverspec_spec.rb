# serverspec's resource types, on the machine itself: what needs no program to be answered.
require 'serverspec'
set :backend, :exec

describe file('/etc/passwd') do
  it { should be_file }
  it { should exist }
  it { should_not be_directory }
  it { should be_owned_by 'root' }
  it { should be_grouped_into 'root' }
  it { should be_mode 644 }
  it { should be_mode 600 }
  it { should be_readable }
  it { should be_readable.by('owner') }
  it { should be_readable.by('others') }
  it { should_not be_executable }
  it { should be_writable.by('owner') }
  it { should contain 'root' }
  it { should contain(/^root:/) }
  it { should_not contain 'no-such-user-here' }
  its(:content) { should match(/^root:x:0:0/) }
  its(:content) { should include 'root' }
  its(:size) { should be > 100 }
  its(:owner) { should eq 'root' }
  its(:mode) { should eq '644' }
  its(:content) { should_not match(/^nobody-else:/) }
end

describe file('/') do
  it { should be_directory }
  it { should_not be_file }
end

describe file('/etc') do
  it { should be_directory }
  it { should be_mode 755 }
end

describe file('/no/such') do
  it { should_not exist }
  it { should_not be_file }
  it { should exist }
end

describe file('/dev/null') do
  it { should be_character_device }
end

describe file('/etc/alternatives/awk') do
  it { should be_symlink }
  it { should be_linked_to '/usr/bin/mawk' }
end

describe user('root') do
  it { should exist }
  it { should have_uid 0 }
  it { should belong_to_group 'root' }
  it { should belong_to_primary_group 'root' }
  it { should have_home_directory '/root' }
  it { should have_login_shell '/bin/bash' }
  it { should_not have_uid 5 }
end

describe group('root') do
  it { should exist }
  it { should have_gid 0 }
end

describe group('nobody-has-this') do
  it { should_not exist }
  it { should exist }
end

describe package('bash') do
  it { should be_installed }
  it { should be_installed.with_version('0.1') }
  it { should_not be_installed.with_version('0.1') }
end

describe package('no-such-package') do
  it { should_not be_installed }
  it { should be_installed }
end

describe command('echo hello; exit 3') do
  its(:stdout) { should match(/hello/) }
  its(:stdout) { should eq "hello\n" }
  its(:exit_status) { should eq 3 }
  its(:stderr) { should eq '' }
  its(:stdout) { should_not contain 'bye' }
  it('has more') { expect(subject.stdout.lines.size).to eq 1 }
end

%w[/etc/passwd /etc/group].each do |path|
  describe file(path) do
    it { should be_file }
    it('is not empty') { expect(subject.size).to be > 0 }
  end
end

describe 'in words' do
  describe file('/etc/hostname') do
    it { is_expected.to be_file }
  end
  describe 'nested', if: os[:family] == 'debian' do
    it('runs on Debian') { expect(os[:family]).to eq 'debian' }
  end
  it('another resource') { expect(file('/etc/passwd')).to be_file }
  it { expect(file('/etc/passwd')).to be_file }
  it('its content') { expect(file('/etc/passwd').content).to match(/root/) }
  it('runs') { expect(command('true').exit_status).to eq 0 }
end

describe Specinfra::Runner.run_command('echo x').stdout.strip do
  it { should eq 'x' }
end

class Serverspec::Type::Shout < Serverspec::Type::Base
  def loud?
    @name == @name.upcase
  end

  def said
    @runner.run_command("echo #{@name}").stdout.chomp
  end
end

module Serverspec::Helper::Type
  def shout(name)
    Serverspec::Type::Shout.new(name)
  end
end

describe shout('HEY') do
  it { should be_loud }
  its(:said) { should eq 'HEY' }
end

describe Serverspec::Type::Shout.new('hey') do
  it { should be_loud }
end

shared_examples 'a safe file' do |path|
  describe file(path) do
    it { should be_owned_by 'root' }
    it { should_not be_writable.by('others') }
  end
end

describe 'shared' do
  it_behaves_like 'a safe file', '/etc/passwd'
  include_examples 'a safe file', '/etc/group'
end

describe property[:nothing] do
  it { should be_nil }
end
