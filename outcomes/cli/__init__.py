"""The command line: parse, call, exit with a documented code."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from outcomes.cli.arguments import parser
from outcomes.core.errors import OutcomesError, OutputError

log = logging.getLogger("outcomes")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _print_anything()
    args = parser().parse_args(argv)
    if args.command is None:
        parser().print_help()
        return 2
    log.handlers[:] = [logging.StreamHandler(sys.stderr)]
    log.setLevel(logging.WARNING if args.quiet else logging.INFO)
    try:
        return int(args.call(args) or 0)
    except OutcomesError as e:
        print(f"outcomes: {e}", file=sys.stderr)
        return e.exit_code
    except BrokenPipeError:
        return 0
    except OSError as e:
        print(
            f"outcomes: Cannot use {e.filename or 'a file'}: {e.strerror or type(e).__name__}.",
            file=sys.stderr,
        )
        return OutputError.exit_code
    except KeyboardInterrupt:
        print("outcomes: stopped", file=sys.stderr)
        return 130
    except Exception as e:
        if args.debug:
            raise
        # the message of an unforeseen error may hold a value, so only its kind and place are
        # printed
        print(
            f"outcomes: internal error ({type(e).__name__} at {_place(e)}). Please report it;"
            " --debug shows more.",
            file=sys.stderr,
        )
        return 1


def _print_anything() -> None:
    """What a console's encoding lacks (☂ in cp1252) is printed as ? instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _place(e: BaseException) -> str:
    tb = e.__traceback__
    while tb and tb.tb_next:
        tb = tb.tb_next
    return f"{Path(tb.tb_frame.f_code.co_filename).name}:{tb.tb_lineno}" if tb else "?"
