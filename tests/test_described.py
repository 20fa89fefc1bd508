"""Pictures in notebooks carry their words."""

from __future__ import annotations

import base64
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import outcomes as oc


@pytest.fixture
def answer() -> oc.Result:
    scores = pd.DataFrame(
        {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    )
    pain = oc.Outcome("pain", 'Pain "now" <0-10>', "lower")
    study = oc.Study(scores, visits=("pre", "post"), measures={"pain": pain})
    return oc.PairedT("pain", before="pre", after="post").run(study)


def test_the_alternative_text_of_a_picture_is_the_sentence_of_its_result(answer: oc.Result) -> None:
    data, metadata = oc.plot(answer).figure.bundle()
    plt.close("all")
    assert data["text/plain"] == metadata["image/png"]["alt"] == answer.sentence()
    image = re.fullmatch(
        r'<img alt="([^"<>]+)" src="data:image/png;base64,([^"]+)">', data["text/html"]
    )
    assert image is not None and "Pain &quot;now&quot; &lt;0-10&gt;" in image[1]
    assert image[2] == data["image/png"]
    assert base64.b64decode(image[2]).startswith(b"\x89PNG")


def test_a_figure_of_one_s_own_is_described_by_what_is_drawn_into_it(answer: oc.Result) -> None:
    figure, axes = plt.subplots(1, 2, FigureClass=oc.Described)
    data, metadata = figure.bundle()  # nothing to say yet: the picture alone
    assert set(data) == {"image/png", "text/plain"} and metadata == {}
    figure.describe("Two pictures.")
    for ax in axes:
        assert oc.plot(answer, ax=ax) is ax
    plt.close("all")
    assert figure.words == ("Two pictures.", answer.sentence())


def test_a_plain_figure_is_left_alone(answer: oc.Result) -> None:
    figure, ax = plt.subplots()
    oc.plot(answer, ax=ax)
    plt.close("all")
    assert not hasattr(figure, "words")
