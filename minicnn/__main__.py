"""python -m minicnn ...: what the command `minicnn` does."""

import sys

from minicnn.cli import main

sys.exit(main())
