# Specs as Druid's tutorials, pages, integration tests and users' pages show them: every one of test/specs is accepted with
# nothing changed but its brokers, or is refused as test/specs/refused.tsv says; some of them read a few messages.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $dir = abs_path(dirname(__FILE__)) . '/../specs';
my $json = JSON::PP->new->canonical->utf8(0);
my $kafka = StreamIngest::Kafka->new('main');
my $node = StreamIngest::Cluster->new('main');
$node->init;

# Some name variables of the server's environment.
$ENV{KAFKA_JAAS_CONFIG} = q(org.apache.kafka.common.security.plain.PlainLoginModule required username='a' password='b';);
$ENV{$_} = 'secret' foreach qw(SSL_KEY_PASSWORD SSL_KEYSTORE_PASSWORD SSL_TRUSTSTORE_PASSWORD);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

# NAME, SQLSTATE, path of the field, text of the problem, reason
my %refused;
foreach my $line (split /\n/, slurp_file("$dir/refused.tsv"))
{
	next if $line =~ /^#/;
	my ($name, $state, $path, $problem) = split /\t/, $line;
	$refused{$name} = [ $state, $path, $problem ];
}

# The sections of a spec, which may be at its top, in "spec", or both.
sub sections
{
	my ($spec, $section) = @_;

	return grep { ref } $spec->{$section}, ($spec->{spec} // {})->{$section};
}

my %specs;
foreach my $file (sort glob "$dir/*.json")
{
	my $spec = $json->decode(slurp_file($file));

	$_->{consumerProperties}{'bootstrap.servers'} = $kafka->address foreach grep { $_->{consumerProperties} } sections($spec, 'ioConfig');
	$specs{ basename($file, '.json') } = $spec;
}
cmp_ok(scalar(keys %specs), '>=', 50, 'there are specs');
is_deeply([ grep { !$specs{$_} } sort keys %refused ], [], 'every refusal has its spec');

sub literal { return '$spec$' . $json->encode($_[0]) . '$spec$'; }

foreach my $name (sort keys %specs)
{
	my $spec = literal($specs{$name});
	my $problems = $node->safe_psql('postgres', "SELECT sqlstate || ' ' || path || ': ' || problem FROM validate_supervisor($spec)");
	my ($out, $err) = ('', '');

	# What it makes is undone: none of these begins to read.
	$node->psql('postgres', "BEGIN; SELECT stream_ingest.check_spec($spec) IS NOT NULL; SELECT submit_supervisor($spec)->>'id'; ROLLBACK",
		stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	if (my $expected = $refused{$name})
	{
		my ($state, $path, $problem) = @$expected;

		like($problems, qr/^\Q$state $path\E: .*\Q$problem\E/m, "$name: the problem is named");
		like($err, qr/ERROR:  \Q$state\E: .*\Q$problem\E/, "$name is refused");
		like($err, qr/^(HINT|DETAIL): /m, "$name: with a hint");
	}
	else
	{
		my $id = (sections($specs{$name}, 'dataSchema'))[0]{dataSource};

		is($problems, '', "$name has no problem");
		is($out, "t\n$id", "$name is accepted") or diag($err);
	}
}

# ---- some of them with messages ----

# Sends messages to the topic of a spec, submits it as it is, and waits for the rows of a query.
sub runs
{
	my ($name, $messages, $query, $expected) = @_;
	my $spec = $specs{$name};
	my $topic = (sections($spec, 'ioConfig'))[0]{topic};

	# Without useEarliestOffset, as many of them are, reading begins at the end; Druid's own tutorial says so.
	$_->{useEarliestOffset} = JSON::PP::true foreach sections($spec, 'ioConfig');
	$kafka->topic($topic, 1);
	$kafka->produce($topic, 0, @$messages);
	$node->submit($json->encode($spec));
	ok($node->wait_for("SET TimeZone = 'UTC'; $query", $expected), "$name: rows") or
	  diag($node->safe_psql('postgres', 'SELECT reason, payload FROM stream_ingest.rejected_messages'));
	$node->safe_psql('postgres', 'SELECT terminate_all_supervisors()');
	return;
}

runs('tutorial-wikipedia',
	[ '{"time":"2015-09-12T00:47:00.496Z","channel":"#ca.wikipedia","page":"Jorge","user":"Kolega","added":0,"delta":-3,"isRobot":false}',
		'{"time":"2015-09-12T00:47:05.474Z","channel":"#en.wikipedia","page":"Auburn","user":"Ringo","added":"12","delta":12,"isRobot":true}' ],
	'SELECT "__time", channel, page, "isRobot", added, deleted, delta FROM wikipedia ORDER BY 1',
	"2015-09-12 00:47:00.496+00|#ca.wikipedia|Jorge|false|0||-3\n2015-09-12 00:47:05.474+00|#en.wikipedia|Auburn|true|12||12");

runs('it-csv-parser',
	[ '2013-08-31T01:02:33Z,Gypsy,en,nuclear,true,true,false,false,article,NA,US,Bay Area,SF,57,200,-143' ],
	'SELECT page, city, count, added, delta FROM "it-csv-parser"', 'Gypsy|SF|1|57|-143');

# roll-01 of Druid's cases
runs('page-rollup-network',
	[ map { my ($t, $s, $d, $p, $b) = split / /; qq({"timestamp":"2018-01-$t","srcIP":"$s","dstIP":"$d","packets":$p,"bytes":$b}) }
		'01T01:01:35Z 1.1.1.1 2.2.2.2 20 9024', '01T01:01:51Z 1.1.1.1 2.2.2.2 255 21133', '01T01:01:59Z 1.1.1.1 2.2.2.2 11 5780',
		'01T01:02:14Z 1.1.1.1 2.2.2.2 38 6289', '01T01:02:29Z 1.1.1.1 2.2.2.2 377 359971', '01T01:03:29Z 1.1.1.1 2.2.2.2 49 10204',
		'02T21:33:14Z 7.7.7.7 8.8.8.8 38 6289', '02T21:33:45Z 7.7.7.7 8.8.8.8 123 93999', '02T21:35:45Z 7.7.7.7 8.8.8.8 12 2818' ],
	'SELECT "__time", "srcIP", sum(count), sum(packets), sum(bytes) FROM "rollup-tutorial" GROUP BY 1, 2 ORDER BY 1',
	join("\n", '2018-01-01 01:01:00+00|1.1.1.1|3|286|35937', '2018-01-01 01:02:00+00|1.1.1.1|2|415|366260',
		'2018-01-01 01:03:00+00|1.1.1.1|1|49|10204', '2018-01-02 21:33:00+00|7.7.7.7|2|161|100288', '2018-01-02 21:35:00+00|7.7.7.7|1|12|2818'));

runs('page-transform',
	[ '{"timestamp":"2018-01-01T07:01:35Z","animal":"octopus","location":1,"number":100}',
		'{"timestamp":"2018-01-01T05:01:35Z","animal":"mongoose","location":2,"number":200}',
		'{"timestamp":"2018-01-01T06:01:35Z","animal":"snake","location":3,"number":300}',
		'{"timestamp":"2018-01-01T01:01:35Z","animal":"lion","location":4,"number":300}' ],
	'SELECT animal, location, count, number, "triple-number" FROM "transform-tutorial" ORDER BY number',
	"super-octopus|1|1|100|300\nsuper-mongoose|2|1|200|600\nsuper-snake|3|1|300|900");

runs('blog-pizza-jq',
	[ '{"id":7,"shop":"Mammamia","name":"Ann","address":"1 Road","timestamp":1657968296752,"pizzas":[{"pizzaName":"Salami","additionalToppings":["olives"]},{"pizzaName":"Diavola","additionalToppings":[]}]}' ],
	q(SELECT id, shop, "pizzaNames", pizzas->0->>'pizzaName' FROM pizza), '7|Mammamia|["Salami","Diavola"]|Salami');

$node->stop;
done_testing();
