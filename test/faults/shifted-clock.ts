/**
 * Loaded into a server before everything else (`NODE_OPTIONS=--import=…`): its wall clock can be set while it runs, as an operator or a
 * time service does. At each SIGUSR2 it is off by the next of TEST_CLOCK_OFFSETS (ms, comma-separated). The monotonic clock is untouched.
 */
/** How far (ms) a clock is off, one after another. */
export type ClockOffsets = readonly number[];

const offsets: ClockOffsets = (process.env.TEST_CLOCK_OFFSETS ?? '').split(',').map(Number);
let turn = 0;
let offset = 0;

const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...values: [] | ConstructorParameters<typeof RealDate>) {
    if (values.length === 0) super(RealDate.now() + offset);
    else super(...values);
  }

  static override now(): number {
    return RealDate.now() + offset;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;

process.on('SIGUSR2', () => {
  offset = offsets[turn % offsets.length] ?? 0;
  turn += 1;
});
