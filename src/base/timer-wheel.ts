/**
 * A coarse timer wheel: one clock for all deadlines of a worker, instead of a timer per socket.
 * Moving a deadline later, which is what traffic does all the time, is one assignment: a timer that
 * comes up too early is put back. Resolution is one tick; deadlines fire late by up to one tick, never early.
 */

/** Finer than any timeout that is configurable (100 ms at least), coarse enough to cost nothing. */
export const TICK_MS = 50;
/** With `TICK_MS` a turn of the wheel is 51 s; longer deadlines are put back once a turn. */
const SLOTS = 1024;

export class Timer {
  /** Monotonic milliseconds; `Infinity` while not armed. */
  deadlineMs = Infinity;
  readonly #onDeadline: (nowMs: number) => void;
  /** Links of the slot's ring; the wheel's own. */
  previous: Timer | null = null;
  next: Timer | null = null;
  /** When the wheel will look at this timer; the wheel's own. */
  dueMs = Infinity;

  constructor(onDeadline: (nowMs: number) => void) {
    this.#onDeadline = onDeadline;
  }

  fire(nowMs: number): void {
    this.#onDeadline(nowMs);
  }
}

function sentinel(): Timer {
  const timer = new Timer(() => {});
  timer.previous = timer;
  timer.next = timer;
  return timer;
}

export class TimerWheel {
  readonly #slots: Timer[] = Array.from({ length: SLOTS }, sentinel);
  #tick: number;

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / TICK_MS);
  }

  /** Sets the deadline, earlier or later than before. */
  arm(timer: Timer, deadlineMs: number): void {
    timer.deadlineMs = deadlineMs;
    // One that is not linked is never due. One that is due before will be put back when it comes up.
    if (timer.dueMs > deadlineMs) this.#link(timer);
  }

  /** The deadline is off; the timer may be armed again. It stays linked until its slot comes up. */
  disarm(timer: Timer): void {
    timer.deadlineMs = Infinity;
  }

  /** Takes the timer out for good, so that the wheel keeps its owner alive no longer. */
  remove(timer: Timer): void {
    timer.deadlineMs = Infinity;
    if (timer.next !== null) unlink(timer);
  }

  /** Fires what is due. Called once a tick by whoever owns the clock. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / TICK_MS);
    const steps = Math.min(target - this.#tick, SLOTS);
    for (let i = steps - 1; i >= 0; i--) this.#fireSlot(target - i, nowMs);
    if (steps > 0) this.#tick = target;
  }

  #fireSlot(tick: number, nowMs: number): void {
    const head = this.#slots[tick & (SLOTS - 1)] as Timer;
    if (head.next === head) return;
    // The ring is moved aside first: what is armed meanwhile lands in a later slot, or here for the next turn.
    const batch = sentinel();
    batch.next = head.next;
    batch.previous = head.previous;
    (batch.next as Timer).previous = batch;
    (batch.previous as Timer).next = batch;
    head.next = head;
    head.previous = head;
    this.#tick = tick;
    while (batch.next !== batch) {
      const timer = batch.next as Timer;
      unlink(timer);
      if (timer.deadlineMs <= nowMs) {
        timer.deadlineMs = Infinity;
        timer.fire(nowMs);
      } else if (timer.deadlineMs !== Infinity) {
        this.#insert(timer);
      }
    }
  }

  #link(timer: Timer): void {
    if (timer.next !== null) unlink(timer);
    this.#insert(timer);
  }

  #insert(timer: Timer): void {
    const earliest = this.#tick + 1;
    const wanted = Math.ceil(timer.deadlineMs / TICK_MS);
    const tick = Math.min(Math.max(wanted, earliest), this.#tick + SLOTS - 1);
    timer.dueMs = tick * TICK_MS;
    const head = this.#slots[tick & (SLOTS - 1)] as Timer;
    const last = head.previous as Timer;
    timer.previous = last;
    timer.next = head;
    last.next = timer;
    head.previous = timer;
  }
}

function unlink(timer: Timer): void {
  (timer.previous as Timer).next = timer.next;
  (timer.next as Timer).previous = timer.previous;
  timer.previous = null;
  timer.next = null;
  timer.dueMs = Infinity;
}
