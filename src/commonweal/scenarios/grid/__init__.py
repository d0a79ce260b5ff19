"""Grid worlds: one set of rules, four social dilemmas as settings."""

from .settings import cleanup as cleanup
from .settings import coins as coins
from .settings import harvest as harvest
from .settings import territory as territory
from .world import Field as Field
from .world import Grid as Grid
