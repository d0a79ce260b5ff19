"""How predictable are the recorded players? Held-out log loss beside the base rate, by game and model.

    python examples/recorded_losses.py coopeval_decisions.csv.gz

Losses are nats per decision, on matches that the fit never saw; a gain counts only when its whole
interval lies above zero.
"""

import sys

from commonweal.studies.fitted import held_out

if len(sys.argv) != 2:
    sys.exit("error: wanted one table of recordings: python examples/recorded_losses.py decisions.csv.gz")
for row in held_out(sys.argv[1]).iter_rows(named=True):
    line = "{game:<20} {model:<34} {matches:>4} matches  loss {loss:.3f}  base {base:.3f}  {verdict}"
    print(line.format(**row))
