/** A process that opens the database that `argv[2]` describes (its options as JSON) at a signal, says how that went, and holds it until it is told. */
import { type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';

export type Opening = { migrations: string[]; key: string } | { error: string };

const tell = (opening: Opening): void => {
  process.send?.(opening);
};
const [options = ''] = process.argv.slice(2);

process.on('message', async (order) => {
  if (order !== 'open') process.exit();
  try {
    const database = await openDatabase(JSON.parse(options) as DatabaseOptions);
    const migrations = await database.query.selectFrom('migrations').select('name').orderBy('name').execute();
    const key = database.sealer.derive('comparison').toString('hex');
    tell({ migrations: migrations.map(({ name }) => name), key });
  } catch (error) {
    tell({ error: String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
