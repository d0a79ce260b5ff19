"""What a parameter may be: its kind, from its annotation, and its range, in the notation of intervals.

`[0, 1]` contains both ends and `(0, 1)` neither; `inf` as an open end means any finite number. NaN is
in no range. Every refusal has one form: what came, what was expected, the line that works.
"""

import functools
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, NoReturn, ParamSpec, TypeVar

import numpy as np

from ._stored import steady

P = ParamSpec("P")
T = TypeVar("T")
MOST = float(np.finfo(np.float32).max)
SHORT = 60  # characters of a value that an error shows
FEW = 12  # numbers of an array that an error mends


class Range(NamedTuple):
    """The numbers between `low` and `high`; `with_low`, `with_high`: whether the ends belong to them."""

    low: float
    high: float
    with_low: bool
    with_high: bool
    text: str

    def inside(self, value: np.ndarray) -> np.ndarray:
        """Which of these numbers are in the range; NaN is not."""
        above = value >= self.low if self.with_low else value > self.low
        below = value <= self.high if self.with_high else value < self.high
        return above & below

    def holds(self, value: np.ndarray) -> bool:
        """Whether all of these numbers are in the range."""
        return bool(self.inside(value).all())

    def example(self) -> float:
        """A number in the range."""
        if math.isinf(self.low):
            return min(1.0, self.high - 1.0)
        return self.low + (1.0 if math.isinf(self.high) else (self.high - self.low) / 2)

    def words(self, noun: str) -> str:
        """The range in words."""
        free = math.isinf(self.low) and math.isinf(self.high) and not self.with_high
        which = f"finite {noun}" if free else f"{noun} in {self.text}"
        return f"an {which}" if which.startswith("a") else f"a {which}"


@functools.cache
def interval(text: str) -> Range:
    """The range that `[0, 1]`, `(0, inf)` or another such text means.

    Raises:
        ValueError: the text is no interval.
    """
    try:
        low, high = (float(end) for end in text[1:-1].split(","))
        if not (text[0] in "[(" and text[-1] in "])" and low <= high):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"got the range {text!r}, expected an interval; try '[0, 1]' or '(0, inf)'"
        ) from None
    return Range(low, high, text[0] == "[", text[-1] == "]", text)


EVERY = interval("[-9e15, 9e15]")  # whole numbers of which no digit is lost
FINITE = interval("(-inf, inf)")


def shown(value: Any) -> str:
    """A value as an error shows it: short, on one line; of a long array its shape."""
    if hasattr(value, "tolist"):
        if np.size(value) > 6:
            return f"an array of shape {tuple(value.shape)}"
        value = value.tolist()
    text = steady(" ".join((value.__name__ if inspect.isclass(value) else repr(value)).split()))
    return text if len(text) <= SHORT else text[: SHORT - 3] + "..."


def refusal(owner: str, name: str, value: Any, expected: str, example: Any) -> str:
    """The one form of refusing a parameter: got, expected, try."""
    return f"{owner}: got {name}={shown(value)}, expected {expected}; try {owner}({name}={example!r})"


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that one who wrote `name` probably meant, or the first there is."""
    known = list(names)
    folded = {one.lower(): one for one in reversed(known)}
    near = get_close_matches(str(name).lower(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else (known[0] if known else "")


def unknown_name(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: AttributeError for a name it does not have, with the nearest."""

    def unknown(name: str) -> Any:
        names = [one for one in dir(sys.modules[module]) if not one.startswith("_")]
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        mend = f"; try {module}.{near[0]}" if near and not name.startswith("_") else ""
        raise AttributeError(f"module {module!r} has no attribute {name!r}{mend}")

    return unknown


class Kind(NamedTuple):
    """What an annotation says: the type without None, whether None may be, the shape of an array, if said.

    A size of the shape is None where the annotation leaves it open.
    """

    base: Any
    optional: bool
    shape: tuple[int | None, ...] | None
    words: tuple[Any, ...]
    logical: bool


