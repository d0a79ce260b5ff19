"""`check` and `faults`: every law of a component's kind, tried."""

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from .._bounds import shown
from .._governed import Institution
from .._measure import Measure
from .._mind import Mind
from .._scenario import Scenario
from .fault import Fault, Lawless, Unfit, raised
from .hooks import name_faults
from .institutions import institution_faults
from .measures import measure_faults
from .minds import mind_faults
from .probe import Probe
from .scenarios import scenario_faults
from .watch import Call, luck_faults, watching

KINDS = (Scenario, Institution, Mind, Measure)
SHAPES = {
    *("the card fits", "every agent has its row", "masks fit channels"),
    *("shapes are stable", "dtypes are stable", "structures are stable", "a delta for every agent"),
    *("the outcome has its shapes", "the outcome has its dtypes"),
}


def check(component: Any, scenario: Scenario | None = None) -> None:
    """Raise `Lawless` unless the component obeys every law of its kind.

    Institutions and minds are tried on `scenario`, by default a small one with an amount and a choice.
    """
    found = faults(component, scenario)
    if found:
        name = component.__name__ if isinstance(component, type) else type(component).__name__
        raise Lawless(f"{name} breaks {len(found)} law(s):\n" + "\n".join(f"  {fault}" for fault in found))


def faults(component: Any, scenario: Scenario | None = None) -> list[Fault]:
    """Every law the component breaks, in the order in which they should be mended.

    A class that cannot be made, since something is left out, has the faults of what is left out.

    Raises:
        TypeError: the thing is not a scenario, institution, mind or measure.
    """
    if _partial(component):
        return list(name_faults(component))
    if not isinstance(component, KINDS):
        raise TypeError(
            f"{shown(component)} is a {type(component).__name__}; wanted an instance of a Scenario, "
            "Institution, Mind or Measure: cw.check(Commons())"
        )
    probe = Probe() if scenario is None else scenario
    laws: list[tuple[type, Callable[[Any, list[Call]], Iterator[Fault]]]] = [
        (Scenario, scenario_faults),
        (Institution, lambda law, seen: institution_faults(law, probe, seen)),
        (Mind, lambda mind, seen: mind_faults(mind, probe, seen)),
        (Measure, lambda measure, _: measure_faults(measure)),
    ]
    tries = next(tries for kind, tries in laws if isinstance(component, kind))
    home = component if isinstance(component, Scenario) else probe
    found: list[Fault] = []
    with watching(component) as seen:
        try:
            found.extend(tries(component, seen))  # what came before an error stays found
        except Unfit:
            pass
        except Exception as error:  # noqa: BLE001  (whatever it raises is a fault of the component)
            if not any(fault.law in SHAPES for fault in found):  # what follows from a shape is no other fault
                found.append(raised(component, error, _names(home)))
    luck = [] if isinstance(component, Measure) else luck_faults(seen)
    return list(dict.fromkeys([*luck, *found]))


def unfinished(module: ModuleType, *, abstract: bool = False) -> dict[str, type]:
    """The classes of components in a module that leave something out, and are not completed there.

    Those named `Abstract...` or `_...` do so on purpose; `abstract` names them too.
    """
    ours = {k: one for k, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__}
    bases = {base for one in ours.values() if isinstance(one, type) for base in one.__mro__[1:]}
    left = {name: one for name, one in ours.items() if _partial(one) and one not in bases}
    return {name: one for name, one in left.items() if abstract or not name.startswith(("_", "Abstract"))}


def _partial(thing: Any) -> bool:
    """Whether this is a class of scenarios, institutions or minds that leaves something out."""
    left = inspect.isabstract(thing) or getattr(thing, "__abstractvars__", ())
    return isinstance(thing, type) and issubclass(thing, Scenario | Institution | Mind) and bool(left)


def _names(scenario: Scenario) -> list[str]:
    """The names of a scenario's channels, for one who wrote another."""
    try:
        return sorted(scenario.channels())
    except Exception:  # noqa: BLE001  (a scenario that cannot name its channels has that fault)
        return []
