"""Missing scores as questions that wrap questions: imputed, pooled, tipped, laid open, and set side by side."""

from outcomes.missing.imputed import Imputed
from outcomes.missing.reference import ReferenceBased
from outcomes.missing.scores import MissingScores
from outcomes.missing.side_by_side import SideBySide, companions
from outcomes.missing.tipping import TippingPoint

__all__ = ["Imputed", "MissingScores", "ReferenceBased", "SideBySide", "TippingPoint", "companions"]
