/**
 * Entity tags of checkpoints (RFC 9110 §8.8.3). The tag is weak, as that of all JSON here, and names two things: the version
 * that was set, and how far behind it is now. Who reads has to hear of both. Who changes asks for the version alone, so that
 * mail which comes in between is no conflict, and by the tag as it was given, weak or strong: a version is always exact.
 */
import type { Checkpoint, Conditions, EntityTags } from '../mailbox/rpc.ts';
import { readTags } from './conditions.ts';

interface Asked {
  readonly req: { header(name: string): string | undefined };
}

/** The tag of a checkpoint as it is shown. */
export function checkpointTag({ version, behind }: Pick<Checkpoint, 'version' | 'behind'>): string {
  return `W/"${version}.${behind}"`;
}

/** What a request asks of the version that is stored. An If-Match that can't be read is fulfilled by nothing. */
export function checkpointConditions(c: Asked): Conditions {
  const ifMatch = c.req.header('If-Match');
  return {
    ifMatch: ifMatch === undefined ? null : versionsOf(readTags(ifMatch) ?? []),
    ifNoneMatch: versionsOf(readTags(c.req.header('If-None-Match'))),
  };
}

function versionsOf<Tags extends EntityTags | null>(tags: Tags): Tags | string[] {
  return Array.isArray(tags) ? tags.map((tag) => tag.slice(0, Math.max(0, tag.lastIndexOf('.')))) : tags;
}
