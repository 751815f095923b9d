# The life of a supervisor that was recorded of a real Druid is lived again here, through a real broker, and each answer is compared
# field by field: every field of Druid's is there, of the same type, with the same value where it does not vary by nature.  What
# differs on purpose is in %differs, with the reason, and in docs/druid.md.  The recordings are not part of the tree; SI_REFERENCE
# names their directory, SI_DATA that of the events.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $tree = abs_path(dirname(__FILE__) . '/../..');
my $reference = ($ENV{SI_REFERENCE} // "$tree/../shared/reference") . '/druid-observed';
my $events = ($ENV{SI_DATA} // "$tree/../shared/data") . '/wikiticker-2015-09-12-sampled.json.gz';
my $json = JSON::PP->new->canonical->allow_nonref;

plan skip_all => "the life of a supervisor is NOT compared: no $reference or no $events (SI_REFERENCE, SI_DATA name other places)"
  if !-d $reference || !-f $events;

my $life = $json->decode(slurp_file("$reference/supervisor-life.json"));
my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "include_if_exists = 'fault.conf'");
$node->start;
query('CREATE EXTENSION stream_ingest');

sub query { return $node->safe_psql('postgres', $_[0]); }
sub answer { return $json->decode(query("SELECT $_[0]")); }
sub refusal { return ($node->psql('postgres', "SELECT $_[0]"))[2]; }

sub set_fault
{
	my ($fault) = @_;
	my $file = $node->data_dir . '/fault.conf';

	unlink $file;
	append_to_file($file, "stream_ingest.fault_point = '$fault'\n");
	$node->reload;
	return;
}

# ---- comparing ----

# Fields whose values are never the same: of these only the type is compared.
my $varies = qr/(?:generationTime|startTime|remainingSeconds|version|[cC]reatedTime|created_time|queueInsertionTime|queue_insertion_time|duration
	|offsetsLastUpdated|size|segment_id|movingAverages\..*|plaintext_port|location|host|port|specString)$/x;

# Paths, and why the field is not the same; each has to be needed.
my %differs = (
	'specs are compared by test/spec_echoes' => qr/^(?!22_history_after\[0\]).*\.spec\b/,
	'a list says what it is read for: dataSource, and suspended as it is' => qr/_list_\w+\[\d\]\.(?:dataSource|suspended)$/,
	'the id stands also beside the payload' => qr/_status\w*\.payload\.id$/,
	'all reasons are there, always' => qr/thrownAwayByReason$/,
	'a task has a process and no ports, and none when it has ended' => qr/\.location\.(?:pid|host|port)$/,
	'keys of recordsProcessed are partitions' => qr/recordsProcessed/,
	'nobody waits for a hand-off' => qr/segmentAvailabilityWaitTimeMs$/,
	'how many segments is told' => qr/segmentsPublished$/,
	'there is no context of a task' => qr/^12_task_reports_done\.taskContext$/,
	'a task that has ended is nowhere' => qr/^12_task_status_done\.status\.runnerStatusCode$/,
	'a publishing task knows when it began' => qr/publishingTasks\[0\]\.startTime$/,
	'a submit that may be skipped says what it did' => qr/^07_post_again_unmodified_skip\.(?:modified|restarted)$/,
	'flags of tables are boolean' => qr/_sys_(?:supervisors|segments)\[0\]\.(?:is_\w+|healthy|suspended)$/,
	'what the tables in sys do not have here' => qr/_sys_segments\[0\]\.(?:shard_spec|dimensions|metrics|last_compaction_state|replication_factor)$/,
	'a delta is not of one interval, and there are several' => qr/^05_running_sys_segments\[0\]\.(?:start|end|version|partition_num|num_rows)$/,
	'times of tables are no strings' => qr/_sys_segments\[0\]\.(?:start|end)$/,
	'counters go on while it is suspended' => qr/^13_suspended_one_stats\.0$/,
	'the end of a supervisor has its id' => qr/^22_history_after\[0\]\.spec/,
);
my %needed;

sub kind
{
	my ($v) = @_;

	return !defined $v ? 'null' : JSON::PP::is_bool($v) ? 'boolean' : ref $v ? lc ref $v : $json->encode($v) =~ /^"/ ? 'string' : 'number';
}

# A sentence for each place where ours is not what was recorded.
sub differences
{
	my ($path, $theirs, $ours) = @_;

	for my $reason (keys %differs)
	{
		next if $path !~ $differs{$reason};
		$needed{$reason} = 1;
		return ();
	}
	return "$path: " . kind($theirs) . ' there, ' . kind($ours) . ' here'
	  if kind($theirs) ne kind($ours) && !($path =~ $varies && !(defined $theirs && defined $ours));
	if (ref $theirs eq 'HASH')
	{
		my %keys = (%$theirs, %$ours);
		my @found;

		for my $key (sort keys %keys)
		{
			my $at = "$path.$key";

			if (exists $theirs->{$key} && exists $ours->{$key}) { push @found, differences($at, $theirs->{$key}, $ours->{$key}); }
			elsif (my ($reason) = grep { $at =~ $differs{$_} } keys %differs) { $needed{$reason} = 1; }
			else { push @found, "$at: only " . (exists $theirs->{$key} ? 'there' : 'here'); }
		}
		return @found;
	}
	if (ref $theirs eq 'ARRAY')
	{
		return "$path: " . @$theirs . ' elements there, ' . @$ours . ' here' if @$theirs != @$ours;
		return map { differences("${path}[$_]", $theirs->[$_], $ours->[$_]) } 0 .. $#$theirs;
	}
	return () if $path =~ $varies || $json->encode($theirs) eq $json->encode($ours);
	return "$path: " . $json->encode($theirs) . ' there, ' . $json->encode($ours) . ' here';
}

# Names of tasks are random, and the topic is ours.
sub plain
{
	my ($v) = @_;
	my $text = $json->encode($v);

	$text =~ s/index_kafka_truth_a_[0-9a-f]{13,15}_[a-p]{8}/TASK/g;
	$text =~ s/"wiki1"/"truth_a"/g;
	return $json->decode($text);
}

sub same
{
	my ($step, $ours) = @_;
	my $theirs = ref $life->{$step} eq 'HASH' && exists $life->{$step}{body} ? $life->{$step}{body} : $life->{$step};

	is(join("\n", differences($step, plain($theirs), plain($ours))), '', $step);
	return;
}

# An error of Druid, and ours.
sub same_error
{
	my ($step, $call) = @_;
	my $theirs = $life->{$step}{body};

	$theirs = $theirs->{error} if ref $theirs;
	like(refusal($call), qr/\Q$theirs\E/i, "$step: $theirs");
	return;
}

# Rows of a view, in the columns of Druid's table.
sub table
{
	my ($step, $view, $where) = @_;
	my %has = map { $_ => 1 } split /\n/, query("SELECT attname FROM pg_attribute WHERE attrelid = 'stream_ingest.$view'::regclass AND attnum > 0");
	my $columns = join ', ', map { qq("$_") } grep { $has{$_} } sort keys %{ $life->{$step}[0] };

	return [ map { $json->decode($_) } split /\n/, query("SELECT row_to_json(x) FROM (SELECT $columns FROM stream_ingest.$view WHERE datasource = 'truth_a' $where) x") ];
}

# ---- the life ----

$kafka->topic('truth_a', 1);
my $lines = PostgreSQL::Test::Utils::tempdir() . '/events.json';
system("gzip -dc '$events' > '$lines'") == 0 or die 'gzip';
$kafka->produce_lines_of('truth_a', 0, $lines);

my $spec = $life->{'00_spec'};
$spec->{spec}{ioConfig}{topic} = 'truth_a';
$spec->{spec}{ioConfig}{consumerProperties}{'bootstrap.servers'} = $kafka->address;
@{ $spec->{spec}{ioConfig} }{qw(startDelay period)} = qw(PT0S PT1S);
my $text = $json->encode($spec) =~ s/'/''/gr;

my @first = split /\n/, query("BEGIN; SELECT submit_supervisor('$text'); SELECT get_supervisor_status('truth_a'); COMMIT");
same('01_post', $json->decode($first[0]));
same('02_status_just_after_post', $json->decode($first[1]));
ok($node->wait_for('SELECT count(*) FROM truth_a', '39244'), 'all is read');
ok($node->wait_for("SELECT get_supervisor_status('truth_a') #>> '{payload,detailedState}', get_supervisor_status('truth_a') #>> '{payload,latestOffsets}'",
	'RUNNING|{"0":39244}'), 'and the end of the stream is known');
my $task = query("SELECT task_id FROM stream_ingest.tasks WHERE datasource = 'truth_a' AND status = 'RUNNING'");
like($task, qr/^\Q@{[ $life->{'03_task_id'} =~ s{_[^_]+_[^_]+$}{}r ]}\E_[0-9a-f]{15}_[a-p]{8}$/, '03_task_id');

same('05_running_history_all', answer('get_supervisors_history()'));
same('05_running_list', answer('get_supervisors()'));
same('05_running_list_full', answer('get_supervisors("full" => true)'));
same('05_running_list_state', answer('get_supervisors(state => true)'));
same('05_running_list_system', answer('get_supervisors(system => true)'));
same('05_running_one_health', answer("get_supervisor_health('truth_a')"));
same('05_running_one_history', answer("get_supervisor_history('truth_a')"));
same('05_running_one_stats', answer("get_supervisor_stats('truth_a')"));
same('05_running_one_status', answer("get_supervisor_status('truth_a')"));
same('05_running_sys_supervisors', table('05_running_sys_supervisors', 'supervisors', ''));
same('05_running_sys_tasks', table('05_running_sys_tasks', 'tasks', ''));
same('05_running_sys_segments', table('05_running_sys_segments', 'segments', 'LIMIT 1'));
same('06_task_reports_live', answer("get_task_report('$task')"));
same('06_task_status', answer("get_task_status('$task')"));
same('06_tasks', answer("get_tasks(datasource => 'truth_a')"));
same('07_post_again_unmodified_skip', answer("submit_supervisor('$text', true)"));
same_error('08_resume_running', "resume_supervisor('truth_a')");

set_fault('merge_done:hang');
is(answer("suspend_supervisor('truth_a')")->{suspended}, JSON::PP::true, '09_suspend: the spec, suspended');
ok($node->wait_for("SELECT get_supervisor_status('truth_a') #>> '{payload,state}', get_supervisor_status('truth_a') #>> '{payload,publishingTasks,0,type}'",
	'SUSPENDED|PUBLISHING'), 'suspended while its task publishes');
same('13_suspended_one_status', answer("get_supervisor_status('truth_a')"));
set_fault('');
ok($node->wait_for("SELECT status FROM stream_ingest.tasks WHERE task_id = '$task'", 'SUCCESS'), '11_loaded: published');
same('12_task_reports_done', answer("get_task_report('$task')"));
same('12_task_status_done', answer("get_task_status('$task')"));
same('13_suspended_history_all', answer('get_supervisors_history()'));
same('13_suspended_list', answer('get_supervisors()'));
same('13_suspended_list_full', answer('get_supervisors("full" => true)'));
same('13_suspended_list_state', answer('get_supervisors(state => true)'));
same('13_suspended_list_system', answer('get_supervisors(system => true)'));
same('13_suspended_one_health', answer("get_supervisor_health('truth_a')"));
same('13_suspended_one_history', answer("get_supervisor_history('truth_a')"));
same('13_suspended_one_parseErrors', answer("get_supervisor_parse_errors('truth_a')"));
same('13_suspended_one_stats', answer("get_supervisor_stats('truth_a')"));
same('13_suspended_sys_segments', table('13_suspended_sys_segments', 'segments', ''));
same('13_suspended_sys_supervisors', table('13_suspended_sys_supervisors', 'supervisors', ''));
same('13_suspended_sys_tasks', table('13_suspended_sys_tasks', 'tasks', ''));
same_error('14_suspend_again', "suspend_supervisor('truth_a')");

same('15_reset_suspended', answer("reset_supervisor('truth_a')"));
ok($node->wait_for("SELECT get_supervisor_status('truth_a') #>> '{payload,minimumLag}', get_supervisor_status('truth_a') #>> '{payload,partitions}'",
	'{"0":39244}|0'), 'reset, and the broker was asked');
same('15_status_after_reset', answer("get_supervisor_status('truth_a')"));
same('16_resetOffsets', answer(q(reset_offsets('truth_a', '{"type":"kafka","partitions":{"type":"end","stream":"truth_a","partitionOffsetMap":{"0":39234}}}'))));
like(refusal(q(reset_offsets('truth_a', '{}'))), qr/type is missing/, '16_resetOffsets_empty: the type is missing');
is(answer("resume_supervisor('truth_a')")->{suspended}, JSON::PP::false, '17_resume: the spec, not suspended');
same_error('17_resume_again', "resume_supervisor('truth_a')");
my ($rows) = @{ $life->{'18_rows_after_reset_and_resume'} };
ok($node->wait_for('SELECT count(*), sum(count) FROM truth_a', "$rows->{c}|$rows->{n}"), '18_rows_after_reset_and_resume');
ok($node->wait_for("SELECT get_supervisor_status('truth_a') #>> '{payload,activeTasks,0,lag}', get_supervisor_status('truth_a') #>> '{payload,detailedState}'",
	'{"0":0}|RUNNING'), 'nothing more to read');
same('19_status_after', answer("get_supervisor_status('truth_a')"));
is(answer("handoff_task_groups('truth_a', '{0}')")->{id}, 'truth_a', '20_handoff');
same('21_terminate', answer("terminate_supervisor('truth_a')"));
same_error('22_get_after', "get_supervisor('truth_a')");
same_error('22_status_after', "get_supervisor_status('truth_a')");
same('22_list_after', answer('get_supervisors()'));
same_error('23_reset_after', "reset_supervisor('truth_a')");
same_error('23_resume_after', "resume_supervisor('truth_a')");
same_error('23_suspend_after', "suspend_supervisor('truth_a')");
same_error('23_terminate_again', "terminate_supervisor('truth_a')");
ok($node->wait_for('SELECT count(*) FROM stream_ingest.supervisor', '0'), 'terminated');
same('22_history_after', answer("get_supervisor_history('truth_a')"));
is_deeply(answer("get_supervisor_history('truth_a')")->[0]{spec},
	{ type => 'NoopSupervisorSpec', id => 'truth_a', dataSources => ['truth_a'], source => 'noop', suspended => JSON::PP::false },
	'22_history_after: the tombstone');
ok($node->wait_for("SELECT count(*) FROM stream_ingest.tasks WHERE status = 'RUNNING'", '0'), 'what was read is published');
is(query('SELECT count(*) FROM truth_a'), $rows->{c}, '25_rows_after_terminate: the rows stay');

# ---- wrong calls ----

for my $call (@{ $json->decode(slurp_file("$reference/wrong-calls.json")) })
{
	my %verb = (
		'GET nope' => 'get_supervisor(\'nope\')', 'GET nope/taskGroups/handoff' => '',
		'POST nope/taskGroups/handoff' => q(handoff_task_groups('nope', '{0}')), 'POST nope/resetOffsets' => q(reset_offsets('nope', '{}')),
		'POST nope/shutdown' => q(terminate_supervisor('nope')), 'GET nope/parseErrors' => q(get_supervisor_parse_errors('nope')),
		(map { ("POST nope/$_" => "${_}_supervisor('nope')") } qw(suspend resume reset terminate)),
		(map { ("GET nope/$_" => "get_supervisor_$_('nope')") } qw(status stats health history)));
	my $key = "$call->{method} " . $call->{path} =~ s{^/druid/indexer/v1/supervisor/?}{}r;
	my $theirs = ref $call->{body} ? $call->{body}{error} : $call->{body};

	if ($call->{path} =~ m{/(suspend|resume|terminate)All$})
	{
		is_deeply(answer("$1_all_supervisors()"), $call->{body}, "$1All");
	}
	elsif ($theirs)
	{
		like(refusal($verb{$key} // die $key), qr/\Q@{[ $theirs =~ s{\.$}{}r ]}\E/i, "$key: $theirs");
	}
}
is(join(', ', grep { !$needed{$_} } sort keys %differs), '', 'every difference that is allowed is one');

$node->stop;
$kafka->stop;
done_testing();
