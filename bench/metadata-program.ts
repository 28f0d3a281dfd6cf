import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { createTokenClient } from '../client/token-client.ts';

/** What the program is asked for: how much memory it has, or how much of its heap is left after a collection. */
export type MetadataProgramQuestion = 'memory' | 'kept';

export type MetadataProgramMessage = { readonly host: string } | { readonly bytes: number };

/**
 * A metadata server in a process of its own, before the vendor that the environment names. It says where it is, answers
 * questions about its memory, and ends with the process that started it.
 */
function tell(message: MetadataProgramMessage): void {
  process.send?.(message);
}

function measure(question: MetadataProgramQuestion): number {
  if (question === 'memory') {
    return process.memoryUsage.rss();
  }
  if (globalThis.gc === undefined) {
    throw new Error('The program must be started with --expose-gc');
  }
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const server = await startMetadataServer({ clients: [createTokenClient()] });
process.on('disconnect', () => process.exit());
process.on('message', (question: MetadataProgramQuestion) => tell({ bytes: measure(question) }));
tell({ host: server.host });
