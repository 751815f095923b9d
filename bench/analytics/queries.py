"""The queries, in words that all four systems understand but for {hour} and {year}.

Each is (name, text, how answers are compared): "rows" in any order, or "top": by the second column, descending, where rows that tie
with the last one may differ.
"""

HOUR = {"ours": "date_trunc('hour', __time)", "heap": "date_trunc('hour', __time)", "duckdb": "date_trunc('hour', __time)",
        "clickhouse": "toStartOfHour(__time)"}
YEAR = {"ours": "extract(year FROM __time)", "heap": "extract(year FROM __time)", "duckdb": "year(__time)", "clickhouse": "toYear(__time)"}

SUMS = "sum(l_extendedprice), sum(l_discount), sum(l_tax), sum(l_quantity)"

LINEITEM = [
    ("count_interval", "SELECT count(*) FROM {t} WHERE __time BETWEEN '1992-01-03 00:00:00' AND '1998-11-30 00:00:00'", "rows"),
    ("sum_price", "SELECT sum(l_extendedprice) FROM {t}", "rows"),
    ("sum_four", "SELECT " + SUMS + " FROM {t}", "rows"),
    ("sum_by_year", "SELECT {year}, " + SUMS + " FROM {t} GROUP BY 1", "rows"),
    ("sum_like_air", "SELECT " + SUMS + " FROM {t} WHERE l_shipmode LIKE '%AIR%'", "rows"),
    ("top_parts", "SELECT l_partkey, sum(l_quantity) FROM {t} GROUP BY 1 ORDER BY 2 DESC LIMIT 100", "top"),
    ("top_parts_details", "SELECT l_partkey, sum(l_quantity), sum(l_extendedprice), min(l_discount), max(l_discount) FROM {t} GROUP BY 1 ORDER BY 2 DESC LIMIT 100", "top"),
    ("top_parts_filter", "SELECT l_partkey, sum(l_quantity), sum(l_extendedprice), min(l_discount), max(l_discount) FROM {t}"
     " WHERE __time BETWEEN '1996-01-15 00:00:00' AND '1998-03-15 00:00:00' GROUP BY 1 ORDER BY 2 DESC LIMIT 100", "top"),
    ("top_commit_dates", "SELECT l_commitdate, sum(l_quantity) FROM {t} GROUP BY 1 ORDER BY 2 DESC LIMIT 100", "top"),
]

WIKI = [
    ("count", "SELECT count(*) FROM {t}", "rows"),
    ("sum", "SELECT sum(added) FROM {t}", "rows"),
    ("channel_filter", "SELECT count(*), sum(added) FROM {t} WHERE channel = '#en.wikipedia'", "rows"),
    ("top_pages", "SELECT page, count(*) FROM {t} GROUP BY 1 ORDER BY 2 DESC LIMIT 10", "top"),
    ("by_channel", "SELECT channel, count(*), sum(added) FROM {t} GROUP BY 1", "rows"),
    ("distinct_users", "SELECT count(DISTINCT \"user\") FROM {t}", "rows"),
    ("comment_like", "SELECT count(*) FROM {t} WHERE comment LIKE '%AWB%'", "rows"),
    ("hours_of_week", "SELECT {hour}, count(*), sum(added) FROM {t} WHERE __time >= '2016-01-04 00:00:00' AND __time < '2016-01-11 00:00:00' GROUP BY 1", "rows"),
    ("channel_namespace", "SELECT channel, namespace, count(*), sum(added) FROM {t} GROUP BY 1, 2", "rows"),
    ("cities_of_country", "SELECT \"cityName\", count(*) FROM {t} WHERE \"countryName\" = 'Italy' GROUP BY 1", "rows"),
    ("three_dimensions", "SELECT count(*), sum(delta) FROM {t} WHERE channel = '#fr.wikipedia' AND \"countryName\" = 'France' AND \"isNew\" = 'true'", "rows"),
    ("top_users_of_month", "SELECT \"user\", count(*), sum(added) FROM {t} WHERE __time >= '2016-02-01 00:00:00' AND __time < '2016-03-01 00:00:00' GROUP BY 1 ORDER BY 2 DESC LIMIT 10", "top"),
    ("needle", "SELECT * FROM {t} WHERE page = '{needle}'", "rows"),
]

QUERIES = {"lineitem": LINEITEM, "wiki": WIKI, "wiki_wide": WIKI}


def text(system, name, query, constants):
    """The text of a query for a system; constants has what depends on the rows."""
    t = {"ours": "public.", "heap": "heap.", "duckdb": "", "clickhouse": "bench."}[system] + name
    query = query.replace("{t}", t).replace("{hour}", HOUR[system]).replace("{year}", YEAR[system])
    for key, value in constants.items():
        query = query.replace("{%s}" % key, value.replace("'", "''"))
    return query
