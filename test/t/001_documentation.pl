# The pages say the truth: what README.md and docs/api.md tell a reader to type works as it stands there, and their tables of
# settings, functions and views are those of the extension.  SI_REFERENCE may have a page on Druid: no name of its tables of
# fields is missing in test/druid-names.tsv, which scripts/lint holds against the pages.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $tree = abs_path(dirname(__FILE__)) . '/../..';
my $readme = slurp_file("$tree/README.md");
my $api = slurp_file("$tree/docs/api.md");
my $kafka = StreamIngest::Kafka->new('main');
my $address = $kafka->address;
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;

# The text of a section, up to the next one.
sub section
{
	my ($page, $title) = @_;

	$page =~ /^##+ \Q$title\E\n(.*?)(?=^## |\z)/ms or die "no section $title";
	return $1;
}

# Its indented blocks, with our broker in the place of the reader's.
sub blocks
{
	my ($text) = @_;
	my @blocks;

	while ($text =~ /((?:^    .*\n|^\n(?=    ))+)/mg)
	{
		my $block = $1;

		$block =~ s/^    //mg;
		$block =~ s/localhost:9092/$address/g;
		$block =~ s/^\n+//;
		push @blocks, split /\n\n(?=SELECT|echo)/, $block;
	}
	return grep { /\S/ } @blocks;
}

sub query { return $node->safe_psql('postgres', $_[0]); }

# First cells of the rows of a table, without backticks.
sub cells
{
	my ($text, $column) = @_;

	return grep { defined && /\S/ } map { (split / *(?<!\\)\| */, $_)[$column] } grep { /^\| `/ } split /\n/, $text;
}

my ($create) = grep { /CREATE EXTENSION/ } blocks(section($readme, 'Install'));
query($create);

# A first supervisor, from the first line to the last
my @shown;
foreach my $block (blocks(section($readme, 'A first supervisor')))
{
	if ($block =~ m{^scripts/kafka start$}m)
	{
		my ($topic) = $block =~ m{^scripts/kafka topic (\S+) 1\b}m;

		ok($topic, 'a topic is made');
		$kafka->topic($topic, 1);
	}
	elsif ($block =~ /^echo /)
	{
		ok(run([ 'bash', '-c', $block ]), 'a message is produced') or diag($block);
	}
	else
	{
		# What the spec leaves at its default may take a while.
		$block =~ s/wait_until_current\('clicks'\)/wait_until_current('clicks', '3 minutes')/;
		push @shown, query($block);
	}
}
is(scalar(@shown), 2, 'there are two blocks of SQL');
is($shown[0], '{"id":"clicks"}', 'the first supervisor is submitted');
like($shown[1], qr{^t\n/\|1\|512\nclicks\|RUNNING\|t\|1\|0\|$}m, 'its message is waited for, counted and seen in the view');

# Monitoring
foreach my $block (blocks(section($readme, 'Monitoring')))
{
	foreach my $statement (grep { /SELECT/ } split /;[^\n]*\n/, $block)
	{
		my ($out, $err) = ('', '');

		is($node->psql('postgres', $statement, stdout => \$out, stderr => \$err), 0, "monitoring: $statement") or diag($err);
	}
}

# Settings, with their defaults
my %documented;
foreach my $row (grep { /^\| `stream_ingest\./ } split /\n/, section($readme, 'Settings'))
{
	my (undef, $names, $defaults) = split / *\| */, $row;
	my @names = $names =~ /`(?:stream_ingest\.)?([a-z_]+)`/g;
	my @defaults = split /, /, $defaults, -1;

	$documented{ $names[$_] } = $defaults[$_] // '' foreach 0 .. $#names;
}
my %settings = map { split /=/, $_, 2 } split /\n/,
  query(q{LOAD 'stream_ingest'; SELECT replace(name, 'stream_ingest.', '') || '=' || current_setting(name)
	FROM pg_settings WHERE name LIKE 'stream_ingest.%' AND name <> 'stream_ingest.fault_point'});
is_deeply([ sort keys %documented ], [ sort keys %settings ], 'README.md has all settings');
s/ days/d/, s/ //g foreach values %documented;
is_deeply(\%documented, \%settings, 'with their defaults');

