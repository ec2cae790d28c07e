/**
 * Memory for outgoing packets, shared by all connections of a process: a connection holds some only while it has something
 * to send, so that a thousand idle ones hold none. What a slab holds when it is taken is arbitrary, perhaps another
 * connection's bytes: whoever reserves writes every byte (`outbox.ts`).
 *
 * @module
 */
import { WRITE_BUFFER_LARGE, WRITE_BUFFER_SMALL } from "./limits.ts";

/** Memory for packets, with its view. */
export interface Slab {
  /** The memory. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
}

/** Factor between one size and the next. */
export const SLAB_STEP = 4;
/** Unused slabs that are kept, bytes of each size. */
const KEPT_BYTES = 1024 * 1024;

interface Shelf {
  readonly size: number;
  readonly slabs: Slab[];
}

const shelves: Shelf[] = [];
for (let size = WRITE_BUFFER_SMALL; size <= WRITE_BUFFER_LARGE; size *= SLAB_STEP) {
  shelves.push({ size, slabs: [] });
}

/** A slab of at least this size; one that is larger than {@linkcode WRITE_BUFFER_LARGE} is fresh and not kept afterwards. */
export function takeSlab(size: number): Slab {
  for (let i = 0; i < shelves.length; i++) {
    const shelf = shelves[i];
    if (shelf.size < size) continue;
    return shelf.slabs.pop() ?? slabOf(shelf.size);
  }
  return slabOf(size);
}

/** The slab is not needed any more: nobody may read or write it from now on. */
export function giveBackSlab(slab: Slab): void {
  const size = slab.bytes.length;
  for (let i = 0; i < shelves.length; i++) {
    const { size: kept, slabs } = shelves[i];
    if (kept === size && slabs.length * size < KEPT_BYTES) slabs.push(slab);
  }
}

function slabOf(size: number): Slab {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}
