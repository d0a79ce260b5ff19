"""The laws that every component must obey, and what to change where one does not.

`check(component)` raises `Lawless` with every fault found; `faults(component)` lists them. A fault
says what came, the line of the author's file, and the line that would mend it.
"""

from .fault import Fault as Fault
from .fault import Lawless as Lawless
from .laws import check as check
from .laws import faults as faults
from .laws import unfinished as unfinished
from .measures import untried as untried
