/** UTC calendar fields of an instant, by arithmetic alone: codecs and formats take the clock's value as an argument. */

export interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

const DAY_S = 86_400;
/** Days from 0000-03-01 to 1970-01-01: years that begin in March put the leap day last. */
const EPOCH_OFFSET_DAYS = 719_468;
const DAYS_PER_ERA = 146_097;

/** `wallMs`: milliseconds since 1970, not negative. Proleptic Gregorian calendar. */
export function civilTime(wallMs: number): CivilTime {
  const seconds = Math.floor(wallMs / 1000);
  const days = Math.floor(seconds / DAY_S);
  const rest = seconds - days * DAY_S;
  const shifted = days + EPOCH_OFFSET_DAYS;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    hour: Math.floor(rest / 3600),
    minute: Math.floor((rest % 3600) / 60),
    second: rest % 60,
    weekday: (days + 4) % 7,
  };
}
