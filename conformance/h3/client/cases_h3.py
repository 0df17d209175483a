"""The cases of HTTP/3 and QPACK, by their numbers: each plays its mistake on a session."""

from session import CANCEL_PUSH, DATA, HEADERS, MAX_PUSH_ID, SETTINGS, Session, frame

# Field sections (RFC 9204 section 4.5): all begin with 0000, as they refer to no dynamic table.
DUPLICATE_PSEUDO = "0000d1d750093132372e302e302e31c1d1"
MISSING_PSEUDO = "0000d1d7c1"
UNKNOWN_PSEUDO = "0000d1d727023a6175746f72697479093132372e302e302e31c1243a666f6f03626172"
LATE_PSEUDO = "0000d1d727023a6175746f72697479093132372e302e302e3123666f6f03626172c1"
BAD_STATIC_INDEX = "0000d1d750093132372e302e302e31c1ff24"
SETTINGS_OF_H2 = "0740640240c80150000680008000"
HUGE_CAPACITY = "3fe1c7afa025"
ZERO_INCREMENT = "00"


def control(octets: bytes):
    """What is on the control stream."""

    async def play(address) -> Session:
        session = await opened(address)
        session.open_h3(control=octets)
        return session

    return play


def request(octets: bytes):
    """What is on a request stream, to its end."""

    async def play(address) -> Session:
        session = await opened(address)
        session.open_h3()
        session.open_request(octets)
        return session

    return play


def qpack(**streams: bytes):
    async def play(address) -> Session:
        session = await opened(address)
        session.open_h3(**streams)
        return session

    return play


async def closed_control(address) -> Session:
    session = await opened(address)
    id = session.open_h3()
    session.quic.send_stream_data(id, b"", True)
    return session


async def opened(address) -> Session:
    session = Session(address)
    await session.establish()
    return session


def fields(hex: str):
    return request(frame(HEADERS, bytes.fromhex(hex)))


CASES = {
    35: request(frame(DATA) + frame(HEADERS, bytes.fromhex("0000d1d750093132372e302e302e31c1"))),
    36: fields(DUPLICATE_PSEUDO),
    37: fields(MISSING_PSEUDO),
    38: fields(UNKNOWN_PSEUDO),
    39: fields(LATE_PSEUDO),
    40: control(frame(MAX_PUSH_ID, b"\x01")),
    41: control(frame(SETTINGS) + frame(DATA)),
    42: control(frame(SETTINGS) + frame(HEADERS)),
    43: control(frame(SETTINGS) + frame(SETTINGS)),
    44: control(frame(SETTINGS, bytes.fromhex(SETTINGS_OF_H2))),
    45: request(frame(CANCEL_PUSH)),
    46: fields(BAD_STATIC_INDEX),
    47: qpack(encoder=bytes.fromhex(HUGE_CAPACITY)),
    48: closed_control,
    49: qpack(decoder=bytes.fromhex(ZERO_INCREMENT)),
}
