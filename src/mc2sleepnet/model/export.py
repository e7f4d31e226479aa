"""ONNX graphs of a trained network: one that encodes epochs, one that relates the tokens of a sequence."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.model_folder import ENCODER_FILE, SEQUENCE_FILE
from mc2sleepnet.core.recording_statistics import N_STATISTICS
from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.model.side_by_side import SideBySideEncoder, SideBySideRelator, members_side_by_side
from mc2sleepnet.model.staging_network import StagingNetwork

OPSET = 20


class EpochEncoder(nn.Module):
    """Raw epochs to their tokens, one per modality.

    Shape: [M, T] µV, where the network reads them [1, N_STATISTICS] of the recording → [M, S, D]
    """

    def __init__(self, network: StagingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "1 C"] | None = None
    ) -> Float[Tensor, "M S D"]:
        return self.network.epoch_tokens(signal_uv, statistics)


class SequenceRelator(nn.Module):
    """Tokens of sequences to log-probabilities of the network's prediction.

    Shape: [B, L, S, D], [B, L] → [B, L, 5]
    """

    def __init__(self, network: StagingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        return F.log_softmax(self.network.predict(tokens, is_valid), dim=2)


def export_graphs(network: StagingNetwork, folder: Path) -> None:
    """Write `encoder.onnx` and `sequence.onnx`, each all or nothing; numbers of epochs and sequences stay free."""
    network = network.eval().cpu()
    export_encoder(network, folder)
    export_relator(network, folder)


def export_encoder(network: StagingNetwork, folder: Path) -> None:
    """Write `encoder.onnx`; where the network reads the recording's statistics, they are its second input."""
    needs_statistics = network.config.needs_statistics
    n_samples = SAMPLES_PER_EPOCH + 2 * network.config.margin_samples
    members = members_side_by_side(network)
    _export(
        SideBySideEncoder(members) if members else EpochEncoder(network),
        (torch.zeros(2, n_samples), *([torch.ones(1, N_STATISTICS)] if needs_statistics else [])),
        folder / ENCODER_FILE,
        names=["signal_uv", "statistics"] if needs_statistics else ["signal_uv"],
        output="tokens",
        free="epochs",
    )


def export_relator(network: StagingNetwork, folder: Path) -> None:
    """Write `sequence.onnx`."""
    length = network.config.sequence_length
    members = members_side_by_side(network)
    _export(
        SideBySideRelator(members) if members else SequenceRelator(network),
        (torch.zeros(2, length, *network.token_shape), torch.ones(2, length, dtype=torch.bool)),
        folder / SEQUENCE_FILE,
        names=["tokens", "is_valid"],
        output="log_probabilities",
        free="sequences",
    )


def _export(
    module: nn.Module, example: tuple[Tensor, ...], path: Path, *, names: list[str], output: str, free: str
) -> None:
    axis = torch.export.Dim(free, min=1, max=1 << 20)
    with _quiet_exporter(), atomic_path(path) as temporary, torch.no_grad():
        torch.onnx.export(
            module.eval(),
            example,
            temporary,
            input_names=names,
            output_names=[output],
            dynamic_shapes=tuple({} if name == "statistics" else {0: axis} for name in names),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        _forget_where_it_was_made(temporary)


def _forget_where_it_was_made(path: Path) -> None:
    """Take the exporter's notes out of a graph.

    Each node has a stack trace with the paths of the machine, and with them its user's name, and a third of the file.
    """
    import onnx

    model = onnx.load(path)
    for graph in (model.graph, *model.functions):
        for part in (graph, *graph.node, *graph.value_info):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer, model):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Torch's exporter talks on stdout, which belongs to results, and warns and logs about its own internals."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
