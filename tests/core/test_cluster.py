"""The same jobs here, in processes, and on a Dask cluster, with workers that are killed on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest

from cluster_jobs import (
    DaskCluster,
    always_killed,
    dask_cluster,
    killed_once,
    one_in_zero,
    own_process,
    square_of_even,
)
from mc2sleepnet.core import cluster as cluster_module
from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


def ways(dask: DaskCluster) -> list[dict[str, object]]:
    return [{}, {"workers": 2}, {"cluster": dask.address}]


def test_every_way_gives_the_same_values_and_the_same_errors(dask: DaskCluster) -> None:
    for way in ways(dask):
        ended = sorted(run_jobs(square_of_even, range(7), **way), key=lambda end: end.index)  # type: ignore[arg-type]
        assert [end.value for end in ended] == [0, None, 4, None, 16, None, 36], way
        assert [str(end.error) for end in ended if end.error] == [
            f"job {n}: is odd. Give an even one." for n in (1, 3, 5)
        ]


def test_what_is_no_users_mistake_ends_the_run(dask: DaskCluster) -> None:
    for way in ways(dask):
        with pytest.raises(ZeroDivisionError):
            list(run_jobs(one_in_zero, [1, 0, 1], **way))  # type: ignore[arg-type]


def test_no_jobs_are_no_work() -> None:
    assert list(run_jobs(square_of_even, [], workers=4)) == []


def test_processes_are_others_than_this_one() -> None:
    ids = {end.value for end in run_jobs(own_process, range(8), workers=2)}
    assert os.getpid() not in ids
    assert 1 <= len(ids) <= 2


def test_the_job_of_a_killed_process_is_done_by_another(tmp_path: Path) -> None:
    ended = run_jobs(killed_once, [(str(tmp_path), n) for n in range(5)], workers=2)
    assert sorted(end.value for end in ended if end.value is not None) == [0, 1, 2, 3, 4]
    assert (tmp_path / "killed").exists()


def test_a_job_that_kills_every_process_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    ended = run_jobs(always_killed, [(str(tmp_path), n) for n in range(4)], workers=2, name_of=lambda job: f"n{job[1]}")
    found = {end.index: str(end.error) if end.error else end.value for end in ended}
    told = found.pop(1)
    assert found == {0: 0, 2: 2, 3: 3}
    assert str(told).startswith("n1: every worker that took it was killed (3 times). ")


def test_the_job_of_a_killed_dask_worker_is_done_by_another(tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as cluster:
        jobs = [(str(tmp_path), n) for n in range(5)]
        ended = list(run_jobs(killed_once, jobs, cluster=cluster.address))
        assert sorted(end.value for end in ended if end.value is not None) == [0, 1, 2, 3, 4]
        assert (tmp_path / "killed").exists()
        assert [worker.poll() for worker in cluster.workers].count(-signal.SIGKILL) == 1


def test_an_answer_that_is_lost_with_its_worker_is_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LosesTheFirst(distributed.as_completed):  # type: ignore[misc]
        lost = 0

        def __next__(self) -> object:
            future = super().__next__()
            if not LosesTheFirst.lost:
                LosesTheFirst.lost = 1
                future.client.loop.add_callback(future._state.lose)
                while future.status != "lost":
                    time.sleep(0.01)
                future.client.loop.call_later(0.3, future._state.finish)
            return future

    monkeypatch.setattr(distributed, "as_completed", LosesTheFirst)
    with dask_cluster(tmp_path) as cluster:
        ended = list(run_jobs(square_of_even, [0, 2, 4], cluster=cluster.address))
    assert LosesTheFirst.lost
    assert sorted(end.value for end in ended) == [0, 4, 16]


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "no address", "nonsense"):
        with pytest.raises(InputError, match="no Dask scheduler answers"):
            list(run_jobs(square_of_even, [2], cluster=address))


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    jobs = [(str(tmp_path), n) for n in range(2)]
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from mc2sleepnet.core.cluster import run_jobs\nfrom cluster_jobs import told_then_slow\n"
        f"if __name__ == '__main__': list(run_jobs(told_then_slow, {jobs!r}, workers=2))"
    )
    for number in (signal.SIGKILL, signal.SIGINT):
        for left in tmp_path.iterdir():
            left.unlink()
        caller = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while len(ids := [path.read_text() for path in tmp_path.iterdir()]) < 2 or "" in ids:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        caller.send_signal(number)
        caller.wait(timeout=30)
        while any(is_alive(int(process)) for process in ids):
            assert time.monotonic() < deadline, "a worker outlived its caller"
            time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    # Without a parent that asks for its exit status a dead process stays listed.
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def test_dask_is_loaded_for_a_cluster_only() -> None:
    program = (
        "import sys; from mc2sleepnet.core.cluster import run_jobs; list(run_jobs(abs, [1, -1])); "
        "assert not {'dask', 'distributed'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_first_worker_of_a_fresh_process_starts_with_ctrl_c_held() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from mc2sleepnet.core.cluster import run_jobs\nfrom cluster_jobs import interrupts_it_blocks\n"
        "if __name__ == '__main__': print([e.value for e in run_jobs(interrupts_it_blocks, [0, 1], workers=2)])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[True, True]\n"


def test_ctrl_c_while_workers_start_is_the_callers_alone(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from mc2sleepnet.core.cluster import run_jobs\nfrom cluster_jobs import told_then_slow\n"
        "if __name__ == '__main__':\n"
        "    print('ready', flush=True)\n"
        f"    try: list(run_jobs(told_then_slow, {[(str(tmp_path), n) for n in range(2)]!r}, workers=2))\n"
        "    except KeyboardInterrupt: sys.exit(130)"
    )
    for delay_s in (0.05, 0.1, 0.2, 0.3):
        caller = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        assert caller.stdout
        assert caller.stdout.readline() == b"ready\n"
        time.sleep(delay_s)
        os.killpg(caller.pid, signal.SIGINT)
        _, told = caller.communicate(timeout=30)
        assert (caller.returncode, told) == (130, b"")
