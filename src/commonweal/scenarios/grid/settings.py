"""Four social dilemmas as settings of one grid world: Cleanup, Harvest, Coins, Territory."""

from typing import Any

from . import maps
from .world import COMPASS, WALK, Grid


def harvest(**settings: Any) -> Grid:
    """Apples grow where apples are: who takes the last ones ruins the patch (mixed motives).

    Chances 0, .005, .02, .05 with 0, 1, 2, 3 or more neighbors within j^2 + k^2 <= 2; a zap costs 1 and
    its victim 50 and 25 ticks away. Source: Perolat et al. 2017, arXiv 1707.06600; the numbers as in
    the open re-implementation of Hughes et al. 2018. Any field of `Grid` may be given another value.
    """
    return Grid(**(dict(rows=maps.HARVEST, n_agents=7, title="Harvest") | settings))


def cleanup(**settings: Any) -> Grid:
    """Apples grow only while somebody cleans the river, away from them (a public good).

    Chance .05 at no waste, down to 0 at a share of .4; a cell of waste comes with chance .5 a tick. The
    river starts clogged. Source: Hughes et al. 2018, arXiv 1803.08884; numbers as in its open
    re-implementation. Any field of `Grid` may be given another value.
    """
    own = dict(rows=maps.CLEANUP, acts=(*WALK, "zap", "clean"), n_agents=7, title="Cleanup")
    return Grid(**(own | dict(regrowth=(0.05,) * 4, radius=0, spare=0) | settings))


def coins(**settings: Any) -> Grid:
    """Two agents, a coin of each color: any coin pays 1, and its owner loses 2 if the other took it.

    3 x 3 cells, joined at the edges, no collisions, no facing; a coin taken falls anew on a free cell.
    Source: Lerer and Peysakhovich 2017, arXiv 1707.01068; Foerster et al. 2018, arXiv 1709.04326.
    """
    own = dict(rows=maps.COINS, acts=COMPASS, n_agents=2, horizon=100, title="Coins", coins_lie=True)
    small = dict(torus=True, solid=False, ahead=1, behind=1, side=1)
    return Grid(**(own | small | settings))


def territory(**settings: Any) -> Grid:
    """Agents claim walls, which pay rent; every claim can be taken by another (competition).

    Each wall owned pays .01 a tick; beams are 2 cells long. Source: after Melting Pot's territory, Leibo
    et al. 2021, arXiv 2107.06857, without its drying paint and its walls that break.
    """
    own = dict(rows=maps.TERRITORY, acts=(*WALK, "zap", "claim"), n_agents=9, title="Territory", reach=2)
    return Grid(**(own | dict(zap_pay=0.0, hit_pay=0.0, timeout=50.0) | settings))
