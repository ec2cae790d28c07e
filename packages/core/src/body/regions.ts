/**
 * A composed body cut into its six regions (wire spec §8.2). Cutting judges every block and descriptor but allocates
 * nothing per block: a body of 32 MiB may hold two million empty ones. Lists are made when somebody asks for them.
 *
 * @module
 */
import { NnrpLimitError, NnrpValueError, NnrpWireError } from "../errors.ts";
import type { Outbox } from "../wire/outbox.ts";
import {
  checkExtensionFrames,
  type ExtensionFrame,
  extensionFramesAt,
  measureExtensionFrames,
  writeExtensionFrameTable,
} from "./extension_frames.ts";
import {
  checkInlineObject,
  type InlineObject,
  type InlineObjectData,
  inlineObjectsAt,
  measureInlineObject,
  writeInlineObject,
} from "./inline_objects.ts";
import {
  checkObjectReference,
  checkObjectReferences,
  OBJECT_REFERENCE_SIZE,
  type ObjectReference,
  objectReferencesAt,
  writeObjectReference,
} from "./object_references.ts";
import {
  BODY_PRELUDE_SIZE,
  type BodyPrelude,
  decodeBodyPrelude,
  DESCRIPTOR_SIZE,
  writePrelude,
} from "./prelude.ts";
import { checkTypedPayloads, typedPayloadsAt } from "./typed_payload_table.ts";
import {
  appendTypedPayloads,
  measureTypedPayloads,
  type TypedPayload,
  writeTypedPayloadTable,
} from "./typed_payloads.ts";

/** Largest length that fits a u32 field. */
export const MAX_LENGTH = 0xffff_ffff;

/** A composed body whose regions were judged. Payloads are views on the body. */
export class BodyRegions {
  /** The whole body. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  /** Lengths of the regions. */
  readonly prelude: BodyPrelude;
  /** Where the inline objects begin in the body, bytes; they end where the references begin. */
  readonly inlineStart: number;
  /** Where the references begin. */
  readonly referenceStart: number;
  /** Where the typed payload descriptors begin. */
  readonly typedTableStart: number;
  /** Where the typed payloads begin. */
  readonly typedStart: number;
  /** Where the extension descriptors begin. */
  readonly extensionTableStart: number;
  /** Where the extension payloads begin. */
  readonly extensionStart: number;
  /** Number of references. */
  readonly referenceCount: number;
  /** Number of typed payloads. */
  readonly typedCount: number;

  #inlineObjects: InlineObject[] | undefined;
  #objectReferences: ObjectReference[] | undefined;
  #typedPayloads: TypedPayload[] | undefined;
  #extensionFrames: ExtensionFrame[] | undefined;

  /**
   * Cuts a body and judges every block in it.
   *
   * @param bytes A composed body.
   * @throws NnrpWireError if the prelude, a length or a block is refused.
   */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const prelude = decodeBodyPrelude(view, 0, Math.min(bytes.length, BODY_PRELUDE_SIZE));
    this.bytes = bytes;
    this.view = view;
    this.prelude = prelude;
    this.inlineStart = BODY_PRELUDE_SIZE;
    this.referenceStart = this.inlineStart + prelude.inlineObjectBytes;
    this.typedTableStart = this.referenceStart + prelude.objectReferenceBytes;
    this.typedStart = this.typedTableStart + prelude.typedPayloadDescriptorBytes;
    this.extensionTableStart = this.typedStart + prelude.typedPayloadFrameBytes;
    this.extensionStart = this.extensionTableStart + prelude.extensionDescriptorBytes;
    const end = this.extensionStart + prelude.extensionPayloadBytes;
    if (end !== bytes.length) {
      throw new NnrpWireError("region lengths do not add up to the body", {
        field: "body_region_prelude",
        offset: 0,
        expected: bytes.length,
        actual: end,
      });
    }
    this.referenceCount = prelude.objectReferenceBytes / OBJECT_REFERENCE_SIZE;
    this.typedCount = prelude.typedPayloadDescriptorBytes / DESCRIPTOR_SIZE;
    for (let at = this.inlineStart; at < this.referenceStart;) {
      at = checkInlineObject(bytes, view, at, this.referenceStart);
    }
    checkObjectReferences(view, this.referenceStart, this.typedTableStart);
    checkTypedPayloads(
      view,
      this.typedTableStart,
      prelude.typedPayloadDescriptorBytes,
      prelude.typedPayloadFrameBytes,
    );
    checkExtensionFrames(
      view,
      this.extensionTableStart,
      prelude.extensionDescriptorBytes,
      prelude.extensionPayloadBytes,
    );
  }

  /** All inline objects, in their order. */
  get inlineObjects(): readonly InlineObject[] {
    return this.#inlineObjects ??= inlineObjectsAt(
      this.bytes,
      this.view,
      this.inlineStart,
      this.referenceStart,
    );
  }

  /** All references, in their order. */
  get objectReferences(): readonly ObjectReference[] {
    return this.#objectReferences ??= objectReferencesAt(
      this.view,
      this.referenceStart,
      this.typedTableStart,
    );
  }

  /** All typed payloads, in their order. */
  get typedPayloads(): readonly TypedPayload[] {
    return this.#typedPayloads ??= typedPayloadsAt(
      this.bytes,
      this.view,
      this.typedTableStart,
      this.typedCount,
      this.typedStart,
    );
  }

  /** All extension frames, known or not, in their order. */
  get extensionFrames(): readonly ExtensionFrame[] {
    return this.#extensionFrames ??= extensionFramesAt(
      this.bytes,
      this.view,
      this.extensionTableStart,
      this.prelude.extensionDescriptorBytes / DESCRIPTOR_SIZE,
      this.extensionStart,
    );
  }
}

