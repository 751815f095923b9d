
=pod

=head1 NAME

StreamIngest::Diff::Queries - random queries for the differential test

=head1 SYNOPSIS

  my $queries = StreamIngest::Diff::Queries->new($grammar);
  my $query = $queries->make($seed, $number);

=head1 DESCRIPTION

Query number n of a seed is always the same.  A query is a hash:

  sql       with {R} in the place of the table that is compared
  shape     the name of its shape, for totals
  settings  [name, value], of the session while it runs
  ordered   whether its rows come in one order

Every query has one right answer: rows are sorted by something unique before
LIMIT, aggregates that depend on order have one, and sums are exact but for
those called "approx".

=cut

package StreamIngest::Diff::Queries;

use strict;
use warnings;

my @zones = qw(UTC Europe/Berlin America/New_York Asia/Kolkata Pacific/Chatham Australia/Lord_Howe);

# Other plans: little memory, and steps that the planner does without.
my @planner = (
	[ work_mem => '64kB' ], [ work_mem => '64kB' ], [ enable_hashagg => 'off' ], [ enable_sort => 'off' ], [ enable_partitionwise_aggregate => 'on' ],
	[ enable_partitionwise_join => 'on' ], [ enable_incremental_sort => 'off' ]);

# Shapes with the share that they have of all queries.
my %shapes = (
	rows => 3,
	shown => 3,
	sorted => 3,
	grouped => 12,
	total => 5,
	metadata => 2,
	top => 4,
	by_time => 1,
	grouping_sets => 2,
	distinct => 2,
	distinct_on => 1,
	windows => 2,
	self_join => 3,
	dims_join => 3,
	nested_loop => 3,
	lateral => 2,
	scalar => 2,
	semi => 2,
	set_operation => 2,
	cte => 2,
	nested_groups => 2,
	prepared => 2,
	risky => 3,
);
my @shapes = map { ($_) x $shapes{$_} } sort keys %shapes;

sub new
{
	my ($class, $grammar) = @_;

	return bless { g => $grammar }, $class;
}

sub make
{
	my ($self, $seed, $number) = @_;

	srand(($seed * 1_000_003 + $number) % 2**31);
	# the first numbers of neighbouring seeds resemble each other
	rand() for 1 .. 5;
	my $shape = $shapes[ rand @shapes ];
	my $query = $self->$shape;

	$query->{shape} = $shape;
	push @{ $query->{settings} }, $planner[ rand @planner ] if chance(0.25);
	unshift @{ $query->{settings} }, [ TimeZone => $zones[ rand @zones ] ];
	return $query;
}

# ---- parts

sub x { my ($self, @what) = @_; return $self->{g}->text(@what); }

sub chance { return rand() < $_[0]; }

# WHERE with some conditions, or nothing.
sub where
{
	my ($self, $alias, $least) = @_;
	my $n = (0, 0, 1, 1, 1, 2)[ rand 6 ];

	$n = $least if defined $least && $n < $least;

	return '' if $n == 0;
	return ' WHERE ' . join(' AND ', map { $self->x('filter', $alias) } 1 .. $n);
}

sub list
{
	my ($self, $symbol, $least, $most, $alias) = @_;

	return map { $self->x($symbol, $alias) } 1 .. $least + int(rand($most - $least + 1));
}

sub ordinals { my ($n) = @_; return join(', ', 1 .. $n); }

# ORDER BY all of so many columns, in random directions.
sub order
{
	my ($self, $n, @first) = @_;
	my %seen = map { $_ => 1 } @first;

	return ' ORDER BY ' . join(', ', map { $_ . ' ' . $self->x('direction') } @first, grep { !$seen{$_} } 1 .. $n);
}

sub limit
{
	my $limit = ' LIMIT ' . (1, 3, 10, 50)[ rand 4 ];

	$limit .= ' OFFSET ' . int(rand(20)) if chance(0.3);
	return $limit;
}

# Settings that leave the planner one kind of join, or its choice.  A nested loop may scan the table for every row of the other
# side, so only those take it whose other side is small.
sub join_settings
{
	my ($small) = @_;
	my @off = ([], [qw(nestloop mergejoin)], [qw(nestloop hashjoin)]);

	push @off, [qw(hashjoin mergejoin)] if $small;
	return [ map { [ "enable_$_" => 'off' ] } @{ $off[ rand @off ] } ];
}

# ---- shapes of one table

# All values of the rows that pass.
sub rows
{
	my ($self) = @_;
	my $columns = chance(0.5) ? 't.*' : join(', ', map { "$_ AS c" . int(rand(1e9)) } $self->list('any_col', 1, 4));

	return { sql => "SELECT count(*), sum(hashtextextended(s::text, 0)) FROM (SELECT $columns FROM {R} t" . $self->where('t.', 1) . ') s' };
}

