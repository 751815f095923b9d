
=pod

=head1 NAME

StreamIngest::Diff::Answers - one answer of a query, and how two of them differ

=head1 DESCRIPTION

An answer is psql's unaligned output (fields end with \x1f, rows with \x1e,
the first row has the names of columns) and an SQLSTATE.

Columns called "approx" are floating point: sums in another order differ in
their last digits.  Columns called "fold" are texts of a collation without
case, where any of several equal texts is right.  Zero has one sign, because 0
and -0 are equal and either may stand for a group.

=cut

package StreamIngest::Diff::Answers;

use strict;
use warnings;

# Of approximate numbers: rows times some ulps, and for sums near zero.
my $tolerance = 1e-9;

sub new
{
	my ($class, $output, $sqlstate, $query) = @_;
	my ($head, @lines) = split /\x1e/, $output =~ s/\n$//r, -1;

	pop @lines if @lines && $lines[-1] eq '';
	return bless { output => $output, sqlstate => $sqlstate, head => $head // '', lines => \@lines, ordered => $query->{ordered} }, $class;
}

sub sqlstate { return $_[0]{sqlstate}; }
sub rows { return scalar @{ $_[0]{lines} }; }

# The lines as one text, in an order that does not depend on the plan.
sub sorted
{
	my ($self) = @_;

	return $self->{output} if $self->{ordered};
	$self->{sorted} //= join("\x1e", sort @{ $self->{lines} });
	return $self->{sorted};
}

# Takes the lines apart, which only answers need that are not the same text.
sub parse
{
	my ($self) = @_;

	return if $self->{rows};
	$self->{names} = [ split /\x1f/, $self->{head}, -1 ];
	$self->{rows} = [ map { $self->row($_) } @{ $self->{lines} } ];
	$self->{rows} = [ sort { $a->{exact} cmp $b->{exact} } @{ $self->{rows} } ] unless $self->{ordered};
	return;
}

# One row: what must be equal as one text, and the approximate numbers.
sub row
{
	my ($self, $line) = @_;
	my @fields = split /\x1f/, $line, -1;
	my (@exact, @approx);

	for my $i (0 .. $#fields)
	{
		my $name = $self->{names}[$i] // '';

		if ($name eq 'approx') { push @approx, $fields[$i]; }
		elsif ($name eq 'fold') { push @exact, lc $fields[$i]; }
		else { push @exact, $fields[$i] eq '-0' ? '0' : $fields[$i]; }
	}
	return { exact => join("\x1f", @exact), approx => \@approx, line => $line };
}

sub is_number { return $_[0] =~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/i; }

sub near
{
	my ($a, $b) = @_;

	return 1 if $a eq $b;
	return 0 unless is_number($a) && is_number($b);
	my $size = abs($a) > abs($b) ? abs($a) : abs($b);
	return abs($a - $b) <= $tolerance * ($size > 1 ? $size : 1);
}

sub same_row
{
	my ($a, $b) = @_;

	return 0 if $a->{exact} ne $b->{exact} || @{ $a->{approx} } != @{ $b->{approx} };
	for my $i (0 .. $#{ $a->{approx} })
	{
		return 0 unless near($a->{approx}[$i], $b->{approx}[$i]);
	}
	return 1;
}

sub shown { return defined $_[0] ? $_[0]{line} =~ s/\x1f/ | /gr : '(no row)'; }

# undef, or what differs for people to read.
sub difference
{
	my ($self, $other) = @_;

	return "expected SQLSTATE $self->{sqlstate}\n     got SQLSTATE $other->{sqlstate}" if $self->{sqlstate} ne $other->{sqlstate};
	return undef if $self->{sqlstate} ne '00000';
	return undef if $self->{output} eq $other->{output} || $self->sorted eq $other->sorted;
	$self->parse;
	$other->parse;
	my $n = $self->rows > $other->rows ? $self->rows : $other->rows;
	my @differing = grep { my ($a, $b) = ($self->{rows}[$_], $other->{rows}[$_]); !$a || !$b || !same_row($a, $b) } 0 .. $n - 1;

	return undef unless @differing;
	my $text = sprintf('%d rows expected, %d rows got, %d differ', $self->rows, $other->rows, scalar @differing);

	foreach my $i (@differing[ 0 .. ($#differing < 4 ? $#differing : 4) ])
	{
		$text .= "\nexpected " . shown($self->{rows}[$i]) . "\n     got " . shown($other->{rows}[$i]);
	}
	return $text;
}

1;
