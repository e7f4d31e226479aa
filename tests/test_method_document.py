"""docs/method.md names every option, and tests that are there."""

import re
from dataclasses import fields
from pathlib import Path

from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretraining import PretrainOptions

TESTS = Path(__file__).parent
METHOD = (TESTS.parent / "docs" / "method.md").read_text(encoding="utf-8")


def test_every_option_has_its_row() -> None:
    rows = [line for line in METHOD.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    kinds = (NetworkConfig, PretrainOptions, FinetuneOptions, LoopOptions)
    assert {field.name for kind in kinds for field in fields(kind)} - named == set()


def test_every_test_it_names_is_there() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    missing = {name for name in re.findall(r"`(test_\w+)`", METHOD) if f"def {name}(" not in source}
    missing |= {path for path in re.findall(r"`tests/([\w/]+\.py)`", METHOD) if not (TESTS / path).is_file()}
    assert missing == set()
