"""What `minicnn bench --json FILE` wrote as a page of Markdown, on standard output:

python -m minicnn.bench FILE
"""

import json
import sys
from pathlib import Path

from minicnn.bench.report import page

print("\n".join(page(json.loads(Path(sys.argv[1]).read_text()))))
