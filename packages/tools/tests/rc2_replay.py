#!/usr/bin/env python3
"""What nnrp-py 1.0.0rc2's replay tools make of given inputs, for replay_reference_test.ts.

Reads a JSON list of requests on standard input, writes the list of answers to standard output. Bytes are {"hex": …},
numbers JSON cannot hold {"float": "inf"} or {"int": "…"}; any other object becomes one with attributes, a reference of a
given kind {"object_kind": …} an ObjectReferenceBlock. An answer is an object, {"error": …} where rc2 raises.
"""
from __future__ import annotations

import json
import math
import struct
import sys
from types import SimpleNamespace

from nnrp.core import NnrpPacket, ObjectReferenceBlock
from nnrp.tools import replay
from nnrp.tools.ordered_buffer import FrameResultBuffer


def value(raw):
    if isinstance(raw, list):
        return [value(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    for key, read in (("hex", bytes.fromhex), ("float", float), ("int", int)):
        if list(raw) == [key]:
            return read(raw[key])
    fields = {key: value(item) for key, item in raw.items()}
    if "object_kind" in fields:
        return ObjectReferenceBlock(ref_flags=0, **fields)
    return SimpleNamespace(**fields)


def recording(request, to_packet, subject):
    source = value(request["recording"])
    packet = to_packet(source, **{key: value(item) for key, item in request["options"].items()})
    comparison = replay.compare_wire_size(
        packet, reference_payload=bytes(request["reference_bytes"]), reference_label=request["label"], subject=subject
    )
    return {
        "hex": packet.pack().hex(),
        "summary": replay.render_wire_summary(comparison.current),
        "comparison": replay.render_wire_size_comparison(comparison),
    }


def features(request):
    return recording(request, replay.frame_features_to_packet, "frame_submit")


def result(request):
    return recording(request, replay.enhance_result_to_packet, "result_push")


def packet(request):
    summary = replay.summarize_wire_packet(NnrpPacket.unpack(value(request["bytes"])), subject=request["subject"])
    return {"summary": replay.render_wire_summary(summary)}


def camera(request):
    block = replay.unpack_replay_camera_block(value(request["bytes"]))
    floats = [*block.view, *block.proj, *block.prev_view_proj, block.jitter_x, block.jitter_y]
    floats = [math.nan if math.isnan(one) else one for one in floats]  # which of the many NaNs is no matter
    return {"counts": [len(block.view), len(block.proj)], "floats": struct.pack(f"<{len(floats)}d", *floats).hex()}


def buffer(request):
    taken = []
    results = FrameResultBuffer()
    for name, *args in request["steps"]:
        if name == "add":
            results.add(*args)
        elif name == "next":
            taken.append(results.pop_next(expected_frame_id=args[0]))
        elif name == "frame":
            taken.append(results.pop_frame(args[0]))
        else:
            taken.append(results.peek_next_frame_id())
    return {"taken": taken, "left": len(results)}


def answer(request):
    try:
        return globals()[request["kind"]](request)
    except (ValueError, struct.error, OverflowError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
