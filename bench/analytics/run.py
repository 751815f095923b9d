"""Runs the queries and prints the tables: medians, ratios, geometric means, and one last line of JSON."""

import argparse
import json
import math
import os
import statistics
import sys
import time

import answers
from queries import QUERIES, text
from systems import System

SYSTEMS = ["ours", "duckdb", "clickhouse", "heap"]
PEERS = SYSTEMS[1:]


class Results:
    """What was measured, kept in PREFIX/results.json so that a later run of some systems can be held against the others."""

    def __init__(self, prefix, commit):
        self.file = os.path.join(prefix, "results.json")
        self.medians = {}
        self.answers = {}
        self.fresh = set()
        self.first_row = {}
        self.commit = commit
        self.commits = {}
        if os.path.exists(self.file):
            kept = json.load(open(self.file))
            self.medians = kept["medians"]
            self.answers = kept["answers"]
            self.commits = kept.get("commits", {})

    def put(self, name, query, threads, system, times, rows):
        key = "%s/%s/%d/%s" % (name, query, threads, system)
        self.medians[key] = statistics.median(times)
        self.fresh.add(key)
        if system == "ours":
            self.commits[key] = self.commit
        self.answers["%s/%s/%s" % (name, query, system)] = rows
        with open(self.file + ".new", "w") as out:
            json.dump({"medians": self.medians, "answers": self.answers, "commits": self.commits}, out)
        os.replace(self.file + ".new", self.file)

    def get(self, name, query, threads, system):
        return self.medians.get("%s/%s/%d/%s" % (name, query, threads, system))

    def is_kept(self, name, query, threads, system):
        return "%s/%s/%d/%s" % (name, query, threads, system) not in self.fresh


def chosen(only, name, query):
    return not only or name in only or query in only or "%s/%s" % (name, query) in only


def plan(options, loaded):
    """[(set, its queries)] that were asked for and are loaded."""
    sets = []
    for name in loaded["sets"]:
        queries = [q for q in QUERIES[name] if chosen(options.only, name, q[0])]
        if queries:
            sets.append((name, queries))
    if not sets:
        raise SystemExit("run: nothing that is loaded has the name %s" % ", ".join(options.only))
    return sets


def explain(options, loaded):
    for name, queries in plan(options, loaded):
        ours = System("ours", options.prefix, name)
        for threads in options.threads:
            ours.threads(threads)
            for query, sql, _ in queries:
                print("-- %s/%s, %d thread%s" % (name, query, threads, "" if threads == 1 else "s"))
                sql = text("ours", name, sql, loaded["sets"][name]["constants"])
                for row in ours.measure("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF) " + sql, 0)[1]:
                    print(row[0])
        ours.end()


def check(results, name, query, kind):
    """The lines that say which answers differ."""
    given = [(s, results.answers["%s/%s/%s" % (name, query, s)]) for s in SYSTEMS if "%s/%s/%s" % (name, query, s) in results.answers]
    wrong = []
    for system, rows in given[1:]:
        differs = answers.difference(given[0][1], rows, kind)
        if differs:
            wrong.append("%s/%s: %s and %s differ: %s" % (name, query, given[0][0], system, differs))
    return wrong


def kept_answers(options, loaded, results):
    return [line for name, queries in plan(options, loaded) for query, _, kind in queries for line in check(results, name, query, kind)]


def first_row(ours, name, loaded, results):
    """Planning and starting a scan, and little else."""
    ours.threads(1)
    times, _ = ours.measure("SELECT 1 FROM public.%s LIMIT 1" % name, 20)
    results.first_row[name] = round(statistics.median(times), 2)


def measure(options, loaded, results):
    wrong = []
    for name, queries in plan(options, loaded):
        systems = [System(s, options.prefix, name) for s in options.systems]
        for threads in options.threads:
            for s in systems:
                s.threads(threads)
            for query, sql, kind in queries:
                print("run: %s/%s, %d thread%s" % (name, query, threads, "" if threads == 1 else "s"), file=sys.stderr)
                for s in systems:
                    times, rows = s.measure(text(s.system, name, sql, loaded["sets"][name]["constants"]), options.runs)
                    results.put(name, query, threads, s.system, times, answers.normal(rows, kind))
                wrong += check(results, name, query, kind)
        for s in systems:
            if s.system == "ours" and not options.only:
                first_row(s, name, loaded, results)
            s.end()
    return wrong


def ms(value):
    if value is None:
        return "-"
    return "%.2f" % value if value < 10 else "%.1f" % value if value < 100 else "%.0f" % value


def ratio(value):
    return "-" if value is None else "%.3f" % value if value < 0.1 else "%.2f" % value if value < 10 else "%.0f" % value


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


