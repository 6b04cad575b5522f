# What the kickstart files of Rocky Linux and Fedora promised. (Packages are asked by the system's own rpm.)

describe command('rpm -q openssh-server kernel-core grub2-pc') do
  its(:exit_status) { should eq 0 }
end

describe file('/etc/fstab') do
  its(:content) { should match(/^UUID=\S+ +\/ +xfs /) }
end

describe file('/etc/selinux/config') do
  its(:content) { should match(/^SELINUX=enforcing/) }
end

describe file('/etc/dracut.conf.d/50-generic.conf') do
  its(:content) { should match(/hostonly="?no/) }
end

# The password that the bake knew is no more.
describe file('/etc/shadow') do
  its(:content) { should match(/^root:[*!]/) }
end
