"""Reports: one model of sections, rendered as one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from outcomes.errors import StudyError
from outcomes.plan import Plan
from outcomes.report.sections import document
from outcomes.result import Result, Results
from outcomes.study import Study


def write_report(study: Study, answers: Plan | Results | Result, path: str | Path, **options: Any) -> Path:
    """Write the report of a plan (answered here) or of results already there; the path's ending chooses the format.

    `.html` is one file that opens in any browser and asks the network for nothing. The same study, plan and version
    give the same bytes. Returns the path. Raises StudyError for another ending or a folder that cannot be made.

    >>> import pandas as pd, tempfile, outcomes as oc
    >>> scores = pd.DataFrame({"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]})
    >>> study = oc.Study(scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> plan = oc.Plan(oc.PairedT("pain", before="pre", after="post"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     oc.write_report(study, plan, f"{folder}/pain.html").stat().st_size > 5000
    True
    """
    target = Path(path)
    writers = {".html": _html}
    if target.suffix.lower() not in writers:
        raise StudyError(f"A report ends in {', '.join(writers)}; got '{target.suffix or target.name}'.")
    if isinstance(answers, Result):
        answers = Results((answers,), study)
    results = answers.run(study) if isinstance(answers, Plan) else answers
    data = writers[target.suffix.lower()](document(study.ready, results), **options)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_bytes(data)
        partial.replace(target)
    except OSError as e:
        raise StudyError(f"Cannot write {target}: {e.strerror or type(e).__name__}.") from None
    return target


def _html(doc: Any, **options: Any) -> bytes:
    from outcomes.report.html import render

    return render(doc, **options).encode()
