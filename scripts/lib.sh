# lib.sh: what the scripts share.  Sourced by bash; sets ROOT (the top of the source tree) and changes nothing else.
#
# Servers refuse to run as root, so everything that is a server or a test runs as an unprivileged user:
# the caller, or, when the caller is root, the user named by SI_USER (default postgres).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SI_USER=${SI_USER:-postgres}

say() { printf '%s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# as_root CMD...: runs CMD as root, through sudo where needed.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		die "this step needs root: run as root, or install sudo"
	fi
}

# as_user CMD...: runs CMD as the unprivileged user, with the environment of the caller and, where that user may, in the same directory.
as_user()
{
	if [ "$(id -u)" = 0 ]; then
		id "$SI_USER" >/dev/null 2>&1 || die "user $SI_USER does not exist: install postgresql-15 (scripts/install-deps), or set SI_USER"
		HOME=$(getent passwd "$SI_USER" | cut -d: -f6) runuser -u "$SI_USER" -- sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@"
	else
		"$@"
	fi
}

# user_dir DIR...: directories that belong to the unprivileged user.
user_dir()
{
	local d

	for d in "$@"; do
		mkdir -p "$d" || return 1
		[ "$(id -u)" != 0 ] || chown "$SI_USER" "$d" || return 1
	done
}

# free_port: a TCP port of this machine that nobody listens on, below the range the kernel gives out by itself.
free_port()
{
	local port

	while :; do
		port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# pid_alive FILE: prints the pid in FILE when that process runs (a zombie does not).
pid_alive()
{
	local pid state

	pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] || return 1
	state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) || return 1
	[ -n "$state" ] && [ "$state" != Z ] || return 1
	echo "$pid"
}

# cache_dir: where downloads are kept between runs; the machine's own cache when root filled it already.
cache_dir()
{
	if [ -n "${SI_CACHE:-}" ]; then
		echo "$SI_CACHE"
	elif [ "$(id -u)" = 0 ] || [ -d /var/cache/stream_ingest/kafka ]; then
		echo /var/cache/stream_ingest
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/stream_ingest"
	fi
}

# pg_config_path: the pg_config to build with: PG_CONFIG, Debian's PostgreSQL 15, or the one in PATH.
pg_config_path()
{
	if [ -n "${PG_CONFIG:-}" ]; then
		echo "$PG_CONFIG"
	elif [ -x /usr/lib/postgresql/15/bin/pg_config ]; then
		echo /usr/lib/postgresql/15/bin/pg_config
	else
		have pg_config || die "pg_config not found: run scripts/install-deps, or set PG_CONFIG"
		command -v pg_config
	fi
}

# ensure_built: builds the extension and the programs of bench/, and installs the extension when it differs from what is installed.
ensure_built()
{
	local pg_config script

	pg_config=$(pg_config_path)
	make -s -C "$ROOT" PG_CONFIG="$pg_config" -j"$(nproc)" all >&2 || die "the extension does not build: run scripts/install-deps first"
	make -s -C "$ROOT/bench" PG_CONFIG="$pg_config" >&2 || die "the programs of bench do not build: run scripts/install-deps first"
	script=stream_ingest--$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$ROOT/stream_ingest.control").sql
	if ! cmp -s "$ROOT/stream_ingest.so" "$("$pg_config" --pkglibdir)/stream_ingest.so" ||
		! cmp -s "$ROOT/sql/$script" "$("$pg_config" --sharedir)/extension/$script"; then
		as_root make -s -C "$ROOT" PG_CONFIG="$pg_config" install >&2 || die "make install failed"
	fi
}

# edits_spec DATA-SOURCE TOPIC BROKERS [TUNING] [DIMENSIONS]: the spec of a supervisor for the events that build/bench/generate makes.
edits_spec()
{
	cat <<EOF
{
  "type": "kafka",
  "spec": {
    "dataSchema": {
      "dataSource": "$1",
      "timestampSpec": {"column": "time", "format": "iso"},
      "dimensionsSpec": {"dimensions": [
        ${5:-}"channel", "cityName", "comment", "countryIsoCode", "countryName", "isAnonymous", "isMinor", "isNew",
        "isRobot", "isUnpatrolled", "metroCode", "namespace", "page", "regionIsoCode", "regionName", "user"
      ]},
      "metricsSpec": [
        {"type": "count", "name": "count"},
        {"type": "longSum", "name": "added", "fieldName": "added"},
        {"type": "longSum", "name": "deleted", "fieldName": "deleted"},
        {"type": "longSum", "name": "delta", "fieldName": "delta"}
      ],
      "granularitySpec": {"type": "uniform", "segmentGranularity": "HOUR", "queryGranularity": "NONE", "rollup": false}
    },
    "ioConfig": {
      "topic": "$2",
      "inputFormat": {"type": "json"},
      "consumerProperties": {"bootstrap.servers": "$3"},
      "useEarliestOffset": true,
      "startDelay": "PT0S",
      "taskCount": 1
    },
    "tuningConfig": {"type": "kafka"${4:-}}
  }
}
EOF
}
