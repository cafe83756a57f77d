# For the cases hostile-*: an ordinary account that attacks what root runs.

# hostile: makes the account `attacker`, which owns its home and its docker.service.
hostile() {
    useradd --create-home --shell /bin/bash attacker
    chmod 755 /home/attacker
    attack 'mkdir -p bin .config/systemd/user'
    unit PATH=/home/attacker/bin:/usr/bin:/bin:/usr/sbin:/sbin
}

# attack SCRIPT: attacker runs it in its home.
attack() {
    runuser -u attacker -- env -i HOME=/home/attacker USER=attacker LC_ALL=C \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash -ec "cd ~; $1"
}

# unit VARIABLE=VALUE...: what attacker's docker.service puts into its environment.
unit() {
    printf 'Environment="%s"\n' "$@" |
        attack '{ echo "[Service]"; cat; } >.config/systemd/user/docker.service'
}

# plant NAME: a program of attacker's, from standard input.
plant() {
    attack "cat >bin/$1; chmod 755 bin/$1"
}

# won WHAT: an attack has succeeded. `held`, at the end of a step, fails if one has.
won() {
    echo "succeeded: $*"
    lost=1
}
held() {
    pkill -KILL -u attacker || true
    return ${lost:-0}
}

# on_terminal SECONDS COMMAND: types the command into a shell of root's on a terminal of
# its own, and prints what appears there. After so many seconds Ctrl-C is typed as well;
# then the terminal is closed.
on_terminal() {
    perl - "$@" <<'PERL'
use Fcntl; use POSIX ();
my ($seconds, $command) = @ARGV;
sysopen my $terminal, "/dev/ptmx", O_RDWR | O_NOCTTY or die "ptmx: $!";
my $number = my $unlock = pack "i", 0;
ioctl $terminal, 0x40045431, $unlock or die "unlock: $!";
ioctl $terminal, 0x80045430, $number or die "number: $!";
my $shell = fork // die;
if (!$shell) {
    POSIX::setsid();
    close $terminal;
    sysopen my $its, "/dev/pts/" . unpack("i", $number), O_RDWR or die "pts: $!";
    POSIX::dup2(fileno $its, $_) for 0 .. 2;
    close $its;
    exec "env", "TERM=linux", "PS1=# ", "bash", "--norc", "--noprofile", "-i";
}
my $over = "over-$$-";
syswrite $terminal, "$command; echo ${over}\$((40 + 2))\n";
my ($seen, $some, $over_at) = ("", "", 0);
# What appears within so many seconds; whether it goes on.
sub look {
    my $in = "";
    vec($in, fileno $terminal, 1) = 1;
    select $in, undef, undef, shift or return 1;
    sysread $terminal, $some, 65536 or return 0;
    $seen .= $some;
    1;
}
my $end = time + $seconds;
1 while time < $end && $seen !~ /${over}42/ && look 0.2;
syswrite $terminal, "\x03\n" if $seen !~ /${over}42/;
# What a program has typed is carried out now, and one that reads along gets these.
for (1 .. 6) {
    syswrite $terminal, ": typed-by-root\n";
    my $next = time + 1;
    1 while time < $next && look 0.2;
}
kill KILL => $shell;
close $terminal;
print $seen;
print "\nit was ended by Ctrl-C\n" if $seen !~ /${over}42/;
PERL
}

# costs SECONDS COMMAND...: fails if root's command takes longer, or more than 64 MiB of
# memory; says so after `$what`. Its output goes to /var/tmp/cost.
costs() {
    perl - "$@" <<'PERL'
my ($seconds, @command) = @ARGV;
my ($peak, $from) = (0, time);
my $pid = fork // die;
if (!$pid) {
    open STDOUT, ">", "/var/tmp/cost"; open STDERR, ">&", \*STDOUT;
    exec @command;
}
until (waitpid $pid, 1) {
    if (open my $status, "<", "/proc/$pid/status") {
        /^VmHWM:\s+(\d+)/ and $1 > $peak and $peak = $1 while <$status>;
    }
    last if time - $from > $seconds + 5;
    select undef, undef, undef, 0.02;
}
my $code = $?;
kill KILL => $pid;
my $took = time - $from;
printf "%s: %d s, %d MiB, exit %d%s\n", $ENV{what}, $took, $peak / 1024, $code >> 8,
    $code & 127 ? " (signal " . ($code & 127) . ")" : "";
exit($took > $seconds || $peak > 65536 || $code & 127);
PERL
}

# raw FILE: lines with something that a terminal would act on, or not show: control
# characters, bidirectional and invisible ones.
raw() {
    LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xef\xbf[\xb9-\xbb]|\xf3\xa0[\x80-\x87]' "$1" | cat -v | cut -c 1-200
}

# opened FILE...: in the background, notes in /var/tmp/opened which of them somebody opens.
watch_opens() {
    : >/var/tmp/opened
    perl - "$@" >/dev/null 2>&1 <<'PERL' &
my $watch = syscall 294, 0;
my %file;
for my $file (@ARGV) { $file{syscall 254, $watch, $file, 0x20} = $file }
open my $note, ">>", "/var/tmp/opened"; $note->autoflush if $note->can("autoflush");
open my $in, "<&=", $watch;
while (sysread $in, my $events, 65536) {
    while (length $events) {
        my ($which, $mask, $cookie, $long) = unpack "iIII", $events;
        substr $events, 0, 16 + $long, "";
        syswrite $note, "$file{$which}\n";
    }
}
PERL
    watcher=$!
    sleep 0.5
}
