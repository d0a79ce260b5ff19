"""Minds that learn by reinforcement, together, in the society they are judged in.

One loop for every scenario under every institutions: it plays the engine's own ticks.
"""

from .learner import Learner as Learner
from .methods import PPO as PPO
from .methods import Reinforce as Reinforce
from .networks import MLP as MLP
from .networks import Linear as Linear
from .networks import Table as Table
from .school import learn as learn
from .school import learning_curve as learning_curve
