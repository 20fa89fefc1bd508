"""Missing scores as questions that wrap questions: imputed, pooled, tipped, laid open, and set side
by side.
"""

from outcomes.analyses.missing.imputed import Imputed
from outcomes.analyses.missing.missing_scores import MissingScores
from outcomes.analyses.missing.reference_based import ReferenceBased
from outcomes.analyses.missing.side_by_side import SideBySide, companions
from outcomes.analyses.missing.tipping_point import TippingPoint

__all__ = ["Imputed", "MissingScores", "ReferenceBased", "SideBySide", "TippingPoint", "companions"]
