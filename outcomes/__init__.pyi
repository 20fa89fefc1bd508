"""What `import outcomes` offers, for type checkers, editors and the lazy loader.

Written by docs/make_stub.py; do not edit by hand.
"""

# isort: skip_file

# Questions: Describe
from .analyses.answers_by_visit import AnswersByVisit as AnswersByVisit
from .analyses.describe import Course as Course
from .analyses.describe import Describe as Describe

# Questions: Before and after, the same patients
from .analyses.individual import IndividualChange as IndividualChange
from .analyses.individual import MeaningfulChange as MeaningfulChange
from .analyses.missing.robustness import Robustness as Robustness
from .analyses.paired.equivalence import BayesFactor as BayesFactor
from .analyses.paired.equivalence import NonInferiority as NonInferiority
from .analyses.paired.equivalence import TOST as TOST
from .analyses.paired.mean_change import PairedT as PairedT
from .analyses.paired.profile import HotellingT2 as HotellingT2
from .analyses.paired.ranks import SignTest as SignTest
from .analyses.paired.ranks import SignedRank as SignedRank
from .analyses.paired.regression_to_mean import RegressionToMean as RegressionToMean
from .analyses.paired.resampling import Bootstrap as Bootstrap
from .analyses.paired.resampling import SignFlip as SignFlip
from .analyses.paired.resampling import Yuen as Yuen
from .analyses.responders.improvement_grid import ImprovementGrid as ImprovementGrid
from .analyses.responders.one_group import Responders as Responders

# Questions: Two or more groups
from .analyses.groups.anova import OneWayANOVA as OneWayANOVA
from .analyses.groups.dunnett import Dunnett as Dunnett
from .analyses.groups.margins import ArmEquivalence as ArmEquivalence
from .analyses.groups.margins import ArmNonInferiority as ArmNonInferiority
from .analyses.groups.means import GamesHowell as GamesHowell
from .analyses.groups.means import WelchT as WelchT
from .analyses.groups.ranks import KruskalWallis as KruskalWallis
from .analyses.groups.ranks import MannWhitney as MannWhitney
from .analyses.groups.subgroups import ChangeByArm as ChangeByArm
from .analyses.groups.subgroups import Interaction as Interaction
from .analyses.regression.ancova import ANCOVA as ANCOVA
from .analyses.regression.ordinal import ProportionalOdds as ProportionalOdds
from .analyses.responders.between_groups import CompareResponders as CompareResponders
from .analyses.responders.stratified import StratifiedResponders as StratifiedResponders
from .analyses.subset import Among as Among

# Questions: Repeated follow-up
from .analyses.longitudinal.conditions import WithinPatients as WithinPatients
from .analyses.longitudinal.course_models import CohortModel as CohortModel
from .analyses.longitudinal.course_models import SlopeModel as SlopeModel
from .analyses.longitudinal.diary import Diary as Diary
from .analyses.longitudinal.duration_of_relief import DurationOfRelief as DurationOfRelief
from .analyses.longitudinal.mmrm import CLDA as CLDA
from .analyses.longitudinal.mmrm import MMRM as MMRM
from .analyses.longitudinal.rank_courses import PageTrend as PageTrend
from .analyses.longitudinal.rank_courses import Quade as Quade
from .analyses.longitudinal.responder_gee import ResponderGEE as ResponderGEE
from .analyses.longitudinal.return_of_pain import ReturnOfPain as ReturnOfPain
from .analyses.longitudinal.rm_anova import Friedman as Friedman
from .analyses.longitudinal.rm_anova import RMANOVA as RMANOVA
from .analyses.longitudinal.score_gee import ScoreGEE as ScoreGEE

# Questions: Missing scores
from .analyses.missing.imputed import Imputed as Imputed
from .analyses.missing.missing_scores import MissingScores as MissingScores
from .analyses.missing.reference_based import ReferenceBased as ReferenceBased
from .analyses.missing.side_by_side import SideBySide as SideBySide
from .analyses.missing.tipping_point import TippingPoint as TippingPoint

