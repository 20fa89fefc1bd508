"""`python -m outcomes` is the command line."""

import sys

from outcomes.cli import main

sys.exit(main())