sub shown
{
	my ($self) = @_;

	return {
		sql => 'SELECT t.id, ' . join(', ', $self->list('shown', 1, 4)) . ' FROM {R} t' . $self->where('t.', 1) . ' ORDER BY t.id LIMIT 40',
		ordered => 1
	};
}

sub sorted
{
	my ($self) = @_;
	my $keys = join(', ', map { $_ . ' ' . $self->x('direction') } $self->list('sort_key', 1, 2), 't.id');

	return {
		sql => 'SELECT t.id, ' . join(', ', $self->list('shown', 1, 3)) . ' FROM {R} t' . $self->where . " ORDER BY $keys" . limit(),
		ordered => 1
	};
}

sub grouped
{
	my ($self) = @_;
	my @keys = $self->list('key', 1, 3);
	my @items = $self->list('item', 1, 4);

	# an expression over a key, but for those where equal ones are not the same text
	push @items, "($keys[0])::text || '.'" if chance(0.2) && $keys[0] !~ /price|score|ratio|amount|nick/;
	my $sql = 'SELECT ' . join(', ', @keys, @items) . ' FROM {R} t' . $self->where . ' GROUP BY ' . ordinals(scalar @keys);

	$sql .= ' HAVING ' . $self->x('having') if chance(0.25);
	return { sql => $sql };
}

# Only the times, as rows with equal ones have no order.
sub by_time
{
	my ($self) = @_;

	return { sql => 'SELECT t.__time FROM {R} t' . $self->where . ' ORDER BY 1 ' . $self->x('direction') . limit(), ordered => 1 };
}

# Aggregates without groups.
sub total
{
	my ($self) = @_;
	my $sql = 'SELECT ' . join(', ', $self->list('item', 1, 5)) . ' FROM {R} t' . $self->where;

	$sql .= ' HAVING ' . $self->x('having') if chance(0.15);
	return { sql => $sql };
}

# What numbers about chunks and blocks answer alone.
sub metadata
{
	my ($self) = @_;
	my @of = map { my $f = (qw(min max sum count))[ rand 4 ]; my $c = ($f eq 'sum' ? qw(n hits added price amount) : qw(n hits added price amount score ratio __time late id))[ rand 5 ]; "$f(t.$c)" } 1 .. 3;
	my $where = chance(0.5) ? '' : ' WHERE t.__time ' . $self->x('cmp') . ' ' . $self->x('time_value');

	return { sql => 'SELECT count(*), ' . join(', ', @of) . " FROM {R} t$where" };
}

# ORDER BY an aggregate LIMIT n.
sub top
{
	my ($self) = @_;
	my @keys = $self->list('key', 1, 2);
	my $n = @keys + 1;

	return {
		sql => 'SELECT ' . join(', ', @keys, $self->x('exact_item')) . ' FROM {R} t' . $self->where . ' GROUP BY ' . ordinals(scalar @keys) . $self->order($n, $n) . limit(),
		ordered => 1
	};
}

sub grouping_sets
{
	my ($self) = @_;
	my @keys = $self->list('key', 2, 3);
	my @sets = ('ROLLUP (%s)', 'CUBE (%s)', 'GROUPING SETS ((%s), ())', 'GROUPING SETS ((%2$s), (%1$s), ())', 'GROUPING SETS (ROLLUP (%s), (%2$s))');
	my $list = join(', ', @keys);
	my $set = sprintf($sets[ rand @sets ] =~ s/%s/%1\$s/r, $list, $keys[0]);

	return { sql => "SELECT $list, GROUPING ($list), " . join(', ', $self->list('item', 1, 3)) . ' FROM {R} t' . $self->where . " GROUP BY $set" };
}

sub distinct
{
	my ($self) = @_;
	my @columns = $self->list('key', 1, 3);
	my $sql = 'SELECT DISTINCT ' . join(', ', @columns) . ' FROM {R} t' . $self->where;

	return { sql => $sql } if chance(0.6);
	return { sql => $sql . $self->order(scalar @columns) . limit(), ordered => 1 };
}

sub distinct_on
{
	my ($self) = @_;
	my $key = $self->x('exact_col');

	return {
		sql => "SELECT DISTINCT ON ($key) $key, t.id, " . $self->x('shown') . ' FROM {R} t' . $self->where . " ORDER BY $key, t.hits " . $self->x('direction') . ', t.id',
		ordered => 1
	};
}

