"""A small threading HTTP/1.1 server over TCP or TLS.

One thread a connection, and the TLS handshake happens in that thread, so a client that connects and says nothing
blocks nobody. Headers keep their order and their duplicates, and the request target stays undecoded: the simulator judges both.
Only the connection's own thread touches its socket, because an SSL object must not be read and written at once.
"""

import select
import socket
import ssl
import struct
import threading
import time

IDLE_SECONDS = 75
MAX_LINE = 65536
MAX_HEADERS = 200
DRAIN_LIMIT = 16 << 20

REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Hangup(Exception):
    """The connection ends here, without a further word."""


class BadRequest(Exception):
    """What arrived is not an HTTP request that can be answered."""


class Request:
    """One request. `path` and `query` are as they came; header names are lower case."""

    def __init__(self, connection, method, target, version, headers):
        self.connection = connection
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.version = version
        self.headers = headers
        self.length = 0
        self.chunked = False
        self.body_done = True
        self.expects_continue = (self.header("expect") or "").lower() == "100-continue"
        self._find_body()

    def _find_body(self):
        lengths = self.all_headers("content-length")
        coding = (self.header("transfer-encoding") or "").lower()
        if coding == "chunked" and not lengths:
            self.chunked, self.body_done = True, False
        elif coding or len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
            raise BadRequest("ambiguous body length")
        elif lengths and int(lengths[0]) > 0:
            self.length, self.body_done = int(lengths[0]), False

    def header(self, name):
        """The first header of this name, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def all_headers(self, name):
        return [value for key, value in self.headers if key == name]

    def body_chunks(self):
        """The body as it arrives, transfer coding removed. Can be walked once."""
        if self.body_done:
            return
        if self.expects_continue:
            self.connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects_continue = False
        rfile = self.connection.rfile
        if self.chunked:
            yield from self._chunked_body(rfile)
        else:
            left = self.length
            while left:
                data = rfile.read1(min(left, 65536))
                if not data:
                    raise Hangup
                left -= len(data)
                yield data
        self.body_done = True

    @staticmethod
    def _chunked_body(rfile):
        while True:
            line = rfile.readline(MAX_LINE)
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise Hangup from None
            left = size
            while left:
                data = rfile.read1(min(left, 65536))
                if not data:
                    raise Hangup
                left -= len(data)
                yield data
            if size == 0:
                while rfile.readline(MAX_LINE) not in (b"\r\n", b"\n", b""):
                    pass
                return
            rfile.readline(MAX_LINE)

    def body(self, limit=1 << 20):
        parts, size = [], 0
        for chunk in self.body_chunks():
            size += len(chunk)
            if size > limit:
                raise Hangup
            parts.append(chunk)
        return b"".join(parts)

    def drain(self):
        """Reads what the handler left of the body. False when the connection cannot be used again."""
        if self.body_done:
            return True
        if self.expects_continue:
            return False
        size = 0
        for chunk in self.body_chunks():
            size += len(chunk)
            if size > DRAIN_LIMIT:
                return False
        return True


class Connection:
    """A client. Handlers answer with reply(), or with start(), write() and finish()."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.rfile = sock.makefile("rb", 65536)
        self.shape = None
        self.keep = True
        self.status = None
        self.on_status = None  # told the status before the client is
        self.sent = 0
        self._chunked = False

    # -- answering ------------------------------------------------------------------------------------------

    def _head(self, status, headers, length):
        self.status = status
        if self.on_status is not None:
            self.on_status(status)
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if length is None:
            self._chunked = self.http11
            if self._chunked:
                lines.append("transfer-encoding: chunked")
            else:
                self.keep = False
        else:
            self._chunked = False
            lines.append(f"content-length: {length}")
        lines.append("connection: keep-alive" if self.keep else "connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def reply(self, status, headers, body=b""):
        """A whole answer in one write."""
        head = self._head(status, headers, len(body))
        if self.head_only:
            body = b""
        if self.shape is None:
            self.sock.sendall(head + body)
            self.sent += len(body)
        else:
            self.shape.send(self, head, body)

    def start(self, status, headers):
        """Begins an answer of unknown length."""
        head = self._head(status, headers, None)
        if self.shape is None:
            self.sock.sendall(head)
        else:
            self.shape.send(self, head, b"")

    def write(self, data):
        if not data:
            return
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data
        if self.shape is None:
            self.sock.sendall(framed)
            self.sent += len(data)
        else:
            self.shape.send(self, b"", framed)

    def finish(self):
        if self._chunked:
            if self.shape is None:
                self.sock.sendall(b"0\r\n\r\n")
            else:
                self.shape.send(self, b"", b"0\r\n\r\n")

    # -- ends other than an answer ---------------------------------------------------------------------------

    def hold(self):
        """Says nothing until the client gives up, the fault is lifted or the server stops."""
        while not self.server.stopping.is_set():
            if self.shape is not None and not self.shape.holds():
                break
            ready, _, _ = select.select([self.sock], [], [], 0.1)
            if ready:
                try:
                    if not self.sock.recv(65536):
                        break
                except ssl.SSLWantReadError:
                    continue
                except OSError:
                    break
        raise Hangup

    def reset(self):
        """Ends with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup

    def pause(self, seconds):
        """Waits, but not beyond the server's end."""
        self.server.stopping.wait(seconds)

    # -- the loop --------------------------------------------------------------------------------------------

    def _read_request(self):
        line = self.rfile.readline(MAX_LINE)
        if not line:
            return None
        parts = line.decode("latin-1").rstrip("\r\n").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest("request line")
        headers = []
        while True:
            line = self.rfile.readline(MAX_LINE)
            if line in (b"\r\n", b"\n"):
                break
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or len(headers) >= MAX_HEADERS:
                raise BadRequest("header")
            headers.append((name.lower(), value.strip()))
        return Request(self, parts[0], parts[1], parts[2], headers)

    def _serve_one(self):
        request = self._read_request()
        if request is None:
            return False
        wish = (request.header("connection") or "").lower()
        self.http11 = request.version == "HTTP/1.1"
        self.head_only = request.method == "HEAD"
        self.keep = self.http11 and "close" not in wish
        self.shape, self.status, self.on_status, self.sent = None, None, None, 0
        self.server.handler(request)
        return request.drain() and self.keep

    def _end_tls(self):
        """Says that the end is meant (close_notify); the peer's own is not waited for."""
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.settimeout(0)
            try:
                self.sock.unwrap()
            except (OSError, ValueError):
                pass

    def run(self):
        self.http11, self.head_only = True, False
        try:
            while not self.server.stopping.is_set() and self._serve_one():
                pass
            self._end_tls()
        except BadRequest as error:
            self.keep = False
            self.server.on_bad_request(str(error))
            self.reply(400, [("content-type", "text/plain")], b"Bad Request\n")
        finally:
            self.rfile.close()


class Server:
    """A listening socket and its threads. `handler(request)` answers; `tls` is an ssl.SSLContext or None."""

    def __init__(self, handler, host="127.0.0.1", port=0, tls=None, on_connection=None):
        self.handler = handler
        self.tls = tls
        self.on_connection = on_connection
        self.stopping = threading.Event()
        self.connections = set()
        self.guard = threading.Lock()
        self.on_bad_request = lambda reason: None
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self._accept_loop, daemon=True, name=f"accept-{self.port}").start()
        return self

    def _accept_loop(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                if self.stopping.is_set():
                    return
                time.sleep(0.01)  # out of descriptors: the connections that end give some back
                continue
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self.guard:
            self.connections.add(sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(IDLE_SECONDS)
            if self.on_connection is not None and self.on_connection(self, sock):
                return
            if self.tls is not None:
                plain = sock
                sock = self.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                with self.guard:
                    self.connections.discard(plain)
                    self.connections.add(sock)
                sock.do_handshake()
            Connection(self, sock).run()
        except (Hangup, OSError, ValueError):
            pass  # the client's business: it sees the end of the connection
        finally:
            with self.guard:
                self.connections.discard(sock)
            sock.close()

    def stop(self):
        self.stopping.set()
        # Closing alone does not wake the thread in accept().
        for sock in [self.listener, *self.connections]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()
