# A streaming replica: it has the files of its base backup and no others, runs
# nothing and writes nothing; promoted, it takes the work over, says what is
# missing, and reads it again when it is asked to: in the end everything is
# there once.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $kafka = StreamIngest::Kafka->new('main');
my $primary = StreamIngest::Cluster->new('primary');
$primary->init(allows_streaming => 1);
# "inline" has chunks of a few hundred bytes, "filed" and "published" larger ones
$primary->append_conf('postgresql.conf', "stream_ingest.inline_delta_limit = 2kB\nhot_standby = on\n");
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
my @names = qw(inline filed published);
my %n;

# One message has 30 bytes for "inline"; for the others many, which do not compress.
sub produce
{
	my ($topic, $n) = @_;
	my $from = $n{$topic} // 0;
	my $text = sub { $topic eq 'inline' ? '' : join('', map { chr(97 + rand 26) } 1 .. 300) };

	$n{$topic} = $from + $n;
	$kafka->produce($topic, 0, map { my $t = $text->(); qq({"time":"2015-09-12T00:00:00Z","n":$_,"t":"$t"}) } $from + 1 .. $from + $n);
	return;
}

sub exactly
{
	my ($node, $table, $rows, $what) = @_;

	ok($node->wait_for("SELECT count(*), count(DISTINCT n), max(n) FROM $table", "$rows|$rows|$rows"), $what);
	return;
}

sub files
{
	my ($dir) = @_;
	my @files = map { s{.*/}{}r } glob("$dir/stream_ingest/*/*/*.chunk");

	return join ' ', sort @files;
}

sub published
{
	my ($node) = @_;

	return $node->wait_for(q{SELECT bool_and(kind = 'segment') FROM stream_ingest.segments WHERE data_source = 'published'::regclass}, 't');
}

for my $name (@names)
{
	$kafka->topic($name, 1);
	produce($name, 10);
	$primary->submit(spec(dataSource => $name, topic => $name, brokers => $kafka->address,
			dimensions => [ { type => 'long', name => 'n' }, 't' ]));
	exactly($primary, $name, 10, "$name: the primary reads");
}
$primary->safe_psql('postgres', q{SELECT suspend_supervisor('published')});
ok(published($primary), 'one of them has published what it has read');

# ---- a base backup of the running server, and a replica made from it

my $then = files($primary->data_dir);
$primary->backup('base');
is(files($primary->backup_dir . '/base'), $then, 'a base backup has the chunk files');
my $replica = StreamIngest::Cluster->new('replica');
$replica->init_from_backup($primary, 'base', has_streaming => 1);
$replica->start;
exactly($replica, $_, 10, "$_: the replica answers from them") for @names;

$primary->safe_psql('postgres', q{SELECT resume_supervisor('published')});
produce($_, 20) for @names;
exactly($primary, $_, 30, "$_: the primary reads on") for @names;
$primary->safe_psql('postgres', q{SELECT suspend_supervisor('published')});
ok(published($primary), 'and publishes');
$primary->wait_for_catchup($replica);

# ---- what a replica does, and does not

exactly($replica, 'inline', 30, 'inline: chunks in their catalog row reach a replica by themselves');
for my $name (qw(filed published))
{
	my ($status, $out, $err) = $replica->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM $name");

	isnt($status, 0, "$name: nothing is answered when files are missing");
	like($err, qr/XX001: chunk file "stream_ingest\/.*" is missing.*HINT:  Restore/s, "$name: the error names the file and the cure");
}
is($replica->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'stream_ingest%'}), '0', 'a replica runs none of our processes');
is(files($replica->data_dir), $then, 'nothing is written there, and nothing removed');
my ($status, $out, $err) = $replica->psql('postgres', q{SELECT suspend_supervisor('inline')});
like($err, qr/cannot execute .* in a read-only transaction|recovery is in progress/, 'a verb is refused');
is($replica->safe_psql('postgres', q{SELECT sum(processed) FROM stream_ingest.row_stats}), '90', 'views of what is committed answer');
like($replica->safe_psql('postgres', q{SELECT audit_supervisor('inline')}), qr/"exactlyOnce":true,.*"rows":30\}/, 'the audit too');
($status, $out, $err) = $replica->psql('postgres', q{SELECT * FROM stream_ingest.supervisors});
like($err, qr/unlogged relations during recovery/, 'what only the overlord knows is not there');

# ---- promoted

$primary->stop('immediate');
$replica->promote;
exactly($replica, 'inline', 30, 'the promoted server answers');
produce('inline', 20);
exactly($replica, 'inline', 50, 'and reads on where the other has stopped');
for my $name (qw(filed published))
{
	ok($replica->wait_for("SELECT note ~ 'is missing .*offsets from \\{10\\} to \\{30\\}' FROM stream_ingest.supervisors WHERE supervisor_id = '$name'", 't'),
		"$name: what is missing is in the note, with its offsets");
	($status, $out, $err) = $replica->psql('postgres', "SELECT count(*) FROM $name");
	like($err, qr/data source "$name" is damaged.*HINT:.*reset/s, 'and nothing is answered from what is left');
}
unlike(files($replica->data_dir), qr/^$/, 'files that rows name are there');

# ---- read again

$replica->safe_psql('postgres', q{SELECT resume_supervisor('published')});
produce('published', 5);
for my $name (qw(filed published))
{
	($status, $out, $err) = $replica->psql('postgres',
		qq(SELECT reset_offsets('$name', '{"type":"kafka","partitions":{"type":"end","stream":"$name","partitionOffsetMap":{"0":10}}}')));
	is("$status$err", '0', "$name: a reset to the first offset that is missing");
}
exactly($replica, 'filed', 30, 'filed: everything is there again, once');
exactly($replica, 'published', 35, 'published: also what was published before');
ok($replica->wait_for('SELECT count(*) FROM stream_ingest.data_source WHERE damaged IS NOT NULL', '0'), 'nothing is damaged');
is($replica->safe_psql('postgres', 'SELECT count(*) FROM stream_ingest.reread r JOIN stream_ingest.partitions p USING (supervisor_id, partition) WHERE p."offset" < r.until'), '0', 'and nothing is left to be read again');
like($replica->safe_psql('postgres', "SELECT audit_supervisor('$_')"), qr/"exactlyOnce":true,"discrepancy":null,.*"rows":$n{$_}\}/, "the audit of $_ is clean") for @names;
is($replica->safe_psql('postgres', 'SELECT bool_and(exactly_once) FROM stream_ingest.audit'), 't', 'and that of offsets');

$replica->stop;
$kafka->stop;
done_testing();
