"""A CONNECT proxy on loopback that remembers all it could read: whom it was asked for, and the bytes that went through it in clear."""
import asyncio
import threading


class ConnectProxy:
    """`names` tells where the hosts are that only the proxy can resolve, an address or (address, port); `refusal` is a status line instead of a tunnel."""

    def __init__(self, names=None, context=None):
        self.names = names or {}
        self.refusal = None
        self.heads, self.sent, self.writers = [], [], set()
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.thread = threading.Thread(target=self._run, args=(context,), daemon=True)
        self.started = threading.Event()
        self.thread.start()
        if not self.started.wait(10):
            raise RuntimeError("the proxy does not start")
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def _run(self, context):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context))
        self.started.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            method, target = head.split(b" ", 2)[:2]
            if self.refusal or method != b"CONNECT":
                writer.write(f"HTTP/1.1 {self.refusal or '405 Method Not Allowed'}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                return
            host, port = target.decode().rsplit(":", 1)
            place = self.names.get(host, host)
            server_reader, server_writer = await asyncio.open_connection(*(place if isinstance(place, tuple) else (place, int(port))))
            self.writers.add(server_writer)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            seen = bytearray()
            self.sent.append(seen)
            back = asyncio.ensure_future(self._carry(server_reader, writer))
            await self._carry(reader, server_writer, seen)
            await back
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    @staticmethod
    async def _carry(reader, writer, seen=None):
        try:
            while data := await reader.read(65536):
                if seen is not None:
                    seen += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    @property
    def targets(self):
        """What was asked for, and how often."""
        asked = [head.split(b"\r\n", 1)[0].decode() for head in self.heads]
        return {line: asked.count(line) for line in asked}

    def forget(self):
        """Nothing was seen, nothing is refused, and no tunnel is kept from before."""
        self.cut()
        self.refusal = None
        self.heads, self.sent = [], []

    def cut(self):
        """Ends all tunnels; the next call needs a new one."""
        done = threading.Event()

        def close():
            for writer in list(self.writers):
                writer.close()
            done.set()
        self.loop.call_soon_threadsafe(close)
        done.wait(10)

    def stop(self):
        def end():
            self.server.close()
            for writer in list(self.writers):
                writer.transport.abort()
            self.loop.call_later(0.1, self.loop.stop)
        self.loop.call_soon_threadsafe(end)
        self.thread.join(5)
