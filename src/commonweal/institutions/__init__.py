"""Institutions: rules that can be laid over any scenario with `cw.under`."""

from .._bounds import unknown_name as _unknown_name
from .audit import Audit as Audit
from .commitment import Commitment as Commitment
from .contract import Contract as Contract
from .group_selection import GroupSelection as GroupSelection
from .imitation import Imitation as Imitation
from .incentive import Incentive as Incentive
from .ledger import PublicLedger as PublicLedger
from .quota import ProtectedQuota as ProtectedQuota
from .redistribution import Redistribution as Redistribution
from .sanction import PeerSanction as PeerSanction
from .selection import BirthDeath as BirthDeath
from .selection import DeathBirth as DeathBirth
from .selection import WrightFisher as WrightFisher
from .subsidy import Subsidy as Subsidy
from .suspension import Suspension as Suspension
from .voting import Vote as Vote
from .voting import elect as elect

__getattr__ = _unknown_name(__name__)
