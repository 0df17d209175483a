"""One connection of a case over a UDP socket: waits for what the server does, each wait bounded, sends streams
of HTTP/3 octet by octet as the case wants them, and notes what comes back."""

import asyncio
import socket
import ssl
import time

import pylsqpack
from aioquic.buffer import Buffer, BufferReadError, encode_uint_var
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration

from bent_quic import BentConnection

SERVER_NAME = "localhost"
MAX_DATAGRAM_BYTES = 65_536

# Of a whole handshake, and of whatever a case waits for, on a busy machine.
WAIT_SECONDS = 8

# What the server has found wrong comes with or before the answer to a later request, or very soon after.
SETTLE_SECONDS = 0.25

CONTROL_STREAM = 0x00
ENCODER_STREAM = 0x02
DECODER_STREAM = 0x03

DATA = 0x00
HEADERS = 0x01
CANCEL_PUSH = 0x03
SETTINGS = 0x04
MAX_PUSH_ID = 0x0D

H3_NO_ERROR = 0x0100


class GaveUp(Exception):
    """The server did not do in time what a case needs before it can begin."""


def frame(type: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/3 (RFC 9114 section 7.1)."""
    return encode_uint_var(type) + encode_uint_var(len(payload)) + payload


def configuration(alpn: str, ticket) -> QuicConfiguration:
    made = QuicConfiguration(is_client=True, alpn_protocols=[alpn], server_name=SERVER_NAME)
    made.verify_mode = ssl.CERT_NONE
    made.session_ticket = ticket
    return made


class Session:
    """`bends`: those of `BentConnection`."""

    def __init__(self, address: tuple[str, int], alpn: str = "h3", ticket=None, **bends):
        self._address = address
        self._socket = open_socket(address)
        # Something can be read. Waiting for this and not for octets: a wait that is given up takes none with it.
        self._arrived = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._socket, self._arrived.set)
        self.tickets = []
        self.quic = BentConnection(
            configuration=configuration(alpn, ticket),
            session_ticket_handler=self.tickets.append,
            **bends,
        )
        self.ended = False
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self._received: dict[int, bytes] = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error) -> None:
        if not self.ended:
            self.quic.leave(H3_NO_ERROR)
            self.flush()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def connect(self) -> None:
        self.quic.connect(self._address, now=time.monotonic())

    async def establish(self) -> None:
        """Until the server has confirmed the handshake (RFC 9001 section 4.1.2), or refuses."""
        self.connect()
        if not await self.until(lambda: self.quic.is_confirmed):
            raise GaveUp(f"the handshake was not confirmed: {self.quic.peer_close}")

    async def until(self, holds, seconds: float = WAIT_SECONDS) -> bool:
        """Whether it came to hold before the connection or the time ended."""
        end = time.monotonic() + seconds
        while not holds():
            self.flush()
            now = time.monotonic()
            if self.ended or now >= end:
                return holds()
            await self._receive(min(end, self.quic.get_timer() or end) - now)
        return True

    def flush(self) -> None:
        for datagram, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            self.send(datagram)

    def send(self, datagram: bytes) -> None:
        try:
            self._socket.send(datagram)
        except OSError:
            # The server's port is gone: nothing comes back, and the case tells.
            pass

    def open_unidirectional(self, octets: bytes) -> int:
        id = self.quic.get_next_available_stream_id(is_unidirectional=True)
        self.quic.send_stream_data(id, octets)
        return id

    def open_request(self, octets: bytes, fin: bool = True) -> int:
        id = self.quic.get_next_available_stream_id()
        self.quic.send_stream_data(id, octets, fin)
        return id

    def open_h3(self, control: bytes = frame(SETTINGS), encoder: bytes = b"", decoder: bytes = b"") -> int:
        """The three streams that a client opens first, with what is on them; the id of the control stream."""
        id = self.open_unidirectional(encode_uint_var(CONTROL_STREAM) + control)
        self.open_unidirectional(encode_uint_var(ENCODER_STREAM) + encoder)
        self.open_unidirectional(encode_uint_var(DECODER_STREAM) + decoder)
        return id

    def get(self, path: str) -> int:
        fields = [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", SERVER_NAME.encode()),
            (b":path", path.encode()),
        ]
        _, section = pylsqpack.Encoder().encode(0, fields)
        return self.open_request(frame(HEADERS, section))

    def status(self, stream_id: int) -> int | None:
        """Of the response on a stream, as far as it has come."""
        buffer = Buffer(data=self._received.get(stream_id, b""))
        try:
            while True:
                type = buffer.pull_uint_var()
                payload = buffer.pull_bytes(buffer.pull_uint_var())
                if type == HEADERS:
                    return status_of(stream_id, payload)
        except BufferReadError:
            return None

    def statuses(self) -> dict[int, int]:
        found = {id: self.status(id) for id in self._received if is_request(id)}
        return {id: status for id, status in found.items() if status is not None}

    async def settle(self) -> None:
        """What comes within a moment."""
        await self.until(lambda: False, SETTLE_SECONDS)

    async def _receive(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._arrived.wait()
        except TimeoutError:
            self.quic.handle_timer(now=time.monotonic())
        self._arrived.clear()
        self._read_socket()
        self._note_events()

    def _read_socket(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                # An ICMP message says that nobody listens.
                self.ended = True
                return
            self.quic.receive_datagram(datagram, self._address, now=time.monotonic())

    def _note_events(self) -> None:
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, events.StreamDataReceived):
                self._received[event.stream_id] = self._received.get(event.stream_id, b"") + event.data
            elif isinstance(event, events.StreamReset):
                self.resets[event.stream_id] = event.error_code
            elif isinstance(event, events.StopSendingReceived):
                self.stops[event.stream_id] = event.error_code
            elif isinstance(event, events.ConnectionTerminated):
                self.ended = True
        self.ended = self.ended or self.quic.peer_close is not None or self.quic.own_error is not None


def open_socket(address: tuple[str, int]) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.connect(address)
    return opened


def is_request(stream_id: int) -> bool:
    return stream_id & 0x03 == 0


def status_of(stream_id: int, section: bytes) -> int:
    _, fields = pylsqpack.Decoder(0, 0).feed_header(stream_id, section)
    return int(dict(fields)[b":status"])
