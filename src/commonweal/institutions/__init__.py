"""Institutions: rules that can be laid over any scenario with `cw.under`."""

from .audit import Audit as Audit
from .commitment import Commitment as Commitment
from .contract import Contract as Contract
from .incentive import Incentive as Incentive
from .ledger import PublicLedger as PublicLedger
from .quota import ProtectedQuota as ProtectedQuota
from .redistribution import Redistribution as Redistribution
from .sanction import PeerSanction as PeerSanction
from .subsidy import Subsidy as Subsidy
from .suspension import Suspension as Suspension
from .voting import Vote as Vote
from .voting import elect as elect
