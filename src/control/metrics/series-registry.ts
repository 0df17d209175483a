/**
 * Who has which slot: allots blocks of counter slots to series, by family and labels. A series keeps
 * its slots over reloads, so that its numbers go on. `control/plan` allots through `plan-slots.ts`
 * while it makes a plan; the exposition reads blocks and sums their slots.
 *
 * Both budgets are checked before a plan goes live: series of a family (feature row A18.9) and slots
 * in all. Series that no live plan names keep counting against them until room is short; then the
 * oldest of them give theirs up.
 */
import { COUNTER_SLOTS, MAX_SERIES_PER_FAMILY } from "../../base/limits.ts";
import { GLOBAL_SLOT_COUNT } from "../../proxy/global-slots.ts";
import { blockSeries, blockSlots, labelObject, type SlotFamily } from "./family.ts";
import { GLOBAL_FAMILIES } from "./global-families.ts";
import { MetricsBudgetError } from "./metrics-budget-error.ts";

export interface SeriesBlock {
  readonly first: number;
  /** One label object per row of the family; null where the row is no series. */
  readonly series: readonly (Readonly<Record<string, string>> | null)[];
}

export interface SeriesRegistryOptions {
  /** Zeroes slots in every stripe before another series gets them: `Region.clearSlots`. */
  readonly clearSlots: (first: number, count: number) => void;
  /** Slots of a stripe; the first `GLOBAL_SLOT_COUNT` are not allotted. */
  readonly slots?: number;
}

interface Block extends SeriesBlock {
  readonly key: string;
  /** The last generation that named the series. */
  generation: number;
  /** The last one that named it before; 0: none did. */
  before: number;
}

interface FamilyBlocks {
  readonly family: SlotFamily;
  readonly blocks: Map<string, Block>;
}

export class SeriesRegistry {
  readonly #clearSlots: (first: number, count: number) => void;
  readonly #slots: number;
  readonly #families = new Map<string, FamilyBlocks>();
  /** First slots of blocks given up, by their size. */
  readonly #free = new Map<number, number[]>();
  #next = GLOBAL_SLOT_COUNT;
  #generation = 0;
  #oldestLive = 0;
  #maxSeries = MAX_SERIES_PER_FAMILY;

  constructor(options: SeriesRegistryOptions) {
    this.#clearSlots = options.clearSlots;
    this.#slots = options.slots ?? COUNTER_SLOTS;
  }

  /** Begins a plan: what is allotted from now on belongs to `generation`. */
  begin(generation: number, maxSeriesPerFamily: number): void {
    this.#generation = generation;
    this.#maxSeries = maxSeriesPerFamily;
  }

  /**
   * The first slot of the block for `labels` (the values of the family's first labels), the same one
   * each time. Throws `MetricsBudgetError` when the family or the memory has no room for it.
   */
  allot(family: SlotFamily, labels: readonly string[]): number {
    const { blocks } = this.#familyBlocks(family);
    const key = JSON.stringify(labels);
    const known = blocks.get(key);
    if (known !== undefined) {
      if (known.generation !== this.#generation) known.before = known.generation;
      known.generation = this.#generation;
      return known.first;
    }
    this.#makeRoom(family, blocks);
    const first = this.#take(family);
    const series = family.rows.map((row) =>
      row === null ? null : labelObject(family.labels, [...labels, ...row]),
    );
    blocks.set(key, { key, first, series, generation: this.#generation, before: 0 });
    return first;
  }

  /** The plan of `generation` never went live: series that only it asked for are given up at once. */
  abandon(generation: number): void {
    for (const { family, blocks } of this.#families.values()) {
      for (const block of blocks.values()) {
        if (block.generation !== generation) continue;
        if (block.before === 0) this.#giveUp(family, blocks, block);
        else block.generation = block.before;
      }
    }
  }

  /** No connection lives on a plan before `oldestLive`: series that only those named may be given up. */
  retire(oldestLive: number): void {
    this.#oldestLive = oldestLive;
  }

  /** The blocks of a family, in the order in which they were allotted. */
  blocks(family: SlotFamily): Iterable<SeriesBlock> {
    return this.#familyBlocks(family).blocks.values();
  }

  /** Series that a family could have now. */
  seriesCount(family: SlotFamily): number {
    return this.#familyBlocks(family).blocks.size * blockSeries(family);
  }

  /** The slots that a worker cannot take back when it dies: `Region.resetDeadWorker` clears them. */
  gaugeSlots(): readonly number[] {
    const slots = GLOBAL_FAMILIES.filter((family) => family.kind === "gauge").map((family) => family.slot);
    for (const { family, blocks } of this.#families.values()) {
      if (family.kind !== "gauge") continue;
      for (const block of blocks.values()) {
        for (let row = 0; row < family.rows.length; row++) slots.push(block.first + row);
      }
    }
    return slots;
  }

  #familyBlocks(family: SlotFamily): FamilyBlocks {
    let found = this.#families.get(family.name);
    if (found === undefined) {
      found = { family, blocks: new Map() };
      this.#families.set(family.name, found);
    }
    return found;
  }

  #makeRoom(family: SlotFamily, blocks: Map<string, Block>): void {
    const wanted = (): number => (blocks.size + 1) * blockSeries(family);
    while (wanted() > this.#maxSeries) {
      if (this.#giveUpOldest(family, blocks)) continue;
      throw new MetricsBudgetError("series", family.name, wanted(), this.#maxSeries);
    }
  }

  #take(family: SlotFamily): number {
    const size = blockSlots(family);
    const first = this.#takeFree(size);
    if (first !== undefined) return first;
    for (const other of this.#families.values()) {
      if (blockSlots(other.family) !== size || !this.#giveUpOldest(other.family, other.blocks)) continue;
      const freed = this.#takeFree(size);
      if (freed !== undefined) return freed;
    }
    throw new MetricsBudgetError("slots", family.name, this.#next + size, this.#slots);
  }

  #takeFree(size: number): number | undefined {
    const freed = this.#free.get(size)?.pop();
    if (freed !== undefined) {
      this.#clearSlots(freed, size);
      return freed;
    }
    if (this.#next + size > this.#slots) return undefined;
    const first = this.#next;
    this.#next += size;
    return first;
  }

  /** Frees the block that was named longest ago, if no live plan names it. */
  #giveUpOldest(family: SlotFamily, blocks: Map<string, Block>): boolean {
    let oldest: Block | undefined;
    for (const block of blocks.values()) {
      if (oldest === undefined || block.generation < oldest.generation) oldest = block;
    }
    if (oldest === undefined || oldest.generation >= this.#oldestLive) return false;
    this.#giveUp(family, blocks, oldest);
    return true;
  }

  #giveUp(family: SlotFamily, blocks: Map<string, Block>, block: Block): void {
    blocks.delete(block.key);
    const size = blockSlots(family);
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [block.first]);
    else free.push(block.first);
  }
}
