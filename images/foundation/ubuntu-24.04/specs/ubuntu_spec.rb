# What the autoinstall file promised.

%w[openssh-server cloud-init grub-pc].each do |name|
  describe package(name) do
    it { should be_installed }
  end
end

describe user('ubuntu') do
  it { should exist }
  it { should have_home_directory '/home/ubuntu' }
end

describe file('/etc/default/grub.d/60-console.cfg') do
  its(:content) { should match(/console=ttyS0,115200/) }
end

describe file('/etc/sudoers.d/installer') do
  it { should be_mode 440 }
end

# The password that the bake knew is no more.
describe file('/etc/shadow') do
  its(:content) { should match(/^ubuntu:[*!]/) }
end
