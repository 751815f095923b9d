# Specs that a real Druid accepted, and its echoes, are accepted here: runs
# test/spec_echoes against a server.  The recordings are not part of the tree;
# SI_REFERENCE names their directory.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use Test::More;

my $tree = abs_path(dirname(__FILE__) . '/../..');
my $reference = $ENV{SI_REFERENCE} // "$tree/../shared/reference";
my $node = StreamIngest::Cluster->new('main');

$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
my $said = `$tree/test/spec_echoes $reference 2>&1`;
is($?, 0, 'test/spec_echoes ends well') or diag($said);

SKIP:
{
	if ($said =~ /is absent/)
	{
		diag("the specs of a real Druid are NOT tested: no $reference (SI_REFERENCE names another folder)");
		skip 'no recordings', 1;
	}
	like($said, qr/^spec_echoes: [1-9]\d* passed, 0 failed$/m, 'all specs and echoes are accepted');
}

$node->stop;
done_testing();
