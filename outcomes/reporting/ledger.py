"""What earlier reports knew of each patient, as keyed fingerprints: enough to see a difference between two reports.

Two files use them: the ledger of what was shared (against differencing two reports), and the snapshot beside an internal
report (for "since last time"). Both hold their key, so whoever has one can try out what a patient may have answered: they
are as confidential as the data, are readable by their owner alone, and stay inside the clinic.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.config import atomic
from outcomes.core.errors import StudyError
from outcomes.study.study import Study

FORMAT = 1
#: How many shared reports are remembered.
REMEMBERED = 60


def token(key: str, *parts: object) -> str:
    """A keyed fingerprint of some values: equal for equal values, and telling nothing to one who has not the key."""
    said = "\x1f".join(map(str, parts)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), said, hashlib.sha256)[:9]).decode()


def visit_tokens(study: Study, key: str) -> dict[str, dict[str, str]]:
    """For each patient (as a token) and each visit, a fingerprint of all scores of that visit."""
    scores = study.scores
    rows = pd.util.hash_pandas_object(scores.drop(columns=["patient", "visit"]).astype(str), index=False)
    made: dict[str, dict[str, str]] = {token(key, "patient", p): {} for p in study.patient_ids}
    joined: dict[tuple[str, str], list[int]] = {}
    for patient, visit, digest in zip(scores["patient"], scores["visit"], rows):
        joined.setdefault((patient, visit), []).append(int(digest))
    for (patient, visit), digests in joined.items():
        made[token(key, "patient", patient)][str(visit)] = token(key, patient, visit, *sorted(digests))
    return made


def patient_tokens(study: Study, key: str) -> frozenset[str]:
    """One fingerprint a patient, of everything known about them: scores, characteristics, infusions, side effects."""
    parts: dict[str, list[str]] = {p: [] for p in study.patient_ids}
    for name in ("scores", "patients", "infusions", "events"):
        frame = getattr(study, name)
        if frame is not None:
            digests = pd.util.hash_pandas_object(frame.drop(columns=["patient"]).astype(str), index=False)
            for patient, digest in zip(frame["patient"], digests):
                parts.setdefault(patient, []).append(f"{name}{digest}")
    return frozenset(token(key, p, *sorted(said)) for p, said in parts.items())


@dataclass
class Ledger:
    """What was shared: for each report its patients, and for each published mean the scores it was made of, as tokens."""

    key: str = field(default_factory=lambda: secrets.token_hex(16))
    reports: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """The ledger in this file; an empty one where there is none. Raises StudyError for a file that is something else."""
        if not path.exists():
            return cls()
        try:
            said = json.loads(path.read_text("utf-8"))
            if said["format"] != FORMAT:
                raise ValueError
            return cls(str(said["key"]), list(said["reports"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise StudyError(f"{path} is not a ledger of shared reports, or cannot be read.") from None

    def write(self, path: Path) -> None:
        """Write the ledger. Raises OutputError where the disk refuses."""
        said = {"format": FORMAT, "key": self.key, "reports": self.reports[-REMEMBERED:]}
        atomic.write(path, json.dumps(said), private=True)

    def changed(self, patients: frozenset[str]) -> list[int]:
        """How many patients differ from each earlier report: new, gone or changed; the larger of the two sides."""
        return [_apart(patients, frozenset(r["patients"])) for r in self.reports]

    def earlier(self, variable: str) -> list[frozenset[str]]:
        """The sets of scores that earlier means of this variable were made of."""
        return [frozenset(s) for r in self.reports for s in r["means"].get(variable, ())]

    def add(self, patients: frozenset[str], means: Mapping[str, Iterable[frozenset[str]]]) -> None:
        """Remember a report; the same patients again only add what is new."""
        said = {v: sorted({tuple(sorted(s)) for s in sets}) for v, sets in sorted(means.items())}
        same = next((r for r in self.reports if frozenset(r["patients"]) == patients), None)
        if same is None:
            self.reports.append({"patients": sorted(patients), "means": said})
            return
        for variable, sets in said.items():
            there = {tuple(s) for s in same["means"].get(variable, ())}
            same["means"][variable] = sorted(there | set(sets))


def _apart(a: frozenset[str], b: frozenset[str]) -> int:
    return max(len(a - b), len(b - a))


def too_close(a: frozenset[str], b: frozenset[str], least: int) -> bool:
    """Whether two sets of scores differ by some but fewer than `least` patients: their two means would tell about these."""
    return 0 < _apart(a, b) < least
