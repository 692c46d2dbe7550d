"""What all tests share. Fixtures live in plugin modules by subject."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.postgres"]
