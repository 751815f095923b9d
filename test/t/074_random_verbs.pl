# Verbs, changed specs and ends of processes in an order by chance, while messages come: in the end each message is there once, and
# the audit finds nothing.  SI_SEED gives another order, SI_STEPS a longer one.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $steps = $ENV{SI_STEPS} // 40;
my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "stream_ingest.merge_fan_in = 3\nstream_ingest.inline_delta_limit = 1kB\nstream_ingest.worker_idle_timeout = 500");
$node->start;
query('CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }

# Says no when it does not fit, which is right too.
sub try_to { return ($node->psql('postgres', "SELECT $_[0]", stderr => \my $err))[0]; }

my $id;
my $n;

sub produce
{
	my ($count) = @_;

	$kafka->produce($id, int(rand(4)), map { $n++; sprintf('{"time":%d,"n":"%d","g":"%d"}', 1577836800000 + $n * 60000, $n, $n % 3) } 1 .. $count);
	return;
}

sub random_spec
{
	return spec(dataSource => $id, topic => $id, brokers => $kafka->address, dimensions => rand() < 0.5 ? ['n'] : [ 'n', 'g' ],
		granularity => { segmentGranularity => rand() < 0.5 ? 'HOUR' : 'DAY' },
		io => { taskCount => 1 + int(rand(3)), taskDuration => 'PT' . (1 + int(rand(4))) . 'S' }, tuning => { maxRowsPerSegment => 20 + int(rand(200)) });
}

my %verbs = (
	submit => sub { return try_to("submit_supervisor('" . random_spec() . "')") },
	suspend => sub { try_to("suspend_supervisor('$id')"); select(undef, undef, undef, rand()); return try_to("resume_supervisor('$id')") },
	terminate => sub { try_to("terminate_supervisor('$id')"); return try_to("submit_supervisor('" . random_spec() . "')") },
	handoff => sub { return try_to("handoff_task_groups('$id', ARRAY(SELECT DISTINCT group_id FROM stream_ingest.partitions WHERE supervisor_id = '$id'))") },
	shutdown => sub { return try_to("shutdown_task(task_id) FROM stream_ingest.tasks WHERE supervisor_id = '$id' AND status = 'RUNNING' ORDER BY random() LIMIT 1") },
	kill => sub { return try_to("pg_terminate_backend(pid) FROM stream_ingest.workers WHERE kind <> 'launcher' ORDER BY random() LIMIT 1") },
	# back into what is not published, or further: then rows may be there again
	reset => sub { return try_to("reset_offsets('$id', json_build_object('type', 'kafka', 'partitions', json_build_object('type', 'end', 'stream', '$id',"
		. " 'partitionOffsetMap', json_build_object(partition::text, greatest(\"offset\" - 5, 0))))) FROM stream_ingest.partitions WHERE supervisor_id = '$id' ORDER BY random() LIMIT 1") },
);

# Without a reset each message is stored once; with resets none is lost.
foreach my $resets (0, 1)
{
	my $seed = ($ENV{SI_SEED} // 1) + $resets;
	my @names = grep { $_ ne ($resets ? 'terminate' : 'reset') } sort keys %verbs;
	my @done;

	srand($seed);
	($id, $n) = ("random$resets", 0);
	$kafka->topic($id, 4);
	$node->submit(random_spec());
	foreach (1 .. $steps)
	{
		my $name = rand() < 0.4 ? 'produce' : $names[ rand(@names) ];

		push @done, $name;
		$name eq 'produce' ? produce(1 + int(rand(40))) : $verbs{$name}->();
		select(undef, undef, undef, rand(0.4));
	}
	produce(1);
	note("SI_SEED=@{[ $seed - $resets ]}: @done");
	# suspended, or terminated and not submitted again in time
	foreach (1 .. 20) { last if $verbs{submit}->() == 0; }
	ok($node->wait_for('SELECT count(*) FROM stream_ingest.request', '0'), "seed $seed: all that was asked for is applied");
	is(query("SELECT wait_until_current('$id', '3 minutes')"), 't', "seed $seed: all is read");
	my $rows = $resets ? 'count(DISTINCT n)' : 'count(*)';
	is(query("SELECT $rows, count(DISTINCT n), min(n::int), max(n::int) FROM $id"), "$n|$n|1|$n", "seed $seed: each message, " . ($resets ? 'none is lost' : 'once'));
	query("SELECT suspend_supervisor('$id')");
	ok($node->wait_for("SELECT count(*) FROM stream_ingest.tasks WHERE supervisor_id = '$id' AND status = 'RUNNING'", '0'), "seed $seed: published");
	is(query("SELECT count(*) FROM stream_ingest.segments WHERE datasource = '$id' AND is_realtime"), '0', "seed $seed: all of it");
	is(query("SELECT $rows, count(DISTINCT n) FROM $id"), "$n|$n", "seed $seed: the same rows");
	my $audit = decode_json(query("SELECT audit_supervisor('$id')"));
	ok($audit->{exactlyOnce}, "seed $seed: the audit") or diag($audit->{discrepancy});
	is($audit->{rows}, query("SELECT count(*) FROM $id"), "seed $seed: and the table agree");
	is(query("SELECT count(*) FROM stream_ingest.verify_chunks('$id') WHERE NOT ok"), '0', "seed $seed: all files are sound");
}

$node->stop;
$kafka->stop;
done_testing();
