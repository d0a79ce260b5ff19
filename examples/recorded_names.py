"""Populations of 24 surrogates of a recorded model agree on a name; do they end where the model did?

    RECORDINGS=naming_game_llm.csv.gz commonweal run examples/recorded_names.py

The table is that of Ashery, Aiello and Baronchelli (2025): one row a meeting.
"""

import os
import sys

from commonweal.studies.fitted import naming

if "RECORDINGS" not in os.environ:
    sys.exit("error: no table of recordings; name one: RECORDINGS=meetings.csv.gz commonweal run FILE")

study = naming(os.environ["RECORDINGS"], worlds=400)
