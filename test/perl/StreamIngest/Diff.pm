
=pod

=head1 NAME

StreamIngest::Diff - compares the answers of data sources with those of a heap table

=head1 SYNOPSIS

  my $diff = StreamIngest::Diff->new(psql => [...], directory => $dir, seed => 17);
  my $totals = $diff->run($first, $number);

=head1 DESCRIPTION

Each query runs once on the heap table, without parallel workers, and then on
every layout of the rows with several ways of execution.  A way is the
session's settings: what the extension has to switch off, as pg_settings says,
and parallel query.  psql does the work in batches: one script, one output.

=cut

package StreamIngest::Diff;

use strict;
use warnings;

use StreamIngest::Diff::Answers;
use StreamIngest::Diff::Grammar;
use StreamIngest::Diff::Queries;

# Queries of one psql script.
my $batch = 100;

# Parallel plans whatever they cost.
my @parallel = (
	[ max_parallel_workers_per_gather => 2 ], [ parallel_setup_cost => 0 ], [ parallel_tuple_cost => 0 ],
	[ min_parallel_table_scan_size => 0 ], [ min_parallel_index_scan_size => 0 ]);
my @serial = ([ max_parallel_workers_per_gather => 0 ]);

# psql: command with arguments; directory: for scripts; tree: of the source;
# seed; layouts: names of foreign tables; all: every way with every layout.
sub new
{
	my ($class, %o) = @_;
	my $self = bless {%o}, $class;

	$self->{queries} = StreamIngest::Diff::Queries->new(StreamIngest::Diff::Grammar->new("$o{tree}/test/diff/grammar"));
	$self->{ways} = $self->ways;
	return $self;
}

# psql's output of some SQL.
sub psql
{
	my ($self, $sql) = @_;
	my $script = "$self->{directory}/diff.sql";
	my $output = "$self->{directory}/diff.out";
	my $log = "$self->{directory}/diff.log";

	open(my $out, '>:encoding(UTF-8)', $script) or die "$script: $!";
	print $out $sql;
	close($out);
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDOUT, '>', $output) or die "$output: $!";
		open(STDERR, '>', $log) or die "$log: $!";
		exec(@{ $self->{psql} }, '-f', $script) or die "psql: $!";
	}
	waitpid($pid, 0);
	$self->{status} = $?;
	open(my $in, '<:encoding(UTF-8)', $output) or die "$output: $!";
	local $/ = undef;
	my $text = <$in>;
	close($in);
	return $text;
}

# All ways: everything on, each switch off alone, all of them off; each serial and parallel.
sub ways
{
	my ($self) = @_;
	my @names = grep { /\S/ } split /\n/, $self->psql(q{\t
SELECT name FROM pg_settings WHERE name LIKE 'stream\_ingest.enable\_%' AND vartype = 'bool' AND context = 'user' ORDER BY name;});
	my @off = ([], map { [$_] } @names);
	my @ways;

	die "no settings that switch something off\n" unless @names;
	push @off, [@names] if @names > 1;
	foreach my $off (@off)
	{
		foreach my $parallel (\@serial, \@parallel)
		{
			my %off = map { $_ => 1 } @$off;

			push @ways, [ (map { [ $_ => $off{$_} ? 'off' : 'on' ] } @names), @$parallel ];
		}
	}
	$self->{switches} = \@names;
	return \@ways;
}

