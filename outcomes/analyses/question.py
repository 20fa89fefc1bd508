"""The contract of a question: a frozen dataclass whose `compute(study)` gives a frozen Result."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from outcomes.analyses.shared_cells import Gate, QuestionSums
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import in_source, named, say
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import spoken
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.repeated_sums import RepeatedScores
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows, PatientValues

ROLES = ("primary", "secondary", "sensitivity", "exploratory")
UNCONTROLLED = (
    "No control group: a change may be regression to the mean, the natural course or other"
    " treatment."
)
TOGETHER = "All arms are counted together: this says nothing of what one arm has over another."

#: What a question may need of a study in parts.
AnyNeed = PatientValues | PatientRows | RepeatedScores

_REGISTRY: dict[str, type[Analysis]] = {}


@dataclass(frozen=True)
class OverImputations:
    """The answer of a question over completed data sets: rows, the sentence in both styles (APA is
    the second), what its methods are then, and the notes that still hold.
    """

    estimates: tuple[Estimate, ...]
    sentences: tuple[str, str]
    methods: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A question, asked of a study. Subclasses add their parameters as fields and answer in
    `compute`.

    `role` is primary, secondary, sensitivity or exploratory; `family` names what multiplicity is
    controlled over; `label` overrides the title; `level` is the confidence level.
    """

    role: str = "exploratory"
    family: str = ""
    label: str = ""
    level: float = 0.95

    #: What the method is called in tables and in the methods section.
    short: ClassVar[str] = ""
    #: Where the method is published, with page or DOI.
    references: ClassVar[tuple[str, ...]] = ()
    #: True where the question compares groups: then no "no control group" note is added.
    comparative: ClassVar[bool] = False
    #: What the question does, for reports and checklists.
    traits: ClassVar[frozenset[Trait]] = frozenset()
    #: The chapter of the report it belongs to; "" goes by what the outcome measures.
    chapter: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):  # what several questions share asks nothing
            _REGISTRY[cls.__name__] = cls

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):  # TOML gives lists; a frozen question holds tuples
            value = getattr(self, f.name)
            if isinstance(value, list):
                object.__setattr__(self, f.name, tuple(value))
            elif isinstance(value, str) and str(f.type).startswith(("tuple[str", "Sequence[str")):
                object.__setattr__(self, f.name, (value,))  # one name is a list of one
            self._has_its_kind(f.name, str(f.type))
        if self.role not in ROLES:
            raise AnalysisError(unknown("role", self.role, ROLES))
        if not 0.5 <= self.level < 1:
            raise AnalysisError(
                f"level is a confidence level between 0.5 and 1, such as 0.95; got {self.level}."
            )

    def _has_its_kind(self, name: str, annotation: str) -> None:
        """Refuse a field of the wrong kind in words, where its annotation is a plain one."""
        value = getattr(self, name)
        kinds: dict[str, tuple[Any, str]] = {
            "str": (str, "text"),
            "bool": (bool, "true or false"),
            "int": (int, "a whole number"),
            "float": ((int, float), "a number"),
            "tuple": (tuple, "a list"),
            "Sequence": (tuple, "a list"),
        }
        kind, words = kinds.get(annotation.split("[")[0], (object, ""))
        if not isinstance(value, kind) or (
            isinstance(value, bool) and annotation in ("int", "float")
        ):
            raise AnalysisError(
                f"{type(self).__name__}: {name} is {words}, not {type(value).__name__}."
            )

    @classmethod
    def question(cls) -> str:
        """The researcher's question: the first line of the docstring."""
        return " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the outcome with its visits and the method, in the language in force."""
        if self.label:
            return self.label
        name = outcome.said if outcome else spoken(getattr(self, "outcome", ""))
        before, after = getattr(self, "before", ""), getattr(self, "after", "")
        if not name:
            return named(self.short)
        if before and after:
            return say(
                "{score}, {before} to {after}: {question}",
                score=name,
                before=spoken(before),
                after=spoken(after),
                question=named(self.short),
            )
        return say("{score}: {question}", score=name, question=named(self.short))

    def run(self, study: Study | PartitionedStudy) -> Result:
        """Answer the question from this study; the same question of the same study is answered
        once. A study in parts is asked for what the question `needs`, summed over the parts.

        Warnings of the libraries underneath become notes. Raises AnalysisError where the study
        cannot answer.
        """
        if isinstance(study, PartitionedStudy):
            study = self._summed(study)
        asked = type(self).compute, self, study.sample
        try:
            hash(asked)
        except TypeError:  # a question of a user's own that holds a list, say
            return self._answered(study)
        return study.once(asked, lambda: self._answered(study), either=True)

    def _summed(self, study: PartitionedStudy) -> Study:
        """The patients of a study in parts, with what this question needs of them."""
        needed = self.sums(study)
        if needed is None:
            raise AnalysisError(
                f"{type(self).__name__} needs every row of a study, not sums over its parts. Read"
                " the study whole, without [engine]."
            )
        return study.patients(needed)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | PatientRows | None:
        """What has to be known of each patient to answer; None where a question needs the rows
        themselves, so that a study in parts cannot answer it.

        `compute` may ask the study for nothing else: a test compares the answers.
        """
        return None

    def sums(self, study: Study | PartitionedStudy) -> AnyNeed | None:
        """What is summed over the parts of a study for this question asked by itself: what it
        `needs` of each patient, or less where sums are enough.
        """
        return self.needs(study)

    def narrowed(self, study: Study) -> Study:
        """The study of the patients who are let in: the study itself, but for `Among`."""
        return study

    @property
    def shareable(self) -> bool:
        """Whether sums of a clinic answer this question, so that it can send these instead of its
        patients.
        """
        return False

    def sums_to_share(self, study: Study, gate: Gate) -> QuestionSums:
        """What this question needs of a clinic, as far as the gate lets it out."""
        raise AnalysisError(f"The sums of {type(self).__name__} are not shared.")

    def of_sums(self, parts: Sequence[QuestionSums], outcome: Outcome, study: Study) -> Result:
        """The answer from the sums of several clinics; `study` has their visits and nobody."""
        raise AnalysisError(f"The sums of {type(self).__name__} are not shared.")

    def _answered(self, study: Study) -> Result:
        self._fits_ratings(study)
        with warnings.catch_warnings(record=True) as caught, in_source():
            warnings.simplefilter("always")
            result = self.compute(study)
        notes = [*result.notes, *(f"{w.category.__name__}: {w.message}" for w in caught)]
        if not (study.controlled or self.comparative):
            notes.append(UNCONTROLLED)
        by_arm = self.comparative or getattr(self, "by", "") == "arm"
        if study.design == "parallel" and not by_arm:
            notes.append(TOGETHER)
        return dataclasses.replace(result, notes=tuple(notes), sample=study.sample)

    def _fits_ratings(self, study: Study) -> None:
        """Refuse a rating of change (PGIC) where a change or a mean of it would be taken."""
        inner = getattr(self, "analysis", None)
        if isinstance(inner, Analysis):
            inner._fits_ratings(study)
            return
        name = str(getattr(self, "outcome", "") or "")
        if not name:
            return
        try:
            rating = study.outcome(name)
        except AnalysisError:
            return  # `compute` says what there is
        fits = Trait.RATINGS in self.traits and not getattr(self, "before", "")
        if rating.of_change and not fits:
            raise AnalysisError(
                f"{rating.title} is a rating of change: it has no value before treatment, and a"
                " mean of it, or a change in it, says nothing. Count its answers with"
                f' Responders("{rating.name}", after=…, rules=("<= 2",)), or compare groups with'
                " CompareResponders, ProportionalOdds, MannWhitney or KruskalWallis, all without"
                " before. Where it is no rating of change, declare of_change = false under"
                " [outcomes]."
            )

    def compute(self, study: Study) -> Result:
        """The answer; each question has its own."""
        raise AnalysisError(f"{type(self).__name__} does not say how it is computed.")

    def sentence(self, result: Result, style: str = "ama") -> str:
        """The answer in words; each question has its own."""
        raise AnalysisError(f"{type(self).__name__} has no sentence.")

    def methods_text(self) -> str:
        """One sentence for a paper's methods section; questions with options say them here."""
        return f"{self.short[:1].upper()}{self.short[1:]}."

    def over_imputations(self, results: Sequence[Result], level: float) -> OverImputations | None:
        """What is said over the completed data sets, where Rubin's rules on each estimate do not
        fit; None where they do.
        """
        return None

    def methods_of(self, result: Result) -> str:
        """The methods sentence of an answer; questions whose method depends on the data write it
        from `result.model`.
        """
        return self.methods_text()

    def to_dict(self) -> dict[str, Any]:
        """The question as plain data, for TOML: its method and every field that is not at its
        default.
        """
        out: dict[str, Any] = {"method": type(self).__name__}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if value != f.default:
                out[f.name] = _plain(value)
        return out


