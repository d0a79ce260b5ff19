"""Learning by gradients in differentiable games: rules, exact repeated games, and a mind that plays them.

A rule sees the losses of all players as one function of all parameters and says where each moves.
"""

from .iterated import Repeated as Repeated
from .iterated import values as values
from .iterated import visits as visits
from .play import GradientPlay as GradientPlay
from .rules import Altruistic as Altruistic
from .rules import Collective as Collective
from .rules import Consensus as Consensus
from .rules import Lola as Lola
from .rules import Losses as Losses
from .rules import Naive as Naive
from .rules import Rule as Rule
from .rules import Symplectic as Symplectic
from .rules import descend as descend
from .rules import own_gradients as own_gradients
from .rules import shared_gradient as shared_gradient
