/** …/messages/{message}/raw: the message's octets as the mail server sent them (RFC 5322), streamed. */
import { octetsAnswer, unchangedOctets } from '../answer.ts';
import { octetsQuery } from '../conditions.ts';
import { ASKING, contract, OCTET_HEADERS, OCTETS_ASKED, RANGE_HEADERS } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { z } from '../zod.ts';
import { MessagePath } from '../schemas/input.ts';

const raw = contract({
  method: 'get',
  path: '/v1/accounts/{account}/messages/{message}/raw',
  operationId: 'getRawMessage',
  summary: "Read a message's octets",
  description:
    'Exactly as sent, after POP3 dot-unstuffing. HEAD answers the same without the octets. A failure after the status line resets the connection.',
  tags: ['messages'],
  scope: 'read',
  problems: [...ASKING, 'message_gone', 'range_not_satisfiable'],
  request: { params: MessagePath, headers: OCTETS_ASKED },
  responses: {
    200: {
      description: 'The octets.',
      headers: OCTET_HEADERS,
      content: { 'message/rfc822': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    206: {
      description: 'The octets of the range.',
      headers: RANGE_HEADERS,
      content: { 'message/rfc822': { schema: z.string().openapi({ format: 'binary' }) } },
    },
  },
});

export function rawRoutes(app: App): void {
  route(app, raw, async (c) => {
    const result = await c.var.mailbox.raw(c.var.caller, c.req.valid('param').message, octetsQuery(c));
    if (!result.ok) return failed(c, result.failure);
    if (result.value.notModified) return unchangedOctets(result.value.etag);
    return octetsAnswer(result.value, { 'Content-Type': 'message/rfc822' });
  });
}
