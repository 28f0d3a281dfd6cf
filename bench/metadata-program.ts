import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { createTokenClient } from '../client/token-client.ts';

/**
 * A metadata server in a process of its own, before the vendor that the environment names. It says where it is, and how much
 * memory it has whenever it is asked, and ends with the process that started it.
 */
export type MetadataProgramMessage = { readonly host: string } | { readonly rssBytes: number };

function tell(message: MetadataProgramMessage): void {
  process.send?.(message);
}

const server = await startMetadataServer({ clients: [createTokenClient()] });
process.on('disconnect', () => process.exit());
process.on('message', () => tell({ rssBytes: process.memoryUsage.rss() }));
tell({ host: server.host });