# Questions: Crossover, N-of-1, repeated infusions
from .analyses.crossover.binary import CrossoverBinary as CrossoverBinary
from .analyses.crossover.n_of_1 import NOf1 as NOf1
from .analyses.crossover.score import Crossover as Crossover
from .analyses.longitudinal.infusion_model import InfusionModel as InfusionModel
from .analyses.longitudinal.next_infusion import NextInfusion as NextInfusion
from .analyses.longitudinal.repeated_infusions import RepeatedInfusions as RepeatedInfusions

# Questions: Side effects
from .analyses.groups.blinding import Blinding as Blinding
from .analyses.safety.between_groups import SideEffectsByRoute as SideEffectsByRoute
from .analyses.safety.event_rates import RateRatio as RateRatio
from .analyses.safety.event_table import EventTable as EventTable
from .analyses.safety.side_effects import SideEffects as SideEffects
from .analyses.safety.within_patients import SideEffectsPaired as SideEffectsPaired

# Questions: Several sites
from .analyses.sites.nested import NestedSites as NestedSites
from .analyses.sites.one_stage import OneStageSites as OneStageSites
from .analyses.sites.two_stage import PooledSites as PooledSites

# Questions: The score itself
from .analyses.measurement.change_correlations import ChangeCorrelations as ChangeCorrelations
from .analyses.measurement.consistency import InternalConsistency as InternalConsistency
from .analyses.measurement.paretian import ParetianChange as ParetianChange
from .analyses.measurement.reliability import Agreement as Agreement
from .analyses.measurement.reliability import TestRetest as TestRetest

# Read, check, answer, show, report
from .checks import check as check
from .notebooks.explore_panel import explore as explore
from .notebooks.wide_frame import PairedAnswer as PairedAnswer
from .notebooks.wide_frame import paired as paired
from .plans.plan import Plan as Plan
from .plans.study_draft import Draft as Draft
from .plans.study_draft import draft as draft
from .plots import plot as plot
from .readers import read_parts as read_parts
from .readers import read_study as read_study
from .readers import read_table as read_table
from .reporting import write_report as write_report
from .tables import questions as questions
from .tables import table as table

# Questionnaires
from .questionnaires import Instrument as Instrument
from .questionnaires import instrument as instrument
from .questionnaires import instruments as instruments
from .questionnaires import load_instrument as load_instrument

# Plan a study
from .analyses.planning.formulas import detectable_difference as detectable_difference
from .analyses.planning.formulas import sample_size_crossover as sample_size_crossover
from .analyses.planning.formulas import sample_size_mcnemar as sample_size_mcnemar
from .analyses.planning.formulas import sample_size_non_inferiority as sample_size_non_inferiority
from .analyses.planning.formulas import sample_size_paired as sample_size_paired
from .analyses.planning.formulas import sample_size_precision as sample_size_precision
from .analyses.planning.formulas import sample_size_responders as sample_size_responders
from .analyses.planning.formulas import sample_size_two_arms as sample_size_two_arms
from .analyses.planning.simulation import simulate_power as simulate_power

# Several sites
from .analyses.sites.shared_sums import PooledSums as PooledSums
from .analyses.sites.shared_sums import SharedSums as SharedSums
from .analyses.sites.shared_sums import pool_sums as pool_sums
from .analyses.sites.site_summary import site_summary as site_summary
from .analyses.sites.summaries import pool_summaries as pool_summaries
from .reporting.release.sums import export_sums as export_sums

# What goes in and what comes out
from .analyses.question import Analysis as Analysis
from .core.errors import OutcomesError as OutcomesError
from .core.estimate import Estimate as Estimate
from .core.flow import Counts as Counts
from .core.outcome import Outcome as Outcome
from .core.result import Result as Result
from .core.result import Results as Results
from .plans.estimand import Estimand as Estimand
from .plans.families import Family as Family
from .plots import Described as Described
from .study import InstrumentUse as InstrumentUse
from .study import Issue as Issue
from .study import PartitionedStudy as PartitionedStudy
from .study import Study as Study

# Modules
from . import plans as plans
from .core import errors as errors
from .core import wording as wording

__version__: str
