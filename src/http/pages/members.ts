/** What a schema of the OpenAPI document says, for people: the members of a body, those of inner objects behind the outer one's, and what each may be. */

/** What is read of a schema; the document has more. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: string | number | boolean | object | null;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export interface Member {
  /** Such as `server.port`. */
  readonly name: string;
  readonly meaning: string;
}

const REFERENCE = '#/components/schemas/';

/** The members of the body that `schema` describes. */
export function membersOf(schema: Schema, schemas: Readonly<Record<string, Schema>>, outer = ''): Member[] {
  const { properties = {}, required = [] } = schema.$ref === undefined ? schema : (schemas[schema.$ref.slice(REFERENCE.length)] ?? {});
  return Object.entries(properties).flatMap(([name, member]) => [
    { name: outer + name, meaning: meaningOf(member, required.includes(name)) },
    ...membersOf(member, schemas, `${outer}${name}.`),
  ]);
}

/** What a value is for, and what it may be. */
export function meaningOf(schema: Schema, required: boolean, description = schema.description): string {
  const { items, maxItems } = schema;
  const choices = choicesOf(schema);
  const sentences = [
    description ?? '',
    choices.length < 2 ? '' : `One of: ${choices.join(', ')}.`,
    items?.enum === undefined ? '' : `Any of: ${items.enum.join(', ')}.`,
    maxItems === undefined || items?.enum !== undefined ? '' : `At most ${maxItems} entries.`,
    choices.length === 1 && isBounded(schema) ? `From ${choices[0]}.` : '',
    defaultOf(schema.default),
    required ? 'Required.' : '',
  ];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** What may be chosen from: values, and ranges of numbers. */
function choicesOf(schema: Schema): string[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(choicesOf);
  if (schema.enum !== undefined) return schema.enum.map(String);
  if (isBounded(schema)) return [`${schema.minimum} to ${schema.maximum}`];
  return schema.type === 'null' ? ['null'] : [];
}

function isBounded({ minimum, maximum }: Schema): boolean {
  return minimum !== undefined && maximum !== undefined;
}

/** Nothing of what is empty: it is the same as leaving the member out. */
function defaultOf(value: Schema['default'] = ''): string {
  const shown = typeof value === 'object' ? (Array.isArray(value) ? value.join(', ') : '') : String(value);
  return shown === '' ? '' : `Default: ${shown}.`;
}
