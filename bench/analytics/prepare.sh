# prepare.sh: what bench/query and bench/size share.  Sourced by bash after scripts/lib.sh.
#
# Everything is below PREFIX: a copy of PostgreSQL with the extension of this tree in it (the installed PostgreSQL is not touched),
# the server's data, the files of the peers.

ANALYTICS=$ROOT/bench/analytics

# private_postgres DIR: copies the programs, libraries and shared files of PG_CONFIG's PostgreSQL, and links its headers, with the
# same layout: PostgreSQL finds its files from where its program is.
private_postgres()
{
	local home=$1 config root dir

	config=$(pg_config_path)
	[ ! -e "$home/pg_config" ] || return 0
	rm -rf "$home"
	root=$("$config" --bindir)
	for dir in pkglibdir sharedir; do
		while case $("$config" --$dir)/ in "$root"/*) false ;; esac; do root=$(dirname "$root"); done
	done
	for dir in bindir pkglibdir sharedir includedir-server libdir; do
		dir=$("$config" --$dir)
		[ -d "$dir" ] && [ ! -e "$home/${dir#"$root"}" ] || continue
		mkdir -p "$home/$(dirname "${dir#"$root"}")"
		case $dir in
			"$("$config" --libdir)" | "$("$config" --includedir-server)") ln -s "$dir" "$home/${dir#"$root"}" ;;
			*) cp -a "$dir" "$home/${dir#"$root"}" ;;
		esac
	done
	dir=$("$config" --bindir)
	ln -s "$home/${dir#"$root"}/pg_config" "$home/pg_config"
}

# private_extension DIR: builds the extension of this tree in DIR and installs it into the PostgreSQL of PG_CONFIG.  Sources are
# copied where they differ, so that what was built here for another PostgreSQL does not matter.
private_extension()
{
	local tree=$1 f

	mkdir -p "$tree"
	cd "$ROOT"
	find Makefile stream_ingest.control src sql/install sql/*--*--*.sql -type f ! -name '*.o' ! -name '*.d' 2>/dev/null >"$tree/.files" || true
	while read -r f; do
		cmp -s "$f" "$tree/$f" || { mkdir -p "$tree/$(dirname "$f")"; cp "$f" "$tree/$f"; }
	done <"$tree/.files"
	(cd "$tree" && find src sql/install -type f ! -name '*.o' ! -name '*.d') | { grep -vxFf "$tree/.files" || true; } | while read -r f; do
		rm -f "$tree/$f"
	done
	cd "$OLDPWD"
	make -s -C "$tree" PG_CONFIG="$PG_CONFIG" -j"$(nproc)" all >"$tree/build.log" 2>&1 && make -s -C "$tree" PG_CONFIG="$PG_CONFIG" install >>"$tree/build.log" 2>&1 ||
		{ tail -n 20 "$tree/build.log" >&2; die "the extension does not build (the end of $tree/build.log is above): run scripts/install-deps"; }
}

# python_packages: an environment of Python with the packages of requirements.txt, in the cache; sets PYTHON.
python_packages()
{
	local cache dir

	cache=$(cache_dir)
	dir=analytics-$(cksum <"$ANALYTICS/requirements.txt" | tr ' ' '-')
	mkdir -p "$cache" 2>/dev/null || true
	# The machine's own cache may be somebody else's.
	[ -w "$cache" ] || { [ -f "$cache/$dir/complete" ] && [ -x "$cache/$dir/bin/python" ]; } || cache=${XDG_CACHE_HOME:-$HOME/.cache}/stream_ingest
	dir=$cache/$dir
	PYTHON=$dir/bin/python
	[ ! -f "$dir/complete" ] || return 0
	say "$NAME: installing duckdb, chdb, pyarrow, psycopg2 and tpchgen-cli from PyPI into $dir (once, 1 GB)"
	python3 -m venv "$dir" >&2 || die "python3 -m venv failed: install python3-venv"
	"$PYTHON" -m pip install -q --disable-pip-version-check -r "$ANALYTICS/requirements.txt" >&2 || die "pip install failed"
	touch "$dir/complete"
}

# prepare: PREFIX with everything but data; sets PG_CONFIG.
prepare()
{
	mkdir -p "$PREFIX"
	chmod 755 "$PREFIX"
	PREFIX=$(cd "$PREFIX" && pwd)
	export PREFIX
	private_postgres "$PREFIX/postgresql"
	export PG_CONFIG="$PREFIX/postgresql/pg_config"
	python_packages
	say "$NAME: building"
	private_extension "$PREFIX/tree"
	make -s -C "$ROOT/bench" BUILD="$PREFIX/programs" PG_CONFIG="$PG_CONFIG" "$PREFIX/programs/generate" >&2 || die "generate does not build: run scripts/install-deps"
}

server() { "$ROOT/scripts/pg" -d "$PREFIX/pg" "$@"; }

# start_server: with the library that was just installed; stopped again at the end.
start_server()
{
	server stop 2>/dev/null || true
	trap 'server stop || true' EXIT
	trap 'exit 130' INT TERM
	server start "shared_buffers = 2GB" "max_wal_size = 8GB" "work_mem = 256MB" "maintenance_work_mem = 512MB" "effective_cache_size = 8GB" "jit = off" \
		"timezone = UTC" "stream_ingest.merge_memory = 1GB" >/dev/null
}

driver() { "$PYTHON" "$ANALYTICS/$1.py" --prefix "$PREFIX" "${@:2}"; }

# load OPTIONS...: fills PREFIX, and notes with which SQL objects.
load()
{
	local script

	script=$(echo "$PREFIX"/tree/sql/stream_ingest--*.sql)
	[ ! -f "$PREFIX/loaded.sql" ] || cmp -s "$script" "$PREFIX/loaded.sql" || set -- "$@" --new-extension
	driver load --root "$ROOT" "$@"
	cp "$script" "$PREFIX/loaded.sql"
}
