"""Exact play of small games: unfold, solve by backward induction, play the result.

For deterministic scenarios with options only and full information, under whatever institutions; a
move order (`Institution.order`) makes leaders choose first.
"""

from .play import EquilibriumPlay as EquilibriumPlay
from .play import Planned as Planned
from .solve import Solution as Solution
from .solve import Table as Table
from .solve import solve as solve
from .unfold import Game as Game
from .unfold import Level as Level
from .unfold import unfold as unfold
