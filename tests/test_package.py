"""What a wheel holds: an installation that isn't this folder scores too."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src" / "mc2sleepnet", source / "src" / "mc2sleepnet")
    wheel_of = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*wheel_of, "-w", tmp_path, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = set(wheel.namelist())
    package = ROOT / "src" / "mc2sleepnet"
    there = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there <= held


def test_what_the_package_offers_is_listed_before_it_is_loaded() -> None:
    program = (
        "import sys, mc2sleepnet; assert {'evaluate', 'score', 'InputError', '__version__'} <= set(dir(mc2sleepnet)); "
        "assert 'mc2sleepnet.api' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
