# Launcher and overlord among an administrator's commands: what needs a
# database for itself gets it, who is killed comes back, and what cannot work
# is refused with the cure.  No broker.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use Test::More;

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
my ($status, $out, $err) = $plain->psql('postgres', 'CREATE EXTENSION stream_ingest');
isnt($status, 0, 'not preloaded: refused');
like($err, qr/must be loaded when the server starts/, 'and says so');
like($err, qr/shared_preload_libraries/, 'with the setting to change');
$plain->stop;

my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf("postgresql.conf", "restart_after_crash = on\nmax_prepared_transactions = 2");
$node->start;

sub overlords
{
	my ($db) = @_;
	return "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest overlord' AND datname = '$db'";
}

ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest launcher'", '1'),
	'the launcher runs');
is($node->safe_psql('postgres', overlords('postgres')), '0', 'no extension, no overlord');

# ---- creation
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');
ok($node->wait_for(overlords('postgres'), '1'), 'CREATE EXTENSION is enough to begin');

$node->safe_psql('postgres', 'CREATE DATABASE d1');
$node->safe_psql('d1', 'BEGIN; CREATE EXTENSION stream_ingest; ROLLBACK');
$node->safe_psql('d1', 'BEGIN; SAVEPOINT a; CREATE EXTENSION stream_ingest; ROLLBACK TO a; COMMIT');
sleep 1;
is($node->safe_psql('postgres', overlords('d1')), '0', 'none after a rollback');
$node->safe_psql('d1', 'CREATE EXTENSION stream_ingest');
ok($node->wait_for(overlords('d1'), '1'), 'one overlord per database');

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
($status, $out, $err) = $node->psql('latin', 'CREATE EXTENSION stream_ingest');
like($err, qr/needs a database with encoding UTF8/, 'a database that is not UTF8 is refused');
like($err, qr/HINT:.*ENCODING 'UTF8'/, 'with the cure');

# ---- tables that are called like ours, where the extension is not
$node->safe_psql('latin', <<'SQL');
CREATE SCHEMA stream_ingest;
CREATE TABLE stream_ingest.install (a int, b int);
INSERT INTO stream_ingest.install VALUES (1, 2);
DROP TABLE stream_ingest.install;
DROP SCHEMA stream_ingest;
SQL
is($node->safe_psql('latin', 'SELECT 1'), '1', 'they are dropped like any other');

# ---- commands that need the database for themselves
$node->safe_psql('postgres', 'CREATE DATABASE d2 TEMPLATE d1');
ok($node->wait_for(overlords('d2'), '1'), 'the copy of a database has its overlord');
ok($node->wait_for(overlords('d1'), '1'), 'and the template has its again');
$node->safe_psql('postgres', 'ALTER DATABASE d2 RENAME TO d3');
ok($node->wait_for(overlords('d3'), '1'), 'renamed, and it runs again');
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', "CREATE TABLESPACE other LOCATION '$dir'");
$node->safe_psql('postgres', 'ALTER DATABASE d3 SET TABLESPACE other');
ok($node->wait_for(overlords('d3'), '1'), 'moved, and it runs again');
my $d3_files = $node->data_dir . '/stream_ingest/' . $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'd3'");
make_path("$d3_files/1234");
PostgreSQL::Test::Utils::append_to_file("$d3_files/1234/1-1.chunk", 'x');
$node->safe_psql('postgres', 'DROP DATABASE d3');
ok(!-e $d3_files, 'its chunk files go with it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'd3'"), '0', 'dropped');
$node->safe_psql('postgres', 'DROP DATABASE d1 WITH (FORCE)');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'd1'"), '0', 'dropped by force');

# ---- who may not do it cannot stop it; a failed command does not either
my $pid = ($node->workers('overlord'))[0];
$node->safe_psql('postgres', 'CREATE ROLE nobody_special LOGIN');
for my $sql ('DROP DATABASE postgres', 'ALTER DATABASE postgres RENAME TO x', 'CREATE DATABASE y TEMPLATE postgres',
	'DROP EXTENSION stream_ingest')
{
	my ($rc) = $node->psql('template1', $sql, extra_params => [ '-U', 'nobody_special' ]);
	isnt($rc, 0, "without the right: $sql");
}
is(($node->workers('overlord'))[0], $pid, 'the overlord was left alone');
my ($rc) = $node->psql('template1', 'ALTER DATABASE postgres RENAME TO template1');
isnt($rc, 0, 'a command that fails');
ok($node->wait_for(overlords('postgres'), '1'), 'brings the overlord back');

# ---- kill what can be killed
for my $type ('overlord', 'launcher')
{
	my ($old) = $node->workers($type);

	$node->safe_psql('postgres', "SELECT pg_terminate_backend($old)");
	ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest $type' AND pid <> $old", '1'),
		"a terminated $type is replaced");
}
is(scalar($node->workers('overlord')), 1, 'the overlord outlives the launcher, and is not started twice');
my ($old) = $node->workers('overlord');
kill 'KILL', $old;
ok($node->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'stream_ingest overlord' AND pid <> $old", '1'),
	'kill -9 of the overlord: the server restarts and it is there');

