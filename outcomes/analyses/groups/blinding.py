"""Whether patients knew what they got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from math import nan
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import unspread
from outcomes.analyses.question import Analysis
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, plural, spoken
from outcomes.stats.proportions.blinding import bang, james
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class Blinding(Analysis):
    """Could patients tell which treatment they got?

    Bang's index of each arm, (right − wrong guesses)/all guesses, "don't know" counted among all: 0
    is guessing at random, 1 everybody right, −1 everybody believed in the other arm. Dissociation
    unblinds: a trial of ketamine without an active placebo is rarely blind. Beside it James' index
    of all arms together: 0 everybody right, 0.5 guessing at random, 1 nobody knew; "don't know"
    raises it most, and arms that err in opposite directions hide each other in it. Where patients
    guessed in more than one arm (a crossover) it has no interval, for their guesses are not
    independent.

    `guess` is a column of the patients, the infusions or the scores that holds an arm's name or one
    of `unsure`. The first guess of each patient and arm counts. Its answers must be arms or
    `unsure`.

    References: Bang, Ni & Davis 2004 (doi 10.1016/j.cct.2003.10.016); James 1996 (Stat Med
    15:1421).

    >>> import pandas as pd, outcomes as oc
    >>> patients = pd.DataFrame(
    ...     {
    ...         "patient": [f"p{i}" for i in range(8)],
    ...         "arm": ["ketamine"] * 4 + ["placebo"] * 4,
    ...         "guess": ["ketamine"] * 3 + ["do not know"] + ["placebo", "ketamine"] * 2,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": patients["patient"]}), patients=patients, design="parallel"
    ... )
    >>> result = oc.Blinding().run(study)
    >>> (
    ...     result["Bang index | ketamine"].value,
    ...     result["Bang index | placebo"].value,
    ...     round(result["James index"].value, 3),
    ... )
    (0.75, 0.0, 0.361)
    """

    guess: str = "guess"
    _: KW_ONLY
    by: str = "arm"
    unsure: tuple[str, ...] = (
        "do not know",
        "don't know",
        "dont know",
        "unsure",
        "not sure",
        "no idea",
    )

    short: ClassVar[str] = "blinding indices (Bang, James)"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Bang H, Ni L, Davis CE. Assessment of blinding in clinical trials. Control Clin Trials"
            " 2004;25:143-156."
        ),
        (
            "James KE, Bloch DA, Lee KK, Kraemer HC, Fuller RK. An index for assessing blindness in"
            " a multi-centre clinical trial: disulfiram for alcohol cessation - a VA cooperative"
            " study. Stat Med 1996;15:1421-1434."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        frame = self._guesses(study)
        arms = sorted(frame[self.by].dropna().unique())
        if len(arms) < 2:
            raise AnalysisError(
                f"Blinding needs two values of {spoken(self.by)}; there is"
                f" {', '.join(arms) or 'none'}."
            )
        answers = frame["guess"].str.strip()
        unsure = answers.str.casefold().isin([u.casefold() for u in self.unsure])
        strange = sorted(set(answers[~unsure].dropna()) - set(arms))
        if strange:
            raise AnalysisError(
                f"{plural(len(strange), 'guess', 'guesses')} of another kind:"
                f" {unknown(self.by, strange[0], (*arms, *self.unsure))}"
            )
        kept = (
            frame.assign(guess=answers, unsure=unsure)
            .dropna(subset=["guess", self.by])
            .drop_duplicates(["patient", self.by])
        )
        rows, counts = [], {}
        for arm in arms:
            of = kept[kept[self.by] == arm]
            right, dunno = int((of["guess"] == arm).sum()), int(of["unsure"].sum())
            counts[arm] = (right, len(of) - right - dunno, dunno)
            e = bang(*counts[arm], level=self.level)
            rows.append(
                replace(
                    e,
                    group=arm,
                    how=f"{e.how}; {right} right, {counts[arm][1]} wrong, {dunno} unsure",
                )
            )
        table = [
            [int(((kept["guess"] == g) & (kept[self.by] == a)).sum()) for a in arms] for g in arms
        ]
        whole = james(table, [dunno for _, _, dunno in counts.values()], level=self.level)
        n = kept["patient"].nunique()
        if n < len(kept) and not whole.reason:
            how = "James' blinding index; no interval, patients guessed in more than one arm"
            whole = replace(whole, low=nan, high=nan, se=nan, how=how, reason="not_estimable")
        left = ((Phrase.of("no guess recorded"), study.enrolled - n),) if study.enrolled > n else ()
        forest = forest_frame((spoken(e.group), e) for e in rows)
        return Result(
            self,
            (*rows, whole),
            Counts(study.enrolled, n, left),
            None,
            (),
            {"forest": forest},
            ("forest",),
            detail=Guesses(counts),
            axis=ValueAxis(Phrase.of("Bang's index: 0 guessing, 1 all right, −1 all wrong")),
        )

    def _guesses(self, study: Study) -> pd.DataFrame:
        """patient, arm and guess, from the table that has the guess; the arm of a patient where
        that table has none.
        """
        tables = [t for t in (study.patients, study.infusions, study.scores) if t is not None]
        table = next((t for t in tables if self.guess in t), None)
        if table is None:
            there = dict.fromkeys(str(c) for t in tables for c in t)
            raise AnalysisError(unknown("column of guesses", self.guess, there))
        arm = (
            table[self.by]
            if self.by in table
            else study.characteristic(self.by).reindex(table["patient"])
        )
        text = pd.Series(np.asarray(arm), index=table.index).astype("string")
        return pd.DataFrame(
            {
                "patient": table["patient"],
                self.by: text,
                "guess": table[self.guess].astype("string"),
            }
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        *arms, whole = result.estimates
        parts = [self._arm(e, result.told(Guesses).by_arm[e.group]) for e in arms]
        if whole.value == whole.value:
            limits = (
                "" if whole.reason else f"; {interval(whole.low, whole.high, 2, level=whole.level)}"
            )
            parts.append(
                f"James' index of all arms was {number(whole.value, 2)} (0.5 is guessing at random,"
                f" 1 that nobody knew{limits})."
            )
        return " ".join(parts)

    def _arm(self, e: Estimate, counts: tuple[int, int, int]) -> str:
        right, wrong, dunno = counts
        total = right + wrong + dunno
        if total == 0:
            return f"No guess of patients given {spoken(e.group)} was recorded."
        limits = (
            f"no interval: {unspread(e.reason)}"
            if e.reason
            else interval(e.low, e.high, 2, level=e.level)
        )
        return (
            f"Of {plural(total, 'patient')} given {spoken(e.group)}, {right} guessed right, {wrong}"
            f" wrong and {dunno} did not know (Bang's index {number(e.value, 2)}; {limits})."
        )

    def methods_text(self) -> str:
        return (
            "Blinding is described by Bang's index of each arm, with patients who did not know"
            " counted among all, and by James' index of all arms together."
        )


@dataclass(frozen=True)
class Guesses:
    """Right, wrong and unsure guesses in each arm."""

    by_arm: Mapping[str, tuple[int, int, int]]
