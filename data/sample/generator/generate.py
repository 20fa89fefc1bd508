"""Make the four invented studies of the folder above again, byte for byte: `python
data/sample/generator/generate.py [--out FOLDER]`.

Invented data: no real patient. README.md in that folder says what is assumed and from which
published figures; `truth.json` in each study says what is true by construction, so that an analysis
can be judged by it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import arms
import clinic
import courses
import dictionary
import trial
import truth
from common import Draw, write_csv, write_json

POPULATION = 40_000  # patients behind the population values in truth.json


def write_cohort(folder: Path) -> None:
    """The uncontrolled clinic cohort."""
    sample = clinic.simulate()
    draw = Draw(clinic.SEED, 2)
    scores, spoilt = clinic.scores(draw, sample)
    given = clinic.sessions(draw, sample)
    write_csv(folder / "scores.csv", scores)
    write_csv(folder / "patients.csv", clinic.patients(draw, sample))
    write_csv(folder / "side_effects.csv", clinic.side_effects(draw, sample, given))
    write_csv(folder / "infusions.csv", [{k: v for k, v in g.items() if k != "i"} for g in given])
    write_csv(folder / "dictionary.csv", dictionary.cohort())
    true = truth.of_cohort(sample, clinic.simulate(POPULATION, clinic.SEED + 100))
    write_json(folder / "truth.json", true | {"spoilt_on_purpose": spoilt})


def write_crossover(folder: Path) -> None:
    """The two-period placebo-controlled crossover."""
    sample = trial.simulate()
    for name, rows in trial.tables(sample).items():
        write_csv(folder / f"{name}.csv", rows)
    write_csv(folder / "dictionary.csv", dictionary.crossover())
    write_json(
        folder / "truth.json",
        truth.of_crossover(sample, trial.simulate(POPULATION, trial.SEED + 100)),
    )


def write_parallel(folder: Path) -> None:
    """The randomised trial with two parallel arms."""
    sample = arms.simulate()
    for name, rows in arms.tables(sample).items():
        write_csv(folder / f"{name}.csv", rows)
    write_csv(folder / "dictionary.csv", dictionary.parallel())
    write_json(
        folder / "truth.json", truth.of_parallel(sample, arms.simulate(POPULATION, arms.SEED + 100))
    )


def write_courses(folder: Path) -> None:
    """The year of a clinic with courses of infusions."""
    sample = courses.simulate()
    for name, rows in courses.tables(sample).items():
        write_csv(folder / f"{name}.csv", rows)
    write_csv(folder / "dictionary.csv", dictionary.courses())
    population = courses.simulate(POPULATION // 20, courses.SEED + 100)
    write_json(folder / "truth.json", truth.of_courses(sample, population))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parents[1],
        help="where to write (default: the folder above)",
    )
    out = parser.parse_args().out
    write_cohort(out)
    write_crossover(out / "crossover")
    write_parallel(out / "parallel")
    write_courses(out / "courses")
    print(f"Four invented studies written to {out}.")


if __name__ == "__main__":
    main()
