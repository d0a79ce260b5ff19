"""Who caused it: counterfactual replay of in-graph societies."""

from .replay import Alternatives as Alternatives
from .replay import alternatives as alternatives
