"""Who told them to collude? Pricing algorithms learn a punishment, and counterfactual replay shows it.

Two Q-learners set prices until their strategies settle. Each learned pair is frozen; its world is
run, then replayed with one thing changed: firm 0 undercuts once. All that differs afterwards is what
the pair does about it. Source: Calvano et al. 2020, AER 110:3267, section IV.
"""

import polars as pl

from .._measure import estimate
from ..calibration.calvano import FOUR, Response, Setting, cycle_profits, deviate, gain, learned
from ..scenarios.market import Bertrand

QUICK = Setting(rate=0.125, decay=2e-5, worlds=16)  # about half the ticks of the paper's mid-grid point


def undercut(setting: Setting = QUICK) -> Response:
    """Learn, freeze, replay with one forced price cut, in every session of the setting."""
    return deviate(learned(setting))


def path(response: Response, ticks: int = 10) -> pl.DataFrame:
    """Mean prices by tick from the forced one on: both firms', and both firms' had nothing been forced."""
    prices, calm = response.price.mean(axis=0), response.calm.mean(axis=0)
    columns = {"cutter": prices[:, 0], "rival": prices[:, 1], "cutter, uncut": calm[:, 0]}
    columns["rival, uncut"] = calm[:, 1]
    table = {"tick": range(ticks)} | {name: x[:ticks].round(3) for name, x in columns.items()}
    return pl.DataFrame(table)


def show(setting: Setting = QUICK) -> str:
    """The path as a small table, with the gain from collusion and from the cut."""
    market, found = Bertrand(), learned(setting)
    share = gain(market, cycle_profits(market, found))
    response = undercut(setting)
    gains = response.gains(setting.discount)
    head = (
        f"{setting.worlds} pairs, discount factor {setting.discount:g}: Delta {share.mean():.2f}; one price "
        f"cut pays in {(gains > 1e-9).mean():.0%} of them, mean gain {gains.mean():+.1%}"
    )
    table = path(response)
    rows = [" ".join(f"{x:>13}" for x in row) for row in (table.columns, *table.rows())]
    return "\n".join([head, *rows])


def crowd(setting: Setting = FOUR) -> str:
    """Delta of as many firms as the setting has, with its interval over sessions.

    Calvano et al. 2020 print 85 % for two, 64 % for three and 56 % for four (from memory). Ours on one core:
    `THREE` .64 [.63, .65] in 3 minutes and .7 GB, `FOUR` .55 [.53, .58] in 15 minutes and 1.1 GB.
    """
    market, found = Bertrand(n_agents=setting.firms), learned(setting)
    share = estimate(gain(market, cycle_profits(market, found)))
    return f"{setting.firms} firms: Delta {share}; {found}"


if __name__ == "__main__":
    print(show(), show(QUICK._replace(discount=0.0)), sep="\n\n")
