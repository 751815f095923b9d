
=pod

=head1 NAME

StreamIngest::Kafka - a real Kafka broker for one test

=head1 SYNOPSIS

  my $kafka = StreamIngest::Kafka->new('main');       # starts it
  $kafka->topic('events', 2, 'retention.ms' => 60000);
  $kafka->produce('events', 0, '{"time":1}', '{"time":2}');
  $kafka->kill9; $kafka->start; $kafka->pause; $kafka->resume; $kafka->stop;

=head1 DESCRIPTION

A one-node broker on free ports with its files below tmp_check, run by
scripts/kafka.  A broker that does not start ends the test as failed: nothing
is skipped.  All brokers of a test end with it.

=cut

package StreamIngest::Kafka;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;

my $top = abs_path(dirname(__FILE__) . '/../../..');
my @brokers;

sub new
{
	my ($class, $name, %properties) = @_;
	my $test = basename($0) =~ s/\.[^.]+$//r;
	my $self = bless {
		name => $name,
		dir => "$PostgreSQL::Test::Utils::tmp_check/kafka_${test}_$name",
	}, $class;

	push @brokers, $self;
	$self->start(%properties);
	return $self;
}

# Several nodes of one cluster, as a list; each is killed, paused and started by
# itself, and knows the addresses of all.  A topic is on several of them with
# replicas => '1,2,3'.
sub cluster
{
	my ($class, $name, $n) = @_;
	my $test = basename($0) =~ s/\.[^.]+$//r;
	my $dir = "$PostgreSQL::Test::Utils::tmp_check/kafka_${test}_$name";
	my @nodes = map { bless { name => "$name/$_", dir => "$dir/$_" }, $class } 1 .. $n;
	my $all = bless { name => $name, dir => $dir }, $class;

	push @brokers, @nodes;
	$all->{address} = $all->_call('', 'cluster', $n);
	foreach my $node (@nodes)
	{
		$node->{address} = slurp_file("$node->{dir}/address");
		chomp $node->{address};
		$node->{all} = $all->{address};
	}
	return @nodes;
}

# Where a partition is led and who is in sync with the leader, as numbers of nodes.
sub leader
{
	my ($self, $topic, $partition) = @_;
	my ($in, $out, $err) = ('', '', '');

	run([ 'kcat', '-L', '-b', $self->{all} // $self->{address}, '-t', $topic ], '<', \$in, '>', \$out, '2>', \$err);
	my ($leader, $isr) = $out =~ /partition $partition, leader (-?\d+),.* isrs: ([0-9,]*)/;

	return ($leader // -1, [ sort split /,/, $isr // '' ]);
}

# Runs scripts/kafka on this broker; dies with what it said when it fails.
sub _call
{
	my ($self, $stdin, @args) = @_;
	my ($out, $err) = ('', '');

	run([ "$top/scripts/kafka", '-d', $self->{dir}, @args ], '<', \$stdin, '>', \$out, '2>', \$err)
	  or die "kafka $self->{name}: @args: $err";
	chomp $out;
	return $out;
}

# Starts the broker, or starts it again on the same port with the same data.
sub start
{
	my ($self, %properties) = @_;

	$self->{properties} = \%properties if %properties;
	my @properties = map { "$_=$self->{properties}{$_}" } sort keys %{ $self->{properties} };
	$self->{address} = $self->_call('', 'start', @properties);
	return;
}

# The address, or that of a listener of a broker with the property secure.
sub address
{
	my ($self, $listener) = @_;

	return $self->{address} unless defined $listener;
	my $address = slurp_file("$self->{dir}/address.$listener");
	chomp $address;
	return $address;
}

# The addresses of all nodes of a cluster.
sub addresses { return $_[0]->{all}; }

sub dir { return $_[0]->{dir}; }

sub stop { $_[0]->_call('', 'stop'); return; }
sub kill9 { $_[0]->_call('', 'kill'); return; }
sub restart { my $self = shift; $self->stop; $self->start; return; }

# A broker that hangs: it keeps its connections and does not answer.
sub pause { $_[0]->_call('', 'pause'); return; }
sub resume { $_[0]->_call('', 'resume'); return; }

sub topic
{
	my ($self, $topic, $partitions, %config) = @_;

	my @replicas = exists $config{replicas} ? ('replicas=' . delete $config{replicas}) : ();

	$self->_call('', 'topic', $topic, $partitions // 1, @replicas, map { "$_=$config{$_}" } sort keys %config);
	return;
}

sub delete_topic { my ($self, $topic) = @_; $self->_call('', 'admin', 'delete', $topic); return; }
sub add_partitions { my ($self, $topic, $n) = @_; $self->_call('', 'admin', 'grow', $topic, $n); return; }

# Deletes the records of a partition before an offset.
sub truncate_partition
{
	my ($self, $topic, $partition, $offset) = @_;

	$self->_call('', 'admin', 'truncate', $topic, $partition, $offset);
	return;
}

# The low and the high watermark.
sub offsets
{
	my ($self, $topic, $partition) = @_;

	return split / /, $self->_call('', 'admin', 'offsets', $topic, $partition // 0);
}

# Produces with kcat; dies with what it said when a message was not delivered.
sub _produce
{
	my ($self, $topic, $partition, $input, @args) = @_;
	my ($out, $err) = ('', '');

	run([ 'kcat', '-P', '-b', $self->{address}, '-t', $topic, '-p', $partition, @args ], '<', \$input, '>', \$out, '2>', \$err)
	  or die "kcat to $topic ended with status $?: $err";
	return;
}

# Produces messages of one line each.
sub produce
{
	my ($self, $topic, $partition, @messages) = @_;

	$self->_produce($topic, $partition, join('', map { "$_\n" } @messages));
	return;
}

# Produces messages with keys: key, message, key, message ...
sub produce_keyed
{
	my ($self, $topic, $partition, @pairs) = @_;
	my $input = '';

	while (my ($key, $message) = splice(@pairs, 0, 2))
	{
		$input .= "$key\t$message\n";
	}
	$self->_produce($topic, $partition, $input, '-K', '\t');
	return;
}

# All messages of a partition, a line each, as a reader of committed ones sees them.
sub consume
{
	my ($self, $topic, $partition) = @_;
	my ($in, $out, $err) = ('', '', '');

	run([ 'kcat', '-C', '-q', '-e', '-o', 'beginning', '-b', $self->{address}, '-t', $topic, '-p', $partition ], '<', \$in, '>', \$out, '2>', \$err)
	  or die "kcat from $topic ended with status $?: $err";
	return $out;
}

# Produces the content of each file as one message: for bytes that no line can hold.
sub produce_raw
{
	my ($self, $topic, $partition, @files) = @_;

	$self->_produce($topic, $partition, '', @files);
	return;
}

# Produces the lines of a file.
sub produce_lines_of
{
	my ($self, $topic, $partition, $file) = @_;

	$self->_produce($topic, $partition, '', '-l', $file, '-X', 'compression.codec=lz4', '-X', 'linger.ms=50');
	return;
}

# Produces messages in one transaction that ends as told: commit, abort or open.
sub transaction
{
	my ($self, $topic, $partition, $end, @messages) = @_;

	$self->_call(join('', map { "$_\n" } @messages), 'admin', 'transaction', $topic, $partition, $end);
	return;
}

END
{
	my $status = $?;

	foreach my $broker (@brokers)
	{
		eval { $broker->_call('', 'kill') };
		# The logs of a failed test are worth keeping, the data is not.
		system('rm', '-rf', "$broker->{dir}/data");
	}
	$? = $status;
}

1;
