"""The shelf of scenarios: social situations, one a file."""

from .._bounds import unknown_name as _unknown_name
from .commons import Commons as Commons
from .contest import Contest as Contest
from .earthquake import Earthquake as Earthquake
from .exchange import Exchange as Exchange
from .fishery import Fishery as Fishery
from .grid import Grid as Grid
from .grid import cleanup as cleanup
from .grid import coins as coins
from .grid import harvest as harvest
from .grid import territory as territory
from .market import Bertrand as Bertrand
from .market import Cournot as Cournot
from .matrix_game import MatrixGame as MatrixGame
from .matrix_game import battle_of_the_sexes as battle_of_the_sexes
from .matrix_game import chicken as chicken
from .matrix_game import coordination as coordination
from .matrix_game import deadlock as deadlock
from .matrix_game import donation_game as donation_game
from .matrix_game import harmony as harmony
from .matrix_game import hawk_dove as hawk_dove
from .matrix_game import matching_pennies as matching_pennies
from .matrix_game import prisoners_dilemma as prisoners_dilemma
from .matrix_game import stag_hunt as stag_hunt
from .matrix_game import travelers_dilemma as travelers_dilemma
from .matrix_game import trust_game as trust_game
from .matrix_game import volunteers_dilemma as volunteers_dilemma
from .menus import Menus as Menus
from .naming_game import NamingGame as NamingGame
from .network_game import NetworkGame as NetworkGame
from .opinions import Opinions as Opinions
from .public_goods import PublicGoods as PublicGoods

__getattr__ = _unknown_name(__name__)
