# Random queries have the answers of a heap table with the same rows, in every
# layout of the rows and with every way of execution.
#
# SI_DIFF_QUERIES=20000 is the long form, which tries all ways with every query; SI_DIFF_SEED repeats a run, SI_DIFF_FIRST begins
# at a query of it.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Diff;
use Test::More;

my $queries = $ENV{SI_DIFF_QUERIES} // 300;
my $first = $ENV{SI_DIFF_FIRST} // 1;
# the short form is the same every time, so that a commit does not fail for what an earlier one has broken
my $seed = $ENV{SI_DIFF_SEED} // ($queries > 300 ? 1 + int(rand(1_000_000)) : 1);
my $all = $queries > 300 || $queries < 10;
my $rows = 20000;
my $tree = $ENV{SI_TREE};

diag("SI_DIFF_SEED=$seed SI_DIFF_QUERIES=$queries" . ($first > 1 ? " SI_DIFF_FIRST=$first" : ''));

my $node = StreamIngest::Cluster->new('diff');
$node->init;
# max_parallel_workers: three backends are enough for a query, and others run tests too
$node->append_conf('postgresql.conf', "fsync = off\nmax_parallel_workers = 4\nstatement_timeout = '300s'\nlog_min_error_statement = panic\nclient_min_messages = error\n");
$node->start;

my @psql = ('psql', '-X', '-q', '-d', $node->connstr('postgres'));

# Runs a file of test/diff.
sub load
{
	my ($file) = @_;
	my $ok = run_log([ @psql, '-v', 'ON_ERROR_STOP=1', '-v', 'seed=' . ($seed % 1000) / 1000, '-v', "rows=$rows", '-o', '/dev/null', '-f', "$tree/test/diff/$file" ]);

	ok($ok, "$file is loaded") or BAIL_OUT("nothing to compare");
	return;
}

$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest; CREATE EXTENSION si_test');
load('rows.sql');
load('layouts.sql');

my @layouts = split /\n/, $node->safe_psql('postgres', q{SELECT relname FROM pg_class WHERE relname LIKE 'l\_%' AND relkind IN ('f', 'p') ORDER BY 1});
my $whole = q{SELECT count(*), sum(hashtextextended(t::text, 0)) FROM %s t};
my $expected = $node->safe_psql('postgres', sprintf($whole, 'heap'));

like($expected, qr/^$rows\|/, 'the heap table has all rows');
is($node->safe_psql('postgres', sprintf($whole, $_)), $expected, "$_ has the same") foreach @layouts;

my $diff = StreamIngest::Diff->new(psql => \@psql, directory => $PostgreSQL::Test::Utils::tmp_check, tree => $tree, seed => $seed,
	layouts => \@layouts, all => $all, say => sub { diag(@_) });
my $t = $diff->run($first, $queries);

is($t->{differing}, 0, 'no answer differs');
is($t->{queries}, $queries, 'all queries were compared');
SKIP:
{
	skip 'few queries', 3 if $queries < 100;
	cmp_ok($t->{empty}, '<', $queries / 4, 'most queries find rows');
	cmp_ok($t->{errors}, '<', $queries / 10, 'few raise an error');
	cmp_ok(scalar keys %{ $t->{shapes} }, '>=', 20, 'they have all shapes');
}
diag(sprintf('%d queries, %d runs on %d layouts in %d ways (off in turns: %s); %d raise an error, %d find nothing; %d differ', @{$t}{qw(queries runs)}, scalar @layouts,
	scalar @{ $diff->{ways} }, join(', ', @{ $diff->{switches} }), @{$t}{qw(errors empty differing)}));

$node->stop;
done_testing();
