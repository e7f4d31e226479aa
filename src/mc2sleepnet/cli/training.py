"""Verbs that train: pretrain, finetune, and export."""

from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import fail, verb
from mc2sleepnet.cli.progress import progress_bar

Store = Annotated[Path, typer.Option(help="Store that `prepare` wrote.")]
Run = Annotated[Path, typer.Option(help="Folder of the run to write.")]
FoldNumber = Annotated[int, typer.Option(min=1, help="Fold of the store's corpus.")]
Preset = Annotated[str, typer.Option(help="paper or author_code.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One option; repeatable.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")]


def tell_ending(ending: str) -> None:
    """How a run ended; of several ranks only the first has something to say."""
    if ending:
        print(ending)


@verb
def pretrain(
    store: Store,
    out: Run,
    fold: FoldNumber = 1,
    preset: Preset = "paper",
    assignments: Assignments = None,
    resume: Resume = False,
) -> None:
    """Pre-train both backbones: stages, InfoNCE and cross-masking, all at once."""
    from mc2sleepnet.recipes import pretrain_fold

    chosen = assignments or []
    tell_ending(
        pretrain_fold(store, out, fold=fold, preset=preset, assignments=chosen, resume=resume, step=progress_bar)
    )


@verb
def finetune(
    store: Store,
    out: Run,
    starts: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            "--init",
            metavar="RUN",
            help="Start, once: run, model, or `shipped`; or --set from_scratch=true.",
        ),
    ] = None,
    fold: FoldNumber = 1,
    preset: Annotated[str | None, typer.Option(help="Refuse a start that was pre-trained with another preset.")] = None,
    assignments: Assignments = None,
    resume: Resume = False,
) -> None:
    """Fine-tune on frozen backbones. RUN then is a model folder that `score` takes."""
    from mc2sleepnet.recipes import finetune_fold

    if starts and len(starts) > 1:
        given = " and ".join(map(str, starts))
        fail(f"--from: {len(starts)} networks to start from, {given}. Give one --from or --init.")
    start, chosen = (starts[0] if starts else None), assignments or []
    tell_ending(
        finetune_fold(store, start, out, fold=fold, preset=preset, assignments=chosen, resume=resume, step=progress_bar)
    )


@verb
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `finetune` wrote.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
) -> None:
    """Copy what scores out of a run: graphs, calibration, weights and model card."""
    from mc2sleepnet.core.model_folder import copy_model_folder

    copy_model_folder(run, out)
    print(f"model: {out}")
