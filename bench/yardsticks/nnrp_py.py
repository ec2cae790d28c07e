"""nnrp-py 1.0.0rc2 over TCP, through its own client and server API.

`server` prints its port; `client PORT` measures. One JSON line in, one out; ends when stdin ends.
The results are taken from the session directly, not from a ResultRouter: that is its faster way.
"""

import asyncio
import contextlib
import json
import sys
import time

from nnrp.adapters import create_tcp_client_configuration, serve_tcp
from nnrp.client import SubmitRequest, TypedPayload, connect_client_session
from nnrp.core import PayloadKind, ResultClass, ResultFlags
from nnrp.server import accept_server_session

TOKENS = 1000


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def control(hello, answer):
    """Says hello, answers each line, returns when stdin ends."""
    say(hello)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            say(await answer(json.loads(line)))
        except Exception as error:  # the runner prints it
            say({"error": f"{type(error).__name__}: {error}"})


async def echo(session):
    while True:
        received = await session.receive_submit()
        await session.send_result(frame_id=received.request.frame_id, typed_payloads=received.request.typed_payloads)


async def stream(session):
    while True:
        received = await session.receive_submit()
        payloads = tuple(TypedPayload.token_chunk(p.payload) for p in received.request.typed_payloads)
        for left in range(TOKENS, 0, -1):
            last = left == 1
            await session.send_result(
                frame_id=received.request.frame_id,
                typed_payloads=payloads,
                result_class=ResultClass.COMPLETE if last else ResultClass.PARTIAL,
                result_flags=ResultFlags.NONE if last else ResultFlags.PARTIAL,
            )


async def until_closed(work):
    """rc2 reports the end of a connection as an error; here it is just the end."""
    with contextlib.suppress(ConnectionError, RuntimeError):
        await work


async def accept(listener, handler):
    tasks = []
    while True:
        session = await accept_server_session(listener, timeout=3600)
        tasks.append(asyncio.create_task(until_closed(handler(session))))


async def server():
    async with serve_tcp("127.0.0.1", 0) as a, serve_tcp("127.0.0.1", 0) as b:
        port, stream_port = (x._server.sockets[0].getsockname()[1] for x in (a, b))
        tasks = [asyncio.create_task(accept(a, echo)), asyncio.create_task(accept(b, stream))]
        await control({"port": port, "streamPort": stream_port}, None)
        for task in tasks:
            task.cancel()


class Load:
    def __init__(self, session, tokens):
        self.session, self.tokens = session, tokens
        self.frame = 0

    async def submit(self, session, body):
        self.frame += 1
        await session.send_submit(SubmitRequest(frame_id=self.frame, typed_payloads=(TypedPayload.opaque_bytes(body),),
                                                payload_kind_bitmap=PayloadKind.OPAQUE_BYTES, payload_frame_count=1))

    async def receive(self, session, size):
        result = await session.receive_result()
        length = len(result.typed_payloads[0].payload)
        if length != size:
            raise ValueError(f"expected {size} bytes, got {length}")
        return result

    async def run(self, job):
        body = b"\7" * job["size"]
        if job["kind"] == "latency":
            return await self.latency(job, body)
        return await self.rate(job, body)

    async def latency(self, job, body):
        times = []
        end = time.perf_counter() + job["seconds"]
        now = 0
        while now < end:
            begun = time.perf_counter()
            await self.submit(self.session, body)
            await self.receive(self.session, len(body))
            now = time.perf_counter()
            times.append(now - begun)
        times.sort()
        at = lambda q: times[min(len(times) - 1, int(len(times) * q))] * 1e6
        return {"p50": at(0.5), "p99": at(0.99), "count": len(times)}

    async def rate(self, job, body):
        streaming = job["kind"] == "stream"
        session = self.tokens if streaming else self.session
        per_request = job["results"] if streaming else 1
        begun = time.perf_counter()
        end = begun + job["seconds"]
        for _ in range(job["inFlight"]):
            await self.submit(session, body)
        in_flight, count, left = job["inFlight"], 0, {}
        while in_flight:
            result = await self.receive(session, len(body))
            count += 1
            frame = result.packet.header.frame_id
            left[frame] = left.get(frame, per_request) - 1
            if left[frame]:
                continue
            del left[frame]
            if time.perf_counter() < end:
                await self.submit(session, body)
            else:
                in_flight -= 1
        return {"rate": count / (time.perf_counter() - begun), "count": count}


async def client(port, stream_port):
    conf = create_tcp_client_configuration()
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(connect_client_session(
            "127.0.0.1", tcp_port=p, tcp_configuration=conf, requested_session_id=i + 1)) for i, p in enumerate((port, stream_port))]
        await control({"ready": True}, Load(*sessions).run)


if sys.argv[1] == "server":
    asyncio.run(server())
else:
    asyncio.run(client(int(sys.argv[2]), int(sys.argv[3])))
