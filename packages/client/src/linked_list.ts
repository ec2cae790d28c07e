/**
 * A list whose members leave from anywhere in constant time: who waits in a line may give up in the middle of it.
 *
 * @module
 */

/** What can be a member of one {@linkcode LinkedList} at a time. */
export interface ListNode<N> {
  /** Its list; null = in none. Owned by the list, as are the others. */
  list: unknown;
  /** The member before; null = the first. */
  before: N | null;
  /** The member behind; null = the last. */
  behind: N | null;
}

/** A first-in first-out list of members that know their neighbours. */
export class LinkedList<N extends ListNode<N>> {
  /** Number of members. */
  size = 0;
  /** The member that came first; null = empty. */
  first: N | null = null;

  #last: N | null = null;

  /** Adds a member that is in no list behind all others. */
  push(node: N): void {
    node.list = this;
    node.before = this.#last;
    if (this.#last === null) this.first = node;
    else this.#last.behind = node;
    this.#last = node;
    this.size++;
  }

  /** Takes a member out; false if it is not in this list. */
  remove(node: N): boolean {
    if (node.list !== this) return false;
    const { before, behind } = node;
    if (before === null) this.first = behind;
    else before.behind = behind;
    if (behind === null) this.#last = before;
    else behind.before = before;
    node.list = node.before = node.behind = null;
    this.size--;
    return true;
  }

  /** Takes out the member that came first; undefined if there is none. */
  shift(): N | undefined {
    const { first } = this;
    if (first === null) return undefined;
    this.remove(first);
    return first;
  }

  /** Takes all out, in order. */
  clear(): N[] {
    const all: N[] = [];
    for (let node = this.shift(); node !== undefined; node = this.shift()) all.push(node);
    return all;
  }
}
