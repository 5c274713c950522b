/** The product's version: what answers are made by, as far as that matters to whoever keeps them. */
import packageJson from '../package.json' with { type: 'json' };

export const { version } = packageJson;
