#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# Puts the keys of core/config.def into a POD text: a line "@KEYS section@"
# becomes a list of that section's keys.
#
#   config-pod.pl config.def chanas.ini.pod >out.pod
use strict;
use warnings;

my ($def, $pod) = @ARGV;
my (%keys, %used);

# The arguments of one row, strings without their quotes.
sub arguments {
    my ($text) = @_;
    my @out;
    while ($text =~ /\G\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]+?))\s*(?:,|$)/g) {
        push @out, defined $1 ? $1 : $2;
        last if pos($text) >= length $text;
    }
    return @out;
}

# Text as POD: no formatting code of its own.
sub plain { my $s = shift; $s =~ s/([<>])/$1 eq '<' ? 'E<lt>' : 'E<gt>'/ge; $s }

open my $in, '<', $def or die "$def: $!\n";
my $text = join '', <$in>;
$text =~ s{/\*.*?\*/}{}gs;
my %limits = (int => 2, real => 2, text => 0, bool => 0, word => 1);
while ($text =~ /^CONFIG_([A-Z]+)\((.*?)\)$/gms) {
    my ($type, $row) = (lc $1, $2);
    $row =~ s/\s*\n\s*/ /g;
    my ($section, $key, undef, $fallback, @rest) = arguments($row);
    my $help = pop @rest;
    die "$def: $key: no type $type with ", scalar @rest, " limits\n"
        if @rest != ($limits{$type} // -1);
    my $range = @rest == 2 ? ", $rest[0] to $rest[1]" : '';
    $type = join ' or ', split /\|/, $rest[0] if $type eq 'word';
    my $default = $fallback eq '' ? '' : ' (default ' . plain($fallback) . ')';
    push @{ $keys{$section} },
        "=item B<$key> ($type$range)\n\n\u" . plain($help) . "$default.\n\n";
}
die "$def: no keys\n" unless %keys;

open $in, '<', $pod or die "$pod: $!\n";
while (my $line = <$in>) {
    if ($line =~ /^\@KEYS (\S+)\@$/) {
        die "$pod:$.: no section '$1' in $def\n" unless $keys{$1};
        $used{$1} = 1;
        print "=over\n\n", @{ $keys{$1} }, "=back\n";
    } else {
        print $line;
    }
}
for my $section (sort keys %keys) {
    die "$pod: says nothing about section [$section]\n" unless $used{$section};
}
