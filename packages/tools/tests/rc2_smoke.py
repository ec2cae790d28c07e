#!/usr/bin/env python3
"""nnrp-py 1.0.0rc2's smoke helpers, for smoke_reference_test.ts.

  rc2_smoke.py packets          a JSON list of [builder, {arguments}] on standard input, their bytes in hex on standard output
  rc2_smoke.py tcp-client PORT REQUESTED_SESSION FRAME      its nine lines
  rc2_smoke.py tcp-server SESSION                           the port on a line of its own, then its nine lines
  rc2_smoke.py tcp-probe PORT BYTES                         id and length of the probe that was answered
  rc2_smoke.py command ARGUMENTS                            its command nnrp-quic-smoke; the server waits 0.5 s before it closes:
                                                            rc2 closes right behind the result, which a peer may lose then
  rc2_smoke.py free-port                                    a UDP port that is free now
"""
from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import sys

from nnrp import tools
from nnrp.tools import smoke
from nnrp.core import ResultFlags, TransportId, TransportPolicy

KINDS = {
    "result_flags": ResultFlags,
    "transport_policy": TransportPolicy,
    "accepted_transport_policy": TransportPolicy,
    "active_transport_id": TransportId,
    "preferred_transport_id": TransportId,
    "selected_transport_id": TransportId,
    "forced_transport_id": TransportId,
}


def argument(name, value):
    if name in KINDS:
        return KINDS[name](value)
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def packets():
    made = []
    for name, arguments in json.load(sys.stdin):
        build = getattr(tools, f"build_smoke_{name}")
        made.append(build(**{key: argument(key, value) for key, value in arguments.items()}).pack().hex())
    print(json.dumps(made))


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def serve(run, **options):
    ready = asyncio.Event()
    port = free_port(socket.SOCK_STREAM)
    task = asyncio.create_task(run("127.0.0.1", port, ready_event=ready, **options))
    await ready.wait()
    print(port, flush=True)
    return await task


class Patient:
    """asyncio, but no sleep is shorter than half a second."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def sleep(self, delay):
        await asyncio.sleep(max(delay, 0.5))


def main():
    mode, *args = sys.argv[1:]
    if mode == "command":
        smoke.asyncio = Patient()
        sys.argv[1:] = args
        return smoke.main()
    numbers = [int(item) for item in args]
    if mode == "packets":
        packets()
    elif mode == "free-port":
        print(free_port(socket.SOCK_DGRAM))
    elif mode == "tcp-client":
        port, session, frame = numbers
        run = tools.run_tcp_smoke_client("127.0.0.1", port, requested_session_id=session, frame_id=frame)
        print(tools.render_smoke_transcript(asyncio.run(run)))
    elif mode == "tcp-server":
        run = serve(tools.run_tcp_smoke_server_once, session_id=numbers[0])
        print(tools.render_smoke_transcript(asyncio.run(run)))
    elif mode == "tcp-probe":
        port, size = numbers
        result = asyncio.run(tools.run_tcp_transport_probe("127.0.0.1", port, probe_payload_bytes=size, probe_id=77))
        print(json.dumps([result.probe_id, result.probe_payload_bytes]))
    else:
        raise SystemExit(f"unknown mode {mode}")


main()
