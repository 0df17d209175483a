"""A QUIC client that may break the rules: aioquic's, whose handshake can be bent and beside whose packets raw
ones can be sent. `session.py` drives it. What the server says about the connection is kept as it came."""

from aioquic import tls
from aioquic.buffer import Buffer, encode_uint_var
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicFrameType

INITIAL = tls.Epoch.INITIAL
ZERO_RTT = tls.Epoch.ZERO_RTT
HANDSHAKE = tls.Epoch.HANDSHAKE
ONE_RTT = tls.Epoch.ONE_RTT

# Types of packets with a long header in version 1 (RFC 9000 section 17.2).
LONG_TYPES = {ZERO_RTT: 1, HANDSHAKE: 2}
LONG_HEADER = 0xC0
SHORT_HEADER = 0x40
KEY_PHASE_SHIFT = 2
TAG_BYTES = 16

# Always four octets: a packet without frames is long enough for header protection then.
NUMBER_BYTES = 4


class BentConnection(QuicConnection):
    """
    `bend_parameters`: changes the transport parameters, a list of pairs of id and value.
    `bend_extensions`: changes the TLS extensions that carry them.
    `bend_finished`: changes the octets of the last flight of the handshake.
    """

    def __init__(
        self,
        *,
        configuration: QuicConfiguration,
        bend_parameters=lambda parameters: parameters,
        bend_extensions=lambda extensions: extensions,
        bend_finished=lambda octets: octets,
        session_ticket_handler=None,
    ):
        super().__init__(configuration=configuration, session_ticket_handler=session_ticket_handler)
        self._bend_parameters = bend_parameters
        self._bend_extensions = bend_extensions
        self._bend_finished = bend_finished
        # What CONNECTION_CLOSE of the server said.
        self.peer_close = None
        # Why this client would have closed the connection.
        self.own_error = None

    @property
    def has_server_flight(self) -> bool:
        """All of the server's handshake has come, and nothing of this client's last flight is sent."""
        return self.tls.state == tls.State.CLIENT_POST_HANDSHAKE

    @property
    def is_confirmed(self) -> bool:
        return self._handshake_confirmed

    @property
    def has_early_keys(self) -> bool:
        return self._cryptos[ZERO_RTT].send.is_valid()

    def close(self, error_code=0, frame_type=None, reason_phrase="") -> None:
        """An error that this client finds in what the server sends; not the end of a case, see `leave`."""
        self.own_error = f"error {error_code:#x}: {reason_phrase}"
        super().close(error_code=error_code, frame_type=frame_type, reason_phrase=reason_phrase)

    def leave(self, code: int) -> None:
        super().close(error_code=code)

    def send_crypto(self, octets: bytes) -> None:
        """Messages of TLS in 1-RTT packets."""
        self._crypto_streams[ONE_RTT].sender.write(octets)

    def raw_packet(self, epoch: tls.Epoch, frames: bytes, more_bits: int = 0) -> bytes:
        """A protected packet that aioquic knows nothing of. `more_bits`: of the first octet."""
        number = self._packet_number
        self._packet_number += 1
        crypto = self._cryptos[epoch]
        header = Buffer(capacity=1500)
        if epoch == ONE_RTT:
            phase = crypto.key_phase << KEY_PHASE_SHIFT
            header.push_uint8(SHORT_HEADER | phase | more_bits | NUMBER_BYTES - 1)
            header.push_bytes(self._peer_cid.cid)
        else:
            header.push_uint8(LONG_HEADER | LONG_TYPES[epoch] << 4 | more_bits | NUMBER_BYTES - 1)
            header.push_uint32(self._version)
            for cid in (self._peer_cid.cid, self.host_cid):
                header.push_uint8(len(cid))
                header.push_bytes(cid)
            header.push_uint_var(NUMBER_BYTES + len(frames) + TAG_BYTES)
        header.push_uint32(number)
        return crypto.encrypt_packet(header.data, frames, number)

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls.handshake_extensions = self._bend_extensions(self.tls.handshake_extensions)

    def _serialize_transport_parameters(self) -> bytes:
        parameters = self._bend_parameters(read_parameters(super()._serialize_transport_parameters()))
        return b"".join(
            encode_uint_var(id) + encode_uint_var(len(value)) + value for id, value in parameters
        )

    def _push_crypto_data(self) -> None:
        buffer = self._crypto_buffers[HANDSHAKE]
        if buffer.tell() > 0:
            octets = self._bend_finished(buffer.data)
            buffer.seek(0)
            buffer.push_bytes(octets)
        super()._push_crypto_data()

    def _handle_connection_close_frame(self, context, frame_type: int, buf: Buffer) -> None:
        super()._handle_connection_close_frame(context, frame_type, buf)
        if self.peer_close is None and self._close_event is not None:
            self.peer_close = {
                "application": frame_type == QuicFrameType.APPLICATION_CLOSE,
                "code": self._close_event.error_code,
                "reason": self._close_event.reason_phrase,
            }


def read_parameters(octets: bytes) -> list[tuple[int, bytes]]:
    buffer = Buffer(data=octets)
    parameters = []
    while not buffer.eof():
        id = buffer.pull_uint_var()
        parameters.append((id, buffer.pull_bytes(buffer.pull_uint_var())))
    return parameters
