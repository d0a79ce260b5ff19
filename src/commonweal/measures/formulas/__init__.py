"""The formulas that the measures compute, as functions of plain NumPy arrays: no trace, no card.

Each says its shapes, range and source, and has an example that runs: `help(gini)`. The measures use these
very functions; a measure adds which numbers of a trace are read, and what is NA.

- Inequality of amounts: `gini`, `theil`, `atkinson`; of wealth over time: `matthew_coefficient`.
- Diversity of acts or views: `entropy`, `jensen_shannon`, `coverage`, `policy_diversity`, `value_drift`.
- Opinions: `agreement`, `esteban_ray_index`, `bimodality_coefficient`.
- Markets: `herfindahl`, `market_concentration`, `division`, `profit_gain`, `variation`, `variation_fall`.
- Conformity: `conformity`, `independence`, `excess_conformity`, `flip_rate`, `hidden_profile`.
- Conventions and help: `collective_bias`, `critical_mass`, `retained`, `bystander_curve`,
  `volunteers_dilemma`.
- Hierarchy: `landau`, `davids_scores`, `hierarchy_steepness`, `elo_ratings`, `expected_score`.
- Influence: `transfer`, `causal_influence`, `network_centralization`, `capacity`.
- Votes: `banzhaf`, `shapley_shubik`.
- Fairness: `most_envy`, `proportional`, `free_but_one`, `rank_agreement`, `represented`.
- Games, from payoffs by joint act: `pure_equilibria`, `mixed_equilibria`, `anarchy`, `selfishness`,
  `self_interest`, `common_interest`, `gaps`.
- Responsibility: `diffusion`, `responsibility_gap`; deception: `claim_belief_gap`, `induced_error`,
  `manipulation_index`.
- Change: `change_points`, `recovery`, `lost_area`, `loop_area`, `branch_gap`.
- Values: `congruence`, `misalignment`, `shortfall`, `holistic_index`, `rate_bound`.
"""

from ..._formulas import agreement as agreement
from ..._formulas import atkinson as atkinson
from ..._formulas import entropy as entropy
from ..._formulas import gini as gini
from ..._formulas import herfindahl as herfindahl
from ..._formulas import jensen_shannon as jensen_shannon
from ..._formulas import rate_bound as rate_bound
from ..._formulas import theil as theil
from ..change import branch_gap as branch_gap
from ..change import change_points as change_points
from ..change import loop_area as loop_area
from ..change import lost_area as lost_area
from ..change import recovery as recovery
from ..collusion import division as division
from ..collusion import market_concentration as market_concentration
from ..collusion import profit_gain as profit_gain
from ..collusion import variation as variation
from ..collusion import variation_fall as variation_fall
from ..conformity import conformity as conformity
from ..conformity import excess_conformity as excess_conformity
from ..conformity import flip_rate as flip_rate
from ..conformity import hidden_profile as hidden_profile
from ..conformity import independence as independence
from ..deception import claim_belief_gap as claim_belief_gap
from ..deception import induced_error as induced_error
from ..deception import manipulation_index as manipulation_index
from ..disparity import matthew_coefficient as matthew_coefficient
from ..equilibrium import anarchy as anarchy
from ..equilibrium import common_interest as common_interest
from ..equilibrium import gaps as gaps
from ..equilibrium import mixed_equilibria as mixed_equilibria
from ..equilibrium import pure_equilibria as pure_equilibria
from ..equilibrium import self_interest as self_interest
from ..equilibrium import selfishness as selfishness
from ..fairness import free_but_one as free_but_one
from ..fairness import most_envy as most_envy
from ..fairness import proportional as proportional
from ..fairness import rank_agreement as rank_agreement
from ..fairness import represented as represented
from ..hierarchy import davids_scores as davids_scores
from ..hierarchy import elo_ratings as elo_ratings
from ..hierarchy import expected_score as expected_score
from ..hierarchy import hierarchy_steepness as hierarchy_steepness
from ..hierarchy import landau as landau
from ..influence import causal_influence as causal_influence
from ..influence import network_centralization as network_centralization
from ..influence import transfer as transfer
from ..norms import bystander_curve as bystander_curve
from ..norms import collective_bias as collective_bias
from ..norms import critical_mass as critical_mass
from ..norms import policy_diversity as policy_diversity
from ..norms import retained as retained
from ..norms import value_drift as value_drift
from ..norms import volunteers_dilemma as volunteers_dilemma
from ..pluralism import coverage as coverage
from ..polarization import bimodality_coefficient as bimodality_coefficient
from ..polarization import esteban_ray_index as esteban_ray_index
from ..power import banzhaf as banzhaf
from ..power import capacity as capacity
from ..power import shapley_shubik as shapley_shubik
from ..responsibility import diffusion as diffusion
from ..responsibility import responsibility_gap as responsibility_gap
from ..values import congruence as congruence
from ..values import holistic_index as holistic_index
from ..values import misalignment as misalignment
from ..values import shortfall as shortfall
