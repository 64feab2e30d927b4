"""python -m zqyy.embedded: what `make run` runs."""

import sys

from zqyy.embedded.application import run

sys.exit(run())
