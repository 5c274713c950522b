/** The Worker's entry: HTTP in, and the classes of its Durable Objects. */
import { makeApp } from './http/app.ts';

export { Directory } from './directory/directory.ts';
export { Mailbox } from './mailbox/mailbox.ts';

const app = makeApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
