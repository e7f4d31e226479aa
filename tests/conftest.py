import os
import sys
from pathlib import Path

import pytest

# Test modules import the helpers beside this file; pytest's importlib mode puts no folder on the path by itself.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings beside the repository (DATA.md); they are never copied into it."""
    folder = os.environ.get("MC2_REAL_DATA")
    if not folder:
        pytest.skip("MC2_REAL_DATA is not set: the real files are not here")
    assert Path(folder).is_dir(), f"MC2_REAL_DATA names {folder}, which is no folder"
    return Path(folder)