def _plain(value: Any) -> Any:
    if isinstance(value, Analysis):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value


def questions() -> dict[str, type[Analysis]]:
    """Every kind of question there is, by name: those of `outcomes.analyses` and
    `outcomes.analyses.missing`, and a user's own.
    """
    return dict(sorted(_REGISTRY.items()))


def from_dict(
    entry: Mapping[str, Any], *, kinds: Mapping[str, type[Analysis]] | None = None
) -> Analysis:
    """A question from plain data (one `[[analysis]]` of a study file).

    Raises AnalysisError for an unknown method or field, with what there is.
    """
    kinds = kinds or questions()
    entry = dict(entry)
    name = entry.pop("method", None)
    if name is None:
        raise AnalysisError(f"An [[analysis]] needs a method. There is: {', '.join(kinds)}.")
    if name not in kinds:
        raise AnalysisError(unknown("method", str(name), kinds))
    fields = {f.name: f for f in dataclasses.fields(kinds[name])}
    for key in entry:
        if key not in fields:
            raise AnalysisError(f"{name}: {unknown('field', key, fields)}")
    needed = [
        n
        for n, f in fields.items()
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
        and n not in entry
    ]
    if needed:
        raise AnalysisError(
            f"{name} needs {' and '.join(needed)}. Its fields: {', '.join(fields)}."
        )
    asked = {
        k
        for k, v in entry.items()
        if isinstance(v, Mapping) and not str(fields[k].type).startswith("Mapping")
    }
    made: dict[str, Any] = {
        k: from_dict(v, kinds=kinds) if k in asked and "method" in v else v
        for k, v in entry.items()
    }
    return kinds[name](**made)


def unanswered(question: Analysis, study: Study | PartitionedStudy, why: str) -> Result:
    """A failed question as a visible result."""
    try:
        inner = getattr(question, "analysis", None)
        name = getattr(question, "outcome", "") or getattr(inner, "outcome", "")
        outcome = study.outcome(name) if name else None
    except AnalysisError:
        outcome = None
    left = (("question not answered", study.enrolled),) if study.enrolled else ()
    return Result(question, (), Counts(study.enrolled, 0, left), outcome, failed=why)
