#!/usr/bin/env python3
"""Random recipes and recode requests with the verdicts of nnrp-py 1.0.0rc2, for reference_test.ts.

  rc2_requests.py SEED COUNT      COUNT requests of every kind and COUNT recipes of every type, as one JSON object:
  {"requests": [{"name", "kind", "hex" | "quic" and "tcp", "accept", "again" | "selected"}], "recipes": [{"recipe", "hex"}]}

`accept` is what rc2's readers say (for packets of frames: the server's submit reader, the client's result reader), `again`
what its writers make of what was read; null where they refuse or lose it.
"""
from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import random
import struct
import sys

from nnrp import core
from nnrp.client.transport import ClientSession, TransportProbeResult, TransportProbeSummary
from nnrp.core import messages, packet as packets
from nnrp.core.enums import HeaderFlags, MessageType, WireFormat
from nnrp.server.transport import _decode_submit_request
from nnrp.tools.smoke import _select_transport_probe_summary

R = random.Random(int(sys.argv[1]))
COUNT = int(sys.argv[2])
U64 = 2**64 - 1

RECORDS = {
    "header": core.NnrpHeader,
    "client_hello_metadata": core.ClientHelloMetadata,
    "server_hello_ack_metadata": core.ServerHelloAckMetadata,
    "session_patch_ack_metadata": messages.SessionPatchAckMetadata,
    "frame_submit_metadata": core.FrameSubmitMetadata,
    "result_push_metadata": core.ResultPushMetadata,
    "body_region_prelude": core.BodyRegionPrelude,
    "object_reference_block": core.ObjectReferenceBlock,
    "typed_payload_descriptor": core.TypedPayloadDescriptor,
    "cache_put_metadata": messages.CachePutMetadata,
    "cache_ack_metadata": messages.CacheAckMetadata,
    "cache_invalidate_metadata": messages.CacheInvalidateMetadata,
    "transport_probe_metadata": core.TransportProbeMetadata,
    "transport_probe_ack_metadata": core.TransportProbeAckMetadata,
    "flow_update_metadata": core.FlowUpdateMetadata,
    "result_hint_metadata": core.ResultHintMetadata,
}
PACKETS = {"flow_update_packet": MessageType.FLOW_UPDATE, "result_hint_packet": MessageType.RESULT_HINT}
TENSOR = core.PayloadKind.TENSOR
TYPED_KINDS = [kind for kind in core.PayloadKind if kind and kind is not TENSOR]


# ---- random values -------------------------------------------------------------------------------------------------

def number(most):
    return min(most, R.choice([0, 1, 2, 255, 65535, 2**32 - 1, U64, R.getrandbits(8), R.getrandbits(16), R.getrandbits(64)]))


def value(kind, most):
    if isinstance(kind, type) and issubclass(kind, enum.Flag):
        bits = [int(one) for one in kind if one]
        return kind(sum(R.sample(bits, R.randint(0, len(bits)))))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return R.choice(list(kind))
    return number(most)


def kinds_of(cls):
    """Field name to enumeration, or int."""
    known = {name: getattr(module, name) for module in (core, messages, core.enums) for name in dir(module)}
    return {field.name: known.get(str(field.type), int) for field in dataclasses.fields(cls)}


WIDTHS: dict[tuple[str, str], int] = {}


def most_of(cls, base, name):
    """Greatest number that fits a field."""
    key = (cls.__name__, name)
    if key not in WIDTHS:
        WIDTHS[key] = 0
        for most in (U64, 2**32 - 1, 65535, 255):
            try:
                dataclasses.replace(base, **{name: most}).pack()
            except struct.error:
                continue
            except ValueError:
                pass
            WIDTHS[key] = most
            break
    return WIDTHS[key]


RESERVED = {"body_flags", "reserved", "descriptor_flags", "ref_flags"}


