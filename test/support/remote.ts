/**
 * An object as if behind RPC: what goes in and what comes out are clones, so that anything but plain data (and streams,
 * which move) fails here too, and only methods can be reached.
 */
export function remote<T extends object>(target: T): T {
  return new Proxy(target, {
    get: (object, name) => {
      const member: unknown = Reflect.get(object, name);
      if (typeof member !== 'function') return undefined;
      return async (...args: unknown[]): Promise<unknown> => cloned(await Reflect.apply(member, object, structuredClone(args)));
    },
  });
}

function cloned(value: unknown): unknown {
  return structuredClone(value, { transfer: streamsIn(value) as unknown as ArrayBuffer[] });
}

function streamsIn(value: unknown): ReadableStream[] {
  if (value instanceof ReadableStream) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(streamsIn);
}
