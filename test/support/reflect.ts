/**
 * The three functions of the Reflect Metadata proposal that @peculiar/x509's dependency `tsyringe` insists on at
 * load time: call `provideReflectMetadata` before @peculiar/x509 is loaded. Existing functions are left alone.
 */

type Key = string | symbol;

interface ReflectMetadata {
  getMetadata?: (key: Key, target: object) => unknown;
  getOwnMetadata?: (key: Key, target: object) => unknown;
  defineMetadata?: (key: Key, value: unknown, target: object) => void;
}

/** Adds what the platform's `Reflect` lacks. */
export function provideReflectMetadata(): void {
  const metadata = new WeakMap<object, Map<Key, unknown>>();
  const reflect: ReflectMetadata & typeof Reflect = Reflect;
  reflect.getOwnMetadata ??= (key, target) => metadata.get(target)?.get(key);
  reflect.getMetadata ??= (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const own = metadata.get(at);
      if (own?.has(key)) return own.get(key);
    }
    return undefined;
  };
  reflect.defineMetadata ??= (key, value, target) => {
    const own = metadata.get(target) ?? new Map<Key, unknown>();
    metadata.set(target, own.set(key, value));
  };
}
