# Does the SSH server let in only whom it should? Wants the files of /etc/ssh, and sshd itself, which is asked inside the image what its
# configuration comes to: sshd_config, sshd_config.d and the defaults of its version.

# A key of its own, as an image has none.
effective = 'd=$(mktemp -d) && mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N "" -f "$d/key" && ' \
            '$(command -v sshd || echo /usr/sbin/sshd) -T -h "$d/key"; s=$?; rm -rf "$d"; exit $s'

if !file('/usr/sbin/sshd').exist? && !file('/usr/bin/sshd').exist?
  describe 'SSH' do
    it('is hardened') { skip 'there is no SSH server in the image' }
  end
else
  describe 'the configuration', id: 'ssh-01', impact: 0.7, title: 'Only root changes what the server does' do
    describe file('/etc/ssh/sshd_config') do
      it { should be_file }
      it { should be_owned_by 'root' }
      it { should_not be_writable.by('group') }
      it { should_not be_writable.by('others') }
      its(:content) { should_not match(/^\s*Protocol\s+.*1/i) }
    end
  end

  sshd = command(effective)

  describe 'sshd -T' do
    subject { sshd }
    its(:exit_status) { should eq 0 }

    describe 'logging in', id: 'ssh-02', impact: 1.0, title: 'With keys only' do
      its(:stdout) { should match(/^permitrootlogin (no|prohibit-password|without-password|forced-commands-only)$/) }
      its(:stdout) { should match(/^passwordauthentication no$/) }
      its(:stdout) { should match(/^(kbdinteractiveauthentication|challengeresponseauthentication) no$/) }
      its(:stdout) { should match(/^permitemptypasswords no$/) }
      its(:stdout) { should match(/^hostbasedauthentication no$/) }
      its(:stdout) { should match(/^ignorerhosts (yes|shosts-only)$/) }
      its(:stdout) { should match(/^permituserenvironment no$/) }
      its(:stdout) { should match(/^strictmodes yes$/) }
    end

    describe 'guessing', id: 'ssh-03', impact: 0.5, title: 'Guessing is slow' do
      its(:stdout) { should match(/^maxauthtries [1-6]$/) }
      its(:stdout) { should match(/^logingracetime ([1-9]|[1-9]\d|1[01]\d|120)$/) }
    end

    describe 'forwarding', id: 'ssh-04', impact: 0.4, title: 'No windows are forwarded' do
      its(:stdout) { should match(/^x11forwarding no$/) }
    end

    describe 'cryptography', id: 'ssh-05', impact: 0.7, title: 'Nothing that is broken is offered' do
      its(:stdout) { should_not match(/^ciphers .*(3des|arcfour|blowfish|cast128|-cbc)/) }
      its(:stdout) { should_not match(/^macs .*(md5|hmac-sha1-96|umac-64@)/) }
      its(:stdout) { should_not match(/^kexalgorithms .*(group1-sha1|group14-sha1|group-exchange-sha1)/) }
      its(:stdout) { should_not match(/^hostkeyalgorithms .*ssh-dss/) }
    end
  end
end
