"""Compumedics Profusion's XML, ``CMPStudyConfig``: one number for each epoch.

As exported by Profusion PSG and described by the NSRR
(https://github.com/nsrr/edf-editor-translator/wiki/Compumedics-Annotation-Format): ``EpochLength``, and ``SleepStages``
with one ``SleepStage`` per epoch, 0 wake, 1–4 stages, 5 REM, 6 movement, 9 unscored. It tells no clock time.
"""

from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats.grid import LONGEST_S, StageEvent, hypnogram_from_events
from mc2sleepnet.formats.nsrr import SYNTHETIC, epoch_length
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import CODES, stage_of_word
from mc2sleepnet.formats.table import as_code
from mc2sleepnet.formats.xml_file import XmlFile

CODE_OF_STAGE: Final = {W: 0, N1: 1, N2: 2, N3: 3, R: 5, UNSCORED: 9}


def is_profusion(file: XmlFile) -> bool:
    """Whether an XML file lists sleep stages epoch by epoch."""
    return any(element.name in {"cmpstudyconfig", "sleepstages", "sleepstage"} for element in file.root.walk())


def read_profusion(path: Path, file: XmlFile) -> ScoredHypnogram:
    """Read the list of sleep stages.

    Raises
    ------
    InputError
        If there is no list, or more than one, or it holds a stage that Profusion does not know; the epoch is named.
    """
    lists = [element for element in file.root.all_named("sleepstages") if element.children]
    if len(lists) > 1:
        remedy = "Export the scoring of one scorer"
        raise InputError(path, f"it holds {len(lists)} lists of sleep stages", remedy)
    elements = lists[0].children if lists else file.root.all_named("sleepstage")
    stages = []
    for epoch, element in enumerate(element for element in elements if element.name == "sleepstage"):
        text = element.text.strip() or element.attributes.get("value", "").strip()
        code = as_code(text)
        stage = stage_of_word(text) if code is None else CODES["nsrr"].get(code, UNSCORED if code == 8 else None)
        if stage is None:
            fault = f"epoch {epoch}: unknown sleep stage {text[:40]!r}"
            raise InputError(path, fault, "Profusion's stages are 0 to 5, 6 for movement and 9 for unscored")
        stages.append(stage)
    length = epoch_length(path, file.root) or EPOCH_S
    if len(stages) * length > LONGEST_S:
        raise InputError(path, f"it lists {len(stages)} epochs", "A hypnogram is at most 31 days long")
    events = [
        StageEvent(onset_s=epoch * length, duration_s=length, stage=stage, text="SleepStage")
        for epoch, stage in enumerate(stages)
    ]
    hypnogram = hypnogram_from_events(path, events, start=None, epoch_s=length)
    return ScoredHypnogram(hypnogram=hypnogram, is_synthetic=SYNTHETIC in " ".join(file.comments))


def write_profusion(scored: ScoredHypnogram, path: Path) -> None:
    """Write ``CMPStudyConfig`` with the epochs' length, no scored events, and one number for each epoch."""
    numbers = np.array([CODE_OF_STAGE[stage] for stage in scored.hypnogram.stage.tolist()])
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        *([f"<!-- {SYNTHETIC} -->"] if scored.is_synthetic else []),
        "<CMPStudyConfig>",
        f"<EpochLength>{EPOCH_S}</EpochLength>",
        # Readers take the stages as the fifth element, as in Profusion's own exports.
        "<StepChannels></StepChannels>",
        "<ScoredEventSettings></ScoredEventSettings>",
        "<ScoredEvents></ScoredEvents>",
        "<SleepStages>",
        *(f"<SleepStage>{number}</SleepStage>" for number in numbers.tolist()),
        "</SleepStages>",
        "</CMPStudyConfig>",
        "",
    ]
    write_text_atomically(path, "\n".join(lines))
