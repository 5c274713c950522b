/**
 * …/messages/{message}/attachments/{part}: a decoded part, streamed, always as a download. Nothing is ever
 * served under a type that a browser would run; see `servedType`.
 */
import { z } from '../zod.ts';
import { attachmentDisposition, octetsAnswer, servedType } from '../answer.ts';
import { ASKING, contract, OCTET_HEADERS } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { PartPath } from '../schemas/input.ts';

const attachment = contract({
  method: 'get',
  path: '/v1/accounts/{account}/messages/{message}/attachments/{part}',
  operationId: 'getAttachment',
  summary: 'Download an attachment',
  description: 'The decoded part. HEAD answers the same without the octets. HTML, SVG and XML come as `application/octet-stream`.',
  tags: ['messages'],
  scope: 'read',
  problems: [...ASKING, 'message_gone'],
  request: { params: PartPath },
  responses: {
    200: {
      description: 'The octets.',
      headers: { ...OCTET_HEADERS, 'Content-Disposition': { description: 'Always `attachment`.', schema: { type: 'string' } } },
      content: { '*/*': { schema: z.string().openapi({ format: 'binary' }) } },
    },
  },
});

export function attachmentRoutes(app: App): void {
  route(app, attachment, async (c) => {
    const { message, part } = c.req.valid('param');
    const result = await c.var.mailbox.attachment(c.var.caller, message, part);
    if (!result.ok) return failed(c, result.failure);
    const { stream, attachment: about } = result.value;
    return octetsAnswer(
      c.req.method,
      { stream, size: about.size, sha256: about.sha256 },
      { 'Content-Type': servedType(about.contentType), 'Content-Disposition': attachmentDisposition(about.filename) },
    );
  });
}
