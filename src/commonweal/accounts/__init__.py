"""Who caused it: counterfactual replay, by agent and by decision, and of chemistry between agents."""

from .account import Account as Account
from .account import account as account
from .cause import Responsibility as Responsibility
from .cause import responsibility as responsibility
from .coalitions import Table as Table
from .coalitions import clones as clones
from .coalitions import coalitions as coalitions
from .coalitions import tables as tables
from .decided import Decisions as Decisions
from .decisions import decisions as decisions
from .effects import Effects as Effects
from .effects import effects as effects
from .interaction import Interaction as Interaction
from .interaction import interaction as interaction
from .replay import Alternatives as Alternatives
from .replay import alternatives as alternatives
