/** A real registry in a process of its own: `fork` it with the path of a configuration. It ends with its parent. */
import { runServer } from 'verdaccio';

process.on('disconnect', () => process.exit());
const app = await runServer(process.argv[2]);
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
