/**
 * The building blocks of what callers send: texts, whole numbers in a query, path parameters. All strict;
 * the sentences here and in `zod.ts` are all that a refusal says.
 */
import { z } from '../zod.ts';
import { HTTP } from '../../limits.ts';

/** A text of `least` to `most` UTF-16 code units without control characters and without lone surrogates. */
export function text(most: number, least = 1) {
  return z
    .string()
    .min(least)
    .max(most)
    .refine((value) => !/[\u0000-\u001f\u007f-\u009f]/.test(value), 'Must not have control characters.')
    .refine((value) => value.isWellFormed(), 'Must be valid Unicode.');
}

/** A password or a token of another service: any text that a login can carry. RFC 4616 §2 excludes NUL; CR and LF end a command. */
export function secretText(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .refine((value) => !/[\0\r\n]/.test(value), 'Must not have NUL, CR or LF.')
    .refine((value) => value.isWellFormed(), 'Must be valid Unicode.');
}

/** A whole number in a query, in plain decimal digits. */
export function wholeNumber(least: number, most: number, otherwise: number, description: string) {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, 'Must be a whole number in decimal digits.')
    .transform(Number)
    .pipe(z.number().min(least).max(most))
    .default(otherwise)
    .openapi({ type: 'integer', minimum: least, maximum: most, default: otherwise, description });
}

/** The `limit` of a listing. */
export function pageSize(otherwise: number) {
  return wholeNumber(1, HTTP.pageSize, otherwise, 'Entries of one page, at most.');
}

/** An opaque text that a page gave; empty means the first page. Null if absent. */
export const cursor = z
  .string()
  .default('')
  .transform((value) => (value === '' ? null : value))
  .openapi({ type: 'string', description: '`nextCursor` of the page before.' });

export const maxAge = wholeNumber(
  0,
  HTTP.maxAge,
  30,
  'Seconds: the oldest check of the mail server that is accepted. 0 always asks the server.',
);

const accountId = z
  .string()
  .openapi({ param: { name: 'account', in: 'path' }, description: 'The id of an account.', example: 'acc_4kT9vQz0mX2dYf1sTnRrA7' });
const messageId = z
  .string()
  .openapi({ param: { name: 'message', in: 'path' }, description: 'The id of a message.', example: 'kQ3vW0cJ8mX2dYf1sTnRrA' });
const partPath = z.string().openapi({ param: { name: 'part', in: 'path' }, description: 'The id of an attachment.', example: '1.3' });

export const AccountPath = z.object({ account: accountId });
export const MessagePath = z.object({ account: accountId, message: messageId });
export const PartPath = z.object({ account: accountId, message: messageId, part: partPath });
