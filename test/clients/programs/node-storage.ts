import { Storage } from '@google-cloud/storage';

const [apiEndpoint = '', bucket = '', object = ''] = process.argv.slice(2);
const storage = new Storage({ apiEndpoint, useAuthWithCustomEndpoint: true });

const [buckets] = await storage.getBuckets();
const [objects] = await storage.bucket(bucket).getFiles();
const [content] = await storage.bucket(bucket).file(object).download();
process.stdout.write(`${[...buckets, ...objects].map(({ name }) => name).join('\n')}\n${content}`);
