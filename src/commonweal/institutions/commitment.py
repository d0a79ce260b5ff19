"""Move order: some agents commit first, the others see it and answer."""

from .._governed import Institution
from .._param import count, text


class Commitment(Institution):
    """The leaders move first within every round; what they chose is binding, and shown to the rest.

    - `leaders`: seats that move first, together; everyone else moves second, together.

    The engine shows the acts (facts `shown:<channel>` [n, n] and `turn`); the trace keeps one row a
    round. Budget: balanced (it moves no payoffs). Predicted: selects the leader's preferred equilibrium
    (battle of the sexes; earthquake with A first). Known failure: the first mover extorts where
    yielding is the best reply to a threat made good (chicken), and the wrong leader overshoots
    (earthquake with N first). Source: von Stackelberg 1934, Schelling 1960; the
    earthquake is our own exact game, `scenarios.Earthquake`.
    """

    leaders: tuple[int, ...] = count((1,), "[0, 9999]")
    name: str = text("commitment")
    told: bool = count(True)

    def order(self, scenario):
        n, leaders = scenario.n_agents, tuple(self.leaders)
        rest = tuple(i for i in range(n) if i not in leaders)
        if not leaders or not rest or len({*leaders, *rest}) != len(leaders) + len(rest) or max(leaders) >= n:
            raise ValueError(
                f"Commitment came with leaders={leaders}; wanted different seats from 0 to {n - 1}, some but "
                "not all: Commitment(leaders=(0,))"
            )
        return leaders, rest

    def brief(self, agent):
        who = ", ".join(f"agent {i}" for i in self.leaders)
        return f"Each round {who} must choose first; the others see that choice before they make theirs."
