/** Takes memory, has no more use for it, and says from time to time how large (bytes) its heap is; does nothing else until it is let go. */
import { getHeapStatistics } from 'node:v8';
import { returnMemoryWhenQuiet } from '../../lib/processes/quiet-memory.ts';

const heap = (): number => getHeapStatistics().total_heap_size;

let used: object[] = Array.from({ length: 400_000 }, (_, number) => ({ number, of: [`number ${number}`] }));
process.send?.(used.length > 0 ? heap() : 0);
used = [];
returnMemoryWhenQuiet({ look: 500 });
setInterval(() => process.send?.(heap()), 500);
process.once('disconnect', () => process.exit());
