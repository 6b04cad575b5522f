# Is nothing in this image that belongs to one machine, or to whoever built it? For sealed images: while an image is being baked, what
# sysprep removes is still there. Wants the image's files; leases are searched for inside the image.

describe 'host keys', id: 'secrets-01', impact: 1.0, title: 'Every machine makes its own host keys' do
  %w[rsa dsa ecdsa ed25519].each do |kind|
    describe file("/etc/ssh/ssh_host_#{kind}_key") do
      it { should_not exist }
    end
  end
end

describe 'identity', id: 'secrets-02', impact: 0.9, title: 'Every machine has its own identity' do
  if file('/etc/machine-id').exist?
    describe file('/etc/machine-id') do
      its(:content) { should match(/\A(uninitialized)?\s*\z/) }
    end
  end

  if file('/var/lib/dbus/machine-id').exist?
    describe file('/var/lib/dbus/machine-id') do
      it { should be_symlink }
    end
  end

  %w[/var/lib/systemd/random-seed /var/lib/systemd/credential.secret /etc/udev/rules.d/70-persistent-net.rules
     /etc/hostid /etc/iscsi/initiatorname.iscsi].each do |path|
    describe file(path) do
      it { should_not exist }
    end
  end
end

describe 'passwords', id: 'secrets-03', impact: 1.0, title: 'No account has a password' do
  describe file('/etc/shadow') do
    its(:content) { should_not match(/^[^:\n]+:(?![*!])/) }
  end

  describe file('/etc/passwd') do
    its(:content) { should_not match(/^[^:\n]+:(?![x*!]:)/) }
  end

  describe file('/etc/gshadow') do
    its(:content) { should_not match(/^[^:\n]+:[^:*!\n]/) }
  end if file('/etc/gshadow').exist?
end

# Of everybody who can have files at home; service accounts share a few folders.
homes = (file('/etc/passwd').content || '').split("\n").map { |line| line.split(':')[5] }
homes = (homes + ['/root']).compact.uniq.select { |home| home =~ %r{\A/(root|home/.+|srv/.+|var/lib/.+)\z} }.sort

describe 'homes', id: 'secrets-04', impact: 0.8, title: 'Whoever built the image left nothing at home' do
  homes.each do |home|
    %w[.bash_history .zsh_history .ash_history .history .python_history .mysql_history .psql_history .sqlite_history .lesshst .viminfo
       .wget-hsts].each do |name|
      describe file("#{home}/#{name}") do
        it { should_not exist }
      end
    end
  end
end

describe 'keys', id: 'secrets-05', impact: 1.0, title: 'Nobody can log in, or act as somebody, with keys that are in the image' do
  homes.each do |home|
    %w[.ssh/id_rsa .ssh/id_dsa .ssh/id_ecdsa .ssh/id_ed25519 .ssh/known_hosts .netrc .pgpass .git-credentials .aws/credentials
       .docker/config.json .kube/config].each do |name|
      describe file("#{home}/#{name}") do
        it { should_not exist }
      end
    end

    next unless file("#{home}/.ssh/authorized_keys").exist?
    describe file("#{home}/.ssh/authorized_keys") do
      its(:content) { should_not match(/^\s*[^#\s]/) }
    end
  end
end

describe 'leftovers', id: 'secrets-06', impact: 0.6, title: 'The installation left no answers, logs or leases' do
  %w[/var/lib/cloud/instance /var/lib/cloud/instances /var/log/cloud-init.log /var/log/installer /var/log/anaconda
     /root/anaconda-ks.cfg /root/original-ks.cfg /root/kickstart-post.log /root/ks-post.log
     /etc/sudoers.d/90-cloud-init-users].each do |path|
    describe file(path) do
      it { should_not exist }
    end
  end

  folders = %w[/var/lib/dhcp /var/lib/dhclient /var/lib/dhcpcd /var/lib/NetworkManager /var/lib/systemd/network]
  describe command("for d in #{folders.join(' ')}; do [ ! -d $d ] || find $d -type f -name '*lease*' -size +0; done") do
    its(:exit_status) { should eq 0 }
    its(:stdout) { should eq '' }
  end
end
