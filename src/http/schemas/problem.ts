/** The shape of every error, for the OpenAPI document (RFC 9457 §3). */
import { z } from '../zod.ts';
import { PROBLEMS } from '../problem-codes.ts';
import type { ProblemCode } from '../problem-codes.ts';
import type { Problem } from '../problem.ts';

export const CodePath = z.object({
  code: z.string().openapi({ param: { name: 'code', in: 'path' }, description: 'The code of a problem.', example: 'not_found' }),
});

export const ProblemSchema = z
  .object({
    type: z.string().openapi({ description: '`/problems/` and the code.', example: '/problems/not_found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: 'What happened and what to do, for people.' }),
    instance: z.string().openapi({ description: '`urn:uuid:` and the value of `Request-Id`.' }),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]).openapi({ description: 'More codes may come.' }),
    retryable: z.boolean().openapi({ description: 'Whether the same request may succeed later.' }),
    errors: z
      .array(z.object({ pointer: z.string().openapi({ description: 'JSON pointer (RFC 6901)' }), detail: z.string() }))
      .exactOptional()
      .openapi({ description: 'What is wrong with the request, with `invalid_request`.' }),
    upstream: z
      .object({ phase: z.string().nullable(), responseCode: z.string().nullable(), text: z.string().nullable() })
      .exactOptional()
      .openapi({ description: 'What the mail server said, cleaned and cut.' }),
    account: z.string().exactOptional().openapi({ description: 'The account that has the `externalId`, with `conflict`.' }),
  })
  // The document's generator doesn't know `exactOptional` and would require these too.
  .openapi('Problem', { required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'retryable'] }) satisfies z.ZodType<Problem>;
