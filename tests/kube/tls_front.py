"""A TLS server of any name in front of another one: ends TLS with the certificate it was given, and passes all bytes on over TLS."""
import asyncio
import ssl
import threading


class TlsFront:
    """`context`: the certificate that clients see. `behind`: (address, port) of a server whose certificate `ca_file` vouches for."""

    def __init__(self, context, behind, ca_file):
        self.behind = behind
        self.outwards = ssl.create_default_context(cafile=str(ca_file))
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(context,), daemon=True)
        self.thread.start()
        if not self.started.wait(10):
            raise RuntimeError("the front does not start")
        self.port = self.server.sockets[0].getsockname()[1]

    def _run(self, context):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context))
        self.started.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))

    async def _serve(self, reader, writer):
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self.behind, ssl=self.outwards)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._carry(reader, inner_writer), self._carry(inner_reader, writer))

    @staticmethod
    async def _carry(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