# The runs of query number n on its layouts: [layout, way].
sub runs
{
	my ($self, $number) = @_;
	my @ways = @{ $self->{ways} };
	my @layouts = @{ $self->{layouts} };
	my @runs;

	for my $l (0 .. $#layouts)
	{
		# in turns, so that neighbouring queries see all of them
		my @numbers = $self->{all} ? 0 .. $#ways : ($number + $l);

		push @numbers, $number + $l + 1 + int(@ways / 2) if !$self->{all} && ($number + $l) % 2 == 0;

		push @runs, map { [ $layouts[$l], $ways[ $_ % @ways ] ] } @numbers;
	}
	return @runs;
}

sub set { return join('', map { "SET $_->[0] = '$_->[1]'\\; " } @_); }
sub reset_all { return join('', map { "RESET $_->[0]\\; " } @_); }

# The script of one query: on the heap table, then in every run.
sub script
{
	my ($self, $number, $query) = @_;
	my @settings = @{ $query->{settings} };
	my @runs = ([ 'heap', \@serial ], $self->runs($number));
	my $sql = set(@settings) =~ s/\\; $/;\n/r;
	my $i = 0;

	foreach my $run (@runs)
	{
		my ($table, $way) = @$run;
		my $name = sub { defined $_[0] ? $_[0] =~ s/\{R\}/$table/gr . ";\n" : '' };

		$sql .= set(@$way) =~ s/\\; $/;\n/r;
		$sql .= $name->($query->{before}) . "\\echo \x01BEGIN $number $i\n" . $name->($query->{sql}) . "\\echo \x01END :SQLSTATE\n" . $name->($query->{after});
		$i++;
	}
	$sql .= reset_all(@settings) =~ s/\\; $/;\n/r;
	return ($sql, \@runs);
}

# Runs queries first .. first + n - 1; counts of what was compared, and what differed.
sub run
{
	my ($self, $first, $n) = @_;
	my %t = (queries => 0, runs => 0, errors => 0, empty => 0, differing => 0, shapes => {});

	for (my $from = $first; $from < $first + $n; $from += $batch)
	{
		my $to = $from + $batch < $first + $n ? $from + $batch : $first + $n;

		$self->run_batch($from, $to - 1, \%t);
		last if $t{differing} >= 10 || $t{broken};
	}
	return \%t;
}

sub run_batch
{
	my ($self, $from, $to, $t) = @_;
	my $sql = "\\pset format unaligned\n\\pset fieldsep '\x1f'\n\\pset recordsep '\x1e'\n\\pset null '\\\\N'\n\\pset footer off\n";
	my (%queries, %runs);

	foreach my $number ($from .. $to)
	{
		$queries{$number} = $self->{queries}->make($self->{seed}, $number);
		(my $part, $runs{$number}) = $self->script($number, $queries{$number});
		$sql .= $part;
	}
	my $output = $self->psql($sql);
	my %answers;

	while ($output =~ /\x01BEGIN (\d+) (\d+)\n(.*?)\x01END (\w+)\n/sg)
	{
		$answers{$1}[$2] = StreamIngest::Diff::Answers->new($3, $4, $queries{$1});
	}
	foreach my $number ($from .. $to)
	{
		my $answers = $answers{$number} // [];

		if (grep { !defined } @{$answers}[ 0 .. $#{ $runs{$number} } ])
		{
			$self->report_end($number, $queries{$number}, $runs{$number}, $answers);
			$t->{differing}++;
			$t->{broken} = 1;
			last;
		}
		$self->count($t, $queries{$number}, $answers);
		$self->compare($t, $number, $queries{$number}, $runs{$number}, $answers);
	}
	return;
}

sub count
{
	my ($self, $t, $query, $answers) = @_;

	$t->{queries}++;
	$t->{runs} += $#$answers;
	$t->{shapes}{ $query->{shape} }++;
	$t->{errors}++ if $answers->[0]->sqlstate ne '00000';
	$t->{empty}++ if $answers->[0]->sqlstate eq '00000' && $answers->[0]->rows == 0;
	return;
}

sub compare
{
	my ($self, $t, $number, $query, $runs, $answers) = @_;

	for my $i (1 .. $#$runs)
	{
		my $difference = $answers->[0]->difference($answers->[$i]);

		next if !defined $difference;
		$self->report($number, $query, $runs->[$i], $difference);
		# one report of a query is enough
		$t->{differing}++;
		last;
	}
	return;
}

# ---- reports

sub statement
{
	my ($query, $table) = @_;

	return join(";\n", grep { defined } @{$query}{qw(before sql after)}) =~ s/\{R\}/$table/gr . ';';
}

sub report
{
	my ($self, $number, $query, $run, $difference) = @_;
	my ($table, $way) = @$run;

	$self->{say}->("query $number of seed $self->{seed} ($query->{shape}) differs:\n"
			. set(@{ $query->{settings} }, @$way) =~ s/\\;/;/gr
			. "\n" . statement($query, $table) . "\n$difference\n"
			. "repeat it with SI_DIFF_SEED=$self->{seed} SI_DIFF_FIRST=$number SI_DIFF_QUERIES=1");
	return;
}

# psql ended before its script did: the server died under a query.
sub report_end
{
	my ($self, $number, $query, $runs, $answers) = @_;
	my $last = (grep { !defined $answers->[$_] } 0 .. $#$runs)[0];
	my ($table, $way) = @{ $runs->[$last] };

	open(my $in, '<', "$self->{directory}/diff.log") or die "diff.log: $!";
	my @log = <$in>;
	close($in);
	$self->{say}->("query $number of seed $self->{seed} ($query->{shape}) gave no answer, psql ended with status $self->{status}:\n"
			. set(@{ $query->{settings} }, @$way) =~ s/\\;/;/gr
			. "\n" . statement($query, $table) . "\n" . join('', @log[ ($#log > 5 ? -5 : -@log) .. -1 ]));
	return;
}

1;
