# Brokers that want TLS and passwords, and what an owner who is no superuser
# may name for them.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use StreamIngest::Kafka;
use Test::More;

my $secret = 's3cret-word';
my $kafka = StreamIngest::Kafka->new('main', secure => "ann:$secret");
my $tls = $kafka->dir . '/tls';
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "stream_ingest.tls_directory = '$tls'\nwal_retrieve_retry_interval = 1s\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest; CREATE ROLE owner LOGIN; GRANT CREATE ON SCHEMA public TO owner;'
	. ' GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO owner');
append_to_file("$tls/password", "$secret\n");
chmod 0644, "$tls/password";

my $plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';

# Submits as the owner; returns the status and what psql said.
sub submit
{
	my ($name, $listener, %consumer) = @_;
	my $spec = spec(
		dataSource => $name, topic => $name, brokers => $kafka->address($listener),
		dimensions => [ { type => 'long', name => 'n' } ], consumer => \%consumer);

	$spec =~ s/'/''/g;
	my ($status, $out, $err) = $node->psql('postgres', "SELECT submit_supervisor('$spec')", extra_params => [ '-U', 'owner' ]);
	return ($status, $err);
}

# ---- each way in ----

my %ways = (
	tls => [ 'SSL', 'security.protocol' => 'SSL', 'ssl.truststore.type' => 'PEM', 'ssl.truststore.location' => 'ca.pem' ],
	inline => [ 'SSL', 'security.protocol' => 'SSL', 'ssl.truststore.type' => 'PEM', 'ssl.truststore.certificates' => slurp_file("$tls/ca.pem") ],
	pkcs12 => [ 'MUTUAL', 'security.protocol' => 'SSL', 'ssl.ca.location' => "$tls/ca.pem",
		'ssl.keystore.type' => 'PKCS12', 'ssl.keystore.location' => 'client.p12', 'ssl.keystore.password' => 'store' ],
	pem => [ 'MUTUAL', 'security.protocol' => 'SSL', 'ssl.ca.location' => 'ca.pem', 'ssl.keystore.type' => 'PEM', 'ssl.keystore.location' => 'client.pem' ],
	sasl_ssl => [ 'SASL_SSL', 'security.protocol' => 'SASL_SSL', 'sasl.mechanism' => 'PLAIN', 'ssl.ca.location' => 'ca.pem',
		'sasl.jaas.config' => qq($plain required username="ann" password="$secret";) ],
	plain => [ 'SASL_PLAINTEXT', 'security.protocol' => 'SASL_PLAINTEXT', 'sasl.mechanism' => 'PLAIN',
		'sasl.jaas.config' => qq($plain required username="ann" password="$secret";) ],
	file => [ 'SASL_PLAINTEXT', 'security.protocol' => 'SASL_PLAINTEXT', 'sasl.mechanism' => 'PLAIN', 'sasl.username' => 'ann',
		'sasl.password' => { type => 'file', path => 'password' } ]);
for my $way (sort keys %ways)
{
	$kafka->topic($way, 1);
	$kafka->produce($way, 0, qq({"time":"2020-01-01T00:00:00Z","n":1}));
	my ($status, $err) = submit($way, @{ $ways{$way} });
	is($status, 0, "$way is submitted") or diag($err);
}
ok($node->wait_for("SELECT sum(n) FROM $_", '1'), "$_ is read") for sort keys %ways;

# ---- a wrong password ----

my @wrong = ('SASL_SSL', 'security.protocol' => 'SASL_SSL', 'sasl.mechanism' => 'PLAIN', 'ssl.ca.location' => 'ca.pem', 'sasl.username' => 'ann');
$kafka->topic('wrong', 1);
$kafka->produce('wrong', 0, qq({"time":"2020-01-01T00:00:00Z","n":1}));
submit('wrong', @wrong, 'sasl.password' => 'guessed-word');
ok($node->wait_for(q{SELECT get_supervisor_status('wrong')::text ~* 'authentication'}, 't'), 'a wrong password: the status says why');
submit('wrong', @wrong, 'sasl.password' => $secret);
ok($node->wait_for('SELECT sum(n) FROM wrong', '1'), 'the right one is submitted, and it reads');

