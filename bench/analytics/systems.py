"""The four systems, each in a process of its own that answers requests of the driver.

A measured run is: the text of the query goes in, all rows are out.  DuckDB and chdb run inside their process, PostgreSQL is asked
over a socket.  ClickHouse's rows are bytes of JSON, which are parsed outside of what is measured.
"""

import json
import multiprocessing
import os
import time
import traceback


class Postgres:
    def __init__(self, prefix, name):
        import psycopg2
        self.connection = psycopg2.connect(host=os.path.join(prefix, "pg"), user="postgres", dbname="bench")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def threads(self, n):
        self.cursor.execute("SET max_parallel_workers_per_gather = %d" % (n - 1))

    def run(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def rows(self, result):
        return result


class DuckDB:
    def __init__(self, prefix, name):
        import duckdb
        self.db = duckdb.connect(os.path.join(prefix, "duckdb", name + ".duckdb"), read_only=True)

    def threads(self, n):
        self.db.execute("SET threads = %d" % n)

    def run(self, sql):
        return self.db.execute(sql).fetchall()

    def rows(self, result):
        return result


class ClickHouse:
    def __init__(self, prefix, name):
        from chdb import session
        self.session = session.Session(os.path.join(prefix, "clickhouse"))
        # It would remember which rows the same filter has found before.
        self.session.query("SET use_query_condition_cache = 0")

    def threads(self, n):
        self.session.query("SET max_threads = %d" % n)

    def run(self, sql):
        return self.session.query(sql, "JSONCompactEachRow").bytes()

    def rows(self, result):
        return [tuple(json.loads(line)) for line in result.splitlines() if line]


CLASSES = {"ours": Postgres, "heap": Postgres, "duckdb": DuckDB, "clickhouse": ClickHouse}


def serve(pipe, system, prefix, name):
    s = None
    try:
        s = CLASSES[system](prefix, name)
        while True:
            request = pipe.recv()
            if request[0] == "end":
                break
            if request[0] == "threads":
                s.threads(request[1])
                pipe.send(None)
                continue
            _, sql, runs = request
            result = s.run(sql)
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                again = s.run(sql)
                times.append((time.perf_counter() - start) * 1000)
                del again
            pipe.send((times, s.rows(result)))
    except EOFError:
        pass
    except Exception:
        pipe.send(RuntimeError(traceback.format_exc()))
    finally:
        if system == "clickhouse" and s is not None:
            s.session.close()


class System:
    """A process that runs queries on one set of rows."""

    def __init__(self, system, prefix, name):
        self.system = system
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, system, prefix, name), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, *request):
        self.pipe.send(request)
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise SystemExit("%s ended unexpectedly" % self.system)
        if isinstance(answer, Exception):
            raise SystemExit("%s: %s" % (self.system, answer))
        return answer

    def threads(self, n):
        self.ask("threads", n)

    def measure(self, sql, runs):
        """(milliseconds of each run, the rows); a first run is not counted."""
        return self.ask("measure", sql, runs)

    def end(self):
        self.pipe.send(("end",))
        self.process.join()
