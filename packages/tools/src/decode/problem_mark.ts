/**
 * Puts a problem where it belongs in the tree: at the node with the wrong byte, and nothing of the body behind it.
 *
 * @module
 */
import { type GrowingNode, hexAt } from "./nodes.ts";
import type { DecodeProblem } from "./tree.ts";
import type { Walk } from "./walk.ts";

/** Bytes shown from the wrong one on where no node holds it. */
const SHOWN_BYTES = 8;

/**
 * Marks the wrong byte.
 *
 * @param root The packet.
 * @param bodyStart Where the body begins; what lies before the body stays, whatever is wrong.
 * @param end Where the packet ends in the input.
 */
export function markProblem(
  root: GrowingNode,
  problem: DecodeProblem,
  walk: Walk,
  bodyStart: number,
  end: number,
): void {
  const { offset } = problem;
  if (offset >= bodyStart) cutAfter(root, offset);
  const path = pathTo(root, offset);
  const last = path.at(-1)!;
  if (last.kind !== "group" || offset >= end) {
    last.problem = problem;
    return;
  }
  // The byte lies in a group, but not in any part of it that was read: show what stands there.
  const length = Math.min(SHOWN_BYTES, end - offset);
  last.children!.push({
    kind: "bytes",
    name: problem.field.slice(problem.field.lastIndexOf(".") + 1),
    offset,
    length,
    hex: hexAt(walk.bytes, offset, length, walk.limits.maxHexBytes),
    problem,
  });
}

/** Drops nodes that begin behind `offset`, and what was hidden behind them. */
function cutAfter(node: GrowingNode, offset: number): void {
  if (node.children === undefined) return;
  const kept = node.children.filter((child) => child.offset <= offset);
  if (kept.length < node.children.length) delete node.hiddenItems;
  node.children = kept;
  for (const child of kept) cutAfter(child, offset);
}

/** From the root to the deepest node that holds a byte; the last group whose part it could be if none does. */
function pathTo(root: GrowingNode, offset: number): GrowingNode[] {
  const path = [root];
  for (;;) {
    const node = path.at(-1)!;
    const holds = node.children?.filter((child) =>
      child.offset <= offset && offset < child.offset + child.length
    );
    const next = holds?.at(-1) ?? (node === root ? lastGroup(root, offset) : undefined);
    if (next === undefined) return path;
    path.push(next);
  }
}

/** The last group of the packet that begins at or before a byte, or the last group at all. */
function lastGroup(root: GrowingNode, offset: number): GrowingNode | undefined {
  return root.children?.findLast((child) => child.offset <= offset) ?? root.children?.at(-1);
}
