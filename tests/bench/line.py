"""A line of a given length in front of a TCP server: every byte arrives half a round trip late, and connecting takes one. Loses nothing, limits nothing."""
import queue
import socket
import threading
import time

PIECE = 1 << 18


class Line:
    def __init__(self, port, round_trip_s):
        self.target, self.round_trip = port, round_trip_s
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self.target))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What the client says first would have waited for the handshake.
            self.carry(client, server, time.monotonic() + self.round_trip)
            self.carry(server, client, 0)

    def carry(self, source, target, not_before):
        pieces = queue.Queue(maxsize=512)
        threading.Thread(target=self.read, args=(source, pieces, not_before), daemon=True).start()
        threading.Thread(target=self.write, args=(target, pieces), daemon=True).start()

    def read(self, source, pieces, not_before):
        while True:
            try:
                piece = source.recv(PIECE)
            except OSError:
                piece = b""
            pieces.put((max(time.monotonic(), not_before) + self.round_trip / 2, piece))
            if not piece:
                return

    @staticmethod
    def write(target, pieces):
        while True:
            due, piece = pieces.get()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            try:
                if not piece:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)
            except OSError:
                while piece:  # nobody takes it any more; the reader must not stand still
                    _, piece = pieces.get()
                return

    def close(self):
        self.listener.close()
