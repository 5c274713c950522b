/** …/checkpoints: states of the feed that the account keeps for clients without storage of their own. */
import { PRIVATE_JSON } from '../answer.ts';
import { checkpointConditions, checkpointTag } from '../checkpoint-tag.ts';
import { contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import type { Checkpoint as CheckpointResult } from '../../mailbox/rpc.ts';
import { Checkpoint, CheckpointConditions, CheckpointList, CheckpointPath, NewCheckpoint } from '../schemas/checkpoint.ts';
import { CHECKPOINT } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';

const PATH = '/v1/accounts/{account}/checkpoints/{name}';

const HEADERS = {
  ETag: {
    description: 'Weak. In If-Match it stands for the state that was set; `behind` may have changed since.',
    schema: { type: 'string' },
    example: 'W/"2n-mi7flk80.12"',
  },
} as const;

const JSON_CONTENT = { 'application/json': { schema: Checkpoint, example: CHECKPOINT } } as const;

const list = contract({
  method: 'get',
  path: '/v1/accounts/{account}/checkpoints',
  operationId: 'listCheckpoints',
  summary: 'List the checkpoints',
  tags: ['changes'],
  scope: 'read',
  problems: [],
  request: { params: AccountPath },
  responses: {
    200: {
      description: 'All of them, by name.',
      content: { 'application/json': { schema: CheckpointList, example: { data: [CHECKPOINT] } } },
    },
  },
});

const read = contract({
  method: 'get',
  path: PATH,
  operationId: 'getCheckpoint',
  summary: 'Read a checkpoint',
  tags: ['changes'],
  scope: 'read',
  problems: [],
  request: { params: CheckpointPath },
  responses: { 200: { description: 'The checkpoint.', headers: HEADERS, content: JSON_CONTENT } },
});

const set = contract({
  method: 'put',
  path: PATH,
  operationId: 'setCheckpoint',
  summary: 'Set a checkpoint',
  description: 'The state that it has already changes nothing. Backwards is a conflict, unless it is forced.',
  tags: ['changes'],
  scope: 'write',
  problems: ['conflict', 'precondition_failed'],
  request: {
    params: CheckpointPath,
    headers: CheckpointConditions,
    body: { required: true, content: { 'application/json': { schema: NewCheckpoint, example: { state: CHECKPOINT.state } } } },
  },
  responses: {
    200: { description: 'It was there, and has this state now.', headers: HEADERS, content: JSON_CONTENT },
    201: { description: 'It is new.', headers: HEADERS, content: JSON_CONTENT },
  },
});

const remove = contract({
  method: 'delete',
  path: PATH,
  operationId: 'deleteCheckpoint',
  summary: 'Forget a checkpoint',
  tags: ['changes'],
  scope: 'write',
  problems: ['precondition_failed'],
  request: { params: CheckpointPath, headers: CheckpointConditions },
  responses: { 204: { description: 'Forgotten.' } },
});

export function checkpointRoutes(app: App): void {
  route(app, list, async (c) => {
    const result = await c.var.mailbox.checkpoints(c.var.caller);
    return result.ok ? c.json({ data: result.value.map(shown) }, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, read, async (c) => {
    const result = await c.var.mailbox.checkpoint(c.var.caller, c.req.valid('param').name);
    return result.ok ? c.json(shown(result.value), 200, headersOf(result.value)) : failed(c, result.failure);
  });

  route(app, set, async (c) => {
    const result = await c.var.mailbox.setCheckpoint(c.var.caller, c.req.valid('param').name, c.req.valid('json'), checkpointConditions(c));
    if (!result.ok) return failed(c, result.failure);
    const { checkpoint, created } = result.value;
    return c.json(shown(checkpoint), created ? 201 : 200, headersOf(checkpoint));
  });

  route(app, remove, async (c) => {
    const result = await c.var.mailbox.deleteCheckpoint(c.var.caller, c.req.valid('param').name, checkpointConditions(c));
    return result.ok ? c.body(null, 204) : failed(c, result.failure);
  });
}

/** All but the version, which is in the tag. */
function shown(checkpoint: CheckpointResult): Omit<CheckpointResult, 'version'> {
  const { version: _, ...members } = checkpoint;
  return members;
}

function headersOf(checkpoint: CheckpointResult): Record<string, string> {
  return { ...PRIVATE_JSON, ETag: checkpointTag(checkpoint) };
}
