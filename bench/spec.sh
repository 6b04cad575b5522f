# A thousand offline checks of files, of ten kinds: our engine beside serverspec, of the same root, in one run. And how long it takes
# until the first check is answered.
spec_files() {
        cat >"$WORK/thousand_spec.rb" <<-'END'
	require 'serverspec'
	set :backend, :exec
	(1..100).each do |n|
	  describe file("/srv/bench/#{n}") do
	    it { should exist }
	    it { should be_file }
	    it { should_not be_directory }
	    it { should be_mode 644 }
	    it { should be_owned_by 'root' }
	    it { should be_grouped_into 'root' }
	    it { should be_readable.by('others') }
	    it { should contain "number #{n}" }
	    its(:content) { should match(/^number #{n}$/) }
	    its(:md5sum) { should match(/\A[0-9a-f]{32}\z/) }
	  end
	end
	END
        printf "require 'serverspec'\nset :backend, :exec\ndescribe file('/srv/bench/1') do it { should exist } end\n" >"$WORK/one_spec.rb"
        # Debian with serverspec in it, which has to run inside to see the same files.
        if [ ! -d "$WORK/specroot" ]; then
                mmdebstrap --quiet --variant=minbase --include=ruby-serverspec bookworm "$WORK/specroot" >/dev/null
                mkdir -p "$WORK/specroot/srv/bench"
                for n in $(seq 100); do echo "number $n" >"$WORK/specroot/srv/bench/$n"; done
        fi
}
serverspec() { # serverspec FILE: in the root
        cp "$WORK/$1" "$WORK/specroot/root/"
        unshare --mount --pid --fork --kill-child sh -c 'mount -t proc proc "$1/proc" && exec chroot "$1" \
                env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 rspec -f p "/root/$2"' - "$WORK/specroot" "$1"
}
# first FILE COMMAND...: wall seconds from the start to the first byte of output, which is the first check's dot, appended.
first() {
        perl -MTime::HiRes=time -e '
                my $file = shift;
                pipe my $r, my $w;
                my $t = time;
                my $pid = fork;
                if (!$pid) {
                        open STDOUT, ">&", $w;
                        exec @ARGV;
                }
                close $w;
                sysread $r, my $byte, 1 or exit 1;
                my $seconds = time - $t;
                1 while sysread $r, $byte, 4096;
                waitpid $pid, 0;
                exit 1 if $?;
                open my $out, ">>", $file;
                printf $out "%.4f\n", $seconds' "$@"
}
bench_spec() {
        echo "1,000 offline checks of 10 kinds, whole process, seconds:"
        spec_files
        for one_of in ours theirs ours1 theirs1; do : >"$WORK/t.$one_of"; done
        for i in $(runs 3); do
                timed "$WORK/t.theirs" serverspec thousand_spec.rb
                timed "$WORK/t.theirs1" serverspec one_spec.rb
        done
        for i in $(runs 21); do
                timed "$WORK/t.ours" "$BAKERY" spec run -root "$WORK/specroot" -format progress "$WORK/thousand_spec.rb"
                first "$WORK/t.ours1" "$BAKERY" spec run -root "$WORK/specroot" -format progress "$WORK/one_spec.rb"
        done
        row "  bakery spec run (aim: 0.060)" "$(median <"$WORK/t.ours")"
        row "  serverspec" "$(median <"$WORK/t.theirs")"
        row "  ratio serverspec / bakery" "$(over "$(mid <"$WORK/t.theirs")" "$(mid <"$WORK/t.ours")")"
        row "  bakery, from the start to the first check's answer (aim: 0.005)" "$(median <"$WORK/t.ours1")"
        row "  serverspec, one check, whole process" "$(median <"$WORK/t.theirs1")"
}
