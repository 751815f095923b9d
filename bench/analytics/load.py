"""Loads the sets: into DuckDB from where they are generated, from there as Parquet, into ClickHouse and a heap table, and through a
private broker into the extension.  What is loaded is written to PREFIX/loaded.json."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import duckdb
import psycopg2
import pyarrow
import pyarrow.parquet
from chdb import session

from sets import DAYS, SETS, declare, quoted, spec

SLICE = 1000000
# A column with more values than this is a plain string in ClickHouse.
LOW_CARDINALITY = 100000


class Loader:
    def __init__(self, options):
        self.o = options
        self.prefix = options.prefix
        self.temporary = self.path("temporary")
        shutil.rmtree(self.temporary, ignore_errors=True)
        for d in ("temporary", "duckdb", "parquet"):
            os.makedirs(self.path(d), exist_ok=True)
        os.chmod(self.temporary, 0o755)
        self.loaded = {"rows": options.rows, "scale": options.scale, "sets": {}}

    def path(self, *parts):
        return os.path.join(self.prefix, *parts)

    def say(self, text):
        print("load: %s" % text, flush=True)

    def kafka(self, *arguments):
        command = [os.path.join(self.o.root, "scripts", "kafka"), "-d", self.path("kafka")] + list(arguments)
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def connect(self, database="bench"):
        connection = psycopg2.connect(host=self.path("pg"), user="postgres", dbname=database)
        connection.autocommit = True
        return connection

    def generate(self, name, *arguments):
        rows = self.o.rows
        command = [self.path("programs", "generate"), "--shape", "edits", "--event-rate", repr(rows / (DAYS * 86400.0))]
        command += SETS[name]["generate"](rows) + list(arguments)
        return command

    # ---- DuckDB ----

    def duckdb_wiki(self, db, name):
        columns = SETS[name]["columns"]
        read = {SETS[name]["time"] if k == "time" else n: "TIMESTAMP" if k == "time" else "VARCHAR" if k == "text" else "BIGINT"
                for n, k in columns}
        select = ", ".join(quoted(SETS[name]["time"] if k == "time" else n) for n, k in columns)
        slice_file = os.path.join(self.temporary, "slice.json")
        for first in range(0, self.o.rows, SLICE):
            with open(slice_file, "wb") as out:
                subprocess.run(self.generate(name, "--first", str(first), "--rows", str(min(SLICE, self.o.rows - first))), check=True, stdout=out)
            db.execute("INSERT INTO %s SELECT %s FROM read_json(?, format = 'newline_delimited', columns = %s)" % (name, select, read), [slice_file])
        os.remove(slice_file)

    def duckdb_lineitem(self, db):
        subprocess.run([os.path.join(sys.prefix, "bin", "tpchgen-cli"), "parquet", "--scale-factor", str(self.o.scale), "--tables", "lineitem",
                        "--output-dir", self.temporary], check=True)
        select = ", ".join("l_shipdate::TIMESTAMP" if k == "time" else "%s::%s" % (n, {"text": "VARCHAR", "long": "BIGINT", "double": "DOUBLE"}[k])
                           for n, k in SETS["lineitem"]["columns"])
        db.execute("INSERT INTO lineitem SELECT %s FROM read_parquet(?) ORDER BY l_shipdate, l_orderkey, l_linenumber" % select,
                   [os.path.join(self.temporary, "lineitem.parquet")])
        os.remove(os.path.join(self.temporary, "lineitem.parquet"))

    def load_duckdb(self, name):
        file = self.path("duckdb", name + ".duckdb")
        if os.path.exists(file):
            os.remove(file)
        db = duckdb.connect(file)
        db.execute("SET TimeZone = 'UTC'; SET memory_limit = '6GB'; SET temp_directory = '%s'" % self.temporary)
        db.execute("CREATE TABLE %s (%s)" % (name, declare("duckdb", SETS[name]["columns"])))
        if name == "lineitem":
            self.duckdb_lineitem(db)
        else:
            self.duckdb_wiki(db, name)
        db.execute("CHECKPOINT")
        return db

    # ---- the others, from DuckDB ----

    def write_parquet(self, db, name):
        reader = db.sql("SELECT * FROM %s" % name).to_arrow_reader(SLICE)
        schema = pyarrow.schema([f.with_type(pyarrow.timestamp("ms")) if pyarrow.types.is_timestamp(f.type) else f for f in reader.schema])
        with pyarrow.parquet.ParquetWriter(self.path("parquet", name + ".parquet"), schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pyarrow.Table.from_batches([batch]).cast(schema))

    def load_clickhouse(self, ch, db, name):
        columns = SETS[name]["columns"]
        texts = [n for n, k in columns if k == "text"]
        counts = db.execute("SELECT %s FROM %s" % (", ".join("approx_count_distinct(%s)" % quoted(t) for t in texts), name)).fetchone()
        low = [t for t, n in zip(texts, counts) if n < LOW_CARDINALITY]
        for table, codec in ((name, " CODEC(LZ4)"), (name + "_zstd", " CODEC(ZSTD(1))")):
            ch.query("DROP TABLE IF EXISTS bench.%s SYNC" % table)
            ch.query("CREATE TABLE bench.%s (%s) ENGINE = MergeTree ORDER BY __time" % (table, declare("clickhouse", columns, codec, low)))
            ch.query("INSERT INTO bench.%s SELECT * FROM file('%s', 'Parquet')" % (table, self.path("parquet", name + ".parquet")))
            ch.query("OPTIMIZE TABLE bench.%s FINAL" % table)

    def load_heap(self, db, sql, name):
        file = os.path.join(self.temporary, "slice.csv")
        sql.execute("DROP TABLE IF EXISTS heap.%s" % name)
        sql.execute("CREATE TABLE heap.%s (%s)" % (name, declare("heap", SETS[name]["columns"])))
        rows = db.execute("SELECT count(*) FROM %s" % name).fetchone()[0]
        for first in range(0, rows, SLICE):
            db.execute("COPY (SELECT * FROM %s WHERE rowid >= %d AND rowid < %d) TO '%s' (FORMAT csv, HEADER false, NULLSTR '\\N')"
                       % (name, first, first + SLICE, file))
            with open(file, "rb") as data:
                sql.copy_expert("COPY heap.%s FROM STDIN (FORMAT csv, NULL '\\N')" % name, data)
        os.remove(file)
        sql.execute("VACUUM (FREEZE, ANALYZE) heap.%s" % name)

    # ---- the extension ----

    def produce(self, db, name, rows, brokers):
        self.kafka("topic", name, "1", "retention.ms=-1")
        to = ["--brokers", brokers, "--topic", name]
        if name != "lineitem":
            subprocess.run(self.generate(name, "--rows", str(rows), *to), check=True)
            return
        file = os.path.join(self.temporary, "slice.json")
        for first in range(0, rows, SLICE):
            db.execute("COPY (SELECT strftime(__time, '%%Y-%%m-%%d') AS l_shipdate, * EXCLUDE (__time) FROM lineitem WHERE rowid >= %d AND rowid < %d) TO '%s' (FORMAT json)"
                       % (first, first + SLICE, file))
            subprocess.run([self.path("programs", "generate"), "--file", file] + to, check=True)
        os.remove(file)

    def one(self, sql, text, *values):
        sql.execute(text, values)
        return sql.fetchone()

    def load_ours(self, db, sql, name, rows):
        brokers = self.kafka("start")
        self.produce(db, name, rows, brokers)
        sql.execute("SELECT count(*) FROM pg_foreign_table WHERE ftrelid = to_regclass(%s)", (name,))
        if sql.fetchone()[0]:
            sql.execute("DROP FOREIGN TABLE public.%s" % name)
        start = time.monotonic()
        sql.execute("SELECT submit_supervisor(%s)", (spec(name, name, brokers, self.o.compression),))
        while not self.one(sql, "SELECT wait_until_current(%s, '20 seconds')", name)[0]:
            self.say("%s: waiting; %s" % (name, self.one(sql, "SELECT row(state, healthy, lag, note) FROM stream_ingest.supervisors WHERE supervisor_id = %s", name)[0]))
            if time.monotonic() - start > 3600:
                raise SystemExit("load: %s is not ingested after an hour" % name)
        ingested = time.monotonic() - start
        sql.execute("SELECT terminate_supervisor(%s)", (name,))
        waiting = """SELECT (SELECT count(*) FROM stream_ingest.delta d WHERE d.data_source_id = s.data_source_id),
            (SELECT coalesce(sum(rows), 0)::bigint FROM stream_ingest.segment g WHERE g.data_source_id = s.data_source_id)
            FROM stream_ingest.data_source s WHERE s.name = %s"""
        progress, since = None, time.monotonic()
        while True:
            state = self.one(sql, waiting, name)
            if state == (0, rows):
                break
            if state != progress:
                progress, since = state, time.monotonic()
            if time.monotonic() - since > 600:
                raise SystemExit("load: publishing %s stands still: %s deltas left, %s of %s rows published" % ((name,) + state + (rows,)))
            time.sleep(0.2)
        published = time.monotonic() - start
        segments, intervals = self.one(sql, """SELECT count(*), count(DISTINCT interval_start_ms) FROM stream_ingest.segment
            JOIN stream_ingest.data_source USING (data_source_id) WHERE name = %s""", name)
        self.kafka("destroy")
        self.say("%s: ingested after %.0f s, published after %.0f s: %d segments of %d intervals" % (name, ingested, published, segments, intervals))
        return {"ingested_s": round(ingested, 1), "published_s": round(published, 1), "segments": segments, "intervals": intervals}

    def constants(self, db, name):
        """What the queries look for."""
        if name == "lineitem":
            return {}
        page = db.execute("SELECT page FROM %s GROUP BY 1 ORDER BY count(*), 1 LIMIT 1" % name).fetchone()[0]
        return {"needle": page}

    def load_others(self, name, ch, sql):
        self.say("%s: DuckDB" % name)
        db = self.load_duckdb(name)
        self.say("%s: Parquet, ClickHouse, heap" % name)
        self.write_parquet(db, name)
        self.load_clickhouse(ch, db, name)
        self.load_heap(db, sql, name)
        return db

    def load(self, name, ch, sql):
        if self.o.ours:
            db = duckdb.connect(self.path("duckdb", name + ".duckdb"), read_only=True)
        else:
            db = self.load_others(name, ch, sql)
        rows = db.execute("SELECT count(*) FROM %s" % name).fetchone()[0]
        self.say("%s: %d rows through the broker" % (name, rows))
        about = self.load_ours(db, sql, name, rows)
        about.update({"rows": rows, "compression": self.o.compression, "constants": self.constants(db, name), "loaded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        db.close()
        self.loaded["sets"][name] = about
        with open(self.path("loaded.json"), "w") as out:
            json.dump(self.loaded, out, indent=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--rows", type=int, default=10000000)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--compression", default="lz4")
    parser.add_argument("--ours", action="store_true")
    parser.add_argument("--new-extension", action="store_true", help="the SQL objects are not those of this tree: no set of the extension stays")
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    names = options.sets.split(",")
    for name in names:
        if name not in SETS:
            raise SystemExit("load: no such set: %s (there are %s)" % (name, ", ".join(SETS)))
    before = os.path.join(options.prefix, "loaded.json")
    old = json.load(open(before)) if os.path.exists(before) else {"sets": {}}
    if options.ours:
        names = list(old["sets"])
        if not names:
            raise SystemExit("load: there is nothing to load again: bench/query load without --ours")
        options.rows = old["rows"]
        options.scale = old["scale"]
    loader = Loader(options)
    loader.loaded["sets"] = {n: s for n, s in old["sets"].items() if n not in names and not options.new_extension}
    if not options.ours:
        for file in (before, loader.path("results.json")):
            if os.path.exists(file):
                os.remove(file)
    admin = loader.connect("postgres").cursor()
    admin.execute("SELECT 1 FROM pg_database WHERE datname = 'bench'")
    if admin.fetchone() is None:
        admin.execute("CREATE DATABASE bench")
    sql = loader.connect().cursor()
    if options.new_extension:
        sql.execute("DROP EXTENSION IF EXISTS stream_ingest CASCADE")
    sql.execute("CREATE EXTENSION IF NOT EXISTS stream_ingest")
    sql.execute("CREATE SCHEMA IF NOT EXISTS heap")
    ch = session.Session(loader.path("clickhouse"))
    ch.query("CREATE DATABASE IF NOT EXISTS bench")
    try:
        for name in names:
            loader.load(name, ch, sql)
    finally:
        if os.path.isdir(loader.path("kafka")):
            loader.kafka("destroy")
        shutil.rmtree(loader.temporary, ignore_errors=True)
    ch.close()


main()
