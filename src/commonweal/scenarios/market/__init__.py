"""Markets in which firms may collude: prices (Bertrand, logit demand) and quantities (Cournot, linear).

What is cooperation among the firms is harm to their customers: `cooperated` is 0 at the competitive
point and 1 at the cartel's, `excess` what customers lose by it, and the value on the card says so.
The joint task is the industry's profit, with the competitive profit as its floor, so that objective
alignment is the share of the collusive gain (Calvano's Delta) and the card's value is its price.
"""

from .benchmark import Benchmark as Benchmark
from .prices import Bertrand as Bertrand
from .prices import logit_benchmark as logit_benchmark
from .quantities import Cournot as Cournot
