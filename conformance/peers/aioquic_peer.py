"""
aioquic as a peer of HTTP/3, led by `peer-process.ts` through its standard streams: it does what it is
told, and tells what comes, one frame each: kind (1 octet), id (4), length (4), payload. QUIC, TLS, QPACK
and the framing of HTTP/3 are aioquic's; nothing is decided here.

    aioquic_peer.py client
    aioquic_peer.py server HOST PORT CERTIFICATE KEY

Commands: C connect, X close a connection, O open a stream (client), H headers, D data, E end, R reset,
S stop sending, P pause and G go on reading. Events: c connected, x closed, o a stream that the client
opened (server), h headers, d data, e end, r reset, s stopped, w octets of data whose
arrival the other side has confirmed.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys
from functools import partial

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    ProtocolNegotiated,
    StopSendingReceived,
    StreamReset,
)

FRAME = struct.Struct("!BII")
# Of a socket for datagrams: a burst of the other side's must not be lost before the loop comes to it.
SOCKET_BYTES = 4 * 1024 * 1024
WINDOW_BYTES = 1024 * 1024
# The leader numbers the streams of a client from 1, a server its own from here on.
FIRST_SERVER_ID = 1
H3_NO_ERROR = 0x100


class Leader:
    """The other end of the standard streams."""

    def __init__(self, loop):
        self._loop = loop
        self._out = bytearray()
        self._flushing = False

    def tell(self, kind, number, payload=b""):
        self._out += FRAME.pack(ord(kind), number, len(payload))
        self._out += payload
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def tell_json(self, kind, number, value):
        self.tell(kind, number, json.dumps(value).encode())

    def _flush(self):
        self._flushing = False
        out, self._out = self._out, bytearray()
        sys.stdout.buffer.write(out)
        sys.stdout.buffer.flush()


class Stream:
    def __init__(self, number, connection, stream_id):
        self.number = number
        self.connection = connection
        self.stream_id = stream_id
        # Data whose arrival is not confirmed yet: offset of its end in the stream, and length.
        self.unsent = []


class Http(H3Connection):
    """aioquic takes the length in an answer to HEAD, and in a 304, for that of what comes (RFC 9110 section 8.6)."""

    def __init__(self, quic):
        super().__init__(quic)
        self.bodiless = set()

    def _check_content_length(self, stream):
        if stream.stream_id not in self.bodiless:
            super()._check_content_length(stream)


class Connection(QuicConnectionProtocol):
    """One connection of either side, and its streams."""

    def __init__(self, quic, stream_handler=None, *, peer=None, number=0):
        super().__init__(quic, stream_handler)
        self.peer = peer
        self.number = number or peer.next_number()
        self.http = None
        self.streams = {}
        self.sending = set()
        self.held = set()
        peer.connections[self.number] = self
        # aioquic opens its windows as data comes, whoever reads it: a reader that pauses leaves them as they are.
        quic._write_stream_limits = partial(self._write_limits, quic._write_stream_limits)

    def _write_limits(self, write, builder, space, stream):
        if stream.stream_id not in self.held:
            write(builder, space, stream)

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = Http(self._quic)
        elif isinstance(event, ConnectionTerminated):
            self.peer.closed(self, event.error_code, event.reason_phrase)
        elif isinstance(event, StreamReset):
            self._tell_of(event.stream_id, "r", event.error_code)
        elif isinstance(event, StopSendingReceived):
            self._tell_of(event.stream_id, "s", event.error_code)
        if self.http is None:
            return
        for each in self.http.handle_event(event):
            self._http_event(each)
        if self.http.received_settings is not None:
            self.peer.settled(self)

    def _tell_of(self, stream_id, kind, value):
        stream = self.streams.get(stream_id)
        if stream is not None:
            self.peer.leader.tell_json(kind, stream.number, value)

    def _http_event(self, event):
        if isinstance(event, HeadersReceived):
            self._headers(event)
        elif isinstance(event, DataReceived):
            stream = self.streams.get(event.stream_id)
            if stream is None:
                return
            if event.data:
                self.peer.leader.tell("d", stream.number, event.data)
            if event.stream_ended:
                self.peer.leader.tell("e", stream.number)

    def _headers(self, event):
        headers = [[name.decode("latin1"), value.decode("latin1")] for name, value in event.headers]
        stream = self.streams.get(event.stream_id)
        message = {"headers": headers, "end": event.stream_ended}
        if stream is None:
            stream = self.peer.new_stream(self, event.stream_id, self.peer.next_number())
            self.peer.leader.tell_json("o", stream.number, {"connection": self.number, **message})
        else:
            self.peer.leader.tell_json("h", stream.number, message)

    def transmit(self):
        super().transmit()
        for stream in list(self.sending):
            self._tell_sent(stream)

    def _tell_sent(self, stream):
        state = self._quic._streams.get(stream.stream_id)
        offset = state.sender._buffer_start if state is not None else float("inf")
        octets = 0
        while stream.unsent and stream.unsent[0][0] <= offset:
            octets += stream.unsent.pop(0)[1]
        if octets > 0:
            self.peer.leader.tell_json("w", stream.number, octets)
        if not stream.unsent:
            self.sending.discard(stream)


class Peer:
    def __init__(self, loop):
        self.loop = loop
        self.leader = Leader(loop)
        self.connections = {}
        self.streams = {}
        self._settled = set()
        self._last = FIRST_SERVER_ID - 1

    def next_number(self):
        self._last += 1
        return self._last

    def new_stream(self, connection, stream_id, number):
        stream = Stream(number, connection, stream_id)
        self.streams[number] = stream
        connection.streams[stream_id] = stream
        return stream

    def settled(self, connection):
        if connection.number in self._settled:
            return
        self._settled.add(connection.number)
        settings = connection.http.received_settings
        offered = settings.get(Setting.ENABLE_CONNECT_PROTOCOL, 0) == 1
        self.leader.tell_json("c", connection.number, {"connect": offered})

    def closed(self, connection, code, reason):
        self.leader.tell_json("x", connection.number, {"code": code, "reason": reason})
        self.connections.pop(connection.number, None)
        for stream in connection.streams.values():
            self.streams.pop(stream.number, None)
        if connection._transport is not None and connection._quic.configuration.is_client:
            connection._transport.close()

    async def connect(self, number, host, port, name):
        configuration = QuicConfiguration(
            is_client=True,
            alpn_protocols=H3_ALPN,
            server_name=name,
            verify_mode=ssl.CERT_NONE,
            max_stream_data=WINDOW_BYTES,
            max_data=16 * WINDOW_BYTES,
        )
        quic = QuicConnection(configuration=configuration)
        _, protocol = await self.loop.create_datagram_endpoint(
            lambda: Connection(quic, peer=self, number=number), sock=udp_socket("127.0.0.1", 0)
        )
        protocol.connect((host, port))

    async def serve(self, host, port, certificate, key):
        configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=H3_ALPN,
            max_stream_data=WINDOW_BYTES,
            max_data=16 * WINDOW_BYTES,
        )
        configuration.load_cert_chain(certificate, key)
        create = partial(Connection, peer=self)
        await self.loop.create_datagram_endpoint(
            lambda: QuicServer(configuration=configuration, create_protocol=create),
            sock=udp_socket(host, port),
        )
        self.leader.tell_json("c", 0, {"connect": True})

    def command(self, kind, number, payload):
        if kind == "C":
            self.loop.create_task(self.connect(number, **json.loads(payload)))
            return
        if kind == "X":
            connection = self.connections.get(number)
            if connection is not None:
                connection.close(error_code=H3_NO_ERROR)
            return
        if kind == "O":
            self._open(number, json.loads(payload))
            return
        stream = self.streams.get(number)
        if stream is None:
            return
        connection = stream.connection
        try:
            self._act(kind, stream, payload)
        except Exception as error:
            # What the stream no longer takes, because the other side has ended or reset it.
            print(f"{kind} {number}: {error!r}", file=sys.stderr)
            return
        connection._transmit_soon()

    def _open(self, number, message):
        connection = self.connections.get(message["connection"])
        if connection is None or connection.http is None:
            self.leader.tell_json("r", number, -1)
            return
        stream_id = connection._quic.get_next_available_stream_id()
        self.new_stream(connection, stream_id, number)
        if [":method", "HEAD"] in message["headers"]:
            connection.http.bodiless.add(stream_id)
        connection.http.send_headers(stream_id, encoded(message["headers"]), message["end"])
        connection._transmit_soon()

    def _act(self, kind, stream, payload):
        connection, stream_id = stream.connection, stream.stream_id
        http, quic = connection.http, connection._quic
        if kind == "H":
            message = json.loads(payload)
            http.send_headers(stream_id, encoded(message["headers"]), message["end"])
        elif kind == "D":
            http.send_data(stream_id, payload, False)
            end = quic._streams[stream_id].sender._buffer_stop
            stream.unsent.append((end, len(payload)))
            connection.sending.add(stream)
        elif kind == "E":
            http.send_data(stream_id, b"", True)
        elif kind == "R":
            quic.reset_stream(stream_id, json.loads(payload))
        elif kind == "S":
            quic.stop_stream(stream_id, json.loads(payload))
        elif kind == "P":
            connection.held.add(stream_id)
        elif kind == "G":
            connection.held.discard(stream_id)


def encoded(headers):
    return [(name.encode("latin1"), value.encode("latin1")) for name, value in headers]


def udp_socket(host, port):
    result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        result.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
    result.setblocking(False)
    result.bind((host, port))
    return result


async def read_commands(loop, peer):
    reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        try:
            kind, number, length = FRAME.unpack(await reader.readexactly(FRAME.size))
            payload = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return
        peer.command(chr(kind), number, payload)


async def main(role, *arguments):
    loop = asyncio.get_running_loop()
    peer = Peer(loop)
    if role == "server":
        host, port, certificate, key = arguments
        await peer.serve(host, int(port), certificate, key)
    await read_commands(loop, peer)
    # The leader has gone.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