@functools.cache
def kind_of(annotation: Any) -> Kind:
    """What an annotation says of a parameter; a union of several types says nothing."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = typing.get_args(annotation) if union else (annotation,)
    some = [part for part in parts if part is not type(None)]
    base = some[0] if len(some) == 1 else Any
    sizes = "" if base is float else getattr(base, "dim_str", None)
    shape = None
    if sizes is not None and not any(mark in sizes for mark in ("...", "*")):
        shape = tuple(int(size) if size.isdigit() else None for size in sizes.split())
    words = typing.get_args(base) if typing.get_origin(base) is Literal else ()
    logical = "bool" in getattr(base, "dtypes", ())
    return Kind(base, len(some) < len(parts), shape, words, logical)


class Limit:
    """What one parameter of a component or function may be, and the check of a value against it.

    `owner` and `name` are for the error; `annotation` gives the kind, `within` the range; `static` says
    that it is a size or a word, and no array.
    """

    def __init__(
        self, owner: str, name: str, annotation: Any, within: str | None, default: Any, *, static: bool
    ):
        self.owner, self.name, self.default, self.static, self.many = owner, name, default, static, False
        self.kind, self.range = kind_of(annotation), interval(within) if within else None

    def check(self, value: Any) -> None:
        """Raise TypeError for a value of another kind, ValueError for one outside the range."""
        base = self.kind.base
        free = base is Any and (self.range or FINITE) == FINITE
        if value is None and (self.kind.optional or free or self.default is None):
            return
        if self.kind.words:
            self._word(value)
        elif base is bool:
            if not isinstance(value, bool | np.bool_):
                self.refuse(value, "True or False", True, TypeError)
        elif base is str:
            if not isinstance(value, str):
                self.refuse(value, "a text in quotes", self.name, TypeError)
        elif base is int:
            self._whole(value)
        elif typing.get_origin(base) is tuple:
            self._tuple(value)
        elif typing.get_origin(base) is Callable:
            if not callable(value):
                raise TypeError(
                    f"{self.owner}: got {self.name}={shown(value)}, expected a function; "
                    f"try {self.owner}({self.name}=lambda trace: trace.objective)"
                )
        elif not self.static:
            self._number(value)

    def refuse(
        self, value: Any, expected: str, example: Any, error: type[Exception] = ValueError
    ) -> NoReturn:
        """Raise the error of this parameter; its default is the example, where that is plain and other."""
        kinds = (str, bool, int, float)
        plain = isinstance(self.default, kinds) and not (isinstance(value, kinds) and self.default == value)
        example = self.default if plain else (example,) if self.many else example
        raise error(refusal(self.owner, self.name, value, expected, example)) from None

    def _word(self, value: Any) -> None:
        if value not in self.kind.words:
            wanted = f"one of {', '.join(map(repr, self.kind.words))}"
            raise ValueError(
                refusal(self.owner, self.name, value, wanted, nearest(str(value), map(str, self.kind.words)))
            )

    def _whole(self, value: Any) -> None:
        limits = self.range or EVERY
        words = "a whole number" if limits is EVERY else limits.words("whole number")
        example = int(max(limits.low, min(limits.high, 2)))
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
            self.refuse(value, words, example, TypeError)
        if not limits.holds(np.asarray(float(min(value, 10**300)))):
            self.refuse(value, words, example)

    def _tuple(self, value: Any) -> None:
        inner = typing.get_args(self.kind.base)[0]
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, list | tuple):
            self.refuse(value, "a tuple", (1, 2) if inner is int else ("a", "b"), TypeError)
        if inner in (int, str, bool) or kind_of(inner).words:
            within = self.range.text if self.range else None
            each = Limit(self.owner, self.name, inner, within, ..., static=True)
            each.many = True
            for one in value:
                each.check(one)  # an error shows the one that is wrong

    @functools.cached_property
    def _wanted(self) -> str:
        """What a number, or an array of them, must be, in words."""
        noun = "array of numbers" if self.kind.shape else "number"
        return self.range.words(noun) if self.range else f"a {noun}".replace("a a", "an a")

    @functools.cached_property
    def _example(self) -> Any:
        """A number, or an array as nested lists, that may be."""
        example: Any = self.range.example() if self.range else 1.0
        for size in reversed(self.kind.shape or ()):
            example = [example] * (size or 1)
        return example

    def _number(self, value: Any) -> None:
        shape, loose = self.kind.shape, self.kind.base is Any and (self.range or FINITE) == FINITE
        try:
            x = np.asarray(value)
        except Exception as error:  # noqa: BLE001  (whatever a stranger's object raises, it is no number)
            if "Tracer" in type(error).__name__:
                return  # a list of numbers that are being traced
            self.refuse(value, self._wanted, self._example, TypeError)
        if x.dtype.kind not in ("b" if self.kind.logical else "fiu"):
            if loose:
                return
            self.refuse(value, self._wanted, self._example, TypeError)
        if shape is not None and (
            x.ndim != len(shape) or any(size not in (None, n) for size, n in zip(shape, x.shape, strict=True))
        ):
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            count = f"an array of shape [{sizes}]" if shape else "one number"
            self.refuse(value, f"{count} (it has shape {x.shape})", self._example)
        if self.range and not self.kind.logical and not self.range.holds(x):
            self._beyond(value, x, self.range)
        if (np.isfinite(x) & (np.abs(x) > MOST)).any():
            self.refuse(value, f"numbers up to {MOST:g}, the most that float32 holds", self._example)

    def _beyond(self, value: Any, x: np.ndarray, limits: Range) -> NoReturn:
        """Refuse numbers outside the range; of an array, name the first, and show a small one mended."""
        if not x.ndim:
            self.refuse(value, self._wanted, self._example)
        inside = limits.inside(x)
        place = tuple(int(k) for k in np.argwhere(~inside)[0])
        mended = np.where(inside, x, limits.example()).tolist() if x.size <= FEW else self._example
        self.refuse(value, f"{limits.words('number')} in each place (it has {x[place]:g} at {place})", mended)


def limits(**within: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Check the arguments of a function: `@limits(risk="[0, 1]")` above its definition.

    `within` gives ranges; the annotations say what else an argument must be: int, bool, str, Literal,
    float or an array. Arguments of other kinds pass. Above an `__init__` it speaks for the component.
    """

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        signature, path = inspect.signature(function), function.__qualname__.split(".")
        name = path[-2] if path[-1] == "__init__" else path[-1]
        names = tuple(signature.parameters)

        @functools.cache
        def table() -> dict[str, Limit]:
            kinds = typing.get_type_hints(function)
            found = {}
            for key, one in signature.parameters.items():
                kind = kind_of(kinds.get(key, Any))
                told = kind.words or kind.base in (int, bool, str) or typing.get_origin(kind.base) is Callable
                if key in within or told:
                    default = ... if one.default is inspect.Parameter.empty else one.default
                    annotation = kinds.get(key, Any)
                    found[key] = Limit(name, key, annotation, within.get(key), default, static=False)
            return found

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            given = dict(zip(names, args, strict=False)) | kwargs
            for key, limit in table().items():
                if key in given:
                    limit.check(given[key])
            return function(*args, **kwargs)

        return checked

    return wrap


def refuse_arguments(
    owner: str, signature: inspect.Signature, args: tuple, values: Mapping
) -> dict[str, Any]:
    """The arguments by name; TypeError in one line for a name that is not known, or one that is missing."""
    names = [name for name, one in signature.parameters.items() if one.kind is not one.VAR_KEYWORD]
    for name, value in values.items():
        if name not in names and len(names) == len(signature.parameters):
            listed = ", ".join(names) or "no parameter"
            like = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
            near = f"; try {owner}({like[0]}={shown(value)})" if like else ""
            raise TypeError(f"{owner}: got {name}={shown(value)}, expected one of {listed}{near}") from None
    try:
        return dict(signature.bind(*args, **values).arguments)
    except TypeError as fault:
        raise TypeError(f"{owner}: {fault}; expected {owner}({', '.join(names)})") from None