sub windows
{
	my ($self) = @_;
	my $where = $self->where('t.', 1);

	return {
		sql => 'SELECT t.id, ' . join(', ', $self->list('window', 1, 2)) . " FROM {R} t$where ORDER BY t.id LIMIT 100",
		ordered => 1
	} if chance(0.6);
	my $key = $self->x('exact_col');
	return {
		sql => "SELECT $key, count(*), sum(sum(t.hits)) OVER (ORDER BY count(*)), rank() OVER (ORDER BY max(t.n)) FROM {R} t$where GROUP BY 1"
	};
}

# ---- shapes of several tables

# Two scans of the table; one side is small enough that the join is.
sub self_join
{
	my ($self) = @_;
	my $small = chance(0.4);
	my $from = int(rand(18000));
	my $to = $from + ($small ? 10 + int(rand(20)) : 200 + int(rand(400)));
	my $join = $self->x('join_kind');
	my $sql = "SELECT a.tag, count(*), count(b.id), sum(b.hits), max(a.added) FROM (SELECT * FROM {R} WHERE id BETWEEN $from AND $to) a $join (SELECT * FROM {R} b"
		. $self->where('b.') . ') b ON ' . $self->x('join_on');

	$sql .= ' AND ' . $self->x('filter', chance(0.5) ? 'a.' : 'b.') if chance(0.4);
	$sql .= ' WHERE ' . $self->x('filter', 'a.') if chance(0.3);
	return { sql => "$sql GROUP BY 1", settings => join_settings($small) };
}

sub dims_join
{
	my ($self) = @_;
	my $join = $self->x('join_kind');
	my $sides = chance(0.5) ? "{R} t $join dims d" : "dims d $join {R} t";
	my $on = $self->x('dims_on');

	$on .= ' AND ' . $self->x('filter') if chance(0.4);
	return {
		sql => "SELECT d.label, d.n, count(*), " . join(', ', $self->list('item', 1, 2)) . " FROM $sides ON $on" . $self->where . ' GROUP BY 1, 2',
		settings => join_settings()
	};
}

# Conditions whose values come from another table, row by row.
sub nested_loop
{
	my ($self) = @_;
	my $join = chance(0.6) ? 'JOIN' : 'LEFT JOIN';
	my $cache = chance(0.5) ? 'on' : 'off';

	return {
		sql => "SELECT d.label, d.since, t.id, t.tag FROM dims d $join {R} t ON " . join(' AND ', $self->list('dims_on', 1, 2), 't.id <= 3000'),
		settings => [ (map { [ "enable_$_" => 'off' ] } qw(hashjoin mergejoin)), [ enable_material => $cache ], [ enable_memoize => $cache ] ]
	};
}

# Aggregates of a subquery for each row of another table.
sub lateral
{
	my ($self) = @_;
	my $join = chance(0.5) ? 'CROSS JOIN' : 'LEFT JOIN';
	my $sql = "SELECT d.*, l.* FROM dims d $join LATERAL (SELECT " . join(', ', $self->named('exact_item', 2))
		. ' FROM {R} t WHERE ' . $self->x('correlated') . (chance(0.5) ? ' AND ' . $self->x('filter') : '') . ') l';

	return { sql => $sql . ($join eq 'LEFT JOIN' ? ' ON d.n > 0' : '') };
}

sub scalar
{
	my ($self) = @_;

	return {
		sql => 'SELECT d.*, (SELECT ' . $self->x('exact_item') . ' FROM {R} t WHERE ' . $self->x('correlated') . ') FROM dims d'
	} if chance(0.6);
	return { sql => 'SELECT count(*), sum(t.hits) FROM {R} t WHERE t.n < (SELECT ' . $self->x('exact_number') . ' FROM {R} t' . $self->where . ') % 20' };
}

# Rows with, and without, a partner.
sub semi
{
	my ($self) = @_;
	my ($least, $not) = (int(rand(18000)), $self->x('not'));
	my $part = "t.id BETWEEN $least AND " . ($least + 2000);
	my $filter = $self->x('filter', 'u.');
	my @of = (
		"SELECT d.* FROM dims d WHERE $not EXISTS (SELECT FROM {R} u WHERE u.tag = d.tag AND $filter)",
		"SELECT d.* FROM dims d WHERE d.n $not IN (SELECT u.n FROM {R} u WHERE $filter)",
		"SELECT d.* FROM dims d WHERE $not EXISTS (SELECT FROM {R} u WHERE u.n = d.n AND u.__time > d.since)",
		"SELECT count(*), sum(t.hits) FROM {R} t WHERE $part AND $not EXISTS (SELECT FROM {R} u WHERE u.page = t.page AND u.id <> t.id AND $filter)",
		"SELECT count(*), sum(t.hits) FROM {R} t WHERE $part AND t.page $not IN (SELECT u.page FROM {R} u WHERE u.page IS NOT NULL AND $filter)",
		"SELECT count(*), sum(t.hits) FROM {R} t WHERE $part AND (t.tag, t.hits) IN (SELECT u.tag, max(u.hits) FROM {R} u WHERE $filter GROUP BY 1)");

	return { sql => $of[ rand @of ], settings => join_settings() };
}

