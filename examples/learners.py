"""The same learner in four situations, with and without a rule, beside scripted and fitted minds.

    commonweal run examples/learners.py --out runs/learners

Training is kept in the folder and goes on where it was killed.
"""

from commonweal.studies.side_by_side import study

commons, earthquake, market, cleanup = map(study, ("commons", "earthquake", "market", "cleanup"))
