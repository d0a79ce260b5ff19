"""One way only to write JSON data: the JSON Canonicalization Scheme (RFC 8785)."""

from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from math import isfinite
from typing import Any


def canonical(data: Any) -> str:
    """The data as canonical JSON: no space, sorted names, shortest numbers.

    Raises:
        ValueError: a number that is not finite or that a double cannot hold, data that is not JSON.
    """
    if isinstance(data, str):
        return encode_basestring(data)
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    whole = isinstance(data, int) and abs(data) < 10**21
    if whole and (abs(data) < 2**53 or _number(float(data)) == str(data)):
        return str(data)
    if isinstance(data, float) and isfinite(data):
        return _number(data)
    if isinstance(data, Mapping) and all(isinstance(name, str) for name in data):
        names = sorted(data, key=lambda name: name.encode("utf-16-be"))  # RFC 8785, section 3.2.3
        return "{" + ",".join([f"{encode_basestring(name)}:{canonical(data[name])}" for name in names]) + "}"
    if isinstance(data, list | tuple):
        return "[" + ",".join([canonical(one) for one in data]) + "]"
    raise ValueError(f"{data!r} has no canonical JSON; wanted text, finite numbers up to 2**53, lists, dicts")


def _number(x: float) -> str:
    """A double as ECMAScript writes it; Python's digits are the same, its exponents are not."""
    text = repr(x)
    if "e" not in text:
        return text.removesuffix(".0").replace("-0", "0") if x == 0 else text.removesuffix(".0")
    sign, digits, power = Decimal(text).normalize().as_tuple()
    places, minus = "".join(map(str, digits)), "-" * sign
    point = len(places) + int(power)  # where the decimal point stands, from the first digit
    if len(places) <= point <= 21:
        return minus + places.ljust(point, "0")
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{places}"
    rest = f".{places[1:]}" if len(places) > 1 else ""
    return f"{minus}{places[0]}{rest}e{point - 1:+d}"
