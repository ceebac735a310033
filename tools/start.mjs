// `npm start`: installs and builds what is missing, then becomes the standalone process. Not a child of it: Ctrl-C and
// signals reach it, and as root the process beside the opener that it is then.
import { build, install, requireNode, root } from './workspace.mjs';

requireNode();
install();
build();
await import(`${root}apps/standalone/dist/main.js`);
