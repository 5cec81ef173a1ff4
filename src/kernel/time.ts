import type { Micros } from "./clock.ts";
import { KarkhanaError } from "./error.ts";

export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_MINUTE: number = 60 * MICROS_PER_SECOND;
export const MICROS_PER_HOUR: number = 60 * MICROS_PER_MINUTE;
export const MICROS_PER_DAY: number = 24 * MICROS_PER_HOUR;

const unitMicros: Readonly<Record<string, number>> = {
  s: MICROS_PER_SECOND,
  m: MICROS_PER_MINUTE,
  h: MICROS_PER_HOUR,
  d: MICROS_PER_DAY,
  w: 7 * MICROS_PER_DAY,
};

/** Microseconds in a duration such as "90s", "15m", "1h", "7d", "2w". @throws INVALID_ARGUMENT */
export function parseDuration(text: string, field = "duration"): Micros {
  const match = /^(\d+)([smhdw])$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : unitMicros[match[2]];
  const count = Number(match?.[1]);
  if (unit === undefined || count === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: 'expected a whole number and a unit s, m, h, d or w, such as "15m"', value: text });
  return count * unit;
}

/** The civil date and time of an instant in UTC, without the machine's Date. */
export interface CivilTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micros: number;
  /** 0 = Sunday. */
  readonly dayOfWeek: number;
}

/** @see Howard Hinnant, chrono-compatible low-level date algorithms (civil_from_days) */
export function toCivil(us: Micros): CivilTime {
  const days = Math.floor(us / MICROS_PER_DAY);
  const inDay = us - days * MICROS_PER_DAY;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
    hour: Math.floor(inDay / MICROS_PER_HOUR),
    minute: Math.floor(inDay / MICROS_PER_MINUTE) % 60,
    second: Math.floor(inDay / MICROS_PER_SECOND) % 60,
    micros: inDay % MICROS_PER_SECOND,
    dayOfWeek: (((days + 4) % 7) + 7) % 7,
  };
}

/** @see Howard Hinnant, days_from_civil */
export function fromCivil(year: number, month: number, day: number, inDayUs = 0): Micros {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * MICROS_PER_DAY + inDayUs;
}

/** ISO 8601 in UTC; microseconds only where there are any. */
export function formatIso(us: Micros): string {
  const c = toCivil(us);
  const two = (n: number): string => String(n).padStart(2, "0");
  const fraction = c.micros === 0 ? "" : `.${String(c.micros).padStart(6, "0")}`;
  return `${String(c.year).padStart(4, "0")}-${two(c.month)}-${two(c.day)}T${two(c.hour)}:${two(c.minute)}:${two(c.second)}${fraction}Z`;
}

/** Parses `YYYY-MM-DD[ T]HH:MM[:SS[.ffffff]][Z|+HH:MM]`; text without a zone is UTC by declared policy. @throws INVALID_ARGUMENT */
export function parseIso(text: string, field = "time"): Micros {
  const m = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  const refuse = (): never => {
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected an ISO 8601 date or time, such as 2001-04-01T00:00:00Z", value: text });
  };
  if (m === null) return refuse();
  const part = (i: number): number => Number(m[i] ?? 0);
  const inDay = part(4) * MICROS_PER_HOUR + part(5) * MICROS_PER_MINUTE + part(6) * MICROS_PER_SECOND + Number((m[7] ?? "").padEnd(6, "0"));
  if (part(4) > 23 || part(5) > 59 || part(6) > 59) return refuse();
  const us = fromCivil(part(1), part(2), part(3), inDay);
  const back = toCivil(us);
  if (back.month !== part(2) || back.day !== part(3)) return refuse();
  const zone = m[8];
  if (zone === undefined || zone === "Z") return us;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return us - (zone.startsWith("-") ? -minutes : minutes) * MICROS_PER_MINUTE;
}
