"""A Python that has torch, numpy, scipy and safetensors and no network, as on a borrowed GPU machine."""

import textwrap

# Whatever else is installed here cannot be imported there; nor is this program installed, or a network to be had.
BARE = textwrap.dedent(
    """
    import importlib.metadata
    import runpy
    import socket
    import sys

    OWN = {"mc2sleepnet", "floor", "noise_corpus", "stopwatch", "tiny_shipped"}
    GIVEN = {"torch", "numpy", "scipy", "safetensors"}
    TORCHS_OWN = {"torchgen", "functorch", "triton", "typing_extensions", "sympy", "mpmath", "networkx", "jinja2"}
    TORCHS_OWN |= {"markupsafe", "filelock", "fsspec", "setuptools", "_distutils_hack", "gmpy2"}
    allowed = OWN | GIVEN | TORCHS_OWN | sys.stdlib_module_names

    class Bare:
        # Finds nothing else: torch asks what is there, and an error would be no answer.
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, name, path=None, target=None):
            is_there = name.partition(".")[0] in allowed or name.startswith("_sysconfigdata")
            return self.finder.find_spec(name, path, target) if is_there else None

    sys.meta_path[:] = [Bare(finder) for finder in sys.meta_path]
    installed = importlib.metadata.version

    def version(name):
        if name == "mc2sleepnet":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    def refuse(*_):
        raise OSError("there is no network")

    importlib.metadata.version = version
    socket.socket.connect = refuse
    program, *sys.argv[1:] = sys.argv[1:]
    sys.argv[0] = program
    sys.path.insert(0, program.rpartition("/")[0])
    runpy.run_path(program, run_name="__main__")
    """
)
