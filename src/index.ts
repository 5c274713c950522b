/** The Worker's entry: HTTP in, the cron trigger, and the classes of its Durable Objects. */
import { makeApp } from './http/app.ts';
import { sweep } from './http/sweep.ts';

export { Directory } from './directory/directory.ts';
export { MailHost } from './mail-host/mail-host.ts';
export { Mailbox } from './mailbox/mailbox.ts';

const app = makeApp();

export default {
  fetch: app.fetch,
  scheduled: (_controller, env, context) => context.waitUntil(sweep(env)),
} satisfies ExportedHandler<Env>;
