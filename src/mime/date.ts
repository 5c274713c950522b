/**
 * Dates of header fields (RFC 5322 §3.3 and §4.3, with the forms that senders really write) as RFC 3339 in UTC. Not `Date.parse`:
 * that takes the zone of the machine where none is given, and accepts what is no date. A date without a known zone is UTC.
 */
import { MIME } from '../limits.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Hours east of UTC. RFC 5322 §4.3 gives the American ones; the others are common. */
const ZONES: Readonly<Record<string, number>> = {
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
  bst: 1,
  cet: 1,
  cest: 2,
  eet: 2,
  eest: 3,
  msk: 3,
  jst: 9,
};

const TIME = String.raw`(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?`;
const ZONE = String.raw`([+-]\d{2}:?\d{2}|[a-z]{1,5}\b)?`;
/** `Fri, 20 Nov 2026 10:23:45 +0000` */
const MAIL = new RegExp(String.raw`^(?:[a-z]+\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s,-]+(\d{2,4})[\s,]+${TIME}\s*${ZONE}`, 'i');
/** `Fri Nov 20 10:23:45 2026`, with or without a zone before or after the year. */
const ASCTIME = new RegExp(
  String.raw`^(?:[a-z]+,?\s+)?([a-z]{3})[a-z]*\s+(\d{1,2}),?\s+${TIME}\s+(?:([a-z]{1,5})\s+)?(\d{4})\s*${ZONE}`,
  'i',
);
/** `2026-11-20T10:23:45Z` */
const ISO = new RegExp(String.raw`^(\d{4})-(\d{2})-(\d{2})[T\s]+${TIME}\s*${ZONE}`, 'i');

interface Written {
  year: string | undefined;
  /** 1–12 */
  month: number;
  day: string | undefined;
  time: (string | undefined)[];
  zone: string | undefined;
}

/** The date in an unfolded field value as `2026-11-20T10:23:45Z`, or null if it can't be read. */
export function parseDate(field: string): string | null {
  const text = withoutComments(field.slice(0, 4 * MIME.dateCharacters))
    .trim()
    .slice(0, MIME.dateCharacters);
  const written = mailDate(text) ?? asctimeDate(text) ?? isoDate(text);
  return written ? toUtc(written) : null;
}

function mailDate(text: string): Written | null {
  const match = MAIL.exec(text);
  return match && { day: match[1], month: monthOf(match[2]), year: match[3], time: match.slice(4, 7), zone: match[7] };
}

function asctimeDate(text: string): Written | null {
  const match = ASCTIME.exec(text);
  return match && { month: monthOf(match[1]), day: match[2], time: match.slice(3, 6), year: match[7], zone: match[8] ?? match[6] };
}

function isoDate(text: string): Written | null {
  const match = ISO.exec(text);
  return match && { year: match[1], month: Number(match[2]), day: match[3], time: match.slice(4, 7), zone: match[7] };
}

function toUtc({ year: yearText, month, day: dayText, time, zone }: Written): string | null {
  const year = fullYear(yearText ?? '');
  const day = Number(dayText);
  const [hour = 0, minute = 0, second = 0] = time.map((part) => Number(part ?? 0));
  const offset = offsetMinutes(zone);
  if (year < 1900 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60 || offset === null) return null;
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59)));
  // A day that the month doesn't have would have moved into the next one.
  if (day < 1 || local.getUTCDate() !== day) return null;
  return `${new Date(local.getTime() - offset * 60_000).toISOString().slice(0, 19)}Z`;
}

/** RFC 5322 §4.3: two and three digits. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

/** Minutes east of UTC; unknown names are UTC (RFC 5322 §4.3); null for an offset that no clock has. */
function offsetMinutes(zone: string | undefined): number | null {
  if (zone === undefined) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (!match) return (ZONES[zone.toLowerCase()] ?? 0) * 60;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  if (minutes >= 24 * 60 || Number(match[3]) > 59) return null;
  return match[1] === '-' ? -minutes : minutes;
}

function monthOf(name: string | undefined): number {
  return MONTHS.indexOf(name?.toLowerCase() ?? '') + 1;
}

/** RFC 5322 §3.2.2: comments nest. */
function withoutComments(text: string): string {
  let depth = 0;
  let kept = '';
  for (const character of text) {
    if (character === '(') depth++;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) kept += character;
  }
  return kept;
}
