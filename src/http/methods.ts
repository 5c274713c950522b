/** Which methods a path takes, from the registered contracts: for 405 and its `Allow` (RFC 9110 §15.5.6). */
import type { App } from './route.ts';

/** Whether `path` fits `pattern`, segment by segment; `{name}` fits one that isn't empty. */
export function fits(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length && pattern.every((segment, at) => (segment.startsWith('{') ? path[at] !== '' : segment === path[at]))
  );
}

/** The methods of `path`, or none if no route has it. GET brings HEAD, and under /v1 everything answers OPTIONS. */
export function methodsOf(app: App, path: string): string[] {
  const segments = path.split('/');
  const methods = new Set<string>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== 'route' || !fits(definition.route.path.split('/'), segments)) continue;
    methods.add(definition.route.method.toUpperCase());
    if (definition.route.method === 'get') methods.add('HEAD');
  }
  if (methods.size > 0 && path.startsWith('/v1/')) methods.add('OPTIONS');
  return [...methods];
}
