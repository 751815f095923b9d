"""The sets of rows: their columns, how each system declares them, and the spec by which the extension ingests them."""

import json

DAYS = 255
WIKI_DIMENSIONS = ["channel", "cityName", "comment", "countryIsoCode", "countryName", "isAnonymous", "isMinor", "isNew",
                   "isRobot", "isUnpatrolled", "namespace", "page", "regionIsoCode", "regionName", "user"]
LINEITEM_DIMENSIONS = ["l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_returnflag", "l_linestatus", "l_commitdate",
                       "l_receiptdate", "l_shipinstruct", "l_shipmode", "l_comment"]

# (name, kind) in the order of the table; kind is time, text, long or double.
WIKI = ([("__time", "time")] + [(d, "text") for d in WIKI_DIMENSIONS] + [("metroCode", "long")]
        + [(m, "long") for m in ("added", "deleted", "delta")])
LINEITEM = ([("__time", "time")] + [(d, "text") for d in LINEITEM_DIMENSIONS] + [("l_quantity", "long")]
            + [(m, "double") for m in ("l_extendedprice", "l_discount", "l_tax")])

SETS = {
    "lineitem": {"columns": LINEITEM, "time": "l_shipdate", "granularity": "MONTH", "numbers": []},
    # The edits of one day of the encyclopedia's real sample are so many; they come again and again in another order.
    "wiki": {"columns": WIKI, "time": "time", "granularity": "DAY", "numbers": ["metroCode"],
             "generate": lambda rows: ["--different", "39244"]},
    "wiki_wide": {"columns": WIKI, "time": "time", "granularity": "DAY", "numbers": ["metroCode"],
                  "generate": lambda rows: ["--pages", str(max(1, rows * 182 // 1000))]},
}

TYPES = {
    "heap": {"time": "timestamptz", "text": "text", "long": "bigint", "double": "double precision"},
    "duckdb": {"time": "TIMESTAMP", "text": "VARCHAR", "long": "BIGINT", "double": "DOUBLE"},
    "clickhouse": {"time": "DateTime64(3, 'UTC')", "text": "Nullable(String)", "long": "Nullable(Int64)", "double": "Nullable(Float64)"},
}


def quoted(name):
    return '"%s"' % name


def declare(system, columns, codec="", low_cardinality=()):
    """The column list of a CREATE TABLE."""
    def kind(name, kind):
        t = TYPES[system][kind]
        if name in low_cardinality:
            t = "LowCardinality(%s)" % t
        return t + codec
    return ", ".join("%s %s" % (quoted(n), kind(n, k)) for n, k in columns)


def spec(name, topic, brokers, compression):
    s = SETS[name]
    dimensions = [n for n, k in s["columns"] if k == "text"] + [{"type": "long", "name": n} for n in s["numbers"]]
    metrics = [{"type": k + "Sum", "name": n, "fieldName": n} for n, k in s["columns"]
               if k in ("long", "double") and n not in s["numbers"]]
    return json.dumps({
        "type": "kafka",
        "spec": {
            "dataSchema": {
                "dataSource": name,
                "timestampSpec": {"column": s["time"], "format": "iso"},
                "dimensionsSpec": {"dimensions": dimensions},
                "metricsSpec": metrics,
                "granularitySpec": {"segmentGranularity": s["granularity"], "queryGranularity": "NONE", "rollup": False},
            },
            "ioConfig": {
                "topic": topic,
                "inputFormat": {"type": "json"},
                "consumerProperties": {"bootstrap.servers": brokers},
                "useEarliestOffset": True,
                "startDelay": "PT0S",
                "taskCount": 1,
                "taskDuration": "P1D",
            },
            "tuningConfig": {"type": "kafka", "indexSpec": {"dimensionCompression": compression, "metricCompression": compression}},
        },
    })
