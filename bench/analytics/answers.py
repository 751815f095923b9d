"""Answers of different systems in one form, and whether two of them are the same."""

import datetime
import decimal
import math
import re

CLICKHOUSE_TIME = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{3})?$")


def plain(value):
    """A value that JSON has: null, text, whole number, float.  Times are texts with milliseconds, in UTC."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%d %H:%M:%S.") + "%03d" % (value.microsecond // 1000)
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, str):
        time = CLICKHOUSE_TIME.match(value)
        if time:
            return time.group(1) + (time.group(2) or ".000")
    return value


def order(row):
    return [(v is None, isinstance(v, str), "" if v is None or isinstance(v, float) else v) for v in row]


def normal(rows, kind):
    rows = [[plain(v) for v in row] for row in rows]
    return sorted(rows, key=order) if kind == "rows" else rows


def same_value(a, b):
    if isinstance(a, float) or isinstance(b, float):
        # Sums of floating point depend on the order.
        return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def same_rows(a, b):
    return len(a) == len(b) and all(len(x) == len(y) and all(map(same_value, x, y)) for x, y in zip(a, b))


def difference(a, b, kind):
    """None when two answers in normal form are the same; otherwise the first rows that differ, as text."""
    if kind == "top":
        if [r[1] for r in a] != [r[1] for r in b]:
            return "the second columns are %s and %s" % ([r[1] for r in a][:10], [r[1] for r in b][:10])
        last = a[-1][1] if a else None
        a, b = (sorted((r for r in rows if r[1] != last), key=order) for rows in (a, b))
    if same_rows(a, b):
        return None
    if len(a) != len(b):
        return "%d rows and %d rows" % (len(a), len(b))
    return next("%s and %s" % (x, y) for x, y in zip(a, b) if not same_rows([x], [y]))
