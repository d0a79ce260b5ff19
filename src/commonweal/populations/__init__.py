"""Evolving populations without a society: what mathematics says of them, and fast direct simulation."""

from .._bounds import unknown_name as _unknown_name
from .simulate import Fixation as Fixation
from .simulate import on_graph as on_graph
from .simulate import splitting as splitting
from .simulate import well_mixed as well_mixed
from .solve import assorted as assorted
from .solve import coalescence as coalescence
from .solve import fixation as fixation
from .solve import graph_fixation as graph_fixation
from .solve import graph_threshold as graph_threshold
from .solve import group_fixation as group_fixation
from .solve import group_threshold as group_threshold
from .solve import moran as moran
from .solve import reciprocity as reciprocity
from .solve import regular_threshold as regular_threshold
from .solve import replicator as replicator
from .solve import threshold as threshold
from .solve import weak_selection as weak_selection

__getattr__ = _unknown_name(__name__)
