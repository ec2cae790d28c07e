/**
 * A doubly linked list through its own members, longest unused first: the eviction order of a cache. A `Map`
 * that is deleted from and added to at every use would do the same, but leaves its dead entries to the
 * collector.
 *
 * @module
 */

/** What a member carries; only the list writes it. */
export interface RecencyLinks<T> {
  /** The member that was used just before this one. */
  older: T | undefined;
  /** The member that was used just after this one. */
  younger: T | undefined;
}

/** The list. A member is in at most one list. */
export class RecencyList<T extends RecencyLinks<T>> {
  /** The member that was not used for longest. */
  oldest: T | undefined;
  /** The member that was used last. */
  youngest: T | undefined;

  /** Adds a new member at the young end. */
  add(member: T): void {
    member.older = this.youngest;
    member.younger = undefined;
    if (this.youngest === undefined) this.oldest = member;
    else this.youngest.younger = member;
    this.youngest = member;
  }

  /** Takes a member out. */
  remove(member: T): void {
    const { older, younger } = member;
    if (older === undefined) this.oldest = younger;
    else older.younger = younger;
    if (younger === undefined) this.youngest = older;
    else younger.older = older;
    member.older = member.younger = undefined;
  }

  /** Moves a member to the young end. */
  touch(member: T): void {
    if (member === this.youngest) return;
    this.remove(member);
    this.add(member);
  }
}
