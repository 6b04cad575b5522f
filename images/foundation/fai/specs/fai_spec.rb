# What the classes promised.

%w[openssh-server grub-pc linux-image-cloud-amd64].each do |name|
  describe package(name) do
    it { should be_installed }
  end
end

describe file('/etc/fstab') do
  its(:content) { should match(/^UUID=\S+\s+\/\s+ext4\s/) }
end

describe file('/boot/grub/grub.cfg') do
  its(:content) { should match(/console=ttyS0,115200/) }
end

# The password that the bake knew is no more.
describe file('/etc/shadow') do
  its(:content) { should match(/^root:[*!]/) }
end
