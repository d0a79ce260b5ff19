"""What holds for the hooks of every kind: their names, arguments, answers, and that they are functions."""

import inspect
import re
from collections.abc import Callable, Generator, Iterator
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._card import Card
from .._channel import named_key
from .._governed import Institution, Settlement
from .._mind import Mind
from .._run import run
from .._scenario import Actions, Outcome, Scenario, Sight, legal_acts
from .._society import Society
from .fault import Fault, Unfit, functions, of_class, where
from .watch import Call, key_faults

KINDS = (Scenario, Institution, Mind)
ANSWERS: dict[str, tuple[Any, str]] = {  # hook: what it answers with (a pair ends with it), a line that does
    "channels": (dict, 'return {"take": cw.Amount(10.0)}'),
    "card": (Card, "return cw.Card(...)"),
    "step": ((Outcome,), "return state, cw.Outcome(pay=...)"),
    "observe": (Sight, 'return cw.Sight({"stock": ...})'),
    "view": (Sight, "return sights.tell(rank=...)"),
    "gate": (dict, 'return actions | {"take": ...}'),
    "settle": (Settlement, "return cw.Settlement(memory, delta)"),
    "act": ((dict,), 'return memory, {"take": ...}'),
}
KEYED = {"init", "step", "gate", "settle", "act"}
MISSING = {  # what stands in the class line by line
    "n_agents": "n_agents: int = cw.count(4)",
    "horizon": "horizon: int = cw.count(10)",
    "told": "told: bool = cw.count(True)",
}


def _names(kind: type) -> tuple[set[str], set[str]]:
    """The public functions of a class, and its public fields."""
    public = {n for n in {**vars(kind), **vars(kind).get("__annotations__", {})} if not n.startswith("_")}
    return public & set(functions(kind)), public - set(functions(kind))


def name_faults(kind: type) -> Iterator[Fault]:
    """What the class leaves out, names that are almost a hook's, and hooks with other arguments."""
    base = next(one for one in KINDS if issubclass(kind, one))
    ours, theirs = _names(kind), _names(base)
    near: dict[str, str] = {}  # the name of a hook: what the class has instead
    for mine, known in zip(ours, theirs, strict=True):
        free = known - mine - set().union(*map(_all, kind.__mro__[1 : kind.__mro__.index(base)]))
        for name in sorted(mine - known):
            near |= {hook: name for hook in get_close_matches(name, free, 1, 0.8)}
    missing = sorted({*kind.__abstractmethods__, *getattr(kind, "__abstractvars__", ())})  # type: ignore[attr-defined]
    for hook in sorted({*near, *missing}):
        if hook in near:
            came = f"{near[hook]!r} is no hook of {_a(base)}; nothing ever calls it"
            line = of_class(kind, rf"(def |^\s*){near[hook]}\b")
            yield Fault("hooks have their names", came, f"name it {hook!r}", line)
        else:
            mend = MISSING.get(hook) or (
                f'name: str = cw.text("{_words(kind)}")' if hook == "name" else _def(base, hook)
            )
            yield Fault("it is whole", f"{hook!r} is left out", mend, of_class(kind))
    for name, function in functions(kind).items():
        hook = functions(base).get(name)
        if hook and not isinstance(vars(kind)[name], property):
            try:
                inspect.signature(function).bind(*_takes(hook))
            except TypeError:
                came = (
                    f"{name} takes ({', '.join(_takes(function))}), and is given ({', '.join(_takes(hook))})"
                )
                yield Fault("hooks take what they are given", came, _def(base, name), where(kind, name))


def _all(kind: type) -> set[str]:
    return set().union(*_names(kind))


def _a(base: type) -> str:
    return f"{'an' if base is Institution else 'a'} {base.__name__.lower()}"


def _def(base: type, hook: str) -> str:
    function = functions(base).get(hook)
    return f"def {hook}({', '.join(_takes(function))}):" if function else f"{hook} = ..."


def _takes(function: Callable) -> list[str]:
    return list(inspect.signature(function).parameters)


