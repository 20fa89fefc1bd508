"""Reports that make themselves: the operating system wakes `run_due`, which decides what is owed
and does it once.

outcomes schedule init monthly.toml      a commented schedule file
outcomes run-due monthly.toml            make what is owed
outcomes status monthly.toml             what ran, what is due, what is overdue
outcomes schedule test monthly.toml      a test notice through each channel
outcomes schedule show monthly.toml      entries for cron, systemd, Windows Task Scheduler
"""

from outcomes.schedule.entries import show
from outcomes.schedule.notifier import try_channels
from outcomes.schedule.publisher import Made
from outcomes.schedule.run import Woken, run_due, skip
from outcomes.schedule.schedule_file import Schedule, read_schedule
from outcomes.schedule.starter import init
from outcomes.schedule.status import Status, status

__all__ = [
    "Made",
    "Schedule",
    "Status",
    "Woken",
    "init",
    "read_schedule",
    "run_due",
    "show",
    "skip",
    "status",
    "try_channels",
]
