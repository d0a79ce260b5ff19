"""Published results, reproduced: one short file each, run by `commonweal calibrate`."""

from .aga import TARGET as AGA
from .axelrod import TARGET as AXELROD
from .calvano import EXACT as CALVANO
from .calvano import SIMULATED as CALVANO_LEARNED
from .contest import TARGET as CONTEST
from .contracts import TARGET as CONTRACTS
from .contracts_learned import TARGET as CONTRACTS_LEARNED
from .govsim import TARGET as GOVSIM
from .lola import TARGET as LOLA
from .naming import EXACT as NAMING
from .naming import SIMULATED as NAMING_TOWN
from .nowak import TARGET as NOWAK
from .nowak_simulated import TARGET as NOWAK_SIMULATED
from .opinions import EXACT as OPINIONS
from .opinions import SIMULATED as OPINION_CAMPS
from .public_goods import TARGET as PUBLIC_GOODS
from .schelling import TARGET as SCHELLING
from .smooth_q import EXACT as SMOOTH_Q
from .smooth_q import SIMULATED as SMOOTH_Q_LEARNED
from .target import MARKS as MARKS
from .target import Row as Row
from .target import Target as Target
from .target import Verdict as Verdict
from .target import judge as judge
from .tennant import EXACT as TENNANT
from .tennant import SIMULATED as TENNANT_PAIRS
from .thresholds import TARGET as THRESHOLDS
from .wealth import TARGET as WEALTH

TARGETS: tuple[Target, ...] = (
    AGA,
    AXELROD,
    CALVANO,
    CALVANO_LEARNED,
    CONTEST,
    CONTRACTS,
    CONTRACTS_LEARNED,
    GOVSIM,
    LOLA,
    NAMING,
    NAMING_TOWN,
    NOWAK,
    NOWAK_SIMULATED,
    OPINIONS,
    OPINION_CAMPS,
    PUBLIC_GOODS,
    SCHELLING,
    SMOOTH_Q,
    SMOOTH_Q_LEARNED,
    TENNANT,
    TENNANT_PAIRS,
    THRESHOLDS,
    WEALTH,
)


def chosen(name: str | None, tier: str) -> list[Target]:
    """The target of this name, or without a name those of the tier.

    Raises:
        ValueError: there is none.
    """
    found = [t for t in TARGETS if (t.name == name if name else tier in (t.tier, "all"))]
    if not found:
        known = ", ".join(t.name for t in TARGETS) if name else "fast, slow, all"
        raise ValueError(f"calibrate came with {name or tier!r}; wanted one of {known}")
    return found