def record(kind):
    """A random record that rc2 writes."""
    cls = RECORDS[kind]
    kinds = kinds_of(cls)
    first = {name: (next(iter(of)) if issubclass(of, enum.Enum) and not issubclass(of, enum.Flag) else of(0)) for name, of in kinds.items()}
    first |= {"header_len": 40} if kind == "header" else {}
    first |= {"payload_kind": TENSOR} if kind == "typed_payload_descriptor" else {}
    base = cls(**first)
    for _ in range(10000):
        fields = {name: value(of, most_of(cls, base, name)) for name, of in kinds.items()}
        if kind == "header":
            fields["header_len"] = 40
        if kind != "transport_probe_ack_metadata":
            fields |= {name: 0 for name in RESERVED & fields.keys()}
        if kind == "typed_payload_descriptor":
            fields["payload_kind"] = R.choice([TENSOR, *TYPED_KINDS])
        if kind == "body_region_prelude":
            fields |= {name: fields[name] // 16 * 16 for name in fields if "descriptor" in name}
        if kind == "frame_submit_metadata":
            fields["loss_tolerance_policy"] = R.choice([0, 1, 2, 3, 255])
        if kind in ("frame_submit_metadata", "result_push_metadata") and R.random() < 0.8:
            fields["payload_kind_bitmap"] |= TENSOR
        if kind == "flow_update_metadata":
            keep = ("connection_credit", "session_credit", "operation_credit")[int(fields["scope_kind"])]
            fields |= {name: 0 for name in ("connection_credit", "session_credit", "operation_credit") if name != keep}
            fields["operation_id"] *= int(fields["scope_kind"]) == 2
        try:
            made = cls(**fields)
            made.pack()
            return made
        except (ValueError, struct.error):
            continue
    raise RuntimeError(f"no {kind}")


def header_numbers():
    return dict(flags=HeaderFlags(R.getrandbits(6)), session_id=number(2**32 - 1), frame_id=number(2**32 - 1),
                view_id=number(65535), route_id=number(65535), trace_id=number(U64))


def data(longest=20):
    return R.randbytes(R.choice([0, 1, 2, 3, 7, 8, R.randint(0, longest)]))


def tiles():
    """Mode, base and ids of a random index, and sections for them."""
    mode = R.choice(list(core.TileIndexMode))
    count = R.choice([0, 0, 1, 2, 3, 5, 9])
    base = R.choice([0, 3, 65536 - count])
    ids = sorted(R.sample(range(R.choice([count + 1, 300, 65536])), count))
    if mode is core.TileIndexMode.DENSE_RANGE:
        ids = list(range(base, base + count))
    elif mode is core.TileIndexMode.RAW_U16 and count:
        ids = [R.choice(ids) for _ in ids]
    sections = [section(role, count) for role in sorted(R.sample(range(200), R.choice([0, 1, 2, 3])))]
    return dict(tile_index_mode=mode, tile_base_id=base, tile_ids=tuple(ids), sections=tuple(sections))


def section(role, count):
    payloads = tuple(data() for _ in range(count))
    longest = max(map(len, payloads), default=0)
    default = R.randint(0, 2)
    return core.TensorSectionData(
        role_id=role, default_codec_id=default, dtype_id=R.choice(list(core.TensorDType)), tile_payloads=payloads,
        codec_ids=tuple(R.choice([default, 9]) for _ in payloads) if R.random() < 0.3 else (),
        layout_id=R.choice(list(core.TensorLayout)), scale_policy=R.choice(list(core.ScalePolicy)),
        payload_stride_bytes=R.choice([0, 0, longest, longest + 5]), element_count_per_tile=number(2**32 - 1))


def frames():
    return tuple(core.TypedPayloadFrame(payload_kind=R.choice(TYPED_KINDS), payload=data(), profile_id=number(65535))
                 for _ in range(R.randint(1, 5)))


def submit():
    common = dict(header_numbers(), frame_class=R.randint(0, 4), latency_budget_ms=number(65535), target_fps_x100=number(65535),
                  retry_of_frame=number(2**32 - 1), budget_policy=core.BudgetPolicy(R.getrandbits(4)),
                  dependency_frame_id=number(2**32 - 1), loss_tolerance_policy=R.choice([0, 1, 2, 3, 255]))
    shape = R.randrange(4)
    if shape == 0:
        return packets.build_frame_submit_typed_payload_packet(frames=frames(), **common)
    common |= tiles()
    common |= dict(src_width=number(65535), src_height=number(65535), tile_width=number(65535), tile_height=number(65535),
                   camera_block=data(), input_profile=R.choice(list(core.InputProfile)))
    if shape == 1:
        common["camera_block"] = common["camera_block"] or b"camera"
        return packets.build_frame_submit_mixed_packet(frames=frames(), **common)
    if shape == 2:
        return packets.build_frame_submit_packet(**common)
    slots = [("camera", 1), ("tile_index", 2), ("tensor_section_table", 4)]
    chosen = R.sample(slots, R.randint(1, 3))
    for name, _ in chosen:
        key = dict(cache_namespace=number(2**32 - 1), cache_key_hi=number(2**32 - 1), cache_key_lo=number(2**32 - 1))
        common[f"{name}_reference"] = getattr(packets, f"build_{name}_reference_block")(**key)
    mode = core.SubmitMode.MIXED if len(chosen) < 3 else R.choice([core.SubmitMode.MIXED, core.SubmitMode.REFERENCE])
    return packets.build_frame_submit_packet(submit_mode=mode, object_ref_mask=sum(bit for _, bit in chosen), **common)


def result():
    common = dict(header_numbers(), status_code=number(65535), active_profile_id=number(65535), inference_ms=number(65535),
                  queue_ms=number(65535), server_total_ms=number(65535))
    full = dict(result_flags=core.ResultFlags(R.getrandbits(3)), result_class=R.choice(list(core.ResultClass)),
                applied_budget_policy=core.BudgetPolicy(R.getrandbits(4)), reused_frame_id=number(2**32 - 1))
    shape = R.randrange(7)
    if shape == 0:
        return packets.build_result_push_typed_payload_packet(frames=frames(), **common, **full)
    if shape == 1:  # nothing but metadata
        return packets.build_result_push_packet(tile_ids=(), sections=(), covered_tile_count=0, **common, **full,
                                                payload_kind_bitmap=core.PayloadKind(R.getrandbits(6) << 1))
    tensors = tiles()
    while tensors["tile_index_mode"] > 1 or not tensors["tile_ids"]:
        tensors = tiles()
    common |= tensors
    count = len(tensors["tile_ids"])
    dropped = R.randint(1, count)
    coverage = dict(covered_tile_count=count - dropped, dropped_tile_count=dropped)
    if shape == 2:
        return packets.build_partial_result_push_packet(**common, **coverage)
    if shape == 3:
        return packets.build_stale_reuse_result_push_packet(reused_frame_id=number(2**32 - 1), **common)
    if shape == 4:
        return packets.build_degraded_result_push_packet(**common, **coverage)
    if shape == 5:
        return packets.build_result_push_mixed_packet(frames=frames(), **common, **full, **coverage)
    return packets.build_result_push_packet(**common, **full, **coverage)


# ---- rc2's readers and writers ---------------------------------------------------------------------------------------

class OneResult(ClientSession):
    """A client session that reads one packet."""

    def __init__(self, packet):
        self.packet = packet

    async def receive_result_packet(self, timeout=None):
        return self.packet


def packet_again(read, msg_type, metadata, body):
    numbers = {name: getattr(read.header, name) for name in ("flags", "session_id", "frame_id", "view_id", "route_id", "trace_id")}
    return core.NnrpPacket.build(version_major=read.header.version_major, wire_format=WireFormat.CURRENT, msg_type=msg_type,
                                 metadata=metadata, body=body, **numbers).pack()


def read_record(kind, raw):
    return RECORDS[kind].unpack(raw).pack()


def read_packet(kind, raw):
    read = core.NnrpPacket.unpack(raw)
    if read.header.msg_type is not PACKETS[kind]:
        raise ValueError("another message")
    metadata = RECORDS[kind.replace("_packet", "_metadata")].unpack(read.metadata).pack()
    return packet_again(read, PACKETS[kind], metadata, read.body)


def read_submit(raw):
    """The submit as it is read, and a function that writes it again."""
    read = core.NnrpPacket.unpack(raw)
    if read.header.msg_type is not MessageType.FRAME_SUBMIT:
        raise ValueError("another message")
    request, _ = _decode_submit_request(read, core.FrameSubmitMetadata.unpack(read.metadata))

    def again():
        fields = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
        typed = tuple(payload.to_core_frame() for payload in fields.pop("typed_payloads"))
        fields["session_id"] = read.header.session_id
        tensors = ("src_width", "src_height", "tile_width", "tile_height", "tile_ids", "sections", "camera_block",
                   "input_profile", "tile_index_mode", "tile_base_id")
        elsewhere = ("submit_mode", "object_ref_mask", "camera_reference", "tile_index_reference",
                     "tensor_section_table_reference", "payload_kind_bitmap", "payload_frame_count")
        if not typed:
            return packets.build_frame_submit_packet(**fields).pack()
        mixed = request.tile_ids or request.sections or request.camera_block
        fields = {name: it for name, it in fields.items() if name not in elsewhere and (mixed or name not in tensors)}
        build = packets.build_frame_submit_mixed_packet if mixed else packets.build_frame_submit_typed_payload_packet
        return build(frames=typed, **fields).pack()

    return again


def read_result(raw):
    """Accepts or not; what a client holds of a result is not all that a server needs to write it."""
    read = core.NnrpPacket.unpack(raw)
    if read.header.msg_type is not MessageType.RESULT_PUSH:
        raise ValueError("another message")
    asyncio.run(OneResult(read).receive_result())
    return lambda: None


def read_region(raw):
    return packets.pack_typed_payload_descriptors(packets.unpack_typed_payload_descriptors(raw))


def has_references(raw):
    """Whether a result that was accepted refers to cached objects."""
    read = core.NnrpPacket.unpack(raw)
    metadata = core.ResultPushMetadata.unpack(read.metadata)
    if not metadata.payload_frame_count and metadata.payload_kind_bitmap in (0, TENSOR):
        return False
    return len(read.body) >= 32 and bool(packets.unpack_body(read.body).object_reference_region)


def judged(kind, raw):
    request = {"kind": kind, "hex": raw.hex(), "again": None}
    try:
        if kind in RECORDS:
            again = read_record(kind, raw)
        elif kind in PACKETS:
            again = read_packet(kind, raw)
        elif kind == "typed_payload_descriptor_region":
            again = read_region(raw)
        else:
            again = read_submit(raw) if kind == "frame_submit_packet" else read_result(raw)
    except ValueError:
        return request | {"accept": False}
    if callable(again):
        try:
            again = again()
        except (ValueError, struct.error):
            again = None
    if kind == "result_push_packet":
        request["references"] = has_references(raw)
    return request | {"accept": True, "again": None if again is None else again.hex()}


# ---- requests --------------------------------------------------------------------------------------------------------

def valid(kind):
    if kind in PACKETS:
        metadata = record(kind.replace("_packet", "_metadata"))
        return core.NnrpPacket.build(version_major=1, wire_format=WireFormat.CURRENT, msg_type=PACKETS[kind],
                                     metadata=metadata.pack(), body=b"", **header_numbers()).pack()
    if kind == "typed_payload_descriptor_region":
        return b"".join(record("typed_payload_descriptor").pack() for _ in range(R.randint(0, 4)))
    if kind == "frame_submit_packet":
        return submit().pack()
    return result().pack() if kind == "result_push_packet" else record(kind).pack()


def mutated(raw):
    changed = bytearray(raw)
    for _ in range(R.choice([1, 1, 1, 2])):
        how = R.randrange(8)
        at = R.randrange(len(changed)) if changed else 0
        if how == 0:
            del changed[-R.randint(1, 4):]
        elif how == 1:
            changed += bytes(R.randint(1, 16))
        elif how == 2 and len(changed) > 4:
            at = R.randrange(len(changed) - 3)
            changed[at:at + 4] = R.choice([0, 1, 16, 2**32 - 1, 2**31]).to_bytes(4, "little")
        elif changed:
            changed[at] = R.choice([0, 1, 2, 4, 255, 128, changed[at] ^ (1 << R.randrange(8)), changed[at] + 1 & 255])
    return bytes(changed)


def probes():
    side = lambda: {"samples": [{"payload_bytes": R.choice([1000, 2000, 32768]), "round_trip_us": R.choice([0, 10, 20, 25, R.randrange(99999)])}
                                for _ in range(R.choice([0, 1, 2, 3, 3, 4]))], "failures": R.randint(0, 3)}
    request = {"kind": "probe_selection", "quic": side(), "tcp": side()}
    summaries = {name: TransportProbeSummary(
        transport_id=getattr(core.TransportId, name.upper()), failure_count=request[name]["failures"],
        results=tuple(TransportProbeResult(getattr(core.TransportId, name.upper()), i, one["payload_bytes"], 0, 0, one["round_trip_us"])
                      for i, one in enumerate(request[name]["samples"]))) for name in ("quic", "tcp")}
    try:
        chosen = _select_transport_probe_summary(quic_summary=summaries["quic"], tcp_summary=summaries["tcp"])
    except RuntimeError:
        return request | {"accept": False}
    return request | {"accept": True, "selected": chosen.transport_id.name.lower()}


# ---- recipes ---------------------------------------------------------------------------------------------------------

def words(kind, number):
    if isinstance(kind, type) and issubclass(kind, enum.Flag):
        return [one.name.lower() for one in kind if one and one in kind(number)]
    return kind(number).name.lower() if isinstance(kind, type) and issubclass(kind, enum.Enum) else int(number) & (2**53 - 1)


def recipe_of(made, names=()):
    kinds = kinds_of(type(made)) | {"supported_payload_kind_bitmap": core.PayloadKind}
    fields = {dict(names).get(name, name): words(kinds[name], getattr(made, name)) for name in (f.name for f in dataclasses.fields(made))}
    if fields.get("loss_tolerance_policy") == 255:
        fields["loss_tolerance_policy"] = "inherit_session"
    elif "loss_tolerance_policy" in fields:
        fields["loss_tolerance_policy"] = core.LossTolerance(fields["loss_tolerance_policy"]).name.lower()
    return fields


def written(made):
    """The record with 64-bit numbers below 2^53 and known payload kinds, so that a recipe can say it."""
    changes = {f.name: getattr(made, f.name) & (2**53 - 1) for f in dataclasses.fields(made)
               if not isinstance(getattr(made, f.name), enum.Enum) and getattr(made, f.name) > 2**53}
    if hasattr(made, "supported_payload_kind_bitmap"):
        changes["supported_payload_kind_bitmap"] = made.supported_payload_kind_bitmap & 0x7F
    return dataclasses.replace(made, **changes)


def recipes():
    for kind in ("client_hello_metadata", "session_patch_ack_metadata", "frame_submit_metadata", "result_push_metadata",
                 "body_region_prelude", "object_reference_block", "typed_payload_descriptor"):
        made = written(record(kind))
        yield {"recipe_type": kind} | recipe_of(made), made.pack()
    made = written(record("header"))
    fields = recipe_of(made, {"msg_type": "message_type"}.items())
    fields |= {"wire_format": 0}
    del fields["header_len"]
    yield {"recipe_type": "header"} | fields, made.pack()
    for name in ("flow_update", "result_hint"):
        made = written(record(f"{name}_metadata"))
        numbers = header_numbers() | {"trace_id": number(2**53 - 1), "view_id": 0}
        if name == "flow_update":
            numbers |= {"frame_id": 0, "session_id": 0 if int(made.scope_kind) == 0 else max(1, numbers["session_id"])}
        whole = core.NnrpPacket.build(version_major=1, wire_format=WireFormat.CURRENT, msg_type=PACKETS[f"{name}_packet"],
                                      metadata=made.pack(), body=b"", **numbers)
        fields = recipe_of(made, {"flags": "flow_update_flags"}.items())
        head = {key: it for key, it in numbers.items() if key != "view_id" and (key, name) != ("frame_id", "flow_update")}
        yield {"recipe_type": f"{name}_packet", "version_major": 1, "wire_format": 0} | fields | head | {
            "flags": words(HeaderFlags, numbers["flags"])}, whole.pack()
    texts = [R.choice(["", "a", "tok", "é", "漢字", "x" * 40]) for _ in range(R.randint(0, 5))]
    parts = [core.TypedPayloadFrame(payload_kind=R.choice(TYPED_KINDS), payload=text.encode(), profile_id=number(65535)) for text in texts]
    said = [{"payload_kind": part.payload_kind.name.lower(), "profile_id": part.profile_id, "payload_utf8": text}
            for part, text in zip(parts, texts)]
    for name, raw in zip(("descriptor", "frame"), packets.pack_typed_payload_frames(parts)):
        yield {"recipe_type": f"typed_payload_{name}_region", "frames": said}, raw


def main():
    requests = []
    for kind in [*RECORDS, *PACKETS, "typed_payload_descriptor_region", "frame_submit_packet", "result_push_packet"]:
        for i in range(COUNT):
            raw = valid(kind)
            requests.append(judged(kind, raw if i % 3 == 0 else mutated(raw)) | {"valid": i % 3 == 0})
    requests += [probes() for _ in range(COUNT)]
    for i, request in enumerate(requests):
        request["name"] = f"r{i}"
    made = [{"recipe": recipe | {"name": f"v{i}", "description": f"number {i}"}, "hex": raw.hex()}
            for i, (recipe, raw) in enumerate(one for _ in range(COUNT) for one in recipes())]
    json.dump({"requests": requests, "recipes": made}, sys.stdout)


main()