# ---- the end of the extension
my ($rc2, undef, $err2) = $node->psql('postgres',
	"SET stream_ingest.enable_pushdown = off; BEGIN; DROP EXTENSION stream_ingest; PREPARE TRANSACTION 'x'");
like($err2, qr/cannot PREPARE a transaction that has changed/, 'PREPARE TRANSACTION after DROP EXTENSION is refused');
ok($node->wait_for(overlords('postgres'), '1'), 'and the overlord is back');
my $uuid = $node->safe_psql('postgres', "SELECT replace(uuid::text, '-', '') FROM stream_ingest.install");
my $oid = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'postgres'");
my $files = $node->data_dir . "/stream_ingest/$oid/$uuid";
mkdir $node->data_dir . '/stream_ingest';
mkdir $node->data_dir . "/stream_ingest/$oid";
mkdir $files;
append_to_file("$files/1-0123456789abcdef.chunk", 'x');
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION stream_ingest; ROLLBACK');
ok(-e $files, 'a DROP EXTENSION that is rolled back removes no file');
ok($node->wait_for(overlords('postgres'), '1'), 'and the overlord is back');
$node->safe_psql('postgres', 'DROP EXTENSION stream_ingest');
is($node->safe_psql('postgres', overlords('postgres')), '0', 'no extension, no overlord');
ok(!-e $files, 'its files are gone');
$node->safe_psql('postgres', 'CREATE SCHEMA elsewhere; CREATE EXTENSION stream_ingest SCHEMA elsewhere');
ok($node->wait_for(overlords('postgres'), '1'), 'created again, in another schema');
$node->safe_psql('postgres', 'DROP SCHEMA elsewhere CASCADE');
ok($node->wait_for(overlords('postgres'), '0'), 'dropped with the schema');
$node->safe_psql('postgres', 'BEGIN; CREATE EXTENSION stream_ingest; DROP EXTENSION stream_ingest; CREATE EXTENSION stream_ingest; COMMIT');
ok($node->wait_for(overlords('postgres'), '1'), 'created, dropped and created in one transaction');

# ---- shutdown
for my $mode ('smart', 'fast', 'immediate')
{
	$node->stop($mode);
	ok(1, "$mode shutdown");
	$node->start;
	ok($node->wait_for(overlords('postgres'), '1'), 'and the overlord is back');
}

# ---- no process free for the overlord
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');	# launcher, and logical replication's
my $log = -s $node->logfile;
$node->restart;
ok($node->wait_for_log(qr/no free background worker for the stream_ingest overlord.*\n.*HINT:.*max_worker_processes/, $log),
	'the log names max_worker_processes');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
ok($node->wait_for(overlords('postgres'), '1'), 'enough of them, and it runs');

# ---- a symbolic link is not followed
$node->safe_psql('postgres', 'DROP EXTENSION stream_ingest');
$node->stop;
my $root = $node->data_dir . '/stream_ingest';
system('rm', '-rf', $root);
symlink $dir, $root or die "symlink: $!";
$node->start;
($status, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION stream_ingest');
isnt($status, 0, 'a symbolic link in place of the files is refused');
unlink $root;
$node->stop;

done_testing();
