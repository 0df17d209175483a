/** The format of the Date field: IMF-fixdate (RFC 9110 section 5.6.7). */
import { civilTime } from "./civil-time.ts";

const DAY_NAMES = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTH_NAMES = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

/** `wallMs`: milliseconds since 1970, from the caller's clock. */
export function httpDate(wallMs: number): string {
  const time = civilTime(wallMs);
  const day = DAY_NAMES[time.weekday] as string;
  const month = MONTH_NAMES[time.month - 1] as string;
  return `${day}, ${two(time.day)} ${month} ${time.year} ${two(time.hour)}:${two(time.minute)}:${two(time.second)} GMT`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
