"""Bytes per row of the loaded sets in each system, whole and per column, and one last line of JSON."""

import argparse
import json
import os

import duckdb
import psycopg2
import pyarrow.parquet
from chdb import session

import chunkfile
from sets import SETS

SYSTEMS = ["ours", "parquet", "duckdb", "lz4", "zstd", "heap"]
LABELS = {"ours": "ours", "bitmaps": "+bitmaps", "parquet": "Parquet", "duckdb": "DuckDB", "lz4": "CH LZ4", "zstd": "CH zstd", "heap": "heap",
          "dictionary": "dictionary", "blocks": "blocks"}
DUCKDB_BLOCK = 262144


def add(totals, key, value):
    totals[key] = totals.get(key, 0) + value


def ours(sql, name):
    """Bytes of the published segments: {"total", "bitmaps", "columns": {name: {...}}}."""
    sql.execute("""SELECT file, bytes, 'stream_ingest/' || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || replace(install::text, '-', '') || '/' || file
        FROM stream_ingest.segment JOIN stream_ingest.data_source USING (data_source_id, install) WHERE name = %s""", (name,))
    out = {"total": 0, "bitmaps": 0, "columns": {}}
    segments = sql.fetchall()
    if not segments:
        raise SystemExit("size: %s has no published segments" % name)
    for _, size, path in segments:
        def read(offset, length):
            sql.execute("SELECT pg_read_binary_file(%s, %s, %s)", (path, offset, length))
            return bytes(sql.fetchone()[0])
        out["total"] += size
        for column in chunkfile.columns(size, read):
            of = out["columns"].setdefault(column["name"], {"dictionary": 0, "blocks": 0, "bitmaps": 0})
            for part in of:
                of[part] += column[part]
            out["bitmaps"] += column["bitmaps"]
    # The functions of the extension must say the same.
    sql.execute("SELECT \"column\", sum(bytes) FROM stream_ingest.chunk_columns(%s::regclass) GROUP BY 1", ("public." + name,))
    for column, size in sql.fetchall():
        if size != sum(out["columns"][column].values()):
            raise SystemExit("size: chunk_columns has %s bytes for %s.%s, its files %s" % (size, name, column, sum(out["columns"][column].values())))
    return out


def parquet(file):
    columns = {}
    metadata = pyarrow.parquet.ParquetFile(file).metadata
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            c = metadata.row_group(group).column(column)
            add(columns, c.path_in_schema, c.total_compressed_size)
    return os.path.getsize(file), columns


def duckdb_file(file, name):
    """The bytes of a column are those between the places where segments begin; a segment that is the last of its block has all that is left
    of it."""
    db = duckdb.connect(file, read_only=True)
    segments = db.execute("SELECT column_name, block_id, block_offset, len(additional_block_ids) FROM pragma_storage_info('%s') WHERE block_id >= 0 ORDER BY 2, 3" % name).fetchall()
    db.close()
    columns = {}
    for i, (column, block, offset, more) in enumerate(segments):
        end = segments[i + 1][2] if i + 1 < len(segments) and segments[i + 1][1] == block else DUCKDB_BLOCK
        add(columns, column, end - offset + more * DUCKDB_BLOCK)
    return os.path.getsize(file), columns


def clickhouse(ch, table):
    def ask(text):
        return [json.loads(line) for line in ch.query(text, "JSONCompactEachRow").bytes().splitlines()]
    total = ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = '%s'" % table)[0][0]
    columns = ask("SELECT name, data_compressed_bytes FROM system.columns WHERE database = 'bench' AND table = '%s'" % table)
    return int(total), {n: int(b) for n, b in columns}


def heap(sql, name, rows):
    """Columns from every hundredth page or so; what is not in a column is headers, padding and free space."""
    sql.execute("SELECT pg_total_relation_size(%s)", ("heap." + name,))
    total = sql.fetchone()[0]
    names = [n for n, _ in SETS[name]["columns"]]
    sql.execute("SELECT count(*), %s FROM heap.%s TABLESAMPLE SYSTEM (%s) REPEATABLE (1)" %
                (", ".join("coalesce(sum(pg_column_size(\"%s\")), 0)" % n for n in names), name, 100 if rows < 100000 else 1))
    sample = sql.fetchone()
    return total, {n: int(s) * rows // max(1, sample[0]) for n, s in zip(names, sample[1:])}


def collect(prefix, sql, ch, name, rows):
    mine = ours(sql, name)
    total = {"ours": mine["total"] - mine["bitmaps"], "bitmaps": mine["bitmaps"]}
    columns = {n: {"ours": c["dictionary"] + c["blocks"], **c} for n, c in mine["columns"].items()}
    for system, (size, parts) in (
            ("parquet", parquet(os.path.join(prefix, "parquet", name + ".parquet"))),
            ("duckdb", duckdb_file(os.path.join(prefix, "duckdb", name + ".duckdb"), name)),
            ("lz4", clickhouse(ch, name)), ("zstd", clickhouse(ch, name + "_zstd")), ("heap", heap(sql, name, rows))):
        total[system] = size
        for n, size in parts.items():
            columns[n][system] = size
    return total, columns


def show(name, rows, total, columns):
    heads = ["ours", "bitmaps", "dictionary", "blocks", "parquet", "duckdb", "lz4", "zstd", "heap"]
    print("\n%s, %d rows: bytes per row; ours without bitmaps" % (name, rows))
    print("%-16s" % "column" + "".join("%11s" % LABELS[h] for h in heads) + "%16s" % "ours / Parquet")
    for n, _ in SETS[name]["columns"]:
        c = columns[n]
        print("%-16s" % n + "".join("%11.3f" % (c.get(h, 0) / rows) for h in heads) + "%16.2f" % (c["ours"] / c["parquet"]))
    rest = {h: total[h] - sum(c.get(h, 0) for c in columns.values()) for h in total}
    print("%-16s" % "(the rest)" + "".join("%11s" % ("%.3f" % (rest[h] / rows) if h in rest else "") for h in heads))
    print("%-16s" % "all" + "".join("%11s" % ("%.3f" % (total[h] / rows) if h in total else "") for h in heads) + "%16.2f" % (total["ours"] / total["parquet"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix", required=True)
    prefix = parser.parse_args().prefix
    loaded = json.load(open(os.path.join(prefix, "loaded.json")))
    connection = psycopg2.connect(host=os.path.join(prefix, "pg"), user="postgres", dbname="bench")
    connection.autocommit = True
    sql = connection.cursor()
    ch = session.Session(os.path.join(prefix, "clickhouse"))
    out = {}
    for name, about in loaded["sets"].items():
        rows = about["rows"]
        total, columns = collect(prefix, sql, ch, name, rows)
        show(name, rows, total, columns)
        out[name] = {"rows": rows, "bytes_per_row": {k: round(v / rows, 3) for k, v in total.items()},
                     "ours_to_parquet": round(total["ours"] / total["parquet"], 3),
                     "columns": {n: {k: round(v / rows, 3) for k, v in c.items()} for n, c in columns.items()}}
    ch.close()
    print("\nagain: bench/size --prefix %s" % prefix)
    print(json.dumps(out, separators=(",", ":")))


main()
