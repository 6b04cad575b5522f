# What the preseed file promised.

%w[openssh-server sudo grub-pc linux-image-amd64].each do |name|
  describe package(name) do
    it { should be_installed }
  end
end

describe file('/etc/fstab') do
  its(:content) { should match(/^UUID=\S+ +\/ +ext4 /) }
end

describe file('/etc/default/grub') do
  its(:content) { should match(/console=ttyS0,115200/) }
end

# The password that the bake knew is no more.
describe file('/etc/shadow') do
  its(:content) { should match(/^root:[*!]/) }
end

describe file('/etc/ssh/sshd_config.d/20-installer.conf') do
  it { should_not exist }
end
