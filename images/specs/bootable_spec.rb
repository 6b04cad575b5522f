# Would this image boot, on any machine? A kernel and an initrd for it, a boot loader that finds its root by UUID, file systems to mount
# that are named by what stays the same, and an init. Wants the image's files; /boot is listed inside the image.

redhat = %w[redhat fedora amazon].include?(os[:family])
grub_cfg = redhat ? '/boot/grub2/grub.cfg' : '/boot/grub/grub.cfg'

describe 'the kernel', id: 'boot-01', impact: 1.0, title: 'Every kernel has an initrd' do
  describe command('ls /boot') do
    its(:stdout) { should match(/^vmlinuz-/) }

    it 'lists an initrd for each kernel' do
      names = subject.stdout.split("\n")
      versions = names.select { |name| name.start_with?('vmlinuz-') }.map { |name| name.sub('vmlinuz-', '') }
      without = versions.reject { |version| names.include?("initrd.img-#{version}") || names.include?("initramfs-#{version}.img") }
      expect(without).to eq []
    end
  end
end

describe 'the boot loader', id: 'boot-02', impact: 1.0, title: 'The root is found by UUID' do
  describe file(grub_cfg) do
    it { should be_file }
    its(:size) { should > 0 }
    its(:content) { should match(/^\s*(set root=|search\b.*--fs-uuid|blscfg)/) }
    its(:content) { should_not match(%r{root=/dev/(loop|nbd|sd|vd|xvd|nvme)}) }
  end

  # Where grub.cfg leaves the entries to files of their own.
  if redhat
    describe command('cat /boot/loader/entries/*.conf') do
      its(:exit_status) { should eq 0 }
      its(:stdout) { should match(/^linux\s/) }
      its(:stdout) { should_not match(%r{root=/dev/(loop|nbd|sd|vd|xvd|nvme)}) }
    end
  else
    describe file(grub_cfg) do
      its(:content) { should match(/^\s*linux\S*\s+\S+.*\broot=((UUID|PARTUUID|LABEL)=|\/dev\/mapper\/)/) }
    end
  end
end

describe 'fstab', id: 'boot-03', impact: 0.9, title: 'Everything that is mounted can be found' do
  entries = (file('/etc/fstab').content || '').split("\n").map { |line| line.sub(/#.*/, '').split }.select { |fields| fields.size >= 3 }
  virtual = %w[proc sysfs tmpfs devpts devtmpfs securityfs debugfs overlay bind none]

  it 'names a root file system' do
    expect(entries.map { |fields| fields[1] }).to include('/')
  end

  entries.reject { |fields| virtual.include?(fields[2]) }.each do |device, target, type, options|
    it "finds #{target} by what stays the same" do
      expect(device).to match(%r{\A((PART)?(UUID|LABEL)=\S+|/dev/(mapper/|disk/by-)\S+|/dev/\w+/\S+|//\S+|\S+:/\S*|/(?!dev/)\S+)\z})
    end
    next if type == 'swap' || target == 'none' || options.to_s.include?('x-mount.mkdir')
    describe file(target) do
      it { should be_directory }
    end
  end

  # The boot loader and fstab must mean the same root.
  root = entries.select { |fields| fields[1] == '/' && fields[0].start_with?('UUID=') }.map { |fields| fields[0] }.first
  if root && !redhat
    describe file(grub_cfg) do
      its(:content) { should include("root=#{root}") }
    end
  end
end

describe 'init', id: 'boot-04', impact: 1.0, title: 'There is an init to start' do
  describe file('/sbin/init') do
    it { should be_file }
    it { should be_executable }
  end
end
