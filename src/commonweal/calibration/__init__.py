"""Published results, reproduced: one short file each, run by `commonweal calibrate`."""

from .target import MARKS as MARKS
from .target import Row as Row
from .target import Target as Target
from .target import Verdict as Verdict
from .target import judge as judge

TARGETS: tuple[Target, ...] = ()
