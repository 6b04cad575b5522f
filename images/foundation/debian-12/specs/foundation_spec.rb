# What every image stands on: it must boot, on any machine.

describe file('/vmlinuz') do
  it { should be_symlink }
end

describe file('/boot/grub/grub.cfg') do
  it { should be_file }
  it { should be_mode 644 }
  its(:content) { should match(/search --no-floppy --fs-uuid --set=root \h{8}-/) }
  its(:content) { should match(/console=ttyS0,115200/) }
  its(:content) { should_not match(%r{/dev/(loop|sd|vd)}) }
end

describe file('/etc/fstab') do
  its(:content) { should match(/^UUID=\S+ \/ (ext4|xfs|btrfs) /) }
  its(:content) { should_not match(%r{^/dev/}) }
end

describe file('/etc/initramfs-tools/conf.d/bakery') do
  its(:content) { should match(/^MODULES=most$/) }
end

%w[linux-image-amd64 systemd-sysv udev grub-pc-bin grub-efi-amd64-bin].each do |name|
  describe package(name) do
    it { should be_installed }
  end
end

describe user('root') do
  it { should exist }
  it { should have_uid 0 }
  it { should have_home_directory '/root' }
end

# No password is known, so nobody logs in with one.
describe file('/etc/shadow') do
  it { should be_mode 640 }
  its(:content) { should match(/^root:[*!]/) }
end

describe command('dpkg --audit') do
  its(:exit_status) { should eq 0 }
  its(:stdout) { should eq '' }
end
