
=pod

=head1 NAME

StreamIngest::Cluster - a PostgreSQL server with stream_ingest for one test

=head1 SYNOPSIS

  my $node = StreamIngest::Cluster->new('main');
  $node->init; $node->start;
  $node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
  $node->submit(spec(dataSource => 'events', topic => 'events', brokers => $kafka->address));
  $node->wait_for_rows('events', 3);

=head1 DESCRIPTION

PostgreSQL::Test::Cluster with the library preloaded, fsync on (durability is
what is tested), and what nearly every test of a supervisor does.

=cut

package StreamIngest::Cluster;

use strict;
use warnings;

use parent -norequire, 'PostgreSQL::Test::Cluster';
use parent 'Exporter';

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(spec);

my $json = JSON::PP->new->canonical->utf8(0);

sub init
{
	my ($self, %params) = @_;

	# Whatever the locale of the caller: a database must be UTF8.
	$self->SUPER::init(%params, extra => [ '--encoding=UTF8', '--locale=C.UTF-8', @{ $params{extra} // [] } ]);
	$self->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'stream_ingest'
max_worker_processes = 32
fsync = on
log_statement = none
CONF
	return;
}

# A spec in JSON.  dataSource, topic and brokers are needed; timestamp and
# granularity (hashes), dimensions and metrics (arrays), and io and tuning
# (hashes of further fields) replace or add to what is below.
sub spec
{
	my (%o) = @_;
	my %spec = (
		dataSchema => {
			dataSource => $o{dataSource},
			timestampSpec => $o{timestamp} // { column => 'time', format => 'auto' },
			dimensionsSpec => { dimensions => $o{dimensions} // [] },
			metricsSpec => $o{metrics} // [],
			granularitySpec => {
				type => 'uniform',
				segmentGranularity => 'HOUR',
				queryGranularity => 'NONE',
				rollup => JSON::PP::false,
				%{ $o{granularity} // {} }
			},
		},
		ioConfig => {
			topic => $o{topic},
			inputFormat => { type => 'json' },
			consumerProperties => { 'bootstrap.servers' => $o{brokers}, %{ $o{consumer} // {} } },
			useEarliestOffset => JSON::PP::true,
			startDelay => 'PT0S',
			period => 'PT1S',
			%{ $o{io} // {} }
		},
		tuningConfig => { type => 'kafka', %{ $o{tuning} // {} } },
	);

	return $json->encode({ type => 'kafka', spec => \%spec });
}

# Submits a spec and returns its supervisor's id.
sub submit
{
	my ($self, $spec, $db) = @_;

	$spec =~ s/'/''/g;
	return $json->decode($self->safe_psql($db // 'postgres', "SELECT submit_supervisor('$spec')"))->{id};
}

# Waits until a query answers what is expected; what it said last is shown when it does not.
sub wait_for
{
	my ($self, $query, $expected, $seconds, $db) = @_;
	my $deadline = time() + ($seconds // 180);
	my $out = '';

	while (time() < $deadline)
	{
		my ($status, $stderr) = (0, '');

		# a server that goes down may break the pipe to psql, which is thrown
		$status = eval { $self->psql($db // 'postgres', $query, stdout => \$out, stderr => \$stderr) } // 1;
		$out = "error: $stderr" if $status != 0;
		return 1 if $status == 0 && $out eq $expected;
		select(undef, undef, undef, 0.05);
	}
	Test::More::diag("waited for '$expected' from: $query\nlast answer: $out");
	return 0;
}

# Waits until a table shows at least so many rows.
sub wait_for_rows
{
	my ($self, $table, $rows, $seconds, $db) = @_;

	return $self->wait_for(qq(SELECT count(*) >= $rows FROM "$table"), 't', $seconds, $db);
}

# The processes of a type as pg_stat_activity names them, by pid.
sub workers
{
	my ($self, $type) = @_;

	return split /\n/, $self->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'stream_ingest $type' ORDER BY pid");
}

1;
