"""Plays cases against a server and prints what it answered: `python play.py HOST PORT CASE...` with numbers of
cases, all at once as far as `AT_ONCE` allows. A line of JSON for each, in the order in which they end:

    case      its number
    close     what CONNECTION_CLOSE said: {application, code, reason}; null when there was none
    streams   codes of RESET_STREAM and STOP_SENDING by stream: {"0": {"reset": 270, "stop": 270}}
    statuses  of responses, by stream
    probe     the status with which a good request was answered afterwards; null when it was not
    problem   why the case could not be played, or why this client could not go on; null when there is nothing
"""

import asyncio
import json
import logging
import sys

from session import GaveUp, Session
import cases_h3
import cases_quic

CASES = {**cases_quic.CASES, **cases_h3.CASES}

# Few enough for the handshakes to be quick on one core.
AT_ONCE = 8

# Of a whole case; its waits are bounded as well.
CASE_SECONDS = 25


async def play(address: tuple[str, int], number: int) -> dict:
    try:
        async with asyncio.timeout(CASE_SECONDS):
            async with await CASES[number](address) as session:
                probe = await ask(session, number)
                return {"case": number, "probe": probe, **report(session)}
    except (GaveUp, TimeoutError) as problem:
        return {"case": number, "problem": str(problem) or "the case did not end"}


async def ask(session: Session, number: int) -> int | None:
    """A good request: its answer shows that the server has seen what came before, and goes on."""
    id = await send_request(session, number)
    if id is not None:
        await session.until(lambda: session.status(id) is not None)
        await session.settle()
    return None if id is None or session.ended else session.status(id)


async def send_request(session: Session, number: int) -> int | None:
    if not await session.until(lambda: session.quic.is_confirmed):
        return None
    if number in cases_quic.CASES:
        session.open_h3()
    return session.get("/probe")


def report(session: Session) -> dict:
    ids = sorted({*session.resets, *session.stops})
    streams = {id: {"reset": session.resets.get(id), "stop": session.stops.get(id)} for id in ids}
    return {
        "close": session.quic.peer_close,
        "streams": streams,
        "statuses": session.statuses(),
        "problem": session.quic.own_error,
    }


async def main() -> None:
    host, port, *numbers = sys.argv[1:]
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            print(json.dumps(await play((host, int(port)), number)), flush=True)

    await asyncio.gather(*(one(int(number)) for number in numbers))


logging.disable(logging.CRITICAL)
asyncio.run(main())
