"""Tabular Q-learning: a mind that learns as it plays, a mind that plays a table, and long sessions.

`QLearner` learns inside a run; `sessions` plays the same learners, with the same luck, for the
millions of ticks they need to settle, without a trace; `ByTable` plays what they learned.
"""

from .mind import ByTable as ByTable
from .mind import QLearner as QLearner
from .mind import Seen as Seen
from .rewards import Duty as Duty
from .rewards import Everyone as Everyone
from .rewards import Felt as Felt
from .rewards import Reward as Reward
from .rewards import Virtue as Virtue
from .schedules import Exponential as Exponential
from .schedules import Linear as Linear
from .schedules import Schedule as Schedule
from .schedules import Steady as Steady
from .sessions import Sessions as Sessions
from .sessions import sessions as sessions
