"""An error as a notebook shows it: one framed message; the traceback is there, folded."""

from __future__ import annotations

import html
import textwrap
import traceback

WIDTH = 88


def frame(error: BaseException) -> list[str]:
    """The lines of the framed message: the kind of error, then what is wrong, what exists and what
    to do.

    >>> print(*frame(ValueError("No visit 'w4'. There is: week_4.")), sep="\\n")
    ╭─ ValueError ───────────────────────────────────────────────────────────────────────────╮
    │ No visit 'w4'. There is: week_4.                                                       │
    ╰────────────────────────────────────────────────────────────────────────────────────────╯
    """
    lines = [
        part
        for line in str(error).splitlines() or [""]
        for part in textwrap.wrap(line, WIDTH - 2) or [""]
    ]
    wide = max([WIDTH - 2, *map(len, lines)])
    name = type(error).__name__
    body = [f"│ {line:<{wide}} │" for line in lines]
    return [f"╭─ {name} {'─' * (wide - len(name) - 1)}╮", *body, f"╰{'─' * (wide + 2)}╯"]


def rendered(error: BaseException) -> list[str]:
    """What IPython prints for the error: the frame; in a notebook the traceback is shown folded
    above it.
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import HTML, display

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return [
            *frame(error),
            "The traceback: import traceback, sys; traceback.print_exception(sys.last_value)",
        ]
    if (
        getattr(error, "_shown_in", None) == shell.execution_count
    ):  # IPython asks twice for one error
        return frame(error)
    error._shown_in = shell.execution_count  # type: ignore[attr-defined]
    text = html.escape("".join(traceback.format_exception(error)))
    display(HTML(f"<details><summary>Traceback</summary><pre>{text}</pre></details>"))  # type: ignore[no-untyped-call]
    return frame(error)
