# Asks the resident helper: client.pl FOLDER KIND SECONDS VARIABLE < EVENT
# Exits 0 having said the word, 2 having said why not, 75 where no helper listens: then nothing was read.
use strict;
my ($folder, $kind, $seconds, $variable) = @ARGV;
alarm $seconds;    # its signal ends the process, and the wrapper takes that for a no
chdir $folder or exit 75;
my $path = $^O eq 'linux' ? pack('Sa*', 1, "helper.sock\0") : pack('CCa*', 13, 1, "helper.sock\0");
socket(my $line, 1, 1, 0) or exit 75;
connect($line, $path) or exit 75;
binmode STDIN;
binmode $line;
sub out {
    my ($data) = @_;
    my $at = 0;
    while ($at < length $data) {
        my $sent = syswrite $line, $data, length($data) - $at, $at;
        defined $sent or exit 2;
        $at += $sent;
    }
}
$SIG{PIPE} = 'IGNORE';
my $project = length $variable ? $ENV{$variable} // '' : '';
out("$kind\0$project\0");
my $piece;
while (my $read = sysread STDIN, $piece, 262144) { out($piece) }
shutdown $line, 1;
my $answer = '';
while (sysread $line, $piece, 65536) { $answer .= $piece }
my ($code, $words) = split /\n/, $answer, 2;
if (defined $code && $code eq '0' && defined $words) {
    syswrite STDOUT, 'standwatch: go';
    exit 0;
}
syswrite STDERR, length($words // '') ? $words : "The hook's helper failed, so nothing may be done.\n";
exit 2;
