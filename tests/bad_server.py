"""A web server on this machine that misbehaves on demand: one list of faults for each path, used up one by one."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class BadServer:
    """What it serves and how: `faults` of a path are met in order; after the last, it behaves.

    ``break:N`` closes after N bytes; ``short:N`` says and sends N bytes less than there are; ``long:N`` says N more;
    ``wrong`` changes a byte; ``norange`` sends the file from its start; ``elsewhere`` sends another range; ``html``
    sends a page; ``slow`` takes its time; ``drop`` says nothing; a number is the status of the answer. ``fault*`` never
    goes away.
    """

    files: dict[str, bytes]
    faults: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def fault(self, path: str) -> str:
        waiting = self.faults.get(path, [])
        if not waiting:
            return ""
        return waiting[0].removesuffix("*") if waiting[0].endswith("*") else waiting.pop(0)

    def asked_for(self, path: str) -> list[str | None]:
        return [wanted for name, wanted in self.requests if name == path]


@contextmanager
def serve(server: BadServer) -> Iterator[BadServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            wanted = self.headers.get("Range")
            server.requests.append((path, wanted))
            fault, _, number = server.fault(path).partition(":")
            if fault == "drop":
                self.close_connection = True
                return
            if fault.isdecimal() or path not in server.files:
                status = int(fault) if fault else 404
                self.send_response(status)
                if number:
                    self.send_header("Retry-After", number)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.answer(server.files[path], wanted, fault, int(number or 0))

        def answer(self, content: bytes, wanted: str | None, fault: str, number: int) -> None:
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if fault in {"norange", "html"}:
                start, wanted = 0, None
            if start >= len(content) and wanted:
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if fault == "html":
                content = b"<html>Please log in</html>"
            if fault == "wrong":
                content = content[:-1] + bytes([content[-1] ^ 1])
            body = content[start:]
            if fault == "short":
                body = body[: max(0, len(body) - number)]
            said = len(body) + (number if fault == "long" else 0)
            if fault == "break":
                body = body[:number]
            self.send_response(206 if wanted else 200)
            if wanted:
                first = start + 1 if fault == "elsewhere" else start
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(said))
            self.end_headers()
            if fault == "slow":
                for first in range(0, len(body), 4096):
                    self.wfile.write(body[first : first + 4096])
                    time.sleep(0.01)
            else:
                self.wfile.write(body)
            if said != len(body):
                self.close_connection = True

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that was killed is no fault of the server's."""

    with Server(("127.0.0.1", 0), Handler) as running:
        server.url = f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
