"""The exported graphs on OpenVINO, behind the interface that scores whole nights."""

import os
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ENCODER_FILE, SEQUENCE_FILE, ModelFolder
from mc2sleepnet.core.smoothing import Smoothing
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH

# Float32 everywhere: on processors that have bf16 OpenVINO would round to it, which moves log-probabilities by 0.01
# and more; and two runs are to give the same stages wherever they run.
PRECISION = "f32"
# Epochs and sequences that go through a graph at a time, each on a stream of its own: a processor's cache holds what
# they become, and any number of threads computes the same. `MOST_STREAMS` of them make up a call of `inference`.
EPOCHS_AT_A_TIME, SEQUENCES_AT_A_TIME, MOST_STREAMS = 32, 16, 4

# OpenVINO's first look at a numpy type stands still for good where two threads take it at once.
_FIRST_LOOK = threading.Lock()


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

        with _FIRST_LOOK:
            openvino.Type.f32.to_dtype()
        core = openvino.Core()
        n_threads = n_threads or n_cores()
        n_streams = min(n_threads, MOST_STREAMS)
        options = {
            "INFERENCE_PRECISION_HINT": PRECISION,
            "INFERENCE_NUM_THREADS": n_threads,
            "NUM_STREAMS": n_streams,
        }

        def prepare(name: str) -> _Graph:
            return _Graph(core.compile_model(str(model.path / name), "CPU", options), n_streams)

        self._model = model
        # Nobody needs the second graph before a night is encoded.
        threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="graph")
        encoder, self._relator = (threads.submit(prepare, name) for name in (ENCODER_FILE, SEQUENCE_FILE))
        threads.shutdown(wait=False)
        self._encoder = self._ready(encoder)
        self.sequence_length = model.sequence_length
        self._one_at_a_time = threading.Lock()  # each stream has one set of buffers
        inputs = self._encoder.compiled.inputs
        self.needs_statistics = len(inputs) > 1
        self.completion = model.completion
        self.removes_drift = model.config["network"].get("drift") == "removed"
        self.smoothing: Smoothing = model.calibration.smoothing
        n_samples = inputs[0].partial_shape[1].get_length()
        self.margin_samples = (n_samples - SAMPLES_PER_EPOCH) // 2

    def _ready(self, graph: "Future[_Graph]") -> "_Graph":
        try:
            return graph.result()
        except RuntimeError as error:
            fault = f"the graphs cannot be loaded ({str(error).splitlines()[-1].strip()})"
            raise InputError(self._model.path, fault, "Export the model again") from None

    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Tokens of single epochs of a recording. Shape: [M, T] µV, [N_STATISTICS] → [M, 2, D]"""
        common: list[NDArray[np.float32]] = []
        if self.needs_statistics:
            assert statistics is not None
            common.append(statistics[None])
        with self._one_at_a_time:
            return self._encoder([signal_uv], common, at_a_time=EPOCHS_AT_A_TIME)

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, 2, D], [B, L] → [B, L, 5]"""
        with self._one_at_a_time:
            return self._ready(self._relator)([tokens, is_valid], at_a_time=SEQUENCES_AT_A_TIME)


class _Graph:
    """A compiled graph on all of its streams, each with a request of its own.

    One thread of Python's starts the requests and waits for them, without callbacks: the engine's own queue calls back
    into Python, which can bring down a process that ends.
    """

    def __init__(self, compiled: Any, n_streams: int) -> None:
        self.compiled = compiled
        self._requests = [compiled.create_infer_request() for _ in range(n_streams)]

    def __call__(
        self, rows: Sequence[NDArray[Any]], common: Sequence[NDArray[Any]] = (), *, at_a_time: int
    ) -> NDArray[np.float32]:
        """The answer to many rows, `at_a_time` of them to a piece; `common` goes with every piece."""
        answers: list[NDArray[np.float32]] = []
        running: deque[Any] = deque()

        def finish_one() -> None:
            request = running.popleft()
            request.wait()
            answers.append(request.get_output_tensor(0).data.copy())

        try:
            for piece, start in enumerate(range(0, len(rows[0]), at_a_time)):
                if len(running) == len(self._requests):
                    finish_one()
                request = self._requests[piece % len(self._requests)]
                part = slice(start, start + at_a_time)
                request.start_async([*(np.ascontiguousarray(one[part]) for one in rows), *common])
                running.append(request)
        finally:  # also where somebody interrupts: a request that runs cannot be started again
            while running:
                finish_one()
        return np.concatenate(answers)
