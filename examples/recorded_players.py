"""Six recorded language models share a public good under four rules; no key, no model, only a table.

    RECORDINGS=coopeval_decisions.csv.gz commonweal run examples/recorded_players.py

The table is that of CoopEval (arXiv 2604.15267): one row a decision. Each player is `Fitted`: its odds
of contributing, given the last round, are estimated from its own recorded decisions.
"""

import os
import sys

from commonweal.studies.fitted import public_good

if "RECORDINGS" not in os.environ:
    sys.exit("error: no table of recordings; name one: RECORDINGS=decisions.csv.gz commonweal run FILE")

study = public_good(os.environ["RECORDINGS"], worlds=1000)
