"""What earlier reports knew of each patient, as keyed fingerprints: enough to see a difference
between two reports.

Two files use them: the ledger of what was shared (against differencing two reports), and the
snapshot beside an internal report (for "since last time"). Both hold their key, so whoever has one
can try out what a patient may have answered: they are as confidential as the data, are readable by
their owner alone, and stay inside the clinic.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import pandas as pd

from outcomes.study.study import Study


def token(key: str, *parts: object) -> str:
    """A keyed fingerprint of some values: equal for equal values, and of no use without the key."""
    said = "\x1f".join(map(str, parts)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), said, hashlib.sha256)[:9]).decode()


def visit_tokens(study: Study, key: str) -> dict[str, dict[str, str]]:
    """For each patient (as a token) and each visit, a fingerprint of all scores of that visit."""
    scores = study.scores
    rows = pd.util.hash_pandas_object(
        scores.drop(columns=["patient", "visit"]).astype(str), index=False
    )
    made: dict[str, dict[str, str]] = {token(key, "patient", p): {} for p in study.patient_ids}
    joined: dict[tuple[str, str], list[int]] = {}
    for patient, visit, digest in zip(scores["patient"], scores["visit"], rows):
        joined.setdefault((patient, visit), []).append(int(digest))
    for (patient, visit), digests in joined.items():
        made[token(key, "patient", patient)][str(visit)] = token(
            key, patient, visit, *sorted(digests)
        )
    return made


def patient_tokens(study: Study, key: str) -> frozenset[str]:
    """One fingerprint a patient, of everything known about them: scores, characteristics,
    infusions, side effects.
    """
    parts: dict[str, list[str]] = {p: [] for p in study.patient_ids}
    for name in ("scores", "patients", "infusions", "events"):
        frame = getattr(study, name)
        if frame is not None:
            digests = pd.util.hash_pandas_object(
                frame.drop(columns=["patient"]).astype(str), index=False
            )
            for patient, digest in zip(frame["patient"], digests):
                parts.setdefault(patient, []).append(f"{name}{digest}")
    return frozenset(token(key, p, *sorted(said)) for p, said in parts.items())
