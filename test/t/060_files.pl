# The files of chunks: nothing that a snapshot, a row or a living writer needs
# is ever removed, what nobody needs is, and what is missing is said.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('files');
my $node = StreamIngest::Cluster->new('files');
$node->init;
# every chunk is a file, whatever its size
$node->append_conf('postgresql.conf', "stream_ingest.inline_delta_limit = 0\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

# Numbers from $from to $to, one message each.
sub produce
{
	my ($topic, $from, $to) = @_;

	$kafka->produce($topic, 0, map { qq({"time":"2015-09-12T00:00:00Z","n":$_}) } $from .. $to);
	return;
}

sub submit
{
	my ($name) = @_;

	$kafka->topic($name, 1);
	$node->submit(spec(dataSource => $name, topic => $name, brokers => $kafka->address,
		dimensions => [ { type => 'long', name => 'n' } ]));
	return;
}

# Count and distinct count: equal unless something was doubled.
sub exactly
{
	my ($table, $rows, $what) = @_;

	ok($node->wait_for(qq(SELECT count(*), count(DISTINCT n) FROM "$table"), "$rows|$rows", 180), $what);
	return;
}

sub files
{
	my $dir = $node->data_dir . '/stream_ingest';

	my @files = map { s{.*/}{}r } glob("$dir/*/*/*.chunk");

	return @files;
}

my $named = q{SELECT count(*) FROM (SELECT file FROM stream_ingest.delta UNION ALL SELECT file FROM stream_ingest.segment) f};

# A setting that the workers take up.
sub set
{
	my ($name, $value) = @_;

	# by file: the server may be recovering from what the last one did
	$node->append_conf('postgresql.conf', "$name = '$value'\n");
	$node->reload;
	return;
}

# ---- a snapshot keeps the files of what was published behind its back ----

submit('snap');
produce('snap', 1, 500);
exactly('snap', 500, 'the rows are there');

my $old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($old->query_safe('SELECT count(*) FROM snap'), '500', 'a transaction has seen them');
my @before = files();

query("SELECT suspend_supervisor('snap')");
ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'snap'::regclass}, 't'),
	'deltas were replaced by a segment');
ok($node->wait_for('SELECT count(*) > 0 FROM stream_ingest.pending_deletes', 't'), 'their files wait');
my $pid = $old->query_safe('SELECT pg_backend_pid()');
is(query('SELECT DISTINCT pid FROM stream_ingest.pending_deletes'), $pid, 'and the view says for whom');
is($old->query_safe('SELECT count(*), sum(n) FROM snap'), '500|125250', 'the transaction still reads them');
my %now = map { $_ => 1 } files();
is(scalar(grep { !$now{$_} } @before), 0, 'not one of them was removed');
$old->query_safe('COMMIT');
$old->quit;
ok($node->wait_for('SELECT count(*) FROM stream_ingest.tombstone', '0'), 'afterwards they go');
is(scalar(@{ [ files() ] }), query($named), 'and only what rows name is left');

# ---- a sweep that races with a writer ----

submit('race');
set('stream_ingest.fault_point', 'chunk_durable:hang');
produce('race', 1, 100);
ok(wait_for_files(query($named) + 1), 'a writer has a durable file that no row names');
my ($overlord) = $node->workers('overlord');
query("SELECT pg_terminate_backend($overlord)");
ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest overlord' AND pid <> $overlord", '1'),
	'a new overlord has come');
# it sweeps once before it answers anything: a verb that it has applied shows that it has
query("SELECT resume_supervisor('snap')");
ok($node->wait_for(q{SELECT count(*) FROM stream_ingest.request}, '0'), 'and has looked at the directory');
set('stream_ingest.fault_point', '');
exactly('race', 100, 'the file was not taken for an orphan');

# ---- an orphan ----

my $log_end = -s $node->logfile;
set('stream_ingest.fault_point', 'chunk_durable:crash');
produce('race', 101, 200);
ok($node->wait_for_log(qr/was terminated by signal 9/, $log_end), 'a task dies beside its file');
set('stream_ingest.fault_point', '');
exactly('race', 200, 'it is replaced');
ok(wait_for_files_named(), 'the file that no row names was swept');

sub wait_for_files
{
	my ($n) = @_;

	for (1 .. 600)
	{
		return 1 if @{ [ files() ] } >= $n;
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

sub wait_for_files_named
{
	for (1 .. 1200)
	{
		my $n;

		return 1 if $node->psql('postgres', $named, stdout => \$n) == 0 && @{ [ files() ] } == $n &&
			query('SELECT count(*) FROM stream_ingest.tombstone') eq '0';
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

# ---- commits that a crash takes back ----

query("SELECT suspend_supervisor('race'), suspend_supervisor('snap')");
submit('async');
produce('async', 1, 100);
exactly('async', 100, 'rows of a durable commit are visible');
set('wal_writer_delay', '10s');
set('synchronous_commit', 'off');
produce('async', 101, 300);
exactly('async', 300, 'and those of asynchronous commits');
produce('async', 301, 400);
exactly('async', 400, 'and more of them');
$node->stop('immediate');
$node->start;
exactly('async', 400, 'whatever the crash took back was read again, once');
is(query(q{SELECT bool_and(exactly_once) FROM stream_ingest.audit}), 't', 'the audit is clean');
set('synchronous_commit', 'on');
set('wal_writer_delay', '200ms');

# ---- a missing file ----

query("SELECT suspend_supervisor('async')");
ok($node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'async'::regclass}, 't'),
	'all is published');
my $file = query(q{SELECT file FROM stream_ingest.segment s JOIN stream_ingest.data_source USING (data_source_id) WHERE name = 'async' LIMIT 1});
my ($path) = glob($node->data_dir . "/stream_ingest/*/*/$file");
$node->stop('fast');
rename($path, "$path.away") or die "could not rename $path: $!";
$node->start;
ok($node->wait_for(q{SELECT damaged IS NOT NULL FROM stream_ingest.data_source WHERE name = 'async'}, 't'),
	'a data source with a missing file is marked');
my $damage = query(q{SELECT damaged FROM stream_ingest.data_source WHERE name = 'async'});
like($damage, qr/\Q$file\E is missing .*offsets from \{\d+\} to \{\d+\}/, 'with the file and its offsets');
my ($rc, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM async');
isnt($rc, 0, 'it is not answered from what is left');
like($err, qr/\Q$file\E/, 'and the error names the file');
is(query('SELECT count(*) FROM race'), '200', 'other data sources go on');
$node->stop('fast');
rename("$path.away", $path) or die "could not rename $path.away: $!";
$node->start;
ok($node->wait_for(q{SELECT damaged IS NULL FROM stream_ingest.data_source WHERE name = 'async'}, 't'), 'a file that is back heals it');
exactly('async', 400, 'and its rows are there');

# ---- a database, and its files ----

query('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION stream_ingest');
$kafka->topic('elsewhere', 1);
$node->submit(spec(dataSource => 'elsewhere', topic => 'elsewhere', brokers => $kafka->address,
		dimensions => [ { type => 'long', name => 'n' } ]), 'other');
produce('elsewhere', 1, 50);
ok($node->wait_for('SELECT count(*) FROM elsewhere', '50', 180, 'other'), 'another database ingests too');
my $oid = query("SELECT oid FROM pg_database WHERE datname = 'other'");
ok(-d $node->data_dir . "/stream_ingest/$oid", 'its files have a directory of their own');
query('DROP DATABASE other');
ok(!-e $node->data_dir . "/stream_ingest/$oid", 'which goes with the database');

$node->stop;
done_testing();
