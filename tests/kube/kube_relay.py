"""A wire to an API server that can go dead: what was connected stays connected, and nothing passes any more. No FIN, no reset, no word."""
import socket
import threading


class Relay:
    """`with Relay(kube.port) as relay:` `relay.url` is the server's by way of the wire; relay.mute() ends what passes on its connections of now."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.muted = set()
        self.open = []
        self.guard = threading.Lock()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        with self.guard:
            for end in self.open:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

    def mute(self):
        with self.guard:
            self.muted.update(self.open)
            return len(self.open)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            with self.guard:
                self.open += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        """Bytes of a muted connection are read and dropped, its end is kept: the peers hear nothing of each other."""
        try:
            while data := one.recv(65536):
                if one not in self.muted:
                    other.sendall(data)
        except OSError:
            pass
        if one in self.muted:
            return
        with self.guard:
            for end in (one, other):
                if end in self.open:
                    self.open.remove(end)
                end.close()
