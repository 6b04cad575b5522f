# Is every package up to date? Wants the image's package manager and the network; without an answer from the repositories the checks are
# unanswered, as nobody knows. Nothing is left in the image: lists are kept below /tmp.

# What cannot be known is neither passed nor failed; serverspec itself knows only how to skip.
def unanswered(why)
  raise Bakery::Unanswered, why if Object.const_defined?(:Bakery)
  skip why
end

apt = 'd=$(mktemp -d) && chmod 755 "$d" && mkdir -p "$d/lists/partial" "$d/cache/archives/partial" && ' \
      'o="-o Dir::State::lists=$d/lists -o Dir::Cache=$d/cache -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root" && ' \
      '{ apt-get -qq $o update || exit 99; } && LC_ALL=C apt-get -s $o dist-upgrade; s=$?; rm -rf "$d"; exit $s'
dnf = 'd=$(mktemp -d) && $(command -v dnf || echo yum) -q --setopt=cachedir="$d" check-update; s=$?; rm -rf "$d"; exit $s'

describe 'packages', id: 'updates-01', impact: 0.7, title: 'All packages are up to date' do
  case os[:family]
  when 'debian', 'ubuntu'
    describe 'apt-get dist-upgrade' do
      subject { command(apt) }

      it 'knows of no newer package' do
        unanswered("the repositories cannot be asked: #{subject.stderr.split("\n").last}") if subject.exit_status == 99
        expect(subject.exit_status).to eq 0
        expect(subject.stdout.scan(/^Inst (\S+ \[\S+\] \(\S+)/).flatten).to eq []
      end
    end
  when 'redhat', 'fedora', 'amazon'
    describe 'dnf check-update' do
      subject { command(dnf) }

      it 'knows of no newer package' do
        unanswered("the repositories cannot be asked: #{subject.stderr.split("\n").last}") unless [0, 100].include?(subject.exit_status)
        expect(subject.stdout.split("\n").map { |line| line.split.first }.compact).to eq []
      end
    end
  else
    it 'are up to date' do
      unanswered("packages of '#{os[:family]}' are not known here")
    end
  end
end
