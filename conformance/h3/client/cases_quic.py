"""The cases of QUIC's transport and of TLS in it, by their numbers: each plays its mistake on a session."""

from aioquic.buffer import encode_uint_var

from bent_quic import HANDSHAKE, ONE_RTT, ZERO_RTT
from session import GaveUp, Session

# Frames (RFC 9000 section 19).
PING = b"\x01"
RESET_STREAM = 0x04
STOP_SENDING = 0x05
CRYPTO = 0x06
NEW_TOKEN = 0x07
STREAM_FIN = 0x09
STREAM_LENGTH = 0x0A
STREAM_OFFSET_LENGTH_FIN = 0x0F
MAX_STREAM_DATA = 0x11
MAX_STREAMS_BIDI = 0x12
STREAMS_BLOCKED_BIDI = 0x16
NEW_CONNECTION_ID = 0x18
PATH_CHALLENGE = 0x1A
HANDSHAKE_DONE = 0x1E
UNKNOWN = 0x20

# Transport parameters (RFC 9000 section 18.2).
ORIGINAL_DESTINATION_CONNECTION_ID = 0x00
STATELESS_RESET_TOKEN = 0x02
MAX_UDP_PAYLOAD_SIZE = 0x03
ACK_DELAY_EXPONENT = 0x0A
MAX_ACK_DELAY = 0x0B
PREFERRED_ADDRESS = 0x0D
INITIAL_SOURCE_CONNECTION_ID = 0x0F
RETRY_SOURCE_CONNECTION_ID = 0x10

# The code point of the extension in drafts of RFC 9001.
DRAFT_PARAMETERS_EXTENSION = 0xFFA5

RESERVED_LONG = 0x0C
RESERVED_SHORT = 0x18

# Messages of TLS (RFC 8446 section 4).
END_OF_EARLY_DATA = b"\x05\x00\x00\x00"
EMPTY_ENCRYPTED_EXTENSIONS = b"\x08\x00\x00\x02\x00\x00"
KEY_UPDATE = b"\x18\x00\x00\x01\x01"

TOO_MANY_STREAMS = 2**60 + 1
ID_BYTES = 8
RESET_TOKEN = bytes(range(16))
PREFERRED = b"\x7f\x00\x00\x01\x01\xbb" + bytes(18) + bytes([ID_BYTES]) + bytes(range(ID_BYTES)) + RESET_TOKEN


def varints(*values: int) -> bytes:
    return b"".join(encode_uint_var(value) for value in values)


def one_rtt(frames: bytes, more_bits: int = 0):
    """After the handshake, one packet."""

    async def play(address) -> Session:
        session = Session(address)
        await session.establish()
        session.send(session.quic.raw_packet(ONE_RTT, frames, more_bits))
        return session

    return play


def handshake(frames: bytes, more_bits: int = 0):
    """Ahead of this side's Finished, one packet."""

    async def play(address) -> Session:
        session = Session(address)
        session.connect()
        if not await session.until(lambda: session.quic.has_server_flight):
            raise GaveUp("the server's handshake did not come")
        session.send(session.quic.raw_packet(HANDSHAKE, frames, more_bits))
        return session

    return play


def hello(**bends):
    """A ClientHello that is wrong."""

    async def play(address) -> Session:
        session = Session(address, **bends)
        session.connect()
        return session

    return play


def parameter(id: int, value: bytes):
    """With a transport parameter set, or set otherwise."""

    def bend(parameters):
        return [pair for pair in parameters if pair[0] != id] + [(id, value)]

    return hello(bend_parameters=bend)


def without_parameter(id: int):
    return hello(bend_parameters=lambda parameters: [pair for pair in parameters if pair[0] != id])


def new_connection_id(sequence: int, retire_prior_to: int, id: bytes) -> bytes:
    return varints(NEW_CONNECTION_ID, sequence, retire_prior_to) + bytes([len(id)]) + id + RESET_TOKEN


async def key_update(address) -> Session:
    session = Session(address)
    await session.establish()
    session.quic.send_crypto(KEY_UPDATE)
    return session


async def crypto_in_early_data(address) -> Session:
    async with Session(address) as first:
        await first.establish()
        if not await first.until(lambda: len(first.tickets) > 0):
            raise GaveUp("no session ticket came")
    session = Session(address, ticket=first.tickets[0])
    session.connect()
    if not session.quic.has_early_keys:
        raise GaveUp("the session ticket allows no early data")
    message = EMPTY_ENCRYPTED_EXTENSIONS
    session.flush()
    session.send(session.quic.raw_packet(ZERO_RTT, varints(CRYPTO, 0, len(message)) + message))
    return session


CASES = {
    1: one_rtt(varints(STREAM_OFFSET_LENGTH_FIN, 0, 100_000_000, 7) + b"GET /\r\n"),
    2: one_rtt(varints(STREAM_FIN, 1_000_000_000)),
    3: without_parameter(INITIAL_SOURCE_CONNECTION_ID),
    4: parameter(ORIGINAL_DESTINATION_CONNECTION_ID, b"DUMMY"),
    5: parameter(PREFERRED_ADDRESS, PREFERRED),
    6: parameter(RETRY_SOURCE_CONNECTION_ID, b"DUMMY"),
    7: parameter(STATELESS_RESET_TOKEN, RESET_TOKEN),
    8: parameter(MAX_UDP_PAYLOAD_SIZE, varints(1090)),
    9: parameter(ACK_DELAY_EXPONENT, varints(30)),
    10: parameter(MAX_ACK_DELAY, varints(2**15)),
    11: one_rtt(varints(UNKNOWN)),
    12: one_rtt(b""),
    13: handshake(PING, RESERVED_LONG),
    14: handshake(varints(PATH_CHALLENGE) + b"01234567"),
    15: one_rtt(PING, RESERVED_SHORT),
    16: one_rtt(varints(RESET_STREAM, 3, 0, 0)),
    17: one_rtt(varints(STOP_SENDING, 101, 0)),
    18: one_rtt(varints(NEW_TOKEN, 5) + b"DUMMY"),
    19: one_rtt(varints(STREAM_LENGTH, 1, 0)),
    20: one_rtt(varints(STREAM_LENGTH, 3, 0)),
    21: one_rtt(varints(MAX_STREAM_DATA, 101, 1_000_000)),
    22: one_rtt(varints(MAX_STREAM_DATA, 2, 1_000_000)),
    23: one_rtt(varints(MAX_STREAMS_BIDI, TOO_MANY_STREAMS)),
    24: one_rtt(varints(STREAMS_BLOCKED_BIDI, TOO_MANY_STREAMS)),
    25: one_rtt(new_connection_id(20, 30, bytes(ID_BYTES))),
    26: one_rtt(new_connection_id(20, 0, b"")),
    27: one_rtt(varints(HANDSHAKE_DONE)),
    28: hello(bend_finished=lambda octets: octets + KEY_UPDATE),
    29: key_update,
    30: hello(alpn="dummy"),
    31: hello(bend_extensions=lambda _: []),
    32: hello(bend_extensions=lambda extensions: [(DRAFT_PARAMETERS_EXTENSION, extensions[0][1])]),
    33: hello(bend_finished=lambda octets: END_OF_EARLY_DATA + octets),
    34: crypto_in_early_data,
}
