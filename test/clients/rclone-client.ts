import { type Client, noWay } from './client.ts';
import { BUCKET, OBJECT, proveUse } from './proof.ts';

/** rclone, with no configuration file. */
export const RCLONE_CLIENT: Client = {
  name: 'rclone',
  title: 'rclone',
  door: 'gcp-token exec',
  install: 'apt-get install rclone',
  version: async ({ run }) =>
    (await run(['rclone', 'version'])).split('\n')[0]?.replace(/^rclone v/, '') ?? '',
  accessToken: async (stage) => {
    const environment = {
      RCLONE_CONFIG: '/dev/null',
      RCLONE_GCS_ENDPOINT: `${stage.google.url}/storage/v1/`,
    };
    const listed = await stage.exec(['rclone', 'ls', `:gcs:${BUCKET}`], environment);
    const read = await stage.exec(['rclone', 'cat', `:gcs:${BUCKET}/${OBJECT}`], environment);
    return await proveUse(stage, ['lists objects', 'reads an object'], listed + read);
  },
  idToken: noWay('Cloud Storage takes access tokens only'),
};
