"""
aioquic as a peer of raw QUIC: streams of both kinds, from both sides, and datagrams (RFC 9221). It is led as
`aioquic_peer.py` is, by `raw-peer.ts`; `../go-tools/quic-go/raw.go` speaks the same.

    aioquic_raw.py client
    aioquic_raw.py server HOST CERTIFICATE KEY OPTIONS

OPTIONS are JSON: "alpn", a list, and "listen", a list of "port", "window" (octets of a stream), "hold" (nothing
of any stream is read).

Commands: C connect, X close a connection with code and reason, M a datagram, O open a stream, D data, E end,
R reset, S stop sending. Events: c connected, x closed, m a datagram, o a stream that the other side opened,
i the ID of one that was opened here, d data, e end, r reset, s stopped, w octets of data whose arrival the
other side has confirmed.
"""

import asyncio
import json
import os
import ssl
import sys
from functools import partial

from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    DatagramFrameReceived,
    HandshakeCompleted,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic_peer import Connection, Peer, read_commands, udp_socket

WINDOW_BYTES = 1024 * 1024
MAX_DATAGRAM_BYTES = 65535
# The leader numbers what it opens from 1, what comes is numbered from here on.
FIRST_OWN_ID = 1 << 31


class RawConnection(Connection):
    """What it hears, it tells."""

    def __init__(self, quic, stream_handler=None, *, peer, number=0, port=0, hold=False):
        super().__init__(quic, stream_handler, peer=peer, number=number)
        self.port = port
        self.hold = hold

    def quic_event_received(self, event):
        leader = self.peer.leader
        if isinstance(event, HandshakeCompleted):
            leader.tell_json("c", self.number, {"alpn": event.alpn_protocol, "port": self.port})
        elif isinstance(event, ConnectionTerminated):
            self.peer.ended(self, event)
        elif isinstance(event, DatagramFrameReceived):
            leader.tell("m", self.number, event.data)
        elif isinstance(event, StreamDataReceived):
            number = self._number_of(event.stream_id)
            if event.data:
                leader.tell("d", number, event.data)
            if event.end_stream:
                leader.tell("e", number)
        elif isinstance(event, StreamReset):
            leader.tell_json("r", self._number_of(event.stream_id), event.error_code)
        elif isinstance(event, StopSendingReceived):
            leader.tell_json("s", self._number_of(event.stream_id), event.error_code)

    def _number_of(self, stream_id):
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.peer.new_stream(self, stream_id, self.peer.next_number())
            if self.hold:
                self.held.add(stream_id)
            self.peer.leader.tell_json("o", stream.number, {"connection": self.number, "id": stream_id})
        return stream.number


class RawPeer(Peer):
    def __init__(self, loop):
        super().__init__(loop)
        self._last = FIRST_OWN_ID - 1

    def ended(self, connection, event):
        application = event.frame_type is None
        message = {"application": application, "code": event.error_code, "reason": event.reason_phrase}
        self.leader.tell_json("x", connection.number, message)
        self.connections.pop(connection.number, None)
        for stream in connection.streams.values():
            self.streams.pop(stream.number, None)

    async def connect(self, number, host, port, name, alpn):
        configuration = QuicConfiguration(server_name=name, verify_mode=ssl.CERT_NONE, **options(True, alpn))
        quic = QuicConnection(configuration=configuration)
        _, protocol = await self.loop.create_datagram_endpoint(
            lambda: RawConnection(quic, peer=self, number=number), sock=udp_socket("127.0.0.1", 0)
        )
        protocol.connect((host, port))

    async def serve(self, host, certificate, key, chosen):
        for each in chosen["listen"]:
            configuration = QuicConfiguration(**options(False, chosen["alpn"], each["window"]))
            configuration.load_cert_chain(certificate, key)
            create = partial(RawConnection, peer=self, port=each["port"], hold=each["hold"])
            server = partial(QuicServer, configuration=configuration, create_protocol=create)
            await self.loop.create_datagram_endpoint(server, sock=udp_socket(host, each["port"]))
        self.leader.tell("l", 0)

    def command(self, kind, number, payload):
        try:
            if kind == "C":
                self.loop.create_task(self.connect(number, **json.loads(payload)))
            elif kind == "O":
                self._open_raw(number, **json.loads(payload))
            elif kind in "XM":
                self._act_on_connection(kind, self.connections[number], payload)
            else:
                self._act_on_stream(kind, self.streams[number], payload)
        except Exception as error:
            # What the other side has ended or reset is not there any more.
            print(f"{kind} {number}: {error!r}", file=sys.stderr)

    def _open_raw(self, number, connection, bidirectional):
        connection = self.connections[connection]
        stream_id = connection._quic.get_next_available_stream_id(is_unidirectional=not bidirectional)
        self.new_stream(connection, stream_id, number)
        # It has the ID for its own from now on.
        connection._quic.send_stream_data(stream_id, b"")
        self.leader.tell_json("i", number, stream_id)

    def _act_on_connection(self, kind, connection, payload):
        if kind == "M":
            connection._quic.send_datagram_frame(payload)
            connection._transmit_soon()
        else:
            message = json.loads(payload)
            connection.close(error_code=message["code"], reason_phrase=message["reason"])

    def _act_on_stream(self, kind, stream, payload):
        connection, stream_id = stream.connection, stream.stream_id
        quic = connection._quic
        if kind == "D":
            quic.send_stream_data(stream_id, payload)
            end = quic._streams[stream_id].sender._buffer_stop
            stream.unsent.append((end, len(payload)))
            connection.sending.add(stream)
        elif kind == "E":
            quic.send_stream_data(stream_id, b"", end_stream=True)
        elif kind == "R":
            quic.reset_stream(stream_id, json.loads(payload))
        elif kind == "S":
            quic.stop_stream(stream_id, json.loads(payload))
        connection._transmit_soon()


def options(is_client, alpn, window=WINDOW_BYTES):
    return {
        "is_client": is_client,
        "alpn_protocols": alpn,
        "max_stream_data": window,
        "max_data": 16 * WINDOW_BYTES,
        "max_datagram_frame_size": MAX_DATAGRAM_BYTES,
    }


async def main(role, *arguments):
    loop = asyncio.get_running_loop()
    peer = RawPeer(loop)
    if role == "server":
        host, certificate, key, chosen = arguments
        await peer.serve(host, certificate, key, json.loads(chosen))
    await read_commands(loop, peer)
    # The leader has gone.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