class Table:
    def __init__(self, threads, results, report):
        self.threads = threads
        self.results = results
        self.ratios = {p: [] for p in PEERS}
        self.kept = False
        self.report = report
        self.commits = set()

    def heading(self, name, rows):
        print("\n%s, %d rows, %d thread%s: milliseconds; ratios above 1: the extension is faster" %
              (name, rows, self.threads, "" if self.threads == 1 else "s"))
        print("%-20s %10s %10s %10s %10s   %10s %10s %10s" % ("query", "ours", "DuckDB", "ClickHouse", "heap", "DuckDB", "ClickHouse", "heap"))

    def line(self, name, query):
        times = {s: self.results.get(name, query, self.threads, s) for s in SYSTEMS}
        ratios = {p: times[p] / times["ours"] if times[p] and times["ours"] else None for p in PEERS}
        if times["ours"] is not None:
            self.commits.add(self.results.commits.get("%s/%s/%d/ours" % (name, query, self.threads), "?"))
        marks = {s: "*" if not self.report and t is not None and self.results.is_kept(name, query, self.threads, s) else " " for s, t in times.items()}
        self.kept = self.kept or "*" in marks.values()
        print("%-20s" % query + "".join("%10s%s" % (ms(times[s]), marks[s]) for s in SYSTEMS) + "  " + "".join("%10s " % ratio(ratios[p]) for p in PEERS))
        for p in PEERS:
            if ratios[p]:
                self.ratios[p].append(ratios[p])
        return ratios, times

    def means(self, label, ratios):
        print("%-66s" % label + "".join("%10s " % ratio(geometric(ratios[p])) for p in PEERS))


def report(options, loaded, results):
    out = {"rows": {n: s["rows"] for n, s in loaded["sets"].items()}, "runs": options.runs, "geometric_mean": {}, "below_half": {}, "ms": {}}
    kept = False
    commits = set()
    for threads in options.threads:
        table = Table(threads, results, options.report)
        worst = []
        for name, queries in plan(options, loaded):
            before = {p: len(v) for p, v in table.ratios.items()}
            table.heading(name, loaded["sets"][name]["rows"])
            for query, _, _ in queries:
                ratios, times = table.line(name, query)
                out["ms"].setdefault("%s/%s" % (name, query), {})[str(threads)] = {s: round(t, 3) for s, t in times.items() if t is not None}
                if ratios["duckdb"] and ratios["duckdb"] < 0.5:
                    worst.append((ratios["duckdb"], "%s/%s" % (name, query)))
            table.means("geometric mean", {p: v[before[p]:] for p, v in table.ratios.items()})
        print()
        table.means("geometric mean of all, %d thread%s" % (threads, "" if threads == 1 else "s"), table.ratios)
        if worst:
            print("below half of DuckDB's speed: " + ", ".join("%s (%.2f)" % (n, r) for r, n in sorted(worst)))
        kept = kept or table.kept
        commits |= table.commits
        out["geometric_mean"][str(threads)] = {p: round(geometric(v), 3) for p, v in table.ratios.items() if v}
        out["below_half"][str(threads)] = [n for _, n in sorted(worst)]
    for name, time_ms in results.first_row.items():
        print("SELECT 1 FROM %s LIMIT 1, of %d segments: %.2f ms" % (name, loaded["sets"][name]["segments"], time_ms))
    out["first_row_ms"] = results.first_row
    out["commits"] = sorted(commits)
    if commits:
        print("the extension as of " + ", ".join(out["commits"]))
    if kept and not options.report:
        print("* from an earlier run")
    return out


def names(text):
    return [n for n in text.split(",") if n]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", type=names, default=[])
    parser.add_argument("--systems", type=names, default=SYSTEMS)
    parser.add_argument("--threads", type=lambda t: [int(n) for n in names(t)], default=[1, 2])
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--commit", default="?")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    for s in options.systems:
        if s not in SYSTEMS:
            raise SystemExit("run: no such system: %s (there are %s)" % (s, ", ".join(SYSTEMS)))
    try:
        loaded = json.load(open(os.path.join(options.prefix, "loaded.json")))
    except FileNotFoundError:
        raise SystemExit("run: nothing is loaded: bench/query load --prefix %s" % options.prefix)
    if options.explain:
        explain(options, loaded)
        return
    results = Results(options.prefix, options.commit)
    start = time.monotonic()
    wrong = kept_answers(options, loaded, results) if options.report else measure(options, loaded, results)
    out = report(options, loaded, results)
    out["seconds"] = round(time.monotonic() - start)
    out["answers_agree"] = not wrong
    print("\nanswers: " + ("all agree" if not wrong else "NOT ALL AGREE"))
    for line in dict.fromkeys(wrong):
        print("  " + line)
    print("again: bench/query %s --prefix %s" % ("report" if options.report else "run", options.prefix) + "".join(
        " --%s %s" % (o, ",".join(map(str, v))) for o, v, default in
        (("only", options.only, []), ("systems", options.systems, SYSTEMS), ("threads", options.threads, [1, 2])) if v != default)
        + ("" if options.runs == 7 else " --runs %d" % options.runs))
    print(json.dumps(out, separators=(",", ":")))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
