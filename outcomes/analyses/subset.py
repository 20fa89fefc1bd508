"""Any question asked again of some of the patients, such as those who kept to the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import say
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import plural, spoken
from outcomes.readers.parse import yes_no
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class Among(Analysis):
    """What is the answer among some of the patients only, such as those who kept to the protocol?

    `where` names patient characteristics with the value, or the values, that let a patient in;
    several characteristics must all fit: ``where={"per_protocol": "yes"}``, ``where={"diagnosis":
    ["CRPS", "neuropathy"]}``. Values are compared as text, and in a column of yes and no only,
    whatever words it has for them (y, true, 1 …), as "yes" and "no". Everybody else is counted as
    left out, with the characteristic that left them out.

    This is a sensitivity analysis (supplementary, in the words of ICH E9(R1)), not the answer. Who
    kept to the protocol is known only after randomisation and may depend on the treatment and on
    how patients fared, so the arms are no longer made alike by chance; and the estimand is another
    one: patients who kept to the protocol, whom nobody could have picked out beforehand. Read it
    beside the answer of all enrolled. A characteristic known before randomisation (sex, site)
    leaves the arms as randomised, but whether such groups differ is asked with `Interaction`, not
    by two answers side by side.

    Raises AnalysisError for an unknown characteristic or value, with what there is, and where
    nobody is let in.

    References: ICH E9, 1998, section 5.2.2 (per protocol set); ICH E9(R1), 2019, section A.5.3;
    Hernan & Robins 2017 (doi 10.1056/NEJMsm1605385).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccdd"),
    ...         "visit": ["pre", "post"] * 4,
    ...         "pain": [7.0, 5, 6, 5, 8, 4, 9, 9],
    ...     }
    ... )
    >>> patients = pd.DataFrame(
    ...     {"patient": list("abcd"), "per_protocol": ["yes", "yes", "yes", "no"]}
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     patients=patients,
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.Among(
    ...     oc.PairedT("pain", before="pre", after="post"), where={"per_protocol": "yes"}
    ... ).run(study)
    >>> result["mean change"].value, result.counts.left_out
    (-2.3333333333333335, (('with per protocol other than yes', 1),))
    """

    analysis: Analysis
    _: KW_ONLY
    where: Mapping[str, Any] = field(hash=False)

    short: ClassVar[str] = "among some patients"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.analysis, Analysis):
            raise AnalysisError("Among asks a question again, such as ANCOVA(…).")
        if not isinstance(self.where, Mapping) or not self.where:
            raise AnalysisError(
                'where names patient characteristics and who is let in: where={"per_protocol":'
                ' "yes"}.'
            )
        chosen = {
            str(k): tuple(v) if isinstance(v, list | tuple) else v for k, v in self.where.items()
        }
        for name, value in chosen.items():
            values = value if isinstance(value, tuple) else (value,)
            if not values or not all(isinstance(v, str | bool | int | float) for v in values):
                raise AnalysisError(
                    f"where: {name} is a text, a number, true or false, or a list of these."
                )
        object.__setattr__(self, "where", chosen)

    @property
    def outcome(self) -> str:
        """The score of the question."""
        return str(getattr(self.analysis, "outcome", ""))

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """As the question."""
        return self.analysis.comparative

    @property
    def chapter(self) -> str:  # type: ignore[override]
        """As the question."""
        return self.analysis.chapter

    @property
    def references(self) -> tuple[str, ...]:  # type: ignore[override]
        """As the question."""
        return self.analysis.references

    @property
    def only(self) -> str:
        """Who is let in, in words: "per protocol yes"."""
        return " and ".join(
            f"{spoken(name)} {' or '.join(_texts(value))}" for name, value in self.where.items()
        )

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or the question's title and who is let in."""
        return self.label or say(
            "{question}, only patients with {who}",
            question=self.analysis.title(outcome),
            who=self.only,
        )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        inner = self.analysis.needs(study)
        own = PatientValues(characteristics=tuple(self.where), rows=True)
        return inner | own if isinstance(inner, PatientValues) else None

    def narrowed(self, study: Study) -> Study:
        """The study of those who are let in. Raises AnalysisError where nobody is."""
        let_in, _ = self._let_in(study)
        if not let_in.any():
            raise AnalysisError(f"No patient has {self.only}.")
        return study.where(lambda _: let_in)

    def compute(self, study: Study) -> Result:
        let_in, left = self._let_in(study)
        if not let_in.any():
            raise AnalysisError(f"No patient has {self.only}.")
        found = self.analysis.compute(study.where(lambda _: let_in))
        own, notes = found.counts, list(found.notes)
        counts = own
        if own.noun == "patient" and own.enrolled == let_in.sum():
            counts = Counts(study.enrolled, own.analysed, (*left, *own.left_out))
        if study.controlled and left:
            notes.append(
                f"A sensitivity analysis of patients with {self.only}: if that was settled after"
                " randomisation, the arms are no longer as randomised, and the answer is not about"
                " all who were enrolled."
            )
        detail = LetIn(int(let_in.sum()), study.enrolled, own, found.detail)
        return replace(
            found, analysis=self, counts=counts, notes=tuple(notes), pictures=(), detail=detail
        )

    def _let_in(self, study: Study) -> tuple[np.ndarray, list[tuple[str, int]]]:
        """Whom `where` lets in, of all enrolled, and how many each characteristic leaves out of
        those still in.
        """
        there, left = np.ones(study.enrolled, dtype=bool), list[tuple[str, int]]()
        for name, value in self.where.items():
            column, wanted = study.characteristic(name), _texts(value)
            seen, other = as_words(column), f"with {spoken(name)} other than {' or '.join(wanted)}"
            if _yes_or_no(column):
                wanted = [_word(w) or w for w in wanted]
            if absent := [w for w in wanted if w not in set(seen.dropna())]:
                raise AnalysisError(
                    unknown(spoken(name), absent[0], sorted(seen.dropna().unique()))
                )
            known, fits = seen.notna().to_numpy(), seen.isin(wanted).to_numpy()
            out = {
                not_recorded(name): there & ~known,
                other: there & known & ~fits,
            }
            left += [(why, int(who.sum())) for why, who in out.items() if who.any()]
            there = there & fits
        return there, left

    def sentence(self, result: Result, style: str = "ama") -> str:
        let_in = result.about(LetIn)
        assert let_in is not None
        n, of = let_in.patients, let_in.of
        own = replace(result, analysis=self.analysis, counts=let_in.counts, detail=let_in.inner)
        words = self.analysis.sentence(own, style)
        words = words.replace(
            f"of {n} enrolled", f"of these {n}"
        )  # more were enrolled than the question has seen
        return f"Among the {n} of {plural(of, 'patient')} with {self.only}: {words}"

    def methods_text(self) -> str:
        return f"{self.analysis.methods_text()} {self._again}"

    def methods_of(self, result: Result) -> str:
        """The wrapped question's methods, from what was fitted, and among whom it was asked
        again.
        """
        return f"{self.analysis.methods_of(result)} {self._again}"

    @property
    def _again(self) -> str:
        return (
            f"This was asked again of patients with {self.only} alone, as a sensitivity analysis."
        )


@dataclass(frozen=True)
class LetIn:
    """Who was let in: how many patients, of how many enrolled, who was counted among them, and
    what the question itself says of its topic.
    """

    patients: int
    of: int
    counts: Counts
    inner: Any


def as_words(column: pd.Series) -> pd.Series:
    """A characteristic as `where` compares it: as text, and a column of yes and no only as "yes"
    and "no"; missing stays missing.
    """
    texts = column.map(_text, na_action="ignore")
    return texts.map(_word, na_action="ignore") if _yes_or_no(column) else texts


def _yes_or_no(column: pd.Series) -> bool:
    return all(_word(_text(v)) for v in column.dropna().unique())


def _word(text: str) -> str:
    return {1.0: "yes", 0.0: "no", None: ""}[yes_no(text)]


def _texts(value: Any) -> list[str]:
    return [_text(v) for v in (value if isinstance(value, tuple) else (value,))]


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
