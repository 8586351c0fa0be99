"""Makes the example importable for its own tests, as `pip install -e` would."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLE = Path(__file__).parent / "secretfetch-sqlite"

sys.path.append(str(EXAMPLE))