# ---- what an owner may not name ----

my @tls = ('SSL', 'security.protocol' => 'SSL');
symlink('/etc/passwd', "$tls/link");
for my $case (
	[ 'a file elsewhere', qr/permission denied for the file/, 'ssl.ca.location' => '/etc/passwd' ],
	[ 'a way out by ..', qr/permission denied for the file/, 'ssl.ca.location' => "$tls/../log" ],
	[ 'a link', qr/permission denied for the file.*\n.*link/, 'ssl.ca.location' => 'link' ],
	[ 'the directory by another', qr/permission denied for the file/, 'ssl.ca.location' => "${tls}x/ca.pem" ],
	[ 'a file that is not there', qr/could not find the file/, 'ssl.key.location' => 'none.pem' ],
	[ 'a key as another property', qr/permission denied for property/, 'client.id' => { type => 'file', path => 'client.key' } ],
	[ 'a key as a password', qr/must have one line/, 'sasl.password' => { type => 'file', path => 'client.key' } ],
	[ 'our mark in a value', qr/invalid value/, 'sasl.password' => "\001file /etc/passwd" ],
	[ 'our mark in a provider', qr/invalid value/, 'sasl.password' => { type => 'default', password => "\001environment HOME" } ],
	[ 'the environment', qr/permission denied for property/, 'sasl.password' => { type => 'environment', variable => 'HOME' } ],
	[ 'the environment at once', qr/permission denied for property/,
		'druid.dynamic.config.provider' => { type => 'environment', variables => { 'sasl.password' => 'HOME' } } ],
	[ 'a path in a map', qr/permission denied for the file/,
		'druid.dynamic.config.provider' => { type => 'mapString', config => { 'ssl.ca.location' => '/etc/passwd' } } ],
	[ 'code', qr/permission denied for property/, 'plugin.library.paths' => '/tmp/x' ],
	[ 'an engine', qr/permission denied for property/, 'ssl.engine.id' => 'x' ],
	[ 'a principal for the shell', qr/permission denied for property/, 'sasl.kerberos.principal' => '; touch /tmp/x' ],
	[ 'Kerberos by name', qr/permission denied for property/, 'security.protocol' => 'SASL_SSL', 'sasl.mechanism' => 'GSSAPI' ],
	[ 'Kerberos by default', qr/sasl.mechanism is missing/, 'security.protocol' => 'sasl_ssl' ],
	[ 'what we do not know', qr/unknown consumer property .*\n.*fetch.min.bytes/, 'fetch.min.byte' => '1' ])
{
	my ($what, $message, %consumer) = @$case;
	my ($status, $err) = submit('refused', @tls, %consumer);

	like($err, $message, "$what is refused");
	unlike($err, qr/root:|PRIVATE|$secret/, 'and nothing of it is shown');
}

# ---- the secret is nowhere ----

submit('refused', @tls, 'sasl.password' => $secret, 'fetch.min.byte' => '1');
# nor where an error quotes the text or a parameter
$node->psql('postgres', qq{SELECT $_('{"type":"kafka","sasl.password":"$secret\\u0000"}')}) for qw(submit_supervisor validate_supervisor sample_supervisor);
for my $query (
	q{SELECT get_supervisor('sasl_ssl')::text || get_supervisor('plain')::text || get_supervisor('wrong')::text},
	q{SELECT get_supervisor_history('sasl_ssl')::text || get_supervisor_status('wrong')::text || get_supervisors(true)::text},
	q{SELECT string_agg(x::text, ' ') FROM stream_ingest.supervisors x},
	q{SELECT string_agg(query, ' ') FROM pg_stat_activity})
{
	unlike($node->safe_psql('postgres', $query), qr/$secret|guessed-word/, "not in: $query");
}
unlike(slurp_file($node->logfile), qr/$secret|guessed-word/, 'not in the log');

$node->stop;
$kafka->stop;
done_testing();