# ---- shapes of queries in queries

# So many items, with names that an outer query can call them by.
sub named
{
	my ($self, $symbol, $n) = @_;

	return map { my $i = $_; $self->x($symbol) . " AS x$i" } 1 .. $n;
}

sub set_operation
{
	my ($self) = @_;
	my $key = $self->x('key');
	my @operations = ('UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL');
	my @sides = map { "SELECT $key, count(*) > 100 FROM {R} t" . $self->where . ' GROUP BY 1' } 1 .. 2;

	return { sql => join(' ' . $operations[ rand @operations ] . ' ', @sides) };
}

sub cte
{
	my ($self) = @_;
	my $materialized = ('', 'MATERIALIZED ', 'NOT MATERIALIZED ')[ rand 3 ];
	my $with = "WITH c AS $materialized(SELECT t.n AS k, " . join(', ', $self->named('exact_item', 2)) . ' FROM {R} t' . $self->where . ' GROUP BY 1)';
	my @of = (
		'SELECT * FROM c',
		'SELECT a.k, a.x1, b.x2 FROM c a LEFT JOIN c b ON a.k = b.k + 1',
		'SELECT count(*), sum(t.hits), max(c.x1::text) FROM c JOIN {R} t ON t.n = c.k',
		'SELECT d.label, c.* FROM dims d JOIN c ON c.k = d.n');

	return { sql => "$with $of[ rand @of ]" };
}

sub nested_groups
{
	my ($self) = @_;
	my @of = (
		'SELECT s.c, count(*), sum(s.h) FROM (SELECT %s AS k, count(*) AS c, sum(t.hits) AS h FROM {R} t%s GROUP BY 1) s GROUP BY 1',
		'SELECT count(*), sum(s.h), max(s.c) FROM (SELECT %s AS k, count(*) AS c, sum(t.hits) AS h FROM {R} t%s GROUP BY 1 HAVING count(*) > 5) s',
		'SELECT count(*), max(s.h) FROM (SELECT DISTINCT %s AS k, t.hits AS h FROM {R} t%s) s',
		'SELECT s.h, count(*) FROM (SELECT %s AS k, t.hits AS h FROM {R} t%s ORDER BY t.hits, t.id LIMIT 200) s GROUP BY 1');

	return { sql => sprintf($of[ rand @of ], $self->x('key'), $self->where) };
}

# ---- shapes of statements

# A generic plan, which knows no value.
sub prepared
{
	my ($self) = @_;
	my %types = (
		bigint => [ [qw(n hits added)], 'int_value' ],
		'double precision' => [ [qw(price score amount)], 'float_value' ],
		timestamptz => [ [qw(__time late)], 'time_value' ],
		text => [ [qw(page tag name code)], 'text_value' ]);
	my @types = map { (sort keys %types)[ rand 4 ] } 1 .. 2;
	my $i = 0;
	my @conditions = map { $i++; my $of = $types{$_}[0]; 't.' . $of->[ rand @$of ] . ' ' . $self->x('cmp') . " \$$i" } @types;

	push @conditions, 't.tag = ANY ($3)' if chance(0.5);
	return {
		before => 'PREPARE q (' . join(', ', @types, 'text[]') . ') AS SELECT ' . join(', ', $self->list('key', 1, 1), $self->list('item', 1, 2)) . ' FROM {R} t WHERE '
			. join(chance(0.7) ? ' AND ' : ' OR ', @conditions) . ' GROUP BY 1',
		sql => 'EXECUTE q (' . join(', ', map { '(' . $self->x($types{$_}[1]) =~ s/\(SELECT ([^()]*)\)/$1/r . ")::$_" } @types) . ", ARRAY['a', '日本', NULL])",
		after => 'DEALLOCATE q',
		settings => [ [ plan_cache_mode => 'force_generic_plan' ] ]
	};
}

# Errors are answers too: the same SQLSTATE.
sub risky
{
	my ($self) = @_;

	return { sql => 'SELECT count(*), sum(t.hits) FROM {R} t WHERE ' . $self->x('risky_filter') } if chance(0.3);
	return { sql => 'SELECT ' . $self->x('risky_item') . ', count(*) FROM {R} t' . $self->where } if chance(0.4);
	return { sql => 'SELECT ' . $self->x('key') . ', ' . $self->x('risky_item') . ' FROM {R} t' . $self->where . ' GROUP BY 1' };
}

1;