/**
 * Cuts a composed body into its regions. Does not need the metadata, so nothing is compared with it.
 *
 * @throws NnrpWireError if the prelude, a length or a block is refused.
 */
export function decodeBodyRegions(body: Uint8Array): BodyRegions {
  return new BodyRegions(body);
}

/** What a composed body is made of; all parts may be left out. */
export interface BodyRegionsData {
  /** Inline objects, in the order in which they are written. */
  readonly inlineObjects?: readonly InlineObjectData[];
  /** References, in the order in which they are written. */
  readonly objectReferences?: readonly ObjectReference[];
  /** Typed payloads. */
  readonly typedPayloads?: readonly TypedPayload[];
  /** Extension frames. */
  readonly extensionFrames?: readonly ExtensionFrame[];
}

/**
 * Checks and writes a composed body: the way to bodies that no packet builder makes, such as those with extension frames.
 * Rules between metadata and body are not judged here.
 *
 * @throws NnrpValueError naming the part at fault, for example `inlineObjects[0].objectKind`. Nothing was written.
 */
export function encodeBodyRegions(out: Outbox, data: BodyRegionsData): void {
  const { inlineObjects = [], objectReferences = [], typedPayloads = [], extensionFrames = [] } = data;
  let inlineBytes = 0;
  inlineObjects.forEach((object, i) => inlineBytes += measureInlineObject(object, `inlineObjects[${i}]`));
  objectReferences.forEach((reference, i) => checkObjectReference(reference, `objectReferences[${i}].`));
  const referenceBytes = objectReferences.length * OBJECT_REFERENCE_SIZE;
  const typedTableBytes = typedPayloads.length * DESCRIPTOR_SIZE;
  const typedBytes = measureTypedPayloads(typedPayloads);
  const extensionTableBytes = extensionFrames.length * DESCRIPTOR_SIZE;
  const extensionBytes = measureExtensionFrames(extensionFrames);
  checkBodyLength(
    BODY_PRELUDE_SIZE + inlineBytes + referenceBytes + typedTableBytes + typedBytes + extensionTableBytes +
      extensionBytes,
  );

  const at = out.reserve(BODY_PRELUDE_SIZE);
  writePrelude(
    out.view,
    at,
    inlineBytes,
    referenceBytes,
    typedTableBytes,
    typedBytes,
    extensionTableBytes,
    extensionBytes,
  );
  inlineObjects.forEach((object, i) => writeInlineObject(out, object, "inlineObjects[#].payload", i));
  const references = out.reserve(referenceBytes);
  objectReferences.forEach((reference, i) =>
    writeObjectReference(reference, out.view, references + i * OBJECT_REFERENCE_SIZE)
  );
  const typedTable = out.reserve(typedTableBytes);
  writeTypedPayloadTable(out.view, typedTable, typedPayloads);
  appendTypedPayloads(out, typedPayloads);
  const extensionTable = out.reserve(extensionTableBytes);
  writeExtensionFrameTable(out.view, extensionTable, extensionFrames);
  extensionFrames.forEach((frame, i) => out.append(frame.payload, "extensionFrames[#].payload", i));
}

/**
 * @param length Length of a body, bytes.
 * @param maxBodyBytes Longest body that the peer takes.
 * @throws NnrpValueError if it does not fit the header's field, NnrpLimitError if the peer does not take it.
 */
export function checkBodyLength(length: number, maxBodyBytes: number = MAX_LENGTH): void {
  if (length > MAX_LENGTH) {
    throw new NnrpValueError("body too long", {
      field: "body",
      expected: `at most ${MAX_LENGTH} bytes`,
      actual: length,
    });
  }
  if (length > maxBodyBytes) {
    throw new NnrpLimitError(
      "maxBodyBytes",
      `the peer takes bodies of ${maxBodyBytes} bytes, this one has ${length}`,
    );
  }
}
