/**
 * …/messages/{message}/attachments/{part}: a decoded part, streamed, as a download unless it is to be shown and is of a
 * kind that can do no harm. Nothing is ever served under a type that a browser would run; see `servedType`.
 */
import { z } from '../zod.ts';
import { disposition, octetsAnswer, servedType, unchangedOctets } from '../answer.ts';
import { octetsQuery } from '../conditions.ts';
import { ASKING, contract, OCTET_HEADERS, OCTETS_ASKED, RANGE_HEADERS } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { PartPath } from '../schemas/input.ts';
import { AttachmentQuery } from '../schemas/message.ts';

const DISPOSITION = { 'Content-Disposition': { description: 'How, and under which name.', schema: { type: 'string' } } } as const;

const attachment = contract({
  method: 'get',
  path: '/v1/accounts/{account}/messages/{message}/attachments/{part}',
  operationId: 'getAttachment',
  summary: 'Download an attachment',
  description:
    'The decoded part. HEAD answers the same without the octets. HTML, SVG and XML come as `application/octet-stream`, whatever is asked for.',
  tags: ['messages'],
  scope: 'read',
  problems: [...ASKING, 'message_gone', 'range_not_satisfiable'],
  request: { params: PartPath, query: AttachmentQuery, headers: OCTETS_ASKED },
  responses: {
    200: {
      description: 'The octets.',
      headers: { ...OCTET_HEADERS, ...DISPOSITION },
      content: { '*/*': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    206: {
      description: 'The octets of the range.',
      headers: { ...RANGE_HEADERS, ...DISPOSITION },
      content: { '*/*': { schema: z.string().openapi({ format: 'binary' }) } },
    },
  },
});

export function attachmentRoutes(app: App): void {
  route(app, attachment, async (c) => {
    const { message, part } = c.req.valid('param');
    const recognise = c.req.valid('query').disposition === 'inline';
    const result = await c.var.mailbox.attachment(c.var.caller, message, part, { ...octetsQuery(c), recognise });
    if (!result.ok) return failed(c, result.failure);
    if (result.value.notModified) return unchangedOctets(result.value.etag);
    const { attachment: about, recognised } = result.value;
    return octetsAnswer(result.value, {
      'Content-Type': recognised ?? servedType(about.contentType),
      'Content-Disposition': disposition(recognised === null ? 'attachment' : 'inline', about.filename),
    });
  });
}
