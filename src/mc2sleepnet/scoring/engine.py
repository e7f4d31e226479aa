"""The exported graphs on OpenVINO, behind the interface that scores whole nights."""

import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ENCODER_FILE, SEQUENCE_FILE, ModelFolder
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH

# Float32 everywhere: on processors that have bf16 OpenVINO would round to it, which moves log-probabilities by 0.01
# and more; and two runs are to give the same stages wherever they run.
PRECISION = "f32"


def n_cores() -> int:
    """Processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        return os.cpu_count() or 1


class OpenVinoStager:
    """`inference.Stager` on a model folder's two ONNX graphs; several threads may call it.

    Parameters
    ----------
    model
        The folder.
    n_threads
        Threads that the engine computes in; None for one a core. Results are the same for any number.

    Raises
    ------
    InputError
        If a graph cannot be read; `relate` raises it for the second one.
    """

    def __init__(self, model: ModelFolder, *, n_threads: int | None = None) -> None:
        # OpenVINO imports its usage statistics with itself, and falls back to a stub where they are not there.
        # Marked as missing they cannot phone home: nothing of this program does.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        import openvino

        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": PRECISION, "INFERENCE_NUM_THREADS": n_threads or n_cores()}
        self._model = model
        # Preparing the second graph takes longer than the first, and nobody needs it before a night is encoded.
        threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="graph")
        encoder, self._relator = (
            threads.submit(core.compile_model, str(model.path / name), "CPU", options)
            for name in (ENCODER_FILE, SEQUENCE_FILE)
        )
        threads.shutdown(wait=False)
        self._encoder = self._ready(encoder)
        self.sequence_length = model.sequence_length
        self._one_at_a_time = threading.Lock()  # a compiled graph has one set of buffers
        self.needs_statistics = len(self._encoder.inputs) > 1
        self.removes_drift = model.config["network"].get("drift") == "removed"
        n_samples = self._encoder.inputs[0].partial_shape[1].get_length()
        self.margin_samples = (n_samples - SAMPLES_PER_EPOCH) // 2

    def _ready(self, graph: Future[Any]) -> Any:
        try:
            return graph.result()
        except RuntimeError as error:
            fault = f"the graphs cannot be loaded ({str(error).splitlines()[-1].strip()})"
            raise InputError(self._model.path, fault, "Export the model again") from None

    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Tokens of single epochs of a recording. Shape: [M, T] µV, [N_STATISTICS] → [M, 2, D]"""
        inputs = [np.ascontiguousarray(signal_uv)]
        if self.needs_statistics:
            assert statistics is not None
            inputs.append(statistics[None])
        with self._one_at_a_time:
            tokens: NDArray[np.float32] = self._encoder(inputs)[0]
        return tokens

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, 2, D], [B, L] → [B, L, 5]"""
        with self._one_at_a_time:
            relator = self._ready(self._relator)
            log_probabilities: NDArray[np.float32] = relator([np.ascontiguousarray(tokens), is_valid])[0]
        return log_probabilities
