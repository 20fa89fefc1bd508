"""The frames of an answer: made when they are first read, and kept."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.language import Phrase, language_of, speaking
from outcomes.core.picture import Frames


def test_a_frame_is_made_when_it_is_read_and_once() -> None:
    made: list[str] = []

    def pairs() -> pd.DataFrame:
        made.append(language_of().code)
        return pd.DataFrame({"change": [-1.0, 2.0]})

    frames = Frames({"pairs": pairs, "ready": pd.DataFrame()})
    assert list(frames) == ["pairs", "ready"] and len(frames) == 2
    assert "pairs" in frames and "else" not in frames and frames.get("else") is None
    assert not made
    with speaking("de"):
        first = frames["pairs"]
    assert first is frames["pairs"] and made == ["en"]
    with pytest.raises(TypeError):
        frames["pairs"] = first  # type: ignore[index]


def test_an_answer_makes_no_frame_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> pd.DataFrame:
        raise AssertionError("made before it was read")

    monkeypatch.setattr("outcomes.analyses.responders.one_group._dropout_curves", refused)
    result = oc.Responders("pain", before="pre", after="post").run(study())
    copy = replace(result, notes=("another note",))
    assert copy.data is result.data and "dropout" in copy.data
    with pytest.raises(AssertionError, match="before it was read"):
        copy.data["dropout"]


@pytest.mark.parametrize("kind", [oc.Responders, oc.PairedT, oc.SignedRank])
def test_frames_that_were_not_read_survive_a_pickle(kind: type) -> None:
    frames = kind("pain", before="pre", after="post").run(study()).data
    unread = Frames({name: lambda name=name: frames[name] for name in frames})
    again = pickle.loads(pickle.dumps(unread))
    assert list(again) == list(frames)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(again[name], frame)
        if "label" in frame:
            assert all(isinstance(text, Phrase) for text in again[name]["label"])


def test_what_is_written_into_a_frame_reaches_no_other_answer() -> None:
    asked, first = oc.PairedT("pain", before="pre", after="post"), study()
    result = asked.run(first)
    read = result.data["pairs"]
    assert np.array_equal(read["change"], read["after"] - read["before"])
    read.loc[0, "change"] = 99.0
    other = oc.SignedRank("pain", before="pre", after="post").run(first)
    assert other.data["pairs"].loc[0, "change"] == -3


def study() -> oc.Study:
    """Four patients, one without a score after."""
    rows = {
        "patient": [*"aabbccd"],
        "visit": ["pre", "post"] * 3 + ["pre"],
        "pain": [7, 4, 6, 5, 8, 4, 9],
    }
    pain = oc.Outcome("pain", "Pain", "lower")
    return oc.Study(pd.DataFrame(rows), visits=("pre", "post"), measures={"pain": pain})