# Functions and views
my %ours = map { $_ => 1 } split /\n/, query(q{SELECT DISTINCT CASE WHEN n.nspname = 'stream_ingest' THEN 'stream_ingest.' ELSE '' END || p.proname
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'stream_ingest')});
my %named = map { $_ => 1 } $api =~ /`((?:stream_ingest\.)?[a-z_]+)\([^`]*\)`/g;
my @tables = map { /`((?:stream_ingest\.)?[a-z_]+)\(/g } cells(section($api, 'Functions'), 1);
# Those of the schema stream_ingest are for views and workers, but for the ones that the page lists.
is_deeply([ grep { !/^stream_ingest\./ && !$named{$_} } sort keys %ours ], [], 'docs/api.md has all functions');
is_deeply([ grep { !$ours{$_} } sort @tables ], [], 'and no others');

my @views = sort map { /`(stream_ingest\.[a-z_]+)`/ } cells(section($api, 'Views'), 1);
is_deeply(\@views, [ split /\n/, query(q{SELECT 'stream_ingest.' || viewname FROM pg_views
	WHERE schemaname = 'stream_ingest' AND viewname <> 'visible_data_source' ORDER BY viewname COLLATE "C"}) ], 'docs/api.md has all views');

# Properties of the Kafka client
my @properties = grep { /^\| `/ } split /\n/, section(slurp_file("$tree/docs/kafka.md"), 'All properties');
is(join("\n", @properties), query(q{SELECT '| `' || name || '` | ' || concat_ws(' | ', use, coalesce(meaning, ''), allowed, coalesce(secret, '')) || ' |'
	FROM stream_ingest.consumer_properties()}), 'docs/kafka.md has all properties');

# What pg_cron would run
my $cron = section($api, 'At fixed times');
query($1) while $cron =~ /^(CREATE TABLE .*;)$/mg;
my $jobs = 0;
while ($cron =~ /cron\.schedule\('(\w+)', '[^']+', \$\$(.*?)\$\$\)/sg)
{
	my ($name, $command) = ($1, $2);
	my ($out, $err) = ('', '');

	$jobs++;
	is($node->psql('postgres', $command, stdout => \$out, stderr => \$err), 0, "at fixed times: $name") or diag($err);
}
cmp_ok($jobs, '>=', 5, 'there are jobs');
is(query('SELECT count(*) FROM damaged'), '0', 'no chunk is damaged');
is(query(q{SELECT audit ->> 'exactlyOnce' FROM proofs}), 'true', 'and the audit was kept');

# Troubleshooting: the messages that it quotes are messages of ours.
my $sources = '';
run([ 'grep', '-rhE', 'errmsg|"', "$tree/src", '--include=*.c', '--include=*.h' ], '>', \$sources);
foreach my $quote ('must be loaded when the server starts', 'exceeded at partition', 'is no longer available', 'is beyond the end of partition', 'permission denied for the file of')
{
	like(section($readme, 'Troubleshooting'), qr/\Q$quote\E/, "README.md explains: $quote");
	ok(index($sources, $quote) >= 0, 'which is a message');
}

# Names of a page on Druid
my $page = ($ENV{SI_REFERENCE} // "$tree/../shared/reference") . '/druid.md';
SKIP:
{
	if (!-f $page)
	{
		diag("the names of Druid's fields are NOT compared with their source: no $page (SI_REFERENCE names another folder)");
		pass('names of fields, without their source');
		last SKIP;
	}
	my %listed = map { (split /\t/)[1] // '' => 1 } split /\n/, slurp_file("$tree/test/druid-names.tsv");
	my $fields = slurp_file($page);
	my @missing;

	$fields =~ s/\A.*?^## 1\. //ms;
	$fields =~ s/^## 2\. .*//ms;
	foreach my $row (grep { /^\|/ } split /\n/, $fields)
	{
		my $cell = (split /(?<!\\)\|/, $row)[1];

		foreach my $name ($cell =~ /`([A-Za-z_\/]+)`/g)
		{
			# longMin/Max are two
			my @names = $name =~ /^(.*)([A-Z][a-z]+)\/([A-Z][a-z]+)$/ ? ("$1$2", "$1$3") : split /\//, $name;

			push @missing, grep { !$listed{$_} && $_ ne 'spectator' } @names;
		}
	}
	is_deeply(\@missing, [], "test/druid-names.tsv has all names of the tables of Druid's fields");
}

$node->stop;
done_testing();