def _words(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()


def number_faults(thing: Any) -> Iterator[Fault]:
    """Numbers are array leaves, so that a new value does not compile again; sizes are static integers."""
    for name, value in vars(thing).items():
        static = type(thing).__dataclass_fields__[name].metadata.get("static", False)
        line = of_class(type(thing), rf"^\s*{name}\s*:")
        if name in ("n_agents", "horizon"):
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < 1 or not static:
                came = f"{name} is {value!r}; wanted a whole number from 1, which is part of the program"
                yield Fault("sizes are static", came, f"{name}: int = cw.count(10)", line)
        elif isinstance(value, float) or (type(value) is int and not static):
            kind = "cw.count" if isinstance(value, int) else "cw.param"
            came = f"field {name!r} holds a Python number, so every new value compiles again"
            yield Fault("numbers are leaves", came, f"{name} = {kind}({value!r})", line)


def form_faults(thing: Any) -> Iterator[Fault]:
    """Names, arguments and numbers, which come before any trial.

    Raises:
        Unfit: no hook can be tried with these arguments or sizes.
    """
    found = [*name_faults(type(thing)), *number_faults(thing)]
    yield from found
    if any(fault.law in ("hooks take what they are given", "sizes are static") for fault in found):
        raise Unfit


class Trial:
    """Tries the hooks of one component, and knows the calls that its lines make meanwhile."""

    def __init__(self, thing: Any, seen: list[Call]):
        self.thing, self.seen = thing, seen

    @property
    def lucky(self) -> bool:
        """Whether something was drawn, or a clock read, that no key governs."""
        return any(call.kind in ("luck", "clock") for call in self.seen)

    def __call__(self, method: str, *args: Any) -> Generator[Fault, None, Any]:
        """What the hook answers; on the way, whether it is a function of its arguments and changes none.

        Raises:
            Unfit: the answer is of another kind, and nothing can follow.
        """
        hook, start, before = getattr(self.thing, method), len(self.seen), _copies(args)
        first = hook(*args)
        calls = self.seen[start:]
        if method in ANSWERS:
            kind, mend = ANSWERS[method]
            if not _fits(first, kind):
                came = f"{method} answers with {_shown(first)}; wanted {_wanted(kind, method)}"
                yield Fault("hooks answer in kind", came, mend, where(self.thing, method, r"^\s*return\b"))
                raise Unfit
        if method in KEYED:
            yield from key_faults(calls)
        plain = [x for x in jax.tree.leaves(first) if isinstance(x, int | float)] if method == "init" else []
        if plain:
            came = f"init answers with the Python number {plain[0]!r}, which has no dtype to keep"
            mend = f"jnp.{'float32' if isinstance(plain[0], float) else 'int32'}({plain[0]!r})"
            yield Fault("states are of arrays", came, mend, where(self.thing, "init", r"^\s*return\b"))
            raise Unfit
        if not equal(before, args):
            came = f"{method} changes in place what it is given, which no compiled step can"
            mend = "work on a new array: x = x.at[i].set(value), with jnp.zeros in init"
            line = where(self.thing, method, r"\]\s*[-+*/]?=[^=]|\.(fill|sort|append|update|pop)\(")
            yield Fault("hooks change nothing", came, mend, line)
        elif not any(call.kind in ("luck", "clock") for call in calls) and not equal(first, hook(*args)):
            came = f"two calls of {method} with the same arguments differ"
            mend = "keep what lasts in the state or memory that is returned, and draw from the key"
            yield Fault("hooks are functions", came, mend, where(self.thing, method))
        return first


def _fits(answer: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], kind)
    return isinstance(answer, kind)


def _wanted(kind: Any, method: str) -> str:
    if isinstance(kind, tuple):
        return "a memory and a dict of acts" if method == "act" else "a state and an Outcome"
    return f"a {kind.__name__}"


def _shown(answer: Any) -> str:
    if answer is None:
        return "None (is a return missing?)"
    if isinstance(answer, tuple) and len(answer) == 2:
        return f"a pair of {type(answer[0]).__name__} and {type(answer[1]).__name__}"
    return f"an array {np.shape(answer)}" if hasattr(answer, "shape") else f"a {type(answer).__name__}"


def _copies(args: tuple) -> tuple:
    return jax.tree.map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, args)


def equal(first: Any, second: Any) -> bool:
    """Bit for bit, NaN being equal to NaN."""
    if jax.tree.structure(first) != jax.tree.structure(second):
        return False
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(a is b or _same(a, b) for a, b in pairs)


def _same(a: Any, b: Any) -> bool:
    if not hasattr(a, "dtype"):
        return type(a) is type(b) and (" at 0x" in repr(a) or repr(a) == repr(b))
    if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
        a, b = jax.random.key_data(a), jax.random.key_data(b)
    return np.array_equal(a, b, equal_nan=bool(jnp.issubdtype(a.dtype, jnp.floating)))


def drift_faults(thing: Any, method: str, what: str, before: Any, after: Any) -> Iterator[Fault]:
    """What a hook returns must have the structure, shapes and dtypes of what it was given."""
    line = where(thing, method, r"^\s*return\b")
    if jax.tree.structure(before) != jax.tree.structure(after):
        came = f"{what} changes its structure: {jax.tree.structure(before)} to {jax.tree.structure(after)}"
        yield Fault("structures are stable", came, f"return the same class of {what} from {method}", line)
        return
    old = jax.tree_util.tree_leaves_with_path(before)
    for (path, x), y in zip(old, jax.tree.leaves(after), strict=True):
        name = what + jax.tree_util.keystr(path)
        x, y = jnp.asarray(x), jnp.asarray(y)
        if x.shape != y.shape:
            came = f"{name} has shape {x.shape} before {method} and {y.shape} after"
            yield Fault("shapes are stable", came, f"{name} = jnp.reshape({name}, {x.shape})", line)
        elif x.dtype != y.dtype:
            came = f"{name} is {x.dtype} before {method} and {y.dtype} after"
            leaf = name.rsplit(".", 1)[-1]
            yield Fault("dtypes are stable", came, f"{leaf}={leaf}.astype(jnp.{x.dtype})", line)


def engine_faults(trace: Any, society: Society) -> Iterator[Fault]:
    """Both engines execute the same acts: the trace of the compiled one, and the other's first two worlds."""
    other = run(society, 2, engine="async")
    for name, acts in trace.act.items():
        exact = np.issubdtype(acts.dtype, np.integer)
        mine, its = acts[:2], other.act[name]
        same = np.array_equal(mine, its) if exact else np.allclose(mine, its, atol=1e-4)
        if not same:
            came = f"the two engines execute different acts on {name!r}"
            yield Fault("both engines agree", came, "branch with jnp.where, not with Python's if")


def some_acts(scenario: Scenario, sight: Sight, key: Any) -> Actions:
    """Random legal acts of everybody, each channel with luck of its own."""
    channels = scenario.channels()
    legal = legal_acts(channels, sight, scenario.n_agents)
    return {name: channel.sample(named_key(key, name), legal[name]) for name, channel in channels.items()}
