
=pod

=head1 NAME

StreamIngest::Diff::Grammar - random texts from a grammar in a file

=head1 SYNOPSIS

  my $grammar = StreamIngest::Diff::Grammar->new("$tree/test/diff/grammar");
  srand(17);
  my $condition = $grammar->text('filter', 'a.');

=head1 DESCRIPTION

The file says itself how it is written.  Choices come from rand(), so srand()
repeats them.

=cut

package StreamIngest::Diff::Grammar;

use strict;
use warnings;

# Symbols within symbols, before only what ends is taken.
my $max_depth = 4;

sub new
{
	my ($class, $file) = @_;
	my (%symbols, $symbol);

	open(my $in, '<:encoding(UTF-8)', $file) or die "$file: $!";
	while (my $line = <$in>)
	{
		chomp $line;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^\[(\w+)\]$/)
		{
			$symbol = $1;
			$symbols{$symbol} = [];
			next;
		}
		my $weight = $line =~ s/^(\d+)x // ? $1 : 1;
		push @{ $symbols{$symbol} }, ($line) x $weight;
	}
	close($in);

	my $self = bless { symbols => \%symbols }, $class;
	# an empty alternative
	$symbols{none} = [''];
	$self->check;
	return $self;
}

# Every symbol that is used is there.
sub check
{
	my ($self) = @_;

	foreach my $name (keys %{ $self->{symbols} })
	{
		foreach my $text (@{ $self->{symbols}{$name} })
		{
			foreach my $used ($text =~ /<(\w+)>/g)
			{
				die "symbol $used of $name is not in the grammar" unless $self->{symbols}{$used};
			}
		}
		die "symbol $name has no alternative" unless @{ $self->{symbols}{$name} };
	}
	return;
}

sub expand
{
	my ($self, $symbol, $depth) = @_;
	my @alternatives = @{ $self->{symbols}{$symbol} };

	@alternatives = grep { !/<\Q$symbol\E>/ } @alternatives if $depth >= $max_depth;
	my $text = $alternatives[ rand @alternatives ];
	$text =~ s/<(\w+)>/$self->expand($1, $depth + 1)/ge;
	return $text;
}

# A random text of a symbol, its columns with this alias in front.
sub text
{
	my ($self, $symbol, $alias) = @_;
	my $text = $self->expand($symbol, 0);

	$alias //= 't.';
	$text =~ s/@(?=[a-z_])/$alias/g;
	return $text;
}

1;
