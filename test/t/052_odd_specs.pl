# Odd and bad specs, as somebody tries who wants to know what Druid does with them: test/odd_specs.tsv says what it does, and what
# happens here.  validate_supervisor() and submit_supervisor() must agree, a refused spec names its field, says what was expected
# or what to do, and an accepted one is shown with its values made plain.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use StreamIngest::Cluster;
use Test::More;

my $table = abs_path(dirname(__FILE__)) . '/../odd_specs.tsv';
my $json = JSON::PP->new->canonical->allow_nonref->utf8(0);
my $node = StreamIngest::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION stream_ingest');

my %short = (
	ds => 'spec/dataSchema',
	io => 'spec/ioConfig',
	tu => 'spec/tuningConfig',
	ts => 'spec/dataSchema/timestampSpec',
	dim => 'spec/dataSchema/dimensionsSpec',
	me => 'spec/dataSchema/metricsSpec',
	gr => 'spec/dataSchema/granularitySpec',
	tr => 'spec/dataSchema/transformSpec',
	if => 'spec/ioConfig/inputFormat',
	cp => 'spec/ioConfig/consumerProperties',
);

sub steps
{
	my ($first, @rest) = split m{/}, $_[0];

	return ($short{$first} ? split(m{/}, $short{$first}) : $first, @rest);
}

sub good_spec
{
	return {
		type => 'kafka',
		spec => {
			dataSchema => {
				dataSource => 'wikipedia',
				timestampSpec => { column => 'time', format => 'iso' },
				dimensionsSpec => { dimensions => [ 'channel', 'page' ] },
				metricsSpec => [ { type => 'count', name => 'count' }, { type => 'longSum', name => 'added', fieldName => 'added' } ],
				granularitySpec => { segmentGranularity => 'DAY', queryGranularity => 'NONE', rollup => JSON::PP::false }
			},
			ioConfig => {
				topic => 'wiki',
				inputFormat => { type => 'json' },
				consumerProperties => { 'bootstrap.servers' => 'localhost:9092' },
				useEarliestOffset => JSON::PP::true
			},
			tuningConfig => { type => 'kafka' }
		}
	};
}

sub changed_spec
{
	my ($changes) = @_;
	my $spec = good_spec();

	return $1 if $changes =~ /^text:(.*)/;
	foreach my $change (@{ $json->decode($changes) })
	{
		my @steps = steps($change->[0]);
		my $last = pop @steps;
		my $at = $spec;

		$at = ref $at eq 'ARRAY' ? $at->[$_] : ($at->{$_} //= {}) foreach @steps;
		if (@$change == 1) { delete $at->{$last} }
		elsif (ref $at eq 'ARRAY') { $at->[$last] = $change->[1] }
		else { $at->{$last} = $change->[1] }
	}
	return $json->encode($spec);
}

# One answer for a text: the echo, or the error; and all problems.  Nothing of it stays.
my $script = <<'SQL';
SET client_min_messages = error;
CREATE FUNCTION pg_temp.try(spec text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	problems jsonb;
	echo jsonb;
	state text; message text; detail text; hint text;
BEGIN
	BEGIN
		SELECT jsonb_agg(v) INTO problems FROM validate_supervisor(spec::json) v;
		echo := stream_ingest.check_spec(spec::json);
		PERFORM submit_supervisor(spec::json);
		RAISE EXCEPTION SQLSTATE 'UNDO0';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	END;
	RETURN jsonb_build_object('state', nullif(state, 'UNDO0'), 'message', message, 'detail', detail, 'hint', hint, 'echo', echo, 'problems', problems);
END
$$;
SQL

my @cases;
foreach my $line (split /\n/, slurp_file($table))
{
	next if $line =~ /^#/;
	my %case;
	@case{qw(name druid here plain problem changes why)} = split /\t/, $line, -1;
	push @cases, \%case;
	$script .= 'SELECT pg_temp.try($spec$' . changed_spec($case{changes}) . "\$spec\$);\n";
}
cmp_ok(scalar(@cases), '>=', 300, 'there are specs');

my @answers = map { $json->decode($_) } split /\n/, $node->safe_psql('postgres', $script);
is(scalar(@answers), scalar(@cases), 'each has an answer');

# What the echo has at a path.
sub value_at
{
	my ($at, $path) = @_;

	foreach my $step (steps($path))
	{
		$at = ref $at eq 'ARRAY' ? $at->[$step] : ref $at eq 'HASH' && exists $at->{$step} ? $at->{$step} : return { absent => JSON::PP::true };
	}
	return $at;
}

foreach my $case (@cases)
{
	my ($name, $answer) = ($case->{name}, shift @answers);
	my ($first) = @{ $answer->{problems} // [] };

	is($answer->{state} // 'accepted', $case->{here}, "$name: $case->{here}") or diag($json->encode($answer));
	if ($case->{here} eq 'accepted')
	{
		is($first, undef, "$name: no problem");
		my $plain = $case->{plain} eq '' ? {} : $json->decode($case->{plain});
		foreach my $path (sort keys %$plain)
		{
			is_deeply(value_at($answer->{echo}, $path), $plain->{$path}, "$name: $path is shown plainly");
		}
	}
	elsif ($case->{here} eq '22P02')
	{
		like($answer->{detail}, qr/Token|Expected/, "$name: PostgreSQL says where it is no JSON");
	}
	else
	{
		is($first->{sqlstate}, $case->{here}, "$name: validate_supervisor() says the same");
		is($first->{path}, $case->{plain}, "$name: the field is named");
		like($first->{problem}, qr/^\Q$case->{problem}\E/, "$name: and what is wrong");
		like($answer->{message}, qr/\S/, "$name: so does submit_supervisor()");
		ok($answer->{detail} ne '' || $answer->{hint} ne '', "$name: with what was expected");
	}
	isnt($case->{why}, '', "$name: the difference has a reason")
	  if $case->{druid} !~ /^(accepted|refused)$/ || ($case->{druid} eq 'accepted') != ($case->{here} eq 'accepted');
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM stream_ingest.supervisor'), '0', 'nothing of it stayed');
$node->stop;
done_testing();
